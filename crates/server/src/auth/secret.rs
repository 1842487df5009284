//! Random secrets and the hashes under which they are kept.
//!
//! Not passwords: 256 random bits need no slow hash. Invariants: a secret is never kept, only its SHA-256; neither prints its
//! content in a debug line.

use sha2::{Digest, Sha256};
use std::fmt;

/// The operating system gives no random bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the operating system gives no random bytes")]
pub struct NoRandomness;

/// 256 random bits, written as 64 hexadecimal digits.
pub struct Secret([u8; 32]);

impl Secret {
    /// A new secret.
    ///
    /// # Errors
    /// [`NoRandomness`]
    pub fn random() -> Result<Self, NoRandomness> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|_| NoRandomness)?;
        Ok(Self(bytes))
    }

    /// As it is given to its holder.
    #[must_use]
    pub fn to_text(&self) -> String {
        hex(&self.0)
    }

    /// Under which it is kept.
    #[must_use]
    pub fn hash(&self) -> SecretHash {
        SecretHash::of(&self.to_text())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// SHA-256 of a secret's text.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    /// The hash of what somebody presents, whatever it is.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }

    /// The hash.
    #[must_use]
    pub const fn as_slice(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(..)")
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_differ_and_hash_by_their_text() {
        let (a, b) = (Secret::random().unwrap(), Secret::random().unwrap());
        assert_ne!(a.to_text(), b.to_text());
        assert_eq!(a.hash(), SecretHash::of(&a.to_text()));
        assert_eq!(a.to_text().len(), 64);
        assert_eq!(format!("{a:?}{:?}", a.hash()), "Secret(..)SecretHash(..)");
    }
}
