//! CAN identifiers: 11-bit standard and 29-bit extended (ISO 11898-1).
//!
//! Not a filter and not a J1939 PGN. Invariant: the raw value fits its width. Order: standard before extended, then by value.

use core::fmt;

/// The raw value does not fit the identifier's width.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct IdTooLarge {
    /// The value that was given.
    pub raw: u32,
    /// The largest legal value.
    pub max: u32,
}

impl fmt::Display for IdTooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "identifier {:#x} exceeds the maximum {:#x}", self.raw, self.max)
    }
}

impl core::error::Error for IdTooLarge {}

/// An 11-bit CAN identifier.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct StandardId(u16);

impl StandardId {
    /// The largest standard identifier.
    pub const MAX: u16 = 0x7FF;

    /// An identifier from its raw value.
    ///
    /// # Errors
    /// [`IdTooLarge`] above [`Self::MAX`].
    pub const fn new(raw: u16) -> Result<Self, IdTooLarge> {
        if raw > Self::MAX {
            return Err(IdTooLarge { raw: raw as u32, max: Self::MAX as u32 });
        }
        Ok(Self(raw))
    }

    /// The raw value, 0..=0x7FF.
    #[must_use]
    pub const fn raw(self) -> u16 {
        self.0
    }
}

/// A 29-bit CAN identifier.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ExtendedId(u32);

impl ExtendedId {
    /// The largest extended identifier.
    pub const MAX: u32 = 0x1FFF_FFFF;

    /// An identifier from its raw value.
    ///
    /// # Errors
    /// [`IdTooLarge`] above [`Self::MAX`].
    pub const fn new(raw: u32) -> Result<Self, IdTooLarge> {
        if raw > Self::MAX {
            return Err(IdTooLarge { raw, max: Self::MAX });
        }
        Ok(Self(raw))
    }

    /// The raw value, 0..=0x1FFF_FFFF.
    #[must_use]
    pub const fn raw(self) -> u32 {
        self.0
    }
}

/// A CAN identifier of either width.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum CanId {
    /// 11 bits.
    Standard(StandardId),
    /// 29 bits.
    Extended(ExtendedId),
}

impl CanId {
    /// The identifier that wins every arbitration: 0 with 11 bits.
    pub const LOWEST: Self = Self::Standard(StandardId(0));

    /// The bit that marks an extended identifier in a [key](Self::key), as in Linux's `CAN_EFF_FLAG`.
    pub const EXTENDED_BIT: u32 = 0x8000_0000;

    /// The raw value without its width.
    #[must_use]
    pub const fn raw(self) -> u32 {
        match self {
            Self::Standard(id) => id.raw() as u32,
            Self::Extended(id) => id.raw(),
        }
    }

    /// Value and width in one word: the raw value, with [`Self::EXTENDED_BIT`] for 29 bits. Unique per identifier.
    #[must_use]
    pub const fn key(self) -> u32 {
        match self {
            Self::Standard(id) => id.raw() as u32,
            Self::Extended(id) => id.raw() | Self::EXTENDED_BIT,
        }
    }

    /// The inverse of [`Self::key`].
    ///
    /// # Errors
    /// [`IdTooLarge`] if the value does not fit the width that its top bit names.
    pub const fn from_key(key: u32) -> Result<Self, IdTooLarge> {
        if key & Self::EXTENDED_BIT != 0 {
            match ExtendedId::new(key & !Self::EXTENDED_BIT) {
                Ok(id) => Ok(Self::Extended(id)),
                Err(e) => Err(e),
            }
        } else if key > StandardId::MAX as u32 {
            Err(IdTooLarge { raw: key, max: StandardId::MAX as u32 })
        } else {
            Ok(Self::Standard(StandardId(key as u16)))
        }
    }
}

impl fmt::Display for CanId {
    /// Three hexadecimal digits for standard, eight for extended, as candump writes them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Standard(id) => write!(f, "{:03X}", id.raw()),
            Self::Extended(id) => write!(f, "{:08X}", id.raw()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_key_comes_back_as_the_identifier_it_was_made_from(key: u32) {
            match CanId::from_key(key) {
                Ok(id) => prop_assert_eq!(id.key(), key),
                Err(e) => prop_assert!(e.raw > e.max),
            }
        }
    }
}
