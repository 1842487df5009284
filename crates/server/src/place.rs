//! Where a record is outside its vault: partition and position in one number.
//!
//! Not a position: only a vault speaks of those. Invariant: `place = partition << 48 | position`, so that a place of partition 0 is
//! the plain position (a single node has that partition alone), places of one partition sort as its positions do, and every place
//! fits a signed 64-bit column.

/// How many bits of a place are the position.
const POSITION_BITS: u32 = 48;
const POSITION_MASK: u64 = (1 << POSITION_BITS) - 1;

/// The largest number that a partition of the log can have, so that a place is not negative as a signed number.
pub const PARTITION_MAX: u16 = (1 << 15) - 1;

/// The place of the record at `position` of `partition`.
#[must_use]
pub const fn place(partition: u16, position: u64) -> u64 {
    ((partition as u64) << POSITION_BITS) | (position & POSITION_MASK)
}

/// The partition of a place.
#[must_use]
pub const fn partition_of(place: u64) -> u16 {
    (place >> POSITION_BITS) as u16
}

/// The position of a place in the vault of its partition.
#[must_use]
pub const fn position_of(place: u64) -> u64 {
    place & POSITION_MASK
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_place_of_partition_0_is_the_plain_position() {
        assert_eq!(place(0, 17), 17);
    }

    proptest! {
        #[test]
        fn a_place_names_partition_and_position_and_is_never_negative(partition in 0..=PARTITION_MAX, position in 0..=POSITION_MASK) {
            let at = place(partition, position);
            prop_assert_eq!((partition_of(at), position_of(at)), (partition, position));
            prop_assert!(i64::try_from(at).is_ok());
        }
    }
}
