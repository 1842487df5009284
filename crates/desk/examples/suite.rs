//! The evaluation of docs/detection.md without the rest of the product: `cargo run --example suite -- DIR [SECTION…]`.
//!
//! Not the command line (`yagura ids eval --suite DIR`), but the same library: it builds in seconds.
#![expect(clippy::print_stdout, reason = "an example prints")]

use std::error::Error;
use std::path::PathBuf;
use yagura_desk::suite::{Section, run};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let root = PathBuf::from(args.next().unwrap_or_else(|| "../shared/data/can".to_owned()));
    let named: Vec<Section> = args.filter_map(|name| Section::of(&name)).collect();
    let sections = if named.is_empty() { Section::ALL.to_vec() } else { named };
    for section in sections {
        println!("{}", run(section, &root)?);
    }
    Ok(())
}
