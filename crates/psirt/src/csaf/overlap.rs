//! Tests on version ranges of one product that overlap, are open above, or are of an unknown scheme.
//!
//! Not the order of each scheme: versions are compared part by part, numbers as numbers, as versions of most products are.

use crate::csaf::document::{Document, Product, text};
use crate::csaf::naming::{constraint, named};
use crate::csaf::products::in_group;
use crate::csaf::schema::short;
use crate::csaf::{Findings, In, Surroundings, Test, test};
use std::cmp::Ordering;

pub(super) const TESTS: &[Test] = &[
    test("6.2.49", In::V21, open_above),
    test("6.2.50.1", In::V21, contradicting_vers),
    test("6.2.50.2", In::V21, contradicting_vls),
    test("6.2.50.3", In::V21, contradicting_version),
    test("6.2.51", In::V21, unknown_scheme),
    test("6.3.19.1", In::V21, same_group_vers),
    test("6.3.19.2", In::V21, same_group_vls),
    test("6.3.19.3", In::V21, same_group_version),
    test("6.3.19.4", In::V21, branches_overlap),
    test("6.3.19.5", In::V21, branch_holds_version),
];

type S<'s> = Surroundings<'s>;

/// The schemes that VERS registers, and those in wide use.
const SCHEMES: [&str; 34] = [
    "all",
    "none",
    "alpine",
    "alpm",
    "apk",
    "arch",
    "cargo",
    "composer",
    "conan",
    "cpan",
    "cran",
    "datetime",
    "deb",
    "ebuild",
    "gem",
    "generic",
    "github",
    "golang",
    "hackage",
    "hex",
    "intdot",
    "lexicographic",
    "maven",
    "mattermost",
    "mozilla",
    "nginx",
    "npm",
    "nuget",
    "openssl",
    "pub",
    "pypi",
    "rpm",
    "semver",
    "opam",
];

fn compare(a: &str, b: &str) -> Ordering {
    let parts = |text: &str| -> Vec<(u8, u128, String)> {
        let mut parts = Vec::new();
        for part in text.trim_start_matches(['v', 'V']).split(|c: char| !c.is_ascii_alphanumeric()) {
            let digits = part.len().saturating_sub(part.trim_start_matches(|c: char| c.is_ascii_digit()).len());
            let (number, rest) = part.split_at(digits);
            if !number.is_empty() {
                parts.push((1, number.parse().unwrap_or(u128::MAX), String::new()));
            }
            if !rest.is_empty() {
                parts.push((0, 0, rest.to_lowercase()));
            }
        }
        while parts.last().is_some_and(|(kind, number, _)| (*kind, *number) == (1, 0)) {
            parts.pop();
        }
        parts
    };
    parts(a).cmp(&parts(b))
}

/// A version with an edge: just below it, itself, just above it.
#[derive(Clone, Copy)]
struct Edge<'r>(&'r str, i8);

impl Edge<'_> {
    fn compare(self, other: Self) -> Ordering {
        compare(self.0, other.0).then(self.1.cmp(&other.1))
    }
}

/// A range as intervals from edge to edge; none is without end.
struct Range<'r> {
    intervals: Vec<(Option<Edge<'r>>, Option<Edge<'r>>)>,
    without: Vec<&'r str>,
}

impl<'r> Range<'r> {
    fn parse(text: &'r str) -> Self {
        let rest = text.strip_prefix("vers:").map_or(text, |rest| rest.split_once('/').map_or("", |(_, rest)| rest));
        let mut range = Self { intervals: Vec::new(), without: Vec::new() };
        let mut from = None;
        for part in rest.split('|') {
            let (sign, version) = constraint(part);
            match sign {
                _ if version == "*" => range.intervals.push((None, None)),
                "!=" => range.without.push(version),
                ">" | ">=" => {
                    if let Some(open) = from.replace(Edge(version, if sign == ">" { 1 } else { 0 })) {
                        range.intervals.push((Some(open), None));
                    }
                }
                "<" | "<=" => {
                    range.intervals.push((from.take(), Some(Edge(version, if sign == "<" { -1 } else { 0 }))))
                }
                _ => range.intervals.push((Some(Edge(version, 0)), Some(Edge(version, 0)))),
            }
        }
        if let Some(open) = from {
            range.intervals.push((Some(open), None));
        }
        range
    }

    fn is_open_above(&self) -> bool {
        self.intervals.iter().any(|(from, to)| from.is_some() && to.is_none())
    }

    fn overlaps(&self, other: &Range<'_>) -> bool {
        let before = |end: Option<Edge<'_>>, start: Option<Edge<'_>>| match (end, start) {
            (Some(end), Some(start)) => end.compare(start).is_lt(),
            _ => false,
        };
        let meets = |a: &(Option<Edge<'_>>, Option<Edge<'_>>), b: &(Option<Edge<'_>>, Option<Edge<'_>>)| {
            let single = |interval: &(Option<Edge<'_>>, Option<Edge<'_>>), without: &[&str]| matches!(interval, (Some(from), Some(to)) if from.compare(*to).is_eq() && without.iter().any(|version| compare(version, from.0).is_eq()));
            !before(a.1, b.0) && !before(b.1, a.0) && !single(a, &other.without) && !single(b, &self.without)
        };
        self.intervals.iter().any(|a| other.intervals.iter().any(|b| meets(a, b)))
    }
}

