//! Runs the benches of the workspace in release mode.
//!
//! Each bench prints JSON lines; this only builds and starts them one after the other. Figures that are kept live in
//! docs/performance.md with the command that made them.

use crate::run::Step;
use std::path::Path;

/// Benches of one crate (`ids`), or of all.
pub(crate) fn bench(root: &Path, package: Option<&str>) -> anyhow::Result<()> {
    let step = Step::new("bench", "cargo bench --benches --quiet");
    let scope =
        package.map_or_else(|| vec!["--workspace".to_owned()], |name| vec!["-p".to_owned(), format!("yagura-{name}")]);
    step.args(scope).run(root)
}
