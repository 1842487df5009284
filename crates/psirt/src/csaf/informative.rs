//! Tests of section 6.3, and those of 6.2 on namespaces of SSVC.
//!
//! Not a fetcher: a URL fails if its host can never resolve (RFC 6761), or if whoever calls says that it does not. Spelling and grammar (6.3.8, 6.3.16) need dictionaries and are
//! not tested.

use crate::csaf::document::{Document, Kind, select, text, texts};
use crate::csaf::identifiers::helpers;
use crate::csaf::naming::named;
use crate::csaf::products::in_group;
use crate::csaf::recommended_2_1::{is_official, registered};
use crate::csaf::schema::short;
use crate::csaf::sharing::{extensions, is_clear};
use crate::csaf::ssvc::{base, is_newest, is_registered, selections};
use crate::csaf::{Findings, In, Surroundings, Test, test};
use serde_json::Value;
use std::collections::HashSet;

pub(super) const TESTS: &[Test] = &[
    test("6.2.34", In::V21, unknown_namespace),
    test("6.2.35", In::V21, unregistered_clear),
    test("6.2.36", In::V21, extended_clear),
    test("6.2.37", In::V21, without_resource),
    test("6.3.1", In::Both, only_v2),
    test("6.3.2", In::Both, v3_0),
    test("6.3.3", In::Both, missing_cve),
    test("6.3.4", In::Both, missing_cwe),
    test("6.3.5", In::Both, short_hash),
    test("6.3.6", In::Both, url_of_others),
    test("6.3.7", In::Both, own_url),
    test("6.3.9", In::Both, branch_categories),
    test("6.3.10", In::Both, version_range),
    test("6.3.11", In::Both, v_in_front),
    test("6.3.12", In::V21, missing_v4),
    test("6.3.13", In::V21, older_point),
    test("6.3.14", In::V21, unregistered_not_clear),
    test("6.3.15", In::V21, extended_not_clear),
    test("6.3.17", In::V21, unregistered_licence),
    test("6.3.18", In::V21, rating),
    test("6.3.20", In::V21, unregistered_id),
    test("6.3.21.1", In::V21, essential_extension),
    test("6.3.21.2", In::V21, experimental_not_clear),
    test("6.3.21.3", In::V21, extension_document),
    test("6.3.21.4", In::V21, extension_branch),
    test("6.3.21.5", In::V21, extension_name),
    test("6.3.21.6", In::V21, extension_path),
    test("6.3.21.7", In::V21, extension_metrics),
    test("6.3.21.8", In::V21, extension_vulnerability),
    test("6.3.21.9", In::V21, extension_root),
    test("6.3.22", In::V21, nested_path),
];

type S<'s> = Surroundings<'s>;

/// Reports the selections whose namespace `is_bad`.
fn namespaces(document: &Document<'_>, is_bad: impl Fn(&str) -> bool, what: &str, findings: &mut Findings) {
    for (place, selection) in selections(document) {
        if text(selection, "namespace").is_some_and(&is_bad) {
            findings.add(&place.key("namespace"), what);
        }
    }
}

/// Namespaces for tests and examples.
fn is_reserved(base: &str) -> bool {
    base.split('#').next().is_some_and(|base| matches!(base, "test" | "example"))
}

fn unknown_namespace(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    let unknown = |namespace: &str| !is_registered(base(namespace).0) && !is_reserved(base(namespace).0);
    namespaces(document, unknown, "no known namespace of SSVC", findings);
}

fn is_unregistered(namespace: &str) -> bool {
    namespace.starts_with("x_")
}

fn unregistered_clear(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    if is_clear(document) {
        namespaces(document, is_unregistered, "an unregistered namespace in a TLP:CLEAR document", findings);
    }
}

fn unregistered_not_clear(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    if !is_clear(document) {
        namespaces(document, is_unregistered, "an unregistered namespace", findings);
    }
}

fn is_extended(namespace: &str) -> bool {
    namespace.contains('/') && !is_reserved(base(namespace).0)
}

fn extended_clear(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    if is_clear(document) {
        namespaces(document, is_extended, "a namespace with an extension in a TLP:CLEAR document", findings);
    }
}

fn extended_not_clear(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    if !is_clear(document) {
        namespaces(document, is_extended, "a namespace with an extension", findings);
    }
}

fn without_resource(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for (place, ssvc) in document.all("vulnerabilities/*/metrics/*/content/ssvc_v2") {
        let resources: Vec<_> = select(ssvc, &place, "decision_point_resources/*/summary")
            .iter()
            .filter_map(|(_, summary)| summary.as_str())
            .collect();
        for (place, selection) in select(ssvc, &place, "selections/*") {
            let namespace = text(selection, "namespace").unwrap_or_default();
            let known = is_registered(namespace) || is_reserved(base(namespace).0);
            if !known && !resources.iter().any(|summary| names(summary, namespace)) {
                findings.add(&place.key("namespace"), format!("no resource explains `{}`", short(namespace)));
            }
        }
    }
}

