//! Enrolment tokens and devices: the gate's [`Registry`] on the state.
//!
//! Not the authority that signs certificates (that is `identity`). Invariants: only a token's hash is kept; a token binds one key,
//! once; one certificate a device is in force, all that were ever issued are kept.

use super::database::{Tx, Value, sql};
use super::delta::RecordedRevocation;
use super::number::int;
use super::rows::Many;
use super::{State, StateError, StateUrl};
use crate::clock;
use crate::gate::{
    Change, Claim, Enrolled, Enrolment, Redeemed, Registry, RegistryError, Renewable, Renewal, TokenHash,
};
use crate::identity::{DeviceCertificate, Fingerprint};
use sqlx::FromRow;
use std::collections::BTreeMap;
use yagura_model::{DeviceId, UnixMicros};

/// How long an enrolment token works.
pub const ENROLMENT_TOKEN_VALIDITY_US: i64 = 7 * 24 * 3_600_000_000;
/// The longest name of a model, in bytes.
pub const MODEL_BYTES_MAX: usize = 64;

#[derive(FromRow)]
struct TokenRow {
    tenant: String,
    vehicle: String,
    sensor: String,
    expires_us: i64,
    public_key: Option<Vec<u8>>,
    fingerprint: Option<Vec<u8>>,
}

impl TokenRow {
    fn is_for(&self, device: &DeviceId) -> bool {
        (self.tenant.as_str(), self.vehicle.as_str(), self.sensor.as_str())
            == (device.tenant.as_str(), device.vehicle.as_str(), device.sensor.as_str())
    }
}

impl State {
    /// Keeps an enrolment token for a device of a model.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn put_enrolment_token(
        &self,
        device: &DeviceId,
        model: &str,
        token: TokenHash,
        now: UnixMicros,
    ) -> Result<(), StateError> {
        let cut = model.floor_char_boundary(MODEL_BYTES_MAX);
        sql("INSERT INTO enrolment_tokens (hash, tenant, vehicle, sensor, model, created_us, expires_us)
             VALUES ($1, $2, $3, $4, $5, $6, $7)")
        .bind(token.0.as_slice())
        .bind(device.tenant.as_str())
        .bind(device.vehicle.as_str())
        .bind(device.sensor.as_str())
        .bind(model.get(..cut))
        .bind(now.0)
        .bind(now.0.saturating_add(ENROLMENT_TOKEN_VALIDITY_US))
        .execute(self.write())
        .await?;
        Ok(())
    }

    async fn redeem_token(&self, claim: &Claim) -> Result<Redeemed, StateError> {
        let mut tx = self.begin().await?;
        // Changes nothing, but locks the row on both databases: of two that come with one token, the second waits.
        let query = sql("UPDATE enrolment_tokens SET hash = hash WHERE hash = $1
             RETURNING tenant, vehicle, sensor, expires_us, public_key, fingerprint");
        let row: Option<TokenRow> = query.bind(claim.token.0.as_slice()).optional(&mut tx).await?;
        let Some(row) = row else { return Ok(Redeemed::Unknown) };
        if !row.is_for(&claim.device) {
            return Ok(Redeemed::OtherDevice);
        }
        match (row.public_key, row.fingerprint) {
            (Some(key), _) if key != claim.key => return Ok(Redeemed::Used),
            (Some(_), Some(fingerprint)) => return issued(&mut tx, &claim.device, &fingerprint).await,
            (Some(_), None) => return Ok(Redeemed::Granted),
            (None, _) if row.expires_us <= claim.now.0 => return Ok(Redeemed::Expired),
            (None, _) => {}
        }
        let query = sql("UPDATE enrolment_tokens SET public_key = $2 WHERE hash = $1");
        query.bind(claim.token.0.as_slice()).bind(claim.key.as_slice()).execute(&mut tx).await?;
        tx.commit().await?;
        Ok(Redeemed::Granted)
    }

    async fn keep_certificate(&self, enrolment: &Enrolment) -> Result<(), StateError> {
        let (device, fingerprint) = (&enrolment.certificate.device, enrolment.certificate.fingerprint.0);
        let mut tx = self.begin().await?;
        sql("INSERT INTO certificates (tenant, vehicle, sensor, fingerprint, der, position, enrolled_us, expires_us)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (tenant, vehicle, sensor, fingerprint) DO NOTHING")
        .bind(device.tenant.as_str())
        .bind(device.vehicle.as_str())
        .bind(device.sensor.as_str())
        .bind(fingerprint.as_slice())
        .bind(enrolment.der.as_slice())
        .bind(int(enrolment.position))
        .bind(enrolment.now.0)
        .bind(enrolment.certificate.not_after.0)
        .execute(&mut tx)
        .await?;
        sql(
            "INSERT INTO devices (tenant, vehicle, sensor, model, enrolled_us, fingerprint)
             VALUES ($1, $2, $3, COALESCE((SELECT model FROM enrolment_tokens WHERE hash = $6), ''), $5, $4)
             ON CONFLICT (tenant, vehicle, sensor) DO UPDATE SET fingerprint = excluded.fingerprint, model = excluded.model,
                revoked_us = CASE WHEN devices.revoked_us < (SELECT created_us FROM enrolment_tokens WHERE hash = $6)
                                  THEN NULL ELSE devices.revoked_us END",
        )
        .bind(device.tenant.as_str())
        .bind(device.vehicle.as_str())
        .bind(device.sensor.as_str())
        .bind(fingerprint.as_slice())
        .bind(enrolment.now.0)
        .bind(enrolment.token.0.as_slice())
        .execute(&mut tx)
        .await?;
        sql("UPDATE enrolment_tokens SET fingerprint = $2 WHERE hash = $1")
            .bind(enrolment.token.0.as_slice())
            .bind(fingerprint.as_slice())
            .execute(&mut tx)
            .await?;
        tx.commit().await
    }

    async fn enrolled_device(&self, device: &DeviceId) -> Result<Option<Enrolled>, StateError> {
        let query = sql(
            "SELECT fingerprint, revoked_us IS NOT NULL FROM devices WHERE tenant = $1 AND vehicle = $2 AND sensor = $3",
        );
        let query = query.bind(device.tenant.as_str()).bind(device.vehicle.as_str()).bind(device.sensor.as_str());
        let row: Option<(Vec<u8>, bool)> = query.optional(self.read()).await?;
        row.map(|(bytes, revoked)| {
            let bytes = <[u8; 32]>::try_from(bytes);
            let fingerprint = bytes.map_err(|_| StateError::Damaged(format!("fingerprint of {device}")))?;
            Ok(Enrolled { fingerprint: Fingerprint(fingerprint), revoked })
        })
        .transpose()
    }
}

/// A certificate as the vault has it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EnrolledCertificate {
    /// What it says.
    pub certificate: DeviceCertificate,
    /// Its bytes.
    pub der: Vec<u8>,
    /// The place of its record.
    pub position: u64,
    /// When it was issued.
    pub received: UnixMicros,
}

