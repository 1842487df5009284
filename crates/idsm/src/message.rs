//! One message of the IDS protocol: a qualified security event on its way to the SOC.
//!
//! Not a report (that is `link`'s batch) and no check of the signature frame: whose key it is, only the maker knows.
//! Versions 1 and 2 differ in the context data version, which 2 adds. Layout byte by byte: docs/format/ids-message.md.
//! Invariant: what decodes encodes to the same bytes. Cost: zero copies; nothing is allocated, lengths are checked against
//! what is there before anything is read.

use crate::{InstanceId, SensorInstanceId, Timestamp};
use core::fmt;
use yagura_model::EventId;

const FLAG_CONTEXT: u8 = 1;
const FLAG_TIMESTAMP: u8 = 1 << 1;
const FLAG_SIGNATURE: u8 = 1 << 2;
const FLAG_RESERVED: u8 = 1 << 3;
const LONG_LENGTH_BIT: u32 = 1 << 31;
const SHORT_LENGTH_MAX: usize = 0x7F;
const EVENT_INVALID: u16 = 0xFFFF;

/// Version of the protocol, the high half of the first byte.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum ProtocolVersion {
    /// R20-11: context data without a version.
    V1,
    /// Later releases: context data carries its version.
    V2,
}

impl ProtocolVersion {
    /// The number on the wire.
    #[must_use]
    pub const fn raw(self) -> u8 {
        match self {
            Self::V1 => 1,
            Self::V2 => 2,
        }
    }
}

/// Version of the layout of context data; the top bit says that a callout in the vehicle changed the data.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct ContextVersion(pub u16);

impl ContextVersion {
    const MODIFIED_BIT: u16 = 0x8000;

    /// The layout's number, 0..=0x7FFF.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0 & !Self::MODIFIED_BIT
    }

    /// Whether a callout in the vehicle changed the data.
    #[must_use]
    pub const fn is_modified(self) -> bool {
        self.0 & Self::MODIFIED_BIT != 0
    }
}

/// How the length of context data is written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum LengthForm {
    /// One byte up to 127, four above. What we send.
    #[default]
    Shortest,
    /// Four bytes though one would do. Some senders always do this.
    Long,
}

/// Context data of an event.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Context<'a> {
    /// Version of the layout; 0 in protocol version 1, which does not carry it.
    pub version: ContextVersion,
    /// How the length is written.
    pub length: LengthForm,
    /// The data; its layout is in the event catalogue.
    pub data: &'a [u8],
}

impl<'a> Context<'a> {
    /// The most bytes that the length field can say.
    pub const DATA_BYTES_MAX: usize = 0x7FFF_FFFF;

    /// Context data of a known layout, length in its shortest form.
    #[must_use]
    pub const fn new(version: u16, data: &'a [u8]) -> Self {
        Self { version: ContextVersion(version), length: LengthForm::Shortest, data }
    }

    const fn length_len(&self) -> usize {
        match self.length {
            LengthForm::Shortest if self.data.len() <= SHORT_LENGTH_MAX => 1,
            LengthForm::Shortest | LengthForm::Long => 4,
        }
    }
}

/// One message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Message<'a> {
    /// Version of the protocol.
    pub version: ProtocolVersion,
    /// Which IdsM instance (ECU) reports.
    pub instance: InstanceId,
    /// Which of its sensors.
    pub sensor: SensorInstanceId,
    /// What was observed; never 0xFFFF.
    pub event: EventId,
    /// How many happenings this stands for; never 0.
    pub count: u16,
    /// The eighth byte: 0 from a sender of today; kept as it came.
    pub reserved: u8,
    /// When.
    pub timestamp: Option<Timestamp>,
    /// What proves it.
    pub context: Option<Context<'a>>,
    /// Signature over all bytes before the signature frame; kept, not checked here.
    pub signature: Option<&'a [u8]>,
}

/// Why a message cannot be written. The caller's mistake.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum EncodeError {
    /// The room is too small.
    Room {
        /// Bytes that the message takes.
        needed: usize,
        /// Bytes that there are.
        have: usize,
    },
    /// 0xFFFF is no event.
    EventInvalid,
    /// An event that happened zero times is none.
    CountZero,
    /// Protocol version 1 cannot carry a context data version.
    ContextVersion(ContextVersion),
    /// More context data than [`Context::DATA_BYTES_MAX`].
    ContextTooLong(usize),
    /// More signature than 65,535 bytes.
    SignatureTooLong(usize),
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Room { needed, have } => write!(f, "message of {needed} bytes does not fit into {have}"),
            Self::EventInvalid => f.write_str("event id 0xFFFF is the invalid id"),
            Self::CountZero => f.write_str("count is 0, expected 1 to 65535"),
            Self::ContextVersion(v) => write!(f, "context data version {:#06x} in protocol version 1", v.0),
            Self::ContextTooLong(len) => {
                write!(f, "context data of {len} bytes exceeds the maximum {}", Context::DATA_BYTES_MAX)
            }
            Self::SignatureTooLong(len) => write!(f, "signature of {len} bytes exceeds the maximum {}", u16::MAX),
        }
    }
}

