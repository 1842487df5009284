//! OpenVEX 0.2.0, with the rules of its specification: what a statement must say, what it inherits from its document.
//!
//! Not JSON-LD: `@id` is a text. One statement is made for each product and each of its subcomponents.

use crate::Instant;
use crate::vex::documents::{Head, Read, Written, foreign, list, products, put, text};
use crate::vex::words::CISA;
use crate::vex::{Statement, Status, Subject};
use serde_json::{Value, json};

/// Members of a statement that the model has no place for.
const BEYOND: [(&str, &str); 5] = [
    ("@id", "openvex.id"),
    ("supplier", "openvex.supplier"),
    ("status_notes", "openvex.status_notes"),
    ("last_updated", "openvex.last_updated"),
    ("action_statement_timestamp", "openvex.action_statement_timestamp"),
];
/// Those of the vulnerability.
const OF_VULNERABILITY: [(&str, &str); 2] =
    [("@id", "openvex.vulnerability_id"), ("description", "openvex.vulnerability_description")];
const DOCUMENT: [&str; 9] =
    ["@context", "@id", "author", "role", "timestamp", "last_updated", "version", "tooling", "statements"];
const STATEMENT: [&str; 13] = [
    "@id",
    "version",
    "vulnerability",
    "timestamp",
    "last_updated",
    "products",
    "status",
    "supplier",
    "status_notes",
    "justification",
    "impact_statement",
    "action_statement",
    "action_statement_timestamp",
];
const PRODUCT: [&str; 4] = ["@id", "identifiers", "hashes", "subcomponents"];

pub(super) fn read(document: &Value, taken: &mut Read) {
    for key in ["@id", "author", "timestamp"] {
        if text(document, key).is_none() {
            taken.wrong(format!("/{key}"), "a document needs this");
        }
    }
    if document.get("version").and_then(Value::as_u64).is_none_or(|version| version == 0) {
        taken.wrong("/version", "a document needs a version from 1");
    }
    unknown(document, "", &DOCUMENT, taken);
    let author = text(document, "author");
    let issued = instant(document, "timestamp", "", taken);
    if list(document, "statements").is_empty() {
        taken.wrong("/statements", "a document without statements says nothing");
    }
    for (index, value) in list(document, "statements").iter().enumerate() {
        let place = format!("/statements/{index}");
        unknown(value, &place, &STATEMENT, taken);
        statement(value, &place, author.as_ref(), issued, taken);
    }
}

fn unknown(value: &Value, place: &str, known: &[&str], taken: &mut Read) {
    for key in value.as_object().into_iter().flat_map(|members| members.keys()) {
        if !known.contains(&key.as_str()) {
            taken.wrong(format!("{place}/{key}"), "not a member that OpenVEX knows");
        }
    }
}

fn instant(value: &Value, key: &str, place: &str, taken: &mut Read) -> Option<Instant> {
    let written = text(value, key)?;
    let instant = Instant::parse(&written);
    if instant.is_none() {
        taken.wrong(format!("{place}/{key}"), "not an instant of RFC 3339");
    }
    instant
}

fn statement(value: &Value, place: &str, author: Option<&String>, issued: Option<Instant>, taken: &mut Read) {
    let vulnerability = value.get("vulnerability").unwrap_or(&Value::Null);
    // Version 0.0.1 wrote a text.
    let Some(name) = text(vulnerability, "name").or_else(|| vulnerability.as_str().map(str::to_owned)) else {
        return taken
            .wrong(format!("{place}/vulnerability"), "a statement needs the name of a vulnerability: left out");
    };
    let Some(status) = text(value, "status").and_then(|word| CISA.status(&word)) else {
        return taken
            .wrong(format!("{place}/status"), "one of not_affected, affected, fixed, under_investigation: left out");
    };
    let mut said = Statement::new(name.clone(), Subject::Name(String::new()), status);
    said.subjects.clear();
    said.vulnerability.extend(
        list(vulnerability, "aliases")
            .iter()
            .filter_map(Value::as_str)
            .filter(|alias| *alias != name)
            .map(str::to_owned),
    );
    said.author = author.cloned();
    said.since = instant(value, "timestamp", place, taken).or(issued);
    said.impact = text(value, "impact_statement");
    said.action = text(value, "action_statement");
    if let Some(word) = text(value, "justification") {
        said.justification = CISA.justification(&word);
        if said.justification.is_none() {
            taken.wrong(format!("{place}/justification"), "not one of the five justifications");
        }
    }
    check(&said, place, taken);
    for (of, table) in [(value, &BEYOND[..]), (vulnerability, &OF_VULNERABILITY[..])] {
        said.beyond.extend(table.iter().filter_map(|(key, name)| Some(((*name).to_owned(), text(of, key)?))));
    }
    let all = list(value, "products");
    if all.is_empty() {
        taken.wrong(
            format!("{place}/products"),
            "a statement needs a product, from itself or from what encapsulates the document",
        );
        taken.statements.push(said);
        return;
    }
    for (index, product) in all.iter().enumerate() {
        let place = format!("{place}/products/{index}");
        unknown(product, &place, &PRODUCT, taken);
        let mut of_product = said.clone();
        of_product.subjects = names(product, &mut of_product.beyond);
        if of_product.subjects.is_empty() {
            taken.wrong(place, "a product needs `@id` or `identifiers`: left out");
            continue;
        }
        let parts = list(product, "subcomponents");
        if parts.is_empty() {
            taken.statements.push(of_product);
            continue;
        }
        for part in parts {
            let mut of_part = of_product.clone();
            of_part.within = names(part, &mut of_part.beyond);
            taken.statements.push(of_part);
        }
    }
}

