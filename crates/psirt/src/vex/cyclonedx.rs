//! The `vulnerabilities` of CycloneDX as VEX, in a document of their own.
//!
//! Not the reader of a BOM (room `sbom`), which uses the same words ([`crate::vex::words::CYCLONEDX`]). A product is a component of the document;
//! one is written for each name. A component inside a product cannot be said, nor who said a statement: both are listed as lost.

use crate::Instant;
use crate::vex::documents::{Head, Lost, Read, Written, foreign, list, products, put, text};
use crate::vex::words::CYCLONEDX;
use crate::vex::{Statement, Subject};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};

pub(super) fn read(document: &Value, taken: &mut Read) {
    let names = names(document);
    let metadata = document.get("metadata").unwrap_or(&Value::Null);
    let author = list(metadata, "authors").iter().find_map(|author| text(author, "name"));
    let author = author.or_else(|| {
        ["manufacturer", "manufacture", "supplier"]
            .iter()
            .find_map(|key| metadata.get(*key).and_then(|who| text(who, "name")))
    });
    let issued = text(metadata, "timestamp").and_then(|text| Instant::parse(&text));
    for (index, value) in list(document, "vulnerabilities").iter().enumerate() {
        let place = format!("/vulnerabilities/{index}");
        for mut statement in statements(value, &place, &names, taken) {
            statement.author.clone_from(&author);
            statement.since = statement.since.or(issued);
            taken.statements.push(statement);
        }
    }
}

/// The names of components by their `bom-ref`.
fn names(document: &Value) -> HashMap<String, Vec<Subject>> {
    let mut names = HashMap::new();
    let mut open: Vec<&Value> = list(document, "components").iter().collect();
    open.extend(document.pointer("/metadata/component"));
    while let Some(component) = open.pop() {
        open.extend(list(component, "components"));
        let Some(reference) = text(component, "bom-ref") else { continue };
        let mut of: Vec<_> = [text(component, "purl").map(Subject::Purl), text(component, "cpe").map(Subject::Cpe)]
            .into_iter()
            .flatten()
            .collect();
        if of.is_empty() && text(component, "name").as_ref() == Some(&reference) {
            of.push(Subject::Name(reference.clone()));
        } else if !of.iter().any(|name| name.text() == reference) {
            of.insert(0, Subject::Reference(reference.clone()));
        }
        names.insert(reference, of);
    }
    names
}

/// The statements of one vulnerability.
fn statements(value: &Value, place: &str, names: &HashMap<String, Vec<Subject>>, taken: &mut Read) -> Vec<Statement> {
    let Some(id) = text(value, "id") else {
        taken.wrong(format!("{place}/id"), "a vulnerability without an id: left out");
        return Vec::new();
    };
    let analysis = value.get("analysis").unwrap_or(&Value::Null);
    let state = text(analysis, "state").unwrap_or_default();
    let Some(status) = CYCLONEDX.status(&state) else {
        taken.wrong(
            format!("{place}/analysis/state"),
            format!("`{state}` is no state, so nothing is stated of {id}: left out"),
        );
        return Vec::new();
    };
    let mut said = Statement::new(id, Subject::Name(String::new()), status);
    said.subjects.clear();
    said.vulnerability.extend(list(value, "references").iter().filter_map(|reference| text(reference, "id")));
    if !CYCLONEDX.is_exact(&state) {
        said.beyond.push(("cyclonedx.state".to_owned(), state));
    }
    if let Some(word) = text(analysis, "justification") {
        said.justification = CYCLONEDX.justification(&word);
        if said.justification.is_none() {
            taken.wrong(format!("{place}/analysis/justification"), format!("`{word}` is no justification"));
        } else if !CYCLONEDX.is_exact(&word) {
            said.beyond.push(("cyclonedx.justification".to_owned(), word));
        }
    }
    said.impact = text(analysis, "detail");
    said.action = text(value, "recommendation");
    let responses = list(analysis, "response").iter().filter_map(Value::as_str);
    said.beyond.extend(responses.map(|word| ("cyclonedx.response".to_owned(), word.to_owned())));
    said.beyond.extend(text(value, "workaround").map(|text| ("cyclonedx.workaround".to_owned(), text)));
    said.beyond.extend(text(value, "description").map(|text| ("cyclonedx.description".to_owned(), text)));
    said.beyond.extend(text(analysis, "firstIssued").map(|text| ("cyclonedx.first_issued".to_owned(), text)));
    said.since = ["lastUpdated", "firstIssued"]
        .iter()
        .find_map(|key| text(analysis, key))
        .and_then(|text| Instant::parse(&text));
    let affects = list(value, "affects");
    if affects.is_empty() {
        taken.wrong(format!("{place}/affects"), "a vulnerability that names no component");
        return vec![said];
    }
    let mut all = Vec::new();
    for (index, affected) in affects.iter().enumerate() {
        let Some(reference) = text(affected, "ref") else {
            taken.wrong(format!("{place}/affects/{index}/ref"), "needs a reference: left out");
            continue;
        };
        let mut of = said.clone();
        of.subjects = names.get(&reference).cloned().unwrap_or_else(|| vec![Subject::Reference(reference)]);
        for version in list(affected, "versions") {
            of.beyond.push(("cyclonedx.version".to_owned(), version.to_string()));
        }
        all.push(of);
    }
    all
}

