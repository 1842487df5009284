//! Tests on who may see a document, under which licence, and on extensions.

use crate::csaf::document::{Document, Place, Placed, select, text, texts};
use crate::csaf::profiles::{is_english, one_note};
use crate::csaf::schema::{Schema, short};
use crate::csaf::{Findings, In, Surroundings, Test, test};
use serde_json::Value;
use std::collections::HashMap;

pub(super) const TESTS: &[Test] = &[
    test("6.1.38", In::V21, public_not_clear),
    test("6.1.39", In::V21, clear_not_public),
    test("6.1.40", In::V21, name_without_id),
    test("6.1.41", In::V21, id_without_name),
    test("6.1.54", In::V21, licence_expression),
    test("6.1.55", In::V21, licence_text),
    test("6.1.60.1", In::V21, extension_content),
    test("6.1.60.2", In::V21, extension_schema),
    test("6.1.60.3", In::V21, extension_place),
];

type S<'s> = Surroundings<'s>;

/// The sharing group of everybody.
pub(super) const EVERYBODY: &str = "ffffffff-ffff-ffff-ffff-ffffffffffff";
/// The sharing group of nobody.
pub(super) const NOBODY: &str = "00000000-0000-0000-0000-000000000000";
const ID: &str = "/document/distribution/sharing_group/id";
const NAME: &str = "/document/distribution/sharing_group/name";

pub(super) fn group<'v>(document: &Document<'v>) -> Option<&'v str> {
    document.text(ID)
}

pub(super) fn is_clear(document: &Document<'_>) -> bool {
    document.text("/document/distribution/tlp/label") == Some("CLEAR")
}

fn public_not_clear(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    if group(document) == Some(EVERYBODY) && !is_clear(document) {
        findings.at("/document/distribution/tlp/label", "a document for everybody is TLP:CLEAR");
    }
}

fn clear_not_public(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    let Some(id) = group(document).filter(|_| is_clear(document)) else { return };
    let is_draft = document.text("/document/tracking/status") == Some("draft");
    if id != EVERYBODY && !(id == NOBODY && is_draft) {
        findings.at(ID, "a TLP:CLEAR document is for everybody");
    }
}

fn name_without_id(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for (name, id) in [("Public", EVERYBODY), ("No sharing allowed", NOBODY)] {
        if document.text(NAME) == Some(name) && group(document) != Some(id) {
            findings.at(NAME, format!("`{name}` is the name of {id} only"));
        }
    }
}

fn id_without_name(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for (name, id) in [("Public", EVERYBODY), ("No sharing allowed", NOBODY)] {
        if group(document) == Some(id) && document.text(NAME) != Some(name) {
            findings.at(ID, format!("the name of this sharing group is `{name}`"));
        }
    }
}

const LICENCE: &str = "/document/license_expression";

/// The identifiers of an expression of SPDX, each with whether it is an exception; none if it is no expression.
pub(super) fn licences(expression: &str) -> Option<Vec<(&str, bool)>> {
    let mut found = Vec::new();
    let mut depth = 0_u32;
    // What must come next: an identifier, or an operator.
    let mut expects = true;
    let mut exception = false;
    let spaced = expression.replace('(', " ( ").replace(')', " ) ");
    let mut rest = expression;
    for token in spaced.split_whitespace() {
        let start = rest.find(token)?;
        let token = rest.get(start..start.checked_add(token.len())?)?;
        rest = rest.get(start.checked_add(token.len())?..)?;
        match token {
            "(" if expects && !exception => depth = depth.checked_add(1)?,
            ")" if !expects => depth = depth.checked_sub(1)?,
            "AND" | "OR" | "and" | "or" if !expects => (expects, exception) = (true, false),
            "WITH" | "with" if !expects => (expects, exception) = (true, true),
            _ if expects && is_identifier(token) => {
                found.push((token, exception));
                (expects, exception) = (false, false);
            }
            _ => return None,
        }
    }
    (depth == 0 && !expects).then_some(found)
}

/// `license-id`, `license-id+`, `LicenseRef-…`, `AdditionRef-…`; CSAF allows no `DocumentRef-…`.
fn is_identifier(token: &str) -> bool {
    let lower = token.to_lowercase();
    let reference = ["LicenseRef-", "AdditionRef-"].iter().find_map(|prefix| token.strip_prefix(prefix));
    let body = match reference {
        Some(body) => body,
        None if ["licenseref-", "additionref-", "documentref-"].iter().any(|prefix| lower.starts_with(prefix)) => {
            return false;
        }
        None => token.strip_suffix('+').unwrap_or(token),
    };
    !body.is_empty() && body.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'))
}

fn licence_expression(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    if let Some(expression) = document.text(LICENCE).filter(|expression| licences(expression).is_none()) {
        findings.at(LICENCE, format!("`{}` is no licence expression", short(expression)));
    }
}