/// The rules on what a status needs.
fn check(said: &Statement, place: &str, taken: &mut Read) {
    match said.status {
        Status::NotAffected if said.justification.is_none() && said.impact.is_none() => {
            taken.wrong(place, "not_affected needs a justification or an impact_statement");
        }
        Status::Affected if said.action.is_none() => taken.wrong(place, "affected needs an action_statement"),
        status if status != Status::NotAffected && said.justification.is_some() => {
            taken.wrong(place, "only not_affected has a justification")
        }
        _ => {}
    }
}

/// All names of a component; its digests go beyond the model.
fn names(component: &Value, beyond: &mut Vec<(String, String)>) -> Vec<Subject> {
    let mut names: Vec<Subject> = Vec::new();
    let id = text(component, "@id").or_else(|| component.as_str().map(str::to_owned));
    names.extend(id.map(|id| Subject::named(&id)));
    if let Some(identifiers) = component.get("identifiers") {
        for key in ["purl", "cpe23", "cpe22"] {
            if let Some(name) =
                text(identifiers, key).map(|name| Subject::named(&name)).filter(|name| !names.contains(name))
            {
                names.push(name);
            }
        }
    }
    for (algorithm, value) in component.get("hashes").and_then(Value::as_object).into_iter().flatten() {
        beyond.extend(value.as_str().map(|value| ("openvex.hash".to_owned(), format!("{algorithm}:{value}"))));
    }
    names
}

/// A component from its names.
fn component(names: &[&Subject]) -> Value {
    let mut component = json!({});
    let mut identifiers = json!({});
    let mut id: Option<&str> = None;
    for name in names {
        match name {
            Subject::Cpe(cpe) => {
                put(&mut identifiers, if cpe.starts_with("cpe:/") { "cpe22" } else { "cpe23" }, Some(cpe))
            }
            Subject::Purl(purl) if names.len() > 1 => put(&mut identifiers, "purl", Some(purl)),
            other => id = id.or(Some(other.text())),
        }
    }
    put(&mut component, "@id", id);
    if identifiers.as_object().is_some_and(|members| !members.is_empty())
        && let Value::Object(members) = &mut component
    {
        members.insert("identifiers".to_owned(), identifiers);
    }
    component
}

pub(super) fn write(statements: &[Statement], head: &Head) -> Written {
    let lost = foreign(statements, "openvex.").collect();
    let statements: Vec<_> = statements.iter().map(|statement| one(statement, head)).collect();
    let document = json!({
        "@context": "https://openvex.dev/ns/v0.2.0",
        "@id": head.id,
        "author": head.author,
        "timestamp": head.issued.text(),
        "version": head.version,
        "statements": statements,
    });
    Written { document, lost }
}

fn one(statement: &Statement, head: &Head) -> Value {
    let (name, aliases) =
        statement.vulnerability.split_first().map_or(("", &[][..]), |(name, aliases)| (name.as_str(), aliases));
    let mut vulnerability = json!({ "name": name });
    if let (Value::Object(members), false) = (&mut vulnerability, aliases.is_empty()) {
        members.insert("aliases".to_owned(), json!(aliases));
    }
    for (key, beyond) in OF_VULNERABILITY {
        put(&mut vulnerability, key, statement.beyond(beyond).next());
    }
    let parts: Vec<_> = products(&statement.within).iter().map(|names| component(names)).collect();
    let of_statement: Vec<_> = products(&statement.subjects)
        .iter()
        .map(|names| {
            let mut product = component(names);
            if let Value::Object(members) = &mut product {
                if !parts.is_empty() {
                    members.insert("subcomponents".to_owned(), json!(parts));
                }
                let hashes = statement.beyond("openvex.hash").filter_map(|hash| hash.split_once(':'));
                let hashes: serde_json::Map<String, Value> =
                    hashes.map(|(algorithm, value)| (algorithm.to_owned(), json!(value))).collect();
                if !hashes.is_empty() {
                    members.insert("hashes".to_owned(), Value::Object(hashes));
                }
            }
            product
        })
        .collect();
    let mut written = json!({ "vulnerability": vulnerability, "products": of_statement, "status": CISA.status_word(statement.status) });
    put(&mut written, "timestamp", statement.since.filter(|since| *since != head.issued).map(Instant::text).as_deref());
    put(&mut written, "justification", statement.justification.map(|one| CISA.justification_word(one)));
    put(&mut written, "impact_statement", statement.impact.as_deref());
    // The specification wants one of what is affected.
    let action =
        statement.action.as_deref().or((statement.status == Status::Affected).then_some("No action is known yet."));
    put(&mut written, "action_statement", action);
    for (key, beyond) in BEYOND {
        put(&mut written, key, statement.beyond(beyond).next());
    }
    written
}