impl core::error::Error for EncodeError {}

/// Why bytes are not a message. The sender's fault, or bytes were lost.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes end within this field.
    Truncated {
        /// The field that is cut.
        field: &'static str,
        /// Bytes that it takes.
        needed: usize,
        /// Bytes that are left.
        have: usize,
    },
    /// A protocol version that is not known here.
    Version(u8),
    /// Flag bit 3 is set: there may be a field that is not known here.
    ReservedFlag,
    /// The event id is 0xFFFF.
    EventInvalid,
    /// The count is 0.
    CountZero,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { field, needed, have } => write!(f, "{field} needs {needed} bytes, {have} are left"),
            Self::Version(version) => write!(f, "protocol version {version}, expected 1 or 2"),
            Self::ReservedFlag => f.write_str("reserved header flag (bit 3) is set"),
            Self::EventInvalid => f.write_str("event id is 0xFFFF, the invalid id"),
            Self::CountZero => f.write_str("count is 0, expected 1 to 65535"),
        }
    }
}

impl core::error::Error for DecodeError {}

impl<'a> Message<'a> {
    /// Bytes before the optional frames.
    pub const HEADER_LEN: usize = 8;

    /// Bytes that [`Self::encode`] writes.
    #[must_use]
    pub const fn encoded_len(&self) -> usize {
        let mut len = Self::HEADER_LEN;
        if self.timestamp.is_some() {
            len = len.saturating_add(Timestamp::LEN);
        }
        if let Some(context) = &self.context {
            if matches!(self.version, ProtocolVersion::V2) {
                len = len.saturating_add(2);
            }
            len = len.saturating_add(context.length_len()).saturating_add(context.data.len());
        }
        if let Some(signature) = self.signature {
            len = len.saturating_add(2).saturating_add(signature.len());
        }
        len
    }

    /// Writes the message to the front of `out` and returns how many bytes it took.
    ///
    /// # Errors
    /// [`EncodeError`] if the room is too small or a field cannot be said in this protocol version.
    pub fn encode(&self, out: &mut [u8]) -> Result<usize, EncodeError> {
        self.check()?;
        let needed = self.encoded_len();
        let room = EncodeError::Room { needed, have: out.len() };
        let mut out = Room(out.get_mut(..needed).ok_or(room)?);
        let [i0, i1] = self.instance.join(self.sensor).to_be_bytes();
        let [e0, e1] = self.event.0.to_be_bytes();
        let [c0, c1] = self.count.to_be_bytes();
        out.put(&[(self.version.raw() << 4) | self.flags(), i0, i1, e0, e1, c0, c1, self.reserved]);
        if let Some(timestamp) = self.timestamp {
            out.put(&timestamp.0.to_be_bytes());
        }
        if let Some(context) = &self.context {
            if self.version == ProtocolVersion::V2 {
                out.put(&context.version.0.to_be_bytes());
            }
            let len = u32::try_from(context.data.len()).map_err(|_| EncodeError::ContextTooLong(context.data.len()))?;
            let [.., last] = len.to_be_bytes();
            if context.length_len() == 1 {
                out.put(&[last]);
            } else {
                out.put(&(len | LONG_LENGTH_BIT).to_be_bytes());
            }
            out.put(context.data);
        }
        if let Some(signature) = self.signature {
            let len = u16::try_from(signature.len()).map_err(|_| EncodeError::SignatureTooLong(signature.len()))?;
            out.put(&len.to_be_bytes());
            out.put(signature);
        }
        Ok(needed)
    }

