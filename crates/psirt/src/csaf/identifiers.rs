//! Tests on names that others give: CWE, languages, purls, hashes, CVE numbers, involvements.

use crate::csaf::document::{Document, Place, Placed, select, text};
use crate::csaf::schema::short;
use crate::csaf::{Findings, In, Surroundings, Test, cwe, dates, test};
use language_tags::LanguageTag;
use serde_json::Value;
use std::collections::HashSet;

pub(super) const TESTS: &[Test] = &[
    test("6.1.11", In::Both, weaknesses),
    test("6.1.12", In::Both, languages),
    test("6.1.13", In::Both, purls),
    test("6.1.23", In::Both, cve_twice),
    test("6.1.24", In::Both, involvement_twice),
    test("6.1.25", In::Both, hash_twice),
    test("6.1.28", In::Both, translation),
    test("6.1.42", In::V21, purls_differ),
];

type S<'s> = Surroundings<'s>;

/// Each weakness with the version of CWE that is meant: the named one, or the newest of the day of the document.
pub(super) fn named_weaknesses<'v>(document: &Document<'v>) -> Vec<(Placed<'v>, Option<usize>)> {
    let day =
        document.text("/document/tracking/current_release_date").and_then(|text| text.get(..10)).unwrap_or("9999");
    let mut found = document.all("vulnerabilities/*/cwe");
    found.extend(document.all("vulnerabilities/*/cwes/*"));
    let version = |value: &Value| match text(value, "version") {
        Some(version) => cwe::version(version),
        None => cwe::newest(day).or_else(|| cwe::newest("9999")).map(|(index, _)| index),
    };
    found.into_iter().map(|placed| (placed.clone(), version(placed.1))).collect()
}

fn weaknesses(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for ((place, value), version) in named_weaknesses(document) {
        let (id, name) = (text(value, "id").unwrap_or_default(), text(value, "name").unwrap_or_default());
        let Some(version) = version else {
            findings.add(&place.key("version"), "no known version of CWE");
            continue;
        };
        match cwe::weakness(id, version) {
            None => findings.add(&place.key("id"), format!("`{}` is not in that version of CWE", short(id))),
            Some(weakness) if !weakness.is_named(name) => {
                findings.add(&place.key("name"), format!("`{}` is not how {id} is named in that version", short(name)))
            }
            Some(_) => {}
        }
    }
}

/// The members that hold a language.
pub(super) fn named_languages<'v>(document: &Document<'v>) -> Vec<Placed<'v>> {
    let mut found = document.all("document/lang");
    found.extend(document.all("document/source_lang"));
    found
}

fn languages(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for (place, value) in named_languages(document) {
        let Some(language) = value.as_str() else { continue };
        let valid = LanguageTag::parse(language).is_ok_and(|tag| tag.validate().is_ok());
        if !valid {
            findings.add(&place, format!("`{}` is no language of BCP 47", short(language)));
        }
    }
}

/// Each product's helper.
pub(super) fn helpers<'v>(document: &Document<'v>) -> Vec<Placed<'v>> {
    let helper = "product_identification_helper";
    document.products.iter().flat_map(|product| select(product.value, &product.place, helper)).collect()
}

/// Each purl of each helper.
fn named_purls<'v>(document: &Document<'v>) -> Vec<(Place<'v>, &'v str)> {
    let mut found = Vec::new();
    for (place, helper) in helpers(document) {
        found.extend(select(helper, &place, "purl"));
        found.extend(select(helper, &place, "purls/*"));
    }
    found.into_iter().filter_map(|(place, purl)| Some((place, purl.as_str()?))).collect()
}

fn purls(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for (place, purl) in named_purls(document) {
        if !is_purl(purl) {
            findings.add(&place, format!("`{}` is no purl", short(purl)));
        }
    }
}

/// `pkg:type/namespace/name@version?qualifiers#subpath`: a type, a name, and percent signs that quote.
fn is_purl(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("pkg:") else { return false };
    let path = rest.split(['?', '#']).next().unwrap_or_default();
    let Some((kind, path)) = path.trim_start_matches('/').split_once('/') else { return false };
    let path = path.rsplit_once('@').map_or(path, |(path, _)| path);
    let segments: Vec<_> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let named = kind.starts_with(|c: char| c.is_ascii_alphabetic())
        && kind.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'));
    // Types whose packages are always of somebody.
    let least = if matches!(kind, "maven" | "github" | "bitbucket" | "swift" | "composer") { 2 } else { 1 };
    let most = if matches!(
        kind,
        "oci" | "pypi" | "cargo" | "gem" | "nuget" | "hackage" | "cran" | "conda" | "pub" | "bitnami" | "mlflow"
    ) {
        1
    } else {
        usize::MAX
    };
    named
        && (least..=most).contains(&segments.len())
        && text.split('%').skip(1).all(|hex| hex.get(..2).is_some_and(|hex| hex.chars().all(|c| c.is_ascii_hexdigit())))
}

fn purls_differ(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for (place, helper) in helpers(document) {
        let mut first: Option<String> = None;
        for (place, purl) in select(helper, &place, "purls/*") {
            let Some(purl) = purl.as_str() else { continue };
            let (front, rest) = purl.split_once('?').unwrap_or((purl, ""));
            let without = format!("{front}#{}", rest.split_once('#').map_or("", |(_, subpath)| subpath));
            if first.as_ref().is_some_and(|first| *first != without) {
                findings.add(&place, "differs from the first purl in more than qualifiers");
            }
            first.get_or_insert(without);
        }
    }
}

fn cve_twice(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    let mut known = HashSet::new();
    for (place, cve) in document.all("vulnerabilities/*/cve") {
        if !known.insert(cve) {
            findings.add(&place, format!("{cve} is there a second time"));
        }
    }
}

fn involvement_twice(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for (place, vulnerability) in document.vulnerabilities() {
        let mut known = HashSet::new();
        for (place, involvement) in select(vulnerability, &place, "involvements/*") {
            let Some(date) = text(involvement, "date") else { continue };
            let party = text(involvement, "party").unwrap_or_default();
            let instant = dates::instant(date)
                .map_or_else(|| date.to_owned(), |instant| instant.unix_timestamp_nanos().to_string());
            if !known.insert((party, instant)) {
                findings.add(&place, format!("a second involvement of the {} at the same time", short(party)));
            }
        }
    }
}

fn hash_twice(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for (place, helper) in helpers(document) {
        for (place, hashes) in select(helper, &place, "hashes/*") {
            let mut known = HashSet::new();
            for (place, hash) in select(hashes, &place, "file_hashes/*") {
                let algorithm = text(hash, "algorithm").unwrap_or_default();
                if !known.insert(algorithm) {
                    findings.add(
                        &place.key("algorithm"),
                        format!("a second hash by `{}` of the same file", short(algorithm)),
                    );
                }
            }
        }
    }
}

fn translation(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    let (language, source) = (document.text("/document/lang"), document.text("/document/source_lang"));
    if let (Some(language), Some(source)) = (language, source)
        && language.eq_ignore_ascii_case(source)
    {
        findings.at("/document/source_lang", "the same as the language of the document");
    }
}
