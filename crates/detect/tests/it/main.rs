//! The detection crate from outside: shipped rules, semantics of Sigma, invariance under cuts and snapshots, SigmaHQ's rules,
//! the taxonomy of log sources.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "tests stop at the first surprise and say why they skip"
)]

mod baseline_rules;
mod baselines;
mod correlations;
mod costs;
mod cuts;
mod explained;
mod facts;
mod fleet;
mod hostile;
mod indicators;
mod late;
mod life;
mod oracle;
mod semantics;
mod shipped;
mod sigmahq;
mod taxonomy;
mod words;

use arrow::record_batch::RecordBatch;
use std::path::{Path, PathBuf};
use yagura_detect::cases::CaseFile;
use yagura_detect::{Indicators, RuleFile, RuleSet, Surroundings};

/// The repository's root.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// All files with this ending below a directory, sorted, named relative to it.
fn files(directory: &Path, ending: &str) -> Vec<RuleFile> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(&next).unwrap_or_else(|e| panic!("{}: {e}", next.display())) {
            let path = entry.expect("a readable directory").path();
            if path.is_dir() {
                open.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
                let relative = path.strip_prefix(directory).expect("below the directory");
                found.push(RuleFile { path: relative.to_string_lossy().into_owned(), text });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// The rules that ship, their tests left out.
fn shipped_files() -> Vec<RuleFile> {
    let mut all = files(&root().join("rules"), ".yml");
    all.retain(|file| !file.path.starts_with("tests"));
    all
}

/// The rules that ship, with the indicator sets that ship.
fn shipped_set() -> RuleSet {
    let directory = root().join("rules/indicators");
    let sets: Vec<RuleFile> = [".txt", ".csv"].into_iter().flat_map(|ending| files(&directory, ending)).collect();
    let indicators = Indicators::read(&sets).unwrap_or_else(|e| panic!("{e}"));
    let (set, errors) = RuleSet::parse_with(&shipped_files(), &Surroundings { indicators, ..Surroundings::default() });
    assert!(errors.is_empty(), "{}", errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
    set
}

/// A set of one file; every problem of it is a failure.
fn rules(text: &str) -> RuleSet {
    RuleSet::parse(&[RuleFile { path: "test.yml".into(), text: text.into() }]).unwrap_or_else(|e| panic!("{e:?}"))
}

/// A batch of events, written as in the cases beside rules.
fn events(items: &str) -> RecordBatch {
    let indented: String = items.lines().map(|line| format!("      {line}\n")).collect();
    let text = format!("rule: x\ncases:\n  - name: x\n    alerts: 0\n    events:\n{indented}");
    let file = CaseFile::parse("events", &text).unwrap_or_else(|e| panic!("{e}\n{text}"));
    file.cases.into_iter().next().expect("one case").events
}