/// Whether a summary holds a namespace as a whole.
fn names(summary: &str, namespace: &str) -> bool {
    summary
        .split(|c: char| c.is_whitespace() || matches!(c, '\'' | '"' | '`' | ',' | ';'))
        .any(|word| word == namespace)
}

fn only_v2(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for (place, vulnerability) in document.vulnerabilities() {
        let contents = document.contents(&place, vulnerability);
        let newer = |content: &Value| ["cvss_v3", "cvss_v4"].iter().any(|key| content.get(*key).is_some());
        let by_newer: HashSet<_> = contents
            .iter()
            .filter(|((_, content), _)| newer(content))
            .flat_map(|(_, metric)| texts(metric, "products"))
            .collect();
        for ((place, content), metric) in &contents {
            if content.get("cvss_v2").is_some() && texts(metric, "products").any(|product| !by_newer.contains(product))
            {
                findings.add(place, "CVSS v2 is the only score");
            }
        }
    }
}

fn v3_0(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for (place, vulnerability) in document.vulnerabilities() {
        for ((place, content), _) in document.contents(&place, vulnerability) {
            let old = content.get("cvss_v3").is_some_and(|score| {
                text(score, "version") == Some("3.0")
                    || text(score, "vectorString").is_some_and(|vector| vector.starts_with("CVSS:3.0/"))
            });
            if old {
                findings.add(&place.key("cvss_v3"), "CVSS v3.0: use v3.1");
            }
        }
    }
}

fn missing_cve(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for (place, vulnerability) in document.vulnerabilities() {
        if text(vulnerability, "cve").is_none_or(str::is_empty) {
            findings.add(&place, "no CVE number");
        }
    }
}

fn missing_cwe(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for (place, vulnerability) in document.vulnerabilities() {
        if vulnerability.get("cwe").is_none() && vulnerability.get("cwes").is_none() {
            findings.add(&place, "no CWE");
        }
    }
}

/// A hash of fewer digits is short.
const HASH_DIGITS_MIN: usize = 64;

fn short_hash(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for (place, helper) in helpers(document) {
        for (place, value) in select(helper, &place, "hashes/*/file_hashes/*/value") {
            if value.as_str().is_some_and(|value| value.len() < HASH_DIGITS_MIN) {
                findings.add(&place, "a hash of fewer than 64 digits");
            }
        }
    }
}

/// Whether the host of a URL can never resolve.
fn is_dead(url: &str) -> bool {
    let host = url
        .split("//")
        .nth(1)
        .unwrap_or_default()
        .split(['/', '?', '#', ':'])
        .next()
        .unwrap_or_default()
        .to_lowercase();
    let last = host.rsplit('.').next().unwrap_or_default();
    matches!(last, "invalid" | "test" | "localhost" | "example")
}

/// References of a kind, and every other URL.
fn urls(document: &Document<'_>, around: &S<'_>, own: bool, findings: &mut Findings) {
    let mut found = Vec::new();
    for pattern in ["document/references/*", "vulnerabilities/*/references/*"] {
        for (place, reference) in document.all(pattern) {
            if (text(reference, "category") == Some("self")) == own {
                found.extend(select(reference, &place, "url"));
            }
        }
    }
    if !own {
        for pattern in [
            "vulnerabilities/*/remediations/*/url",
            "document/acknowledgments/*/urls/*",
            "vulnerabilities/*/acknowledgments/*/urls/*",
            "document/distribution/tlp/url",
            "document/aggregate_severity/namespace",
        ] {
            found.extend(document.all(pattern));
        }
        for (place, helper) in helpers(document) {
            found.extend(select(helper, &place, "sbom_urls/*"));
            found.extend(select(helper, &place, "x_generic_uris/*/uri"));
        }
    }
    for (place, url) in found {
        let fails = |url: &str| is_dead(url) || around.resolves.is_some_and(|resolves| !resolves(url));
        if url.as_str().is_some_and(fails) {
            findings.add(&place, format!("{} does not resolve", short(&url.to_string())));
        }
    }
}

fn url_of_others(document: &Document<'_>, around: &S<'_>, findings: &mut Findings) {
    urls(document, around, false, findings);
}

fn own_url(document: &Document<'_>, around: &S<'_>, findings: &mut Findings) {
    urls(document, around, true, findings);
}

