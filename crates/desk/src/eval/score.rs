//! Counts: what was told where, and what was not.
//!
//! Not a judgement of good or bad; [`table`](super::table()) words it. Three views: a frame is flagged or not, an attack is seen
//! or not and how late, a second has an alarm or not. A line up to [`AFTERMATH`] after an attack is neither hit nor false alarm: the first genuine
//! frames after a forged one do contradict it. Invariant: see the module above.

use super::truth::{Labelled, Segment, Truth};
use crate::Alert;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use yagura_model::Micros;

/// How long after an attack a line still speaks of it, µs.
pub const AFTERMATH: u64 = 1_000_000;
/// Marks kept for plots; further ones are counted only.
const MARKS_MAX: usize = 20_000;
/// A longer distance of two frames is a pause of the logger, µs.
const PAUSE: u64 = 2_000_000;

/// Lines of one detector, by where they stand.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct DetectorScore {
    /// On a frame of an attack, or a silence during one.
    pub attack: u64,
    /// On a legitimate frame while an attack went on.
    pub during: u64,
    /// Just after an attack.
    pub after: u64,
    /// In clean traffic: false.
    pub clean: u64,
}

impl DetectorScore {
    fn count(&mut self, stand: Stand) {
        let place = match stand {
            Stand::Attack => &mut self.attack,
            Stand::During => &mut self.during,
            Stand::After => &mut self.after,
            Stand::Clean => &mut self.clean,
        };
        *place = place.saturating_add(1);
    }
}

/// Where a line stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stand {
    /// On a frame of an attack, or a silence during one.
    Attack,
    /// On a legitimate frame while an attack went on.
    During,
    /// Just after an attack.
    After,
    /// In clean traffic.
    Clean,
}

/// One attack and what was seen of it.
#[derive(Clone, Debug, Serialize)]
pub struct AttackScore {
    /// What kind.
    pub kind: String,
    /// Its start and end, seconds in the capture's clock.
    pub span: [f64; 2],
    /// Its frames.
    pub frames: u64,
    /// Those of them that were flagged.
    pub flagged: u64,
    /// From its start to the first line, seconds; `None` if it was missed.
    pub delay: Option<f64>,
    /// From its start to the first qualified line, seconds.
    pub delay_qualified: Option<f64>,
    /// Detectors that spoke.
    pub detectors: BTreeSet<&'static str>,
}

/// Seconds by what was in them and what was told.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Seconds {
    /// With an attack, told.
    pub hit: u64,
    /// With an attack, nothing told.
    pub missed: u64,
    /// Clean, but something told.
    pub false_alarm: u64,
    /// Clean and quiet.
    pub quiet: u64,
}

/// A line, for plots.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Mark {
    /// When, seconds in the capture's clock.
    pub t: f64,
    /// By which detector.
    pub detector: &'static str,
    /// Where it stands.
    pub stand: Stand,
}

/// What was told of a labelled capture.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Score {
    /// Frames judged.
    pub frames: u64,
    /// Those of them that an attacker wrote.
    pub attack_frames: u64,
    /// Attack frames flagged.
    pub hits: u64,
    /// Legitimate frames flagged while an attack went on: counted apart.
    pub during: u64,
    /// Lines just after an attack: neither hit nor false.
    pub after: u64,
    /// False lines: in clean traffic.
    pub false_lines: u64,
    /// Frames in clean traffic.
    pub clean_frames: u64,
    /// Seconds of clean traffic.
    pub clean_seconds: f64,
    /// Incidents that were told to a person and have no line near an attack.
    pub false_incidents: u64,
    /// The attacks, one by one.
    pub attacks: Vec<AttackScore>,
    /// Seconds of traffic.
    pub seconds: Seconds,
    /// By detector.
    pub detectors: BTreeMap<&'static str, DetectorScore>,
    /// Lines for plots.
    #[serde(skip)]
    pub marks: Vec<Mark>,
    /// First and last frame judged, seconds in the capture's clock.
    pub span: [f64; 2],
    #[serde(skip)]
    work: Work,
}

/// What is only needed while counting.
#[derive(Clone, Debug, Default)]
struct Work {
    segments: Vec<Segment>,
    previous: Option<Micros>,
    clean_micros: u64,
    current: Option<Current>,
    /// Qualified incidents, and whether one of their lines stands near an attack.
    incidents: BTreeMap<u32, bool>,
    second: Option<(u64, Second)>,
}

#[derive(Clone, Copy, Debug)]
struct Current {
    time: Micros,
    is_attack: bool,
    is_flagged: bool,
    segment: Option<usize>,
    is_after: bool,
}

/// What happened in a second.
#[derive(Clone, Copy, Debug, Default)]
struct Second {
    attack: bool,
    after: bool,
    told: bool,
}

impl Score {
    pub(crate) fn new(truth: &Truth) -> Self {
        let attack = |segment: &Segment| AttackScore {
            kind: segment.kind.clone(),
            span: [seconds(segment.start.0), seconds(segment.end.0)],
            frames: 0,
            flagged: 0,
            delay: None,
            delay_qualified: None,
            detectors: BTreeSet::new(),
        };
        let work = Work { segments: truth.segments.clone(), ..Work::default() };
        Self { attacks: truth.segments.iter().map(attack).collect(), work, ..Self::default() }
    }

