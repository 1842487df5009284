//! `yagura ids eval`: labelled captures or the whole suite, scored.
//!
//! Not the counting (`desk::eval`). Tables go to standard output, plots to the file that was asked for.

use crate::args::Eval;
use crate::failure::Failure;
use crate::ids::Terminal;
use crate::output::{Output, emit, out};
use serde::Serialize;
use std::path::Path;
use yagura_desk::eval::{Score, Segment, Truth, evaluate, page, windows_of, windows_text};
use yagura_desk::suite::{self, Section};
use yagura_ids::Profile;

/// One capture's score as a JSON line.
#[derive(Serialize)]
struct Scored<'a> {
    capture: &'a str,
    #[serde(flatten)]
    score: &'a Score,
}

/// Runs `ids eval`.
pub(crate) fn run(args: &Eval) -> Result<(), Failure> {
    if let Some(root) = &args.suite {
        return run_suite(root, args);
    }
    let Some(path) = &args.profile else { return Err(Failure::Input("--profile is missing".to_owned())) };
    let bytes = yagura_desk::read_profile(path)?;
    let profile = Profile::parse(&bytes).map_err(|error| Failure::input(path.display(), error))?;
    let mut terminal = Terminal::new();
    let mut scores = Vec::new();
    for capture in &args.captures {
        let name = capture.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let windows = windows(args, &name)?;
        let (frames, truth) = Truth::read(capture, &windows, &mut terminal)?;
        terminal.clear();
        let start = frames.first().map(|labelled| labelled.frame.time).unwrap_or_default();
        let from = start.plus(std::time::Duration::from_secs_f64(args.from.clamp(0.0, 1e9)).as_micros() as u64);
        let (score, _) = evaluate(&frames, &truth, from, profile)?;
        emit(Output::from_flag(args.json), &Scored { capture: &name, score: &score }, || score.text(&name))?;
        scores.push((name, score));
    }
    write_page(args, &format!("Detection by {}", path.display()), &scores)
}

fn windows(args: &Eval, capture: &str) -> Result<Vec<Segment>, Failure> {
    if let Some(text) = &args.attack_windows {
        return windows_text(text)
            .ok_or_else(|| Failure::input("--attack-windows", "not START-END,START-END in seconds"));
    }
    Ok(args.windows.as_ref().map(|table| windows_of(table, capture)).transpose()?.unwrap_or_default())
}

fn run_suite(root: &Path, args: &Eval) -> Result<(), Failure> {
    std::fs::read_dir(root).map_err(|error| Failure::file(root, &error))?;
    let unknown = |name: &String| Failure::input(name, "no section of the suite");
    let named = args.section.iter().map(|name| Section::of(name).ok_or_else(|| unknown(name)));
    let mut sections = named.collect::<Result<Vec<Section>, Failure>>()?;
    if sections.is_empty() {
        sections = Section::ALL.to_vec();
    }
    if args.html.is_none() {
        return sections.iter().try_for_each(|section| out(suite::run(*section, root)?.as_bytes()));
    }
    let mut scores = Vec::new();
    for section in sections {
        scores.extend(suite::score(section, root)?);
    }
    write_page(args, "Evaluation of the detectors", &scores)
}

fn write_page(args: &Eval, title: &str, scores: &[(String, Score)]) -> Result<(), Failure> {
    let Some(path) = &args.html else { return Ok(()) };
    std::fs::write(path, page(title, scores)).map_err(|error| Failure::file(path, &error))
}
