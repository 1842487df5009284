//! Tests on versions, revisions and dates.

use crate::csaf::document::{Document, Place, Placed, select, text};
use crate::csaf::schema::short;
use crate::csaf::{Findings, In, Surroundings, Test, dates, test};
use serde_json::Value;
use std::collections::HashSet;
use time::OffsetDateTime;

pub(super) const TESTS: &[Test] = &[
    test("6.1.14", In::Both, sorted),
    test("6.1.15", In::Both, translator),
    test("6.1.16", In::Both, latest_version),
    test("6.1.17", In::Both, draft),
    test("6.1.18", In::Both, released_history),
    test("6.1.19", In::Both, pre_release_entry),
    test("6.1.20", In::Both, non_draft_version),
    test("6.1.21", In::Both, missing_entry),
    test("6.1.22", In::Both, entry_twice),
    test("6.1.30", In::Both, mixed_versioning),
    test("6.1.37", In::V21, date_and_time),
    test("6.1.45", In::V21, disclosure),
    test("6.1.49", In::V21, ssvc_date),
    test("6.1.51", In::V21, epss_date),
    test("6.1.52", In::V21, exploitation_after_history),
    test("6.1.53", In::V21, exploitation_after_its_record),
];

type S<'s> = Surroundings<'s>;

/// A version of a document: an integer, or three numbers with a pre-release part.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Version<'v> {
    pub(super) numbers: [u64; 3],
    pub(super) pre_release: Option<&'v str>,
    pub(super) is_integer: bool,
}

impl<'v> Version<'v> {
    pub(super) fn parse(text: &'v str) -> Option<Self> {
        if let Ok(major) = text.parse() {
            return Some(Self { numbers: [major, 0, 0], pre_release: None, is_integer: true });
        }
        let core = text.split('+').next()?;
        let (core, pre_release) = core.split_once('-').map_or((core, None), |(core, pre)| (core, Some(pre)));
        let mut parts = core.split('.').map(|part| part.parse().ok());
        let numbers = [parts.next()??, parts.next()??, parts.next()??];
        parts.next().is_none().then_some(Self { numbers, pre_release, is_integer: false })
    }

    /// The order of SemVer.
    fn compare(&self, other: &Self) -> std::cmp::Ordering {
        self.numbers.cmp(&other.numbers).then_with(|| match (self.pre_release, other.pre_release) {
            (None, None) => std::cmp::Ordering::Equal,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some(_), None) => std::cmp::Ordering::Less,
            (Some(a), Some(b)) => pre_release(a, b),
        })
    }
}

fn pre_release(a: &str, b: &str) -> std::cmp::Ordering {
    let mut pairs = a.split('.').zip(b.split('.')).map(|(a, b)| match (a.parse::<u64>(), b.parse::<u64>()) {
        (Ok(a), Ok(b)) => a.cmp(&b),
        (Ok(_), Err(_)) => std::cmp::Ordering::Less,
        (Err(_), Ok(_)) => std::cmp::Ordering::Greater,
        (Err(_), Err(_)) => a.cmp(b),
    });
    pairs.find(|order| order.is_ne()).unwrap_or_else(|| a.split('.').count().cmp(&b.split('.').count()))
}

/// An entry of the revision history.
pub(super) struct Entry<'v> {
    pub(super) place: Place<'v>,
    pub(super) date: OffsetDateTime,
    pub(super) number: &'v str,
    pub(super) version: Version<'v>,
}

/// The entries that can be read, by date, then number.
pub(super) fn history<'v>(document: &Document<'v>) -> Vec<Entry<'v>> {
    let list = document.all("document/tracking/revision_history/*").into_iter();
    let mut entries: Vec<_> = list
        .filter_map(|(place, value)| {
            let number = text(value, "number")?;
            Some(Entry { place, date: dates::instant(text(value, "date")?)?, number, version: Version::parse(number)? })
        })
        .collect();
    entries.sort_by(|a, b| a.date.cmp(&b.date).then_with(|| a.version.compare(&b.version)));
    entries
}

