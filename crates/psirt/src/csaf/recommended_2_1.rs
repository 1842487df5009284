//! Tests of section 6.2 that CSAF 2.1 added: weaknesses, sharing, translations, licences, extensions.
//!
//! Not those on namespaces of SSVC ([`crate::csaf::informative`]) nor on ranges ([`crate::csaf::overlap`]). Translations are those that the
//! standard records: German.

use crate::csaf::document::{Document, Place, select, text, texts};
use crate::csaf::identifiers::{helpers, named_weaknesses};
use crate::csaf::naming::named;
use crate::csaf::products::in_group;
use crate::csaf::profiles::{bare, is_english, one_note, superseding};
use crate::csaf::recommended::{canonical_urls, missing};
use crate::csaf::schema::short;
use crate::csaf::sharing::{EVERYBODY, NOBODY, extensions, group, has_unlisted, is_clear, is_listed, licences};
use crate::csaf::tracking::history;
use crate::csaf::{Findings, In, Surroundings, Test, cwe, dates, test};
use serde_json::Value;
use std::collections::{HashMap, HashSet};

pub(super) const TESTS: &[Test] = &[
    test("6.2.21", In::V21, same_dates),
    test("6.2.22", In::V21, id_in_title),
    test("6.2.23", In::V21, deprecated_weakness),
    test("6.2.24", In::V21, older_cwe),
    test("6.2.25", In::V21, weakness_not_allowed),
    test("6.2.26", In::V21, weakness_with_review),
    test("6.2.27", In::V21, discouraged_remediation),
    test("6.2.28", In::V21, max_uuid),
    test("6.2.29", In::V21, nil_uuid),
    test("6.2.30", In::V21, group_on_clear),
    test("6.2.31", In::V21, hardware_and_software),
    test("6.2.32", In::V21, shared_helper),
    test("6.2.33", In::V21, future_disclosure),
    test("6.2.38", In::V21, deprecated_profile),
    test("6.2.39.1", In::V21, missing_fixed),
    test("6.2.39.2", In::V21, translated_withdrawal),
    test("6.2.39.3", In::V21, translated_supersession),
    test("6.2.39.4", In::V21, translated_document),
    test("6.2.39.5", In::V21, withdrawn_extension),
    test("6.2.40", In::V21, description_without_product),
    test("6.2.41", In::V21, old_epss),
    test("6.2.43", In::V21, missing_licence),
    test("6.2.44", In::V21, deprecated_licence),
    test("6.2.45", In::V21, unknown_licence),
    test("6.2.46", In::V21, translated_licence),
    test("6.2.47", In::V21, own_rating),
    test("6.2.48", In::V21, vendor_name),
    test("6.2.52", In::V21, unknown_hash),
    test("6.2.53", In::V21, registered_text),
    test("6.2.54.1", In::V21, unregistered_extension),
    test("6.2.54.2", In::V21, unofficial_extension),
    test("6.2.54.3", In::V21, critical_extension),
    test("6.2.54.4", In::V21, experimental_extension),
];

type S<'s> = Surroundings<'s>;

fn missing_licence(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    missing(document, "license_expression", findings);
}

fn same_dates(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for pair in history(document).windows(2) {
        if let [a, b] = pair
            && a.date == b.date
        {
            findings.add(&b.place.key("date"), "the same instant as another entry");
        }
    }
}

fn id_in_title(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    let (title, id) = (document.text("/document/title"), document.text("/document/tracking/id"));
    if let (Some(title), Some(id)) = (title, id)
        && title.to_lowercase().contains(&id.to_lowercase())
    {
        findings.at("/document/title", "the title holds the id of the document");
    }
}

/// Reports the weaknesses whose use in their version `is_bad`.
fn usage(document: &Document<'_>, is_bad: fn(&str) -> bool, what: &str, findings: &mut Findings) {
    for ((place, value), version) in named_weaknesses(document) {
        let known = version.and_then(|version| cwe::weakness(text(value, "id").unwrap_or_default(), version));
        if known.is_some_and(|weakness| is_bad(weakness.usage)) {
            findings.add(&place, what);
        }
    }
}

fn deprecated_weakness(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    usage(document, |usage| usage.starts_with('!'), "deprecated in that version of CWE", findings);
}

fn weakness_not_allowed(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    usage(document, |usage| usage.ends_with(['P', 'D']), "not allowed for vulnerabilities", findings);
}

