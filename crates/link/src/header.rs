//! The header of a report: who, which, after what, when, and what was lost.
//!
//! Not the body. A CBOR map with the keys 0 to 10 in order, all required; another key is another version of the format.
//! Invariants: `first` ≤ `last`, `oldest_held` ≤ `sequence`, `body_len` within its limit. Layout: docs/format/report.md.

use crate::cbor::{Reader, Writer};
use crate::digest::Digest;
use crate::error::{Flaw, OpenError};
use yagura_model::{DeviceId, Micros, Name, UnixMicros};

/// Version of the report and receipt formats, key 0.
pub(crate) const VERSION: u64 = 1;
const KEYS: u64 = 11;

/// How the sensor's clock stands to the world's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Clock {
    /// The wall-clock time at sensor time 0 of this boot, as best known.
    pub boot_at: UnixMicros,
    /// How far that may be off, in µs; [`u32::MAX`]: unknown, or more than 71 minutes.
    pub uncertainty: u32,
}

impl Clock {
    /// Sensor time as wall-clock time.
    #[must_use]
    pub fn unix(&self, time: Micros) -> UnixMicros {
        self.boot_at.plus(i64::try_from(time.0).unwrap_or(i64::MAX))
    }
}

/// What was lost since the report before: declared, never silent.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Losses {
    /// Happenings of security events (an event with count 7 is seven).
    pub events: u64,
    /// Frames that no detector saw.
    pub frames: u64,
    /// Excerpts of frames around events.
    pub excerpts: u64,
    /// Whole reports; their events and excerpts are counted above.
    pub reports: u64,
}

impl Losses {
    /// Nothing was lost.
    pub const NONE: Self = Self { events: 0, frames: 0, excerpts: 0, reports: 0 };

    /// These losses and `other`, saturating.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            events: self.events.saturating_add(other.events),
            frames: self.frames.saturating_add(other.frames),
            excerpts: self.excerpts.saturating_add(other.excerpts),
            reports: self.reports.saturating_add(other.reports),
        }
    }

    /// Whether nothing was lost.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::NONE
    }

    pub(crate) fn encode(&self, out: &mut Writer<'_>) {
        out.array(4);
        for count in [self.events, self.frames, self.excerpts, self.reports] {
            out.uint(count);
        }
    }

    pub(crate) fn decode(reader: &mut Reader<'_>) -> Result<Self, OpenError> {
        reader.array_of(4, "losses: array of 4")?;
        Ok(Self {
            events: reader.uint("lost events")?,
            frames: reader.uint("lost frames")?,
            excerpts: reader.uint("lost excerpts")?,
            reports: reader.uint("lost reports")?,
        })
    }
}

/// The header of a report.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Header {
    /// Who says it.
    pub device: DeviceId,
    /// Which start of the sensor; grows with each.
    pub boot: u64,
    /// Which report of this boot, from 0.
    pub sequence: u64,
    /// Digest of the report before it, across boots; [`Digest::ZERO`] for the device's first ever.
    pub previous: Digest,
    /// Sensor time of the first entry.
    pub first: Micros,
    /// Sensor time of the last entry.
    pub last: Micros,
    /// How sensor time stands to wall-clock time.
    pub clock: Clock,
    /// What was lost since the report before.
    pub losses: Losses,
    /// Sequence of the oldest report of this boot that was not acknowledged when this one was sealed; its own if all were.
    /// A report between the two that is not in the cloud is still on its way; one before is missing.
    pub oldest_held: u64,
    /// Bytes of the body before compression.
    pub body_len: u32,
}

impl Header {
    pub(crate) fn encode(&self, out: &mut Writer<'_>) {
        out.map(KEYS);
        out.uint(0);
        out.uint(VERSION);
        out.uint(1);
        encode_device(&self.device, out);
        out.uint(2);
        out.uint(self.boot);
        out.uint(3);
        out.uint(self.sequence);
        out.uint(4);
        out.bytes(&self.previous.0);
        out.uint(5);
        out.uint(self.first.0);
        out.uint(6);
        out.uint(self.last.0);
        out.uint(7);
        out.array(2);
        out.int(self.clock.boot_at.0);
        out.uint(u64::from(self.clock.uncertainty));
        out.uint(8);
        self.losses.encode(out);
        out.uint(9);
        out.uint(self.oldest_held);
        out.uint(10);
        out.uint(u64::from(self.body_len));
    }

    pub(crate) fn decode(reader: &mut Reader<'_>) -> Result<Self, OpenError> {
        decode_version(reader, KEYS, "header: map of 11")?;
        reader.key(1, "key 1 (device)")?;
        let device = decode_device(reader)?;
        reader.key(2, "key 2 (boot)")?;
        let boot = reader.uint("boot")?;
        reader.key(3, "key 3 (sequence)")?;
        let sequence = reader.uint("sequence")?;
        reader.key(4, "key 4 (previous)")?;
        let previous = Digest(reader.bytes_of("digest of 32 bytes")?);
        reader.key(5, "key 5 (first)")?;
        let first_at = reader.flaw(Flaw::Expected("first not after last"));
        let first = Micros(reader.uint("first")?);
        reader.key(6, "key 6 (last)")?;
        let last = Micros(reader.uint("last")?);
        if first > last {
            return Err(first_at);
        }
        reader.key(7, "key 7 (clock)")?;
        reader.array_of(2, "clock: array of 2")?;
        let clock = Clock { boot_at: UnixMicros(reader.int("boot_at")?), uncertainty: reader.uint32("uncertainty")? };
        reader.key(8, "key 8 (losses)")?;
        let losses = Losses::decode(reader)?;
        reader.key(9, "key 9 (oldest_held)")?;
        let oldest_held = reader.uint_max("oldest_held", sequence)?;
        reader.key(10, "key 10 (body_len)")?;
        let body_len = reader.uint32("body_len")?;
        Ok(Self { device, boot, sequence, previous, first, last, clock, losses, oldest_held, body_len })
    }
}

/// The head of a map and its key 0, the version: told apart from a malformed map, because who must act differs.
pub(crate) fn decode_version(reader: &mut Reader<'_>, keys: u64, map: &'static str) -> Result<(), OpenError> {
    let not_map = reader.flaw(Flaw::Expected(map));
    let pairs = reader.map(map)?;
    reader.key(0, "key 0 (version)")?;
    match reader.uint("version")? {
        VERSION if pairs == keys => Ok(()),
        VERSION => Err(not_map),
        other => Err(OpenError::Version(other)),
    }
}

pub(crate) fn encode_device(device: &DeviceId, out: &mut Writer<'_>) {
    out.array(3);
    for name in [device.tenant, device.vehicle, device.sensor] {
        out.text(name.as_str());
    }
}

pub(crate) fn decode_device(reader: &mut Reader<'_>) -> Result<DeviceId, OpenError> {
    reader.array_of(3, "device: array of 3")?;
    Ok(DeviceId { tenant: name(reader)?, vehicle: name(reader)?, sensor: name(reader)? })
}

fn name(reader: &mut Reader<'_>) -> Result<Name, OpenError> {
    let at = reader.flaw(Flaw::Expected("name"));
    let text = reader.text("name")?;
    Name::new(text).map_err(|error| match at {
        OpenError::Malformed { offset, .. } => OpenError::Malformed { offset, flaw: Flaw::Name(error) },
        other => other,
    })
}
