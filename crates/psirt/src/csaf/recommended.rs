//! Tests of section 6.2 that CSAF 2.0 has: products, dates, languages, hashes, identification.
//!
//! Not those that 2.1 added ([`crate::csaf::recommended_2_1`]), nor those on overlapping ranges ([`crate::csaf::overlap`]).

use crate::csaf::cvss::unnamed as unnamed_scores;
use crate::csaf::document::{Document, select, text, texts};
use crate::csaf::identifiers::{helpers, named_languages};
use crate::csaf::naming::named;
use crate::csaf::products::in_group;
use crate::csaf::schema::{short, unnamed};
use crate::csaf::sorted::unsorted;
use crate::csaf::tracking::history;
use crate::csaf::{Findings, In, Surroundings, Test, dates, test};
use serde_json::Value;
use std::collections::HashSet;

pub(super) const TESTS: &[Test] = &[
    test("6.2.1", In::Both, unused_product),
    test("6.2.2", In::Both, missing_remediation),
    test("6.2.3", In::Both, missing_score),
    test("6.2.4", In::Both, build_metadata),
    test("6.2.5", In::Both, older_initial_date),
    test("6.2.6", In::Both, older_current_date),
    test("6.2.7", In::Both, involvement_date),
    test("6.2.8", In::Both, only_md5),
    test("6.2.9", In::Both, only_sha1),
    test("6.2.10", In::V20, missing_label),
    test("6.2.11", In::Both, canonical),
    test("6.2.12", In::Both, missing_language),
    test("6.2.13", In::Both, sorting),
    test("6.2.14", In::Both, private_language),
    test("6.2.15", In::Both, default_language),
    test("6.2.16", In::Both, missing_helper),
    test("6.2.17", In::Both, cve_in_ids),
    test("6.2.18", In::Both, range_without_vers),
    test("6.2.19", In::Both, score_for_fixed),
    test("6.2.20", In::Both, additional),
];

type S<'s> = Surroundings<'s>;

fn unused_product(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    if document.root.get("vulnerabilities").is_none() && document.category() == "csaf_informational_advisory" {
        return;
    }
    let used: HashSet<_> = document.references().into_iter().map(|(_, id)| id).collect();
    for product in document.products.iter().filter(|product| !used.contains(product.id)) {
        findings
            .add(&product.place.key("product_id"), format!("nothing refers to the product `{}`", short(product.id)));
    }
}

fn missing_remediation(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for (place, vulnerability) in document.vulnerabilities() {
        let remediations = select(vulnerability, &place, "remediations/*");
        let covered: HashSet<_> = remediations.iter().flat_map(|(_, value)| document.named(value)).collect();
        let concerned =
            in_group(vulnerability, "affected").into_iter().chain(in_group(vulnerability, "under investigation"));
        for id in concerned.filter(|id| !covered.contains(id)) {
            findings.add(&place, format!("the product `{}` has no remediation, not even none_available", short(id)));
        }
    }
}

fn missing_score(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for (place, vulnerability) in document.vulnerabilities() {
        let contents = document.contents(&place, vulnerability);
        let covered: HashSet<_> = contents.iter().flat_map(|(_, metric)| texts(metric, "products")).collect();
        for id in in_group(vulnerability, "affected").into_iter().filter(|id| !covered.contains(id)) {
            findings.add(&place, format!("the affected product `{}` has no score", short(id)));
        }
    }
}

fn build_metadata(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for (place, number) in document.all("document/tracking/revision_history/*/number") {
        if number.as_str().is_some_and(|number| number.contains('+')) {
            findings.add(&place, "build metadata does not belong in the history");
        }
    }
}

fn date_of(document: &Document<'_>, pointer: &str) -> Option<time::OffsetDateTime> {
    document.text(pointer).and_then(dates::instant)
}

