//! How much a device and a tenant may send: as written (TOML or flags), complete, and metered.
//!
//! Not a penalty: whoever is over its quota did nothing wrong and sends the same bytes again later. Invariant: a report is paid for
//! once, when it is let in; its events are known only after it was opened, are paid then, and the next report waits for the debt.
//! Cost: ~250 bytes a device that sent something within the last [`BURST_SECONDS`](super::bucket::BURST_SECONDS).

use super::bucket::{Bucket, Rate};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;
use yagura_model::{DeviceId, Name, NameError};

/// Meters after whose number the full ones are forgotten first.
const METERS_SWEPT_FROM: usize = 4096;

/// Limits of one tenant and its devices, as written. What is `None` takes its default.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct RawQuota {
    /// Reports of one device.
    pub device_reports_per_second: Option<u32>,
    /// Bytes of reports of one device.
    pub device_bytes_per_second: Option<u32>,
    /// Reports of one tenant.
    pub tenant_reports_per_second: Option<u32>,
    /// Bytes of reports of one tenant.
    pub tenant_bytes_per_second: Option<u32>,
    /// Entries of reports (events, samples of the vehicle's state, excerpts) of one tenant.
    pub tenant_events_per_second: Option<u32>,
}

/// Limits of all tenants, as written.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct RawQuotas {
    /// For every tenant that has none of its own.
    #[serde(default)]
    pub default: RawQuota,
    /// By tenant; what is not given is taken from `default`.
    #[serde(default)]
    pub tenant: BTreeMap<String, RawQuota>,
}

/// Why quotas cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QuotaError {
    /// Not TOML of this form.
    #[error("quotas are not readable: {0}")]
    Toml(String),
    /// Nothing would pass.
    #[error("quota {0} is 0, so nothing would pass; leave it out or give at least 1")]
    Zero(&'static str),
    /// Not a tenant's name.
    #[error("tenant {0:?} of the quotas")]
    Tenant(String, #[source] NameError),
}

impl RawQuotas {
    /// Reads quotas from TOML (docs/operations.md).
    ///
    /// # Errors
    /// [`QuotaError::Toml`] naming line and key.
    pub fn from_toml(text: &str) -> Result<Self, QuotaError> {
        toml::from_str(text).map_err(|error| QuotaError::Toml(error.to_string().trim().to_owned()))
    }
}

/// What is limited.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Metered {
    /// Reports of the device.
    DeviceReports,
    /// Bytes of the device.
    DeviceBytes,
    /// Reports of the tenant.
    TenantReports,
    /// Bytes of the tenant.
    TenantBytes,
    /// Events of the tenant.
    TenantEvents,
}

impl Metered {
    /// Stable name, for answers: the name of the setting.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DeviceReports => "device_reports_per_second",
            Self::DeviceBytes => "device_bytes_per_second",
            Self::TenantReports => "tenant_reports_per_second",
            Self::TenantBytes => "tenant_bytes_per_second",
            Self::TenantEvents => "tenant_events_per_second",
        }
    }

    /// Whether the device's own limit is meant.
    #[must_use]
    pub const fn is_of_device(self) -> bool {
        matches!(self, Self::DeviceReports | Self::DeviceBytes)
    }
}

/// Limits of one tenant and its devices.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Quota {
    device_reports: Rate,
    device_bytes: Rate,
    tenant_reports: Rate,
    tenant_bytes: Rate,
    tenant_events: Rate,
}

impl Quota {
    fn of(raw: RawQuota) -> Result<Self, QuotaError> {
        let rate = |given: Option<u32>, default, of: Metered| {
            Rate::per_second(given.unwrap_or(default)).ok_or(QuotaError::Zero(of.name()))
        };
        Ok(Self {
            device_reports: rate(raw.device_reports_per_second, 1_000, Metered::DeviceReports)?,
            device_bytes: rate(raw.device_bytes_per_second, 16_000_000, Metered::DeviceBytes)?,
            tenant_reports: rate(raw.tenant_reports_per_second, 1_000_000, Metered::TenantReports)?,
            tenant_bytes: rate(raw.tenant_bytes_per_second, 4_000_000_000, Metered::TenantBytes)?,
            tenant_events: rate(raw.tenant_events_per_second, 100_000_000, Metered::TenantEvents)?,
        })
    }

