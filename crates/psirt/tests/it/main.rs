//! The crate beside official suites and other people's data, found beside the repository; absent data is said and passed over.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "tests stop at the first surprise and say what is absent"
)]

mod data;
mod order;
mod ranges;
mod scores;
