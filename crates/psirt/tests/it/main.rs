//! Tests of the crate from outside, on official suites and real data. Where the data is absent, a test says so and passes.
#![expect(clippy::unwrap_used, reason = "a test that fails should stop there")]
#![expect(clippy::print_stdout, reason = "a test without its data says so")]

mod advisories;
mod csaf_suite;
mod data;
mod hostile;
mod vex;