    const fn rate(&self, of: Metered) -> Rate {
        match of {
            Metered::DeviceReports => self.device_reports,
            Metered::DeviceBytes => self.device_bytes,
            Metered::TenantReports => self.tenant_reports,
            Metered::TenantBytes => self.tenant_bytes,
            Metered::TenantEvents => self.tenant_events,
        }
    }
}

/// Limits of all tenants.
#[derive(Clone, Debug)]
pub struct Quotas {
    default: Quota,
    tenants: HashMap<Name, Quota>,
}

impl TryFrom<RawQuotas> for Quotas {
    type Error = QuotaError;

    fn try_from(raw: RawQuotas) -> Result<Self, QuotaError> {
        let default = raw.default;
        let own = |(tenant, own): (String, RawQuota)| {
            let name = Name::new(&tenant).map_err(|why| QuotaError::Tenant(tenant, why))?;
            let quota = Quota::of(RawQuota {
                device_reports_per_second: own.device_reports_per_second.or(default.device_reports_per_second),
                device_bytes_per_second: own.device_bytes_per_second.or(default.device_bytes_per_second),
                tenant_reports_per_second: own.tenant_reports_per_second.or(default.tenant_reports_per_second),
                tenant_bytes_per_second: own.tenant_bytes_per_second.or(default.tenant_bytes_per_second),
                tenant_events_per_second: own.tenant_events_per_second.or(default.tenant_events_per_second),
            })?;
            Ok((name, quota))
        };
        let tenants: Result<HashMap<_, _>, _> = raw.tenant.into_iter().map(own).collect();
        Ok(Self { default: Quota::of(default)?, tenants: tenants? })
    }
}

impl Quotas {
    fn of(&self, tenant: &Name) -> &Quota {
        self.tenants.get(tenant).unwrap_or(&self.default)
    }
}

/// A quota that is used up.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct OverQuota {
    /// Which.
    pub what: Metered,
    /// How many a second are allowed.
    pub per_second: u32,
    /// After how long there is room again.
    pub wait: Duration,
}

#[derive(Debug)]
struct DeviceMeter {
    reports: Bucket,
    bytes: Bucket,
}

#[derive(Debug)]
struct TenantMeter {
    reports: Bucket,
    bytes: Bucket,
    events: Bucket,
}

/// How much everybody has sent lately.
#[derive(Debug)]
pub(super) struct Meters {
    quotas: Quotas,
    devices: HashMap<DeviceId, DeviceMeter>,
    tenants: HashMap<Name, TenantMeter>,
    swept_from: usize,
}

impl Meters {
    pub(super) fn new(quotas: Quotas) -> Self {
        Self { quotas, devices: HashMap::new(), tenants: HashMap::new(), swept_from: METERS_SWEPT_FROM }
    }

    /// Lets a report of `bytes` in and takes its price, or says which quota is used up and takes nothing.
    pub(super) fn report(&mut self, device: &DeviceId, bytes: f64, now: Duration) -> Result<(), OverQuota> {
        self.sweep(now);
        let quota = *self.quotas.of(&device.tenant);
        let tenant = self.tenants.entry(device.tenant).or_insert_with(|| TenantMeter {
            reports: Bucket::full(quota.tenant_reports, now),
            bytes: Bucket::full(quota.tenant_bytes, now),
            events: Bucket::full(quota.tenant_events, now),
        });
        let own = self.devices.entry(*device).or_insert_with(|| DeviceMeter {
            reports: Bucket::full(quota.device_reports, now),
            bytes: Bucket::full(quota.device_bytes, now),
        });
        let mut prices = [
            (Metered::DeviceReports, &mut own.reports, 1.0),
            (Metered::DeviceBytes, &mut own.bytes, bytes),
            (Metered::TenantReports, &mut tenant.reports, 1.0),
            (Metered::TenantBytes, &mut tenant.bytes, bytes),
            (Metered::TenantEvents, &mut tenant.events, 1.0),
        ];
        for (what, bucket, price) in &mut prices {
            let rate = quota.rate(*what);
            let wait = bucket.wait(rate, *price, now);
            if !wait.is_zero() {
                return Err(OverQuota { what: *what, per_second: rate.count(), wait });
            }
        }
        for (what, bucket, price) in prices {
            if what != Metered::TenantEvents {
                bucket.pay(quota.rate(what), price);
            }
        }
        Ok(())
    }

