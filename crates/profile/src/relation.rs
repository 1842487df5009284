//! Relations between signals, found in clean traffic.
//!
//! Not causes: two signals are related if one follows from the other within a limit on every training frame, in several parts of
//! the training, while both moved up and down. Pairs are found on a grid (`candidates`), limits are measured frame by frame with
//! the code that will judge (`proof`). Invariant: no relation is broken on the training traffic. ADR-0015.

mod candidates;
mod grid;
mod proof;

use crate::fields::{Drive, LearnedField, Track};
use candidates::{Candidate, Source, candidates};
use grid::Column;
use proof::{Proof, prove, signal_row};
use std::collections::{BTreeMap, BTreeSet};
use yagura_ids::{Comparison, Derived, RelationRow, SignalRow};

/// Fields compared with each other at most; the ones that move most.
const FIELDS_MAX: usize = 72;
/// Slower identifiers take no part, µs.
const PERIOD_MAX: u64 = 250_000;
/// Pairs tried frame by frame at most.
const CANDIDATES_MAX: usize = 1_500;
/// Witnesses of a signal, and of one identifier among them.
const WITNESSES_MAX: usize = 6;
const WITNESSES_PER_ID_MAX: usize = 3;
/// Turning points that both signals have seen.
const TURNS_MIN: u32 = 3;
/// Signals that lag differ by their direction: the share of the range that was passed both upwards and downwards.
const BOTH_WAYS_MIN: f64 = 0.5;
/// With at least one turning point, signals that agree to this correlation are no chance.
const CLOSE_R: f64 = 0.985;
/// A limit above this share of what the signal does says nothing.
const LIMIT_SHARE_MAX: f64 = 0.2;
/// Drift is measured in sixteenths of a step.
const DRIFT_UNIT: f64 = 16.0;
/// The same for counters: what they do in three seconds at their fastest.
const DRIFT_SHARE_MAX: f64 = 0.5;
/// A relation that holds to this share is no chance at all, and counts for two.
const EXACT: f64 = 0.01;
/// Above this correlation, and without any difference, two signals are one sent twice.
const TWIN_R: f64 = 0.9999;
/// Two identifiers that know a signal can only be told apart if one relation holds at least to this share.
const PAIR_SHARE_MAX: f64 = 0.01;
/// A limit below this share is no chance, whatever the number of turning points.
const LIMIT_SHARE_SURE: f64 = 0.02;
/// Frames on which a relation must have been tried.
const FRAMES_MIN: u32 = 100;

/// How many rows there may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    pub(crate) signals: usize,
    pub(crate) relations: usize,
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    pub(crate) signals: Vec<SignalRow>,
    pub(crate) relations: Vec<RelationRow>,
}

/// A relation that may be used, and how tight it is: its limit as a share of the judged signal's range.
struct Held {
    judged: Source,
    witness: Source,
    row: RelationRow,
    share: f64,
    /// Both are the same, bit for bit: one signal sent twice.
    twin: bool,
}

/// The relations among `fields`.
pub(crate) fn relations(
    tracks: &[Track],
    order: &[u16],
    drives: &[Drive],
    fields: &[LearnedField],
    room: Room,
) -> Found {
    let by_owner: BTreeMap<u16, &Track> = tracks.iter().map(|track| (track.owner, track)).collect();
    let quick = |field: &&LearnedField| by_owner.get(&field.owner).is_some_and(|track| track.period() <= PERIOD_MAX);
    let mut fields: Vec<LearnedField> = fields.iter().filter(|f| f.is_measured()).filter(quick).copied().collect();
    fields.sort_by_key(|field| std::cmp::Reverse(field.changes));
    fields.truncate(FIELDS_MAX);
    let column = |field: &LearnedField| by_owner.get(&field.owner).map(|track| Column::of(track, field, drives));
    let columns: Vec<Column> = fields.iter().filter_map(column).collect();
    let mut candidates = candidates(&fields, &columns);
    drop(columns);
    candidates.truncate(CANDIDATES_MAX);
    let Tried { sources, signals, held } = try_all(tracks, order, drives, &fields, &candidates, &by_owner);
    choose(&sources, &signals, held, room)
}

struct Tried {
    sources: Vec<Source>,
    signals: Vec<SignalRow>,
    held: Vec<Held>,
}

