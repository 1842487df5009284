//! Products in the server: which advisories there are, what they say of an SBOM, which decisions hold, and who keeps that true (ADR-0041).
//!
//! Not the matching library (`yagura_psirt`) and not the rows (`state::products`).

mod keeper;
mod knowledge;
mod matching;
mod ruling;
#[cfg(test)]
mod tests;
mod words;

pub(crate) use keeper::Keeper;
pub use knowledge::{Knowledge, Known};
pub use matching::{ANOMALIES_MAX, COMPONENTS_MAX, Found, Kept, MatchError, Matched, Said, match_sbom};
pub use ruling::{FindingState, Held, Subjected, hold, status_code, status_of, versions};
