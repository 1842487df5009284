//! COSE_Sign1 (RFC 9052) in the one form that the link uses: Ed25519, content type in the protected header, nothing else.
//!
//! Not a COSE library. Protected header `{1: -19, 3: content type}` (algorithm Ed25519 of RFC 9864), empty unprotected header,
//! no external data. Content types differ, so a receipt can never pass as a report. Signing is deterministic (RFC 8032).

use crate::cbor::{Reader, Writer};
use crate::error::{Flaw, OpenError};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

const COSE_SIGN1_TAG: u64 = 18;
/// `d2 84`, protected header, `a0`, head of the payload, signature with its head: never more than this beside the payload.
const FRAMING_BYTES_MAX: usize = 128;

/// What is signed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Content {
    Report,
    Receipt,
}

impl Content {
    /// The protected header as bytes: a map of algorithm and content type.
    const fn protected(self) -> &'static [u8] {
        match self {
            Self::Report => b"\xa2\x01\x32\x03\x78\x1dapplication/vnd.yagura.report",
            Self::Receipt => b"\xa2\x01\x32\x03\x78\x1eapplication/vnd.yagura.receipt",
        }
    }

    const fn expected(self) -> &'static str {
        match self {
            Self::Report => "protected header {1: -19, 3: \"application/vnd.yagura.report\"}",
            Self::Receipt => "protected header {1: -19, 3: \"application/vnd.yagura.receipt\"}",
        }
    }
}

/// Signs `payload` and frames it.
pub(crate) fn sign(content: Content, payload: &[u8], key: &SigningKey) -> Vec<u8> {
    let signature = key.sign(&to_be_signed(content, payload));
    let mut out = Vec::with_capacity(payload.len().saturating_add(FRAMING_BYTES_MAX));
    let mut writer = Writer(&mut out);
    writer.tag(COSE_SIGN1_TAG);
    writer.array(4);
    writer.bytes(content.protected());
    writer.map(0);
    writer.bytes(payload);
    writer.bytes(&signature.to_bytes());
    out
}

/// A framed payload whose signature was not looked at yet.
pub(crate) struct Unverified<'a> {
    content: Content,
    /// What is said to be signed.
    pub(crate) payload: &'a [u8],
    signature: [u8; 64],
}

impl<'a> Unverified<'a> {
    /// Reads the frame; the second value reads the payload and names errors by their place in the whole.
    pub(crate) fn read(content: Content, bytes: &'a [u8]) -> Result<(Self, Reader<'a>), OpenError> {
        let mut reader = Reader::new(bytes);
        reader.tag(COSE_SIGN1_TAG, "tag 18 (COSE_Sign1)")?;
        reader.array_of(4, "array of 4 (COSE_Sign1)")?;
        let flaw = reader.flaw(Flaw::Expected(content.expected()));
        if reader.bytes(content.expected())? != content.protected() {
            return Err(flaw);
        }
        reader.map_of(0, "empty unprotected header")?;
        let payload = reader.bytes("payload")?;
        let inner = reader.within(payload);
        let signature = reader.bytes_of::<64>("signature of 64 bytes")?;
        reader.end()?;
        Ok((Self { content, payload, signature }, inner))
    }

    pub(crate) fn verify(&self, key: &VerifyingKey) -> Result<(), OpenError> {
        let signed = to_be_signed(self.content, self.payload);
        key.verify_strict(&signed, &Signature::from_bytes(&self.signature)).map_err(|_| OpenError::BadSignature)
    }
}

/// The `Sig_structure` of RFC 9052 §4.4.
fn to_be_signed(content: Content, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len().saturating_add(FRAMING_BYTES_MAX));
    let mut writer = Writer(&mut out);
    writer.array(4);
    writer.text("Signature1");
    writer.bytes(content.protected());
    writer.bytes(&[]);
    writer.bytes(payload);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use coset::{CborSerializable, CoseSign1, TaggedCborSerializable};
    use coset::{CoseSign1Builder, HeaderBuilder, iana};

    fn key() -> SigningKey {
        SigningKey::from_bytes(&[7; 32])
    }

    #[test]
    fn coset_reads_and_verifies_what_we_sign() {
        for content in [Content::Report, Content::Receipt] {
            let bytes = sign(content, b"payload", &key());
            let parsed = CoseSign1::from_tagged_slice(&bytes).expect("COSE_Sign1");
            let alg = coset::RegisteredLabelWithPrivate::Assigned(iana::Algorithm::Ed25519);
            assert_eq!(parsed.protected.header.alg, Some(alg));
            assert!(parsed.protected.header.content_type.is_some());
            let verified = parsed.verify_signature(&[], |signature, signed| {
                let signature = Signature::from_slice(signature).expect("64 bytes");
                key().verifying_key().verify_strict(signed, &signature)
            });
            assert!(verified.is_ok());
        }
    }

    #[test]
    fn we_read_and_verify_what_coset_signs() {
        let protected = HeaderBuilder::new()
            .algorithm(iana::Algorithm::Ed25519)
            .content_type("application/vnd.yagura.report".to_owned())
            .build();
        let built = CoseSign1Builder::new()
            .protected(protected)
            .payload(b"payload".to_vec())
            .create_signature(&[], |signed| key().sign(signed).to_bytes().to_vec())
            .build();
        let bytes = built.clone().to_tagged_vec().expect("CBOR");
        assert_eq!(bytes, sign(Content::Report, b"payload", &key()), "both write the same bytes");
        let (unverified, _) = Unverified::read(Content::Report, &bytes).expect("our form");
        assert_eq!(unverified.payload, b"payload");
        assert_eq!(unverified.verify(&key().verifying_key()), Ok(()));

        let untagged = built.to_vec().expect("CBOR");
        assert!(Unverified::read(Content::Report, &untagged).is_err(), "the tag is part of the form");
    }

    #[test]
    fn a_receipt_does_not_pass_as_a_report_and_a_changed_byte_does_not_verify() {
        let mut bytes = sign(Content::Receipt, b"payload", &key());
        assert!(Unverified::read(Content::Report, &bytes).is_err());
        let at = bytes.len() - 70;
        bytes[at] ^= 1;
        let (unverified, _) = Unverified::read(Content::Receipt, &bytes).expect("the frame is whole");
        assert_eq!(unverified.verify(&key().verifying_key()), Err(OpenError::BadSignature));
    }
}
