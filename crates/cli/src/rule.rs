//! `yagura rule …`: rules and pipelines from files, for the commands below.
//!
//! Not the judging (that is `yagura-detect`) and not where rules lie (`yagura_server::pipeline::rule_files`, as for a server).

mod bench;
mod correlations;
mod eval;
mod explain;
mod lint;
mod replay;
mod test;

use crate::args::{self, Rule};
use crate::failure::Failure;
use crate::serve::chain;
use std::path::{Path, PathBuf};
use yagura_detect::{Indicators, Pipeline, RuleError, RuleFile, RuleSet, Surroundings};
use yagura_server::pipeline::{RulesError, indicators_beside, indicators_in, read_rule_file, rule_files};

/// The pipelines that ship.
const SHIPPED: [(&str, &str); 6] = [
    ("cloud", include_str!("../../../pipelines/cloud.yml")),
    ("linux", include_str!("../../../pipelines/linux.yml")),
    ("ocsf", include_str!("../../../pipelines/ocsf.yml")),
    ("sysmon", include_str!("../../../pipelines/sysmon.yml")),
    ("vehicle", include_str!("../../../pipelines/vehicle.yml")),
    ("web", include_str!("../../../pipelines/web.yml")),
];

/// Runs a command.
pub(crate) fn run(command: Rule) -> Result<(), Failure> {
    match command {
        Rule::Lint { rules, with, json } => lint::run(&rules, &with, json),
        Rule::Eval(args) => eval::run(&args),
        Rule::Bench(args) => bench::run(&args),
        Rule::Replay(args) => replay::run(&args),
        Rule::Test(args) => test::run(&args),
        Rule::Explain(args) => explain::run(&args),
    }
}

/// The rules of files and directories, in the order of their names.
fn files(paths: &[PathBuf]) -> Result<Vec<RuleFile>, Failure> {
    let mut found = Vec::new();
    for path in paths {
        let unread = |error: RulesError| Failure::Input(chain(&error));
        let files = rule_files(path).map_err(unread)?;
        found.extend(files.iter().map(|file| read_rule_file(file)).collect::<Result<Vec<_>, _>>().map_err(unread)?);
        if files.is_empty() {
            return Err(Failure::input(path.display(), "no rule (*.yml, *.yaml) in this directory"));
        }
    }
    Ok(found)
}

/// The indicator sets beside rules, and those of the directory that was named.
fn indicators(rules: &[PathBuf], named: &args::Indicators) -> Result<Indicators, Failure> {
    let unread = |error: RulesError| Failure::Input(chain(&error));
    let mut all = Indicators::default();
    for path in rules {
        all.extend(indicators_beside(path).map_err(unread)?);
    }
    if let Some(dir) = &named.dir {
        all.extend(indicators_in(dir).map_err(unread)?);
    }
    Ok(all)
}

/// What these rules are read with.
fn surroundings(rules: &[PathBuf], named: &args::Surroundings) -> Result<Surroundings, Failure> {
    Ok(Surroundings {
        pipelines: pipelines(&named.pipelines)?,
        indicators: indicators(rules, &named.indicators)?,
        ..Surroundings::default()
    })
}

/// The pipelines that were asked for.
fn pipelines(named: &[String]) -> Result<Vec<Pipeline>, Failure> {
    let read = |name: &String| {
        let shipped = SHIPPED.iter().find(|(known, _)| known == name);
        let text = match shipped {
            Some((_, text)) => (*text).to_owned(),
            None if !Path::new(name).exists() => {
                let known = SHIPPED.map(|(known, _)| known).join(", ");
                return Err(Failure::input(name, format!("no such file, and no pipeline that ships ({known})")));
            }
            None => read_rule_file(Path::new(name)).map_err(|error| Failure::Input(chain(&error)))?.text,
        };
        let file = RuleFile { path: name.clone(), text };
        Pipeline::parse(&file).map_err(|error| Failure::Check(error.shown(&file.text)))
    };
    named.iter().map(read).collect()
}

/// The rules that can be used. The others are named on standard error.
fn usable(paths: &[PathBuf], named: &args::Surroundings) -> Result<(RuleSet, usize), Failure> {
    let files = files(paths)?;
    let (set, errors) = RuleSet::parse_with(&files, &surroundings(paths, named)?);
    errors.iter().for_each(|error| eprintln!("yagura: {}", shown(error, &files)));
    if set.rules().is_empty() {
        return Err(Failure::Check("no rule can be used".to_owned()));
    }
    Ok((set, errors.len()))
}

/// An error with the line that it is in.
fn shown(error: &RuleError, files: &[RuleFile]) -> String {
    let file = files.iter().find(|file| file.path == error.path);
    file.map_or_else(|| error.to_string(), |file| error.shown(&file.text))
}