fn try_all(
    tracks: &[Track],
    order: &[u16],
    drives: &[Drive],
    fields: &[LearnedField],
    candidates: &[Candidate],
    by_owner: &BTreeMap<u16, &Track>,
) -> Tried {
    let mut sources: Vec<Source> = candidates.iter().flat_map(|c| [c.judged, c.witness]).collect();
    sources.sort_unstable();
    sources.dedup();
    let row = |source: &Source| {
        let field = fields.get(source.field)?;
        signal_row(by_owner.get(&field.owner)?, field, source.derived, drives)
    };
    let with_rows: Vec<(Source, SignalRow)> = sources.iter().filter_map(|s| row(s).map(|row| (*s, row))).collect();
    let (sources, signals): (Vec<Source>, Vec<SignalRow>) = with_rows.into_iter().unzip();
    let index = |source: Source| sources.binary_search(&source).ok().and_then(|at| u16::try_from(at).ok());
    let mut rows = Vec::new();
    for candidate in candidates {
        let (Some(judged), Some(witness)) = (index(candidate.judged), index(candidate.witness)) else { continue };
        let Some(field) = fields.get(candidate.judged.field) else { continue };
        if let Some(row) = relation_row(candidate, field.owner, (judged, witness), by_owner) {
            rows.push((candidate, row));
        }
    }
    rows.sort_by_key(|(_, row)| (row.owner, row.judged));
    let plain: Vec<RelationRow> = rows.iter().map(|(_, row)| *row).collect();
    let proofs = prove(tracks, order, drives, &signals, &plain);
    let held = rows.iter().zip(&proofs).filter_map(|((candidate, row), proof)| hold(candidate, row, proof)).collect();
    Tried { sources, signals, held }
}

/// The row of a candidate, with no limit yet.
fn relation_row(
    candidate: &Candidate,
    owner: u16,
    (judged, witness): (u16, u16),
    by_owner: &BTreeMap<u16, &Track>,
) -> Option<RelationRow> {
    // Grid units to those of `ids`: a rate there is per 65,536 units of 1,024 µs, an integral is over such units.
    let units_per_tick = 100_000.0 / 1_024.0;
    let scale = match candidate.witness.derived {
        Derived::Level | Derived::Count => 1.0,
        Derived::Rate => 5.0 * units_per_tick / 65_536.0,
        Derived::Integral => 1.0 / units_per_tick,
    };
    let slope = candidate.line.slope * scale;
    let shift = (8..=40_u8).rev().find(|shift| slope.abs() * 2_f64.powi(i32::from(*shift)) < 2_f64.powi(30))?;
    let period = by_owner.get(&owner).map_or(10_000, |track| track.period()).clamp(1_000, PERIOD_MAX);
    // Drift is forgiven over some eight seconds.
    let leak = u8::try_from(8_000_000_u64.checked_div(period).and_then(u64::checked_ilog2).unwrap_or(4)).unwrap_or(4);
    Some(RelationRow {
        owner,
        judged,
        witness,
        comparison: candidate.comparison,
        slope: rounded(slope * 2_f64.powi(i32::from(shift)))?,
        shift,
        offset: rounded(candidate.line.offset)?,
        limit: u32::MAX,
        leak,
        weight: 1,
    })
}

#[expect(clippy::cast_possible_truncation, reason = "checked to fit before")]
fn rounded(value: f64) -> Option<i32> {
    (value.abs() < 2_147_483_000.0).then(|| value.round() as i32)
}

#[expect(clippy::cast_possible_truncation, reason = "a float cast saturates; limits are not negative")]
fn limit_of(candidate: &Candidate, proof: &Proof) -> u32 {
    let seen = 1.0 + 6.0 / f64::from(candidate.turns.max(3));
    let margin = (1.5 * proof.spread()).clamp(seen.max(2.0), 4.0);
    // What was passed one way only may be off by as much again the other way.
    let margin = match candidate.comparison {
        Comparison::Band => margin / candidate.both_ways.max(BOTH_WAYS_MIN),
        Comparison::Drift => margin,
    };
    // Rounding to whole steps: of the judged value, or of both counters.
    let rounding = match candidate.comparison {
        Comparison::Band => margin,
        Comparison::Drift => 2.0 * DRIFT_UNIT,
    };
    (f64::from(proof.worst()) * margin + rounding).ceil() as u32
}

