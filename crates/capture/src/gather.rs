//! Frames as formats give them → frames of the model: buses and attacks get numbers, times become instants, all is counted.
//!
//! Not a parser. Invariant: whatever the format, the same rules for names, times and counts. Cost: one comparison of the
//! interface's name and a few additions a frame.

use crate::buses::Buses;
use crate::clock::Clock;
use crate::fault::LineFault;
use crate::label::{Attacks, Label};
use crate::summary::Summary;
use crate::text::Line;
use yagura_model::Frame;

#[derive(Clone, Debug, Default)]
pub(crate) struct Gather {
    buses: Buses,
    attacks: Attacks,
    clock: Clock,
    label: Option<Label>,
    summary: Summary,
}

impl Gather {
    /// Writes the frame of a line to `frame`.
    pub(crate) fn take(&mut self, line: &Line<'_>, frame: &mut Frame) -> Result<(), LineFault> {
        let bus = self.buses.number(line.interface)?;
        self.label = match line.mark {
            None => None,
            Some(mark) => Some(self.attacks.label(mark).ok_or(LineFault::TooManyAttacks)?),
        };
        let previous = self.clock.previous();
        let time = self.clock.instant(line.time);
        *frame = Frame { time, bus, id: line.id, kind: line.kind, payload: line.payload };
        self.summary.count(time, line.time.is_some(), previous);
        Ok(())
    }

    pub(crate) fn count_unreadable(&mut self) {
        self.summary.unreadable = self.summary.unreadable.saturating_add(1);
    }

    pub(crate) const fn has_frames(&self) -> bool {
        self.summary.frames > 0
    }

    pub(crate) const fn label(&self) -> Option<Label> {
        self.label
    }

    pub(crate) const fn shift_micros(&self) -> i64 {
        self.clock.shift()
    }

    pub(crate) fn summary(&self) -> Summary {
        Summary {
            buses: self.buses.as_slice().to_vec(),
            attacks: self.attacks.as_slice().to_vec(),
            shifts: self.clock.shifts(),
            shift_micros: self.clock.shift(),
            ..self.summary.clone()
        }
    }
}
