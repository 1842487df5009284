//! Reports that are not public, in our own small form (docs/format/private-advisory.md), as JSON or YAML.
//!
//! Not a case with its people and clocks: only what concerns products. A member that the form does not know is an anomaly, so that a typing
//! mistake does not hide a package.

use crate::advisory::context::{At, Context, brief, kind, weakness};
use crate::advisory::wording::{self, Wording};
use crate::advisory::{Advisory, Affected, Package, Score, Source, Versions};
use crate::vex::{Status, words::CISA};
use serde_json::Value;

const MEMBERS: [&str; 14] = [
    "yagura_advisory",
    "id",
    "title",
    "description",
    "published",
    "modified",
    "withdrawn",
    "aliases",
    "related",
    "weaknesses",
    "scores",
    "references",
    "remedies",
    "affected",
];
const AFFECTED: [&str; 7] =
    ["packages", "affected", "not_affected", "fixed", "under_investigation", "otherwise", "running_on"];

/// Reads one report.
pub(crate) fn read(value: &Value, context: &mut Context<'_>, at: &At<'_>) {
    if value.get("yagura_advisory").and_then(Value::as_u64) != Some(1) {
        context.wrong(&at.key("yagura_advisory"), "this program reads version 1 of the form");
        return;
    }
    let Some(id) = context.owned(value, "id", at) else {
        context.wrong(&at.key("id"), "a report without an id: left out");
        return;
    };
    unknown(context, value, at, &MEMBERS);
    let mut advisory = Advisory::new(id, Source::Private);
    advisory.title = context.owned(value, "title", at).unwrap_or_default();
    advisory.description = context.owned(value, "description", at).unwrap_or_default();
    advisory.published = context.instant(value, "published", at);
    advisory.modified = context.instant(value, "modified", at);
    advisory.withdrawn = context.instant(value, "withdrawn", at);
    advisory.aliases = context.texts(value, "aliases", at);
    advisory.related = context.texts(value, "related", at);
    advisory.weaknesses = context.texts(value, "weaknesses", at).iter().filter_map(|text| weakness(text)).collect();
    advisory.references = context.texts(value, "references", at);
    advisory.remedies = context.texts(value, "remedies", at);
    advisory.scores = context
        .texts(value, "scores", at)
        .into_iter()
        .map(|vector| Score { vector, by: "private".to_owned() })
        .collect();
    let entries = context.list(value, "affected", at);
    let place = at.key("affected");
    for (index, entry) in entries.iter().enumerate() {
        let at = place.index(index);
        unknown(context, entry, &at, &AFFECTED);
        advisory.affected.push(affected(context, entry, &at));
    }
    context.advisory(advisory);
}

fn unknown(context: &mut Context<'_>, value: &Value, at: &At<'_>, known: &[&str]) {
    for key in value.as_object().into_iter().flat_map(|members| members.keys()) {
        if !known.contains(&key.as_str()) {
            context.wrong(
                &at.key(key),
                format!("`{}` is not a member of the form; those are {}", brief(key), known.join(", ")),
            );
        }
    }
}

fn affected(context: &mut Context<'_>, entry: &Value, at: &At<'_>) -> Affected {
    let mut ranges = Vec::new();
    for status in [Status::Affected, Status::NotAffected, Status::Fixed, Status::UnderInvestigation] {
        let key = CISA.status_word(status);
        for (index, text) in context.texts(entry, key, at).iter().enumerate() {
            match wording::read(text, None) {
                Wording::Versions(versions) => ranges.extend(versions.into_iter().map(|versions| (versions, status))),
                _ => context.wrong(
                    &at.key(key).index(index),
                    format!(
                        "`{}` is no range of versions; write `>= 1.0, < 2.0`, `1.2.3` or a VERS range",
                        brief(text)
                    ),
                ),
            }
        }
    }
    let otherwise = match context.text(entry, "otherwise", at) {
        Some(word) => {
            let status = CISA.status(word);
            if status.is_none() {
                context.wrong(
                    &at.key("otherwise"),
                    format!("`{}` is none of affected, not_affected, fixed, under_investigation", brief(word)),
                );
            }
            status
        }
        None => None,
    };
    if ranges.is_empty() && otherwise.is_none() {
        ranges.push((Versions::All, Status::Affected));
    }
    let running_on = packages(context, entry, "running_on", at);
    let packages = packages(context, entry, "packages", at);
    if packages.is_empty() {
        context.wrong(&at.key("packages"), "no package: nothing can be found by it");
    }
    Affected { packages, ranges, otherwise, running_on, parts: Vec::new(), by: "private".to_owned() }
}

/// A purl or CPE as text, or an object: vendor and product, ecosystem and name, repository.
fn packages(context: &mut Context<'_>, entry: &Value, key: &str, at: &At<'_>) -> Vec<Package> {
    let mut packages = Vec::new();
    let elements = context.list(entry, key, at);
    let place = at.key(key);
    for (index, element) in elements.iter().enumerate() {
        let text = |key: &str| element.get(key).and_then(Value::as_str).map(str::to_owned);
        let package = match element {
            Value::String(text) if text.starts_with("pkg:") => Some(Package::Purl(text.clone())),
            Value::String(text) if text.starts_with("cpe:") => Some(Package::Cpe(text.clone())),
            _ => match (text("product"), text("ecosystem"), text("name"), text("repository")) {
                (Some(product), ..) => Some(Package::Product { vendor: text("vendor").unwrap_or_default(), product }),
                (_, Some(ecosystem), Some(name), _) => Some(Package::Ecosystem { ecosystem, name }),
                (.., Some(repository)) => Some(Package::Repository(repository)),
                _ => None,
            },
        };
        match package {
            Some(package) => packages.push(package),
            None => context.wrong(
                &place.index(index),
                format!("expected a purl, a CPE name, or an object with vendor and product, ecosystem and name, or repository; found {}", kind(element)),
            ),
        }
    }
    packages
}
