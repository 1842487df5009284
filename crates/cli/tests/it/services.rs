//! What needs real servers beside ours: several processes as one cluster.
//!
//! `scripts/services start kafka postgres` gives them; without them a test says so and ends, except in CI.

mod cluster;
mod cluster_api;
mod cluster_world;

/// The address of a service; without it the test says so and ends, except in CI.
fn service(variable: &str, name: &str) -> Option<String> {
    let found = std::env::var(variable).ok();
    if found.is_none() {
        assert!(std::env::var("YAGURA_TEST_SERVICES").is_err(), "{variable} is not set");
        println!("skipped: {variable} is not set (scripts/services start {name})");
    }
    found
}
