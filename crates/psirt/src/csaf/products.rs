//! Tests on products, their groups, their status and what refers to them.

use crate::csaf::document::{Document, Kind, Place, select, text, texts};
use crate::csaf::{Findings, In, Surroundings, Test, test};
use serde_json::Value;
use std::collections::{HashMap, HashSet};

pub(super) const TESTS: &[Test] = &[
    test("6.1.1", In::Both, undefined),
    test("6.1.2", In::Both, defined_twice),
    test("6.1.3", In::Both, circular),
    test("6.1.4", In::Both, undefined_group),
    test("6.1.5", In::Both, group_twice),
    test("6.1.6", In::Both, contradicting_status),
    test("6.1.7", In::Both, scores_twice),
    test("6.1.29", In::Both, remediation_without_product),
    test("6.1.32", In::Both, flag_without_product),
    test("6.1.33", In::Both, flags_twice),
    test("6.1.34", In::V21, too_deep),
    test("6.1.35", In::V21, contradicting_remediations),
    test("6.1.36", In::V21, remediation_against_status),
    test("6.1.56", In::V21, cvss_and_rating),
];

type S<'s> = Surroundings<'s>;

fn undefined(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    let known: HashSet<_> = document.products.iter().map(|product| product.id).collect();
    for (place, id) in document.references() {
        if !known.contains(id) {
            findings.add(&place, format!("the product `{id}` is not defined"));
        }
    }
}

fn defined_twice(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    let mut known = HashSet::new();
    for product in &document.products {
        if !known.insert(product.id) {
            findings.add(
                &product.place.key("product_id"),
                format!("the product `{}` is defined a second time", product.id),
            );
        }
    }
}

/// From each relation to the ids that it is made of.
fn parts<'v>(document: &Document<'v>) -> Vec<(Place<'v>, &'v str, Vec<&'v str>)> {
    let mut all = Vec::new();
    for (pattern, keys) in [
        ("product_tree/relationships/*", &["product_reference", "relates_to_product_reference"][..]),
        ("product_tree/product_paths/*", &["beginning_product_reference"][..]),
    ] {
        for (place, value) in document.all(pattern) {
            let id = value.get("full_product_name").and_then(|name| text(name, "product_id"));
            let mut of: Vec<_> = keys.iter().filter_map(|key| text(value, key)).collect();
            of.extend(
                select(value, &place, "subpaths/*").iter().filter_map(|(_, step)| text(step, "next_product_reference")),
            );
            if let Some(id) = id {
                all.push((place, id, of));
            }
        }
    }
    all
}

fn circular(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    let parts = parts(document);
    let made: HashMap<_, _> = parts.iter().map(|(_, id, of)| (*id, of)).collect();
    for (place, id, of) in &parts {
        let mut open: Vec<&str> = of.clone();
        let mut seen = HashSet::new();
        while let Some(next) = open.pop() {
            if next == *id {
                findings.add(place, format!("the product `{id}` is made of itself"));
                break;
            }
            if seen.insert(next) {
                open.extend(made.get(next).into_iter().flat_map(|of| of.iter().copied()));
            }
        }
    }
}

fn undefined_group(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for (place, id) in document.group_references() {
        if !document.groups.contains_key(id) {
            findings.add(&place, format!("the product group `{id}` is not defined"));
        }
    }
}

fn group_twice(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    let mut known = HashSet::new();
    for (place, id) in document.all("product_tree/product_groups/*/group_id") {
        if !known.insert(id) {
            findings.add(&place, format!("the product group {id} is defined a second time"));
        }
    }
}

/// The groups of product status that contradict each other.
const GROUPS: [(&str, &[&str]); 5] = [
    ("affected", &["first_affected", "known_affected", "last_affected"]),
    ("not affected", &["known_not_affected"]),
    ("fixed", &["first_fixed", "fixed"]),
    ("under investigation", &["under_investigation"]),
    ("unknown", &["unknown"]),
];

/// The ids in a status group of a vulnerability.
pub(super) fn in_group<'v>(vulnerability: &'v Value, name: &str) -> Vec<&'v str> {
    let lists = GROUPS.iter().find(|(group, _)| *group == name).map_or(&[][..], |(_, lists)| lists);
    let Some(status) = vulnerability.get("product_status") else { return Vec::new() };
    lists.iter().flat_map(|list| texts(status, list)).collect()
}

fn contradicting_status(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for (place, vulnerability) in document.vulnerabilities() {
        let mut known: HashMap<&str, &str> = HashMap::new();
        for (group, lists) in GROUPS {
            for list in lists {
                let path = format!("product_status/{list}");
                for (index, id) in vulnerability
                    .pointer(&format!("/{path}"))
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten()
                    .enumerate()
                {
                    let Some(id) = id.as_str() else { continue };
                    let other = *known.entry(id).or_insert(group);
                    if other != group {
                        findings.at(
                            format!("{place}/{path}/{index}"),
                            format!("the product `{id}` is {group} and {other}"),
                        );
                    }
                }
            }
        }
    }
}

fn scores_twice(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for (place, vulnerability) in document.vulnerabilities() {
        let mut known = HashSet::new();
        for ((place, content), metric) in document.contents(&place, vulnerability) {
            let source = text(metric, "source").unwrap_or_default();
            for key in ["cvss_v2", "cvss_v3", "cvss_v4"] {
                let Some(score) = content.get(key) else { continue };
                let version = text(score, "version").unwrap_or(key);
                for product in texts(metric, "products") {
                    if !known.insert((product, version, source)) {
                        findings.add(
                            &place.key(key),
                            format!("the product `{product}` has a second score of CVSS {version} by the same source"),
                        );
                    }
                }
            }
        }
    }
}

