//! What the makers wrote of a vehicle's messages: DBC and ARXML files as one model.
//!
//! Not a judgement: open DBC files are often wrong, so rules are made from them only where training traffic agrees (`trial`).
//! Invariants: every signal lies within 64 bytes and has 1..=64 bits; the signal that a [`Selector`] names stands in the same
//! message, and following selectors ends. Limits: [`SPEC_BYTES_MAX`], [`MESSAGES_MAX`], [`SIGNALS_MAX`].

#[cfg(feature = "arxml")]
mod arxml;
mod candidates;
mod dbc;
mod fault;
mod lines;
mod protect;
mod states;
mod trial;

#[cfg(feature = "arxml")]
pub use arxml::{ArxmlError, DEPTH_MAX};
pub use dbc::DbcError;
pub use fault::{Fault, Wrong};
pub use states::{MOVING_MIN, STANDING_MAX};
pub use trial::{Dropped, Reason, SpecificationReport, TESTED_MIN};

pub(crate) use protect::add as add_protections;
pub(crate) use trial::Trial;

use yagura_model::CanId;

/// The most bytes of a specification's text; the longest public DBC has 1.2 MB, ARXML of a whole vehicle 170 MB.
pub const SPEC_BYTES_MAX: usize = 256 << 20;
/// The most messages of a specification.
pub const MESSAGES_MAX: usize = 16_384;
/// The most signals of a message.
pub const SIGNALS_MAX: usize = 4_096;
/// The most selectors one within the other.
pub const NESTING_MAX: usize = 8;

/// Which messages a vehicle has, and what is in them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Specification {
    /// In the order of the files.
    pub messages: Vec<Message>,
    /// What could not be used, by line.
    pub faults: Vec<Fault>,
    /// Number of sources: messages say which one they came from.
    sources: usize,
}

/// A message.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Its name.
    pub name: String,
    /// Its identifier.
    pub id: CanId,
    /// Its J1939 parameter group, if any identifier of that group is this message, whoever sends it (SAE J1939-21).
    pub group: Option<u32>,
    /// Its length, bytes, where one is given.
    pub length: Option<u16>,
    /// Whether it is a CAN FD frame.
    pub is_fd: bool,
    /// How often it is sent, µs.
    pub cycle: Option<u32>,
    /// The control unit that sends it.
    pub sender: Option<String>,
    /// The bus or channel that it belongs to, by the specification's name.
    pub channel: Option<String>,
    /// What is in it.
    pub signals: Vec<Signal>,
    /// How its data is protected end to end.
    pub protections: Vec<Protection>,
    /// Whether bits without a signal are known to be unused. A DBC does not say so, ARXML does.
    pub is_complete: bool,
    /// Number of the source among those merged.
    pub source: usize,
}

/// Byte order of a signal.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Order {
    /// Intel: the start bit is the least significant one.
    LittleEndian,
    /// Motorola: the start bit is the most significant one.
    BigEndian,
}

/// What the bits of a signal are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Encoding {
    /// A number that is never negative.
    Unsigned,
    /// Two's complement.
    Signed,
    /// IEEE 754, 32 bits.
    Float32,
    /// IEEE 754, 64 bits.
    Float64,
}

/// A signal is there only when another one has certain values.
#[derive(Clone, Debug, PartialEq)]
pub struct Selector {
    /// Which signal of the message.
    pub signal: usize,
    /// Its raw values, as ranges from least to greatest.
    pub ranges: Vec<(u64, u64)>,
}

/// A signal of a message.
#[derive(Clone, Debug, PartialEq)]
pub struct Signal {
    /// Its name.
    pub name: String,
    /// Start bit as DBC counts: bit 0 is the least significant bit of byte 0, bit 8 that of byte 1.
    pub start: u16,
    /// Number of bits, 1..=64.
    pub size: u8,
    /// Byte order.
    pub order: Order,
    /// What the bits are.
    pub encoding: Encoding,
    /// Physical value = raw value × factor + offset.
    pub factor: f64,
    /// See [`Self::factor`].
    pub offset: f64,
    /// Least and greatest physical value, where they are given.
    pub range: Option<(f64, f64)>,
    /// Unit of the physical value.
    pub unit: String,
    /// Meaning of raw values.
    pub texts: Vec<(i64, String)>,
    /// Physical value after start, where it is given.
    pub initial: Option<f64>,
    /// When it is there; always if `None`.
    pub selector: Option<Selector>,
}

/// End-to-end protection of AUTOSAR.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Protection {
    /// Profile as written, such as `PROFILE_01`.
    pub profile: String,
    /// Data identifiers: one, or a list by counter.
    pub data_ids: Vec<u32>,
    /// Data identifier mode of profile 1 (0 both bytes, 1 alternating, 2 low byte, 3 low byte and nibble).
    pub data_id_mode: Option<u8>,
    /// Protected data, bits.
    pub data_length: Option<u32>,
    /// Start of the header or of the checksum, bits.
    pub crc_offset: Option<u32>,
    /// Start of the counter, bits.
    pub counter_offset: Option<u32>,
    /// Start of the data identifier's nibble, bits.
    pub data_id_nibble_offset: Option<u32>,
    /// Start of the protected data in the message, bits.
    pub data_offset: Option<u32>,
}

impl Specification {
    /// Adds the messages and faults of another source.
    pub fn merge(&mut self, other: Self) {
        let before = self.sources;
        self.sources = before.saturating_add(other.sources);
        let renumbered = other.messages.into_iter().map(|message| {
            let source = message.source.saturating_add(before);
            Message { source, ..message }
        });
        self.messages.extend(renumbered);
        self.messages.truncate(MESSAGES_MAX);
        self.faults.extend(other.faults);
    }

    /// Number of sources merged.
    #[must_use]
    pub const fn sources(&self) -> usize {
        self.sources
    }

    /// Whether it says nothing.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }
}

/// The parameter group that a 29-bit identifier names (SAE J1939-21): without the destination where it has one.
#[must_use]
pub fn parameter_group(id: CanId) -> Option<u32> {
    let CanId::Extended(id) = id else { return None };
    let group = (id.raw() >> 8) & 0x3_FFFF;
    let is_addressed = (group >> 8) & 0xFF < 240;
    Some(if is_addressed { group & 0x3_FF00 } else { group })
}
