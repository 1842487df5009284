//! What the vehicle is doing, from the few signals that a specification names: it gates what may be asked of the vehicle.
//!
//! Not [`VehicleState`](yagura_model::VehicleState) (that gives an alert its meaning, at the desk). Invariant: without a fresh
//! sign the state is [`DrivingState::Unknown`], never a guess. A vehicle that any sensor says moves is moving: who forges one
//! "standing" does not open the workshop. State: 56 bytes.

use super::{Field, Span};
use crate::profile::{Row, Table};

/// What the vehicle is doing.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum DrivingState {
    /// Nothing tells.
    #[default]
    Unknown,
    /// Awake, not ready to drive.
    Off,
    /// Ready to drive, standing.
    Ready,
    /// Moving.
    Driving,
    /// Standing and charging.
    Charging,
    /// Standing, in the hands of a workshop.
    Workshop,
}

/// What a raw value of a signal tells.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Sign {
    /// The vehicle moves.
    Moving,
    /// The vehicle stands.
    Standing,
    /// Ignition on, ready to drive, or a gear is selected.
    Ready,
    /// Ignition off.
    Off,
    /// Charging.
    Charging,
    /// A workshop's or maker's mode.
    Workshop,
}

impl Sign {
    const COUNT: usize = 6;

    const fn code(self) -> u8 {
        match self {
            Self::Moving => 0,
            Self::Standing => 1,
            Self::Ready => 2,
            Self::Off => 3,
            Self::Charging => 4,
            Self::Workshop => 5,
        }
    }

    const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Moving),
            1 => Some(Self::Standing),
            2 => Some(Self::Ready),
            3 => Some(Self::Off),
            4 => Some(Self::Charging),
            5 => Some(Self::Workshop),
            _ => None,
        }
    }
}

/// A row of the state table, 24 bytes: a signal whose value in a range is a sign.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct StateRow {
    /// Whose.
    pub owner: u16,
    /// The signal.
    pub field: Field,
    /// What it tells.
    pub sign: Sign,
    /// Least raw value that tells it.
    pub low: i64,
    /// Greatest raw value that tells it.
    pub high: i64,
}

impl Row for StateRow {
    const KIND: u8 = 44;
    const LEN: usize = 24;

    fn read(bytes: &[u8]) -> Option<Self> {
        let &[o0, o1, f0, f1, f2, f3, sign, 0, ref range @ ..] = bytes else { return None };
        let (low, high) = range.split_first_chunk::<8>()?;
        let (low, high) = (i64::from_be_bytes(*low), i64::from_be_bytes(*high.first_chunk()?));
        if low > high {
            return None;
        }
        let (field, sign) = (Field::read_row([f0, f1, f2, f3])?, Sign::from_code(sign)?);
        Some(Self { owner: u16::from_be_bytes([o0, o1]), field, sign, low, high })
    }

    fn write(&self, out: &mut [u8]) {
        let bytes = self.owner.to_be_bytes().into_iter().chain(self.field.row()).chain([self.sign.code(), 0]);
        let bytes = bytes.chain(self.low.to_be_bytes()).chain(self.high.to_be_bytes());
        out.iter_mut().zip(bytes).for_each(|(room, byte)| *room = byte);
    }

    fn owner(&self) -> u16 {
        self.owner
    }
}

/// How long one sensor's "moving" outweighs another's "standing", µs.
pub const MOVING_SPAN: u64 = 1_000_000;
/// How long a sign counts, µs.
pub const SIGN_SPAN: u64 = 5_000_000;

/// When each sign was last seen.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Driving {
    /// Steady time, µs.
    last: [u64; Sign::COUNT],
    /// Which signs were ever seen.
    seen: u8,
}

impl Driving {
    /// As the default: all bytes zero.
    pub(crate) const REST: Self = Self { last: [0; Sign::COUNT], seen: 0 };
}

impl Driving {
    /// Takes up a frame's data at `now`, steady time.
    pub(crate) fn take(&mut self, rows: &Table<'_, StateRow>, span: Span, data: &[u8], now: u64) {
        for row in span.rows(rows) {
            if row.field.value(data).is_some_and(|value| row.low <= value && value <= row.high) {
                self.note(row.sign, now);
            }
        }
    }

    /// Takes up a sign, whoever saw it.
    pub(crate) fn note(&mut self, sign: Sign, now: u64) {
        if let Some(last) = self.last.get_mut(usize::from(sign.code())) {
            *last = now;
            self.seen |= 1 << sign.code();
        }
    }

    /// Time since the sign, µs, if it still counts.
    fn age(&self, sign: Sign, now: u64) -> Option<u64> {
        if self.seen & (1 << sign.code()) == 0 {
            return None;
        }
        let age = now.saturating_sub(*self.last.get(usize::from(sign.code()))?);
        (age <= SIGN_SPAN).then_some(age)
    }

    fn is_moving(&self, now: u64) -> bool {
        let Some(moving) = self.age(Sign::Moving, now) else { return false };
        moving <= MOVING_SPAN || self.age(Sign::Standing, now).is_none_or(|standing| moving < standing)
    }

    /// What is known at `now`, steady time.
    pub(crate) fn state(&self, now: u64) -> DrivingState {
        if self.is_moving(now) {
            return DrivingState::Driving;
        }
        if self.age(Sign::Workshop, now).is_some() {
            return DrivingState::Workshop;
        }
        if self.age(Sign::Charging, now).is_some() {
            return DrivingState::Charging;
        }
        match (self.age(Sign::Off, now), self.age(Sign::Ready, now)) {
            (Some(off), ready) if ready.is_none_or(|ready| off <= ready) => DrivingState::Off,
            (_, Some(_)) => DrivingState::Ready,
            _ if self.age(Sign::Standing, now).is_some() => DrivingState::Ready,
            _ => DrivingState::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    fn after(signs: &[(Sign, u64)], now: u64) -> DrivingState {
        let mut driving = Driving::default();
        signs.iter().for_each(|(sign, time)| driving.note(*sign, *time));
        driving.state(now)
    }

    #[test]
    fn without_a_fresh_sign_nothing_is_known() {
        assert_eq!(after(&[], 0), DrivingState::Unknown);
        assert_eq!(after(&[(Sign::Moving, SECOND)], 7 * SECOND), DrivingState::Unknown);
    }

    #[test]
    fn one_sensor_that_says_moving_outweighs_one_that_says_standing() {
        let both = [(Sign::Moving, SECOND), (Sign::Standing, SECOND + 10_000)];
        assert_eq!(after(&both, SECOND + 20_000), DrivingState::Driving);
        assert_eq!(after(&both, 3 * SECOND), DrivingState::Ready);
        let moving_again = [(Sign::Standing, SECOND), (Sign::Moving, 2 * SECOND)];
        assert_eq!(after(&moving_again, 5 * SECOND), DrivingState::Driving);
    }

    #[test]
    fn a_standing_vehicle_is_what_its_other_signals_say() {
        let with = |sign| after(&[(Sign::Standing, SECOND), (sign, SECOND)], 2 * SECOND);
        let states = [Sign::Ready, Sign::Off, Sign::Charging, Sign::Workshop].map(with);
        use DrivingState::{Charging, Off, Ready, Workshop};
        assert_eq!(states, [Ready, Off, Charging, Workshop]);
        assert_eq!(after(&[(Sign::Off, SECOND), (Sign::Ready, 2 * SECOND)], 2 * SECOND), Ready);
    }
}
