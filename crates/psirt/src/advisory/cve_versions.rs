//! One `affected` entry of a CVE record → packages, and each version range with its status.
//!
//! Not a judgement on which container is right. The rules are those of the CVE record format, 5.0 to 5.2: a range is `[version, lessThan)`
//! or `[version, lessThanOrEqual]`, `changes` turn its status at a version, what no range names has `defaultStatus`; `*` is the end of
//! time. Commits of one entry are one graph: a fix on one branch does not leave the others open.

use crate::advisory::context::{At, Context, add, brief};
use crate::advisory::wording::{self, Wording, interval, single};
use crate::advisory::{Affected, End, Package, Versions};
use crate::identity::is_commit;
use crate::vex::Status;
use serde_json::Value;

/// Hosts of `collectionURL` and the ecosystem (in the words of OSV) that is kept there.
const COLLECTIONS: [(&str, &str); 14] = [
    ("registry.npmjs.org", "npm"),
    ("www.npmjs.com", "npm"),
    ("npmjs.com", "npm"),
    ("pypi.org", "PyPI"),
    ("pypi.python.org", "PyPI"),
    ("repo.maven.apache.org", "Maven"),
    ("repo1.maven.org", "Maven"),
    ("rubygems.org", "RubyGems"),
    ("crates.io", "crates.io"),
    ("nuget.org", "NuGet"),
    ("www.nuget.org", "NuGet"),
    ("packagist.org", "Packagist"),
    ("pkg.go.dev", "Go"),
    ("hex.pm", "Hex"),
];

/// Reads one entry; none if it names nothing.
pub(crate) fn read(context: &mut Context<'_>, entry: &Value, at: &At<'_>, by: &str) -> Option<Affected> {
    let packages = packages(context, entry, at);
    let otherwise = match context.text(entry, "defaultStatus", at) {
        Some(word) => status(context, word, &at.key("defaultStatus")),
        None => None,
    };
    let mut parts = Vec::new();
    for (key, kind) in [("modules", "module"), ("programFiles", "file"), ("platforms", "platform")] {
        parts.extend(context.texts(entry, key, at).into_iter().map(|name| (kind.to_owned(), name)));
    }
    for routine in context.list(entry, "programRoutines", at) {
        let name = routine.get("name").and_then(Value::as_str).or_else(|| routine.as_str());
        parts.extend(name.map(|name| ("function".to_owned(), name.to_owned())));
    }
    let ranges = ranges(context, entry, at);
    if packages.is_empty() {
        return None;
    }
    Some(Affected { packages, ranges, otherwise, running_on: Vec::new(), parts, by: by.to_owned() })
}

fn packages(context: &mut Context<'_>, entry: &Value, at: &At<'_>) -> Vec<Package> {
    let mut packages = Vec::new();
    let mut named = |key| context.owned(entry, key, at).filter(|text| !text.eq_ignore_ascii_case("n/a"));
    let (vendor, product) = (named("vendor"), named("product"));
    if let Some(purl) = named("packageURL") {
        packages.push(Package::Purl(purl));
    }
    let (collection, name, repository) = (named("collectionURL"), named("packageName"), named("repo"));
    if let (Some(collection), Some(name)) = (&collection, &name) {
        let host = collection.split("//").nth(1).unwrap_or(collection).split('/').next().unwrap_or_default();
        let known = COLLECTIONS.iter().find(|(known, _)| *known == host).map(|(_, ecosystem)| (*ecosystem).to_owned());
        packages
            .push(Package::Ecosystem { ecosystem: known.unwrap_or_else(|| collection.clone()), name: name.clone() });
    }
    if let Some(product) = product.or(name) {
        packages.push(Package::Product { vendor: vendor.unwrap_or_default(), product });
    }
    packages.extend(repository.map(Package::Repository));
    for cpe in context.texts(entry, "cpes", at) {
        add(&mut packages, Package::Cpe(cpe));
    }
    packages
}

fn status(context: &mut Context<'_>, word: &str, at: &At<'_>) -> Option<Status> {
    match word {
        "affected" => Some(Status::Affected),
        "unaffected" => Some(Status::NotAffected),
        "unknown" => Some(Status::UnderInvestigation),
        other => {
            context.wrong(at, format!("`{}` is none of affected, unaffected, unknown; taken as unknown", brief(other)));
            Some(Status::UnderInvestigation)
        }
    }
}

/// Commits of the same status, gathered over an entry.
#[derive(Default)]
struct Commits {
    introduced: Vec<String>,
    fixed: Vec<String>,
    last_affected: Vec<String>,
}

fn ranges(context: &mut Context<'_>, entry: &Value, at: &At<'_>) -> Vec<(Versions, Status)> {
    let mut ranges = Vec::new();
    let (mut hit, mut spared) = (Commits::default(), Commits::default());
    let versions = context.list(entry, "versions", at);
    let at = at.key("versions");
    for (index, element) in versions.iter().enumerate() {
        let at = at.index(index);
        let stands = match context.text(element, "status", &at) {
            Some(word) => status(context, word, &at.key("status")).unwrap_or(Status::UnderInvestigation),
            None => Status::Affected,
        };
        let scheme = context.text(element, "versionType", &at);
        if is_of_commits(element, scheme) {
            match stands {
                Status::Affected => commits(context, element, &at, &mut hit),
                Status::NotAffected => commits(context, element, &at, &mut spared),
                _ => {}
            }
        } else {
            one(context, element, scheme, stands, &at, &mut ranges);
        }
    }
    let repository = context.owned(entry, "repo", &at);
    for (found, status) in [(hit, Status::Affected), (spared, Status::NotAffected)] {
        if !(found.introduced.is_empty() && found.fixed.is_empty() && found.last_affected.is_empty()) {
            let Commits { introduced, fixed, last_affected } = found;
            ranges
                .push((Versions::Commits { repository: repository.clone(), introduced, fixed, last_affected }, status));
        }
    }
    ranges
}

