//! CSAF 2.0 and 2.1 documents, advisories and VEX alike → one advisory for each vulnerability.
//!
//! Not a validator (room `csaf`) and not a reader of statements (room `vex`): a document that breaks rules of the standard is read as far as
//! it goes. A document without vulnerabilities is an advisory of its own.

use crate::Instant;
use crate::advisory::context::{At, Context, add, brief, weakness};
use crate::advisory::csaf_products::{Product, Products};
use crate::advisory::{Advisory, Affected, Package, Score, Source, Versions};
use crate::vex::Status;
use serde_json::Value;
use std::collections::HashMap;

/// The lists of `product_status` and how what they name stands.
pub(crate) const STATUSES: [(&str, Status); 9] = [
    ("known_affected", Status::Affected),
    ("first_affected", Status::Affected),
    ("last_affected", Status::Affected),
    ("known_not_affected", Status::NotAffected),
    ("fixed", Status::Fixed),
    ("first_fixed", Status::Fixed),
    ("recommended", Status::Fixed),
    ("under_investigation", Status::UnderInvestigation),
    ("unknown", Status::UnderInvestigation),
];

/// Reads one document.
pub(crate) fn read(document: &Value, context: &mut Context<'_>, at: &At<'_>) {
    for advisory in advisories(document, context, at, Source::Csaf) {
        context.advisory(advisory);
    }
}

/// The advisories of a document; JVN's are made of the same parts.
pub(crate) fn advisories(document: &Value, context: &mut Context<'_>, at: &At<'_>, source: Source) -> Vec<Advisory> {
    let frame = frame(document, context, at, source);
    let products = Products::read(context, document, at);
    let vulnerabilities = context.list(document, "vulnerabilities", at);
    if vulnerabilities.is_empty() {
        return vec![frame];
    }
    let place = at.key("vulnerabilities");
    let mut advisories = Vec::new();
    for (index, value) in vulnerabilities.iter().enumerate() {
        advisories.push(vulnerability(value, context, &place.index(index), &frame, &products, index));
    }
    advisories
}

/// What the document says of all its vulnerabilities.
fn frame(document: &Value, context: &mut Context<'_>, at: &At<'_>, source: Source) -> Advisory {
    let head = document.get("document").unwrap_or(&Value::Null);
    let at = at.key("document");
    let tracking = head.get("tracking").unwrap_or(&Value::Null);
    let tracked = at.key("tracking");
    let id = context.owned(tracking, "id", &tracked);
    if id.is_none() {
        context.wrong(&tracked.key("id"), "a document without an id");
    }
    let mut frame = Advisory::new(id.clone().unwrap_or_default(), source);
    frame.document = id;
    frame.published = context.instant(tracking, "initial_release_date", &tracked);
    frame.modified = context.instant(tracking, "current_release_date", &tracked);
    if matches!(context.text(head, "category", &at), Some("csaf_withdrawn" | "csaf_superseded")) {
        frame.withdrawn = frame.modified.or(frame.published).or(Some(Instant(0)));
    }
    frame.title = context.owned(head, "title", &at).unwrap_or_default();
    frame.description = notes(context, head, &at);
    frame.aliases = context.texts(tracking, "aliases", &tracked);
    references(context, head, &at, &mut frame);
    frame
}

fn vulnerability(
    value: &Value,
    context: &mut Context<'_>,
    at: &At<'_>,
    frame: &Advisory,
    products: &Products,
    index: usize,
) -> Advisory {
    let mut advisory = frame.clone();
    let ids: Vec<_> = context
        .list(value, "ids", at)
        .iter()
        .filter_map(|id| id.get("text").and_then(Value::as_str))
        .map(str::to_owned)
        .collect();
    let cve = context.owned(value, "cve", at);
    let document = frame.document.clone().unwrap_or_default();
    advisory.id =
        cve.or_else(|| ids.first().cloned()).unwrap_or_else(|| format!("{document}#{}", index.saturating_add(1)));
    advisory.aliases = ids.into_iter().filter(|id| *id != advisory.id).collect();
    if let Some(title) = context.owned(value, "title", at) {
        advisory.title = title;
    }
    let described = notes(context, value, at);
    if !described.is_empty() {
        advisory.description = described;
    }
    for key in ["release_date", "disclosure_date"] {
        advisory.published = context.instant(value, key, at).or(advisory.published);
    }
    references(context, value, at, &mut advisory);
    for cwe in value.get("cwe").into_iter().chain(context.list(value, "cwes", at)) {
        if let Some(number) = cwe.get("id").and_then(Value::as_str).and_then(weakness) {
            add(&mut advisory.weaknesses, number);
        }
    }
    scores(context, value, at, &mut advisory);
    for threat in context.list(value, "threats", at) {
        if let (Some(category), Some(details)) =
            (context.text(threat, "category", at), context.text(threat, "details", at))
        {
            advisory.description.push_str(&format!("\n{}: {details}", category.replace('_', " ")));
        }
    }
    for remediation in context.list(value, "remediations", at) {
        if let Some(details) = context.text(remediation, "details", at) {
            let category = context.text(remediation, "category", at).unwrap_or("remedy").replace('_', " ");
            let url = context.text(remediation, "url", at).map(|url| format!(" ({url})")).unwrap_or_default();
            add(&mut advisory.remedies, format!("{category}: {details}{url}"));
        }
    }
    let by = frame.document.clone().unwrap_or_default();
    affected(context, value, at, products, &by, &mut advisory);
    advisory
}

