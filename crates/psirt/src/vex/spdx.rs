//! The VEX relationships of the security profile of SPDX 3.0, in a JSON-LD document.
//!
//! Not a reader of SPDX (room `sbom`): only vulnerabilities, assessments and the names of what they are about. `assessedElement` is the component
//! inside the product.

use crate::Instant;
use crate::vex::documents::{Head, Lost, Read, Written, foreign, list, products, put, text};
use crate::vex::words::SPDX;
use crate::vex::{Statement, Status, Subject};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};

const CONTEXT: &str = "https://spdx.org/rdf/3.0.1/spdx-context.jsonld";

/// A member with or without the prefix of its profile.
fn member(value: &Value, profile: &str, key: &str) -> Option<String> {
    text(value, &format!("{profile}_{key}")).or_else(|| text(value, key))
}

pub(super) fn read(document: &Value, taken: &mut Read) {
    let graph = list(document, "@graph");
    let by_id: HashMap<String, &Value> = graph
        .iter()
        .filter_map(|element| Some((text(element, "spdxId").or_else(|| text(element, "@id"))?, element)))
        .collect();
    for (index, element) in graph.iter().enumerate() {
        let class = text(element, "type").or_else(|| text(element, "@type")).unwrap_or_default();
        let class = class.strip_prefix("security_").unwrap_or(&class);
        let Some(status) = SPDX.status(class) else { continue };
        let place = format!("/@graph/{index}");
        let from = text(element, "from").unwrap_or_default();
        let Some(vulnerability) = by_id.get(&from) else {
            taken.wrong(
                format!("{place}/from"),
                format!("`{from}` is not in the document: its id is taken for the vulnerability"),
            );
            taken.statements.push(statement(element, vec![from], status, &by_id));
            continue;
        };
        let mut ids: Vec<String> = Vec::new();
        for identifier in list(vulnerability, "externalIdentifier") {
            ids.extend(text(identifier, "identifier").filter(|id| !ids.contains(id)));
        }
        if ids.is_empty() {
            ids.push(text(vulnerability, "name").unwrap_or(from));
        }
        let mut said = statement(element, ids, status, &by_id);
        said.beyond.extend(text(vulnerability, "description").map(|text| ("spdx.description".to_owned(), text)));
        if said.subjects.is_empty() {
            taken.wrong(format!("{place}/to"), "a statement that is about nothing: left out");
            continue;
        }
        if status == Status::NotAffected && said.justification.is_none() && said.impact.is_none() {
            taken.wrong(&*place, "not affected needs a justification or an impact statement");
        }
        taken.statements.push(said);
    }
}

fn statement(element: &Value, ids: Vec<String>, status: Status, by_id: &HashMap<String, &Value>) -> Statement {
    let of = |key: &str| member(element, "security", key);
    let mut said = Statement::new("", Subject::Name(String::new()), status);
    said.vulnerability = ids;
    said.subjects = list(element, "to").iter().filter_map(Value::as_str).flat_map(|id| names(id, by_id)).collect();
    said.within = of("assessedElement").map(|id| names(&id, by_id)).unwrap_or_default();
    said.justification = of("justificationType").and_then(|word| SPDX.justification(&word));
    said.impact = of("impactStatement");
    said.action = of("actionStatement");
    said.since =
        ["modifiedTime", "publishedTime"].iter().find_map(|key| of(key)).and_then(|text| Instant::parse(&text));
    let creation = element.get("creationInfo").and_then(Value::as_str).and_then(|id| by_id.get(id));
    said.since = said
        .since
        .or_else(|| creation.and_then(|creation| text(creation, "created")).and_then(|text| Instant::parse(&text)));
    let by = of("suppliedBy").or_else(|| {
        creation.and_then(|creation| list(creation, "createdBy").first()).and_then(Value::as_str).map(str::to_owned)
    });
    said.author = by.map(|id| by_id.get(&id).and_then(|agent| text(agent, "name")).unwrap_or(id));
    for (key, beyond) in [
        ("statusNotes", "spdx.status_notes"),
        ("vexVersion", "spdx.vex_version"),
        ("actionStatementTime", "spdx.action_time"),
        ("impactStatementTime", "spdx.impact_time"),
    ] {
        said.beyond.extend(of(key).map(|text| (beyond.to_owned(), text)));
    }
    said
}

/// All names of an element.
fn names(id: &str, by_id: &HashMap<String, &Value>) -> Vec<Subject> {
    let Some(element) = by_id.get(id) else { return vec![Subject::Reference(id.to_owned())] };
    let mut names: Vec<Subject> = Vec::new();
    names.extend(member(element, "software", "packageUrl").map(Subject::Purl));
    for identifier in list(element, "externalIdentifier") {
        let kind = text(identifier, "externalIdentifierType").unwrap_or_default();
        let Some(name) = text(identifier, "identifier") else { continue };
        if matches!(kind.as_str(), "cpe22" | "cpe23" | "packageUrl") && !names.iter().any(|other| other.text() == name)
        {
            names.push(Subject::named(&name));
        }
    }
    if names.is_empty() && text(element, "name").as_deref() == Some(id) {
        return vec![Subject::Name(id.to_owned())];
    }
    if !names.iter().any(|name| name.text() == id) {
        names.insert(0, Subject::Reference(id.to_owned()));
    }
    names
}

