//! The sensor in a simulated vehicle: frames in, entries of reports out.
//!
//! Not a detector, a filter or a link of its own: it calls `ids`, `idsm` and `link` as the real sensor does. Time is the
//! vehicle's and an argument. Invariants: what qualifies depends only on the frames, not on how often it is asked; at most
//! [`WAITING_MAX`] events wait, and more are losses that the next report declares. Cost: that of the detectors.

use crate::excerpt::Excerpts;
use std::collections::VecDeque;
use thiserror::Error;
use yagura_ids::{CapacityExceeded, Detector, Profile, ProfileError};
use yagura_idsm::{Config, ConfigError, IdsM, Qualified};
use yagura_link::{Clock, Losses, ReportWriter, WriteError};
use yagura_model::{Frame, Micros, SecurityEvent, VehicleState};
use yagura_profile::StateDecoder;

/// The most identifiers of a simulated vehicle's profile.
pub const PROFILE_IDS_MAX: usize = 256;
/// Qualified events that may wait for their report.
pub const WAITING_MAX: usize = 1_024;
/// From the first waiting event to its report, µs: time for the frames behind it.
pub const SETTLE_MICROS: u64 = 250_000;
/// From one report to the next if nothing happens, µs.
pub const BEAT_MICROS: u64 = 5_000_000;
/// From one sample of the vehicle's state to the next, µs.
pub const SAMPLE_MICROS: u64 = 1_000_000;
/// A bus without a frame for so long no longer moves the detectors' time by itself, µs.
const QUIET_MICROS: u64 = 1_000_000;

/// Why a sensor cannot be built.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SensorError {
    /// The profile is damaged or of another version.
    #[error("profile cannot be used")]
    Profile(#[from] ProfileError),
    /// The profile has more identifiers than [`PROFILE_IDS_MAX`].
    #[error("profile cannot be used")]
    Capacity(#[from] CapacityExceeded),
    /// The filter chains are misconfigured.
    #[error("filter chains cannot be used")]
    Filters(#[from] ConfigError),
}

/// What a sensor has done so far.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct SensorTally {
    /// Frames judged.
    pub frames: u64,
    /// Security events raised by the detectors.
    pub raised: u64,
    /// Events that passed the filters.
    pub qualified: u64,
}

/// A sensor that judges by `'p`'s profile.
#[derive(Debug)]
pub struct Sensor<'p> {
    detector: Box<Detector<'p, PROFILE_IDS_MAX>>,
    judged: Judged,
    state: Option<StateDecoder>,
    samples: VecDeque<VehicleState>,
    next_sample: Micros,
    last_frame: Micros,
    last_report: Option<Micros>,
}

/// Everything behind the detectors.
#[derive(Debug)]
struct Judged {
    idsm: IdsM<{ Config::DEFAULT_CHAINS }>,
    excerpts: Excerpts,
    waiting: VecDeque<Qualified>,
    due: Option<Micros>,
    lost_events: u64,
    tally: SensorTally,
    raised: Option<Vec<SecurityEvent>>,
}

impl<'p> Sensor<'p> {
    /// A sensor at time 0, with the default filter chains.
    ///
    /// # Errors
    /// [`SensorError`] if the profile cannot be used.
    pub fn new(profile: &'p [u8], state: Option<StateDecoder>) -> Result<Self, SensorError> {
        let judged = Judged {
            idsm: IdsM::new(&Config::default_chains())?,
            excerpts: Excerpts::default(),
            waiting: VecDeque::new(),
            due: None,
            lost_events: 0,
            tally: SensorTally::default(),
            raised: None,
        };
        Ok(Self {
            detector: Box::new(Detector::new(Profile::parse(profile)?)?),
            judged,
            state,
            samples: VecDeque::new(),
            next_sample: Micros(0),
            last_frame: Micros(0),
            last_report: None,
        })
    }

    /// Keeps every raised event for [`Self::take_raised`]: for tests that compare.
    pub fn keep_raised(&mut self) {
        self.judged.raised = Some(Vec::new());
    }