    /// Reads one message from the front of `bytes` and returns it with the number of bytes it took; what follows is the caller's.
    ///
    /// # Errors
    /// [`DecodeError`] naming the field that is cut or not understood.
    pub fn decode(bytes: &'a [u8]) -> Result<(Self, usize), DecodeError> {
        let mut rest = Rest(bytes);
        let [first, i0, i1, e0, e1, c0, c1, reserved] = rest.chunk("header")?;
        let version = match first >> 4 {
            1 => ProtocolVersion::V1,
            2 => ProtocolVersion::V2,
            other => return Err(DecodeError::Version(other)),
        };
        if first & FLAG_RESERVED != 0 {
            return Err(DecodeError::ReservedFlag);
        }
        let event = u16::from_be_bytes([e0, e1]);
        let count = u16::from_be_bytes([c0, c1]);
        if event == EVENT_INVALID {
            return Err(DecodeError::EventInvalid);
        }
        if count == 0 {
            return Err(DecodeError::CountZero);
        }
        let (instance, sensor) = InstanceId::split(u16::from_be_bytes([i0, i1]));
        let mut message = Self {
            version,
            instance,
            sensor,
            event: EventId(event),
            count,
            reserved,
            timestamp: None,
            context: None,
            signature: None,
        };
        if first & FLAG_TIMESTAMP != 0 {
            message.timestamp = Some(Timestamp(u64::from_be_bytes(rest.chunk("timestamp")?)));
        }
        if first & FLAG_CONTEXT != 0 {
            message.context = Some(rest.context(version)?);
        }
        if first & FLAG_SIGNATURE != 0 {
            let len = u16::from_be_bytes(rest.chunk("signature length")?);
            message.signature = Some(rest.take("signature", usize::from(len))?);
        }
        Ok((message, bytes.len().saturating_sub(rest.0.len())))
    }

    const fn check(&self) -> Result<(), EncodeError> {
        if self.event.0 == EVENT_INVALID {
            return Err(EncodeError::EventInvalid);
        }
        if self.count == 0 {
            return Err(EncodeError::CountZero);
        }
        if let Some(context) = &self.context {
            if matches!(self.version, ProtocolVersion::V1) && context.version.0 != 0 {
                return Err(EncodeError::ContextVersion(context.version));
            }
            if context.data.len() > Context::DATA_BYTES_MAX {
                return Err(EncodeError::ContextTooLong(context.data.len()));
            }
        }
        if let Some(signature) = self.signature
            && signature.len() > u16::MAX as usize
        {
            return Err(EncodeError::SignatureTooLong(signature.len()));
        }
        Ok(())
    }

    const fn flags(&self) -> u8 {
        let context = if self.context.is_some() { FLAG_CONTEXT } else { 0 };
        let timestamp = if self.timestamp.is_some() { FLAG_TIMESTAMP } else { 0 };
        let signature = if self.signature.is_some() { FLAG_SIGNATURE } else { 0 };
        context | timestamp | signature
    }
}

/// What is left to read.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, field: &'static str, needed: usize) -> Result<&'a [u8], DecodeError> {
        let truncated = DecodeError::Truncated { field, needed, have: self.0.len() };
        let (taken, rest) = self.0.split_at_checked(needed).ok_or(truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    fn chunk<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], DecodeError> {
        let truncated = DecodeError::Truncated { field, needed: N, have: self.0.len() };
        let (chunk, rest) = self.0.split_first_chunk::<N>().ok_or(truncated)?;
        self.0 = rest;
        Ok(*chunk)
    }

    fn context(&mut self, version: ProtocolVersion) -> Result<Context<'a>, DecodeError> {
        let version = match version {
            ProtocolVersion::V1 => ContextVersion::default(),
            ProtocolVersion::V2 => ContextVersion(u16::from_be_bytes(self.chunk("context data version")?)),
        };
        let (length, len) = match self.0.first() {
            Some(&short) if usize::from(short) <= SHORT_LENGTH_MAX => {
                self.chunk::<1>("context data length")?;
                (LengthForm::Shortest, usize::from(short))
            }
            _ => {
                let word = u32::from_be_bytes(self.chunk("context data length")?) & !LONG_LENGTH_BIT;
                let len = usize::try_from(word).unwrap_or(usize::MAX);
                (if len <= SHORT_LENGTH_MAX { LengthForm::Long } else { LengthForm::Shortest }, len)
            }
        };
        Ok(Context { version, length, data: self.take("context data", len)? })
    }
}

/// What is left to write; cut to the exact length before, so that nothing can be left over or missing.
struct Room<'a>(&'a mut [u8]);

impl Room<'_> {
    fn put(&mut self, bytes: &[u8]) {
        if let Some((room, rest)) = core::mem::take(&mut self.0).split_at_mut_checked(bytes.len()) {
            room.copy_from_slice(bytes);
            self.0 = rest;
        }
    }
}

#[cfg(test)]
mod tests;
