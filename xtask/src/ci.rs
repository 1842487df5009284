//! What CI runs, in the order that finds the commonest faults first.
//!
//! Not the set-up: `scripts/setup` installs the tools that these steps start.

use crate::run::Step;
use crate::services::Services;
use crate::tidy;
use std::path::Path;

/// The step that needs the servers of `scripts/services`.
const TESTS: &str = "tests";

/// Runs all steps, or those whose name contains `only`.
pub(crate) fn ci(root: &Path, only: Option<&str>) -> anyhow::Result<()> {
    let wanted = |name: &str| only.is_none_or(|text| name.contains(text));
    if wanted("tidy") {
        println!("── tidy");
        tidy::tidy(root)?;
    }
    let steps: Vec<Step> = steps(root)?.into_iter().filter(|step| wanted(step.name)).collect();
    for step in steps {
        if step.name == TESTS { tests(root, step)? } else { step.run(root)? }
    }
    Ok(())
}

/// The tests, with the real servers beside them.
fn tests(root: &Path, step: Step) -> anyhow::Result<()> {
    let services = Services::start(root)?;
    step.envs(&services.env).run(root)
}

/// Long runs: the same tests with more cases and more kill points.
pub(crate) fn soak(root: &Path) -> anyhow::Result<()> {
    let soak = Step::new("soak", "cargo test --workspace").env("PROPTEST_CASES", "20000").env("YAGURA_KILLS", "300");
    tests(root, soak)
}

fn steps(root: &Path) -> anyhow::Result<Vec<Step>> {
    let layers = tidy::Layers::read(root)?;
    let bare = layers.bare_metal.crates.iter().flat_map(|name| ["-p".to_owned(), format!("yagura-{name}")]);
    Ok(vec![
        Step::new("fmt", "cargo fmt --all --check"),
        Step::new("typos", "typos"),
        Step::new("deny", "cargo-deny --all-features check bans licenses sources"),
        Step::new("console types", "npm run check").dir("console"),
        Step::new("console build", "npm run build").dir("console"),
        Step::new("clippy", "cargo clippy --workspace --all-targets --quiet -- -D warnings"),
        Step::new("bare metal", "cargo build --quiet --target").args([layers.bare_metal.target.clone()]).args(bare),
        Step::new("docs", "cargo doc --workspace --no-deps --document-private-items --quiet")
            .env("RUSTDOCFLAGS", "-D warnings"),
        Step::new(TESTS, "cargo test --workspace"),
        Step::new("firmware", "cargo run --quiet --package yagura-mcu-harness").dir("mcu"),
        Step::new("console flow", "npm run flow").dir("console"),
    ])
}
