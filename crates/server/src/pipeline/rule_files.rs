//! Where rules lie: files, and directories of them.
//!
//! Not what is in them. Rules are the `*.yml` and `*.yaml` below a directory, `tests` left out, which holds their tests; a file that is named is read whatever it is
//! called. Invariants: the same directory gives the same files in the same order; no more of a file is held than a rule file may have.

use super::rules::RulesError;
use std::io::{Error, ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use yagura_detect::{RULE_FILE_BYTES_MAX, RuleFile};

/// The most rule files.
pub const RULE_FILES_MAX: usize = 65_536;
/// How deep directories of rules may be nested.
pub(super) const DEPTH_MAX: usize = 32;
/// The directory of tests, beside rules.
const TESTS: &str = "tests";

/// The rule files of a directory in the order of their paths, or the file itself.
///
/// # Errors
/// [`RulesError::File`], [`RulesError::TooMany`]
pub fn rule_files(path: &Path) -> Result<Vec<PathBuf>, RulesError> {
    let mut files = Vec::new();
    if path.is_dir() {
        list((path, Kept::Rules), path, 0, &mut files)?
    } else {
        files.push(path.to_owned())
    }
    files.sort();
    Ok(files)
}

/// The files with tests of the rules of a directory, in the order of their paths; none for a file.
///
/// # Errors
/// [`RulesError::File`], [`RulesError::TooMany`]
pub fn files_of_tests(path: &Path) -> Result<Vec<PathBuf>, RulesError> {
    let mut files = Vec::new();
    let tests = path.join(TESTS);
    if tests.is_dir() {
        list((&tests, Kept::Tests), &tests, 0, &mut files)?;
    }
    files.sort();
    Ok(files)
}

/// What is looked for below a directory.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Kept {
    Rules,
    Tests,
}

/// A rule file, a little longer than allowed at most: the reader of rules says that it is too long.
///
/// # Errors
/// [`RulesError::File`]
pub fn read_rule_file(path: &Path) -> Result<RuleFile, RulesError> {
    read_text(path, RULE_FILE_BYTES_MAX)
}

/// A file of text, one byte longer than allowed at most: its reader says that it is too long.
pub(super) fn read_text(path: &Path, bytes_max: usize) -> Result<RuleFile, RulesError> {
    let failed = |source| RulesError::File { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(bytes_max as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        failed(Error::new(ErrorKind::InvalidData, format!("not UTF-8 at byte {at}")))
    })?;
    Ok(RuleFile { path: path.display().to_string(), text })
}

fn list((root, kept): (&Path, Kept), dir: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), RulesError> {
    if depth > DEPTH_MAX {
        return Err(RulesError::TooMany(root.to_owned()));
    }
    let failed = |source| RulesError::File { path: dir.to_owned(), source };
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let is_rule = path.extension().is_some_and(|ext| ext == "yml" || ext == "yaml");
        if path.is_dir() && (kept == Kept::Tests || path.file_name().is_some_and(|name| name != TESTS)) {
            list((root, kept), &path, depth + 1, files)?;
        } else if path.is_file() && is_rule {
            if files.len() >= RULE_FILES_MAX {
                return Err(RulesError::TooMany(root.to_owned()));
            }
            files.push(path);
        }
    }
    Ok(())
}
