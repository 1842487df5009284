//! Where indicator sets lie: the `*.txt` and `*.csv` of a directory, that called `indicators` beside rules or one that is named.
//!
//! Not what is in them (that is `yagura_detect::Indicators`). Invariant: no more of a file is held than a set may have.

use super::rule_files::read_text;
use super::rules::RulesError;
use std::path::{Path, PathBuf};
use yagura_detect::{INDICATOR_FILE_BYTES_MAX, Indicators};

/// The directory of sets, beside rules.
pub(super) const BESIDE: &str = "indicators";

/// The sets beside a directory of rules, or beside a file of them; none if there is no such directory.
///
/// # Errors
/// [`RulesError::File`], [`RulesError::Indicators`]
pub fn indicators_beside(rules: &Path) -> Result<Indicators, RulesError> {
    directory_beside(rules).map_or_else(|| Ok(Indicators::default()), |dir| indicators_in(&dir))
}

/// The sets in a directory.
///
/// # Errors
/// [`RulesError::File`], [`RulesError::Indicators`]
pub fn indicators_in(dir: &Path) -> Result<Indicators, RulesError> {
    let read = |path: &PathBuf| read_text(path, INDICATOR_FILE_BYTES_MAX);
    let files = set_files(dir)?.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    Ok(Indicators::read(&files)?)
}

/// The directory of sets beside rules, if there is one.
pub(super) fn directory_beside(rules: &Path) -> Option<PathBuf> {
    let dir = if rules.is_dir() { rules.join(BESIDE) } else { rules.parent()?.join(BESIDE) };
    dir.is_dir().then_some(dir)
}

/// The files of sets in a directory, in the order of their paths.
pub(super) fn set_files(dir: &Path) -> Result<Vec<PathBuf>, RulesError> {
    let failed = |source| RulesError::File { path: dir.to_owned(), source };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_file() && path.extension().is_some_and(|ending| ending == "txt" || ending == "csv") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
