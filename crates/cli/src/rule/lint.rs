//! `yagura rule lint`: what is wrong with rules, and what could be better.
//!
//! Not the remarks themselves (`yagura_detect::lint`); here they are printed.

use super::{files, surroundings};
use crate::args::Surroundings;
use crate::failure::Failure;
use crate::output::{Output, emit};
use serde::Serialize;
use std::path::PathBuf;
use yagura_detect::{RuleFile, lint};
use yagura_server::clock;

/// A remark, as scripts read it.
#[derive(Serialize)]
struct Line<'a> {
    file: &'a str,
    line: u64,
    column: u64,
    severity: &'a str,
    message: &'a str,
    advice: Option<&'a str>,
}

/// Runs the command.
pub(crate) fn run(paths: &[PathBuf], named: &Surroundings, json: bool) -> Result<(), Failure> {
    let files = files(paths)?;
    let remarks = lint(&files, &surroundings(paths, named)?, clock::now());
    let text_of = |path: &str| files.iter().find(|file: &&RuleFile| file.path == path).map_or("", |file| &file.text);
    for remark in &remarks {
        let line = Line {
            file: &remark.path,
            line: remark.line,
            column: remark.column,
            severity: if remark.is_error { "error" } else { "warning" },
            message: &remark.message,
            advice: remark.advice.as_deref(),
        };
        emit(Output::from_flag(json), &line, || remark.shown(text_of(&remark.path)))?;
    }
    let errors = remarks.iter().filter(|remark| remark.is_error).count();
    let summary = format!("{} files: {errors} errors, {} warnings", files.len(), remarks.len() - errors);
    if errors > 0 {
        return Err(Failure::Check(summary));
    }
    eprintln!("yagura: {summary}");
    Ok(())
}
