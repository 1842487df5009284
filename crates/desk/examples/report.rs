//! The report of `yagura ids learn` without the rest of the product: `cargo run --example report -- CAPTURE…`.
//!
//! Not the command line, but the same library: it builds in seconds.
#![expect(clippy::print_stdout, reason = "an example prints")]

use std::error::Error;
use std::path::PathBuf;
use yagura_desk::{Quiet, Report, learn};
use yagura_profile::Specification;

fn main() -> Result<(), Box<dyn Error>> {
    let captures: Vec<PathBuf> = std::env::args().skip(1).map(PathBuf::from).collect();
    let lesson = learn(&captures, &Specification::default(), &mut Quiet)?;
    print!("{}", Report::of(&lesson)?.text());
    Ok(())
}