fn notes(context: &mut Context<'_>, value: &Value, at: &At<'_>) -> String {
    let mut texts = Vec::new();
    for note in context.list(value, "notes", at) {
        let category = note.get("category").and_then(Value::as_str).unwrap_or_default();
        if matches!(category, "description" | "summary" | "details" | "general") {
            texts.extend(context.text(note, "text", at));
        }
    }
    texts.join("\n")
}

fn references(context: &mut Context<'_>, value: &Value, at: &At<'_>, advisory: &mut Advisory) {
    for reference in context.list(value, "references", at) {
        if let Some(url) = context.owned(reference, "url", at) {
            add(&mut advisory.references, url);
        }
    }
}

/// `scores` of 2.0 and `metrics` of 2.1.
fn scores(context: &mut Context<'_>, value: &Value, at: &At<'_>, advisory: &mut Advisory) {
    let by = advisory.document.clone().unwrap_or_default();
    let metrics = context
        .list(value, "metrics", at)
        .iter()
        .map(|metric| (metric.get("content").unwrap_or(metric), metric.get("source")));
    let scores = context.list(value, "scores", at).iter().map(|score| (score, None));
    for (score, source) in scores.chain(metrics) {
        let by = source.and_then(Value::as_str).unwrap_or(&by).to_owned();
        for key in ["cvss_v2", "cvss_v3", "cvss_v4"] {
            let vector = score.get(key).and_then(|score| score.get("vectorString")).and_then(Value::as_str);
            if let Some(vector) = vector {
                add(&mut advisory.scores, Score { vector: vector.to_owned(), by: by.clone() });
            }
        }
        if let Some(word) = score.get("qualitative_severity_rating").and_then(Value::as_str) {
            add(&mut advisory.scores, Score { vector: word.to_owned(), by: by.clone() });
        }
        let selections =
            ["ssvc_v2", "ssvc_v1"].iter().find_map(|key| score.get(*key)).and_then(|ssvc| ssvc.get("selections"));
        for selection in selections.and_then(Value::as_array).into_iter().flatten() {
            let name =
                selection.get("name").or_else(|| selection.get("key")).and_then(Value::as_str).unwrap_or_default();
            for decided in selection.get("values").and_then(Value::as_array).into_iter().flatten() {
                let decided = decided
                    .as_str()
                    .or_else(|| decided.get("name").or_else(|| decided.get("key")).and_then(Value::as_str));
                if let Some(decided) = decided {
                    add(&mut advisory.ssvc, (name.to_owned(), decided.to_owned()));
                }
            }
        }
    }
}

fn affected(
    context: &mut Context<'_>,
    value: &Value,
    at: &At<'_>,
    products: &Products,
    by: &str,
    advisory: &mut Advisory,
) {
    let Some(status) = value.get("product_status") else { return };
    let at = at.key("product_status");
    let mut known: HashMap<(Vec<Package>, Vec<Package>), usize> = HashMap::new();
    for (key, stands) in STATUSES {
        let ids = context.texts(status, key, &at);
        for (index, id) in ids.iter().enumerate() {
            let Some(product) = products.get(id) else {
                context.wrong(
                    &at.key(key).index(index),
                    format!("the product `{}` is not defined: kept as a name", brief(id)),
                );
                advisory.affected.push(undefined(id, stands, by));
                continue;
            };
            let ranges = ranges(product, key, stands);
            let same = (product.packages.clone(), product.running_on.clone());
            if let Some(entry) = known.get(&same).and_then(|index| advisory.affected.get_mut(*index)) {
                for range in ranges {
                    add(&mut entry.ranges, range);
                }
                continue;
            }
            known.insert(same, advisory.affected.len());
            advisory.affected.push(Affected {
                packages: product.packages.clone(),
                ranges,
                otherwise: None,
                running_on: product.running_on.clone(),
                parts: product.parts.clone(),
                by: by.to_owned(),
            });
        }
    }
}

/// The first fixed version opens a range: whatever follows it holds the fix.
fn ranges(product: &Product, key: &str, stands: Status) -> Vec<(Versions, Status)> {
    let ranges = product.ranges(stands);
    if key != "first_fixed" {
        return ranges;
    }
    ranges
        .into_iter()
        .map(|(versions, status)| match versions {
            Versions::Exactly(list) if list.len() == 1 => {
                let introduced = list.into_iter().next();
                (Versions::Interval { scheme: None, introduced, end: crate::advisory::End::Open }, status)
            }
            other => (other, status),
        })
        .collect()
}

fn undefined(id: &str, stands: Status, by: &str) -> Affected {
    Affected {
        packages: vec![Package::Product { vendor: String::new(), product: id.to_owned() }],
        ranges: vec![(Versions::All, stands)],
        otherwise: None,
        running_on: Vec::new(),
        parts: Vec::new(),
        by: by.to_owned(),
    }
}
