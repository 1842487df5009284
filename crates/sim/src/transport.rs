//! How a vehicle's reports reach the gate, whatever carries them.
//!
//! Not the protocol (that is `link`). A transport takes bytes and says what became of them; it never retries, because
//! the uplink does. Invariant: [`Answer::Lost`] says nothing about whether the report arrived.

use std::future::Future;
use std::pin::Pin;
use yagura_link::Resume;

/// A call under way.
pub type Call<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What became of a report.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Answer {
    /// The gate has it; these are the receipt's bytes, not verified yet.
    Receipt(Vec<u8>),
    /// The gate refuses it for good.
    Refused(String),
    /// The gate asks to come again later.
    Busy {
        /// In so many µs; 0 if it does not say.
        retry_after_micros: u64,
    },
    /// Nobody knows.
    Lost(String),
}

/// Where the gate says that the device stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Standing {
    /// After this report; `None` if it never had one of this device.
    At(Option<Resume>),
    /// The gate asks to come again later.
    Busy {
        /// In so many µs; 0 if it does not say.
        retry_after_micros: u64,
    },
    /// Nobody knows.
    Lost(String),
}

/// A way to the gate.
pub trait Transport: Send + Sync + 'static {
    /// Sends one report; `unix_micros` is the device's own wall clock at this instant.
    fn send(&self, report: Vec<u8>, unix_micros: i64) -> Call<Answer>;
    /// Asks where the device stands.
    fn resume(&self) -> Call<Standing>;
}
