//! Rows of a profile: one per bus, one per identifier on a bus.
//!
//! Not the file around them. Format: docs/format/profile.md. Invariant: `read` of what `bytes` gave is the same row, and a row
//! that `read` accepts is legal. Cost: 24 bytes a bus, 44 an identifier, decoded where they lie.

use crate::novelty::Stratum;
use crate::pace::Pace;
use yagura_model::{BusId, CanId, Frame, FrameKind};

/// Four bytes at `at`, which lies within the row: one load and one byte swap.
pub(crate) fn word(row: &[u8], at: usize) -> u32 {
    row.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u32::from_be_bytes(*bytes))
}

/// Two bytes at `at`, which lies within the row.
pub(crate) fn half(row: &[u8], at: usize) -> u16 {
    row.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u16::from_be_bytes(*bytes))
}

/// How an identifier was seen to behave.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Class {
    /// Sent when something happens, or seen too rarely to say more.
    Event,
    /// Sent on a period and in addition when something happens.
    Mixed,
    /// Sent on a period.
    Periodic,
}

impl Class {
    const fn code(self) -> u8 {
        match self {
            Self::Event => 0,
            Self::Mixed => 1,
            Self::Periodic => 2,
        }
    }

    const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Event),
            1 => Some(Self::Mixed),
            2 => Some(Self::Periodic),
            _ => None,
        }
    }
}

/// Which formats and data lengths an identifier may have.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Lengths {
    /// Classic data frames: bit n allows n bytes, 0..=8.
    pub classic: u16,
    /// CAN FD frames: bit n allows data length code n (9..=15 mean 12, 16, 20, 24, 32, 48, 64 bytes).
    pub fd: u16,
    /// Remote frames.
    pub remote: bool,
}

impl Lengths {
    const CLASSIC_ALL: u16 = 0x1FF;

    /// Allows what `frame` is. A length that its format cannot have, and error frames, change nothing.
    pub fn allow(&mut self, frame: &Frame) {
        match frame.kind {
            FrameKind::Data => self.classic |= Self::bit(frame) & Self::CLASSIC_ALL,
            FrameKind::Fd { .. } => self.fd |= Self::bit(frame),
            FrameKind::Remote { .. } => self.remote = true,
            FrameKind::Error => {}
        }
    }

    /// Whether `frame` has a format and length seen in training. Error frames are not judged here.
    #[must_use]
    pub fn allows(self, frame: &Frame) -> bool {
        match frame.kind {
            FrameKind::Data => self.classic & Self::CLASSIC_ALL & Self::bit(frame) != 0,
            FrameKind::Fd { .. } => self.fd & Self::bit(frame) != 0,
            FrameKind::Remote { .. } => self.remote,
            FrameKind::Error => true,
        }
    }

    /// The bit of the frame's data length code; 0 for a length that no code means.
    const fn bit(frame: &Frame) -> u16 {
        match frame.payload.len() {
            len @ 0..=8 => 1 << len,
            12 => 1 << 9,
            16 => 1 << 10,
            20 => 1 << 11,
            24 => 1 << 12,
            32 => 1 << 13,
            48 => 1 << 14,
            64 => 1 << 15,
            _ => 0,
        }
    }

    /// The longest data allowed, bytes.
    #[must_use]
    pub const fn longest(self) -> u8 {
        const BYTES: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 20, 24, 32, 48, 64];
        match (self.classic | self.fd).checked_ilog2() {
            Some(code @ 0..=15) => {
                let (_, from) = BYTES.split_at(code as usize);
                match from.first() {
                    Some(len) => *len,
                    None => 0,
                }
            }
            _ => 0,
        }
    }

    const fn is_legal(self) -> bool {
        self.classic <= Self::CLASSIC_ALL && (self.classic | self.fd != 0 || self.remote)
    }
}