fn older_initial_date(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    let Some(initial) = date_of(document, "/document/tracking/initial_release_date") else { return };
    if history(document).first().is_some_and(|oldest| initial < oldest.date) {
        findings.at("/document/tracking/initial_release_date", "older than the oldest entry of the history");
    }
}

fn older_current_date(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    let Some(current) = date_of(document, "/document/tracking/current_release_date") else { return };
    if history(document).last().is_some_and(|newest| current < newest.date) {
        findings.at("/document/tracking/current_release_date", "older than the newest entry of the history");
    }
}

fn involvement_date(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for (place, involvement) in document.all("vulnerabilities/*/involvements/*") {
        if involvement.get("date").is_none() {
            findings.add(&place, "an involvement without a date");
        }
    }
}

fn only(document: &Document<'_>, algorithm: &str, findings: &mut Findings) {
    for (place, helper) in helpers(document) {
        for (place, hashes) in select(helper, &place, "hashes/*/file_hashes") {
            let all: Vec<_> = select(hashes, &place, "*");
            if !all.is_empty() && all.iter().all(|(_, hash)| text(hash, "algorithm") == Some(algorithm)) {
                findings.add(&place, format!("{algorithm} is the only hash: add a stronger one"));
            }
        }
    }
}

fn only_md5(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    only(document, "md5", findings);
}

fn only_sha1(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    only(document, "sha1", findings);
}

fn missing_label(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    if document.text("/document/distribution/tlp/label").is_none() {
        findings.at("/document/distribution/tlp/label", "no TLP label");
    }
}

/// The name that a document's file must have.
fn file_name(document: &Document<'_>) -> String {
    let id = document.text("/document/tracking/id").unwrap_or_default().to_lowercase();
    let mut name = String::new();
    for c in id.chars() {
        let kept = c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '+' | '-');
        if kept {
            name.push(c);
        } else if !name.ends_with('_') {
            name.push('_');
        }
    }
    format!("{name}.json")
}

/// The URLs at which the document says that it is published.
pub(super) fn canonical_urls<'v>(document: &Document<'v>) -> Vec<&'v str> {
    let name = file_name(document);
    let own = document
        .all("document/references/*")
        .into_iter()
        .filter(|(_, reference)| text(reference, "category") == Some("self"));
    let urls = own.filter_map(|(_, reference)| text(reference, "url"));
    let host = |url: &str| {
        url.strip_prefix("https://").and_then(|rest| rest.split('/').next()).is_some_and(|host| {
            let name = host.rsplit('@').next().unwrap_or_default().split(':').next().unwrap_or_default();
            !name.is_empty() && !host.contains(['?', '#'])
        })
    };
    urls.filter(|url| host(url) && url.rsplit('/').next() == Some(&*name)).collect()
}

fn canonical(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    if canonical_urls(document).is_empty() {
        findings.at(
            "/document/references",
            format!(
                "no reference of category self with an https URL that ends with `/{}`",
                short(&file_name(document))
            ),
        );
    }
}

fn missing_language(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    missing(document, "lang", findings);
}

pub(super) fn missing(document: &Document<'_>, member: &str, findings: &mut Findings) {
    match document.root.get("document").and_then(|head| head.get(member)) {
        None => findings.at("/document", format!("no `{member}`")),
        Some(Value::String(text)) if !text.is_empty() => {}
        Some(_) => findings.at(format!("/document/{member}"), "no value"),
    }
}

fn sorting(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for place in document.bytes.map(unsorted).unwrap_or_default() {
        findings.at(place, "stands after a member that it should precede");
    }
}