fn open_above(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for ((place, _), name) in named(document, "product_version_range") {
        if Range::parse(name).is_open_above() {
            findings.add(&place.key("name"), format!("`{}` holds versions that do not exist yet", short(name)));
        }
    }
}

fn unknown_scheme(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for ((place, _), name) in named(document, "product_version_range") {
        let scheme = name.strip_prefix("vers:").and_then(|rest| rest.split('/').next());
        if scheme.is_some_and(|scheme| !SCHEMES.contains(&scheme)) {
            findings.add(&place.key("name"), format!("`{}` is of a scheme that is not known", short(name)));
        }
    }
}

/// How a range is written.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Notation {
    Vers,
    Vls,
    Version,
}

/// Category and name of each branch.
type Path<'v> = Vec<(&'v str, &'v str)>;

/// What a product's path says of its version, and the path without it.
fn version_of<'v>(product: &Product<'v>) -> Option<(Notation, &'v str, Path<'v>)> {
    let is_version = |category: &str| matches!(category, "product_version" | "product_version_range");
    let (category, name) = product.branches.iter().find(|(category, _)| is_version(category))?;
    let notation = match *category {
        "product_version" => Notation::Version,
        _ if name.starts_with("vers:") => Notation::Vers,
        _ => Notation::Vls,
    };
    Some((notation, name, product.branches.iter().filter(|(category, _)| !is_version(category)).copied().collect()))
}

fn overlap(a: (Notation, &str), b: (Notation, &str)) -> bool {
    Range::parse(a.1).overlaps(&Range::parse(b.1))
}

/// Whether two notations are those that a test is for: two ranges of one notation, or a range and a version.
fn concerns(a: Notation, b: Notation, wanted: Notation) -> bool {
    match wanted {
        Notation::Version => (a == Notation::Version) != (b == Notation::Version),
        range => a == range && b == range,
    }
}

const GROUPS: [&str; 5] = ["affected", "not affected", "fixed", "under investigation", "unknown"];

/// Compares the products of status groups: of different ones, or of the same.
fn in_groups(document: &Document<'_>, wanted: Notation, same: bool, findings: &mut Findings) {
    for (place, vulnerability) in document.vulnerabilities() {
        let mut all = Vec::new();
        for group in GROUPS {
            for id in in_group(vulnerability, group) {
                let product = document.products.iter().find(|product| product.id == id).and_then(version_of);
                all.extend(product.map(|product| (group, id, product)));
            }
        }
        for (index, (group, id, (notation, name, path))) in all.iter().enumerate() {
            for (other_group, other_id, (other_notation, other_name, other_path)) in
                all.iter().skip(index.saturating_add(1))
            {
                let fits = id != other_id
                    && (group == other_group) == same
                    && path == other_path
                    && concerns(*notation, *other_notation, wanted);
                if fits && overlap((*notation, name), (*other_notation, other_name)) {
                    findings.add(
                        &place.key("product_status"),
                        format!("`{}` ({group}) and `{}` ({other_group}) overlap", short(name), short(other_name)),
                    );
                }
            }
        }
    }
}

fn contradicting_vers(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    in_groups(document, Notation::Vers, false, findings);
}

fn contradicting_vls(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    in_groups(document, Notation::Vls, false, findings);
}

fn contradicting_version(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    in_groups(document, Notation::Version, false, findings);
}

fn same_group_vers(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    in_groups(document, Notation::Vers, true, findings);
}

fn same_group_vls(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    in_groups(document, Notation::Vls, true, findings);
}

fn same_group_version(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    in_groups(document, Notation::Version, true, findings);
}

/// Compares branches that lie side by side.
fn siblings(document: &Document<'_>, with_version: bool, findings: &mut Findings) {
    let categories: &[&str] =
        if with_version { &["product_version", "product_version_range"] } else { &["product_version_range"] };
    let versions: Vec<_> = document
        .branches
        .iter()
        .filter_map(|(place, branch)| {
            let category = text(branch, "category").filter(|category| categories.contains(category))?;
            let above = place.0.len().checked_sub(1).and_then(|length| place.0.get(..length))?;
            Some((place, above, category, text(branch, "name")?))
        })
        .collect();
    for (index, (_, above, category, name)) in versions.iter().enumerate() {
        for (place, other_above, other_category, other_name) in versions.iter().skip(index.saturating_add(1)) {
            let fits = above == other_above && (category != other_category) == with_version;
            if fits && Range::parse(name).overlaps(&Range::parse(other_name)) {
                findings.add(place, format!("`{}` and `{}` overlap", short(name), short(other_name)));
            }
        }
    }
}

fn branches_overlap(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    siblings(document, false, findings);
}

fn branch_holds_version(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    siblings(document, true, findings);
}
