//! Opening a report: who says it is, whether it is, and what it holds.
//!
//! Not the judgement whether it comes in its turn (that is `chain`). Order of checks: size, form, declared size, signature,
//! and only then decompression: an impostor cannot make us decompress. Cost: see `benches/reports.rs`.

use crate::body::Inflater;
use crate::cbor::Reader;
use crate::digest::Digest;
use crate::error::OpenError;
use crate::header::Header;
use crate::limits::Limits;
use crate::sign1::{Content, Unverified};
use core::fmt;
use ed25519_dalek::VerifyingKey;

/// A verified report.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Opened {
    /// Its header.
    pub header: Header,
    /// Its name: SHA-256 of the bytes on the wire.
    pub digest: Digest,
    /// Its body, decompressed; read it with [`crate::entries`].
    pub body: Vec<u8>,
}

/// Reads the header without verifying anything: to look up whose key verifies it.
///
/// # Errors
/// [`OpenError`] unless the bytes have the form of a report within [`Limits::default`].
pub fn peek(bytes: &[u8]) -> Result<Header, OpenError> {
    read(bytes, &Limits::default()).map(|(_, header, _)| header)
}

/// Verifies a report and looks no further: its digest, with which [`Opener::reopen`] opens it.
///
/// # Errors
/// [`OpenError`], by who must act.
pub fn verify(bytes: &[u8], key: &VerifyingKey, limits: &Limits) -> Result<Digest, OpenError> {
    read(bytes, limits)?.0.verify(key)?;
    Ok(Digest::of(bytes))
}

/// Verifies a report and decompresses its body. Whoever opens many keeps an [`Opener`].
///
/// # Errors
/// [`OpenError`], by who must act.
pub fn open(bytes: &[u8], key: &VerifyingKey, limits: &Limits) -> Result<Opened, OpenError> {
    Opener::new(*limits).open(bytes, key)
}

/// Opens one report after the other with the same working memory: a fifth faster for small reports.
pub struct Opener {
    limits: Limits,
    inflater: Inflater,
}

impl Opener {
    /// An opener that is as strict as `limits`.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, inflater: Inflater::new() }
    }

    /// Verifies a report and decompresses its body.
    ///
    /// # Errors
    /// [`OpenError`], by who must act. The opener stays usable.
    pub fn open(&mut self, bytes: &[u8], key: &VerifyingKey) -> Result<Opened, OpenError> {
        let (unverified, header, frame) = read(bytes, &self.limits)?;
        unverified.verify(key)?;
        let body = self.inflater.inflate(frame, header.body_len)?;
        Ok(Opened { header, digest: Digest::of(bytes), body })
    }

    /// Opens a report that the caller has verified before, as its digest shows: a tenth of the cost of verifying it again.
    ///
    /// # Errors
    /// [`OpenError::BadSignature`] if these are not the bytes that were verified; else as [`Self::open`].
    pub fn reopen(&mut self, bytes: &[u8], verified: &Digest) -> Result<Opened, OpenError> {
        let (_, header, frame) = read(bytes, &self.limits)?;
        let digest = Digest::of(bytes);
        if digest != *verified {
            return Err(OpenError::BadSignature);
        }
        let body = self.inflater.inflate(frame, header.body_len)?;
        Ok(Opened { header, digest, body })
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opener").field("limits", &self.limits).finish_non_exhaustive()
    }
}

fn read<'a>(bytes: &'a [u8], limits: &Limits) -> Result<(Unverified<'a>, Header, &'a [u8]), OpenError> {
    too_large("report", u64::try_from(bytes.len()).unwrap_or(u64::MAX), limits.report_bytes_max)?;
    let (unverified, mut payload) = Unverified::read(Content::Report, bytes)?;
    let (header, frame) = read_payload(&mut payload)?;
    too_large("body", u64::from(header.body_len), limits.body_bytes_max)?;
    Ok((unverified, header, frame))
}

fn read_payload<'a>(payload: &mut Reader<'a>) -> Result<(Header, &'a [u8]), OpenError> {
    payload.array_of(2, "payload: array of header and body")?;
    let header = Header::decode(payload)?;
    let frame = payload.bytes("body")?;
    payload.end()?;
    Ok((header, frame))
}

pub(crate) fn too_large(what: &'static str, bytes: u64, max: usize) -> Result<(), OpenError> {
    let fits = usize::try_from(bytes).is_ok_and(|len| len <= max);
    if fits { Ok(()) } else { Err(OpenError::TooLarge { what, bytes, max }) }
}
