//! What a person should know of a profile that was just learned: its reach, its blind spots, and how often it would cry wolf.
//!
//! Not the profile in full (`explain` is). Invariant: a blind spot is never left out; a field for which nothing is known counts
//! as seen by nothing. Cost: one pass over the profile.

use crate::coverage::{FieldCover, field_covers};
use crate::eval::markdown;
use crate::{DeskError, HeldBack, Lesson};
use serde::Serialize;
use std::fmt::Write as _;
use yagura_ids::{Class, IdRow, Profile};
use yagura_profile::SpecificationReport;

/// Fewer frames than this say little about an identifier.
const FEW_FRAMES: u32 = 20;

/// The report.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Frames learned from.
    pub frames: u64,
    /// Busy time of the bus that they span, seconds.
    pub seconds: f64,
    /// Bytes of the profile.
    pub bytes: usize,
    /// Buses.
    pub buses: usize,
    /// Identifiers, by how they behave.
    pub identifiers: Classes,
    /// Identifiers first seen in the last third of training: if there are any, more training would find more.
    pub late_identifiers: u32,
    /// Identifiers with too few frames to say more than their name and length.
    pub seldom_identifiers: usize,
    /// False alarms on held-back traffic.
    pub held_back: Option<Expected>,
    /// What became of the specification, if there was one.
    pub specification: Option<Specified>,
    /// One by one; without those that only the specification knows.
    pub by_identifier: Vec<Identifier>,
}

/// What a specification gave.
#[derive(Clone, Debug, Serialize)]
pub struct Specified {
    /// Identifiers of the traffic that it describes.
    pub seen: usize,
    /// Its identifiers that the traffic did not have.
    pub unseen: usize,
    /// Rules that the traffic did not contradict.
    pub rules: usize,
    /// Of them, those whose breach is told alone; the others only confirm.
    pub told_alone: usize,
    /// Signals that tell what the vehicle is doing.
    pub states: usize,
    /// Messages whose end-to-end protection the traffic bore out.
    pub protected: usize,
    /// What was not believed or cannot be judged, and why.
    pub dropped: Vec<String>,
}

impl Specified {
    fn of(report: &SpecificationReport) -> Option<Self> {
        let &SpecificationReport { seen, unseen, rules, told_alone, states, protected, .. } = report;
        let dropped = report.dropped.iter().map(ToString::to_string).collect();
        (seen > 0 || unseen > 0).then_some(Self { seen, unseen, rules, told_alone, states, protected, dropped })
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let Self { seen, unseen, rules, told_alone, states, protected, dropped } = self;
        writeln!(
            out,
            "specification: describes {seen} identifiers of the traffic and {unseen} others; {rules} rules hold, {told_alone} of \
             them told alone; {states} signs of what the vehicle is doing; {protected} protections borne out; {} not believed or \
             not judged",
            dropped.len()
        )?;
        dropped.iter().try_for_each(|dropped| writeln!(out, "  {dropped}"))
    }
}

/// Identifiers by class.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Classes {
    /// All.
    pub all: usize,
    /// Sent on a period.
    pub periodic: usize,
    /// Sent on a period and on change.
    pub mixed: usize,
    /// Sent when something happens, or too rarely to say.
    pub event: usize,
}

/// False alarms to be expected.
#[derive(Clone, Debug, Serialize)]
pub struct Expected {
    /// Into how many parts the traffic was divided.
    pub parts: usize,
    /// Seconds judged by a profile that had not seen them.
    pub seconds: f64,
    /// Frames flagged; all false.
    pub alerts: u64,
    /// Incidents told; all false.
    pub incidents: u64,
    /// Incidents an hour, at most, with 95 % confidence.
    pub incidents_per_hour_at_most: f64,
    /// False alerts by detector.
    pub by_detector: std::collections::BTreeMap<&'static str, u64>,
}

/// What is judged of an identifier.
#[derive(Clone, Debug, Serialize)]
pub struct Identifier {
    /// Bus.
    pub bus: u8,
    /// Identifier, hexadecimal.
    pub id: String,
    /// How it behaves.
    pub class: &'static str,
    /// Frames seen.
    pub frames: u32,
    /// Median distance of its frames, µs.
    pub period_micros: u32,
    /// Whether additional frames are seen.
    pub injection: bool,
    /// Whether its absence is seen.
    pub silence: bool,
    /// Whether a checksum covers its data: until an attacker repairs it.
    pub checksum: bool,
    /// Whether it counts its frames.
    pub counter: bool,
    /// Its fields that measure something, and what would contradict a false value in them even with checksum and counter right.
    pub fields: Vec<FieldCover>,
}

impl Identifier {
    /// What would contradict someone who sends in its place, at its pace.
    #[must_use]
    pub fn masquerade(&self) -> String {
        let by_relation = self.fields.iter().filter(|field| field.by_relation).count();
        let relation = format!("relation ({by_relation} of {} fields)", self.fields.len());
        let all = [(self.checksum, "checksum"), (self.counter, "counter"), (by_relation > 0, relation.as_str())];
        let seen: Vec<&str> = all.into_iter().filter(|(is_there, _)| *is_there).map(|(_, name)| name).collect();
        if seen.is_empty() { NOTHING.to_owned() } else { seen.join(", ") }
    }
}

