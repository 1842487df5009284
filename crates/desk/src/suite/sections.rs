//! Runs the cases and words what came out: one section a row of the table in docs/detection.md.
//!
//! Not the cases (`cases`). Invariant: the text says what was learned and judged, and names data that was absent. Cost: see above.

use super::{Case, Shelf, cases, repaired};
use crate::DeskError;
use crate::eval::{Score, row, table};
use std::fmt::Write as _;
use std::path::Path;

/// False lines of a capture that are listed.
const FAULTS_TOLD_MAX: usize = 3;

/// A part of the evaluation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Section {
    /// Recorded attacks on a J1939 truck.
    Truck,
    /// A recorded masquerade on a passenger car.
    Car,
    /// A recorded denial of service.
    Gm,
    /// Simulated attacks on four drives, learned on their beginning.
    Simulated,
    /// Simulated masquerades, other drives of the vehicle learned too.
    Drives,
    /// Masquerades with checksum and counter repaired, on every field that measures something.
    Repaired,
    /// Clean traffic, vehicle by vehicle.
    Clean,
}

impl Section {
    /// All, in the order of the document.
    pub const ALL: [Self; 7] =
        [Self::Truck, Self::Car, Self::Gm, Self::Simulated, Self::Drives, Self::Repaired, Self::Clean];

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Truck => "truck",
            Self::Car => "car",
            Self::Gm => "gm",
            Self::Simulated => "simulated",
            Self::Drives => "drives",
            Self::Repaired => "repaired",
            Self::Clean => "clean",
        }
    }

    /// The section of a name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|section| section.name() == name)
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Truck => "J1939 truck, recorded attacks (learned: normal.log only)",
            Self::Car => "CrySyS car, recorded masquerade (learned: its two clean drives)",
            Self::Gm => "GM car, recorded denial of service (learned: the clean two thirds after it)",
            Self::Simulated => "Simulated attacks (learned: the first 45 % of the same trace; judged: the rest)",
            Self::Drives => {
                "Simulated masquerades, other drives learned too (the first 45 % and all other drives of the vehicle)"
            }
            Self::Repaired => {
                "Masquerades with checksum and counter repaired (learned: the other drives and the first 45 % of the attacked one)"
            }
            Self::Clean => {
                "Clean traffic (each capture judged by a profile of the vehicle's others; lone captures: first 60 %, rest)"
            }
        }
    }
}

/// Runs a section on the data under `root`; the result is Markdown.
///
/// # Errors
/// [`DeskError`] if data that is there cannot be read or learned.
pub fn run(section: Section, root: &Path) -> Result<String, DeskError> {
    let mut shelf = Shelf::default();
    let mut text = format!("## {}\n\n", section.title());
    match section {
        Section::Clean => return clean(&mut shelf, root, text),
        Section::Repaired => return repaired::run(&mut shelf, root, text),
        _ => {}
    }
    let cases = cases_of(section, root)?;
    let scores = scores(&mut shelf, &cases)?;
    if scores.is_empty() {
        text.push_str("no data\n");
        return Ok(text);
    }
    text.push_str(&table(&scores.iter().map(|(name, score)| row(name, score)).collect::<Vec<_>>()));
    text.push('\n');
    if matches!(section, Section::Simulated | Section::Drives) {
        text.push_str(&by_kind(&scores));
    }
    text.push_str(&by_detector(scores.iter().map(|(_, score)| score)));
    Ok(text)
}

/// The scores of a section, by capture; for a page of plots.
///
/// # Errors
/// As [`run`].
pub fn score(section: Section, root: &Path) -> Result<Vec<(String, Score)>, DeskError> {
    let cases = match section {
        Section::Clean => cases::clean(root).into_iter().flat_map(|(_, cases)| cases).collect(),
        other => cases_of(other, root)?,
    };
    scores(&mut Shelf::default(), &cases)
}

fn cases_of(section: Section, root: &Path) -> Result<Vec<Case>, DeskError> {
    Ok(match section {
        Section::Truck => cases::truck(root),
        Section::Car => cases::masquerade(root),
        Section::Gm => cases::gm(root),
        Section::Simulated => cases::simulated(root)?,
        Section::Drives => cases::simulated_with_drives(root)?,
        Section::Repaired | Section::Clean => Vec::new(),
    })
}

