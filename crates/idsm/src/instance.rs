//! Who observed: the IdsM instance (an ECU) and the sensor within it.
//!
//! Not the device identity of the cloud (that is `model::DeviceId`). Invariant: the value fits its bits on the wire.

use core::fmt;

/// The number does not fit its bits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct InstanceTooLarge {
    /// The value that was given.
    pub raw: u16,
    /// The largest legal value.
    pub max: u16,
}

impl fmt::Display for InstanceTooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "instance {} exceeds the maximum {}", self.raw, self.max)
    }
}

impl core::error::Error for InstanceTooLarge {}

/// Identifies an IdsM instance within a vehicle, 10 bits.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct InstanceId(u16);

impl InstanceId {
    /// The largest instance id.
    pub const MAX: u16 = 0x3FF;

    /// An instance id from its number.
    ///
    /// # Errors
    /// [`InstanceTooLarge`] above [`Self::MAX`].
    pub const fn new(raw: u16) -> Result<Self, InstanceTooLarge> {
        if raw > Self::MAX {
            return Err(InstanceTooLarge { raw, max: Self::MAX });
        }
        Ok(Self(raw))
    }

    /// The number, 0..=1023.
    #[must_use]
    pub const fn raw(self) -> u16 {
        self.0
    }

    /// Both instances from the word that carries them.
    pub(crate) const fn split(word: u16) -> (Self, SensorInstanceId) {
        let [_, low] = word.to_be_bytes();
        (Self(word >> 6), SensorInstanceId(low & SensorInstanceId::MAX))
    }

    /// The word that carries both instances.
    pub(crate) const fn join(self, sensor: SensorInstanceId) -> u16 {
        (self.0 << 6) | sensor.0 as u16
    }
}

/// Identifies one of several sensors of the same kind under one IdsM instance, 6 bits.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SensorInstanceId(u8);

impl SensorInstanceId {
    /// The largest sensor instance id.
    pub const MAX: u8 = 0x3F;

    /// A sensor instance id from its number.
    ///
    /// # Errors
    /// [`InstanceTooLarge`] above [`Self::MAX`].
    pub const fn new(raw: u8) -> Result<Self, InstanceTooLarge> {
        if raw > Self::MAX {
            return Err(InstanceTooLarge { raw: raw as u16, max: Self::MAX as u16 });
        }
        Ok(Self(raw))
    }

    /// The number, 0..=63.
    #[must_use]
    pub const fn raw(self) -> u8 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_word_is_two_instances_and_back(word: u16) {
            let (instance, sensor) = InstanceId::split(word);
            prop_assert_eq!(instance.join(sensor), word);
            prop_assert_eq!(InstanceId::new(instance.raw()), Ok(instance));
            prop_assert_eq!(SensorInstanceId::new(sensor.raw()), Ok(sensor));
        }
    }

    #[test]
    fn a_number_that_does_not_fit_is_refused() {
        assert_eq!(InstanceId::new(0x400), Err(InstanceTooLarge { raw: 0x400, max: 0x3FF }));
        assert_eq!(SensorInstanceId::new(64), Err(InstanceTooLarge { raw: 64, max: 63 }));
    }
}
