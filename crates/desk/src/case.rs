//! One alert in full: the frame, what stood around it, what the profile expects, which bits, who contradicts, what to do.
//!
//! Not a new judgement: the capture is replayed up to the alert. Invariant: what is shown lies in the capture or the profile.
//! Cost: one replay; [`AROUND`] frames of the identifier and of its witness are kept.

use crate::alert::{seconds, severity_name};
use crate::report::class_name;
use crate::{Alert, Capture, DeskError, Replay, Watch, reason};
use serde::Deserialize;
use std::collections::VecDeque;
use std::fmt::Write as _;
use yagura_catalogue::Catalogue;
use yagura_ids::{Finding, Profile};
use yagura_model::{BusId, CanId, Frame, Micros};

/// Frames of an identifier shown before and after the one that was flagged.
pub const AROUND: usize = 5;

/// Which alert is meant.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
pub struct Wanted {
    /// Time in the capture's own clock, seconds; the first alert not before it is meant.
    pub t: f64,
    /// On which bus.
    #[serde(default)]
    pub bus: Option<u8>,
    /// About which identifier, hexadecimal as alerts write it.
    #[serde(default)]
    pub id: Option<String>,
}

impl Wanted {
    /// From a line of `replay --json`.
    ///
    /// # Errors
    /// What is wrong with the line.
    pub fn of_line(line: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(line)
    }

    fn is(&self, alert: &Alert<'_>, shift: i64) -> bool {
        let context = &alert.finding().context;
        let time: f64 = seconds(alert.time(), shift).parse().unwrap_or(0.0);
        time + 1e-6 >= self.t
            && self.bus.is_none_or(|bus| bus == context.bus.0)
            && self.id.as_ref().is_none_or(|id| id.eq_ignore_ascii_case(&context.id.to_string()))
    }
}

/// Frames of one identifier up to the alert.
#[derive(Debug, Default)]
struct Recent {
    frames: VecDeque<Frame>,
}

impl Recent {
    fn push(&mut self, frame: &Frame) {
        if self.frames.len() > AROUND {
            self.frames.pop_front();
        }
        self.frames.push_back(*frame);
    }
}

/// Explains the first alert that is wanted; `None` if the capture raises none such.
///
/// # Errors
/// [`DeskError`] if the capture cannot be read or the profile is too large.
pub fn explain_alert(
    capture: &mut Capture,
    profile: &Profile<'_>,
    wanted: &Wanted,
    watch: &mut impl Watch,
) -> Result<Option<String>, DeskError> {
    let mut replay = Replay::new(*profile)?;
    let mut recent = std::collections::BTreeMap::<(BusId, CanId), Recent>::new();
    let mut found: Option<Vec<Finding>> = None;
    while let Some(frame) = capture.next_frame(watch)? {
        recent.entry((frame.bus, frame.id)).or_default().push(&frame);
        let shift = capture.shift_micros();
        replay.judge(&frame, &mut |alert| {
            if found.is_none() && wanted.is(alert, shift) {
                found = Some(alert.findings().to_vec());
            }
        });
        if found.is_some() {
            break;
        }
    }
    let Some((first, findings)) = found.as_ref().and_then(|found| Some((found.first()?, found))) else {
        return Ok(None);
    };
    let subject = (first.context.bus, first.context.id);
    let mut after = Vec::new();
    while after.len() < AROUND
        && let Some(frame) = capture.next_frame(watch)?
    {
        if frame.time.since(first.time) > AFTER_MAX {
            break;
        }
        if (frame.bus, frame.id) == subject {
            after.push(frame);
        }
    }
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write_all(&mut text, profile, findings, &recent, &after);
    Ok(Some(text))
}

/// Frames after the alert are looked for so long, µs.
const AFTER_MAX: u64 = 5_000_000;

