//! Questions in SQL over a real lake: answers, limits, and that a tenant never sees another's rows.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly; clippy sees tests/ as ordinary code")]

mod answers;
mod refusals;
mod rows;
mod tenants;
