//! Reads every source file once and applies the textual rules.
//!
//! Textual on purpose: a rule that needs types belongs to clippy. A rule's own text is kept apart ("concat") where the
//! rule would otherwise find itself.

use super::{Finding, Layers, Limits};
use anyhow::Context as _;
use std::path::Path;
use walkdir::WalkDir;

const SOURCE_DIRS: [&str; 4] = ["crates", "xtask", "fuzz", "console"];
const SKIPPED_DIRS: [&str; 5] = ["node_modules", "dist", "target", "corpus", "test-results"];

/// What the pure crates must not touch, and what they use instead.
const IMPURE: [(&str, &str); 6] = [
    ("std::fs", "take `impl Read`"),
    ("std::net", "take bytes"),
    ("std::thread", "be called"),
    ("SystemTime", "take time as an argument"),
    ("Instant::now", "take time as an argument"),
    ("tracing::", "return what happened"),
];

/// All findings of all files.
pub(super) fn check(root: &Path, limits: &Limits, rules: &Layers) -> anyhow::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for dir in SOURCE_DIRS {
        let files = WalkDir::new(root.join(dir))
            .into_iter()
            .filter_entry(|entry| !SKIPPED_DIRS.iter().any(|skipped| entry.file_name() == *skipped));
        for entry in files.filter_map(Result::ok).filter(|entry| entry.file_type().is_file()) {
            let path = entry.path().strip_prefix(root)?.to_string_lossy().into_owned();
            let source = [".rs", ".ts", ".tsx"].iter().any(|end| path.ends_with(end)) && !path.ends_with(".d.ts");
            if source {
                let text = std::fs::read_to_string(entry.path()).with_context(|| format!("cannot read {path}"))?;
                findings.extend(check_file(&path, &text, limits, rules));
            }
        }
    }
    Ok(findings)
}

fn check_file(path: &str, text: &str, limits: &Limits, rules: &Layers) -> Vec<Finding> {
    let mut found = Vec::new();
    found.extend(check_length(path, text.lines().count(), limits));
    found.extend(check_module_name(path, limits));
    if path.ends_with(".rs") {
        if !text.starts_with("//!") && !text.starts_with("#![") {
            found.push(Finding(format!(
                "{path}:1: begin with `//!`: what this file is, what it is not, its invariants"
            )));
        }
        found.extend(check_habits(path, text));
        found.extend(check_purity(path, text, rules));
    }
    found
}

fn check_length(path: &str, lines: usize, limits: &Limits) -> Option<Finding> {
    let exception = limits.files.exceptions.get(path);
    match exception {
        None if lines > limits.files.lines_max => {
            Some(Finding(format!("{path}: {lines} lines, at most {}: split it", limits.files.lines_max)))
        }
        Some(max) if lines > *max => {
            Some(Finding(format!("{path}: {lines} lines, its exception says {max}: split it")))
        }
        Some(max) if lines < *max => {
            Some(Finding(format!("{path}: {lines} lines now: lower its exception in tidy.toml from {max}")))
        }
        _ => None,
    }
}

fn check_module_name(path: &str, limits: &Limits) -> Option<Finding> {
    let parts = path.split('/').map(|part| part.split('.').next().unwrap_or(part));
    let bad = parts.into_iter().find(|part| limits.modules.banned.iter().any(|banned| banned == part))?;
    Some(Finding(format!("{path}: `{bad}` says nothing of what is inside: name it after its nouns")))
}

fn check_habits(path: &str, text: &str) -> Vec<Finding> {
    let rules = [
        (concat!("#[", "ignore"), "run it always, or move it to `cargo xtask soak`"),
        (concat!("#[", "should_panic"), "assert on the returned error"),
        (concat!("fn ", "test_"), "name the test by what it shows, as a sentence"),
        (concat!("to", "do!("), "build it or leave it out"),
    ];
    let hits = text.lines().enumerate().flat_map(|(at, line)| {
        rules.iter().filter(move |(needle, _)| line.contains(needle)).map(move |(needle, what)| (at, *needle, *what))
    });
    hits.map(|(at, needle, what)| Finding(format!("{path}:{}: `{needle}`: {what}", at + 1))).collect()
}

fn check_purity(path: &str, text: &str, rules: &Layers) -> Vec<Finding> {
    let pure = rules.pure.crates.iter().any(|name| path.starts_with(&format!("crates/{name}/src/")));
    if !pure || path.ends_with("tests.rs") {
        return Vec::new();
    }
    let code = text.split("#[cfg(test)]").next().unwrap_or(text);
    let lines = code.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
    lines
        .flat_map(|(at, line)| {
            IMPURE.iter().filter(move |(needle, _)| line.contains(needle)).map(move |rule| (at, rule))
        })
        .map(|(at, (needle, instead))| {
            Finding(format!("{path}:{}: `{needle}` in a pure crate: {instead} (layers.toml)", at + 1))
        })
        .collect()
}
