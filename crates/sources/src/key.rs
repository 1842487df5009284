//! The key that verifies a foreign sensor's messages.
//!
//! Not a certificate and no trust decision: whoever wrote the source's file decided. Ed25519 (RFC 8032) and ECDSA over P-256 with
//! SHA-256, signature as r ‖ s, are what makers use. Invariant: a [`SourceKey`] has the length of its algorithm. Cost: ~40 µs (Ed25519),
//! ~65 µs (P-256) a message.

use ed25519_dalek::{Signature, VerifyingKey};
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

/// How messages are signed.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Algorithm {
    /// RFC 8032; key of 32 bytes.
    Ed25519,
    /// P-256 with SHA-256; key of 65 bytes (0x04 ‖ x ‖ y), signature of 64.
    EcdsaP256,
}

impl Algorithm {
    /// Its name in sources files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::EcdsaP256 => "ecdsa-p256-sha256",
        }
    }

    /// The algorithm of this name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        [Self::Ed25519, Self::EcdsaP256].into_iter().find(|algorithm| algorithm.name() == name)
    }
}

/// Why bytes are not a key.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// No such algorithm.
    #[error("algorithm {0:?}, expected ed25519 or ecdsa-p256-sha256")]
    Algorithm(String),
    /// Not an even number of hexadecimal digits.
    #[error("key is not hexadecimal")]
    Hexadecimal,
    /// Not a key of this algorithm.
    #[error("{} bytes are no {} key", .len, .algorithm.name())]
    Key {
        /// Which algorithm.
        algorithm: Algorithm,
        /// How many bytes there are.
        len: usize,
    },
}

/// A key that verifies messages.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SourceKey {
    algorithm: Algorithm,
    bytes: Vec<u8>,
}

impl SourceKey {
    /// A key of its bytes.
    ///
    /// # Errors
    /// [`KeyError::Key`]
    pub fn new(algorithm: Algorithm, bytes: &[u8]) -> Result<Self, KeyError> {
        let legal = match algorithm {
            Algorithm::Ed25519 => <&[u8; 32]>::try_from(bytes).is_ok_and(|key| VerifyingKey::from_bytes(key).is_ok()),
            Algorithm::EcdsaP256 => bytes.len() == 65 && bytes.first() == Some(&4),
        };
        let error = KeyError::Key { algorithm, len: bytes.len() };
        if legal { Ok(Self { algorithm, bytes: bytes.to_vec() }) } else { Err(error) }
    }

    /// A key as a sources file writes it: `ed25519:HEX` or `ecdsa-p256-sha256:HEX`.
    ///
    /// # Errors
    /// [`KeyError`]
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let (name, digits) = text.split_once(':').unwrap_or((text, ""));
        let algorithm = Algorithm::of(name).ok_or_else(|| KeyError::Algorithm(name.to_owned()))?;
        let bytes = from_hex(digits).ok_or(KeyError::Hexadecimal)?;
        Self::new(algorithm, &bytes)
    }

    /// How it verifies.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether this key made the signature over these bytes.
    #[must_use]
    pub fn verifies(&self, signed: &[u8], signature: &[u8]) -> bool {
        match self.algorithm {
            Algorithm::Ed25519 => {
                let key =
                    <&[u8; 32]>::try_from(self.bytes.as_slice()).ok().and_then(|k| VerifyingKey::from_bytes(k).ok());
                let signature = Signature::from_slice(signature).ok();
                key.zip(signature).is_some_and(|(key, signature)| key.verify_strict(signed, &signature).is_ok())
            }
            Algorithm::EcdsaP256 => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &self.bytes).verify(signed, signature).is_ok()
            }
        }
    }
}

/// Bytes from hexadecimal digits of either case.
pub(crate) fn from_hex(digits: &str) -> Option<Vec<u8>> {
    if digits.is_empty() || !digits.len().is_multiple_of(2) || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let pairs = digits.as_bytes().chunks_exact(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::{Signer, SigningKey};
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn both_algorithms_verify_what_was_signed_and_nothing_else() {
        let ours = SigningKey::from_bytes(&[3; 32]);
        let key = SourceKey::parse(&format!("ed25519:{}", hex(ours.verifying_key().as_bytes()))).unwrap();
        let signature = ours.sign(b"message").to_bytes();
        assert!(key.verifies(b"message", &signature) && !key.verifies(b"massage", &signature));
        assert!(!key.verifies(b"message", &signature[..63]));

        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).unwrap();
        let key = SourceKey::parse(&format!("ecdsa-p256-sha256:{}", hex(pair.public_key().as_ref()))).unwrap();
        let signature = pair.sign(&random, b"message").unwrap();
        assert!(key.verifies(b"message", signature.as_ref()) && !key.verifies(b"massage", signature.as_ref()));
    }

    #[test]
    fn what_is_no_key_says_why() {
        let all = ["rsa:00", "ed25519:0g", "ed25519:00", "ecdsa-p256-sha256:00"]
            .map(|text| SourceKey::parse(text).map(|_| ()).unwrap_err().to_string());
        expect_test::expect![[r#"
            algorithm "rsa", expected ed25519 or ecdsa-p256-sha256
            key is not hexadecimal
            1 bytes are no ed25519 key
            1 bytes are no ecdsa-p256-sha256 key"#]]
        .assert_eq(&all.join("\n"));
    }
}
