//! RustSec's own form: Markdown that opens with a block of TOML.
//!
//! Not its OSV export, which [`crate::advisory::osv`] reads. What is not `patched` and not `unaffected` is affected.

use crate::Instant;
use crate::advisory::context::{brief, weakness};
use crate::advisory::reading::{Sink, complain};
use crate::advisory::wording::{self, Wording};
use crate::advisory::{Advisory, Affected, Package, Score, Source, Versions};
use crate::vex::Status;
use toml::{Table, Value};

/// Reads one advisory.
pub(crate) fn read(text: &str, sink: &mut dyn Sink) {
    let text = text.trim_start();
    let Some((front, body)) = text.strip_prefix("```toml").and_then(|rest| rest.split_once("\n```")) else {
        complain(sink, "the block of TOML does not end");
        return;
    };
    let table = match front.parse::<Table>() {
        Ok(table) => table,
        Err(error) => {
            complain(sink, format!("no TOML: {}", brief(error.message())));
            return;
        }
    };
    match advisory(&table, body, sink) {
        Some(advisory) => sink.advisory(advisory),
        None => complain(sink, "no `advisory` with `id` and `package`: left out"),
    }
}

fn advisory(table: &Table, body: &str, sink: &mut dyn Sink) -> Option<Advisory> {
    let head = table.get("advisory")?.as_table()?;
    let text = |key: &str| head.get(key).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    let mut advisory = Advisory::new(text("id")?, Source::Osv);
    let name = text("package")?;
    advisory.published = text("date").and_then(|date| Instant::parse(&date));
    advisory.withdrawn = text("withdrawn").and_then(|date| Instant::parse(&date));
    advisory.aliases = texts(head.get("aliases"));
    advisory.related = texts(head.get("related"));
    advisory.references = text("url").into_iter().chain(texts(head.get("references"))).collect();
    advisory.scores.extend(text("cvss").map(|vector| Score { vector, by: "RUSTSEC".to_owned() }));
    advisory.weaknesses = texts(head.get("cwe")).iter().filter_map(|text| weakness(text)).collect();
    let (title, description) = body.trim().split_once('\n').unwrap_or((body.trim(), ""));
    advisory.title = text("title").unwrap_or_else(|| title.trim_start_matches('#').trim().to_owned());
    advisory.description = description.trim().to_owned();
    advisory.affected.push(affected(table, name, sink));
    Some(advisory)
}

fn affected(table: &Table, name: String, sink: &mut dyn Sink) -> Affected {
    let mut ranges = Vec::new();
    let versions = table.get("versions").and_then(Value::as_table);
    for key in ["patched", "unaffected"] {
        for requirement in texts(versions.and_then(|versions| versions.get(key))) {
            let written = caret(&requirement);
            match wording::read(&written, Some("semver")) {
                Wording::Versions(read) => {
                    ranges.extend(read.into_iter().map(|versions| (versions, Status::NotAffected)))
                }
                _ => complain(sink, format!("`{}` is no requirement on versions: left out", brief(&requirement))),
            }
        }
    }
    let mut parts = Vec::new();
    if let Some(affected) = table.get("affected").and_then(Value::as_table) {
        let functions = affected.get("functions").and_then(Value::as_table).into_iter().flatten();
        parts.extend(functions.map(|(function, _)| ("function".to_owned(), function.clone())));
        for key in ["arch", "os"] {
            parts.extend(texts(affected.get(key)).into_iter().map(|name| ("platform".to_owned(), name)));
        }
    }
    if ranges.is_empty() {
        ranges.push((Versions::All, Status::Affected));
    }
    Affected {
        packages: vec![Package::Ecosystem { ecosystem: "crates.io".to_owned(), name }],
        ranges,
        otherwise: Some(Status::Affected),
        running_on: Vec::new(),
        parts,
        by: "RUSTSEC".to_owned(),
    }
}

/// Cargo's `^1.2.3` and `~1.2.3` as two bounds.
fn caret(requirement: &str) -> String {
    let (sign, rest) = match requirement.trim().split_at_checked(1) {
        Some((sign @ ("^" | "~"), rest)) => (sign, rest.trim()),
        _ => return requirement.to_owned(),
    };
    let core = rest.split(['-', '+']).next().unwrap_or(rest);
    let numbers: Vec<u64> = core.split('.').filter_map(|part| part.parse().ok()).collect();
    // The number that may not change: the first that is not zero, or the second of `~1.2`.
    let fixed = if sign == "~" {
        numbers.len().min(2).saturating_sub(1)
    } else {
        numbers.iter().position(|n| *n > 0).unwrap_or(numbers.len().saturating_sub(1))
    };
    let next: Vec<_> = (0..3_usize)
        .map(|place| match place.cmp(&fixed) {
            std::cmp::Ordering::Less => numbers.get(place).copied().unwrap_or(0),
            std::cmp::Ordering::Equal => numbers.get(place).copied().unwrap_or(0).saturating_add(1),
            std::cmp::Ordering::Greater => 0,
        })
        .map(|number| number.to_string())
        .collect();
    format!(">= {rest}, < {}", next.join("."))
}

fn texts(value: Option<&Value>) -> Vec<String> {
    value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}