/// How complete the list of identifiers of a bus is, and how many more are to be expected. The default is a complete list.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Novelty {
    /// Strata of which the list is not known to be complete, bits; and [`Self::J1939`].
    pub open: u8,
    /// One new identifier in so long is to be expected, units of 100 ms.
    pub interval: u8,
    /// So many may come at once.
    pub burst: u8,
}

impl Novelty {
    /// Identifiers of 11 bits.
    pub const STANDARD: u8 = 1;
    /// Identifiers of 29 bits; on J1939 those of priority 4 to 7, which is information.
    pub const EXTENDED: u8 = 2;
    /// Identifiers of J1939 with priority 0 to 3, which is control.
    pub const CONTROL: u8 = 4;
    /// The bus speaks J1939.
    pub const J1939: u8 = 8;
    /// The bus has no identifier of 11 bits: one is foreign, whatever the state of the vehicle.
    pub const NO_STANDARD: u8 = 16;
    /// The bus has no identifier of 29 bits.
    pub const NO_EXTENDED: u8 = 32;
    /// Identifiers of diagnostics: 11 bits from here on.
    const DIAGNOSTIC_MIN: u32 = 0x700;

    const fn is_legal(self) -> bool {
        self.open < Self::NO_EXTENDED << 1
    }

    /// Pace of new identifiers.
    pub(crate) const fn pace(self) -> Pace {
        let interval = (self.interval as u32).saturating_mul(100_000);
        Pace { interval, tolerance: interval.saturating_mul(self.burst as u32) }
    }

    /// What kind of identifier `id` is. Protocol of J1939 is told by number and priority; whether its source is known is not
    /// looked at.
    pub(crate) const fn stratum(self, id: CanId) -> Stratum {
        let raw = id.raw();
        if id.key() < CanId::EXTENDED_BIT {
            return if raw >= Self::DIAGNOSTIC_MIN { Stratum::Diagnostic } else { Stratum::Listed(Self::STANDARD) };
        }
        let (priority, page, format) = (raw >> 26, raw >> 24 & 3, raw >> 16 & 0xFF);
        // ISO 15765-2: normal fixed addressing, physical and functional.
        if priority == 6 && page == 0 && (format == 0xDA || format == 0xDB) {
            return Stratum::Diagnostic;
        }
        if self.open & Self::J1939 == 0 {
            return Stratum::Listed(Self::EXTENDED);
        }
        // SAE J1939-21: acknowledgement, request, transport protocol; J1939-81: address claimed.
        let protocol = matches!(format, 0xE8 | 0xEA | 0xEB | 0xEC | 0xEE);
        match priority {
            6 | 7 if page == 0 && protocol => Stratum::Protocol,
            4.. => Stratum::Listed(Self::EXTENDED),
            _ => Stratum::Listed(Self::CONTROL),
        }
    }

    /// Whether the list of the stratum that `id` belongs to says nothing of newcomers: diagnostics and protocol.
    #[must_use]
    pub const fn is_transient(self, id: CanId) -> bool {
        !matches!(self.stratum(id), Stratum::Listed(_))
    }

    /// Whether newcomers of a stratum may belong to a state of the vehicle that training did not show.
    pub(crate) const fn may_settle(self, bit: u8) -> bool {
        let foreign = if bit == Self::STANDARD { Self::NO_STANDARD } else { Self::NO_EXTENDED };
        self.open & foreign == 0
    }

    /// The bit of [`Self::open`] that `id` belongs to; 0 for diagnostics and protocol.
    #[must_use]
    pub const fn bit(self, id: CanId) -> u8 {
        match self.stratum(id) {
            Stratum::Listed(bit) => bit,
            _ => 0,
        }
    }
}

/// What is normal on one bus.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BusRow {
    /// Which bus.
    pub bus: BusId,
    /// A quiet bus longer than this is idle: the rest of the pause is nobody's silence. µs.
    pub idle_cap: u32,
    /// Pace of all frames together; surplus frames are a flood.
    pub pace: Pace,
    /// Most frames in one second of training.
    pub peak_per_second: u32,
    /// Frames seen in training.
    pub frames: u32,
    /// How complete its list of identifiers is.
    pub novelty: Novelty,
}

