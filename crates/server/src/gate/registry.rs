//! What the gate asks about devices: may this token enrol this name, which certificate is the device's own.
//!
//! Not a store: `state` implements it on SQLite; tests on a map. Invariants that an implementation keeps: a token enrols one key
//! once (the same key may ask again and gets the same certificate, so a lost answer costs nothing); what [`Registry::enrolled`]
//! returned for is durable. Cost: one or two calls an enrolment, one call a connection and [`super::REVOCATION_LAG_MAX`].

use crate::identity::{DeviceCertificate, Fingerprint};
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
}
