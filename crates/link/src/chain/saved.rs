//! A chain as bytes, for the cloud's own memory between starts.
//!
//! Not evidence and not for a wire: it can be made anew from the reports at any time. CBOR as in `cbor`; layout: docs/format/report.md,
//! "The cloud's memory of a device". Invariant: what restores is a chain that reports could have made, and saves to the same bytes.

use super::{Chain, Resume, Seen};
use crate::cbor::{Reader, Writer};
use crate::digest::Digest;
use crate::error::{Flaw, OpenError};
use crate::limits::MEMORY_MAX;
use std::collections::VecDeque;

const DIGEST: &str = "digest of 32 bytes";

impl Chain {
    /// Appends the chain to `bytes`.
    pub fn save(&self, bytes: &mut Vec<u8>) {
        let mut out = Writer(bytes);
        out.array(4);
        match &self.base {
            None => out.array(0),
            Some(base) => {
                out.array(3);
                out.uint(base.boot);
                out.uint(base.sequence);
                out.bytes(&base.digest.0);
            }
        }
        out.uint(self.boot);
        out.array(self.seen.len());
        for seen in &self.seen {
            out.array(4);
            out.uint(seen.sequence);
            out.bytes(&seen.digest.0);
            out.bytes(&seen.previous.0);
            out.uint(seen.position);
        }
        out.array(self.awaited.len());
        for sequence in &self.awaited {
            out.uint(*sequence);
        }
    }

    /// A chain from what [`Self::save`] wrote.
    ///
    /// # Errors
    /// [`OpenError`] where the bytes stop being one.
    pub fn restore(bytes: &[u8]) -> Result<Self, OpenError> {
        let mut reader = Reader::new(bytes);
        reader.array_of(4, "chain: array of 4")?;
        let base = decode_base(&mut reader)?;
        let boot = reader.uint("boot")?;
        let (flaw, count) = (reader.flaw(Flaw::Expected("at most 32 reports, ascending")), reader.array("reports")?);
        let mut seen: VecDeque<Seen> = VecDeque::new();
        for _ in 0..count {
            reader.array_of(4, "report: array of 4")?;
            let sequence = reader.uint("sequence")?;
            let (digest, previous) = (Digest(reader.bytes_of(DIGEST)?), Digest(reader.bytes_of(DIGEST)?));
            let position = reader.uint("position")?;
            if seen.len() >= MEMORY_MAX || seen.back().is_some_and(|last| last.sequence >= sequence) {
                return Err(flaw);
            }
            seen.push_back(Seen { sequence, digest, previous, position });
        }
        let (flaw, count) = (reader.flaw(Flaw::Expected("awaited ones, ascending")), reader.array("awaited")?);
        let mut awaited: Vec<u64> = Vec::new();
        let top = seen.back().map_or(0, |last| last.sequence);
        for _ in 0..count {
            let sequence = reader.uint("sequence")?;
            if sequence >= top || awaited.len() >= MEMORY_MAX || awaited.last().is_some_and(|last| *last >= sequence) {
                return Err(flaw);
            }
            awaited.push(sequence);
        }
        reader.end()?;
        Ok(Self { base, boot, seen, awaited })
    }
}

/// An array of boot, sequence and digest, or an empty one.
fn decode_base(reader: &mut Reader<'_>) -> Result<Option<Resume>, OpenError> {
    let flaw = reader.flaw(Flaw::Expected("base: array of 0 or 3"));
    match reader.array("base: array")? {
        0 => Ok(None),
        3 => {
            let (boot, sequence) = (reader.uint("boot")?, reader.uint("sequence")?);
            Ok(Some(Resume { boot, sequence, digest: Digest(reader.bytes_of(DIGEST)?) }))
        }
        _ => Err(flaw),
    }
}
