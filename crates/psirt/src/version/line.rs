//! Answers for line filters: a line in, a word out.
//!
//! Not a command: whoever reads the lines prints the answers. A line that cannot be answered gives `error: ` and why.

use super::{Scheme, Vers, compare, key_or_fallback};
use std::cmp::Ordering;

/// Two versions with a tab between them: `<`, `=` or `>`.
#[must_use]
pub fn answer_compare(scheme: Scheme, line: &str) -> String {
    let Some((a, b)) = fields(line) else {
        return "error: two versions with a tab between them were expected".to_owned();
    };
    match compare(scheme, a, b) {
        Ok(Ordering::Less) => "<".to_owned(),
        Ok(Ordering::Equal) => "=".to_owned(),
        Ok(Ordering::Greater) => ">".to_owned(),
        Err(error) => format!("error: {error}"),
    }
}

/// A VERS range and a version with a tab between them: `in` or `out`. What is not canonical is read as far as it can be understood.
#[must_use]
pub fn answer_vers(line: &str) -> String {
    let Some((range, version)) = fields(line) else {
        return "error: a range and a version with a tab between them were expected".to_owned();
    };
    let judge = || {
        let (vers, _) = Vers::read(range)?;
        let (key, _) = key_or_fallback(vers.scheme, version)?;
        Ok::<_, super::VersError>(vers.range()?.contains(&key))
    };
    match judge() {
        Ok(true) => "in".to_owned(),
        Ok(false) => "out".to_owned(),
        Err(error) => format!("error: {error}"),
    }
}

fn fields(line: &str) -> Option<(&str, &str)> {
    line.trim_end_matches(['\n', '\r']).split_once('\t')
}
