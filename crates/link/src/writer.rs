//! Collects entries and seals them into a report.
//!
//! Not the spool (that is `uplink`) and no clock: time is an argument. Invariants: a body never exceeds [`BODY_BYTES_MAX`] and
//! [`ENTRIES_MAX`]; what does not fit is refused, never cut. Cost: one buffer, reused; sealing is zstd, SHA-256 and Ed25519.

use crate::body;
use crate::cbor;
use crate::digest::Digest;
use crate::entry::{ENTRY_HEAD_LEN, ExcerptFrame, KIND_EXCERPT, KIND_MESSAGE, KIND_STATE, encode_frame, encode_state};
use crate::header::{Clock, Header, Losses};
use crate::limits::{BODY_BYTES_MAX, ENTRIES_MAX, EXCERPT_FRAMES_MAX, HEADER_BYTES_MAX};
use crate::sign1::{self, Content};
use ed25519_dalek::SigningKey;
use thiserror::Error;
use yagura_idsm::{EncodeError, Message, Qualified, Timestamp};
use yagura_model::{CanContext, DeviceId, Micros, VehicleState};

/// Why an entry is not taken or a report not sealed.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum WriteError {
    /// The body is full. Seal it and write the entry again.
    #[error("body is full: {entries} entries, {bytes} of {BODY_BYTES_MAX} bytes")]
    Full {
        /// Entries that it holds.
        entries: usize,
        /// Bytes that it holds.
        bytes: usize,
    },
    /// The entry alone exceeds a body or its own limit. The caller must make it smaller.
    #[error("entry of {bytes} bytes exceeds the maximum")]
    TooLong {
        /// Bytes of the entry.
        bytes: usize,
    },
    /// The message cannot be written. The caller's mistake.
    #[error("message")]
    Message(#[source] EncodeError),
    /// zstd could not compress: no memory. The entries are kept.
    #[error("no memory to compress {bytes} bytes")]
    Compression {
        /// Bytes of the body.
        bytes: usize,
    },
}

/// A report's place in the device's chain; [`crate::Uplink`] gives it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Place {
    /// Who reports.
    pub device: DeviceId,
    /// Which start of the sensor.
    pub boot: u64,
    /// Which report of this boot.
    pub sequence: u64,
    /// Digest of the report before it.
    pub previous: Digest,
    /// What was lost since then.
    pub losses: Losses,
    /// See [`Header::oldest_held`]; equal to `sequence` if nothing waits.
    pub oldest_held: u64,
}

/// A report, ready to send.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Sealed {
    /// The bytes on the wire.
    pub bytes: Vec<u8>,
    /// Their digest.
    pub digest: Digest,
    /// Their header.
    pub header: Header,
    /// What would be lost with this report, itself included.
    pub holds: Losses,
}

/// Collects entries.
#[derive(Clone, Debug, Default)]
pub struct ReportWriter {
    body: Vec<u8>,
    entries: u16,
    span: Option<(Micros, Micros)>,
    holds: Losses,
}

