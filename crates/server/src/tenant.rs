//! Whose data: the key of everything that is asked of the state, the vault and the lake.
//!
//! Not a name that a request may choose: a tenant comes from a session, a device certificate or the operator's settings.
//! Invariant (DESIGN 6): no default, no conversion from text; a query that forgets its tenant does not compile.

use std::fmt;
use yagura_model::{DeviceId, Name};

/// Whose data.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Tenant(Name);

impl Tenant {
    /// The tenant that the operator's settings or a row of the state name.
    #[must_use]
    pub const fn named(name: Name) -> Self {
        Self(name)
    }

    /// The tenant of a device.
    #[must_use]
    pub const fn of(device: &DeviceId) -> Self {
        Self(device.tenant)
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> Name {
        self.0
    }

    /// Its name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
