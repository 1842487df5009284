//! `yagura rule test`: the cases that stand beside rules, run as a server would judge them.
//!
//! Not the running itself (`yagura_detect::cases`). A rule that raises alerts and has no case that fires, or none that does not, is
//! named: an untested rule is no fault of a test.

use super::{files, indicators, shown};
use crate::args;
use crate::failure::Failure;
use crate::output::{Output, emit};
use crate::serve::chain;
use serde::Serialize;
use std::path::PathBuf;
use yagura_detect::cases::CaseFile;
use yagura_detect::{RuleFile, RuleSet, Surroundings};
use yagura_server::pipeline::{files_of_tests, read_rule_file};

/// What became of a case, as scripts read it.
#[derive(Serialize)]
struct Line<'a> {
    rule: &'a str,
    file: &'a str,
    case: &'a str,
    passed: bool,
    failure: Option<String>,
}

/// Runs the command.
pub(crate) fn run(args: &args::RuleTest) -> Result<(), Failure> {
    let rules = files(&args.rules)?;
    let indicators = indicators(&args.rules, &args.indicators)?;
    let (set, errors) = RuleSet::parse_with(&rules, &Surroundings { indicators, ..Surroundings::default() });
    if !errors.is_empty() {
        let shown: Vec<String> = errors.iter().take(10).map(|error| shown(error, &rules)).collect();
        return Err(Failure::Check(shown.join("\n")));
    }
    let tests = tests(args)?;
    if tests.is_empty() {
        return Err(Failure::input("tests", "no case file (tests/*.yml) beside the rules; name one with --cases"));
    }
    let (mut run, mut failed) = (0_usize, 0_usize);
    let mut read = Vec::new();
    for file in &tests {
        let cases = CaseFile::parse(&file.path, &file.text).map_err(|error| Failure::Check(error.shown(&file.text)))?;
        for case in &cases.cases {
            let failure = case.run(&set, &cases.rule).err().map(|failure| failure.to_string());
            run += 1;
            failed += usize::from(failure.is_some());
            let line = Line {
                rule: &cases.rule,
                file: &cases.path,
                case: &case.name,
                passed: failure.is_none(),
                failure: failure.clone(),
            };
            if args.json || failure.is_some() {
                let text = || format!("{}: {}: {}", cases.path, case.name, failure.unwrap_or_default());
                emit(Output::from_flag(args.json), &line, text)?;
            }
        }
        read.push(cases);
    }
    let untested = untested(&set, &read);
    untested.iter().for_each(|what| eprintln!("yagura: {what}"));
    let summary = format!("{run} cases of {} rules: {failed} failed, {} rules lack some", read.len(), untested.len());
    if failed > 0 {
        return Err(Failure::Check(summary));
    }
    eprintln!("yagura: {summary}");
    Ok(())
}

/// The case files that were named, or those that lie beside the rules.
fn tests(args: &args::RuleTest) -> Result<Vec<RuleFile>, Failure> {
    if !args.cases.is_empty() {
        return files(&args.cases);
    }
    let unread = |error| Failure::Input(chain(&error));
    let mut paths: Vec<PathBuf> = Vec::new();
    for dir in &args.rules {
        paths.extend(files_of_tests(dir).map_err(unread)?);
    }
    paths.iter().map(|path| read_rule_file(path).map_err(unread)).collect()
}

/// Rules that raise alerts and lack a case that fires, or one that does not.
fn untested(set: &RuleSet, read: &[CaseFile]) -> Vec<String> {
    let lacks = |rule: &yagura_detect::Rule| {
        let alerts: Vec<usize> =
            read.iter().filter(|it| it.rule == rule.id).flat_map(|it| &it.cases).map(|case| case.alerts).collect();
        let what = match (alerts.iter().any(|it| *it > 0), alerts.contains(&0)) {
            (true, true) => return None,
            (false, true) => "no case that fires",
            (true, false) => "no case that must not fire",
            (false, false) => "no cases",
        };
        Some(format!("{}: rule `{}` has {what}", rule.path, rule.title.en))
    };
    set.rules().iter().filter(|rule| rule.alerts).filter_map(lacks).collect()
}