fn sorted(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    let entries = history(document);
    for pair in entries.windows(2) {
        if let [earlier, later] = pair
            && later.version.compare(&earlier.version).is_lt()
        {
            findings.add(
                &later.place,
                format!("`{}` is later than `{}` but the smaller version", short(later.number), short(earlier.number)),
            );
        }
    }
}

fn translator(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    if document.text("/document/publisher/category") != Some("translator") {
        return;
    }
    match document.root.pointer("/document/source_lang") {
        None => findings.at("/document", "a translator's document needs `source_lang`"),
        Some(Value::String(language)) if !language.is_empty() => {}
        Some(_) => findings.at("/document/source_lang", "a translator's document needs a language here"),
    }
}

fn latest_version(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    let entries = history(document);
    let (Some(last), Some(number)) = (entries.last(), document.text("/document/tracking/version")) else { return };
    let Some(version) = Version::parse(number) else { return };
    let is_draft = document.text("/document/tracking/status") == Some("draft");
    let same = version.numbers == last.version.numbers
        && version.is_integer == last.version.is_integer
        && (is_draft || version.pre_release == last.version.pre_release);
    if !same {
        findings.at(
            "/document/tracking/version",
            format!("`{}` is not the newest of the history, `{}`", short(number), short(last.number)),
        );
    }
}

fn draft(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    let Some(version) = document.text("/document/tracking/version").and_then(Version::parse) else { return };
    let unready = version.numbers[0] == 0 || version.pre_release.is_some();
    if unready && document.text("/document/tracking/status") != Some("draft") {
        findings.at("/document/tracking/status", "a version 0 or with a pre-release part is a draft");
    }
}

fn released_history(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    if document.is_released() {
        for entry in history(document).iter().filter(|entry| entry.version.numbers[0] == 0) {
            findings.add(&entry.place.key("number"), "a released document has no version 0 in its history");
        }
    }
}

fn pre_release_entry(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for entry in history(document).iter().filter(|entry| entry.version.pre_release.is_some()) {
        findings.add(&entry.place.key("number"), "a version with a pre-release part does not belong in the history");
    }
}

fn non_draft_version(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    let version = document.text("/document/tracking/version").and_then(Version::parse);
    if document.is_released() && version.is_some_and(|version| version.pre_release.is_some()) {
        findings.at("/document/tracking/version", "a released document has no pre-release part in its version");
    }
}

fn missing_entry(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    let entries = history(document);
    if let Some(first) = entries.first().filter(|first| first.version.numbers[0] > 1) {
        findings.add(&first.place, format!("the history begins with `{}`, not with 0 or 1", short(first.number)));
    }
    let known: HashSet<_> = entries.iter().map(|entry| entry.version.numbers).collect();
    for pair in entries.windows(2) {
        let [earlier, later] = pair else { continue };
        if let Some(missing) =
            omitted(earlier.version.numbers, later.version.numbers).filter(|missing| !known.contains(missing))
        {
            let [major, minor, patch] = missing;
            let missing = if later.version.is_integer { major.to_string() } else { format!("{major}.{minor}.{patch}") };
            findings.add(
                &later.place,
                format!(
                    "between `{}` and `{}` the version {missing} is missing",
                    short(earlier.number),
                    short(later.number)
                ),
            );
        }
    }
}

/// The first version between two that is left out.
fn omitted(from: [u64; 3], to: [u64; 3]) -> Option<[u64; 3]> {
    let [major, minor, patch] = from;
    let next = |number: u64| number.saturating_add(1);
    if to <= from {
        return None;
    }
    let [to_major, to_minor, to_patch] = to;
    if to_major == major && to_minor == minor {
        return (to_patch > next(patch)).then(|| [major, minor, next(patch)]);
    }
    if to_major == major {
        return match () {
            () if to_minor > next(minor) => Some([major, next(minor), 0]),
            () if to_patch > 0 => Some([major, to_minor, 0]),
            () => None,
        };
    }
    match () {
        () if to_major > next(major) => Some([next(major), 0, 0]),
        () if to_minor > 0 || to_patch > 0 => Some([to_major, 0, 0]),
        () => None,
    }
}

