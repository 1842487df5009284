//! OSV records of any database and ecosystem, schema 1.0 to 1.7.
//!
//! Not an evaluation of ranges: the events of a range become intervals in the order of the events, as the schema's evaluation algorithm
//! means them. GHSA, Go, PyPA, OSS-Fuzz, RustSec and distributions publish this form.

use crate::advisory::context::{At, Context, add, brief, weakness};
use crate::advisory::{Advisory, Affected, End, Package, Score, Source, Versions};
use crate::vex::Status;
use serde_json::Value;

/// Reads one record.
pub(crate) fn read(record: &Value, context: &mut Context<'_>, at: &At<'_>) {
    let Some(id) = context.owned(record, "id", at) else {
        context.wrong(&at.key("id"), "a record without an id: left out");
        return;
    };
    let mut advisory = Advisory::new(id, Source::Osv);
    advisory.published = context.instant(record, "published", at);
    advisory.modified = context.instant(record, "modified", at);
    advisory.withdrawn = context.instant(record, "withdrawn", at);
    advisory.aliases = context.texts(record, "aliases", at);
    for key in ["upstream", "related"] {
        for id in context.texts(record, key, at) {
            add(&mut advisory.related, id);
        }
    }
    advisory.title = context.owned(record, "summary", at).unwrap_or_default();
    advisory.description = context.owned(record, "details", at).unwrap_or_default();
    let by = advisory.id.split('-').next().unwrap_or_default().to_owned();
    scores(context, record, at, &by, &mut advisory);
    for reference in context.list(record, "references", at) {
        if let Some(url) = context.owned(reference, "url", at) {
            add(&mut advisory.references, url);
        }
    }
    if let Some(specific) = record.get("database_specific") {
        let at = at.key("database_specific");
        let numbers = context.list(specific, "cwe_ids", &at).iter().filter_map(Value::as_str).filter_map(weakness);
        advisory.weaknesses.extend(numbers);
        // GHSA's word for how bad it is, if there is no vector.
        if advisory.scores.is_empty()
            && let Some(vector) = specific.get("severity").and_then(Value::as_str)
        {
            advisory.scores.push(Score { vector: vector.to_owned(), by: by.clone() });
        }
    }
    let entries = context.list(record, "affected", at);
    let place = at.key("affected");
    for (index, entry) in entries.iter().enumerate() {
        let at = place.index(index);
        scores(context, entry, &at, &by, &mut advisory);
        affected(context, entry, &at, &by, &mut advisory);
    }
    context.advisory(advisory);
}

fn scores(context: &mut Context<'_>, value: &Value, at: &At<'_>, by: &str, advisory: &mut Advisory) {
    for severity in context.list(value, "severity", at) {
        if let Some(vector) = context.owned(severity, "score", at) {
            add(&mut advisory.scores, Score { vector, by: by.to_owned() });
        }
    }
}

fn affected(context: &mut Context<'_>, entry: &Value, at: &At<'_>, by: &str, advisory: &mut Advisory) {
    let mut packages = Vec::new();
    if let Some(package) = entry.get("package") {
        let at = at.key("package");
        let (ecosystem, name) = (context.owned(package, "ecosystem", &at), context.owned(package, "name", &at));
        if let (Some(ecosystem), Some(name)) = (ecosystem, name) {
            packages.push(Package::Ecosystem { ecosystem, name });
        }
        packages.extend(context.owned(package, "purl", &at).map(Package::Purl));
    }
    let mut ranges = Vec::new();
    let list = context.list(entry, "ranges", at);
    let place = at.key("ranges");
    for (index, range) in list.iter().enumerate() {
        let at = place.index(index);
        if let Some(repository) = context.owned(range, "repo", &at) {
            add(&mut packages, Package::Repository(repository));
        }
        events(context, range, &at, &mut ranges);
    }
    let versions = context.texts(entry, "versions", at);
    if !versions.is_empty() {
        ranges.push((Versions::Exactly(versions), Status::Affected));
    }
    let mut parts = Vec::new();
    for key in ["ecosystem_specific", "database_specific"] {
        if let Some(specific) = entry.get(key) {
            specifics(context, specific, &at.key(key), &mut parts, by, advisory);
        }
    }
    if packages.is_empty() {
        context.wrong(at, "affected without a package or a repository: left out");
        return;
    }
    // A package without ranges and versions is affected in all of them.
    if ranges.is_empty() {
        ranges.push((Versions::All, Status::Affected));
    }
    advisory.affected.push(Affected {
        packages,
        ranges,
        otherwise: None,
        running_on: Vec::new(),
        parts,
        by: by.to_owned(),
    });
}