impl ReportWriter {
    /// A writer without entries.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether there is no entry.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// Number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        usize::from(self.entries)
    }

    /// The body so far, as [`crate::entries`] reads it.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Sensor time of the oldest entry: how long someone has been waiting for this report.
    #[must_use]
    pub fn first(&self) -> Option<Micros> {
        self.span.map(|(first, _)| first)
    }

    /// Writes a qualified event as a message of protocol version 2, its time by `clock`. Returns its index for the excerpt.
    ///
    /// # Errors
    /// [`WriteError`]: full, or the message cannot be written.
    pub fn push_qualified(&mut self, qualified: &Qualified, clock: &Clock) -> Result<u16, WriteError> {
        let time = qualified.event.time;
        let mut room = [0; CanContext::LEN_MAX];
        self.push_message(time, &qualified.message(Timestamp::from_unix(clock.unix(time)), &mut room))
    }

    /// Writes a message, observed at sensor time `time`. Returns its index for the excerpt.
    ///
    /// # Errors
    /// [`WriteError`]: full, or the message cannot be written.
    pub fn push_message(&mut self, time: Micros, message: &Message<'_>) -> Result<u16, WriteError> {
        let index = self.push(KIND_MESSAGE, message.encoded_len(), (time, time), |body| {
            let at = body.len();
            body.resize(at.saturating_add(message.encoded_len()), 0);
            let room = body.get_mut(at..).unwrap_or(&mut []);
            message.encode(room).map(drop).map_err(WriteError::Message)
        })?;
        self.holds.events = self.holds.events.saturating_add(u64::from(message.count));
        Ok(index)
    }

    /// Writes a sample of the vehicle's state.
    ///
    /// # Errors
    /// [`WriteError::Full`].
    pub fn push_state(&mut self, state: &VehicleState) -> Result<u16, WriteError> {
        let bytes = encode_state(state);
        self.push(KIND_STATE, bytes.len(), (state.time, state.time), |body| {
            body.extend_from_slice(&bytes);
            Ok(())
        })
    }

    /// Writes the frames around the event whose message has index `message`.
    ///
    /// # Errors
    /// [`WriteError`]: full, or more frames than [`EXCERPT_FRAMES_MAX`].
    pub fn push_excerpt(&mut self, message: u16, frames: &[ExcerptFrame]) -> Result<u16, WriteError> {
        let mut bytes = Vec::from(message.to_be_bytes());
        frames.iter().for_each(|frame| encode_frame(frame, &mut bytes));
        if frames.len() > EXCERPT_FRAMES_MAX {
            return Err(WriteError::TooLong { bytes: bytes.len() });
        }
        let times = || frames.iter().map(|frame| frame.frame.time);
        let span = times().min().zip(times().max()).or(self.span).unwrap_or_default();
        let index = self.push(KIND_EXCERPT, bytes.len(), span, |body| {
            body.extend_from_slice(&bytes);
            Ok(())
        })?;
        self.holds.excerpts = self.holds.excerpts.saturating_add(1);
        Ok(index)
    }

    /// Throws all entries away and returns what is lost with them.
    pub fn discard(&mut self) -> Losses {
        let lost = self.losses_if_lost();
        self.clear();
        lost
    }

    /// Seals the entries into a report and starts an empty one. Without entries, `now` is its time: a sign of life.
    ///
    /// # Errors
    /// [`WriteError::Compression`]; the entries are kept.
    pub fn seal(&mut self, place: &Place, clock: Clock, now: Micros, key: &SigningKey) -> Result<Sealed, WriteError> {
        let compression = WriteError::Compression { bytes: self.body.len() };
        let frame = body::compress(&self.body).ok_or(compression)?;
        let body_len = u32::try_from(self.body.len()).map_err(|_| compression)?;
        let (first, last) = self.span.unwrap_or((now, now));
        let header = Header {
            device: place.device,
            boot: place.boot,
            sequence: place.sequence,
            previous: place.previous,
            first,
            last,
            clock,
            losses: place.losses,
            oldest_held: place.oldest_held.min(place.sequence),
            body_len,
        };
        let mut payload = Vec::with_capacity(frame.len().saturating_add(HEADER_BYTES_MAX));
        let mut out = cbor::Writer(&mut payload);
        out.array(2);
        header.encode(&mut out);
        out.bytes(&frame);
        let bytes = sign1::sign(Content::Report, &payload, key);
        let sealed = Sealed { digest: Digest::of(&bytes), bytes, header, holds: self.losses_if_lost() };
        self.clear();
        Ok(sealed)
    }

    fn losses_if_lost(&self) -> Losses {
        self.holds.plus(Losses { reports: 1, ..Losses::NONE })
    }

    fn clear(&mut self) {
        self.body.clear();
        self.entries = 0;
        self.span = None;
        self.holds = Losses::NONE;
    }

    /// Appends one entry of `len` bytes, or leaves everything as it was.
    fn push(
        &mut self,
        kind: u8,
        len: usize,
        span: (Micros, Micros),
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), WriteError>,
    ) -> Result<u16, WriteError> {
        let (entries, bytes) = (usize::from(self.entries), self.body.len());
        let needed = len.saturating_add(ENTRY_HEAD_LEN);
        if needed > BODY_BYTES_MAX {
            return Err(WriteError::TooLong { bytes: len });
        }
        let len = u32::try_from(len).map_err(|_| WriteError::TooLong { bytes: len })?;
        if entries >= ENTRIES_MAX || bytes.saturating_add(needed) > BODY_BYTES_MAX {
            return Err(WriteError::Full { entries, bytes });
        }
        self.body.push(kind);
        self.body.extend_from_slice(&len.to_be_bytes());
        if let Err(error) = write(&mut self.body) {
            self.body.truncate(bytes);
            return Err(error);
        }
        let index = self.entries;
        self.entries = index.saturating_add(1);
        let (first, last) = self.span.unwrap_or(span);
        self.span = Some((first.min(span.0), last.max(span.1)));
        Ok(index)
    }
}
