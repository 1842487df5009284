//! What is known of the attacks in a capture: a label a frame, and from when to when each attack lasted.
//!
//! Not seen by any detector. Attacks come from windows that the caller gives (a suspension has no frames of its own), else from
//! runs of labelled frames. Invariant: segments do not overlap and ascend. Cost: one pass.

use crate::{Capture, DeskError, Watch};
use std::path::Path;
use yagura_capture::Label;
use yagura_model::{Frame, Micros};

/// Labelled frames closer than this are one attack, µs.
pub const SEGMENT_GAP: u64 = 500_000;

/// A frame and what is known of it.
#[derive(Clone, Copy, Debug)]
pub struct Labelled {
    /// The frame.
    pub frame: Frame,
    /// Written by an attacker.
    pub is_attack: bool,
    /// Index of the attack's name in [`Truth::names`].
    pub name: Option<u8>,
}

/// One attack.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Segment {
    /// What kind, by the label or the caller.
    pub kind: String,
    /// Its first frame, or the start of its window.
    pub start: Micros,
    /// Its last frame, or the end of its window.
    pub end: Micros,
}

/// All that is known of a capture's attacks.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Truth {
    /// Names of attacks, as the capture's labels index them.
    pub names: Vec<String>,
    /// The attacks, in order.
    pub segments: Vec<Segment>,
}

impl Truth {
    /// Reads a labelled capture whole. `windows`, counted from the first frame, replace the attacks that follow from the labels;
    /// frames keep their labels.
    ///
    /// # Errors
    /// [`DeskError`] if the capture cannot be read.
    pub fn read(path: &Path, windows: &[Segment], watch: &mut impl Watch) -> Result<(Vec<Labelled>, Self), DeskError> {
        let mut capture = Capture::open(path)?;
        let mut frames = Vec::new();
        while let Some(frame) = capture.next_frame(watch)? {
            let (is_attack, name) = match capture.label() {
                Some(Label::Attack { name }) => (true, name),
                Some(Label::Clean) | None => (false, None),
            };
            frames.push(Labelled { frame, is_attack, name });
        }
        let names = capture.summary().attacks;
        let mut truth = Self { segments: segments(&frames, &names), names };
        truth.set_windows(&frames, windows);
        Ok((frames, truth))
    }

    /// Replaces the attacks by windows, if there are any; their times count from the first frame.
    pub(crate) fn set_windows(&mut self, frames: &[Labelled], windows: &[Segment]) {
        let start = frames.first().map_or(0, |labelled| labelled.frame.time.0);
        let moved = |window: &Segment| Segment {
            kind: window.kind.clone(),
            start: window.start.plus(start),
            end: window.end.plus(start),
        };
        if !windows.is_empty() {
            self.segments = windows.iter().map(moved).collect();
        }
    }
}

/// Runs of labelled frames.
fn segments(frames: &[Labelled], names: &[String]) -> Vec<Segment> {
    let mut segments: Vec<Segment> = Vec::new();
    for Labelled { frame, name, .. } in frames.iter().filter(|labelled| labelled.is_attack) {
        let kind = name.and_then(|name| names.get(usize::from(name))).map_or("attack", String::as_str);
        match segments.last_mut() {
            Some(last) if frame.time.since(last.end) <= SEGMENT_GAP && last.kind == kind => {
                last.end = last.end.max(frame.time);
            }
            _ => segments.push(Segment { kind: kind.to_owned(), start: frame.time, end: frame.time }),
        }
    }
    segments
}

/// The windows that a table gives for a capture, counted from its first frame: columns `file`, `attack`, and pairs `winN_start_s`, `winN_end_s`.
///
/// # Errors
/// [`DeskError::Windows`] naming what is wrong.
pub fn windows_of(table: &Path, capture: &str) -> Result<Vec<Segment>, DeskError> {
    let text = std::fs::read_to_string(table).map_err(|source| DeskError::file(table, source))?;
    let wrong = |reason: &str| DeskError::Windows { path: table.to_owned(), reason: reason.to_owned() };
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().ok_or_else(|| wrong("empty"))?.split(',').collect();
    let column = |name: &str| header.iter().position(|column| *column == name);
    let file = column("file").ok_or_else(|| wrong("no column file"))?;
    let attack = column("attack");
    let starts = header.iter().enumerate().filter(|(_, name)| name.ends_with("_start_s"));
    let pairs: Vec<(usize, usize)> =
        starts.filter_map(|(at, name)| Some((at, column(&name.replace("_start_s", "_end_s"))?))).collect();
    let mut found = Vec::new();
    for cells in lines.map(|line| line.split(',').collect::<Vec<&str>>()) {
        if cells.get(file) != Some(&capture) {
            continue;
        }
        let kind = attack.and_then(|at| cells.get(at)).copied().unwrap_or("attack");
        for (start, end) in &pairs {
            let at = |index: usize| cells.get(index).and_then(|cell| micros(cell));
            if let (Some(start), Some(end)) = (at(*start), at(*end)) {
                found.push(Segment { kind: kind.to_owned(), start, end });
            }
        }
    }
    found.sort_by_key(|segment| segment.start);
    Ok(found)
}

/// Windows written `27.2-35.2,45.4-53.4`: seconds from the first frame.
#[must_use]
pub fn windows_text(text: &str) -> Option<Vec<Segment>> {
    let window = |part: &str| {
        let (start, end) = part.trim().split_once('-')?;
        let (start, end) = (micros(start)?, micros(end)?);
        (start <= end).then(|| Segment { kind: "attack".to_owned(), start, end })
    };
    text.split(',').map(window).collect()
}

/// Seconds in decimal digits.
pub(crate) fn micros(text: &str) -> Option<Micros> {
    let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let whole: u64 = whole.parse().ok()?;
    let digits: String = fraction.chars().chain("000000".chars()).take(6).collect();
    let fraction: u64 = digits.parse().ok()?;
    Some(Micros(whole.checked_mul(1_000_000)?.checked_add(fraction)?))
}
