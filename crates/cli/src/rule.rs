//! `yagura rule …`: rules and pipelines from files, for the commands below.
//!
//! Not the judging (that is `yagura-detect`). Rules are the `*.yml` and `*.yaml` below a directory, `tests` left out; a file that is
//! named is read whatever it is called.

mod bench;
mod correlations;
mod eval;
mod lint;
mod replay;

use crate::args::{Pipelines, Rule};
use crate::failure::Failure;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use yagura_detect::{Pipeline, RULE_FILE_BYTES_MAX, RuleError, RuleFile, RuleSet};

/// The most rule files.
const FILES_MAX: usize = 65_536;
/// The deepest directory.
const DEPTH_MAX: usize = 32;

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
        Rule::Lint { rules, pipelines, json } => lint::run(&rules, &pipelines, json),
        Rule::Eval(args) => eval::run(&args),
        Rule::Bench(args) => bench::run(&args),
        Rule::Replay(args) => replay::run(&args),
    }
}

/// The rules of files and directories, in the order of their names.
fn files(paths: &[PathBuf]) -> Result<Vec<RuleFile>, Failure> {
    let mut found = Vec::new();
    for path in paths {
        let before = found.len();
        collect(path, 0, &mut found)?;
        if found.len() == before {
            return Err(Failure::input(path.display(), "no rule (*.yml, *.yaml) in this directory"));
        }
    }
    Ok(found)
}

fn collect(path: &Path, depth: usize, found: &mut Vec<RuleFile>) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::file(path, &error);
    if !path.is_dir() {
        if found.len() == FILES_MAX {
            return Err(Failure::input(path.display(), format!("more than {FILES_MAX} rule files")));
        }
        found.push(RuleFile { path: path.display().to_string(), text: text(path)? });
        return Ok(());
    }
    if depth > DEPTH_MAX {
        return Err(Failure::input(path.display(), format!("directories nested deeper than {DEPTH_MAX}")));
    }
    let entries = std::fs::read_dir(path).map_err(failed)?.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    let mut paths: Vec<PathBuf> = entries.iter().map(std::fs::DirEntry::path).collect();
    paths.sort();
    for inner in paths {
        let is_rule = inner.extension().is_some_and(|ext| ext == "yml" || ext == "yaml");
        let is_tests = inner.file_name().is_some_and(|name| name == "tests");
        if if inner.is_dir() { !is_tests } else { is_rule } {
            collect(&inner, depth + 1, found)?;
        }
    }
    Ok(())
}

/// The text of a file, a little longer than allowed at most: the reader of rules says that it is too long.
fn text(path: &Path) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| Failure::file(path, &error))?;
    let limit = RULE_FILE_BYTES_MAX as u64 + 1;
    file.take(limit).read_to_end(&mut bytes).map_err(|error| Failure::file(path, &error))?;
    String::from_utf8(bytes).map_err(|error| {
        Failure::input(path.display(), format!("not UTF-8 at byte {}", error.utf8_error().valid_up_to()))
    })
}

/// The pipelines that were asked for.
fn pipelines(named: &Pipelines) -> Result<Vec<Pipeline>, Failure> {
    let read = |name: &String| {
        let shipped = SHIPPED.iter().find(|(known, _)| known == name);
        let text = match shipped {
            Some((_, text)) => (*text).to_owned(),
            None if !Path::new(name).exists() => {
                let known = SHIPPED.map(|(known, _)| known).join(", ");
                return Err(Failure::input(name, format!("no such file, and no pipeline that ships ({known})")));
            }
            None => text(Path::new(name))?,
        };
        let file = RuleFile { path: name.clone(), text };
        Pipeline::parse(&file).map_err(|error| Failure::Check(error.shown(&file.text)))
    };
    named.names.iter().map(read).collect()
}

/// The rules that can be used. The others are named on standard error.
fn usable(paths: &[PathBuf], named: &Pipelines) -> Result<(RuleSet, usize), Failure> {
    let files = files(paths)?;
    let (set, errors) = RuleSet::parse_mapped(&files, &pipelines(named)?);
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