    /// What the detectors raised since this was asked last, if it is kept.
    pub fn take_raised(&mut self) -> Vec<SecurityEvent> {
        self.judged.raised.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// What it has done so far.
    #[must_use]
    pub const fn tally(&self) -> SensorTally {
        self.judged.tally
    }

    /// Judges a frame.
    pub fn handle_frame(&mut self, frame: &Frame) {
        let Self { detector, judged, .. } = self;
        judged.tally.frames += 1;
        judged.excerpts.frame(frame);
        detector.handle_frame(frame, &mut |event: SecurityEvent| judged.event(frame.time, &event));
        judged.pass_time(frame.time);
        self.last_frame = frame.time;
        if let Some(state) = &mut self.state {
            state.update(frame);
        }
    }

    /// Lets time pass where no frame does it, and samples the vehicle's state.
    pub fn handle_timeout(&mut self, now: Micros) {
        let Self { detector, judged, .. } = self;
        if now.since(self.last_frame) > QUIET_MICROS {
            detector.handle_timeout(now, &mut |event: SecurityEvent| judged.event(now, &event));
            judged.pass_time(now);
        }
        if now < self.next_sample {
            return;
        }
        self.next_sample = now.plus(SAMPLE_MICROS);
        let Some(decoder) = &self.state else { return };
        let state = decoder.state(now);
        let is_known = VehicleState { time: now, ..VehicleState::default() } != state;
        // Samples are a view, not evidence: beyond the limit the oldest goes.
        if is_known {
            if self.samples.len() >= WAITING_MAX {
                self.samples.pop_front();
            }
            self.samples.push_back(state);
        }
    }

    /// Whether a report is due: events have settled, or it has been quiet for [`BEAT_MICROS`].
    #[must_use]
    pub fn is_due(&self, now: Micros) -> bool {
        let beat = self.last_report.is_none_or(|last| now.since(last) >= BEAT_MICROS);
        beat || self.judged.due.is_some_and(|due| due <= now)
    }

    /// Writes what waits into `writer` until nothing waits or it is full; true if all of it found room.
    ///
    /// # Errors
    /// [`WriteError`] other than `Full`: the entry that cannot be written is lost and counted.
    pub fn write(&mut self, now: Micros, clock: &Clock, writer: &mut ReportWriter) -> Result<bool, WriteError> {
        self.last_report = Some(now);
        while let Some(qualified) = self.judged.waiting.front() {
            let index = match writer.push_qualified(qualified, clock) {
                Ok(index) => index,
                Err(WriteError::Full { .. }) => return Ok(false),
                Err(error) => {
                    self.judged.lose_front();
                    return Err(error);
                }
            };
            let event = qualified.event;
            self.judged.waiting.pop_front();
            if let Some(frames) = self.judged.excerpts.take(&event)
                && writer.push_excerpt(index, &frames).is_err()
            {
                self.judged.excerpts.lose();
            }
        }
        self.judged.due = None;
        while let Some(state) = self.samples.front() {
            if let Err(WriteError::Full { .. }) = writer.push_state(state) {
                return Ok(false);
            }
            self.samples.pop_front();
        }
        Ok(true)
    }

    /// What was lost since this was asked last.
    pub fn take_losses(&mut self) -> Losses {
        let events = std::mem::take(&mut self.judged.lost_events).saturating_add(self.judged.idsm.take_losses());
        Losses { events, excerpts: self.judged.excerpts.take_losses(), ..Losses::NONE }
    }

    /// The end: what the detectors still count is told as at `now`.
    pub fn finish(&mut self, now: Micros) {
        let Self { detector, judged, .. } = self;
        detector.handle_timeout(Micros::MAX, &mut |event: SecurityEvent| judged.event(now, &event));
        judged.pass_time(Micros::MAX);
    }
}

impl Judged {
    fn event(&mut self, now: Micros, event: &SecurityEvent) {
        self.tally.raised += 1;
        if let Some(raised) = &mut self.raised {
            raised.push(*event);
        }
        self.excerpts.raised(event);
        let mut passed = Vec::new();
        self.idsm.report(now, event, &mut |qualified| passed.push(qualified));
        self.take(now, passed);
    }

    fn pass_time(&mut self, now: Micros) {
        if now < self.idsm.poll_timeout() {
            return;
        }
        let mut passed = Vec::new();
        self.idsm.main_function(now, &mut |qualified| passed.push(qualified));
        self.take(now, passed);
    }

    fn take(&mut self, now: Micros, passed: Vec<Qualified>) {
        for qualified in passed {
            self.tally.qualified += 1;
            if self.waiting.len() >= WAITING_MAX {
                self.lose_front();
            }
            self.due.get_or_insert(now.plus(SETTLE_MICROS));
            self.waiting.push_back(qualified);
        }
    }

    fn lose_front(&mut self) {
        if let Some(lost) = self.waiting.pop_front() {
            self.lost_events = self.lost_events.saturating_add(u64::from(lost.event.count));
        }
    }
}
