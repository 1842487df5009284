//! The name of a device inside a certificate: `urn:yagura:device:TENANT:VEHICLE:SENSOR` as a subject alternative name.
//!
//! Not a display name and not a certificate. Invariant: a URN and a [`DeviceId`] map to each other one to one, because no
//! [`Name`] contains a colon. See ADR-0011.

use yagura_model::{DeviceId, Name};

/// What every device URN starts with.
const PREFIX: &str = "urn:yagura:device:";

/// The URN of `device`.
#[must_use]
pub fn device_urn(device: &DeviceId) -> String {
    format!("{PREFIX}{}:{}:{}", device.tenant, device.vehicle, device.sensor)
}

/// The device that `urn` names; `None` if it is no device URN.
#[must_use]
pub fn device_of_urn(urn: &str) -> Option<DeviceId> {
    let mut parts = urn.strip_prefix(PREFIX)?.split(':').map(Name::new);
    let (tenant, vehicle, sensor) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    Some(DeviceId { tenant: tenant.ok()?, vehicle: vehicle.ok()?, sensor: sensor.ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_device_comes_back_from_its_urn(text in "[A-Za-z0-9._-]{1,32}/[A-Za-z0-9._-]{1,32}/[A-Za-z0-9._-]{1,32}") {
            let device: DeviceId = text.parse().unwrap();
            prop_assert_eq!(device_of_urn(&device_urn(&device)), Some(device));
        }

        #[test]
        fn a_text_is_the_urn_of_its_device_or_of_none(text in "(urn:yagura:device:)?[a-c:/]{0,12}") {
            if let Some(device) = device_of_urn(&text) {
                prop_assert_eq!(device_urn(&device), text);
            }
        }
    }
}
