//! Tests on the category of a document and on what each profile asks for.

use crate::csaf::document::{Document, Kind, select, text, texts};
use crate::csaf::products::in_group;
use crate::csaf::{Findings, In, Surroundings, Test, test};
use serde_json::Value;
use std::collections::{HashMap, HashSet};

pub(super) const TESTS: &[Test] = &[
    test("6.1.26", In::Both, category_name),
    test("6.1.27.1", In::Both, document_notes),
    test("6.1.27.2", In::Both, document_references),
    test("6.1.27.3", In::Both, no_vulnerabilities),
    test("6.1.27.4", In::Both, product_tree),
    test("6.1.27.5", In::Both, vulnerability_notes),
    test("6.1.27.6", In::Both, product_status),
    test("6.1.27.7", In::Both, vex_status),
    test("6.1.27.8", In::Both, vulnerability_id),
    test("6.1.27.9", In::Both, impact_statement),
    test("6.1.27.10", In::Both, action_statement),
    test("6.1.27.11", In::Both, vulnerabilities),
    test("6.1.27.12", In::V21, affected_products),
    test("6.1.27.13", In::V21, corresponding_affected),
    test("6.1.27.14", In::V21, withdrawn_notes),
    test("6.1.27.15", In::V21, withdrawn_products),
    test("6.1.27.16", In::V21, withdrawn_history),
    test("6.1.27.17", In::V21, reasoning_for_withdrawal),
    test("6.1.27.18", In::V21, reasoning_for_supersession),
    test("6.1.27.19", In::V21, superseding_document),
];

type S<'s> = Surroundings<'s>;

const VALUES_2_0: [&str; 5] = [
    "csaf_base",
    "csaf_security_incident_response",
    "csaf_informational_advisory",
    "csaf_security_advisory",
    "csaf_vex",
];
const VALUES_2_1: [&str; 8] = [
    "csaf_base",
    "csaf_security_incident_response",
    "csaf_informational_advisory",
    "csaf_security_advisory",
    "csaf_vex",
    "csaf_deprecated_security_advisory",
    "csaf_withdrawn",
    "csaf_superseded",
];

fn values(document: &Document<'_>) -> &'static [&'static str] {
    if document.is_2_1 { &VALUES_2_1 } else { &VALUES_2_0 }
}

/// Without dashes, underscores, white space and what cannot be seen, in lower case.
pub(super) fn bare(text: &str) -> String {
    let dash = |c: char| matches!(c, '-' | '_' | '\u{00ad}' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{ff3f}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}' | '\u{203f}' | '\u{2040}' | '\u{fe33}' | '\u{fe34}' | '\u{fe4d}'..='\u{fe4f}');
    let unseen = |c: char| {
        c.is_whitespace()
            || c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{180e}' | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' | '\u{034f}' | '\u{061c}')
    };
    text.chars().filter(|c| !dash(*c) && !unseen(*c)).flat_map(char::to_lowercase).collect()
}

fn category_name(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    let category = document.category();
    if values(document).contains(&category) || category.is_empty() {
        return;
    }
    let stripped = bare(category);
    let reserved = values(document).iter().skip(1).any(|value| {
        let value = bare(value);
        stripped == value || value.strip_prefix("csaf").is_some_and(|name| stripped == name)
    });
    if reserved {
        findings.at("/document/category", "too close to the name of a profile");
    } else if category.to_lowercase().starts_with("csaf_") {
        findings.at("/document/category", "`csaf_` is a reserved prefix");
    }
}

fn is_of(document: &Document<'_>, categories: &[&str]) -> bool {
    categories.contains(&document.category())
}

/// Security advisories by their names in both versions, and VEX.
fn is_advisory_or_vex(document: &Document<'_>) -> bool {
    is_of(document, &["csaf_security_advisory", "csaf_vex"])
        || (document.is_2_1 && is_of(document, &["csaf_deprecated_security_advisory"]))
}

