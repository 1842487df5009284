//! The uplink's memory between boots, as bytes.
//!
//! Not a log: the whole state at once, to be written to a new file and renamed over the old. CBOR as in `cbor`, then the
//! SHA-256 of it, so that a torn write is told from a whole one. Layout: docs/format/report.md, "The vehicle's memory".
//! Invariant: restoring begins a new boot; nothing is in flight,
//! and the cloud is asked first, because receipts since the save are forgotten.

use super::{ReportId, Settings, Spooled, Stage, Uplink};
use crate::cbor::{Reader, Writer};
use crate::digest::Digest;
use crate::error::{Flaw, OpenError};
use crate::header::{Losses, VERSION, decode_device, encode_device};
use std::collections::VecDeque;
use thiserror::Error;
use yagura_model::Micros;

const ITEMS: usize = 9;
const CHECKSUM_LEN: usize = 32;

/// Why a saved memory cannot be used. The device goes on with [`Uplink::new`]; the cloud will notice the break.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum RestoreError {
    /// The bytes are cut or changed: a torn write or a broken storage.
    #[error("saved uplink of {bytes} bytes does not match its checksum")]
    Corrupt {
        /// How many bytes there are.
        bytes: usize,
    },
    /// The checksum is right, but the content is not: written by something else.
    #[error("saved uplink")]
    Malformed(#[source] OpenError),
}

impl Uplink {
    /// The memory that the next boot needs. Write it durably after [`Uplink::seal`] and before sending what was sealed.
    #[must_use]
    pub fn save(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.spool_bytes.saturating_add(512));
        let mut out = Writer(&mut bytes);
        out.array(ITEMS);
        out.uint(VERSION);
        encode_device(&self.device, &mut out);
        out.uint(self.boot);
        encode_id(self.sealed, &mut out);
        out.bytes(&self.head.0);
        encode_id(self.acknowledged, &mut out);
        self.losses.encode(&mut out);
        out.uint(u64::from(self.knows_place));
        out.array(self.spool.len());
        for spooled in &self.spool {
            if spooled.stage == Stage::Acknowledged {
                out.array(2);
                encode_id(Some(spooled.id), &mut out);
                out.bytes(&spooled.digest.0);
                continue;
            }
            out.array(3);
            encode_id(Some(spooled.id), &mut out);
            spooled.holds.encode(&mut out);
            out.bytes(&spooled.bytes);
        }
        let checksum = Digest::of(&bytes);
        bytes.extend_from_slice(&checksum.0);
        bytes
    }

    /// The device's next boot, from what the boot before saved.
    ///
    /// # Errors
    /// [`RestoreError`]: the bytes are not what [`Self::save`] wrote.
    pub fn restore(saved: &[u8], settings: Settings) -> Result<Self, RestoreError> {
        let corrupt = RestoreError::Corrupt { bytes: saved.len() };
        let (bytes, checksum) = saved.split_last_chunk::<CHECKSUM_LEN>().ok_or(corrupt)?;
        if Digest::of(bytes).0 != *checksum {
            return Err(corrupt);
        }
        Self::decode(bytes, settings).map_err(RestoreError::Malformed)
    }

    fn decode(bytes: &[u8], settings: Settings) -> Result<Self, OpenError> {
        let mut reader = Reader::new(bytes);
        reader.array_of(9, "uplink: array of 9")?;
        match reader.uint("version")? {
            VERSION => {}
            other => return Err(OpenError::Version(other)),
        }
        let device = decode_device(&mut reader)?;
        let boot = reader.uint("boot")?;
        let sealed = decode_id(&mut reader)?;
        let head = Digest(reader.bytes_of("digest of 32 bytes")?);
        let acknowledged = decode_id(&mut reader)?;
        let losses = Losses::decode(&mut reader)?;
        let knows_place = reader.uint_max("knows place", 1)? == 1;
        let mut spool = VecDeque::new();
        for _ in 0..reader.array("spool: array")? {
            spool.push_back(decode_spooled(&mut reader)?);
        }
        reader.end()?;
        let mut uplink = Self {
            device,
            settings,
            boot: boot.saturating_add(1),
            next_sequence: 0,
            sealed,
            head,
            acknowledged,
            losses,
            spool_bytes: spool.iter().fold(0, |sum: usize, spooled| sum.saturating_add(spooled.bytes.len())),
            spool,
            knows_place,
            asks_resume: true,
            resume_overdue: None,
            failures: 0,
            quiet_until: Micros::default(),
        };
        uplink.drop_acknowledged();
        Ok(uplink)
    }
}

/// An array of id, what it holds and bytes; of an acknowledged report, of id and digest.
fn decode_spooled(reader: &mut Reader<'_>) -> Result<Spooled, OpenError> {
    let flaw = reader.flaw(Flaw::Expected("spooled report: array of 2 or 3"));
    let items = reader.array("spooled report: array")?;
    let id = decode_id(reader)?.ok_or(flaw)?;
    match items {
        2 => {
            let digest = Digest(reader.bytes_of("digest of 32 bytes")?);
            Ok(Spooled { id, digest, bytes: Vec::new(), holds: Losses::NONE, stage: Stage::Acknowledged })
        }
        3 => {
            let holds = Losses::decode(reader)?;
            let bytes = reader.bytes("report")?.to_vec();
            Ok(Spooled { id, digest: Digest::of(&bytes), bytes, holds, stage: Stage::Waiting })
        }
        _ => Err(flaw),
    }
}

/// An array of boot and sequence, or an empty one.
fn encode_id(id: Option<ReportId>, out: &mut Writer<'_>) {
    match id {
        None => out.array(0),
        Some(id) => {
            out.array(2);
            out.uint(id.boot);
            out.uint(id.sequence);
        }
    }
}

fn decode_id(reader: &mut Reader<'_>) -> Result<Option<ReportId>, OpenError> {
    let flaw = reader.flaw(Flaw::Expected("report id: array of 0 or 2"));
    match reader.array("report id: array")? {
        0 => Ok(None),
        2 => Ok(Some(ReportId { boot: reader.uint("boot")?, sequence: reader.uint("sequence")? })),
        _ => Err(flaw),
    }
}