    /// Takes the price of what is known only when a report was opened: its events, and bytes that it had not announced.
    pub(super) fn owe(&mut self, device: &DeviceId, events: u32, bytes: u32) {
        let quota = *self.quotas.of(&device.tenant);
        if let Some(tenant) = self.tenants.get_mut(&device.tenant) {
            tenant.events.pay(quota.tenant_events, f64::from(events));
            tenant.bytes.pay(quota.tenant_bytes, f64::from(bytes));
        }
        if let Some(own) = self.devices.get_mut(device) {
            own.bytes.pay(quota.device_bytes, f64::from(bytes));
        }
    }

    /// Forgets devices that might as well never have sent anything, when there are many.
    fn sweep(&mut self, now: Duration) {
        if self.devices.len() < self.swept_from {
            return;
        }
        let quotas = &self.quotas;
        self.devices.retain(|device, meter| {
            let quota = quotas.of(&device.tenant);
            !(meter.reports.is_full(quota.device_reports, now) && meter.bytes.is_full(quota.device_bytes, now))
        });
        self.swept_from = self.devices.len().saturating_mul(2).max(METERS_SWEPT_FROM);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn quotas(text: &str) -> Result<Quotas, QuotaError> {
        RawQuotas::from_toml(text)?.try_into()
    }

    fn device(name: &str) -> DeviceId {
        name.parse().unwrap()
    }

    #[test]
    fn a_tenants_own_quota_comes_before_the_default() {
        let text = "[default]\ndevice_reports_per_second = 2\ntenant_events_per_second = 100\n\
                    [tenant.acme]\ndevice_reports_per_second = 1\n";
        let mut meters = Meters::new(quotas(text).unwrap());
        let mut passed =
            |name: &str| (0..50).take_while(|_| meters.report(&device(name), 10.0, Duration::ZERO).is_ok()).count();
        assert_eq!((passed("acme/a/cgw"), passed("acme/b/cgw"), passed("other/a/cgw")), (10, 10, 20));
        let over = meters.report(&device("acme/a/cgw"), 10.0, Duration::ZERO).unwrap_err();
        let wait = Duration::from_secs(1);
        assert_eq!(over, OverQuota { what: Metered::DeviceReports, per_second: 1, wait });
    }

    #[test]
    fn events_are_paid_afterwards_and_the_whole_tenant_waits_for_the_debt() {
        let mut meters = Meters::new(quotas("[default]\ntenant_events_per_second = 10\n").unwrap());
        meters.report(&device("acme/a/cgw"), 1.0, Duration::ZERO).unwrap();
        meters.owe(&device("acme/a/cgw"), 149, 0);
        let over = meters.report(&device("acme/b/cgw"), 1.0, Duration::ZERO).unwrap_err();
        assert_eq!((over.what, over.wait), (Metered::TenantEvents, Duration::from_secs(5)));
        meters.report(&device("other/b/cgw"), 1.0, Duration::ZERO).unwrap();
        meters.report(&device("acme/b/cgw"), 1.0, Duration::from_secs(5)).unwrap();
    }

    #[test]
    fn devices_that_are_quiet_again_are_forgotten() {
        let mut meters = Meters::new(quotas("").unwrap());
        for nth in 0..METERS_SWEPT_FROM * 3 {
            let now = Duration::from_millis(u64::try_from(nth).unwrap());
            meters.report(&device(&format!("acme/v{nth}/cgw")), 1.0, now).unwrap();
        }
        assert!(meters.devices.len() <= METERS_SWEPT_FROM, "{}", meters.devices.len());
    }

    #[test]
    fn faulty_quotas_say_what_is_wrong() {
        let all = ["[default]\nx = 1", "[default]\ntenant_bytes_per_second = 0", "[tenant.\"a b\"]"];
        let texts: Vec<String> = all.iter().map(|text| quotas(text).unwrap_err().to_string()).collect();
        expect![[r#"
            quotas are not readable: TOML parse error at line 2, column 1
              |
            2 | x = 1
              | ^
            unknown field `x`, expected one of `device_reports_per_second`, `device_bytes_per_second`, `tenant_reports_per_second`, `tenant_bytes_per_second`, `tenant_events_per_second`
            quota tenant_bytes_per_second is 0, so nothing would pass; leave it out or give at least 1
            tenant "a b" of the quotas"#]]
        .assert_eq(&texts.join("\n"));
    }
}