pub(super) fn write(statements: &[Statement], head: &Head) -> Written {
    let mut lost: Vec<_> = foreign(statements, "spdx.").collect();
    let mut elements: BTreeMap<String, Value> = BTreeMap::new();
    let agent = format!("{}#author", head.id);
    let creation = "_:creation";
    let mut graph = vec![
        json!({ "type": "CreationInfo", "@id": creation, "specVersion": "3.0.1", "created": head.issued.text(), "createdBy": [agent] }),
        json!({ "type": "Organization", "spdxId": agent, "creationInfo": creation, "name": head.author }),
    ];
    for (index, statement) in statements.iter().enumerate() {
        let first = statement.vulnerability.first().map_or("", String::as_str);
        let vulnerability = format!("{}#{first}", head.id);
        let identifiers: Vec<_> = statement.vulnerability.iter().map(|id| identifier(id)).collect();
        let mut element = json!({ "type": "security_Vulnerability", "spdxId": vulnerability, "creationInfo": creation, "name": first, "externalIdentifier": identifiers });
        put(&mut element, "description", statement.beyond("spdx.description").next());
        elements.entry(vulnerability.clone()).or_insert(element);
        let to: Vec<_> =
            products(&statement.subjects).iter().map(|names| package(names, creation, &mut elements)).collect();
        let within: Vec<_> =
            products(&statement.within).iter().map(|names| package(names, creation, &mut elements)).collect();
        if within.len() > 1 {
            lost.push(Lost { statement: index, what: "all but the first component inside the product".to_owned() });
        }
        let author = statement.author.as_deref().unwrap_or(&head.author);
        let supplier = format!("{}#agent-{}", head.id, author.replace(|c: char| !c.is_ascii_alphanumeric(), "-"));
        if author != head.author {
            elements.entry(supplier.clone()).or_insert_with(
                || json!({ "type": "Organization", "spdxId": supplier, "creationInfo": creation, "name": author }),
            );
        }
        graph.push(assessment(
            statement,
            index,
            &vulnerability,
            &to,
            within.first(),
            (author != head.author).then_some(&supplier),
            head,
            creation,
        ));
    }
    let ids: Vec<_> =
        graph.iter().skip(1).chain(elements.values()).filter_map(|element| text(element, "spdxId")).collect();
    graph.extend(elements.into_values());
    graph.push(json!({ "type": "SpdxDocument", "spdxId": head.id, "creationInfo": creation, "name": head.title, "element": ids, "rootElement": ids, "profileConformance": ["core", "software", "security"] }));
    Written { document: json!({ "@context": CONTEXT, "@graph": graph }), lost }
}

#[expect(clippy::too_many_arguments, reason = "the parts of one element, each made before")]
fn assessment(
    statement: &Statement,
    index: usize,
    from: &str,
    to: &[String],
    within: Option<&String>,
    supplier: Option<&String>,
    head: &Head,
    creation: &str,
) -> Value {
    let class = SPDX.status_word(statement.status);
    let kind = match statement.status {
        Status::Affected => "affects",
        Status::NotAffected => "doesNotAffect",
        Status::Fixed => "fixedIn",
        Status::UnderInvestigation => "underInvestigationFor",
    };
    let mut element = json!({
        "type": format!("security_{class}"),
        "spdxId": format!("{}#statement-{index}", head.id),
        "creationInfo": creation,
        "relationshipType": kind,
        "from": from,
        "to": to,
    });
    put(&mut element, "security_assessedElement", within.map(String::as_str));
    put(&mut element, "security_suppliedBy", supplier.map(String::as_str));
    put(&mut element, "security_justificationType", statement.justification.map(|one| SPDX.justification_word(one)));
    put(&mut element, "security_impactStatement", statement.impact.as_deref());
    let action =
        statement.action.as_deref().or((statement.status == Status::Affected).then_some("No action is known yet."));
    put(&mut element, "security_actionStatement", action);
    put(&mut element, "security_publishedTime", statement.since.map(Instant::text).as_deref());
    for (key, beyond) in [
        ("statusNotes", "spdx.status_notes"),
        ("vexVersion", "spdx.vex_version"),
        ("actionStatementTime", "spdx.action_time"),
        ("impactStatementTime", "spdx.impact_time"),
    ] {
        put(&mut element, &format!("security_{key}"), statement.beyond(beyond).next());
    }
    element
}

fn identifier(id: &str) -> Value {
    let kind = if id.starts_with("CVE-") { "cve" } else { "securityOther" };
    json!({ "type": "ExternalIdentifier", "externalIdentifierType": kind, "identifier": id })
}

/// Writes the package that bears these names, and gives its id.
fn package(names: &[&Subject], creation: &str, elements: &mut BTreeMap<String, Value>) -> String {
    let id = names
        .iter()
        .find(|name| matches!(name, Subject::Reference(_)))
        .or(names.first())
        .map_or("", |name| name.text())
        .to_owned();
    if names.iter().all(|name| matches!(name, Subject::Reference(_))) {
        return id;
    }
    let mut element = json!({ "type": "software_Package", "spdxId": id, "creationInfo": creation, "name": id });
    let mut identifiers = Vec::new();
    for name in names {
        match name {
            Subject::Purl(purl) => put(&mut element, "software_packageUrl", Some(purl)),
            Subject::Cpe(cpe) => {
                let kind = if cpe.starts_with("cpe:/") { "cpe22" } else { "cpe23" };
                identifiers
                    .push(json!({ "type": "ExternalIdentifier", "externalIdentifierType": kind, "identifier": cpe }));
            }
            Subject::Name(_) | Subject::Reference(_) => {}
        }
    }
    if let (Value::Object(members), false) = (&mut element, identifiers.is_empty()) {
        members.insert("externalIdentifier".to_owned(), json!(identifiers));
    }
    elements.insert(id.clone(), element);
    id
}