/// Keeps certificates that the vault has and the state may have lost. The model was said with the token and is not in the vault.
pub(super) async fn restore_certificates(tx: &mut Tx, enrolled: &[EnrolledCertificate]) -> Result<(), StateError> {
    const CERTIFICATES: Many = Many {
        before: "INSERT INTO certificates (tenant, vehicle, sensor, fingerprint, der, position, enrolled_us, expires_us)",
        after: "ON CONFLICT (tenant, vehicle, sensor, fingerprint) DO NOTHING",
    };
    const DEVICES: Many = Many {
        before: "INSERT INTO devices (tenant, vehicle, sensor, model, enrolled_us, fingerprint)",
        after: "ON CONFLICT (tenant, vehicle, sensor) DO UPDATE SET fingerprint = excluded.fingerprint
                WHERE (SELECT c.position FROM certificates c WHERE c.tenant = devices.tenant AND c.vehicle = devices.vehicle
                         AND c.sensor = devices.sensor AND c.fingerprint = devices.fingerprint)
                    < (SELECT c.position FROM certificates c WHERE c.tenant = devices.tenant AND c.vehicle = devices.vehicle
                         AND c.sensor = devices.sensor AND c.fingerprint = excluded.fingerprint)",
    };
    let mut all: BTreeMap<(DeviceId, [u8; 32]), &EnrolledCertificate> = BTreeMap::new();
    let mut newest: BTreeMap<DeviceId, &EnrolledCertificate> = BTreeMap::new();
    for one in enrolled {
        let device = one.certificate.device;
        all.insert((device, one.certificate.fingerprint.0), one);
        let known = newest.entry(device).or_insert(one);
        if known.position <= one.position {
            *known = one;
        }
    }
    CERTIFICATES.execute(&mut *tx, all.into_values().map(certificate_row).collect()).await?;
    DEVICES.execute(tx, newest.into_values().map(device_row).collect()).await?;
    Ok(())
}

