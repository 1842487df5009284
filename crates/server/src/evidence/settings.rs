//! How long evidence is kept, where, and who stamps it.
//!
//! Not what is deleted when (that is `keeper`). Invariant: a tenant's own retention goes before the common one.

use std::collections::BTreeMap;
use std::time::Duration;
use yagura_store::StampRoots;

/// How long evidence is kept. `None` is for ever.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Evidence {
    /// Days that local copies of archived segments are kept.
    pub local_days: Option<u32>,
    /// Days that evidence is kept at all.
    pub days: Option<u32>,
    /// Days for tenants that have a rule of their own.
    pub tenant_days: BTreeMap<String, u32>,
    /// Days that the object store holds archived segments fast.
    pub object_lock_days: Option<u32>,
    /// Who stamps checkpoints, if anybody.
    pub stamping: Option<Stamping>,
}

/// How checkpoints get time stamps.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Stamping {
    /// The authority: `http://…`.
    pub url: String,
    /// Whose certificates are believed; without any a stamp must hold by the certificate in it.
    pub roots: Option<StampRoots>,
    /// How long a checkpoint may be newer than the newest stamp.
    pub every: Duration,
}

impl Stamping {
    /// Minutes between two stamps, unless said otherwise.
    pub const MINUTES: u32 = 60;
}

impl Evidence {
    /// The retention of a tenant; what belongs to nobody is kept as long as the common rule says.
    #[must_use]
    pub fn days_of(&self, tenant: Option<&str>) -> Option<u32> {
        tenant.and_then(|tenant| self.tenant_days.get(tenant).copied()).or(self.days)
    }

    /// Younger than this nothing is deleted.
    #[must_use]
    pub fn shortest_days(&self) -> Option<u32> {
        self.tenant_days.values().copied().chain(self.days).min()
    }

    /// Why something is deleted, in words.
    #[must_use]
    pub fn reason(&self) -> String {
        let common = self.days.map(|days| format!("retention of {days} days"));
        let own = self.tenant_days.iter().map(|(tenant, days)| format!("{days} days for {tenant}"));
        common.into_iter().chain(own).collect::<Vec<_>>().join(", ")
    }
}

/// Reads `TENANT=DAYS`.
#[must_use]
pub fn tenant_days(text: &str) -> Option<(String, u32)> {
    let (tenant, days) = text.split_once('=')?;
    Some((tenant.to_owned(), days.parse().ok().filter(|days| *days > 0)?)).filter(|(tenant, _)| !tenant.is_empty())
}
