//! What is told of a flagged frame or of a silence, for scripts (one JSON object a line) and for people (one line of text).
//!
//! Not a security event (that is what a vehicle sends; it is counted, not told for each frame). The keys of the JSON object and
//! their meaning are stable: docs/cli.md. Invariant: one alert a frame and subject, the strongest finding first.
//! Cost: nothing is formatted for frames that are not flagged.

use crate::reason;
use serde::Serialize;
use std::io::{self, Write};
use yagura_catalogue::Catalogue;
use yagura_ids::{Finding, Profile};
use yagura_model::{Micros, Severity};

/// The findings about one frame, or one silence.
#[derive(Clone, Copy, Debug)]
pub struct Alert<'a> {
    first: &'a Finding,
    all: &'a [Finding],
    shift: i64,
    is_of_frame: bool,
}

/// What follows the time in a JSON line.
#[derive(Serialize)]
struct Line<'a> {
    bus: u8,
    id: String,
    detector: &'static str,
    event: &'a str,
    severity: &'static str,
    qualified: bool,
    incident: u32,
    reason: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    also: Vec<&'static str>,
    data: String,
    expected: u32,
    observed: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    bits: Option<[u16; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    witness: Option<String>,
}

impl<'a> Alert<'a> {
    /// An alert of findings, the strongest first; `None` if there is none. `shift` leads to the capture's own clock, µs.
    pub(crate) fn of(all: &'a [Finding], shift: i64, is_of_frame: bool) -> Option<Self> {
        Some(Self { first: all.first()?, all, shift, is_of_frame })
    }

    /// Whether it is about the frame at hand; else about an absence, or another identifier.
    #[must_use]
    pub const fn is_of_frame(&self) -> bool {
        self.is_of_frame
    }

    /// The strongest finding.
    #[must_use]
    pub const fn finding(&self) -> &'a Finding {
        self.first
    }

    /// All findings, the strongest first.
    #[must_use]
    pub const fn findings(&self) -> &'a [Finding] {
        self.all
    }

    /// Time of the frame, or of the frame at which an absence became certain.
    #[must_use]
    pub const fn time(&self) -> Micros {
        self.first.time
    }

    /// Whether the evidence suffices to tell a person.
    #[must_use]
    pub fn is_qualified(&self) -> bool {
        self.all.iter().any(|finding| finding.qualified)
    }

    /// Number of the attack that it belongs to.
    #[must_use]
    pub const fn incident(&self) -> u32 {
        self.first.incident
    }

    /// How bad it may be, by the event catalogue: the worst of its findings.
    #[must_use]
    pub fn severity(&self, catalogue: &Catalogue) -> Severity {
        let of = |finding: &Finding| catalogue.get(finding.check.event()).map(|entry| entry.severity);
        self.all.iter().filter_map(of).max().unwrap_or(Severity::Medium)
    }

    /// Writes the alert as one JSON object and a line end. Its time is that of the capture's own clock.
    ///
    /// # Errors
    /// What writing fails with.
    pub fn write_json(&self, out: &mut impl Write, profile: &Profile<'_>, catalogue: &Catalogue) -> io::Result<()> {
        let (finding, context) = (self.first, &self.first.context);
        let event = finding.check.event();
        let symbol = catalogue.get(event).map(|entry| entry.symbol.as_str());
        let number = event.to_string();
        let mut also: Vec<&'static str> = Vec::new();
        for name in self.all.iter().map(|finding| finding.check.name()) {
            if name != finding.check.name() && !also.contains(&name) {
                also.push(name);
            }
        }
        let place = context.place;
        let line = Line {
            bus: context.bus.0,
            id: context.id.to_string(),
            detector: finding.check.name(),
            event: symbol.unwrap_or(&number),
            severity: severity_name(self.severity(catalogue)),
            qualified: self.is_qualified(),
            incident: self.incident(),
            reason: reason::of(finding, profile),
            also,
            data: context.payload.to_string(),
            expected: context.expected,
            observed: context.observed,
            bits: (place.bits > 0).then_some([place.start, u16::from(place.bits)]),
            witness: place.witness.map(|id| id.to_string()),
        };
        let rest = serde_json::to_string(&line)?;
        writeln!(out, "{{\"t\":{},{}", seconds(self.time(), self.shift), rest.strip_prefix('{').unwrap_or(&rest))
    }

    /// Writes the alert as a line for people.
    ///
    /// # Errors
    /// What writing fails with.
    pub fn write_text(&self, out: &mut impl Write, profile: &Profile<'_>, catalogue: &Catalogue) -> io::Result<()> {
        let (finding, context) = (self.first, &self.first.context);
        let mark = if self.is_qualified() { '!' } else { '?' };
        let severity = severity_name(self.severity(catalogue));
        let (time, check) = (seconds(self.time(), self.shift), finding.check.name());
        write!(out, "{time} {mark} #{:<3} {severity:<8} {check:<15} ", self.incident())?;
        writeln!(out, "bus {} id {:<8} {}", context.bus.0, context.id.to_string(), reason::of(finding, profile))
    }
}

/// Seconds with six decimals, as candump writes them, in the capture's own clock.
pub(crate) fn seconds(time: Micros, shift: i64) -> String {
    let micros = i128::from(time.0).saturating_add(i128::from(shift));
    let sign = if micros < 0 { "-" } else { "" };
    let micros = micros.unsigned_abs();
    format!("{sign}{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

/// The name of a severity, as it stands in the catalogue.
pub(crate) const fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Informational => "informational",
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Critical => "critical",
    }
}