/// Keeps a revocation that the vault has and the state may have lost, unless a certificate was issued since.
pub(super) async fn restore_revocation(tx: &mut Tx, revocation: &RecordedRevocation) -> Result<(), StateError> {
    let device = &revocation.device;
    let query = sql("UPDATE devices SET revoked_us = $4, revoked_reason = $5, revocation_place = $6
         WHERE tenant = $1 AND vehicle = $2 AND sensor = $3 AND revoked_us IS NULL
           AND NOT EXISTS (SELECT 1 FROM certificates c WHERE c.tenant = $1 AND c.vehicle = $2 AND c.sensor = $3
                             AND c.enrolled_us >= $4)");
    let query = query.bind(device.tenant.as_str()).bind(device.vehicle.as_str()).bind(device.sensor.as_str());
    let query = query.bind(revocation.at.0).bind(revocation.reason.as_deref()).bind(int(revocation.place));
    query.execute(tx).await?;
    Ok(())
}

fn certificate_row(enrolled: &EnrolledCertificate) -> [Value<'_>; 8] {
    let (device, certificate) = (&enrolled.certificate.device, &enrolled.certificate);
    [
        device.tenant.as_str().into(),
        device.vehicle.as_str().into(),
        device.sensor.as_str().into(),
        certificate.fingerprint.0.as_slice().into(),
        enrolled.der.as_slice().into(),
        int(enrolled.position).into(),
        enrolled.received.0.into(),
        certificate.not_after.0.into(),
    ]
}

fn device_row(enrolled: &EnrolledCertificate) -> [Value<'_>; 6] {
    let device = &enrolled.certificate.device;
    [
        device.tenant.as_str().into(),
        device.vehicle.as_str().into(),
        device.sensor.as_str().into(),
        "".into(),
        enrolled.received.0.into(),
        enrolled.certificate.fingerprint.0.as_slice().into(),
    ]
}

async fn issued(tx: &mut Tx, device: &DeviceId, fingerprint: &[u8]) -> Result<Redeemed, StateError> {
    let query =
        sql("SELECT der FROM certificates WHERE tenant = $1 AND vehicle = $2 AND sensor = $3 AND fingerprint = $4");
    let query = query.bind(device.tenant.as_str()).bind(device.vehicle.as_str()).bind(device.sensor.as_str());
    let (der,): (Vec<u8>,) = query.bind(fingerprint).one(tx).await?;
    Ok(Redeemed::Again(der))
}

impl Registry for State {
    async fn redeem(&self, claim: &Claim) -> Result<Redeemed, RegistryError> {
        self.redeem_token(claim).await.map_err(|e| RegistryError(e.into()))
    }

    async fn enrolled(&self, enrolment: &Enrolment) -> Result<(), RegistryError> {
        self.keep_certificate(enrolment).await.map_err(|e| RegistryError(e.into()))
    }

    async fn device(&self, device: &DeviceId) -> Result<Option<Enrolled>, RegistryError> {
        self.enrolled_device(device).await.map_err(|e| RegistryError(e.into()))
    }

    async fn renewable(
        &self,
        device: &DeviceId,
        before: Fingerprint,
        key: [u8; 32],
    ) -> Result<Renewable, RegistryError> {
        self.renewable_certificate(device, before, key).await.map_err(|e| RegistryError(e.into()))
    }

    async fn renewed(&self, renewal: &Renewal) -> Result<bool, RegistryError> {
        self.keep_renewed(renewal).await.map_err(|e| RegistryError(e.into()))
    }

    async fn changes(&self, since: UnixMicros) -> Result<Vec<Change>, RegistryError> {
        self.changed_devices(since).await.map_err(|e| RegistryError(e.into()))
    }

    async fn revocation_recorded(&self, device: &DeviceId, at: UnixMicros, position: u64) -> Result<(), RegistryError> {
        self.keep_revocation_recorded(device, at, position).await.map_err(|e| RegistryError(e.into()))
    }
}

/// A new enrolment token for a device, kept in the state at `url`, which a running server may have open too.
///
/// # Errors
/// [`EnrolmentTokenError`]
pub async fn enrolment_token(url: &StateUrl, device: &DeviceId, model: &str) -> Result<String, EnrolmentTokenError> {
    let token = crate::auth::Secret::random()?;
    let state = State::connect(url).await?;
    let kept = state.put_enrolment_token(device, model, TokenHash::of(&token.to_text()), clock::now()).await;
    state.close().await;
    kept?;
    Ok(token.to_text())
}

/// Why there is no enrolment token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnrolmentTokenError {
    /// The state cannot be used.
    #[error("cannot use the server's state")]
    State(#[from] StateError),
    /// No random bytes.
    #[error(transparent)]
    NoRandomness(#[from] crate::auth::NoRandomness),
}