fn is_withdrawn(document: &Document<'_>) -> bool {
    document.is_2_1 && is_of(document, &["csaf_withdrawn", "csaf_superseded"])
}

fn document_notes(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    let notes = document.all("document/notes/*");
    let has = notes
        .iter()
        .any(|(_, note)| matches!(text(note, "category"), Some("description" | "details" | "general" | "summary")));
    if is_of(document, &["csaf_informational_advisory", "csaf_security_incident_response"]) && !has {
        findings.at(
            "/document/notes",
            "this profile needs a note with the category description, details, general or summary",
        );
    }
}

fn document_references(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    let references = document.all("document/references/*");
    let has = references.iter().any(|(_, reference)| text(reference, "category").unwrap_or("external") == "external");
    if is_of(document, &["csaf_informational_advisory", "csaf_security_incident_response"]) && !has {
        findings.at("/document/references", "this profile needs a reference with the category external");
    }
}

fn no_vulnerabilities(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    let forbidden = is_of(document, &["csaf_informational_advisory"]) || is_withdrawn(document);
    if forbidden && document.root.get("vulnerabilities").is_some() {
        findings.at("/vulnerabilities", "this profile has no vulnerabilities");
    }
}

fn product_tree(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    if is_advisory_or_vex(document) && document.root.get("product_tree").is_none() {
        findings.at("/product_tree", "this profile needs a product tree");
    }
}

fn vulnerabilities(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    if is_advisory_or_vex(document) && document.root.get("vulnerabilities").is_none() {
        findings.at("/vulnerabilities", "this profile needs vulnerabilities");
    }
}

/// Each vulnerability has a member.
fn each_has(document: &Document<'_>, members: &[&str], findings: &mut Findings) {
    for (place, vulnerability) in document.vulnerabilities() {
        if !members.iter().any(|member| vulnerability.get(*member).is_some()) {
            findings.at(place.to_string(), format!("this profile needs {} here", members.join(" or ")));
        }
    }
}

fn vulnerability_notes(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    if is_advisory_or_vex(document) {
        each_has(document, &["notes"], findings);
    }
}

fn product_status(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    if is_of(document, &["csaf_security_advisory"])
        || (document.is_2_1 && is_of(document, &["csaf_deprecated_security_advisory"]))
    {
        each_has(document, &["product_status"], findings);
    }
}

fn vex_status(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    if !is_of(document, &["csaf_vex"]) {
        return;
    }
    for (place, vulnerability) in document.vulnerabilities() {
        let lists = ["fixed", "known_affected", "known_not_affected", "under_investigation"];
        if !lists
            .iter()
            .any(|list| vulnerability.get("product_status").is_some_and(|status| status.get(list).is_some()))
        {
            findings.at(format!("{place}/product_status"), format!("VEX needs one of {} here", lists.join(", ")));
        }
    }
}

fn vulnerability_id(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    if !is_of(document, &["csaf_vex"]) {
        return;
    }
    each_has(document, &["cve", "ids"], findings);
    for (place, vulnerability) in document.vulnerabilities().into_iter().filter(|_| document.is_2_1) {
        let ids = select(vulnerability, &place, "ids/*");
        let limited = |id: &Value| id.get("product_ids").is_some() || id.get("group_ids").is_some();
        if vulnerability.get("cve").is_some() || ids.is_empty() || !ids.iter().all(|(_, id)| limited(id)) {
            continue;
        }
        let covered: HashSet<_> = ids.iter().flat_map(|(_, id)| document.named(id)).collect();
        let status = vulnerability.get("product_status").and_then(Value::as_object).into_iter().flatten();
        for (list, products) in status {
            for (index, product) in products.as_array().into_iter().flatten().enumerate() {
                if product.as_str().is_some_and(|product| !covered.contains(product)) {
                    findings.at(
                        format!("{place}/product_status/{list}/{index}"),
                        format!("no id of the vulnerability is for the product {product}"),
                    );
                }
            }
        }
    }
}

