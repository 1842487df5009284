//! The cloud's signed promise that a report is in the vault.
//!
//! Not a proof of inclusion (that is the vault's tree). COSE_Sign1 like a report, but with its own content type; payload is a
//! CBOR map with the keys 0 to 6. Layout: docs/format/report.md.

use crate::cbor::Writer;
use crate::digest::Digest;
use crate::error::OpenError;
use crate::header::{VERSION, decode_device, decode_version, encode_device};
use crate::limits::RECEIPT_BYTES_MAX;
use crate::report::too_large;
use crate::sign1::{self, Content, Unverified};
use ed25519_dalek::{SigningKey, VerifyingKey};
use yagura_model::{DeviceId, UnixMicros};

const KEYS: u64 = 7;

/// A promise: this report is durable, at this place.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Receipt {
    /// Whose report.
    pub device: DeviceId,
    /// Of which boot.
    pub boot: u64,
    /// Which of that boot.
    pub sequence: u64,
    /// Its digest: the promise is for these bytes only.
    pub report: Digest,
    /// Its place in the vault.
    pub position: u64,
    /// When the cloud received it.
    pub received: UnixMicros,
}

impl Receipt {
    /// The signed receipt.
    #[must_use]
    pub fn seal(&self, key: &SigningKey) -> Vec<u8> {
        let mut payload = Vec::with_capacity(RECEIPT_BYTES_MAX);
        let mut out = Writer(&mut payload);
        out.map(KEYS);
        out.uint(0);
        out.uint(VERSION);
        out.uint(1);
        encode_device(&self.device, &mut out);
        out.uint(2);
        out.uint(self.boot);
        out.uint(3);
        out.uint(self.sequence);
        out.uint(4);
        out.bytes(&self.report.0);
        out.uint(5);
        out.uint(self.position);
        out.uint(6);
        out.int(self.received.0);
        sign1::sign(Content::Receipt, &payload, key)
    }

    /// Verifies and reads a receipt.
    ///
    /// # Errors
    /// [`OpenError`], by who must act.
    pub fn open(bytes: &[u8], key: &VerifyingKey) -> Result<Self, OpenError> {
        too_large("receipt", u64::try_from(bytes.len()).unwrap_or(u64::MAX), RECEIPT_BYTES_MAX)?;
        let (unverified, mut payload) = Unverified::read(Content::Receipt, bytes)?;
        unverified.verify(key)?;
        decode_version(&mut payload, KEYS, "receipt: map of 7")?;
        payload.key(1, "key 1 (device)")?;
        let device = decode_device(&mut payload)?;
        payload.key(2, "key 2 (boot)")?;
        let boot = payload.uint("boot")?;
        payload.key(3, "key 3 (sequence)")?;
        let sequence = payload.uint("sequence")?;
        payload.key(4, "key 4 (report)")?;
        let report = Digest(payload.bytes_of("digest of 32 bytes")?);
        payload.key(5, "key 5 (position)")?;
        let position = payload.uint("position")?;
        payload.key(6, "key 6 (received)")?;
        let received = UnixMicros(payload.int("received")?);
        payload.end()?;
        Ok(Self { device, boot, sequence, report, position, received })
    }
}
