//! Tests on the names of branches: versions, version ranges, wildcards in numbers.

use crate::csaf::document::{Document, Kind, Placed, select, text};
use crate::csaf::identifiers::helpers;
use crate::csaf::schema::short;
use crate::csaf::{Findings, In, Surroundings, Test, test};
use std::collections::HashSet;

pub(super) const TESTS: &[Test] = &[
    test("6.1.31", In::Both, range_in_version),
    test("6.1.43", In::V21, model_numbers),
    test("6.1.44", In::V21, serial_numbers),
    test("6.1.50", In::V21, range_rules),
    test("6.1.57", In::V21, stacked),
    test("6.1.58", In::V21, version_and_range),
    test("6.1.59", In::V21, single_version),
    test("6.1.61", In::V21, skus),
];

type S<'s> = Surroundings<'s>;

/// The branches of a category with their names.
pub(super) fn named<'v>(document: &Document<'v>, category: &'static str) -> Vec<(Placed<'v>, &'v str)> {
    let of = document.branches.iter().filter(|(_, branch)| text(branch, "category") == Some(category));
    of.map(|(place, branch)| ((place.clone(), *branch), text(branch, "name").unwrap_or_default())).collect()
}

fn range_in_version(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    const WORDS: [&str; 7] = ["after", "all", "before", "earlier", "later", "prior", "versions"];
    for ((place, _), name) in named(document, "product_version") {
        let word = name.split_whitespace().find(|word| WORDS.iter().any(|known| word.eq_ignore_ascii_case(known)));
        let sign = ["<=", ">=", "<", ">"].into_iter().find(|sign| name.contains(sign));
        if let Some(found) = sign.or(word) {
            findings.add(
                &place.key("name"),
                format!("`{}` names a range (`{found}`): use product_version_range", short(name)),
            );
        }
    }
}

/// More than one `*` that is not quoted.
fn stars(text: &str) -> usize {
    let mut quoted = false;
    let mut stars = 0_usize;
    for c in text.chars() {
        stars = stars.saturating_add(usize::from(c == '*' && !quoted));
        quoted = c == '\\' && !quoted;
    }
    stars
}

fn wildcards(document: &Document<'_>, pattern: &'static str, findings: &mut Findings) {
    for (place, helper) in helpers(document) {
        for (place, number) in select(helper, &place, pattern) {
            if number.as_str().is_some_and(|number| stars(number) > 1) {
                findings.add(&place, format!("{} has more than one `*`", short(&number.to_string())));
            }
        }
    }
}

fn model_numbers(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    wildcards(document, "model_numbers/*", findings);
}

fn serial_numbers(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    wildcards(document, "serial_numbers/*", findings);
}

fn skus(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    wildcards(document, "skus/*", findings);
}

/// Comparators of VERS and of what is like it, longest first.
const COMPARATORS: [&str; 6] = ["!=", "<=", ">=", "<", ">", "="];

/// A constraint as comparator and version.
pub(super) fn constraint(text: &str) -> (&'static str, &str) {
    COMPARATORS.iter().find_map(|sign| Some((*sign, text.strip_prefix(sign)?))).unwrap_or(("", text))
}

/// What is wrong with a range, if it is wrong.
fn wrong(name: &str) -> Option<String> {
    let (scheme, rest) = match name.strip_prefix("vers:") {
        Some(rest) => match rest.split_once('/') {
            Some((scheme, constraints)) => (Some(scheme), constraints),
            None => return Some("a VERS range needs a scheme and a `/`".to_owned()),
        },
        None => (None, name),
    };
    if let Some(scheme) = scheme {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-');
        if scheme.is_empty() || !scheme.starts_with(|c: char| c.is_ascii_lowercase()) || !scheme.chars().all(plain) {
            return Some(format!("`{}` is no scheme of VERS", short(scheme)));
        }
        if scheme == "all" {
            return (rest != "*").then(|| "the scheme all has no constraint but `*`".to_owned());
        }
        if rest == "*" {
            return Some("`*` belongs to vers:all only".to_owned());
        }
    }
    let mut known = HashSet::new();
    for part in rest.split('|') {
        let (sign, version) = constraint(part);
        if version.is_empty()
            || !version.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '%' || (scheme.is_none() && c == '_'))
        {
            return Some(format!("`{}` is no constraint", short(part)));
        }
        if version.contains(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '=' | '!' | '*')) {
            return Some(format!("`{}` holds a character that must be quoted by per cent", short(version)));
        }
        if scheme.is_none() && sign.is_empty() {
            return Some(format!("`{}` has no comparator", short(part)));
        }
        if scheme.is_some() && sign == "=" {
            return Some("the canonical form has no `=`".to_owned());
        }
        if scheme.is_some() && !known.insert(version) {
            return Some(format!("the version `{}` is there twice", short(version)));
        }
    }
    None
}

fn range_rules(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for ((place, _), name) in named(document, "product_version_range") {
        if is_single(name) {
            continue;
        }
        if let Some(what) = wrong(name) {
            findings.add(&place.key("name"), format!("`{}` is no range: {what}", short(name)));
        }
    }
}

/// One constraint that says one version.
fn is_single(name: &str) -> bool {
    let rest = name.strip_prefix("vers:").map_or(Some(name), |rest| rest.split_once('/').map(|(_, rest)| rest));
    rest.is_some_and(|rest| {
        let (sign, version) = constraint(rest);
        matches!(sign, "" | "=")
            && !rest.contains(['|', '*'])
            && !version.contains(char::is_whitespace)
            && !version.is_empty()
            && version != "all"
    })
}

fn single_version(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for ((place, _), name) in named(document, "product_version_range") {
        if is_single(name) {
            findings.add(&place.key("name"), format!("`{}` is a single version: use product_version", short(name)));
        }
    }
}

fn stacked(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for product in document.products.iter().filter(|product| product.kind == Kind::Branch) {
        let mut known = HashSet::new();
        for (category, _) in product.branches.iter().filter(|(category, _)| *category != "product_family") {
            if !known.insert(category) {
                findings.add(&product.place, format!("the branch category {} is on the path twice", short(category)));
            }
        }
    }
}

fn version_and_range(document: &Document<'_>, _: &S<'_>, findings: &mut Findings) {
    for product in document.products.iter().filter(|product| product.kind == Kind::Branch) {
        let has = |category: &str| product.branches.iter().any(|(other, _)| *other == category);
        if has("product_version") && has("product_version_range") {
            findings.add(&product.place, "product_version and product_version_range are on the same path");
        }
    }
}