pub(super) fn write(statements: &[Statement], head: &Head) -> Written {
    let mut lost: Vec<_> = foreign(statements, "cyclonedx.").collect();
    let mut components: BTreeMap<String, Value> = BTreeMap::new();
    let mut vulnerabilities = Vec::new();
    for (index, statement) in statements.iter().enumerate() {
        if !statement.within.is_empty() {
            lost.push(Lost { statement: index, what: "that only a component inside the product is meant".to_owned() });
        }
        if statement.author.as_ref().is_some_and(|author| *author != head.author) {
            lost.push(Lost {
                statement: index,
                what: format!("that {} says so", statement.author.as_deref().unwrap_or_default()),
            });
        }
        vulnerabilities.push(one(statement, &mut components));
    }
    let document = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": head.version,
        "metadata": { "timestamp": head.issued.text(), "authors": [{ "name": head.author }] },
        "components": components.into_values().collect::<Vec<_>>(),
        "vulnerabilities": vulnerabilities,
    });
    Written { document, lost }
}

fn one(statement: &Statement, components: &mut BTreeMap<String, Value>) -> Value {
    let (id, aliases) =
        statement.vulnerability.split_first().map_or(("", &[][..]), |(id, aliases)| (id.as_str(), aliases));
    let mut analysis = json!({});
    put(
        &mut analysis,
        "state",
        Some(statement.beyond("cyclonedx.state").next().unwrap_or(CYCLONEDX.status_word(statement.status))),
    );
    let justification = statement.beyond("cyclonedx.justification").next();
    put(
        &mut analysis,
        "justification",
        justification.or(statement.justification.map(|one| CYCLONEDX.justification_word(one))),
    );
    put(&mut analysis, "detail", statement.impact.as_deref());
    put(&mut analysis, "lastUpdated", statement.since.map(Instant::text).as_deref());
    put(&mut analysis, "firstIssued", statement.beyond("cyclonedx.first_issued").next());
    let responses: Vec<_> = statement.beyond("cyclonedx.response").collect();
    if let (Value::Object(members), false) = (&mut analysis, responses.is_empty()) {
        members.insert("response".to_owned(), json!(responses));
    }
    let mut affects = Vec::new();
    for names in products(&statement.subjects) {
        let versions: Vec<Value> =
            statement.beyond("cyclonedx.version").filter_map(|text| serde_json::from_str(text).ok()).collect();
        let reference = component(&names, components);
        affects.push(if versions.is_empty() {
            json!({ "ref": reference })
        } else {
            json!({ "ref": reference, "versions": versions })
        });
    }
    let mut written = json!({ "id": id, "analysis": analysis, "affects": affects });
    if let (Value::Object(members), false) = (&mut written, aliases.is_empty()) {
        let references: Vec<_> = aliases
            .iter()
            .map(|alias| json!({ "id": alias, "source": { "name": alias.split('-').next().unwrap_or_default() } }))
            .collect();
        members.insert("references".to_owned(), json!(references));
    }
    put(&mut written, "recommendation", statement.action.as_deref());
    put(&mut written, "workaround", statement.beyond("cyclonedx.workaround").next());
    put(&mut written, "description", statement.beyond("cyclonedx.description").next());
    written
}

/// Writes the component that bears these names, and gives its reference.
fn component(names: &[&Subject], components: &mut BTreeMap<String, Value>) -> String {
    let reference = names
        .iter()
        .find(|name| matches!(name, Subject::Reference(_)))
        .or(names.first())
        .map_or("", |name| name.text());
    let mut component = json!({ "type": "library", "bom-ref": reference });
    let mut shown = reference;
    for name in names {
        match name {
            Subject::Purl(purl) => {
                put(&mut component, "purl", Some(purl));
                let path = purl.split(['?', '#', '@']).next().unwrap_or(purl);
                shown = path.rsplit('/').next().unwrap_or(purl);
            }
            Subject::Cpe(cpe) => put(&mut component, "cpe", Some(cpe)),
            Subject::Name(_) | Subject::Reference(_) => {}
        }
    }
    put(&mut component, "name", Some(shown));
    // A reference alone points into another document: no component is made up for it.
    if !names.iter().all(|name| matches!(name, Subject::Reference(_))) {
        components.insert(reference.to_owned(), component);
    }
    reference.to_owned()
}
