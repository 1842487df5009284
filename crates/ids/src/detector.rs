//! The detector: a profile and the state of its detectors.
//!
//! Not the judgement (`state`), and not for a target without room on its stack: there a [`State`] lies in a `static` and is
//! called with the profile. Cost: that of the state.

use crate::finding::Sink;
use crate::profile::Profile;
use crate::spec::DrivingState;
use crate::state::{CapacityExceeded, FIELDS_ROOM, RELATIONS_ROOM, SIGNALS_ROOM, State};
use yagura_model::{Frame, Micros};

/// Judges frames against a profile of at most `IDS` identifiers: a profile and its [`State`].
#[derive(Clone, Debug)]
pub struct Detector<
    'p,
    const IDS: usize,
    const FIELDS: usize = FIELDS_ROOM,
    const SIGNALS: usize = SIGNALS_ROOM,
    const RELATIONS: usize = RELATIONS_ROOM,
> {
    profile: Profile<'p>,
    state: State<IDS, FIELDS, SIGNALS, RELATIONS>,
}

impl<'p, const IDS: usize> Detector<'p, IDS> {
    /// A detector that has seen nothing yet.
    ///
    /// # Errors
    /// [`CapacityExceeded`] if the profile has more than `IDS` identifiers.
    pub fn new(profile: Profile<'p>) -> Result<Self, CapacityExceeded> {
        Self::with_room(profile)
    }
}

impl<'p, const IDS: usize, const FIELDS: usize, const SIGNALS: usize, const RELATIONS: usize>
    Detector<'p, IDS, FIELDS, SIGNALS, RELATIONS>
{
    /// As [`Self::new`], for other numbers of fields, signals and relations.
    ///
    /// # Errors
    /// [`CapacityExceeded`] if the profile has more of anything than there is room for.
    pub fn with_room(profile: Profile<'p>) -> Result<Self, CapacityExceeded> {
        let mut state = State::new();
        state.start(&profile)?;
        Ok(Self { profile, state })
    }

    /// The profile in use.
    #[must_use]
    pub const fn profile(&self) -> &Profile<'p> {
        &self.profile
    }

    /// What the vehicle is doing, as far as the profile's specification tells.
    #[must_use]
    pub fn driving_state(&self) -> DrivingState {
        self.state.driving_state()
    }

    /// Judges a frame. Frames come in the order in which the sensor received them.
    pub fn handle_frame(&mut self, frame: &Frame, sink: &mut impl Sink) {
        self.state.handle_frame(&self.profile, frame, sink);
    }

    /// Tells what was counted until `now`. Call it with no frame older than `now` outstanding; at the end of a capture with
    /// [`Micros::MAX`].
    pub fn handle_timeout(&mut self, now: Micros, sink: &mut impl Sink) {
        self.state.handle_timeout(now, sink);
    }

    /// When [`Self::handle_timeout`] has something to tell; [`Micros::MAX`] for never.
    #[must_use]
    pub fn poll_timeout(&self) -> Micros {
        self.state.poll_timeout()
    }
}