fn weakness_with_review(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    usage(document, |usage| usage.ends_with('R'), "allowed for vulnerabilities after review only", findings);
}

fn older_cwe(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    let day =
        document.text("/document/tracking/current_release_date").and_then(|text| text.get(..10)).unwrap_or_default();
    let Some((newest, name)) = cwe::newest(day) else { return };
    for (place, value) in document.all("vulnerabilities/*/cwes/*") {
        if text(value, "version").and_then(cwe::version).is_some_and(|version| version != newest) {
            findings.add(&place.key("version"), format!("the newest version of that day was {name}"));
        }
    }
}

fn discouraged_remediation(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    const AGAINST: [(&str, &[&str]); 4] = [
        ("not affected", &["fix_planned", "no_fix_planned"]),
        ("fixed", &["optional_patch"]),
        ("under investigation", &["workaround", "mitigation", "vendor_fix", "fix_planned"]),
        ("unknown", &["workaround", "mitigation", "vendor_fix", "fix_planned"]),
    ];
    for (place, vulnerability) in document.vulnerabilities() {
        for (group, categories) in AGAINST {
            let of: HashSet<_> = in_group(vulnerability, group).into_iter().collect();
            for (place, remediation) in select(vulnerability, &place, "remediations/*") {
                let category = text(remediation, "category").unwrap_or_default();
                if categories.contains(&category) && document.named(remediation).iter().any(|id| of.contains(id)) {
                    findings.add(&place, format!("{category} for a product that is {group}"));
                }
            }
        }
    }
}

fn max_uuid(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    if group(document) == Some(EVERYBODY) {
        findings.at("/document/distribution/sharing_group/id", "a sharing group of everybody is none");
    }
}

fn nil_uuid(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    if group(document) == Some(NOBODY) {
        findings.at("/document/distribution/sharing_group/id", "a sharing group of nobody");
    }
}

fn group_on_clear(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    if is_clear(document) && group(document).is_some() {
        findings.at("/document/distribution/sharing_group", "a TLP:CLEAR document needs no sharing group");
    }
}

fn hardware_and_software(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    let mut hosts = HashSet::new();
    for pattern in [
        "product_tree/product_paths/*/beginning_product_reference",
        "product_tree/product_paths/*/subpaths/*/next_product_reference",
    ] {
        hosts.extend(document.all(pattern).into_iter().filter_map(|(_, id)| id.as_str()));
    }
    for product in &document.products {
        let numbered = product.value.get("product_identification_helper").is_some_and(|helper| {
            ["serial_numbers", "model_numbers"].iter().any(|key| texts(helper, key).next().is_some())
        });
        if numbered && !hosts.contains(product.id) {
            findings.add(
                &product.place,
                "a thing with a number that nothing runs on: hardware and its software should be two products",
            );
        }
    }
}

fn shared_helper(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    let mut known: HashMap<String, &str> = HashMap::new();
    for product in &document.products {
        let Some(helper) = product.value.get("product_identification_helper") else { continue };
        let at = product.place.key("product_identification_helper");
        let mut names: Vec<(Place<'_>, String)> = Vec::new();
        for pattern in
            ["purls/*", "skus/*", "serial_numbers/*", "model_numbers/*", "sbom_urls/*", "cpe", "x_generic_uris/*"]
        {
            names.extend(
                select(helper, &at, pattern).into_iter().map(|(place, value)| (place, format!("{pattern} {value}"))),
            );
        }
        for (place, hashes) in select(helper, &at, "hashes/*/file_hashes") {
            let mut all: Vec<_> = hashes.as_array().into_iter().flatten().map(Value::to_string).collect();
            all.sort();
            names.push((place, all.join(" ")));
        }
        for (place, name) in names {
            if *known.entry(name).or_insert(product.id) != product.id {
                findings.add(&place, format!("another product has the same, not `{}` alone", short(product.id)));
            }
        }
    }
}

fn future_disclosure(document: &Document<'_>, around: &S<'_>, findings: &mut Findings) {
    let Some(newest) = history(document).last().map(|entry| entry.date) else { return };
    let now = around
        .now
        .and_then(|now| time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(now.0).saturating_mul(1000)).ok());
    for (place, value) in document.all("vulnerabilities/*/disclosure_date") {
        let date = value.as_str().and_then(dates::instant);
        if date.is_some_and(|date| date > newest && now.is_some_and(|now| date <= now)) {
            findings.add(&place, "disclosed since, but the document has no newer revision");
        }
    }
}