fn uncovered(
    list: &str,
    covered: &HashSet<&str>,
    vulnerability: &Value,
    place: &str,
    what: &str,
    findings: &mut Findings,
) {
    let Some(status) = vulnerability.get("product_status") else { return };
    for (index, product) in texts(status, list).enumerate() {
        if !covered.contains(product) {
            findings
                .at(format!("{place}/product_status/{list}/{index}"), format!("the product `{product}` has no {what}"));
        }
    }
}

fn impact_statement(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for (place, vulnerability) in document.vulnerabilities().into_iter().filter(|_| is_of(document, &["csaf_vex"])) {
        let flags = select(vulnerability, &place, "flags/*").into_iter();
        let threats = select(vulnerability, &place, "threats/*").into_iter();
        let impacts = threats.filter(|(_, threat)| text(threat, "category") == Some("impact"));
        let covered = flags.chain(impacts).flat_map(|(_, value)| document.named(value)).collect();
        uncovered("known_not_affected", &covered, vulnerability, &place.to_string(), "impact statement", findings);
    }
}

fn action_statement(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for (place, vulnerability) in document.vulnerabilities().into_iter().filter(|_| is_of(document, &["csaf_vex"])) {
        let remediations = select(vulnerability, &place, "remediations/*").into_iter();
        let covered = remediations.flat_map(|(_, value)| document.named(value)).collect();
        uncovered("known_affected", &covered, vulnerability, &place.to_string(), "action statement", findings);
    }
}

fn affected_products(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for (place, vulnerability) in
        document.vulnerabilities().into_iter().filter(|_| is_of(document, &["csaf_security_advisory"]))
    {
        if vulnerability.pointer("/product_status/known_affected").is_none() {
            findings.at(format!("{place}/product_status"), "a security advisory needs `known_affected` here");
        }
    }
}

/// A product for comparison: the branch of its name, or a path with the branch of where it begins.
#[derive(Debug, Eq, Hash, PartialEq)]
enum Family<'v> {
    /// The branches down to the product name.
    Name(Vec<(&'v str, &'v str)>),
    /// What it is without branches.
    Alone(&'v str),
    /// A path: where it begins, and each step.
    Path(Box<Family<'v>>, Vec<(&'v str, &'v str)>),
}

fn family<'v>(document: &Document<'v>, id: &'v str) -> Option<Family<'v>> {
    let product = document.products.iter().find(|product| product.id == id)?;
    match product.kind {
        Kind::Branch => {
            let end = product.branches.iter().position(|(category, _)| *category == "product_name");
            Some(
                end.and_then(|end| product.branches.get(..=end))
                    .map_or(Family::Alone(id), |path| Family::Name(path.to_vec())),
            )
        }
        Kind::Name => Some(Family::Alone(id)),
        Kind::Relation(index) => {
            let path = document.all("product_tree/product_paths/*").into_iter().nth(index)?.1;
            let begin = text(path, "beginning_product_reference").filter(|begin| *begin != id)?;
            let begin = document
                .products
                .iter()
                .find(|product| product.id == begin && !matches!(product.kind, Kind::Relation(_)))?;
            let steps: Vec<_> = path.get("subpaths").and_then(Value::as_array).into_iter().flatten().collect();
            // What is installed with a product does not make it another one.
            let steps = steps.iter().filter(|step| text(step, "category") != Some("installed_with"));
            let steps: Vec<_> = steps
                .filter_map(|step| Some((text(step, "category")?, text(step, "next_product_reference")?)))
                .collect();
            let of = family(document, begin.id)?;
            Some(if steps.is_empty() { of } else { Family::Path(Box::new(of), steps) })
        }
    }
}

/// What a fix is installed with.
fn patched_by<'v>(document: &Document<'v>, id: &str) -> Vec<&'v str> {
    let mut found = Vec::new();
    for (place, path) in document.all("product_tree/product_paths/*") {
        let steps = select(path, &place, "subpaths/*");
        let with = |step: &Value| {
            text(step, "category") == Some("installed_with") && text(step, "next_product_reference") == Some(id)
        };
        if steps.iter().any(|(_, step)| with(step)) {
            found.extend(text(path, "beginning_product_reference"));
        }
    }
    found
}

