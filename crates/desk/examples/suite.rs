//! The evaluation of docs/detection.md without the rest of the product: `cargo run --example suite -- DIR [SECTION…]`.
//!
//! With `--page FILE` before the sections, their scores are drawn as one HTML page instead. Not the command line
//! (`yagura ids eval --suite DIR`), but the same library: it builds in seconds.
#![expect(clippy::print_stdout, reason = "an example prints")]

use std::error::Error;
use std::path::{Path, PathBuf};
use yagura_desk::eval::page;
use yagura_desk::suite::{Section, run, score};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let root = PathBuf::from(if args.is_empty() { "../shared/data/can".to_owned() } else { args.remove(0) });
    let file = (args.first().map(String::as_str) == Some("--page")).then(|| args.drain(..2).nth(1)).flatten();
    let named: Vec<Section> = args.iter().filter_map(|name| Section::of(name)).collect();
    let sections = if named.is_empty() { Section::ALL.to_vec() } else { named };
    match file {
        Some(file) => draw(&root, &sections, &file),
        None => {
            for section in sections {
                println!("{}", run(section, &root)?);
            }
            Ok(())
        }
    }
}

fn draw(root: &Path, sections: &[Section], file: &str) -> Result<(), Box<dyn Error>> {
    let mut scores = Vec::new();
    for section in sections {
        scores.extend(score(*section, root)?);
    }
    std::fs::write(file, page("Evaluation of the detectors", &scores))?;
    Ok(())
}