fn private_language(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for (place, value) in named_languages(document) {
        let Some(language) = value.as_str().map(str::to_lowercase) else { continue };
        let parts: Vec<_> = language.split('-').collect();
        let private = parts.iter().enumerate().any(|(index, part)| {
            let in_range = |low: &str, high: &str| part.len() == low.len() && (low..=high).contains(part);
            *part == "x"
                || (index == 0 && in_range("qaa", "qtz"))
                || (index > 0
                    && (in_range("qaaa", "qabx")
                        || *part == "aa"
                        || *part == "zz"
                        || in_range("qm", "qz")
                        || in_range("xa", "xz")))
        });
        if private {
            findings.add(&place, format!("`{}` holds a part for private use", short(&language)));
        }
    }
}

fn default_language(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for (place, value) in named_languages(document) {
        if value.as_str().is_some_and(|language| language.eq_ignore_ascii_case("i-default")) {
            findings.add(&place, "`i-default` says nothing");
        }
    }
}

fn missing_helper(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for product in
        document.products.iter().filter(|product| product.value.get("product_identification_helper").is_none())
    {
        findings.add(&product.place, format!("the product `{}` has no identification helper", short(product.id)));
    }
}

fn cve_in_ids(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for (place, value) in document.all("vulnerabilities/*/ids/*/text") {
        let plain: String = value.as_str().unwrap_or_default().chars().filter(|c| c.is_ascii_graphic()).collect();
        let is_cve = plain.strip_prefix("CVE-").and_then(|rest| rest.split_once('-')).is_some_and(|(year, number)| {
            year.len() == 4 && number.len() >= 4 && year.chars().chain(number.chars()).all(|c| c.is_ascii_digit())
        });
        if is_cve {
            findings.add(&place, "a CVE number belongs in `cve`");
        }
    }
}

fn range_without_vers(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for ((place, _), name) in named(document, "product_version_range") {
        if !name.starts_with("vers:") {
            findings.add(&place.key("name"), format!("`{}` is not written in VERS", short(name)));
        }
    }
}

/// Whether the environment leaves nothing of the impact: all modified impacts are none.
fn is_harmless(score: &Value, key: &str) -> bool {
    let vector = text(score, "vectorString").unwrap_or_default();
    let (metrics, members): (&[&str], &[&str]) = match key {
        "cvss_v2" => (&["TD:N"], &["targetDistribution"]),
        "cvss_v3" => (
            &["MC:N", "MI:N", "MA:N"],
            &["modifiedConfidentialityImpact", "modifiedIntegrityImpact", "modifiedAvailabilityImpact"],
        ),
        _ => (
            &["MVC:N", "MVI:N", "MVA:N", "MSC:N", "MSI:N", "MSA:N"],
            &[
                "modifiedVulnConfidentialityImpact",
                "modifiedVulnIntegrityImpact",
                "modifiedVulnAvailabilityImpact",
                "modifiedSubConfidentialityImpact",
                "modifiedSubIntegrityImpact",
                "modifiedSubAvailabilityImpact",
            ],
        ),
    };
    let mut pairs = metrics.iter().zip(members);
    pairs.all(|(metric, member)| {
        vector.split('/').any(|part| part == *metric) || matches!(text(score, member), Some("NONE" | "NEGLIGIBLE"))
    }) || score.get("environmentalScore").and_then(Value::as_f64) == Some(0.0)
}

fn score_for_fixed(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for (place, vulnerability) in document.vulnerabilities() {
        let fixed: HashSet<_> = in_group(vulnerability, "fixed").into_iter().collect();
        for ((place, content), metric) in document.contents(&place, vulnerability) {
            let Some(product) = texts(metric, "products").find(|product| fixed.contains(product)) else { continue };
            for key in ["cvss_v2", "cvss_v3", "cvss_v4"] {
                if content.get(key).is_some_and(|score| !is_harmless(score, key)) {
                    findings.add(
                        &place.key(key),
                        format!("the product `{}` is fixed; its environmental score should be 0", short(product)),
                    );
                }
            }
        }
    }
}

fn additional(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for place in unnamed(document.root, document.is_2_1).into_iter().chain(unnamed_scores(document)) {
        findings.add(&place, "not a member that the schema names");
    }
}