fn deprecated_profile(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    if document.category().starts_with("csaf_deprecated_") {
        findings.at("/document/category", "a deprecated profile");
    }
}

fn missing_fixed(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    if document.category() != "csaf_security_advisory" {
        return;
    }
    for (place, vulnerability) in document.vulnerabilities() {
        let fixes = select(vulnerability, &place, "remediations/*").into_iter();
        let has_fix = fixes.into_iter().any(|(_, value)| text(value, "category") == Some("vendor_fix"));
        if has_fix && in_group(vulnerability, "fixed").is_empty() {
            findings.add(&place.key("product_status"), "a vendor_fix, but no fixed product");
        }
    }
}

/// The terms of the standard whose translation is recorded, in German.
const GERMAN: [(&str, &str); 4] = [
    ("Reasoning for Withdrawal", "Begründung für die Zurückziehung"),
    ("Reasoning for Supersession", "Begründung für die Ersetzung"),
    ("Superseding Document", "Ersetzendes Dokument"),
    ("License", "Lizenz"),
];

/// The translation of a term into the language of the document, if it is not English and one is recorded.
fn translated(document: &Document<'_>, term: &str) -> Option<&'static str> {
    let language = document.text("/document/lang").unwrap_or_default().to_lowercase();
    let is_german = language.split('-').next() == Some("de");
    GERMAN.iter().find(|(english, _)| is_german && *english == term).map(|(_, german)| *german)
}

fn translated_note(document: &Document<'_>, category: &str, term: &str, findings: &mut Findings) {
    if document.category() == category
        && let Some(title) = translated(document, term)
    {
        one_note(document, title, "description", findings);
    }
}

fn translated_withdrawal(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    translated_note(document, "csaf_withdrawn", "Reasoning for Withdrawal", findings);
}

fn translated_supersession(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    translated_note(document, "csaf_superseded", "Reasoning for Supersession", findings);
}

fn translated_document(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    if document.category() == "csaf_superseded"
        && let Some(beginning) = translated(document, "Superseding Document")
    {
        superseding(document, beginning, findings);
    }
}

fn translated_licence(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    if !is_english(document)
        && has_unlisted(document)
        && let Some(title) = translated(document, "License")
    {
        one_note(document, title, "legal_disclaimer", findings);
    }
}

fn withdrawn_extension(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    if matches!(document.category(), "csaf_withdrawn" | "csaf_superseded") {
        for (place, _) in extensions(document) {
            findings.add(&place, "a withdrawn document has no extensions");
        }
    }
}

fn description_without_product(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for pattern in ["document/notes/*", "vulnerabilities/*/notes/*"] {
        for (place, note) in document.all(pattern) {
            let title = text(note, "title").unwrap_or_default();
            let describes = title.contains("Product Description") || title.contains("Produktbeschreibung");
            if describes
                && text(note, "category") == Some("description")
                && note.get("product_ids").is_none()
                && note.get("group_ids").is_none()
            {
                findings.add(&place, "a product description without `product_ids` or `group_ids`");
            }
        }
    }
}

/// An EPSS value is old after this many days.
const EPSS_DAYS_MAX: i64 = 15;

fn old_epss(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    let Some(newest) = history(document).last().map(|entry| entry.date).filter(|_| document.is_released()) else {
        return;
    };
    for (place, vulnerability) in document.vulnerabilities() {
        let stamps = select(vulnerability, &place, "metrics/*/content/epss/timestamp");
        let youngest = stamps.iter().filter_map(|(_, value)| value.as_str().and_then(dates::instant)).max();
        if youngest
            .and_then(|youngest| youngest.checked_add(time::Duration::days(EPSS_DAYS_MAX)))
            .is_some_and(|end| end < newest)
        {
            findings.add(
                &place,
                format!("the youngest EPSS value is more than {EPSS_DAYS_MAX} days older than the newest revision"),
            );
        }
    }
}

/// The identifiers of the licence expression.
fn named_licences<'v>(document: &Document<'v>) -> Vec<(&'v str, bool)> {
    document.text("/document/license_expression").and_then(licences).unwrap_or_default()
}

