//! Signed checkpoints: C2SP signed-note (Ed25519) over a C2SP tlog-checkpoint.
//!
//! Not a witness: cosignatures of others are skipped. Invariant: a checkpoint that opens was signed by the given key over
//! exactly these bytes. Format: docs/format/vault.md.

use super::tree::Digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};
use std::fmt;

/// The most bytes of a checkpoint that are read: room for 16 signatures and more.
pub(crate) const NOTE_BYTES_MAX: usize = 128 << 10;
/// Signature type of plain Ed25519.
const ED25519: u8 = 0x01;

/// What a checkpoint says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Checkpoint {
    /// The log's name.
    pub origin: String,
    /// How many records it covers.
    pub size: u64,
    /// Root of the Merkle tree over them.
    pub root: Digest,
}

/// Why a text is not a checkpoint signed by the given key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum NoteError {
    /// It is not a signed note with an origin, a size and a root.
    Malformed,
    /// No signature is by this key.
    UnknownKey,
    /// The signature by this key does not hold.
    Signature,
}

impl fmt::Display for NoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "not a signed checkpoint",
            Self::UnknownKey => "no signature by the given key",
            Self::Signature => "the signature does not hold",
        })
    }
}

impl std::error::Error for NoteError {}

/// Whether this text can name a key: not empty, no white space, no `+`, no control character.
pub(crate) fn is_key_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+')
}

fn key_id(name: &str, key: &VerifyingKey) -> [u8; 4] {
    let hash = Sha256::new().chain_update(name).chain_update([b'\n', ED25519]).chain_update(key.as_bytes()).finalize();
    let mut id = [0; 4];
    id.copy_from_slice(&hash[..4]);
    id
}

/// The key as the note tools write it: `name+id+base64(type, key)`. Give this to whoever shall verify the vault.
#[must_use]
pub fn verifier_key(origin: &str, key: &VerifyingKey) -> String {
    let mut typed = vec![ED25519];
    typed.extend_from_slice(key.as_bytes());
    let id = u32::from_be_bytes(key_id(origin, key));
    format!("{origin}+{id:08x}+{}", STANDARD.encode(typed))
}

/// The name and the key in a text as [`verifier_key`] writes it.
#[must_use]
pub fn open_verifier_key(text: &str) -> Option<(&str, VerifyingKey)> {
    let mut parts = text.splitn(3, '+');
    let (name, id, typed) = (parts.next()?, parts.next()?, parts.next()?);
    let typed = STANDARD.decode(typed).ok()?;
    let (ED25519, bytes) = typed.split_first().map(|(kind, bytes)| (*kind, bytes))? else { return None };
    let key = VerifyingKey::from_bytes(bytes.try_into().ok()?).ok()?;
    let known = is_key_name(name) && format!("{:08x}", u32::from_be_bytes(key_id(name, &key))) == id;
    known.then_some((name, key))
}

/// A text as a note signed by `key` under `name`. The text ends with a newline and has no empty line.
#[must_use]
pub fn sign_text(text: &str, name: &str, key: &SigningKey) -> String {
    let mut blob = key_id(name, &key.verifying_key()).to_vec();
    blob.extend_from_slice(&key.sign(text.as_bytes()).to_bytes());
    format!("{text}\n\u{2014} {name} {}\n", STANDARD.encode(blob))
}

/// The text of a note that `key` signed under `name`.
///
/// # Errors
/// [`NoteError`]: not a note, or not by this key.
pub fn open_text<'a>(note: &'a str, name: &str, key: &VerifyingKey) -> Result<&'a str, NoteError> {
    if note.len() > NOTE_BYTES_MAX || note.chars().any(|c| c < ' ' && c != '\n') {
        return Err(NoteError::Malformed);
    }
    let end = note.rfind("\n\n").ok_or(NoteError::Malformed)?;
    let (text, signatures) = note.split_at(end + 1);
    let signatures = signatures.strip_prefix('\n').and_then(|s| s.strip_suffix('\n')).ok_or(NoteError::Malformed)?;
    let known = (name, key_id(name, key));
    let mut found = Err(NoteError::UnknownKey);
    for line in signatures.split('\n') {
        let (name, id, signature) = parse_signature(line).ok_or(NoteError::Malformed)?;
        if (name, id) == known {
            let signature = Signature::from_slice(&signature).map_err(|_| NoteError::Signature)?;
            key.verify_strict(text.as_bytes(), &signature).map_err(|_| NoteError::Signature)?;
            found = Ok(());
        }
    }
    found.map(|()| text)
}