/// Whether an identifier is listed by SPDX or, by its prefix, by AboutCode.
pub(super) fn is_listed(id: &str, exception: bool) -> bool {
    let id = id.strip_suffix('+').unwrap_or(id);
    if exception {
        return spdx::exception_id(id).is_some();
    }
    id.starts_with("LicenseRef-scancode-") || spdx::license_id(id).is_some()
}

/// Whether an expression has an identifier that nobody lists.
pub(super) fn has_unlisted(document: &Document<'_>) -> bool {
    let ids = document.text(LICENCE).and_then(licences).unwrap_or_default();
    ids.iter().any(|(id, exception)| !is_listed(id, *exception))
}

fn licence_text(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    if is_english(document) && has_unlisted(document) {
        one_note(document, "License", "legal_disclaimer", findings);
    }
}

/// Where extensions may be.
pub(super) fn extensions<'v>(document: &Document<'v>) -> Vec<Placed<'v>> {
    let mut found = Vec::new();
    for pattern in [
        "x_extensions/*",
        "document/x_extensions/*",
        "vulnerabilities/*/x_extensions/*",
        "vulnerabilities/*/metrics/*/content/x_extensions/*",
    ] {
        found.extend(document.all(pattern));
    }
    for product in &document.products {
        found.extend(select(product.value, &product.place, "x_extensions/*"));
    }
    found
}

fn extension_content(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for (place, extension) in extensions(document) {
        let Value::Object(members) = extension else { continue };
        for name in ["$schema", "category", "content", "critical"] {
            if !members.contains_key(name) {
                findings.add(&place, format!("`{name}` is missing"));
            }
        }
        for (name, value) in members {
            let fits = match name.as_str() {
                "$schema" => value.as_str().is_some_and(|url| url.starts_with("https://")),
                "category" => matches!(value.as_str(), Some("essential" | "significant" | "supplementary")),
                "content" => value.as_object().is_some_and(|content| !content.is_empty()),
                "critical" => value.is_boolean(),
                _ => false,
            };
            if !fits {
                findings.add(&place.key(name), "not as the schema of extensions wants it");
            }
        }
    }
}

/// The schema that an extension declares, if whoever calls knows it.
fn declared(extension: &Value, around: &S<'_>) -> Option<Value> {
    around.extension?(text(extension, "$schema")?)
}

fn extension_schema(document: &Document<'_>, around: &S<'_>, findings: &mut Findings) {
    for (place, extension) in extensions(document) {
        if let Some(schema) = declared(extension, around) {
            Schema::of(schema).apply(extension, &place, findings);
        }
    }
}

/// The metadata of an extension name the places that it may be at, how often, and the extensions that it does not go with.
fn extension_place(document: &Document<'_>, around: &S<'_>, findings: &mut Findings) {
    let all = extensions(document);
    let mut known: HashMap<(String, &str), u64> = HashMap::new();
    for (place, extension) in &all {
        let Some(url) = text(extension, "$schema") else { continue };
        // By convention the metadata lie beside the schema.
        let Some(metadata) = around.extension.and_then(|extension| extension(&url.replace("-content_", "-metadata_")))
        else {
            continue;
        };
        if metadata.get("requirement").is_none() {
            continue;
        }
        let list = list_of(place);
        let times = known.entry((list.clone(), url)).or_default();
        *times = times.saturating_add(1);
        let most = metadata
            .get("requirement")
            .and_then(|places| places.get(kind_of(&list)))
            .and_then(|place| place.get("max_occurrence"));
        if most.and_then(Value::as_u64).is_some_and(|most| *times > most) {
            findings.add(place, "the extension is here more often than it allows");
        }
        let against: Vec<_> = texts(&metadata, "incompatible_extensions").collect();
        if all.iter().any(|(_, other)| text(other, "$schema").is_some_and(|other| against.contains(&other))) {
            findings.add(place, "the extension does not go with another one of this document");
        }
    }
}

/// The pointer of the list that holds an extension.
fn list_of(place: &Place<'_>) -> String {
    let pointer = place.to_string();
    pointer.rsplit_once('/').map_or(String::new(), |(list, _)| list.to_owned())
}

/// The path by which metadata name such a list.
fn kind_of(list: &str) -> &'static str {
    match list {
        "/x_extensions" => "$.x_extensions",
        "/document/x_extensions" => "$.document.x_extensions",
        _ if list.contains("/metrics/") => "$.vulnerabilities[*].metrics[*].content.x_extensions",
        _ if list.starts_with("/vulnerabilities") => "$.vulnerabilities[*].x_extensions",
        _ if list.contains("/full_product_names/") => "$.product_tree.full_product_names[*].x_extensions",
        _ if list.contains("/branches/") => "$.product_tree.branches..product.x_extensions",
        _ => "$.product_tree.relationships[*].full_product_name.x_extensions",
    }
}
