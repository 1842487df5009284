//! JVN and JVN iPedia in the form OKA 4.0: details as CSAF 2.1 or within STIX, overviews as a feed.
//!
//! Not the XML form ([`crate::advisory::jvn_xml`]). A record of JVN stays one advisory under its `JVNDB-` number, with the CVE numbers as
//! aliases. Where `jvn_extension` gives ranges, they stand in place of the bare products of the tree.

use crate::advisory::context::{At, Context, add, weakness};
use crate::advisory::wording::{self, Wording};
use crate::advisory::{Advisory, Affected, Package, Score, Source, Versions, cpe_match, csaf, cve_versions};
use crate::vex::Status;
use serde_json::Value;

const EMBEDDED: &str = "VULDEF-Document";

/// Whether this is a document of JVN.
pub(crate) fn is(value: &Value) -> bool {
    value.get("jvn_extension").is_some()
        || value.get(EMBEDDED).is_some()
        || value.pointer("/document/category").and_then(Value::as_str) == Some("myjvn_security_advisory")
        || value.pointer("/feed/entry/0/summary").is_some()
        || bundle(value).any(|object| object.get(EMBEDDED).is_some())
}

fn bundle(value: &Value) -> impl Iterator<Item = &Value> {
    value.get("objects").and_then(Value::as_array).into_iter().flatten()
}

/// Reads one document.
pub(crate) fn read(value: &Value, context: &mut Context<'_>, at: &At<'_>) {
    if value.get("document").is_some() {
        return detail(value, context, at);
    }
    let embedded = std::iter::once(value).chain(bundle(value)).filter(|object| object.get(EMBEDDED).is_some());
    for object in embedded {
        let documents = context.list(object, EMBEDDED, at);
        let at = at.key(EMBEDDED);
        for (index, document) in documents.iter().enumerate() {
            detail(document, context, &at.index(index));
        }
    }
    if let Some(feed) = value.get("feed") {
        let at = at.key("feed");
        let entries = context.list(feed, "entry", &at);
        let at = at.key("entry");
        for (index, entry) in entries.iter().enumerate() {
            overview(entry, context, &at.index(index));
        }
    }
}

fn detail(value: &Value, context: &mut Context<'_>, at: &At<'_>) {
    let mut parts = csaf::advisories(value, context, at, Source::Jvn).into_iter();
    let Some(mut advisory) = parts.next() else { return };
    let id = advisory.document.take().unwrap_or_default();
    let mut aliases = vec![std::mem::replace(&mut advisory.id, id)];
    aliases.append(&mut advisory.aliases);
    for part in parts {
        aliases.push(part.id);
        aliases.extend(part.aliases);
        for score in part.scores {
            add(&mut advisory.scores, score);
        }
        for number in part.weaknesses {
            add(&mut advisory.weaknesses, number);
        }
        for affected in part.affected {
            add(&mut advisory.affected, affected);
        }
    }
    aliases.retain(|alias| *alias != advisory.id && !alias.contains('#'));
    for alias in aliases {
        add(&mut advisory.aliases, alias);
    }
    if let Some(extension) = value.get("jvn_extension") {
        let at = at.key("jvn_extension");
        let entries = context.list(extension, "affected", &at);
        let place = at.key("affected");
        let mut exact: Vec<Affected> = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            exact.extend(cve_versions::read(context, entry, &place.index(index), "JVN"));
        }
        exact.extend(cpe_match::read(context, extension, "cpeApplicability", &at, "JVN"));
        if !exact.is_empty() {
            advisory.affected = exact;
        }
    }
    context.advisory(advisory);
}

fn overview(entry: &Value, context: &mut Context<'_>, at: &At<'_>) {
    let Some(id) = context.owned(entry, "id", at) else {
        context.wrong(&at.key("id"), "an entry without an id: left out");
        return;
    };
    let mut advisory = Advisory::new(id, Source::Jvn);
    advisory.title = context.owned(entry, "title", at).unwrap_or_default();
    advisory.description = context.owned(entry, "summary", at).unwrap_or_default();
    advisory.published = context.instant(entry, "public", at).or_else(|| context.instant(entry, "created", at));
    advisory.modified = context.instant(entry, "modified", at);
    advisory.references.extend(context.owned(entry, "link", at));
    for reference in context.list(entry, "references", at) {
        advisory.references.extend(context.owned(reference, "url", at));
        let name = context.text(reference, "summary", at).filter(|name| name.starts_with("CVE-"));
        if let Some(name) = name {
            add(&mut advisory.aliases, name.to_owned());
        }
    }
    for metric in context.list(entry, "metrics", at) {
        let scores = metric.get("content").and_then(Value::as_object).into_iter().flatten();
        for (_, score) in scores {
            if let Some(vector) = score.get("vectorString").and_then(Value::as_str) {
                add(&mut advisory.scores, Score { vector: vector.to_owned(), by: "JVN".to_owned() });
            }
        }
    }
    for cwe in context.list(entry, "cwes", at) {
        advisory.weaknesses.extend(cwe.get("id").and_then(Value::as_str).and_then(weakness));
    }
    for product in context.list(entry, "products", at) {
        advisory.affected.extend(listed(product, context, at));
    }
    context.advisory(advisory);
}

/// A product of an overview, which names a version at most.
fn listed(product: &Value, context: &mut Context<'_>, at: &At<'_>) -> Option<Affected> {
    let name = context.owned(product, "pname", at)?;
    let vendor = context.owned(product, "vname", at).unwrap_or_default();
    let mut packages = vec![Package::Product { vendor, product: name }];
    if let Some(ids) = product.get("product_ids") {
        packages.extend(context.owned(ids, "cpe", at).map(|cpe| Package::Cpe(cpe_match::apart(&cpe).0.unwrap_or(cpe))));
        for reference in context.list(ids, "id_refs", at) {
            let (Some(kind), Some(value)) =
                (context.text(reference, "nameType", at), context.owned(reference, "value", at))
            else {
                continue;
            };
            match kind {
                "purl" => packages.push(Package::Purl(value)),
                "sha256" | "sha512" | "sha1" | "md5" => {
                    packages.push(Package::Digest(kind.to_owned(), value.to_lowercase()))
                }
                _ => {}
            }
        }
    }
    let ranges = match context.text(product, "version", at).map(|text| wording::read(text, None)) {
        Some(Wording::Versions(versions)) => {
            versions.into_iter().map(|versions| (versions, Status::Affected)).collect()
        }
        _ => vec![(Versions::All, Status::UnderInvestigation)],
    };
    Some(Affected {
        packages,
        ranges,
        otherwise: None,
        running_on: Vec::new(),
        parts: Vec::new(),
        by: "JVN".to_owned(),
    })
}
