//! What a specification (DBC, ARXML) says of data: where a signal lies, what it may be, what it tells of the vehicle.
//!
//! Not a decoder to physical values (`profile` has one): rules compare raw values. Rows come from a specification that
//! training traffic did not contradict; without one nothing here judges. Invariant: a frame gives at most [`BREACHES_MAX`]
//! findings, its rules' first. Cost: O(1) a rule, at most [`SPEC_RULES_MAX`] rules an identifier; 8 bytes of RAM each.

mod driving;
mod field;
mod rule;
mod span;

pub use driving::{DrivingState, MOVING_SPAN, SIGN_SPAN, Sign, StateRow};
pub use field::{Field, FieldError};
pub use rule::{Allowed, RuleRow, Switch};

pub(crate) use driving::Driving;
pub(crate) use span::Span;

use crate::finding::{Strength, Tray};
use crate::profile::Profile;
use yagura_model::{CanContext, Frame};

/// The most rows of the specification table for one identifier, and of the state table.
pub const SPEC_RULES_MAX: usize = 12;
/// The most breaches that are told of one frame.
pub const BREACHES_MAX: usize = 2;

/// Where the rows of an identifier stand.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Specified {
    states: Span,
    rules: Span,
}

impl Specified {
    /// As the default: all bytes zero.
    pub(crate) const REST: Self = Self { states: Span::REST, rules: Span::REST };
}

impl Specified {
    /// Those of an identifier.
    pub(crate) fn of(profile: &Profile<'_>, owner: u16) -> Self {
        let tables = profile.tables();
        Self { states: Span::of(&tables.states, owner), rules: Span::of(&tables.rules, owner) }
    }

    /// The longer of both.
    pub(crate) fn len(self) -> usize {
        self.states.len().max(self.rules.len())
    }

    /// Judges a data frame at `now`, steady time, and takes up what it tells of the vehicle.
    pub(crate) fn judge(self, profile: &Profile<'_>, driving: &mut Driving, frame: &Frame, now: u64, tray: &mut Tray) {
        let data = frame.payload.as_slice();
        driving.take(&profile.tables().states, self.states, data, now);
        let rows = self.rules.rows(&profile.tables().rules);
        let breaches = rows.filter_map(|row| Some((row, row.breach(data)?)));
        for (row, (expected, observed)) in breaches.take(BREACHES_MAX) {
            // A control unit that starts up sends blank frames: evidence only beside something else.
            let blank = data.iter().all(|byte| *byte == 0) || data.iter().all(|byte| *byte == u8::MAX);
            let strength = if blank { Strength::Hint } else { row.strength };
            tray.put(row.allowed.check(), strength, CanContext::of(frame, expected, observed).at(row.field.place()));
        }
    }
}