fn corresponding_affected(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    if !is_of(document, &["csaf_security_advisory"]) {
        return;
    }
    for (place, vulnerability) in document.vulnerabilities() {
        let affected: HashSet<_> =
            in_group(vulnerability, "affected").into_iter().filter_map(|id| family(document, id)).collect();
        for id in in_group(vulnerability, "fixed") {
            let patched = patched_by(document, id);
            let mut families = patched.into_iter().chain([id]).filter_map(|id| family(document, id)).peekable();
            if families.peek().is_some() && !families.any(|family| affected.contains(&family)) {
                findings.at(
                    format!("{place}/product_status"),
                    format!("no affected version corresponds to the fixed product `{id}`"),
                );
            }
        }
    }
}

fn withdrawn_notes(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    let notes = document.all("document/notes/*");
    if is_withdrawn(document) && !notes.iter().any(|(_, note)| text(note, "category") == Some("description")) {
        findings.at("/document/notes", "this profile needs a note with the category description");
    }
}

fn withdrawn_products(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    if is_withdrawn(document) && document.root.get("product_tree").is_some() {
        findings.at("/product_tree", "this profile has no product tree");
    }
}

fn withdrawn_history(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    if is_withdrawn(document) && document.all("document/tracking/revision_history/*").len() < 2 {
        findings.at("/document/tracking/revision_history", "this profile needs the history of what it withdraws");
    }
}

/// Whether the document is in English or does not say.
pub(super) fn is_english(document: &Document<'_>) -> bool {
    document
        .text("/document/lang")
        .is_none_or(|language| language.split('-').next().is_some_and(|first| first.eq_ignore_ascii_case("en")))
}

/// Exactly one note has a title, and its category is the right one.
pub(super) fn one_note(document: &Document<'_>, title: &str, category: &str, findings: &mut Findings) {
    let notes = document.all("document/notes/*");
    let titled: Vec<_> = notes.iter().filter(|(_, note)| text(note, "title") == Some(title)).collect();
    match titled.as_slice() {
        [(place, note)] if text(note, "category") != Some(category) => {
            findings.add(place, format!("the category of this note must be {category}"))
        }
        [_] => {}
        other => findings.at("/document/notes", format!("{} notes have the title `{title}`, one must", other.len())),
    }
}

fn reasoning_for_withdrawal(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    if is_of(document, &["csaf_withdrawn"]) && is_english(document) {
        one_note(document, "Reasoning for Withdrawal", "description", findings);
    }
}

fn reasoning_for_supersession(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    if is_of(document, &["csaf_superseded"]) && is_english(document) {
        one_note(document, "Reasoning for Supersession", "description", findings);
    }
}

/// At least one reference begins with a summary, and all that do are external.
pub(super) fn superseding(document: &Document<'_>, beginning: &str, findings: &mut Findings) {
    let references = document.all("document/references/*");
    let found: HashMap<_, _> = references
        .iter()
        .filter(|(_, reference)| text(reference, "summary").is_some_and(|summary| summary.starts_with(beginning)))
        .map(|(place, reference)| (place.to_string(), *reference))
        .collect();
    if found.is_empty() {
        findings.at("/document/references", format!("no reference has a summary that begins with `{beginning}`"));
    }
    for (place, reference) in found {
        if text(reference, "category") != Some("external") {
            findings.at(place, "the category of this reference must be external");
        }
    }
}

fn superseding_document(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    if is_of(document, &["csaf_superseded"]) && is_english(document) {
        superseding(document, "Superseding Document", findings);
    }
}
