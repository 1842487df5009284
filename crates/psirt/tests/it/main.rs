//! The crate beside official suites and other people's data, found beside the repository; absent data is said and passed over.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "tests stop at the first surprise and say what is absent"
)]

mod advisories;
mod csaf_suite;
mod data;
mod hostile;
mod matching;
mod order;
mod purl_suite;
mod ranges;
mod sbom;
mod schemas;
mod scores;
mod vex;
