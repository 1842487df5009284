//! Private keys as files: PKCS#8 PEM, readable by their owner alone, written once and whole.
//!
//! Not a key store of an HSM or a cloud; that would be a second implementation of what [`super::Identity`] needs.
//! Invariants: a key file that exists is complete (written aside, synced, renamed); it is never overwritten; one that others
//! may read is refused rather than used. Cost: two fsyncs per new key, one read per start.

use super::IdentityError;
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey, EncodePublicKey, spki::der::pem::LineEnding};
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// The largest key or certificate file that is read.
pub(super) const KEY_FILE_BYTES_MAX: u64 = 16 * 1024;

/// Makes the directory of the keys, for its owner alone.
pub(super) fn make_directory(dir: &Path) -> Result<(), IdentityError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(|source| IdentityError::File { path: dir.into(), source })
}

/// The text of `path`, or `None` if there is no such file.
pub(super) fn read(path: &Path) -> Result<Option<String>, IdentityError> {
    let failed = |source| IdentityError::File { path: path.into(), source };
    let meta = match fs::metadata(path) {
        Ok(meta) => meta,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(failed(e)),
    };
    if meta.len() > KEY_FILE_BYTES_MAX {
        return Err(IdentityError::Unreadable { path: path.into(), reason: "too large for a key or certificate" });
    }
    fs::read_to_string(path).map(Some).map_err(failed)
}

/// The text of the private key at `path`; refused if others may read it.
pub(super) fn read_private(path: &Path) -> Result<Option<String>, IdentityError> {
    #[cfg(unix)]
    if let Ok(meta) = fs::metadata(path) {
        let mode = std::os::unix::fs::PermissionsExt::mode(&meta.permissions()) & 0o777;
        if mode & 0o077 != 0 {
            return Err(IdentityError::KeyOpenToOthers { path: path.into(), mode });
        }
    }
    read(path)
}

/// Writes `text` to the new file `path`: whole or not at all.
pub(super) fn write(path: &Path, text: &str, mode: u32) -> Result<(), IdentityError> {
    let aside = path.with_extension("new");
    write_aside(&aside, path, text, mode).map_err(|source| IdentityError::File { path: path.into(), source })
}

fn write_aside(aside: &Path, path: &Path, text: &str, mode: u32) -> std::io::Result<()> {
    if let Err(e) = fs::remove_file(aside)
        && e.kind() != ErrorKind::NotFound
    {
        return Err(e);
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let mut file = options.open(aside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(aside, path)?;
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}

/// The Ed25519 key `NAME.key` of `dir`, made on first use with its public half beside it as `NAME.pub`.
pub(super) fn signing_key(dir: &Path, name: &str) -> Result<SigningKey, IdentityError> {
    let path: PathBuf = dir.join(name).with_extension("key");
    if let Some(text) = read_private(&path)? {
        return SigningKey::from_pkcs8_pem(&text)
            .map_err(|_| IdentityError::Unreadable { path, reason: "not an Ed25519 private key in PKCS#8 PEM" });
    }
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(IdentityError::Randomness)?;
    let key = SigningKey::from_bytes(&seed);
    let public = key.verifying_key().to_public_key_pem(LineEnding::LF).map_err(|_| IdentityError::Encoding)?;
    let private = key.to_pkcs8_pem(LineEnding::LF).map_err(|_| IdentityError::Encoding)?;
    write(&dir.join(name).with_extension("pub"), &public, 0o644)?;
    write(&path, &private, 0o600)?;
    Ok(key)
}
