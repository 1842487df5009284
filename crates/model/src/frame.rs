//! One message on a bus.
//!
//! Not a line format (that is `capture`) and not a decoded signal. Invariant: a payload holds at most 64 bytes (CAN FD).
//! Cost: 96 bytes, `Copy`.

use crate::{CanId, Micros};
use core::fmt;

/// Which bus of the vehicle, numbered by the sensor's configuration (0 = can0).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct BusId(pub u8);

/// More bytes than a CAN FD frame carries.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PayloadTooLong {
    /// How many bytes were given.
    pub len: usize,
}

impl fmt::Display for PayloadTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "payload of {} bytes exceeds the maximum {}", self.len, Payload::LEN_MAX)
    }
}

impl core::error::Error for PayloadTooLong {}

/// 0 to 64 bytes of data. Aligned, so that microcontrollers copy it by words.
#[derive(Clone, Copy)]
#[repr(C, align(4))]
pub struct Payload {
    bytes: [u8; Self::LEN_MAX],
    len: u8,
}

impl Payload {
    /// The most bytes a CAN FD frame carries.
    pub const LEN_MAX: usize = 64;
    /// No bytes.
    pub const EMPTY: Self = Self { len: 0, bytes: [0; Self::LEN_MAX] };

    /// A payload that holds a copy of `data`.
    ///
    /// # Errors
    /// [`PayloadTooLong`] above [`Self::LEN_MAX`].
    #[inline]
    pub fn new(data: &[u8]) -> Result<Self, PayloadTooLong> {
        let too_long = PayloadTooLong { len: data.len() };
        let len = u8::try_from(data.len()).map_err(|_| too_long)?;
        let mut bytes = [0; Self::LEN_MAX];
        bytes.get_mut(..data.len()).ok_or(too_long)?.copy_from_slice(data);
        Ok(Self { len, bytes })
    }

    /// The data.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or(&[])
    }

    /// The data, to be changed in place; its length stays.
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        self.bytes.get_mut(..usize::from(self.len)).unwrap_or(&mut [])
    }

    /// Number of bytes, 0..=64.
    #[must_use]
    pub const fn len(&self) -> u8 {
        self.len
    }

    /// Whether there is no byte.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl Eq for Payload {}

impl PartialEq for Payload {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({self})")
    }
}

impl fmt::Display for Payload {
    /// Upper-case hexadecimal without separators.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_slice().iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

/// What kind of frame was on the bus.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FrameKind {
    /// Classic CAN data frame, at most 8 bytes.
    Data,
    /// CAN FD data frame, at most 64 bytes.
    Fd {
        /// Bit rate switch: the data phase ran at the higher rate.
        bit_rate_switch: bool,
        /// Error state indicator: the sender was error passive.
        error_passive: bool,
    },
    /// Remote frame: asks for data of this length, carries none.
    Remote {
        /// The requested data length, 0..=8.
        requested_len: u8,
    },
    /// Error frame as the controller reported it; the payload holds Linux's error detail, the identifier its error class.
    Error,
}

/// One message on a bus.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Frame {
    /// When it was received.
    pub time: Micros,
    /// Where.
    pub bus: BusId,
    /// Its identifier.
    pub id: CanId,
    /// Its kind.
    pub kind: FrameKind,
    /// Its data.
    pub payload: Payload,
}
