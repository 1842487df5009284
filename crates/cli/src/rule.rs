//! `yagura rule check`: parses rules exactly as a server would at its start.
//!
//! Not a test of what they match; the tests beside the shipped rules run with `cargo test -p yagura-detect`.

use crate::failure::Failure;
use crate::output::{Output, emit};
use crate::serve::chain;
use std::path::Path;
use yagura_server::pipeline::Rules;

/// Parses all rules below `dir`.
pub(crate) fn check(dir: &Path) -> Result<(), Failure> {
    let rules = Rules::load(Some(dir)).map_err(|error| Failure::Check(chain(&error)))?;
    let count = rules.set.rules().len();
    if count == 0 {
        return Err(Failure::input(dir.display(), "no rule (*.yml, *.yaml) in this directory"));
    }
    let predicates = rules.set.predicates();
    let text = format!("{count} rules, {predicates} predicates: all usable");
    emit(Output::Text, &text, || text.clone())
}
