//! The crate beside official suites and other people's data, found beside the repository; absent data is said and passed over.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "tests stop at the first surprise and say what is absent"
)]
//! Tests of the crate from outside, on official suites and real data. Where the data is absent, a test says so and passes.
#![expect(clippy::unwrap_used, reason = "a test that fails should stop there")]
#![expect(clippy::print_stdout, reason = "a test without its data says so")]

mod advisories;
mod csaf_suite;
mod data;
mod matching;
mod order;
mod purl_suite;
mod ranges;
mod sbom;
mod schemas;
mod scores;
mod hostile;
mod vex;