fn deprecated_licence(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for (id, exception) in named_licences(document) {
        let plain = id.strip_suffix('+').unwrap_or(id);
        let deprecated = if exception {
            spdx::exception_id(plain).is_some_and(|id| id.is_deprecated())
        } else {
            spdx::license_id(plain).is_some_and(|id| id.is_deprecated())
        };
        if deprecated || spdx::license_id(id).is_some_and(|id| id.is_deprecated()) {
            findings.at("/document/license_expression", format!("`{}` is deprecated", short(id)));
        }
    }
}

fn unknown_licence(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for (id, exception) in named_licences(document) {
        let others =
            id.starts_with("LicenseRef-") && !id.starts_with("LicenseRef-scancode-") || id.starts_with("AdditionRef-");
        if !others && !is_listed(id, exception) {
            findings.at("/document/license_expression", format!("`{}` is not listed", short(id)));
        }
    }
}

fn own_rating(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    let urls = canonical_urls(document);
    for (place, metric) in document.all("vulnerabilities/*/metrics/*") {
        let own = text(metric, "source").is_none_or(|source| urls.contains(&source));
        if own && metric.pointer("/content/qualitative_severity_rating").is_some() {
            findings
                .add(&place.key("content").key("qualitative_severity_rating"), "the issuing party should give a score");
        }
    }
}

fn vendor_name(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for ((place, _), name) in named(document, "vendor") {
        if bare(name) == "opensource" {
            findings.add(&place.key("name"), "open source is no vendor");
        }
    }
}

/// The algorithms that the standard names.
const HASHES: [&str; 20] = [
    "md5",
    "sha1",
    "sha224",
    "sha256",
    "sha384",
    "sha512",
    "sha512-224",
    "sha512-256",
    "sha3-224",
    "sha3-256",
    "sha3-384",
    "sha3-512",
    "shake128",
    "shake256",
    "blake2b512",
    "blake2s256",
    "ripemd160",
    "rmd160",
    "sm3",
    "whirlpool",
];

fn unknown_hash(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for (place, helper) in helpers(document) {
        for (place, algorithm) in select(helper, &place, "hashes/*/file_hashes/*/algorithm") {
            if algorithm.as_str().is_some_and(|algorithm| !HASHES.contains(&algorithm)) {
                findings.add(&place, format!("{} is no hash algorithm that is known", short(&algorithm.to_string())));
            }
        }
    }
}

/// Whether a text is one of a registered vulnerability id system; none if the system is not registered.
pub(super) fn registered(system: &str, text: &str) -> Option<bool> {
    let digits = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    match system {
        "https://github.com/oasis-tcs/csaf" => {
            Some(text.strip_prefix('#').is_some_and(|number| digits(number) && !number.starts_with('0')))
        }
        "https://euvd.enisa.europa.eu" => {
            Some(text.strip_prefix("EUVD-").and_then(|rest| rest.split_once('-')).is_some_and(|(year, number)| {
                digits(year) && year.len() == 4 && !year.starts_with('0') && digits(number) && number.len() >= 4
            }))
        }
        _ => None,
    }
}

fn registered_text(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for (place, id) in document.all("vulnerabilities/*/ids/*") {
        if registered(text(id, "system_name").unwrap_or_default(), text(id, "text").unwrap_or_default()) == Some(false)
        {
            findings.add(&place.key("text"), "not written as the registered system writes its ids");
        }
    }
}

/// Each extension with its schema's URL.
fn each_extension(
    document: &Document<'_>,
    is_bad: fn(&Document<'_>, &str, &Value) -> bool,
    what: &str,
    findings: &mut Findings,
) {
    for (place, extension) in extensions(document) {
        if is_bad(document, text(extension, "$schema").unwrap_or_default(), extension) {
            findings.add(&place, what);
        }
    }
}

/// No registry of extensions has entries yet: what is not published by OASIS is neither registered nor official.
pub(super) fn is_official(url: &str) -> bool {
    url.starts_with("https://docs.oasis-open.org/csaf/")
}

fn unregistered_extension(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    each_extension(document, |_, url, _| !is_official(url), "an extension that is not registered", findings);
}

fn unofficial_extension(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    each_extension(document, |_, url, _| !is_official(url), "an extension that is not official", findings);
}

fn critical_extension(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    each_extension(
        document,
        |_, _, extension| extension.get("critical") == Some(&Value::Bool(true)),
        "a critical extension",
        findings,
    );
}

fn experimental_extension(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    each_extension(
        document,
        |document, url, _| is_clear(document) && !is_official(url),
        "an experimental extension in a TLP:CLEAR document",
        findings,
    );
}