fn scores(shelf: &mut Shelf, cases: &[Case]) -> Result<Vec<(String, Score)>, DeskError> {
    cases.iter().map(|case| Ok((case.name.clone(), shelf.score(case)?))).collect()
}

/// How many windows of each kind of attack were seen.
fn by_kind(scores: &[(String, Score)]) -> String {
    let mut kinds: Vec<(String, usize, usize, Vec<f64>)> = Vec::new();
    for attack in scores.iter().flat_map(|(_, score)| &score.attacks) {
        let is_masquerade = attack.kind.starts_with("masq");
        for name in [attack.kind.as_str(), if is_masquerade { "all masquerades" } else { "all others" }] {
            let place = kinds.iter().position(|(kind, ..)| kind == name).unwrap_or_else(|| {
                kinds.push((name.to_owned(), 0, 0, Vec::new()));
                kinds.len().saturating_sub(1)
            });
            let Some((_, seen, all, delays)) = kinds.get_mut(place) else { continue };
            *all = all.saturating_add(1);
            *seen = seen.saturating_add(usize::from(attack.delay.is_some()));
            delays.extend(attack.delay);
        }
    }
    kinds.sort_by(|a, b| a.0.cmp(&b.0));
    let rows: Vec<Vec<String>> = kinds
        .into_iter()
        .map(|(kind, seen, all, mut delays)| {
            delays.sort_by(f64::total_cmp);
            let (median, late) = (crate::eval::quantile(&delays, 50), crate::eval::quantile(&delays, 95));
            vec![kind, format!("{seen}/{all}"), median, late]
        })
        .collect();
    let mut text = crate::eval::markdown(&["kind", "windows seen", "delay median s", "p95 s"], &rows);
    text.push('\n');
    text
}

fn by_detector<'a>(scores: impl Iterator<Item = &'a Score>) -> String {
    let mut sums = std::collections::BTreeMap::<&str, [u64; 4]>::new();
    for (name, score) in scores.flat_map(|score| &score.detectors) {
        let counts = [score.attack, score.during, score.after, score.clean];
        let sum = sums.entry(name).or_default();
        sum.iter_mut().zip(counts).for_each(|(sum, count)| *sum = sum.saturating_add(count));
    }
    let row = |(name, counts): (&str, [u64; 4])| {
        std::iter::once(name.to_owned()).chain(counts.map(|count| count.to_string())).collect()
    };
    let rows: Vec<Vec<String>> = sums.into_iter().map(row).collect();
    let mut text = crate::eval::markdown(&["detector", "on attacks", "beside", "just after", "false"], &rows);
    text.push('\n');
    text
}

fn clean(shelf: &mut Shelf, root: &Path, mut text: String) -> Result<String, DeskError> {
    let (mut rows, mut all, mut faults) = (Vec::new(), Score::default(), String::new());
    for (vehicle, cases) in cases::clean(root) {
        let mut sum = Score::default();
        for (name, score) in scores(shelf, &cases)? {
            sum.add_clean(&score);
            for mark in score.marks.iter().take(FAULTS_TOLD_MAX) {
                // Writing to a String cannot fail.
                let _ = writeln!(faults, "- {name}: {} at {:.6}", mark.detector, mark.t);
            }
        }
        all.add_clean(&sum);
        rows.push(clean_row(&vehicle, cases.len(), &sum));
    }
    let captures = rows.len();
    rows.push(clean_row("all", captures, &all));
    let header =
        ["vehicle", "judged", "frames", "seconds", "false lines", "false incidents", "incidents/h at most (95 %)"];
    text.push_str(&crate::eval::markdown(&header, &rows));
    text.push('\n');
    text.push_str(&by_detector(std::iter::once(&all)));
    text.push_str(&faults);
    Ok(text)
}

fn clean_row(vehicle: &str, judged: usize, score: &Score) -> Vec<String> {
    let bound = crate::rate_bound(score.false_incidents, score.clean_seconds / 3600.0);
    vec![
        vehicle.to_owned(),
        judged.to_string(),
        score.clean_frames.to_string(),
        format!("{:.1}", score.clean_seconds),
        score.false_lines.to_string(),
        score.false_incidents.to_string(),
        format!("{bound:.1}"),
    ]
}
