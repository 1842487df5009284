//! A report that came over MQTT: opened with its device's key, or refused with words.
//!
//! Not the judgement of order (that is the intake's). Whoever may publish under a device's topic at the broker is nobody to us: only the
//! signature says who it was. Invariant: a refusal is final, the same bytes would be refused again; what is only not possible now is no
//! refusal.

use crate::clock;
use crate::happenings::chain;
use crate::intake::{
    AnomalyRecord, LINK_BAD_SIGNATURE, LINK_MALFORMED, LINK_OVERSIZE, LINK_WRONG_DEVICE, Stale, Verified,
};
use axum::body::Bytes;
use ed25519_dalek::VerifyingKey;
use serde::Serialize;
use yagura_link::{Digest, Limits, OpenError};
use yagura_model::DeviceId;

/// Why a report is not taken, for good.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    #[error("this device is not enrolled here")]
    NotEnrolled,
    #[error("this device was revoked")]
    Revoked,
    #[error("the payload is not a report")]
    Malformed(#[source] OpenError),
    #[error("the report's signature does not verify with the key of the device")]
    BadSignature,
    #[error("the report is from {0}, which is not the device of the topic")]
    WrongDevice(DeviceId),
    #[error("{bytes} bytes exceed the limit of {max}")]
    TooLarge { bytes: u64, max: u64 },
    #[error(transparent)]
    Stale(Stale),
}

/// A problem as it is published, after RFC 9457.
#[derive(Serialize)]
struct Problem<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: String,
    next_step: &'a str,
    /// SHA-256 of the payload that was refused.
    report: String,
}

const DROP_REPORT: &str = "drop this report and count it as lost";
const ASK_OPERATOR: &str = "ask the operator of the fleet for a new enrolment token";

impl Refused {
    /// Status, stable name, title and next step: those that the gate gives over HTTPS.
    const fn words(&self) -> (u16, &'static str, &'static str, &'static str) {
        match self {
            Self::NotEnrolled => (403, "not-enrolled", "Device not enrolled", ASK_OPERATOR),
            Self::Revoked => (403, "revoked", "Device revoked", ASK_OPERATOR),
            Self::Malformed(_) => (400, "malformed", "Not a report", DROP_REPORT),
            Self::BadSignature => (422, "bad-signature", "Wrong signature", DROP_REPORT),
            Self::WrongDevice(_) => {
                (403, "wrong-device", "Another device's report", "publish each report under its own device's topic")
            }
            Self::TooLarge { .. } => (413, "too-large", "Too large", DROP_REPORT),
            Self::Stale(Stale::Boot { .. }) => {
                (409, "stale-boot", "Report of a boot that is over", "ask where you stand and start a higher boot")
            }
            Self::Stale(Stale::TooOld { .. }) => (409, "too-old", "Number too old", DROP_REPORT),
            Self::Stale(_) => (409, "conflict", "Number taken by another report", DROP_REPORT),
        }
    }

    /// The message for the device.
    pub(super) fn problem(&self, payload: &[u8]) -> Vec<u8> {
        let (status, name, title, next_step) = self.words();
        let (r#type, detail) = (format!("/problems/{name}"), chain(self));
        let report = Digest::of(payload).to_string();
        serde_json::to_vec(&Problem { r#type, title, status, detail, next_step, report }).unwrap_or_default()
    }

    /// What the vault keeps of it. The intake has recorded what is out of its chain already.
    pub(super) fn anomaly(&self, device: DeviceId, payload: &[u8]) -> Option<AnomalyRecord> {
        let record = |event| AnomalyRecord {
            report: Some(Digest::of(payload).0),
            ..AnomalyRecord::one(event, device, clock::now())
        };
        let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        match self {
            Self::Malformed(_) => Some(record(LINK_MALFORMED)),
            Self::BadSignature => Some(record(LINK_BAD_SIGNATURE)),
            Self::TooLarge { bytes, max } => Some(record(LINK_OVERSIZE).numbers(signed(*max), signed(*bytes))),
            Self::WrongDevice(claimed) => Some(AnomalyRecord { claimed: Some(*claimed), ..record(LINK_WRONG_DEVICE) }),
            // Nobody whom we know is concerned.
            Self::NotEnrolled | Self::Revoked | Self::Stale(_) => None,
        }
    }
}

/// Opens a report that came under the topic of `device` with the key of that device. `sent` is the device's clock at sending.
pub(super) fn open(
    device: DeviceId,
    key: &VerifyingKey,
    payload: &Bytes,
    sent: Option<i64>,
) -> Result<Verified, Refused> {
    let claimed = yagura_link::peek(payload).map_err(unreadable)?.device;
    if claimed != device {
        return Err(Refused::WrongDevice(claimed));
    }
    let opened = yagura_link::open(payload, key, &Limits::default()).map_err(unreadable)?;
    let sent = sent.map(yagura_model::UnixMicros);
    Ok(Verified { header: opened.header, digest: opened.digest, bytes: payload.clone(), sent })
}

fn unreadable(error: OpenError) -> Refused {
    match error {
        OpenError::BadSignature => Refused::BadSignature,
        OpenError::TooLarge { bytes, max, .. } => {
            Refused::TooLarge { bytes, max: u64::try_from(max).unwrap_or(u64::MAX) }
        }
        other => Refused::Malformed(other),
    }
}