/// Whether an entry speaks of commits: it says so, or it says no scheme, or `custom`, of what is written like commits (CISA copies the
/// kernel's so). Numbers may be versions too, so one of them must have a letter.
fn is_of_commits(element: &Value, scheme: Option<&str>) -> bool {
    if scheme.is_some_and(|scheme| !scheme.eq_ignore_ascii_case("custom")) {
        return scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("git"));
    }
    let ends = ["version", "lessThan", "lessThanOrEqual"].into_iter();
    let said =
        ends.filter_map(|key| Some(element.get(key)?.as_str()?.trim())).filter(|text| !matches!(*text, "0" | "*" | ""));
    let is_plainly = |text: &str| text.len() >= 12 && text.bytes().any(|byte| byte.is_ascii_alphabetic());
    said.clone().all(is_commit) && said.into_iter().any(is_plainly)
}

fn commits(context: &mut Context<'_>, element: &Value, at: &At<'_>, found: &mut Commits) {
    let mut text = |key| {
        let commit = context.text(element, key, at)?.trim();
        Some(commit.to_owned()).filter(|commit| commit != "*" && commit != "unspecified")
    };
    if let Some(commit) = text("version") {
        add(&mut found.introduced, commit);
    }
    if let Some(commit) = text("lessThan") {
        add(&mut found.fixed, commit);
    }
    if let Some(commit) = text("lessThanOrEqual") {
        add(&mut found.last_affected, commit);
    }
    for change in context.list(element, "changes", at) {
        if let (Some("unaffected"), Some(commit)) =
            (change.get("status").and_then(Value::as_str), change.get("at").and_then(Value::as_str))
        {
            add(&mut found.fixed, commit.to_owned());
        }
    }
}

fn one(
    context: &mut Context<'_>,
    element: &Value,
    scheme: Option<&str>,
    stands: Status,
    at: &At<'_>,
    ranges: &mut Vec<(Versions, Status)>,
) {
    let version = context.text(element, "version", at);
    let less = context.text(element, "lessThan", at).map(|end| bound(end, End::Before));
    let end = less.or_else(|| context.text(element, "lessThanOrEqual", at).map(|end| bound(end, End::With)));
    let changes = context.list(element, "changes", at);
    if end.is_none() && changes.is_empty() {
        return alone(context, version.unwrap_or_default(), scheme, stands, at, ranges);
    }
    let mut from = version.filter(|version| {
        !matches!(version.to_ascii_lowercase().as_str(), "0" | "*" | "unspecified" | "n/a" | "-" | "all")
    });
    // In front of a version that an end follows, `>=` says nothing new.
    from = from.map(|version| version.trim_start_matches(">=").trim());
    let mut stands = stands;
    let at = at.key("changes");
    for (index, change) in changes.iter().enumerate() {
        let at = at.index(index);
        let (Some(turn), Some(word)) = (context.text(change, "at", &at), context.text(change, "status", &at)) else {
            context.wrong(&at, "a change needs `at` and `status`");
            continue;
        };
        let next = status(context, word, &at.key("status")).unwrap_or(Status::UnderInvestigation);
        ranges.push((interval(scheme, from.map(|from| (from, true)), End::Before(turn.to_owned())), stands));
        (from, stands) = (Some(turn), next);
    }
    ranges.push((interval(scheme, from.map(|from| (from, true)), end.unwrap_or(End::Open)), stands));
}

/// A version without an end: one version, or words.
fn alone(
    context: &mut Context<'_>,
    text: &str,
    scheme: Option<&str>,
    stands: Status,
    at: &At<'_>,
    ranges: &mut Vec<(Versions, Status)>,
) {
    // A scheme that is a scheme makes words unlikely; `0` is then a version like others.
    match wording::read(text, scheme) {
        Wording::Versions(versions) => ranges.extend(versions.into_iter().map(|versions| (versions, stands))),
        Wording::Unknown => {
            let stands = if stands == Status::Affected { Status::UnderInvestigation } else { stands };
            ranges.push((Versions::All, stands));
        }
        Wording::Unread => {
            context.wrong(
                &at.key("version"),
                format!("`{}` does not say which versions in a way that can be read; kept as it is", brief(text)),
            );
            ranges.push((single(text, scheme), stands));
        }
    }
}

fn bound(text: &str, end: fn(String) -> End) -> End {
    match text.to_ascii_lowercase().as_str() {
        "*" | "unspecified" | "n/a" | "" | "all" => End::Open,
        _ => end(text.trim_start_matches("<=").trim_start_matches('<').trim().to_owned()),
    }
}
