//! Masquerades whose checksums and counters are repaired: is what the report calls covered seen, and is the rest said honestly?
//!
//! Not the given simulated attacks: windows, fields and values are drawn by `inject`, in drives that were not learned beyond their
//! first [`LEARNED_PERCENT`] %. Every field that measures something is attacked in every kind, in [`PLACES`] windows. Windows in which
//! the field's data came out unchanged are left out. Invariant: the profile never saw the attacked part. Cost: one replay a window.

use super::{Part, Shelf, cases};
use crate::DeskError;
use crate::coverage::{FieldCover, field_covers};
use crate::eval::{Labelled, Truth, evaluate, markdown, quantile};
use crate::inject::{Kind, Order, inject};
use crate::learn::learn_frames;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use yagura_ids::Profile;
use yagura_model::{Frame, Micros};
use yagura_profile::Specification;

/// Hundredths of the attacked drive that are learned beside the other drives.
pub(super) const LEARNED_PERCENT: u8 = 45;
/// Windows a field and kind, in hundredths of the part that is judged: start and end.
const PLACES: [(u64, u64); 2] = [(10, 40), (55, 85)];
/// Vehicles with several drives in which signals move.
const VEHICLES: [&str; 2] = ["CrySyS car", "LEAF 62 kWh"];

/// What was seen of the windows of one kind or field.
#[derive(Clone, Debug, Default)]
struct Seen {
    windows: usize,
    seen: usize,
    delays: Vec<f64>,
    false_lines: u64,
}

impl Seen {
    fn add(&mut self, delay: Option<f64>, false_lines: u64) {
        self.windows = self.windows.saturating_add(1);
        self.seen = self.seen.saturating_add(usize::from(delay.is_some()));
        self.delays.extend(delay);
        self.false_lines = self.false_lines.saturating_add(false_lines);
    }

    fn row(&self, cells: &[&str]) -> Vec<String> {
        let mut delays = self.delays.clone();
        delays.sort_by(f64::total_cmp);
        let percent = self.seen.saturating_mul(100).checked_div(self.windows).unwrap_or(0);
        let mut row: Vec<String> = cells.iter().map(|cell| (*cell).to_owned()).collect();
        row.extend([format!("{}/{}", self.seen, self.windows), format!("{percent} %")]);
        row.extend([quantile(&delays, 50), quantile(&delays, 95), self.false_lines.to_string()]);
        row
    }
}

/// Sums by kind and by field.
#[derive(Default)]
struct Sums {
    kinds: BTreeMap<(bool, &'static str), Seen>,
    fields: BTreeMap<(String, String, [u16; 2], bool), Seen>,
}

/// Runs the section; the result is Markdown.
pub(super) fn run(shelf: &mut Shelf, root: &Path, mut text: String) -> Result<String, DeskError> {
    let mut sums = Sums::default();
    for vehicle in VEHICLES {
        let drives = cases::drives(root, vehicle);
        for (at, drive) in drives.iter().enumerate() {
            let others: Vec<&PathBuf> =
                drives.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, path)| path).collect();
            attack(shelf, vehicle, drive, &others, &mut sums)?;
        }
    }
    let header = ["covered", "kind", "windows seen", "share", "delay median s", "p95 s", "false lines"];
    let mut rows = Vec::new();
    for covered in [true, false] {
        let mut all = Seen::default();
        for ((_, kind), seen) in sums.kinds.iter().filter(|((of, _), _)| *of == covered) {
            rows.push(seen.row(&[said(covered), kind]));
            all.windows = all.windows.saturating_add(seen.windows);
            all.seen = all.seen.saturating_add(seen.seen);
            all.delays.extend(&seen.delays);
            all.false_lines = all.false_lines.saturating_add(seen.false_lines);
        }
        rows.push(all.row(&[said(covered), "all"]));
    }
    text.push_str(&markdown(&header, &rows));
    text.push('\n');
    let header =
        ["vehicle", "identifier", "bits", "covered", "windows seen", "share", "delay median s", "p95 s", "false lines"];
    let rows: Vec<Vec<String>> = sums
        .fields
        .iter()
        .map(|((vehicle, id, [start, len], covered), seen)| {
            seen.row(&[vehicle, id, &format!("{start}+{len}"), said(*covered)])
        })
        .collect();
    text.push_str(&markdown(&header, &rows));
    Ok(text)
}

const fn said(covered: bool) -> &'static str {
    if covered { "by relation" } else { "by nothing" }
}

fn attack(
    shelf: &mut Shelf,
    vehicle: &str,
    drive: &Path,
    others: &[&PathBuf],
    sums: &mut Sums,
) -> Result<(), DeskError> {
    let mut traffic: Vec<Vec<Frame>> = Vec::new();
    for path in others {
        traffic.push(plain(&shelf.part(path, Part::Whole)?));
    }
    traffic.push(plain(&shelf.part(drive, Part::Until(LEARNED_PERCENT))?));
    let learned = learn_frames(&traffic, &Specification::default())?;
    let profile = learned.profile()?;
    let judged = plain(&shelf.part(drive, Part::From(LEARNED_PERCENT))?);
    let span = judged.last().zip(judged.first()).map_or(0, |(last, first)| last.time.since(first.time));
    for cover in field_covers(&profile, &learned.fields) {
        for (kind, (from, to), seed) in Kind::MASQUERADES
            .into_iter()
            .flat_map(|kind| PLACES.into_iter().zip(1_u64..).map(move |(place, seed)| (kind, place, seed)))
        {
            let Some((id, outcome)) = one(&profile, &judged, &cover, (kind, seed), (at(span, from), at(span, to)))?
            else {
                continue;
            };
            let covered = cover.by_relation;
            sums.kinds.entry((covered, kind.name())).or_default().add(outcome.0, outcome.1);
            let field = sums.fields.entry((vehicle.to_owned(), id, cover.bits, covered)).or_default();
            field.add(outcome.0, outcome.1);
        }
    }
    Ok(())
}

const fn at(span: u64, percent: u64) -> Micros {
    Micros(span.saturating_mul(percent) / 100)
}

fn plain(frames: &[Labelled]) -> Vec<Frame> {
    frames.iter().map(|labelled| labelled.frame).collect()
}

/// Identifier, delay if the attack was seen, and false lines; `None` if there was nothing to forge.
type Outcome = Option<(String, (Option<f64>, u64))>;

fn one(
    profile: &Profile<'_>,
    judged: &[Frame],
    cover: &FieldCover,
    (kind, seed): (Kind, u64),
    (start, end): (Micros, Micros),
) -> Result<Outcome, DeskError> {
    let Some(row) = profile.id(usize::from(cover.owner)) else { return Ok(None) };
    let order = Order { kind, start, end, bus: Some(row.bus), target: Some(row.id), field: cover.field, seed };
    let Ok(forged) = inject(judged, &order, Some(profile)) else { return Ok(None) };
    if forged.forged == 0 {
        return Ok(None);
    }
    let truth = Truth { names: Vec::new(), segments: vec![forged.window.clone()] };
    let (score, _) = evaluate(&forged.frames, &truth, Micros(0), *profile)?;
    let delay = score.attacks.first().and_then(|attack| attack.delay);
    Ok(Some((row.id.to_string(), (delay, score.false_lines))))
}