fn entry_twice(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    let mut known = HashSet::new();
    for (place, number) in document.all("document/tracking/revision_history/*/number") {
        if !known.insert(number) {
            findings.add(&place, format!("{} is there a second time", short(&number.to_string())));
        }
    }
}

fn mixed_versioning(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    let mut numbers = document.all("document/tracking/version");
    numbers.extend(document.all("document/tracking/revision_history/*/number"));
    let mut first = None;
    for (place, number) in numbers {
        let Some(version) = number.as_str().and_then(Version::parse) else { continue };
        if *first.get_or_insert(version.is_integer) != version.is_integer {
            findings.add(&place, "integers and three-part versions are mixed");
        }
    }
}

/// Every member that holds an instant.
fn instants<'v>(document: &Document<'v>) -> Vec<Placed<'v>> {
    let mut found = Vec::new();
    for pattern in [
        "document/tracking/current_release_date",
        "document/tracking/initial_release_date",
        "document/tracking/generator/date",
        "document/tracking/revision_history/*/date",
        "vulnerabilities/*/disclosure_date",
        "vulnerabilities/*/discovery_date",
        "vulnerabilities/*/first_known_exploitation_dates/*/date",
        "vulnerabilities/*/first_known_exploitation_dates/*/exploitation_date",
        "vulnerabilities/*/flags/*/date",
        "vulnerabilities/*/involvements/*/date",
        "vulnerabilities/*/remediations/*/date",
        "vulnerabilities/*/threats/*/date",
        "vulnerabilities/*/metrics/*/content/epss/timestamp",
        "vulnerabilities/*/metrics/*/content/ssvc_v2/timestamp",
    ] {
        found.extend(document.all(pattern));
    }
    found
}

fn date_and_time(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for (place, value) in instants(document) {
        if let Some(text) = value.as_str().filter(|text| !dates::is_strict(text)) {
            findings.add(
                &place,
                format!("`{}` is not written as section 2.3 wants it (T, Z or offset, no leap second)", short(text)),
            );
        }
    }
}

/// What lies after the newest entry of the history of a released document.
fn after_history(document: &Document<'_>, pattern: &'static str, findings: &mut Findings) {
    let Some(newest) = history(document).last().map(|entry| entry.date).filter(|_| document.is_released()) else {
        return;
    };
    for (place, value) in document.all(pattern) {
        if value.as_str().and_then(dates::instant).is_some_and(|instant| instant > newest) {
            findings.add(&place, "later than the newest entry of the revision history");
        }
    }
}

fn disclosure(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    if document.text("/document/distribution/tlp/label") == Some("CLEAR") {
        after_history(document, "vulnerabilities/*/disclosure_date", findings);
    }
}

fn ssvc_date(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    after_history(document, "vulnerabilities/*/metrics/*/content/ssvc_v2/timestamp", findings);
}

fn epss_date(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    after_history(document, "vulnerabilities/*/metrics/*/content/epss/timestamp", findings);
}

fn exploitation_after_history(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    after_history(document, "vulnerabilities/*/first_known_exploitation_dates/*/date", findings);
    after_history(document, "vulnerabilities/*/first_known_exploitation_dates/*/exploitation_date", findings);
}

fn exploitation_after_its_record(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for (place, value) in document
        .vulnerabilities()
        .iter()
        .flat_map(|(place, value)| select(value, place, "first_known_exploitation_dates/*"))
    {
        let instant = |key| text(value, key).and_then(dates::instant);
        if let (Some(date), Some(exploited)) = (instant("date"), instant("exploitation_date"))
            && exploited > date
        {
            findings.add(&place.key("exploitation_date"), "later than the date of the record");
        }
    }
}
