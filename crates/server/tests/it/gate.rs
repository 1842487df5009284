//! The gate over TLS on loopback: what is accepted, what is refused, and what the vault holds afterwards.
//!
//! Not the pipeline behind it. Every test has its own server, directory and devices.

mod connections;
mod device;
mod disk;
mod enrolment;
mod est;
mod failures;
mod fleet;
mod hostile;
mod quotas;
mod refusals;
mod reports;
mod wire;
mod world;