fn write_all(
    out: &mut String,
    profile: &Profile<'_>,
    findings: &[Finding],
    recent: &std::collections::BTreeMap<(BusId, CanId), Recent>,
    after: &[Frame],
) -> std::fmt::Result {
    let Some(first) = findings.first() else { return Ok(()) };
    let (context, catalogue) = (&first.context, Catalogue::builtin());
    let entry = catalogue.get(first.check.event());
    let title = entry.map_or("event without a catalogue entry", |entry| entry.title.en.as_str());
    writeln!(out, "{title} (bus {}, identifier {}, at {})", context.bus.0, context.id, seconds(first.time, 0))?;
    for finding in findings {
        let severity = catalogue.get(finding.check.event()).map_or("medium", |entry| severity_name(entry.severity));
        let told = if finding.qualified { "told" } else { "suspicion" };
        writeln!(out, "  {:<16} {severity}, {told}: {}", finding.check.name(), reason::of(finding, profile))?;
        let (expected, observed) = (finding.context.expected, finding.context.observed);
        if expected != 0 || observed != 0 {
            writeln!(out, "  {:<16} expected {expected}, observed {observed}", "")?;
        }
    }
    writeln!(out, "\nin the profile")?;
    write_profile(out, profile, context.bus, context.id)?;
    writeln!(out, "\nframes of {}", context.id)?;
    let subject = (context.bus, context.id);
    let before = recent.get(&subject).map(|recent| &recent.frames);
    write_frames(out, before.into_iter().flatten().chain(after), first.time, context.place)?;
    if let Some(witness) = context.place.witness {
        writeln!(out, "\nframes of its witness {witness}")?;
        let frames = recent.iter().filter(|((bus, id), _)| (*bus, *id) == (context.bus, witness));
        write_frames(out, frames.flat_map(|(_, recent)| &recent.frames), first.time, yagura_model::Place::default())?;
    }
    if let Some(entry) = entry {
        writeln!(out, "\nwhat it means\n  {}\n\nwhat to do\n  {}", entry.meaning.en, entry.what_to_do.en)?;
    }
    Ok(())
}

fn write_profile(out: &mut String, profile: &Profile<'_>, bus: BusId, id: CanId) -> std::fmt::Result {
    let Some(row) = profile.id_index(bus, id).and_then(|index| profile.id(index)) else {
        return writeln!(out, "  nothing: this identifier was not learned on this bus");
    };
    let (gap_min, gap_max) = (reason::span(row.gap_min), reason::span(row.gap_max));
    writeln!(out, "  {}, {} frames learned, period {}", class_name(row.class), row.frames, reason::span(row.period))?;
    writeln!(out, "  distances {gap_min} to {gap_max}; longest data {} bytes", row.lengths.longest())
}

fn write_frames<'f>(
    out: &mut String,
    frames: impl Iterator<Item = &'f Frame>,
    at: Micros,
    place: yagura_model::Place,
) -> std::fmt::Result {
    let mut previous: Option<Frame> = None;
    for frame in frames {
        let mark = if frame.time == at { '>' } else { ' ' };
        let gap = previous.map_or_else(String::new, |before| {
            format!("+{}", reason::span(u32::try_from(frame.time.since(before.time)).unwrap_or(u32::MAX)))
        });
        write!(out, "{mark} {} {gap:>11}  ", seconds(frame.time, 0))?;
        let was = previous.as_ref().map_or(&[][..], |before| before.payload.as_slice());
        for (index, byte) in frame.payload.as_slice().iter().enumerate() {
            let changed = was.get(index).is_some_and(|was| was != byte);
            write!(out, "{byte:02X}{}", if changed { '*' } else { ' ' })?;
        }
        writeln!(out)?;
        previous = Some(*frame);
    }
    if let (true, Some(frame)) = (place.bits > 0, previous) {
        let blank = format!("{:width$}", "", width = seconds(frame.time, 0).len().saturating_add(16));
        let (first, last) = (place.start / 8, place.start.saturating_add(u16::from(place.bits)).saturating_sub(1) / 8);
        let under =
            (0..u16::from(frame.payload.len())).map(|byte| if (first..=last).contains(&byte) { "^^ " } else { "   " });
        writeln!(out, "{blank}{} {}", under.collect::<String>(), reason::field(place))?;
    }
    Ok(())
}
