//! CVE records, JSON 5.0 to 5.2, with the containers of the CNA and of every ADP (Vulnrichment's are the same records).
//!
//! Not a merge: what each container says is kept beside the others, with the short name of who says it. A rejected record is an advisory
//! that is withdrawn.

use crate::Instant;
use crate::advisory::context::{At, Context, add, weakness};
use crate::advisory::{Advisory, Score, Source, cpe_match, cve_versions};
use serde_json::Value;

/// Reads one record.
pub(crate) fn read(record: &Value, context: &mut Context<'_>, at: &At<'_>) {
    let root = at;
    let at = root.key("cveMetadata");
    let Some(meta) = record.get("cveMetadata") else { return };
    let Some(id) = context.owned(meta, "cveId", &at) else {
        context.wrong(&at.key("cveId"), "a record without an id: left out");
        return;
    };
    let mut advisory = Advisory::new(id, Source::Cve);
    advisory.published = context.instant(meta, "datePublished", &at);
    advisory.modified = context.instant(meta, "dateUpdated", &at);
    if context.text(meta, "state", &at) == Some("REJECTED") {
        let rejected = context.instant(meta, "dateRejected", &at);
        advisory.withdrawn = rejected.or(advisory.modified).or(advisory.published).or(Some(Instant(0)));
    }
    let at = root.key("containers");
    match context.object(record, "containers", root).and_then(|containers| containers.get("cna")) {
        Some(cna) => container(context, cna, &at.key("cna"), "CNA", &mut advisory),
        None => context.wrong(&at.key("cna"), "a record without a container of its CNA: only its id is read"),
    }
    if let Some(containers) = record.get("containers") {
        let others = context.list(containers, "adp", &at);
        let at = at.key("adp");
        for (index, adp) in others.iter().enumerate() {
            container(context, adp, &at.index(index), "ADP", &mut advisory);
        }
    }
    context.advisory(advisory);
}

fn container(context: &mut Context<'_>, value: &Value, at: &At<'_>, role: &str, advisory: &mut Advisory) {
    let provider = value.get("providerMetadata");
    let by = provider.and_then(|provider| provider.get("shortName")).and_then(Value::as_str).unwrap_or(role).to_owned();
    // The titles of ADPs name the container (`CISA ADP Vulnrichment`), not the flaw.
    if role == "CNA" {
        advisory.title = context.owned(value, "title", at).unwrap_or_default();
    }
    if advisory.description.is_empty() {
        advisory.description = described(context, value, at);
    }
    let entries = context.list(value, "affected", at);
    let place = at.key("affected");
    for (index, entry) in entries.iter().enumerate() {
        advisory.affected.extend(cve_versions::read(context, entry, &place.index(index), &by));
    }
    advisory.affected.extend(cpe_match::read(context, value, "cpeApplicability", at, &by));
    metrics(context, value, at, &by, advisory);
    for kind in context.list(value, "problemTypes", at) {
        for description in context.list(kind, "descriptions", at) {
            let text = description.get("cweId").or_else(|| description.get("description")).and_then(Value::as_str);
            if let Some(number) = text.filter(|text| text.starts_with("CWE-")).and_then(weakness) {
                add(&mut advisory.weaknesses, number);
            }
        }
    }
    for reference in context.list(value, "references", at) {
        if let Some(url) = context.owned(reference, "url", at) {
            add(&mut advisory.references, url);
        }
    }
    for key in ["solutions", "workarounds"] {
        for remedy in context.list(value, key, at) {
            advisory.remedies.extend(context.owned(remedy, "value", at));
        }
    }
    advisory.related.extend(context.texts(value, "replacedBy", at));
}

/// The English description, or the first; of a rejected record, why it was rejected.
fn described(context: &mut Context<'_>, value: &Value, at: &At<'_>) -> String {
    let key = if value.get("descriptions").is_some() { "descriptions" } else { "rejectedReasons" };
    let texts = context.list(value, key, at);
    let english =
        texts.iter().find(|text| text.get("lang").and_then(Value::as_str).is_some_and(|lang| lang.starts_with("en")));
    english.or(texts.first()).and_then(|text| context.owned(text, "value", at)).unwrap_or_default()
}

fn metrics(context: &mut Context<'_>, value: &Value, at: &At<'_>, by: &str, advisory: &mut Advisory) {
    let metrics = context.list(value, "metrics", at);
    let at = at.key("metrics");
    for (index, metric) in metrics.iter().enumerate() {
        let at = at.index(index);
        for key in ["cvssV4_0", "cvssV3_1", "cvssV3_0", "cvssV2_0"] {
            let Some(score) = metric.get(key) else { continue };
            match context.owned(score, "vectorString", &at.key(key)) {
                Some(vector) => add(&mut advisory.scores, Score { vector, by: by.to_owned() }),
                None => context.wrong(&at.key(key), "a score without `vectorString`: left out"),
            }
        }
        let Some(other) = metric.get("other") else { continue };
        if other.get("type").and_then(Value::as_str) == Some("ssvc") {
            let at = at.key("other");
            let options = other.get("content").map_or(&[][..], |content| context.list(content, "options", &at));
            for (point, decided) in options.iter().filter_map(Value::as_object).flatten() {
                if let Some(decided) = decided.as_str() {
                    add(&mut advisory.ssvc, (point.clone(), decided.to_owned()));
                }
            }
        }
    }
}
