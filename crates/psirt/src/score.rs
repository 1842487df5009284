//! How bad, and how soon: CVSS, EPSS, KEV and SSVC.
//!
//! Not a policy: which score moves whom is decided by decision tables, which are data. Scores of several sources stay side by side.

pub mod cvss;
pub mod decide;
pub mod epss;
pub mod kev;
pub mod ssvc;

mod cve;

pub use cve::CveId;