fn branch_categories(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for product in document.products.iter().filter(|product| product.kind == Kind::Branch) {
        let mut wanted = ["vendor", "product_name", "product_version"].into_iter().peekable();
        for (category, _) in &product.branches {
            wanted.next_if(|next| next == category);
        }
        if let Some(missing) = wanted.next() {
            findings.add(&product.place, format!("no branch of category {missing} in its turn above"));
        }
    }
}

fn version_range(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for ((place, _), _) in named(document, "product_version_range") {
        findings.add(&place.key("category"), "a range of versions: name them if you can");
    }
}

fn v_in_front(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for ((place, _), name) in named(document, "product_version") {
        if name.strip_prefix(['v', 'V']).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())) {
            findings.add(&place.key("name"), format!("`{}` begins with a v", short(name)));
        }
    }
}

fn missing_v4(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for (place, vulnerability) in document.vulnerabilities() {
        let contents = document.contents(&place, vulnerability);
        let scored = |content: &Value| ["cvss_v2", "cvss_v3", "cvss_v4"].iter().any(|key| content.get(*key).is_some());
        let mut covered = HashSet::new();
        for ((place, content), metric) in contents.iter().filter(|((_, content), _)| scored(content)) {
            covered.extend(texts(metric, "products"));
            if content.get("cvss_v4").is_none() {
                findings.add(place, "no score of CVSS v4.0");
            }
        }
        for id in in_group(vulnerability, "affected").into_iter().filter(|id| !covered.contains(id)) {
            findings.add(&place, format!("the affected product `{}` has no CVSS score", short(id)));
        }
    }
}

fn older_point(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for (place, selection) in selections(document) {
        if !is_newest(selection) {
            findings.add(&place.key("version"), "there is a newer version of this decision point");
        }
    }
}

fn unregistered_licence(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    let ids =
        document.text("/document/license_expression").and_then(crate::csaf::sharing::licences).unwrap_or_default();
    for (id, exception) in ids {
        if !crate::csaf::sharing::is_listed(id, exception) {
            findings.at("/document/license_expression", format!("`{}` is not registered", short(id)));
        }
    }
}

fn rating(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for (place, _) in document.all("vulnerabilities/*/metrics/*/content/qualitative_severity_rating") {
        findings.add(&place, "a word in place of a score");
    }
}

fn unregistered_id(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for (place, id) in document.all("vulnerabilities/*/ids/*") {
        if text(id, "system_name").is_some_and(|system| registered(system, "").is_none()) {
            findings.add(&place.key("system_name"), "no registered system of vulnerability ids");
        }
    }
}

fn essential_extension(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for (place, extension) in extensions(document) {
        if text(extension, "category") == Some("essential") {
            findings.add(&place.key("category"), "an essential extension");
        }
    }
}

fn experimental_not_clear(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for (place, extension) in extensions(document).into_iter().filter(|_| !is_clear(document)) {
        if !is_official(text(extension, "$schema").unwrap_or_default()) {
            findings.add(&place, "an experimental extension");
        }
    }
}

fn present(document: &Document<'_>, pattern: &'static str, findings: &mut Findings) {
    for (place, _) in document.all(pattern) {
        findings.add(&place, "an extension is used here");
    }
}

fn extension_document(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    present(document, "document/x_extensions", findings);
}

fn of_products(document: &Document<'_>, is_kind: fn(Kind) -> bool, findings: &mut Findings) {
    for product in
        document.products.iter().filter(|product| is_kind(product.kind) && product.value.get("x_extensions").is_some())
    {
        findings.add(&product.place.key("x_extensions"), "an extension is used here");
    }
}

fn extension_branch(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    of_products(document, |kind| kind == Kind::Branch, findings);
}

fn extension_name(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    of_products(document, |kind| kind == Kind::Name, findings);
}

fn extension_path(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    of_products(document, |kind| matches!(kind, Kind::Relation(_)), findings);
}

fn extension_metrics(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    present(document, "vulnerabilities/*/metrics/*/content/x_extensions", findings);
}

fn extension_vulnerability(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    present(document, "vulnerabilities/*/x_extensions", findings);
}

fn extension_root(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    present(document, "x_extensions", findings);
}

fn nested_path(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    let made: HashSet<_> = document
        .products
        .iter()
        .filter(|product| matches!(product.kind, Kind::Relation(_)))
        .map(|product| product.id)
        .collect();
    for pattern in [
        "product_tree/product_paths/*/beginning_product_reference",
        "product_tree/product_paths/*/subpaths/*/next_product_reference",
    ] {
        for (place, id) in document.all(pattern) {
            if id.as_str().is_some_and(|id| made.contains(id)) {
                findings.add(&place, "a product path that begins or goes over another");
            }
        }
    }
}