impl BusRow {
    pub(crate) const LEN: usize = 24;

    pub(crate) fn read(row: &[u8; Self::LEN]) -> Option<Self> {
        let &[bus, open, interval, burst, ..] = row;
        let novelty = Novelty { open, interval, burst };
        if !novelty.is_legal() {
            return None;
        }
        Some(Self {
            novelty,
            bus: BusId(bus),
            idle_cap: word(row, 4),
            pace: Pace { interval: word(row, 8), tolerance: word(row, 12) },
            peak_per_second: word(row, 16),
            frames: word(row, 20),
        })
    }

    pub(crate) fn bytes(&self) -> impl Iterator<Item = u8> + use<> {
        let words = [self.idle_cap, self.pace.interval, self.pace.tolerance, self.peak_per_second, self.frames];
        let Novelty { open, interval, burst } = self.novelty;
        [self.bus.0, open, interval, burst].into_iter().chain(words.into_iter().flat_map(u32::to_be_bytes))
    }
}

/// What is normal of one identifier on one bus.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct IdRow {
    /// Which bus.
    pub bus: BusId,
    /// Which identifier.
    pub id: CanId,
    /// How it behaves.
    pub class: Class,
    /// Its formats and lengths.
    pub lengths: Lengths,
    /// Median distance of its frames, µs; 0 if seen once.
    pub period: u32,
    /// How soon its frames may come.
    pub pace: Pace,
    /// Two of its frames are never closer than this, µs; 0 = not judged.
    pub distance: u32,
    /// How long it may stay away while its bus is busy, µs; 0 = not judged.
    pub silence: u32,
    /// Frames seen in training.
    pub frames: u32,
    /// Shortest distance seen in training, µs.
    pub gap_min: u32,
    /// Longest distance seen in training, bus idle time not counted, µs.
    pub gap_max: u32,
}

impl IdRow {
    pub(crate) const LEN: usize = 44;
    const REMOTE_FLAG: u8 = 1;

    /// What the table is sorted by.
    #[must_use]
    pub const fn sort_key(bus: BusId, key: u32) -> u64 {
        ((bus.0 as u64) << 32) | key as u64
    }

    pub(crate) fn read_sort_key(row: &[u8; Self::LEN]) -> u64 {
        let &[bus, ..] = row;
        Self::sort_key(BusId(bus), word(row, 4))
    }

    pub(crate) fn read(row: &[u8; Self::LEN]) -> Option<Self> {
        let &[bus, class, flags, reserved, ..] = row;
        let lengths = Lengths { classic: half(row, 8), fd: half(row, 10), remote: flags == Self::REMOTE_FLAG };
        if reserved != 0 || flags > Self::REMOTE_FLAG || !lengths.is_legal() {
            return None;
        }
        Some(Self {
            bus: BusId(bus),
            id: CanId::from_key(word(row, 4)).ok()?,
            class: Class::from_code(class)?,
            lengths,
            period: word(row, 12),
            pace: Pace { interval: word(row, 16), tolerance: word(row, 20) },
            distance: word(row, 24),
            silence: word(row, 28),
            frames: word(row, 32),
            gap_min: word(row, 36),
            gap_max: word(row, 40),
        })
    }

    pub(crate) fn bytes(&self) -> impl Iterator<Item = u8> + use<> {
        let flags = if self.lengths.remote { Self::REMOTE_FLAG } else { 0 };
        let lengths = [self.lengths.classic, self.lengths.fd];
        let times = [self.period, self.pace.interval, self.pace.tolerance, self.distance, self.silence];
        let seen = [self.frames, self.gap_min, self.gap_max];
        [self.bus.0, self.class.code(), flags, 0]
            .into_iter()
            .chain(self.id.key().to_be_bytes())
            .chain(lengths.into_iter().flat_map(u16::to_be_bytes))
            .chain(times.into_iter().chain(seen).flat_map(u32::to_be_bytes))
    }
}
