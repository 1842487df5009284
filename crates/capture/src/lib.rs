//! Log formats of the CAN world, in and out.
