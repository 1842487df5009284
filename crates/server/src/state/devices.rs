//! Devices as the operator and the gate's watch see them: list, revocation, renewal, what changed.
//!
//! Not enrolment (that is `registry`). Invariants: a renewal moves a device from one certificate to the next only if that one is
//! still in force and the device not revoked, in one statement; a revocation counts from its commit on, and is marked as recorded
//! only when its record is in the vault. Cost: one statement a call but for renewals; changes are read from two indexes.

use super::database::sql;
use super::number::int;
use super::{State, StateError, StateUrl};
use crate::clock;
use crate::gate::{Change, Renewable, Renewal, Revocation};
use crate::identity::{DeviceCertificate, Fingerprint};
use crate::intake::Reason;
use sqlx::FromRow;
use yagura_model::{DeviceId, UnixMicros};

/// Devices that [`State::devices_from`] gives at once.
pub const DEVICES_PAGE_MAX: i64 = 1000;

/// A device and the certificate in force.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KnownDevice {
    /// Which.
    pub device: DeviceId,
    /// Its model, as said with the token.
    pub model: String,
    /// First enrolment.
    pub enrolled: UnixMicros,
    /// The certificate in force.
    pub fingerprint: Fingerprint,
    /// When that certificate ends; unknown if the state lost it.
    pub expires: Option<UnixMicros>,
    /// How many certificates it ever got.
    pub certificates: i64,
    /// When and why it was revoked.
    pub revoked: Option<Revocation>,
}

#[derive(FromRow)]
struct KnownRow {
    tenant: String,
    vehicle: String,
    sensor: String,
    model: String,
    enrolled_us: i64,
    fingerprint: Vec<u8>,
    expires_us: Option<i64>,
    certificates: i64,
    revoked_us: Option<i64>,
    revoked_reason: Option<String>,
}

/// The columns of a [`KnownRow`], up to what is asked of its device.
macro_rules! select_known {
    () => {
        "SELECT d.tenant, d.vehicle, d.sensor, d.model, d.enrolled_us, d.fingerprint,
            (SELECT c.expires_us FROM certificates c WHERE c.tenant = d.tenant AND c.vehicle = d.vehicle
             AND c.sensor = d.sensor AND c.fingerprint = d.fingerprint) AS expires_us,
            (SELECT COUNT(*) FROM certificates c WHERE c.tenant = d.tenant AND c.vehicle = d.vehicle
             AND c.sensor = d.sensor) AS certificates,
            d.revoked_us, d.revoked_reason
         FROM devices d WHERE "
    };
}

/// Fingerprint in force, when revoked, DER, and how many certificates of the device have the fingerprint that is asked for.
type InForce = (Vec<u8>, Option<i64>, Vec<u8>, i64);
/// Tenant, vehicle, sensor, when, why, and the place of its record.
type RevokedRow = (String, String, String, i64, Option<String>, Option<i64>);

impl TryFrom<KnownRow> for KnownDevice {
    type Error = StateError;

    fn try_from(row: KnownRow) -> Result<Self, StateError> {
        let device = device(&row.tenant, &row.vehicle, &row.sensor)?;
        let reason = row.revoked_reason.as_deref().and_then(Reason::new);
        Ok(Self {
            device,
            model: row.model,
            enrolled: UnixMicros(row.enrolled_us),
            fingerprint: fingerprint(row.fingerprint, &device)?,
            expires: row.expires_us.map(UnixMicros),
            certificates: row.certificates,
            revoked: row.revoked_us.map(|at| Revocation { at: UnixMicros(at), reason }),
        })
    }
}

fn device(tenant: &str, vehicle: &str, sensor: &str) -> Result<DeviceId, StateError> {
    let text = format!("{tenant}/{vehicle}/{sensor}");
    text.parse().map_err(|_| StateError::Damaged(format!("name of device {text}")))
}

fn fingerprint(bytes: Vec<u8>, device: &DeviceId) -> Result<Fingerprint, StateError> {
    let bytes = <[u8; 32]>::try_from(bytes);
    bytes.map(Fingerprint).map_err(|_| StateError::Damaged(format!("fingerprint of {device}")))
}

