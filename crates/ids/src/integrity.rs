//! What an identifier's own data proves: checksums.
//!
//! Not the meaning of signals. Rows come from learning or a specification; an identifier without rows is not judged.

mod checksum;

pub use checksum::{Algorithm, ChecksumRow};