fn without_product(document: &Document<'_>, list: &'static str, what: &str, findings: &mut Findings) {
    for (place, vulnerability) in document.vulnerabilities() {
        for (place, element) in
            select(vulnerability, &place, list).into_iter().flat_map(|(place, list)| select(list, &place, "*"))
        {
            if element.get("product_ids").is_none() && element.get("group_ids").is_none() {
                findings.add(&place, format!("a {what} needs `product_ids` or `group_ids`"));
            }
        }
    }
}

fn remediation_without_product(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    without_product(document, "remediations", "remediation", findings);
}

fn flag_without_product(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    without_product(document, "flags", "flag", findings);
}

fn flags_twice(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    const VEX: [&str; 5] = [
        "component_not_present",
        "inline_mitigations_already_exist",
        "vulnerable_code_cannot_be_controlled_by_adversary",
        "vulnerable_code_not_in_execute_path",
        "vulnerable_code_not_present",
    ];
    for (place, vulnerability) in document.vulnerabilities() {
        let mut known: HashMap<&str, usize> = HashMap::new();
        for (index, (place, flag)) in select(vulnerability, &place, "flags/*").into_iter().enumerate() {
            if !text(flag, "label").is_some_and(|label| VEX.contains(&label)) {
                continue;
            }
            for product in document.named(flag) {
                if known.get(product).is_some_and(|other| *other != index) {
                    findings.add(&place, format!("the product `{product}` has a second justification"));
                }
                known.insert(product, index);
            }
        }
    }
}

/// A product may lie 30 branches deep.
const BRANCHES_MAX: usize = 30;

fn too_deep(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for product in document.products.iter().filter(|product| product.kind == Kind::Branch) {
        if product.branches.len() > BRANCHES_MAX {
            findings.add(
                &product.place,
                format!("{} branches lie above the product; the most is {BRANCHES_MAX}", product.branches.len()),
            );
        }
    }
}

fn remediations<'v>(
    document: &Document<'v>,
    place: &Place<'v>,
    vulnerability: &'v Value,
) -> Vec<(Place<'v>, &'v str, Vec<&'v str>)> {
    let list = select(vulnerability, place, "remediations/*").into_iter();
    list.map(|(place, value)| (place, text(value, "category").unwrap_or_default(), document.named(value))).collect()
}

fn contradicting_remediations(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    // One of these excludes every other of its row.
    const ALONE: [&str; 2] = ["none_available", "optional_patch"];
    const ONE_OF: [&str; 5] = ["fix_planned", "no_fix_planned", "vendor_fix", "none_available", "optional_patch"];
    for (place, vulnerability) in document.vulnerabilities() {
        let mut known: HashMap<&str, Vec<&str>> = HashMap::new();
        for (place, category, products) in remediations(document, &place, vulnerability) {
            for product in products {
                let others = known.entry(product).or_default();
                let clash = others.iter().find(|other| {
                    **other != category
                        && (ONE_OF.contains(&category) && ONE_OF.contains(other)
                            || ALONE.contains(&category)
                            || ALONE.contains(other))
                });
                if let Some(other) = clash {
                    findings
                        .add(&place, format!("the product `{product}` has the remediations {category} and {other}"));
                }
                others.push(category);
            }
        }
    }
}

fn remediation_against_status(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    const AGAINST: [(&str, &[&str]); 3] = [
        ("affected", &["optional_patch"]),
        ("not affected", &["workaround", "mitigation", "vendor_fix", "none_available"]),
        ("fixed", &["none_available", "fix_planned", "no_fix_planned", "vendor_fix", "mitigation", "workaround"]),
    ];
    for (place, vulnerability) in document.vulnerabilities() {
        for (group, categories) in AGAINST {
            let of: HashSet<_> = in_group(vulnerability, group).into_iter().collect();
            for (place, category, products) in remediations(document, &place, vulnerability) {
                if let Some(product) =
                    products.iter().find(|product| categories.contains(&category) && of.contains(**product))
                {
                    findings
                        .add(&place, format!("the product `{product}` is {group} and has the remediation {category}"));
                }
            }
        }
    }
}

fn cvss_and_rating(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for (place, vulnerability) in document.vulnerabilities() {
        let contents = document.contents(&place, vulnerability);
        let has_cvss =
            |content: &Value| ["cvss_v2", "cvss_v3", "cvss_v4"].iter().any(|key| content.get(*key).is_some());
        let mut scored = HashSet::new();
        for (_, metric) in contents.iter().filter(|((_, content), _)| has_cvss(content)) {
            scored.extend(texts(metric, "products").map(|product| (product, text(metric, "source"))));
        }
        for ((place, _), metric) in
            contents.iter().filter(|((_, content), _)| content.get("qualitative_severity_rating").is_some())
        {
            for product in
                texts(metric, "products").filter(|product| scored.contains(&(*product, text(metric, "source"))))
            {
                findings.add(
                    &place.key("qualitative_severity_rating"),
                    format!("the product `{product}` has a CVSS score by the same source"),
                );
            }
        }
    }
}
