//! Names of tenants, vehicles and sensors, and the identity of a device made of them.
//!
//! Not a display name. Invariant: 1 to 32 characters of `A-Z a-z 0-9 . _ -`, so a name is safe in paths, URLs and certificates.

use core::fmt;

/// Why a text is not a [`Name`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NameError {
    /// No character, or more than [`Name::LEN_MAX`].
    Length(usize),
    /// This byte is outside `A-Z a-z 0-9 . _ -`.
    Character(u8),
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length(len) => write!(f, "name of {len} characters, expected 1 to {}", Name::LEN_MAX),
            Self::Character(byte) => write!(f, "byte {byte:#04x} in name, expected A-Z a-z 0-9 . _ -"),
        }
    }
}

impl core::error::Error for NameError {}

/// A short name that is safe everywhere.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Name {
    len: u8,
    bytes: [u8; Self::LEN_MAX],
}

impl Name {
    /// The longest name, in bytes.
    pub const LEN_MAX: usize = 32;

    /// A name from its text.
    ///
    /// # Errors
    /// [`NameError`] naming the length or the byte.
    pub fn new(text: &str) -> Result<Self, NameError> {
        let length = NameError::Length(text.len());
        let len = u8::try_from(text.len()).map_err(|_| length)?;
        if let Some(bad) = text.bytes().find(|b| !(b.is_ascii_alphanumeric() || b"._-".contains(b))) {
            return Err(NameError::Character(bad));
        }
        let mut bytes = [0; Self::LEN_MAX];
        bytes.get_mut(..text.len()).filter(|room| !room.is_empty()).ok_or(length)?.copy_from_slice(text.as_bytes());
        Ok(Self { len, bytes })
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.bytes.get(..usize::from(self.len)).and_then(|b| core::str::from_utf8(b).ok()).unwrap_or("")
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

impl core::str::FromStr for Name {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::new(text)
    }
}

/// Who speaks: one sensor in one vehicle of one tenant. Written `tenant/vehicle/sensor`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct DeviceId {
    /// Whose fleet.
    pub tenant: Name,
    /// Which vehicle; a pseudonym, never a VIN in clear.
    pub vehicle: Name,
    /// Which sensor of the vehicle.
    pub sensor: Name,
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.tenant, self.vehicle, self.sensor)
    }
}

impl core::str::FromStr for DeviceId {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        let mut parts = text.splitn(3, '/');
        let mut next = || Name::new(parts.next().unwrap_or(""));
        Ok(Self { tenant: next()?, vehicle: next()?, sensor: next()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_name_is_its_text_or_a_reason(text in ".{0,40}") {
            match text.parse::<Name>() {
                Ok(name) => prop_assert_eq!(name.as_str(), text),
                Err(NameError::Length(len)) => prop_assert!(len == 0 || len > Name::LEN_MAX),
                Err(NameError::Character(byte)) => prop_assert!(!byte.is_ascii_alphanumeric()),
            }
        }
    }

    #[test]
    fn a_device_is_written_as_tenant_vehicle_sensor() {
        let device: Result<DeviceId, _> = "acme/kona-0001/cgw".parse();
        assert_eq!(device.map(|d| d.vehicle.as_str().len()), Ok(9));
        assert_eq!("acme/kona".parse::<DeviceId>(), Err(NameError::Length(0)));
        assert_eq!("a/b/c/d".parse::<DeviceId>(), Err(NameError::Character(b'/')));
    }
}
