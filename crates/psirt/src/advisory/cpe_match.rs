//! CPE match expressions (NVD configurations, `cpeApplicability` of CVE 5.1) → affected packages and what they must run on.
//!
//! Not name matching: criteria are kept as names, only their version is set apart as a range. What is marked as not vulnerable, or stands
//! beside another node under an AND, is context. Cost: linear in the matches.

use crate::advisory::context::{At, Context, add, brief};
use crate::advisory::wording::interval;
use crate::advisory::{Affected, End, Package, Versions};
use crate::vex::Status;
use serde_json::Value;
use std::collections::HashMap;

/// How deep `children` of nodes may lie (the form of NVD 1.1, which some tools still write).
const CHILDREN_MAX: u8 = 8;

/// One match: a name without version, what is said of its versions, whether it is the vulnerable part.
struct Match {
    name: String,
    versions: Versions,
    status: Status,
    vulnerable: bool,
}

/// A node, flat: its matches and whether they hold together.
struct Node {
    matches: Vec<Match>,
    together: bool,
}

/// Reads `configurations` (NVD) or `cpeApplicability` (CVE) under `key` of `value`.
pub(crate) fn read(context: &mut Context<'_>, value: &Value, key: &str, at: &At<'_>, by: &str) -> Vec<Affected> {
    let mut affected = Vec::new();
    let configurations = context.list(value, key, at);
    let at = at.key(key);
    for (index, configuration) in configurations.iter().enumerate() {
        let at = at.index(index);
        let mut nodes = Vec::new();
        if is_negated(context, configuration, &at) {
            continue;
        }
        collect(context, configuration, &at, &mut nodes, 0);
        let together = is_and(configuration);
        for (position, node) in nodes.iter().enumerate() {
            let others = nodes.iter().enumerate().filter(|(other, _)| together && *other != position);
            let running_on = names(others.flat_map(|(_, other)| &other.matches));
            affected.extend(of_node(node, &running_on, by));
        }
    }
    affected
}

fn is_and(value: &Value) -> bool {
    value.get("operator").and_then(Value::as_str).is_some_and(|operator| operator.eq_ignore_ascii_case("AND"))
}

fn is_negated(context: &mut Context<'_>, value: &Value, at: &At<'_>) -> bool {
    let negated = value.get("negate").and_then(Value::as_bool).unwrap_or(false);
    if negated {
        context.wrong(&at.key("negate"), "everything but these names is meant, which is no list of packages: left out");
    }
    negated
}

/// The nodes of a configuration; those that are negated say nothing that could match.
fn collect(context: &mut Context<'_>, value: &Value, at: &At<'_>, nodes: &mut Vec<Node>, depth: u8) {
    for key in ["nodes", "children"] {
        let children = context.list(value, key, at);
        let at = at.key(key);
        for (index, child) in children.iter().enumerate() {
            let at = at.index(index);
            if depth >= CHILDREN_MAX {
                context.wrong(&at, "more than 8 nodes in each other");
                return;
            }
            if is_negated(context, child, &at) {
                continue;
            }
            let matches = matches(context, child, &at);
            if !matches.is_empty() {
                nodes.push(Node { matches, together: is_and(child) });
            }
            collect(context, child, &at, nodes, depth.saturating_add(1));
        }
    }
}

fn matches(context: &mut Context<'_>, node: &Value, at: &At<'_>) -> Vec<Match> {
    let mut matches = Vec::new();
    let key = if node.get("cpe_match").is_some() { "cpe_match" } else { "cpeMatch" };
    let elements = context.list(node, key, at);
    let at = at.key(key);
    for (index, element) in elements.iter().enumerate() {
        let at = at.index(index);
        let criteria = context.text(element, "criteria", &at).or_else(|| context.text(element, "cpe23Uri", &at));
        match criteria {
            // JVN's own numbers of products, which stand beside vendor and product.
            Some(criteria) if criteria.starts_with("jvnpid:") => {}
            Some(criteria) => matches.push(one(context, element, criteria, &at)),
            None => context.wrong(&at, "a match without `criteria`: left out"),
        }
    }
    matches
}