    /// The next frame is about to be judged.
    pub(crate) fn start_frame(&mut self, labelled: &Labelled) {
        self.end_frame();
        let time = labelled.frame.time;
        let gap = self.work.previous.replace(time).map_or(0, |previous| time.since(previous));
        let segment = self.work.segments.iter().position(|segment| segment.start <= time && time <= segment.end);
        let is_after = segment.is_none()
            && self.work.segments.iter().any(|segment| segment.end < time && time.since(segment.end) <= AFTERMATH);
        let at = seconds(time.0);
        if self.frames == 0 {
            self.span = [at, at];
        }
        let [from, to] = self.span;
        self.span = [from, to.max(at)];
        self.frames = self.frames.saturating_add(1);
        if let Some(attack) = segment.filter(|_| labelled.is_attack).and_then(|index| self.attacks.get_mut(index)) {
            attack.frames = attack.frames.saturating_add(1);
        }
        self.attack_frames = self.attack_frames.saturating_add(u64::from(labelled.is_attack));
        if segment.is_none() && !is_after && !labelled.is_attack {
            self.clean_frames = self.clean_frames.saturating_add(1);
            self.work.clean_micros = self.work.clean_micros.saturating_add(if gap > PAUSE { 0 } else { gap });
        }
        self.turn_second(time, segment.is_some(), is_after);
        let is_attack = labelled.is_attack;
        self.work.current = Some(Current { time, is_attack, is_flagged: false, segment, is_after });
    }

    /// Takes a line about the frame at hand, or told at it.
    pub(crate) fn take(&mut self, alert: &Alert<'_>) {
        let Some(current) = self.work.current.as_mut() else { return };
        let is_of_frame = alert.is_of_frame();
        let is_hit = if is_of_frame { current.is_attack } else { current.segment.is_some() };
        let stand = match (is_hit, current.segment.is_some(), current.is_after) {
            (true, ..) => Stand::Attack,
            (false, true, _) => Stand::During,
            (false, false, true) => Stand::After,
            (false, false, false) => Stand::Clean,
        };
        current.is_flagged |= is_of_frame;
        let current = *current;
        for finding in alert.findings() {
            self.detectors.entry(finding.check.name()).or_default().count(stand);
        }
        let counter = match stand {
            Stand::Attack => None,
            Stand::During => Some(&mut self.during),
            Stand::After => Some(&mut self.after),
            Stand::Clean => Some(&mut self.false_lines),
        };
        if let Some(counter) = counter {
            *counter = counter.saturating_add(1);
        }
        if self.marks.len() < MARKS_MAX {
            let (t, detector) = (seconds(current.time.0), alert.finding().check.name());
            self.marks.push(Mark { t, detector, stand });
        }
        if alert.is_qualified() {
            let is_near = self.work.incidents.entry(alert.incident()).or_default();
            *is_near |= stand != Stand::Clean;
        } else if stand != Stand::Clean
            && let Some(is_near) = self.work.incidents.get_mut(&alert.incident())
        {
            *is_near = true;
        }
        if let Some((_, second)) = self.work.second.as_mut() {
            second.told = true;
        }
        self.see(&current, alert);
    }

    /// An attack is seen by the first line from its start to its aftermath.
    fn see(&mut self, current: &Current, alert: &Alert<'_>) {
        let after = |segment: &Segment| segment.end < current.time && current.time.since(segment.end) <= AFTERMATH;
        let index = current.segment.or_else(|| self.work.segments.iter().rposition(after));
        let Some(index) = index else { return };
        let (Some(attack), Some(segment)) = (self.attacks.get_mut(index), self.work.segments.get(index)) else {
            return;
        };
        let delay = seconds(current.time.since(segment.start));
        attack.delay.get_or_insert(delay);
        if alert.is_qualified() {
            attack.delay_qualified.get_or_insert(delay);
        }
        attack.detectors.extend(alert.findings().iter().map(|finding| finding.check.name()));
    }

    /// Adds the clean traffic of another score.
    pub(crate) fn add_clean(&mut self, other: &Self) {
        self.clean_frames = self.clean_frames.saturating_add(other.clean_frames);
        self.clean_seconds += other.clean_seconds;
        self.false_lines = self.false_lines.saturating_add(other.false_lines);
        self.false_incidents = self.false_incidents.saturating_add(other.false_incidents);
        for (name, score) in &other.detectors {
            let sum = self.detectors.entry(name).or_default();
            sum.clean = sum.clean.saturating_add(score.clean);
        }
    }

    fn end_frame(&mut self) {
        let Some(current) = self.work.current.take() else { return };
        if current.is_flagged && current.is_attack {
            self.hits = self.hits.saturating_add(1);
            if let Some(attack) = current.segment.and_then(|index| self.attacks.get_mut(index)) {
                attack.flagged = attack.flagged.saturating_add(1);
            }
        }
    }

    fn turn_second(&mut self, time: Micros, is_attack: bool, is_after: bool) {
        let number = time.0 / 1_000_000;
        if self.work.second.is_none_or(|(current, _)| current != number) {
            self.end_second();
            self.work.second = Some((number, Second::default()));
        }
        if let Some((_, second)) = self.work.second.as_mut() {
            second.attack |= is_attack;
            second.after |= is_after;
        }
    }

    fn end_second(&mut self) {
        let Some((_, second)) = self.work.second.take() else { return };
        let counter = match (second.attack, second.told) {
            (true, true) => &mut self.seconds.hit,
            (true, false) => &mut self.seconds.missed,
            (false, _) if second.after => return,
            (false, true) => &mut self.seconds.false_alarm,
            (false, false) => &mut self.seconds.quiet,
        };
        *counter = counter.saturating_add(1);
    }

    pub(crate) fn finish(mut self) -> Self {
        self.end_frame();
        self.end_second();
        self.clean_seconds = seconds(self.work.clean_micros);
        let far = self.work.incidents.values().filter(|is_near| !**is_near).count();
        self.false_incidents = u64::try_from(far).unwrap_or(u64::MAX);
        self
    }
}

#[expect(clippy::cast_precision_loss, reason = "times for people; microseconds are exact up to 285 years")]
pub(crate) fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}
