//! A registry in memory, with the semantics that the gate asks of one.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};
use yagura_model::{DeviceId, UnixMicros};
use yagura_server::gate::{Claim, Enrolled, Enrolment, Redeemed, Registry, RegistryError, TokenHash};

pub(super) struct Token {
    device: DeviceId,
    expires: UnixMicros,
    key: Option<[u8; 32]>,
    issued: Option<Vec<u8>>,
}

#[derive(Default)]
pub(super) struct Inner {
    tokens: HashMap<[u8; 32], Token>,
    pub(super) devices: HashMap<DeviceId, Enrolled>,
    pub(super) down: bool,
}

/// Tokens and devices.
#[derive(Default)]
pub(super) struct Fleet(Mutex<Inner>);

impl Fleet {
    pub(super) fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    pub(super) fn give_token(&self, token: &str, device: DeviceId, expires: UnixMicros) {
        let entry = Token { device, expires, key: None, issued: None };
        self.inner().tokens.insert(TokenHash::of(token).0, entry);
    }

    fn up(&self) -> Result<MutexGuard<'_, Inner>, RegistryError> {
        let inner = self.inner();
        if inner.down { Err(RegistryError("the test took the registry down".into())) } else { Ok(inner) }
    }
}

impl Registry for Fleet {
    async fn redeem(&self, claim: &Claim) -> Result<Redeemed, RegistryError> {
        let mut inner = self.up()?;
        let Some(token) = inner.tokens.get_mut(&claim.token.0) else { return Ok(Redeemed::Unknown) };
        Ok(match (&token.key, &token.issued) {
            _ if token.device != claim.device => Redeemed::OtherDevice,
            (Some(key), _) if *key != claim.key => Redeemed::Used,
            (Some(_), Some(der)) => Redeemed::Again(der.clone()),
            (None, _) if token.expires <= claim.now => Redeemed::Expired,
            _ => {
                token.key = Some(claim.key);
                Redeemed::Granted
            }
        })
    }

    async fn enrolled(&self, enrolment: &Enrolment) -> Result<(), RegistryError> {
        let mut inner = self.up()?;
        let fingerprint = enrolment.certificate.fingerprint;
        inner.devices.insert(enrolment.certificate.device, Enrolled { fingerprint, revoked: false });
        inner.tokens.get_mut(&enrolment.token.0).unwrap().issued = Some(enrolment.der.clone());
        Ok(())
    }

    async fn device(&self, device: &DeviceId) -> Result<Option<Enrolled>, RegistryError> {
        Ok(self.up()?.devices.get(device).copied())
    }
}