fn one(context: &mut Context<'_>, element: &Value, criteria: &str, at: &At<'_>) -> Match {
    let vulnerable = element.get("vulnerable").and_then(Value::as_bool).unwrap_or(true);
    let mut text = |key: &str| context.owned(element, key, at);
    let from = text("versionStartIncluding")
        .map(|version| (version, true))
        .or_else(|| text("versionStartExcluding").map(|version| (version, false)));
    let end = text("versionEndExcluding").map(End::Before).or_else(|| text("versionEndIncluding").map(End::With));
    let (name, version) = apart(criteria);
    if name.is_none() {
        context
            .wrong(&at.key("criteria"), format!("`{}` is no CPE name of 2.2 or 2.3; kept as it is", brief(criteria)));
    }
    let (versions, status) = match (from, end, version) {
        (None, None, Some(version)) if version == "-" => (Versions::All, Status::UnderInvestigation),
        (None, None, Some(version)) if version != "*" => (Versions::Exactly(vec![version]), Status::Affected),
        (None, None, _) => (Versions::All, Status::Affected),
        (from, end, _) => {
            let from = from.as_ref().map(|(version, inclusive)| (version.as_str(), *inclusive));
            (interval(None, from, end.unwrap_or(End::Open)), Status::Affected)
        }
    };
    Match { name: name.unwrap_or_else(|| criteria.to_owned()), versions, status, vulnerable }
}

/// The affected packages of a node: matches of the same name become one.
fn of_node(node: &Node, running_on: &[Package], by: &str) -> Vec<Affected> {
    let mut affected: Vec<Affected> = Vec::new();
    let mut known: HashMap<&str, usize> = HashMap::new();
    for found in node.matches.iter().filter(|found| found.vulnerable) {
        let range = (found.versions.clone(), found.status);
        if let Some(same) = known.get(found.name.as_str()).and_then(|index| affected.get_mut(*index)) {
            merge(&mut same.ranges, range);
            continue;
        }
        known.insert(&found.name, affected.len());
        let mut running_on = running_on.to_vec();
        if node.together {
            running_on.extend(names(node.matches.iter().filter(|other| other.name != found.name)));
        }
        affected.push(Affected {
            packages: vec![Package::Cpe(found.name.clone())],
            ranges: vec![range],
            otherwise: None,
            running_on,
            parts: Vec::new(),
            by: by.to_owned(),
        });
    }
    affected
}

/// Single versions of one status are one list.
fn merge(ranges: &mut Vec<(Versions, Status)>, range: (Versions, Status)) {
    if let (Some((Versions::Exactly(list), status)), (Versions::Exactly(more), other)) = (ranges.last_mut(), &range)
        && status == other
    {
        list.extend(more.iter().cloned());
        return;
    }
    ranges.push(range);
}

fn names<'m>(matches: impl Iterator<Item = &'m Match>) -> Vec<Package> {
    let mut names = Vec::new();
    for found in matches {
        let name = match &found.versions {
            // Of context, the version stays in the name.
            Versions::Exactly(versions) => with_version(&found.name, versions.first().map_or("*", String::as_str)),
            _ => found.name.clone(),
        };
        add(&mut names, Package::Cpe(name));
    }
    names
}

/// A CPE name with `*` for its version, and the version unquoted. No name if it is none.
pub(crate) fn apart(criteria: &str) -> (Option<String>, Option<String>) {
    let is_uri = criteria.starts_with("cpe:/");
    if !is_uri && !criteria.starts_with("cpe:2.3:") {
        return (None, None);
    }
    let mut parts = split(criteria);
    // cpe:2.3:part:vendor:product:version… and cpe:/part:vendor:product:version…
    let Some(version) = parts.get_mut(if is_uri { 4 } else { 5 }) else {
        return (Some(criteria.to_owned()), None);
    };
    let unquoted = unquote(version);
    "*".clone_into(version);
    (Some(parts.join(":")), Some(unquoted).filter(|version| !version.is_empty()))
}

fn with_version(name: &str, version: &str) -> String {
    let mut parts = split(name);
    if let Some(slot) = parts.get_mut(if name.starts_with("cpe:/") { 4 } else { 5 }) {
        *slot = version.chars().fold(String::new(), |mut quoted, c| {
            if !c.is_alphanumeric() && !matches!(c, '.' | '-' | '_' | '*') {
                quoted.push('\\');
            }
            quoted.push(c);
            quoted
        });
    }
    parts.join(":")
}

/// At colons that are not quoted.
fn split(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    for c in name.chars() {
        if c == ':' && !quoted {
            parts.push(String::new());
        } else if let Some(part) = parts.last_mut() {
            part.push(c);
        }
        quoted = c == '\\' && !quoted;
    }
    parts
}

fn unquote(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut quoted = false;
    for c in text.chars() {
        if c == '\\' && !quoted {
            quoted = true;
            continue;
        }
        quoted = false;
        out.push(c);
    }
    out
}
