//! Tests on SSVC selections.
//!
//! Not a decision: only whether a selection is written as SSVC's schema 2.0 wants it and names decision points that there are. The table of
//! decision points (keys and versions, without words) follows CERTCC/SSVC, Copyright 2019–2026 Carnegie Mellon University.

use crate::csaf::document::{Document, Placed, select, text, texts};
use crate::csaf::schema::short;
use crate::csaf::{Findings, In, Surroundings, Test, dates, test};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::LazyLock;

pub(super) const TESTS: &[Test] =
    &[test("6.1.46", In::V21, invalid), test("6.1.47", In::V21, targets), test("6.1.48", In::V21, decision_points)];

type S<'s> = Surroundings<'s>;

/// Keys of values in order, by namespace, key and version of the point.
type Points = HashMap<(&'static str, &'static str, &'static str), Vec<&'static str>>;

static POINTS: LazyLock<Points> = LazyLock::new(|| {
    let mut points = HashMap::new();
    for line in include_str!("ssvc.tsv").lines() {
        let mut fields = line.split('\t');
        if let (Some(namespace), Some(key), Some(version), Some(values)) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        {
            points.insert((namespace, key, version), values.split('|').collect());
        }
    }
    points
});

/// The namespaces that are registered.
pub(super) fn is_registered(base: &str) -> bool {
    POINTS.keys().any(|(namespace, _, _)| *namespace == base) && !base.starts_with("x_")
}

/// Each SSVC object with the vulnerability that it is of.
fn objects<'v>(document: &Document<'v>) -> Vec<(Placed<'v>, &'v Value)> {
    let mut found = Vec::new();
    for (place, vulnerability) in document.vulnerabilities() {
        for placed in select(vulnerability, &place, "metrics/*/content/ssvc_v2") {
            found.push((placed, vulnerability));
        }
    }
    found
}

/// Each selection.
pub(super) fn selections<'v>(document: &Document<'v>) -> Vec<Placed<'v>> {
    objects(document).iter().flat_map(|((place, value), _)| select(value, place, "selections/*")).collect()
}

fn invalid(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for ((place, value), _) in objects(document) {
        if text(value, "schemaVersion") != Some("2.0.0") {
            findings.add(&place.key("schemaVersion"), "must be 2.0.0");
        }
        if text(value, "timestamp").and_then(dates::instant).is_none() {
            findings.add(&place.key("timestamp"), "must be an instant");
        }
        if select(value, &place, "selections/*").is_empty() {
            findings.add(&place.key("selections"), "must hold a selection");
        }
        for (key, _) in value.as_object().into_iter().flatten() {
            let known =
                ["schemaVersion", "timestamp", "selections", "target_ids", "decision_point_resources", "references"];
            if !known.contains(&key.as_str()) {
                findings.add(&place.key(key), "not a member of a list of selections");
            }
        }
        for (place, selection) in select(value, &place, "selections/*") {
            for key in ["namespace", "key", "version"] {
                if text(selection, key).is_none_or(str::is_empty) {
                    findings.add(&place, format!("`{key}` is missing"));
                }
            }
            let values = select(selection, &place, "values/*");
            if values.is_empty() {
                findings.add(&place.key("values"), "must hold a value");
            }
            for (place, value) in values {
                if text(value, "key").is_none_or(str::is_empty) {
                    findings.add(&place, "`key` is missing");
                }
            }
        }
    }
}

fn targets(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    let several = document.vulnerabilities().len() > 1;
    for ((place, value), vulnerability) in objects(document) {
        let ids = select(vulnerability, &place, "ids/*").into_iter().filter_map(|(_, id)| text(id, "text"));
        let known: Vec<_> = ids.chain(text(vulnerability, "cve")).collect();
        for (index, target) in texts(value, "target_ids").enumerate() {
            let of_document = document.text("/document/tracking/id") == Some(target);
            if !known.contains(&target) || (of_document && several) {
                findings.add(
                    &place.key("target_ids").index(index),
                    format!("`{}` is no id of this vulnerability alone", short(target)),
                );
            }
        }
    }
}

/// The registered part of a namespace, and whether an extension changes its language.
pub(super) fn base(namespace: &str) -> (&str, bool) {
    let (base, extension) = namespace.split_once('/').unwrap_or((namespace, ""));
    let language = extension.split(['$', '/']).filter(|part| part.len() == 2 || part.get(2..3) == Some("-"));
    let foreign = language
        .filter(|part| part.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'))
        .any(|part| !part.starts_with("en"));
    (base, foreign)
}

fn decision_points(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for (place, selection) in selections(document) {
        let namespace = text(selection, "namespace").unwrap_or_default();
        let (base, foreign) = base(namespace);
        match base {
            "invalid" => findings.add(&place.key("namespace"), "`invalid` is reserved and must not be used"),
            "test" | "example" => {}
            _ if base.starts_with("x_") || !is_registered(base) => {}
            _ => registered(selection, base, foreign, &place, findings),
        }
    }
}

fn registered<'v>(
    selection: &'v Value,
    base: &str,
    foreign: bool,
    place: &crate::csaf::Place<'v>,
    findings: &mut Findings,
) {
    let (key, version) = (text(selection, "key").unwrap_or_default(), text(selection, "version").unwrap_or_default());
    let point = POINTS.iter().find(|((namespace, other, of), _)| *namespace == base && *other == key && *of == version);
    let Some((_, known)) = point else {
        findings.add(place, format!("`{base}` has no decision point `{}` in version {}", short(key), short(version)));
        return;
    };
    let mut last = 0;
    for (place, value) in select(selection, place, "values/*") {
        let Some(position) = text(value, "key").and_then(|key| known.iter().position(|other| *other == key)) else {
            findings.add(&place, format!("the decision point `{}` has no such value", short(key)));
            continue;
        };
        // A translation may give other letters to the same values.
        if position < last && !foreign {
            findings.add(&place, "the values are not in the order of the decision point");
        }
        last = last.max(position);
    }
}

/// Whether no newer version of the decision point is registered.
pub(super) fn is_newest(selection: &Value) -> bool {
    let (namespace, _) = base(text(selection, "namespace").unwrap_or_default());
    let key = text(selection, "key").unwrap_or_default();
    let numbers = |version: &str| -> Vec<u64> { version.split('.').map(|part| part.parse().unwrap_or(0)).collect() };
    let own = numbers(text(selection, "version").unwrap_or_default());
    POINTS.keys().all(|(other, other_key, version)| *other != namespace || *other_key != key || numbers(version) <= own)
}
