//! What happens to the advisories that products are matched with.
//!
//! Not findings: those are events in the state.

use super::{Happening, chain};
use std::error::Error;
use std::sync::atomic::AtomicU64;
use tracing::{error, info};

/// Other advisories than before are known.
pub struct AdvisoriesOpened {
    /// How many segments they are.
    pub segments: u64,
}
happening!(AdvisoriesOpened, |it| info!(segments = it.segments, "newer advisories are known"));

/// The database of advisories cannot be opened; what was known before holds.
pub struct AdvisoriesRefused<'a> {
    /// Why.
    pub cause: &'a (dyn Error + 'static),
}
happening!(AdvisoriesRefused<'_>, |it| error!(
    cause = chain(it.cause),
    "the database of advisories cannot be opened; the one before is used"
));
