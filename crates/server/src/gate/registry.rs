//! What the gate asks about devices: may this token enrol this name, which certificate is the device's own.
//!
//! Not a store: `state` implements it on SQLite; tests on a map. Invariants that an implementation keeps: a token enrols one key
//! once (the same key may ask again and gets the same certificate, so a lost answer costs nothing); what [`Registry::enrolled`]
//! returned for is durable; a change that returned is told by [`Registry::changes`] from then on. Cost: one or two calls an
//! enrolment, one call a connection and a minute, one call a quarter of a second for changes.

use crate::identity::{DeviceCertificate, Fingerprint};
use crate::intake::Reason;
use std::future::Future;
use yagura_model::{DeviceId, UnixMicros};

/// SHA-256 of an enrolment token; the token itself is stored nowhere.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct TokenHash(pub [u8; 32]);

impl TokenHash {
    /// The hash of a token's text.
    #[must_use]
    pub fn of(token: &str) -> Self {
        Self(<sha2::Sha256 as sha2::Digest>::digest(token.as_bytes()).into())
    }
}

/// A claim to a name, by a token and a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Claim {
    /// Hash of the token that was shown.
    pub token: TokenHash,
    /// The name that the certificate request carries.
    pub device: DeviceId,
    /// The Ed25519 key that the requester holds.
    pub key: [u8; 32],
    /// When it was asked.
    pub now: UnixMicros,
}

/// The answer to a [`Claim`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Redeemed {
    /// The token is now bound to this key; issue a certificate. Also the answer when the same key asks again before
    /// [`Registry::enrolled`] was called.
    Granted,
    /// This key already has its certificate by this token: here it is again (DER).
    Again(Vec<u8>),
    /// No such token.
    Unknown,
    /// Another key used the token.
    Used,
    /// The token was valid until some time ago.
    Expired,
    /// The token is for another device.
    OtherDevice,
}

/// A certificate that was issued and is in the vault.
#[derive(Clone, Debug)]
pub struct Enrolment {
    /// Hash of the token it was issued for.
    pub token: TokenHash,
    /// What the certificate says: device, key, fingerprint, validity.
    pub certificate: DeviceCertificate,
    /// The certificate, DER.
    pub der: Vec<u8>,
    /// Its record in the vault.
    pub position: u64,
    /// When it was issued.
    pub now: UnixMicros,
}

/// A certificate that was issued for one that was in force before, and is in the vault.
#[derive(Clone, Debug)]
pub struct Renewal {
    /// The certificate that the device proved to hold.
    pub before: Fingerprint,
    /// What the new certificate says.
    pub certificate: DeviceCertificate,
    /// The new certificate, DER.
    pub der: Vec<u8>,
    /// Its record in the vault.
    pub position: u64,
    /// When it was issued.
    pub now: UnixMicros,
}

/// The answer to the question whether a certificate may be renewed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Renewable {
    /// It is the one in force.
    Yes,
    /// It was renewed for this key already, and the answer was lost: here it is again (DER).
    Again(Vec<u8>),
    /// The device was revoked.
    Revoked,
    /// Another certificate of the device is in force.
    Superseded,
    /// No such device.
    Unknown,
}

/// A device whose standing changed: enrolled, renewed or revoked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Change {
    /// Which.
    pub device: DeviceId,
    /// When.
    pub at: UnixMicros,
    /// It is revoked, and that is not in the vault yet.
    pub unrecorded_revocation: Option<Revocation>,
}

/// That a device was revoked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Revocation {
    /// When.
    pub at: UnixMicros,
    /// Why, in the operator's words.
    pub reason: Option<Reason>,
}

/// What is known of a device.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Enrolled {
    /// The certificate in force; an older one of the same device is superseded.
    pub fingerprint: Fingerprint,
    /// Whether the device was revoked.
    pub revoked: bool,
}

/// The registry cannot answer now. What is wrong is in the server's log.
#[derive(Debug, thiserror::Error)]
#[error("the device registry does not answer")]
pub struct RegistryError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// The registered devices and their enrolment tokens.
pub trait Registry: Send + Sync + 'static {
    /// Binds a token to a key, once.
    ///
    /// # Errors
    /// [`RegistryError`]: nothing changed, ask again later.
    fn redeem(&self, claim: &Claim) -> impl Future<Output = Result<Redeemed, RegistryError>> + Send;

    /// Keeps a certificate as the one in force of its device.
    ///
    /// # Errors
    /// [`RegistryError`]: the device asks again with the same token and key.
    fn enrolled(&self, enrolment: &Enrolment) -> impl Future<Output = Result<(), RegistryError>> + Send;

    /// What is known of a device; `None` if it never enrolled.
    ///
    /// # Errors
    /// [`RegistryError`]: the device's request is answered with 503.
    fn device(&self, device: &DeviceId) -> impl Future<Output = Result<Option<Enrolled>, RegistryError>> + Send;

    /// Whether a device may get a certificate for `key` with the certificate `before`.
    ///
    /// # Errors
    /// [`RegistryError`]: ask again later.
    fn renewable(
        &self,
        device: &DeviceId,
        before: Fingerprint,
        key: [u8; 32],
    ) -> impl Future<Output = Result<Renewable, RegistryError>> + Send;

    /// Keeps a renewed certificate as the one in force, if the one before still is and the device was not revoked meanwhile;
    /// says whether it did.
    ///
    /// # Errors
    /// [`RegistryError`]: the device asks again.
    fn renewed(&self, renewal: &Renewal) -> impl Future<Output = Result<bool, RegistryError>> + Send;

    /// Devices that changed at `since` or later, and all that are revoked without it being recorded.
    ///
    /// # Errors
    /// [`RegistryError`]: asked again soon.
    fn changes(&self, since: UnixMicros) -> impl Future<Output = Result<Vec<Change>, RegistryError>> + Send;

    /// Keeps that the revocation of that time is in the vault, and where.
    ///
    /// # Errors
    /// [`RegistryError`]: it is recorded again, which does no harm.
    fn revocation_recorded(
        &self,
        device: &DeviceId,
        at: UnixMicros,
        position: u64,
    ) -> impl Future<Output = Result<(), RegistryError>> + Send;
}