impl Report {
    /// The report on a lesson.
    ///
    /// # Errors
    /// None in practice: the profile was checked when it was learned.
    pub fn of(lesson: &Lesson) -> Result<Self, DeskError> {
        let profile = lesson.learned.profile()?;
        let source = profile.source();
        let ids: Vec<IdRow> = profile.ids().collect();
        let seen = || ids.iter().filter(|row| row.frames > 0);
        let count = |class| seen().filter(|row| row.class == class).count();
        Ok(Self {
            frames: source.frames,
            seconds: seconds(source.micros),
            bytes: lesson.learned.encode().len(),
            buses: profile.buses().count(),
            identifiers: Classes {
                all: seen().count(),
                periodic: count(Class::Periodic),
                mixed: count(Class::Mixed),
                event: count(Class::Event),
            },
            late_identifiers: source.late_ids,
            seldom_identifiers: ids.iter().filter(|row| (1..FEW_FRAMES).contains(&row.frames)).count(),
            held_back: lesson.held_back.as_ref().map(Expected::of),
            specification: Specified::of(&lesson.learned.specification),
            by_identifier: {
                let covers = field_covers(&profile, &lesson.learned.fields);
                let numbered = ids.iter().enumerate().filter(|(_, row)| row.frames > 0);
                numbered.map(|(index, row)| Identifier::of(&profile, &covers, index, row)).collect()
            },
        })
    }

    /// The report as text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let Classes { all, periodic, mixed, event } = self.identifiers;
        writeln!(out, "learned from {} frames, {:.1} s; profile of {} bytes", self.frames, self.seconds, self.bytes)?;
        writeln!(
            out,
            "{all} identifiers on {} bus(es): {periodic} periodic, {mixed} mixed, {event} on event",
            self.buses
        )?;
        self.write_held_back(out)?;
        if let Some(specification) = &self.specification {
            specification.write(out)?;
        }
        if self.late_identifiers > 0 {
            let late = self.late_identifiers;
            writeln!(out, "too little: {late} identifiers came first in the last third; more traffic would show more")?;
        }
        if self.seldom_identifiers > 0 {
            writeln!(out, "too little: {} identifiers with fewer than {FEW_FRAMES} frames", self.seldom_identifiers)?;
        }
        let judged = |judged: fn(&Identifier) -> bool| self.by_identifier.iter().filter(|id| judged(id)).count();
        let (injection, silence) = (judged(|id| id.injection), judged(|id| id.silence));
        let (checksum, counter) = (judged(|id| id.checksum), judged(|id| id.counter));
        writeln!(out, "injection is seen on {injection}, silence on {silence} of {all} identifiers")?;
        let fields = || self.by_identifier.iter().flat_map(|id| &id.fields);
        let (measured, related) = (fields().count(), fields().filter(|field| field.by_relation).count());
        writeln!(
            out,
            "masquerade: {checksum} identifiers have a checksum, {counter} a counter; of {measured} fields that measure something, \
             {related} are contradicted by other identifiers even if checksum and counter are repaired, {} by nothing\n",
            measured.saturating_sub(related)
        )?;
        out.push_str(&self.table());
        Ok(())
    }

    fn table(&self) -> String {
        let header = [
            "bus",
            "identifier",
            "class",
            "frames",
            "period",
            "injection",
            "silence",
            "masquerade seen by",
            "fields seen by nothing",
        ];
        let row = |id: &Identifier| {
            let blind = id.fields.iter().filter(|field| !field.by_relation);
            let blind: Vec<String> = blind.map(|field| format!("{}+{}", field.bits[0], field.bits[1])).collect();
            vec![
                id.bus.to_string(),
                id.id.clone(),
                id.class.to_owned(),
                id.frames.to_string(),
                format!("{:.1} ms", f64::from(id.period_micros) / 1e3),
                yes(id.injection).to_owned(),
                yes(id.silence).to_owned(),
                id.masquerade(),
                blind.join(" "),
            ]
        };
        markdown(&header, &self.by_identifier.iter().map(row).collect::<Vec<_>>())
    }

    fn write_held_back(&self, out: &mut String) -> std::fmt::Result {
        let Some(held) = &self.held_back else {
            return writeln!(
                out,
                "false alarms: not estimated, the traffic is too short or too long to be judged in parts"
            );
        };
        let Expected { parts, seconds, alerts, incidents, incidents_per_hour_at_most: bound, by_detector } = held;
        writeln!(
            out,
            "false alarms: {incidents} incidents, {alerts} flagged frames in {seconds:.0} s of clean traffic held back \
             ({parts} parts in turn); at most {bound:.1} incidents an hour with 95 % confidence"
        )?;
        for (detector, count) in by_detector {
            writeln!(out, "  {count} by {detector}")?;
        }
        Ok(())
    }
}

const NOTHING: &str = "nothing";

const fn yes(yes: bool) -> &'static str {
    if yes { "yes" } else { "-" }
}

#[expect(clippy::cast_precision_loss, reason = "a duration for people")]
fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}

impl Expected {
    fn of(held: &HeldBack) -> Self {
        Self {
            parts: held.parts,
            seconds: seconds(held.micros),
            alerts: held.alerts,
            incidents: held.incidents,
            incidents_per_hour_at_most: held.incidents_bound(),
            by_detector: held.by_detector.clone(),
        }
    }
}

impl Identifier {
    fn of(profile: &Profile<'_>, covers: &[FieldCover], index: usize, row: &IdRow) -> Self {
        let owner = u16::try_from(index).unwrap_or(u16::MAX);
        let tables = profile.tables();
        Self {
            bus: row.bus.0,
            id: row.id.to_string(),
            class: class_name(row.class),
            frames: row.frames,
            period_micros: row.period,
            injection: row.pace.interval > 0,
            silence: row.silence > 0,
            checksum: !tables.checksums.of(owner).is_empty(),
            counter: !tables.counters.of(owner).is_empty(),
            fields: covers.iter().filter(|cover| cover.owner == owner).cloned().collect(),
        }
    }
}

/// The name of a class.
pub(crate) const fn class_name(class: Class) -> &'static str {
    match class {
        Class::Event => "event",
        Class::Mixed => "mixed",
        Class::Periodic => "periodic",
    }
}