/// The relation of a candidate, if it held.
fn hold(candidate: &Candidate, row: &RelationRow, proof: &Proof) -> Option<Held> {
    if proof.frames() < FRAMES_MIN {
        return None;
    }
    let limit = limit_of(candidate, proof);
    let range = match candidate.comparison {
        Comparison::Band => f64::from(proof.high) - f64::from(proof.low),
        // What the counter does within three seconds at its fastest.
        Comparison::Drift => 3.0 * DRIFT_UNIT * candidate.fastest,
    };
    let share = f64::from(limit) / range.max(1.0);
    let (most, exact) = match candidate.comparison {
        Comparison::Band => (LIMIT_SHARE_MAX, share <= EXACT),
        Comparison::Drift => (DRIFT_SHARE_MAX, false),
    };
    let sure = share <= LIMIT_SHARE_SURE && candidate.comparison == Comparison::Band;
    let close = candidate.turns > 0 && candidate.line.r.abs() >= CLOSE_R;
    let one_way = candidate.comparison == Comparison::Band && candidate.both_ways < BOTH_WAYS_MIN;
    if share > most || one_way || (candidate.turns < TURNS_MIN && !sure && !close) {
        return None;
    }
    let row = RelationRow { limit, weight: if exact { 2 } else { 1 }, ..*row };
    let twin = proof.worst() == 0 && candidate.line.r > TWIN_R;
    Some(Held { judged: candidate.judged, witness: candidate.witness, row, share, twin })
}

/// Picks witnesses for each signal and writes the tables: at most [`WITNESSES_MAX`], from as many identifiers as there are.
fn choose(sources: &[Source], signals: &[SignalRow], mut held: Vec<Held>, room: Room) -> Found {
    held.sort_by(|a, b| (a.judged, a.share).partial_cmp(&(b.judged, b.share)).unwrap_or(std::cmp::Ordering::Equal));
    let owner = |index: u16| signals.get(usize::from(index)).map_or(u16::MAX, |row| row.owner);
    let twins: BTreeSet<(Source, Source)> =
        held.iter().filter(|held| held.twin).map(|h| (h.judged, h.witness)).collect();
    let are_twins = |a: Source, b: Source| twins.contains(&(a, b)) || twins.contains(&(b, a));
    let mut groups: Vec<(f64, Vec<&Held>)> = Vec::new();
    for group in held.chunk_by(|a, b| a.judged == b.judged) {
        let mut chosen: Vec<&Held> = Vec::new();
        for rank in 0..WITNESSES_PER_ID_MAX {
            for candidate in group {
                let same = |other: &&&Held| owner(other.row.witness) == owner(candidate.row.witness);
                let known = chosen.iter().any(|other| {
                    let (one, two) = (other.witness, candidate.witness);
                    one.field == two.field
                        || are_twins(one, two) && owner(other.row.witness) == owner(candidate.row.witness)
                });
                if !known && chosen.iter().filter(same).count() == rank && chosen.len() < WITNESSES_MAX {
                    chosen.push(candidate);
                }
            }
        }
        let others: BTreeSet<u16> =
            chosen.iter().filter(|h| owner(h.row.witness) != h.row.owner).map(|h| owner(h.row.witness)).collect();
        let best = chosen.iter().map(|held| held.share).fold(f64::MAX, f64::min);
        let enough = others.len() > 1 || (others.len() == 1 && best <= PAIR_SHARE_MAX);
        if enough && chosen.len() >= 2 {
            groups.push((best, chosen));
        }
    }
    groups.sort_by(|a, b| a.0.total_cmp(&b.0));
    write(sources, signals, &groups, room)
}

fn write(sources: &[Source], signals: &[SignalRow], groups: &[(f64, Vec<&Held>)], room: Room) -> Found {
    let (mut used, mut rows): (Vec<usize>, Vec<RelationRow>) = (Vec::new(), Vec::new());
    for (_, group) in groups {
        let mut more = used.clone();
        for index in group.iter().flat_map(|held| [held.row.judged, held.row.witness]).map(usize::from) {
            if !more.contains(&index) {
                more.push(index);
            }
        }
        if more.len() <= room.signals && rows.len().saturating_add(group.len()) <= room.relations {
            used = more;
            rows.extend(group.iter().map(|held| held.row));
        }
    }
    used.sort_by_key(|index| (signals.get(*index).map_or(u16::MAX, |row| row.owner), *index));
    let renamed =
        |old: u16| used.iter().position(|index| *index == usize::from(old)).and_then(|at| u16::try_from(at).ok());
    let rename =
        |row: RelationRow| Some(RelationRow { judged: renamed(row.judged)?, witness: renamed(row.witness)?, ..row });
    let mut relations: Vec<RelationRow> = rows.into_iter().filter_map(rename).collect();
    relations.sort_by_key(|row| (row.owner, row.judged));
    let _ = sources;
    Found { signals: used.iter().filter_map(|index| signals.get(*index).copied()).collect(), relations }
}
