//! SQL over the lake's tables and the rows that are not in them yet.
//!
//! Not the fixed questions of the hot path (those are `store`'s own scans).