impl State {
    /// Devices behind `after` in the order of their names, at most [`DEVICES_PAGE_MAX`].
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn devices_from(&self, after: Option<&DeviceId>) -> Result<Vec<KnownDevice>, StateError> {
        let names = after.map(|device| [device.tenant, device.vehicle, device.sensor]);
        let name = |nth: usize| names.as_ref().and_then(|names| names.get(nth)).map_or("", |name| name.as_str());
        let query = sql(concat!(
            select_known!(),
            "(d.tenant, d.vehicle, d.sensor) > ($1, $2, $3) ORDER BY d.tenant, d.vehicle, d.sensor LIMIT $4"
        ));
        let query = query.bind(name(0)).bind(name(1)).bind(name(2)).bind(DEVICES_PAGE_MAX);
        query.all::<KnownRow>(self.read()).await?.into_iter().map(TryInto::try_into).collect()
    }

    /// Devices that got a certificate since then, in no order.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn devices_enrolled_since(&self, since: UnixMicros) -> Result<Vec<KnownDevice>, StateError> {
        let query = sql(concat!(
            select_known!(),
            "(d.tenant, d.vehicle, d.sensor) IN (SELECT tenant, vehicle, sensor FROM certificates WHERE enrolled_us >= $1)"
        ));
        query.bind(since.0).all::<KnownRow>(self.read()).await?.into_iter().map(TryInto::try_into).collect()
    }

    /// One device; `None` if it never enrolled.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn known_device(&self, device: &DeviceId) -> Result<Option<KnownDevice>, StateError> {
        let query = sql(concat!(select_known!(), "d.tenant = $1 AND d.vehicle = $2 AND d.sensor = $3"));
        let query = query.bind(device.tenant.as_str()).bind(device.vehicle.as_str()).bind(device.sensor.as_str());
        query.optional::<KnownRow>(self.read()).await?.map(TryInto::try_into).transpose()
    }

    /// Revokes a device: whatever certificate it holds, the gates refuse it until it enrols by a newer token. Revoking again changes
    /// nothing.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn revoke_device(
        &self,
        device: &DeviceId,
        reason: Option<Reason>,
        now: UnixMicros,
    ) -> Result<Revoked, StateError> {
        let query = sql("UPDATE devices SET revoked_us = $4, revoked_reason = $5, revocation_place = NULL
             WHERE tenant = $1 AND vehicle = $2 AND sensor = $3 AND revoked_us IS NULL");
        let query = query.bind(device.tenant.as_str()).bind(device.vehicle.as_str()).bind(device.sensor.as_str());
        let query = query.bind(now.0).bind(reason.as_ref().map(Reason::as_str));
        if query.execute(self.write()).await? > 0 {
            return Ok(Revoked::Now);
        }
        Ok(if self.known_device(device).await?.is_some() { Revoked::Before } else { Revoked::Unknown })
    }

    pub(super) async fn renewable_certificate(
        &self,
        device: &DeviceId,
        before: Fingerprint,
        key: [u8; 32],
    ) -> Result<Renewable, StateError> {
        let query = sql("SELECT d.fingerprint, d.revoked_us, c.der,
                    (SELECT COUNT(*) FROM certificates o WHERE o.tenant = d.tenant AND o.vehicle = d.vehicle
                     AND o.sensor = d.sensor AND o.fingerprint = $4)
             FROM devices d JOIN certificates c ON c.tenant = d.tenant AND c.vehicle = d.vehicle
                 AND c.sensor = d.sensor AND c.fingerprint = d.fingerprint
             WHERE d.tenant = $1 AND d.vehicle = $2 AND d.sensor = $3");
        let query = query.bind(device.tenant.as_str()).bind(device.vehicle.as_str()).bind(device.sensor.as_str());
        let row: Option<InForce> = query.bind(before.0.as_slice()).optional(self.read()).await?;
        let Some((in_force, revoked, der, was_ours)) = row else { return Ok(Renewable::Unknown) };
        let same_key = || DeviceCertificate::parse(&der).is_ok_and(|certificate| certificate.key.to_bytes() == key);
        Ok(match fingerprint(in_force, device)? {
            _ if revoked.is_some() => Renewable::Revoked,
            in_force if in_force == before => Renewable::Yes,
            _ if was_ours > 0 && same_key() => Renewable::Again(der),
            _ => Renewable::Superseded,
        })
    }

    pub(super) async fn keep_renewed(&self, renewal: &Renewal) -> Result<bool, StateError> {
        let (device, fingerprint) = (&renewal.certificate.device, renewal.certificate.fingerprint.0);
        let mut tx = self.begin().await?;
        let query = sql("UPDATE devices SET fingerprint = $5
             WHERE tenant = $1 AND vehicle = $2 AND sensor = $3 AND fingerprint = $4 AND revoked_us IS NULL");
        let query = query.bind(device.tenant.as_str()).bind(device.vehicle.as_str()).bind(device.sensor.as_str());
        let moved = query.bind(renewal.before.0.as_slice()).bind(fingerprint.as_slice()).execute(&mut tx).await?;
        if moved == 0 {
            return Ok(false);
        }
        sql("INSERT INTO certificates (tenant, vehicle, sensor, fingerprint, der, position, enrolled_us, expires_us)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (tenant, vehicle, sensor, fingerprint) DO NOTHING")
        .bind(device.tenant.as_str())
        .bind(device.vehicle.as_str())
        .bind(device.sensor.as_str())
        .bind(fingerprint.as_slice())
        .bind(renewal.der.as_slice())
        .bind(int(renewal.position))
        .bind(renewal.now.0)
        .bind(renewal.certificate.not_after.0)
        .execute(&mut tx)
        .await?;
        tx.commit().await?;
        Ok(true)
    }

    pub(super) async fn changed_devices(&self, since: UnixMicros) -> Result<Vec<Change>, StateError> {
        let query = sql("SELECT tenant, vehicle, sensor, enrolled_us FROM certificates WHERE enrolled_us >= $1");
        let renewed: Vec<(String, String, String, i64)> = query.bind(since.0).all(self.read()).await?;
        let query = sql("SELECT tenant, vehicle, sensor, revoked_us, revoked_reason, revocation_place FROM devices
             WHERE revoked_us IS NOT NULL AND (revoked_us >= $1 OR revocation_place IS NULL)");
        let revoked: Vec<RevokedRow> = query.bind(since.0).all(self.read()).await?;
        let renewed = renewed.into_iter().map(|(tenant, vehicle, sensor, at)| {
            let device = device(&tenant, &vehicle, &sensor)?;
            Ok(Change { device, at: UnixMicros(at), unrecorded_revocation: None })
        });
        let revoked = revoked.into_iter().map(|(tenant, vehicle, sensor, at, reason, place)| {
            let revocation = Revocation { at: UnixMicros(at), reason: reason.as_deref().and_then(Reason::new) };
            let unrecorded_revocation = place.is_none().then_some(revocation);
            Ok(Change { device: device(&tenant, &vehicle, &sensor)?, at: UnixMicros(at), unrecorded_revocation })
        });
        renewed.chain(revoked).collect()
    }

    pub(super) async fn keep_revocation_recorded(
        &self,
        device: &DeviceId,
        at: UnixMicros,
        place: u64,
    ) -> Result<(), StateError> {
        let query = sql("UPDATE devices SET revocation_place = $5
             WHERE tenant = $1 AND vehicle = $2 AND sensor = $3 AND revoked_us = $4");
        let query = query.bind(device.tenant.as_str()).bind(device.vehicle.as_str()).bind(device.sensor.as_str());
        query.bind(at.0).bind(int(place)).execute(self.write()).await?;
        Ok(())
    }
}

/// What became of a revocation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Revoked {
    /// The device is out from now on.
    Now,
    /// It was revoked before.
    Before,
    /// No such device.
    Unknown,
}

/// Revokes a device in the state at `url`, which running servers may have open too; they refuse it within a second.
///
/// # Errors
/// [`StateError`]
pub async fn revoke(url: &StateUrl, device: &DeviceId, reason: Option<Reason>) -> Result<Revoked, StateError> {
    let state = State::connect(url).await?;
    let revoked = state.revoke_device(device, reason, clock::now()).await;
    state.close().await;
    revoked
}

/// All devices of the state at `url`, or the one that is asked for. `each` is called in the order of their names.
///
/// # Errors
/// [`StateError`]
pub async fn for_each_device(
    url: &StateUrl,
    only: Option<&DeviceId>,
    each: &mut (dyn FnMut(KnownDevice) + Send),
) -> Result<(), StateError> {
    let state = State::connect(url).await?;
    let told = async {
        if let Some(only) = only {
            state.known_device(only).await?.into_iter().for_each(each);
            return Ok(());
        }
        let mut after = None;
        loop {
            let page = state.devices_from(after.as_ref()).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.device);
            page.into_iter().for_each(&mut *each);
        }
    };
    let told = told.await;
    state.close().await;
    told
}