impl Checkpoint {
    /// The checkpoint as a note signed by `key`.
    #[must_use]
    pub(crate) fn sign(&self, key: &SigningKey) -> String {
        let text = format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root.0));
        sign_text(&text, &self.origin, key)
    }
}

/// Reads a checkpoint and checks that `key` signed it under the name of its origin.
///
/// # Errors
/// [`NoteError`]: not a checkpoint, or not by this key.
pub fn open_checkpoint(note: &str, key: &VerifyingKey) -> Result<Checkpoint, NoteError> {
    let text = note.rfind("\n\n").and_then(|end| note.get(..=end)).ok_or(NoteError::Malformed)?;
    let checkpoint = parse_text(text).ok_or(NoteError::Malformed)?;
    open_text(note, &checkpoint.origin, key)?;
    Ok(checkpoint)
}

fn parse_text(text: &str) -> Option<Checkpoint> {
    let mut lines = text.strip_suffix('\n')?.split('\n');
    let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
    // Extension lines may follow, none may be empty.
    if origin.is_empty() || lines.any(str::is_empty) {
        return None;
    }
    let canonical = size.bytes().all(|b| b.is_ascii_digit()) && (size == "0" || !size.starts_with('0'));
    let size = size.parse().ok().filter(|_| canonical)?;
    let root = STANDARD.decode(root).ok()?;
    Some(Checkpoint { origin: origin.to_owned(), size, root: Digest(root.try_into().ok()?) })
}

fn parse_signature(line: &str) -> Option<(&str, [u8; 4], Vec<u8>)> {
    let (name, blob) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
    let blob = STANDARD.decode(blob).ok()?;
    let (id, signature) = blob.split_first_chunk::<4>()?;
    is_key_name(name).then(|| (name, *id, signature.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn signed() -> (SigningKey, String) {
        let key = SigningKey::from_bytes(&[7; 32]);
        let checkpoint = Checkpoint { origin: "yagura.example/vault".to_owned(), size: 70_000, root: Digest([9; 32]) };
        let note = checkpoint.sign(&key);
        (key, note)
    }

    #[test]
    fn a_checkpoint_is_a_signed_note() {
        let (key, note) = signed();
        expect![[r#"
            yagura.example/vault
            70000
            CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=

            — yagura.example/vault 2ICmz8XsxLTMLdd/vc095lVWX+UIBBTlHaBI3GrlUUOij3DeZ3JfM87V+s5/flsmpBIRDoYkadq9GU89mZczMz7emQ0=
        "#]].assert_eq(&note);
        expect!["yagura.example/vault+d880a6cf+AepKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs"]
            .assert_eq(&verifier_key("yagura.example/vault", &key.verifying_key()));
        assert_eq!(open_checkpoint(&note, &key.verifying_key()).map(|c| c.size), Ok(70_000));
    }

    #[test]
    fn the_note_of_another_log_is_read_by_its_own_key_id() {
        // The example of the signed-note specification's key id rule: same key, other name, other id.
        let key = SigningKey::from_bytes(&[7; 32]).verifying_key();
        assert_ne!(key_id("a", &key), key_id("b", &key));
    }

    #[test]
    fn any_flipped_bit_is_refused() {
        let (key, note) = signed();
        for at in 0..note.len() {
            for bit in 0..8 {
                let mut bytes = note.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                let Ok(changed) = String::from_utf8(bytes) else { continue };
                assert!(open_checkpoint(&changed, &key.verifying_key()).is_err(), "byte {at} bit {bit}");
            }
        }
    }

    #[test]
    fn signatures_of_strangers_are_skipped() {
        let (key, note) = signed();
        let stranger = "\u{2014} witness.example AAAAAAAA\n";
        assert!(open_checkpoint(&format!("{note}{stranger}"), &key.verifying_key()).is_ok());
        let other = SigningKey::from_bytes(&[8; 32]).verifying_key();
        assert_eq!(open_checkpoint(&note, &other), Err(NoteError::UnknownKey));
    }
}