/// Turns events into intervals. `limit` bounds a graph of commits; where versions have an order it says nothing that `fixed` does not.
fn events(context: &mut Context<'_>, range: &Value, at: &At<'_>, ranges: &mut Vec<(Versions, Status)>) {
    let kind = context.text(range, "type", at).unwrap_or("ECOSYSTEM");
    let list = context.list(range, "events", at);
    let of = |key: &str| -> Vec<String> {
        list.iter().filter_map(|event| event.get(key)).filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let place = at.key("events");
    for (index, event) in list.iter().enumerate() {
        let known = ["introduced", "fixed", "last_affected", "limit"]
            .iter()
            .any(|key| event.get(*key).is_some_and(Value::is_string));
        if !known {
            context
                .wrong(&place.index(index), "an event is one of introduced, fixed, last_affected, limit with a text");
        }
    }
    if kind == "GIT" {
        let (mut fixed, last_affected) = (of("fixed"), of("last_affected"));
        fixed.extend(of("limit"));
        let repository = context.owned(range, "repo", at);
        ranges.push((
            Versions::Commits { repository, introduced: of("introduced"), fixed, last_affected },
            Status::Affected,
        ));
        return;
    }
    ranges.extend(intervals(list, kind).into_iter().map(|interval| (interval, Status::Affected)));
}

/// The events of an ordered range as intervals. Where each beginning has its end they are paired in turn, so that a list sorted by kind
/// is read too; else the first end after a beginning closes it.
fn intervals(events: &[Value], kind: &str) -> Vec<Versions> {
    let begins = |event: &&Value| event.get("introduced").is_some_and(Value::is_string);
    let introduced: Vec<_> = events.iter().filter(begins).collect();
    let ends: Vec<_> = events.iter().filter(|event| end(event).is_some()).collect();
    let interval = |from: &Value, end: End| {
        let introduced = from.get("introduced").and_then(Value::as_str).filter(|version| *version != "0");
        Versions::Interval { scheme: Some(kind.to_owned()), introduced: introduced.map(str::to_owned), end }
    };
    if introduced.len() == ends.len() {
        let pairs = introduced.iter().zip(&ends);
        return pairs.filter_map(|(from, to)| Some(interval(from, end(to)?))).collect();
    }
    let mut open = None;
    let mut found = Vec::new();
    for event in events {
        if begins(&event) {
            // Two in a row: what the first opened goes on.
            open.get_or_insert(event);
        } else if let (Some(to), Some(from)) = (end(event), open) {
            found.push(interval(from, to));
            open = None;
        }
    }
    let limit =
        events.iter().filter_map(|event| event.get("limit")).find_map(Value::as_str).filter(|limit| *limit != "*");
    let last = limit.map_or(End::Open, |limit| End::Before(limit.to_owned()));
    found.extend(open.map(|from| interval(from, last)));
    found
}

fn end(event: &Value) -> Option<End> {
    let text = |key: &str| event.get(key).and_then(Value::as_str).map(str::to_owned);
    text("fixed").map(End::Before).or_else(|| text("last_affected").map(End::With))
}

/// What databases add: Go's imports and symbols, RustSec's functions, OSS-Fuzz's severity, CWE numbers.
fn specifics(
    context: &mut Context<'_>,
    value: &Value,
    at: &At<'_>,
    parts: &mut Vec<(String, String)>,
    by: &str,
    advisory: &mut Advisory,
) {
    let imports = context.list(value, "imports", at);
    for import in imports {
        let path = import.get("path").and_then(Value::as_str).unwrap_or_default();
        let symbols = context.texts(import, "symbols", at);
        if symbols.is_empty() {
            parts.push(("package".to_owned(), path.to_owned()));
        }
        parts.extend(symbols.into_iter().map(|symbol| ("function".to_owned(), format!("{path}.{symbol}"))));
        for key in ["goos", "goarch"] {
            parts.extend(context.texts(import, key, at).into_iter().map(|name| (key.to_owned(), name)));
        }
    }
    if let Some(affects) = value.get("affects") {
        let at = at.key("affects");
        for (key, kind) in [("functions", "function"), ("os", "platform"), ("arch", "platform")] {
            parts.extend(context.texts(affects, key, &at).into_iter().map(|name| (kind.to_owned(), name)));
        }
    }
    if let Some(severity) = value.get("severity").and_then(Value::as_str) {
        add(&mut advisory.scores, Score { vector: brief(severity), by: by.to_owned() });
    }
    for cwe in value.get("cwes").and_then(Value::as_array).into_iter().flatten() {
        let id = cwe.get("cweId").or_else(|| cwe.get("id")).and_then(Value::as_str);
        if let Some(number) = id.and_then(weakness) {
            add(&mut advisory.weaknesses, number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::intervals;
    use crate::advisory::Versions;
    use serde_json::json;

    #[test]
    fn events_become_intervals_in_any_order_of_kinds() {
        let read = |events: serde_json::Value| {
            let intervals = intervals(events.as_array().unwrap(), "SEMVER");
            let text = intervals.iter().map(|interval| match interval {
                Versions::Interval { introduced, end, .. } => {
                    format!("{} {end:?}", introduced.as_deref().unwrap_or("-"))
                }
                other => format!("{other:?}"),
            });
            text.collect::<Vec<_>>().join(", ")
        };
        let two = "- Before(\"1.5\"), 2.0 Before(\"2.3\")";
        assert_eq!(read(json!([{"introduced":"0"},{"fixed":"1.5"},{"introduced":"2.0"},{"fixed":"2.3"}])), two);
        assert_eq!(read(json!([{"introduced":"0"},{"introduced":"2.0"},{"fixed":"1.5"},{"fixed":"2.3"}])), two);
        assert_eq!(read(json!([{"fixed":"1.0"},{"introduced":"0"}])), "- Before(\"1.0\")");
        assert_eq!(
            read(json!([{"introduced":"0"},{"fixed":"1.0"},{"introduced":"2.0"}])),
            "- Before(\"1.0\"), 2.0 Open"
        );
        assert_eq!(read(json!([{"introduced":"0"},{"introduced":"2.0"},{"last_affected":"2.3"}])), "- With(\"2.3\")");
        assert_eq!(read(json!([{"introduced":"1"},{"limit":"3"}])), "1 Before(\"3\")");
    }
}
