//! Interface names of a log → bus numbers.
//!
//! Not a sensor's configuration: a log knows only names. Rule: the number that ends the name (`can1` → 1) if it is free,
//! else the smallest free number. Invariant: one number per name, at most [`BUSES_MAX`] names. Cost: the last name is looked
//! at first, so a log of one bus pays one comparison a frame.

use crate::fault::{INTERFACE_LEN_MAX, LineFault};
use yagura_model::BusId;

/// The most interfaces one log may name.
pub const BUSES_MAX: usize = 64;

/// One interface of a log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Bus {
    /// Its number in the frames.
    pub id: BusId,
    /// Its name as written.
    pub name: String,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Buses {
    seen: Vec<Bus>,
    last: usize,
}

impl Buses {
    /// The number of this interface.
    ///
    /// # Errors
    /// The name is no name, or would be one too many.
    pub(crate) fn number(&mut self, name: &[u8]) -> Result<BusId, LineFault> {
        if let Some(bus) = self.seen.get(self.last).filter(|bus| bus.name.as_bytes() == name) {
            return Ok(bus.id);
        }
        if let Some(index) = self.seen.iter().position(|bus| bus.name.as_bytes() == name) {
            self.last = index;
            return self.seen.get(index).map(|bus| bus.id).ok_or(LineFault::TooManyInterfaces);
        }
        if !is_name(name) {
            return Err(LineFault::Interface);
        }
        if self.seen.len() >= BUSES_MAX {
            return Err(LineFault::TooManyInterfaces);
        }
        let id = self.free(trailing_number(name)).ok_or(LineFault::TooManyInterfaces)?;
        self.last = self.seen.len();
        self.seen.push(Bus { id, name: String::from_utf8_lossy(name).into_owned() });
        Ok(id)
    }

    pub(crate) fn as_slice(&self) -> &[Bus] {
        &self.seen
    }

    fn free(&self, wanted: Option<u8>) -> Option<BusId> {
        let is_free = |number: &u8| self.seen.iter().all(|bus| bus.id.0 != *number);
        wanted.filter(is_free).or_else(|| (0..=u8::MAX).find(is_free)).map(BusId)
    }
}

/// Whether this can be the name of an interface.
pub(crate) fn is_name(name: &[u8]) -> bool {
    (1..=INTERFACE_LEN_MAX).contains(&name.len()) && name.iter().all(u8::is_ascii_graphic)
}

fn trailing_number(name: &[u8]) -> Option<u8> {
    let start = name.iter().rposition(|byte| !byte.is_ascii_digit()).map_or(0, |last| last.saturating_add(1));
    str::from_utf8(name.get(start..)?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bus_takes_the_number_of_its_name_or_the_next_free_one() {
        let mut buses = Buses::default();
        let mut of = |name: &str| buses.number(name.as_bytes()).ok().map(|bus| bus.0);
        assert_eq!(of("can1"), Some(1));
        assert_eq!(of("vcan1"), Some(0));
        assert_eq!(of("can0"), Some(2));
        assert_eq!(of("slcan"), Some(3));
        assert_eq!(of("can999"), Some(4));
        assert_eq!(of("can1"), Some(1));
        assert_eq!(of("7"), Some(7));
    }

    #[test]
    fn interfaces_beyond_the_limit_are_refused() {
        let mut buses = Buses::default();
        for number in 0..BUSES_MAX {
            assert!(buses.number(format!("can{number}").as_bytes()).is_ok());
        }
        assert_eq!(buses.number(b"can200"), Err(LineFault::TooManyInterfaces));
        assert_eq!(buses.number(b"can 2"), Err(LineFault::Interface));
        assert_eq!(buses.number(b"can3"), Ok(BusId(3)));
    }
}
