//! Who the server is and how devices prove who they are: the device CA, the gate's TLS certificate, the keys that sign
//! receipts and checkpoints.
//!
//! Not who may do what (people's sign-in is `auth`) and not which devices exist (that is the gate's `Registry`).
//! Invariants: keys are made once and never leave their directory; the gate's TLS key lives in memory only and is new at each
//! start; the only thing a certificate request decides is the key. Cost: ~1 ms at start, ~100 µs an enrolment. See ADR-0011.

mod authority;
mod certificate;
mod keys;
mod name;
mod pkcs7;
mod request;

pub use authority::{
    Authority, BACKDATE, DEVICE_VALIDITY, IssuedCertificate, ROOT_VALIDITY, SERVER_VALIDITY, ServerCertificate,
};
pub use certificate::{CERTIFICATE_BYTES_MAX, CertificateError, DeviceCertificate, Fingerprint, pem_of};
pub use name::{device_of_urn, device_urn};
pub use pkcs7::certs_only;
pub use request::{EnrolmentRequest, REQUEST_BYTES_MAX, RequestError};

use ed25519_dalek::SigningKey;
use std::path::{Path, PathBuf};
use yagura_model::UnixMicros;

/// Names under which the gate is always reachable.
pub const LOOPBACK_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Why the server has no identity to start with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// A file or directory cannot be read or written.
    #[error("cannot use {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A key or certificate file does not hold what its name says.
    #[error("{}: {reason}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A private key that other users of the machine may read.
    #[error("{} has mode {mode:03o}, others may use this key; run chmod 600 on it", path.display())]
    KeyOpenToOthers {
        /// Which.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The root certificate is there but its key is not: a new key would orphan every enrolled device.
    #[error("{} is missing, but {} needs it; restore it from the backup", path.display(), certificate.display())]
    KeyMissing {
        /// The key file that should be there.
        path: PathBuf,
        /// The certificate that was found.
        certificate: PathBuf,
    },
    /// The certificate library refused, for example a name that cannot stand in a certificate.
    #[error("cannot make a certificate")]
    Certificate(#[from] rcgen::Error),
    /// The system gives no random numbers.
    #[error("no random numbers from the system: {0}")]
    Randomness(getrandom::Error),
    /// The instant cannot be written in a certificate.
    #[error("the clock shows an instant that no certificate can hold")]
    Instant,
    /// A key or certificate just made cannot be written down.
    #[error("cannot encode a key or certificate")]
    Encoding,
}

/// Where the identity is kept and what the gate is called.
#[derive(Clone, Debug)]
pub struct IdentityOptions {
    /// Directory of keys and root certificate; made if absent.
    pub directory: PathBuf,
    /// DNS names and IP addresses of the gate, besides [`LOOPBACK_NAMES`].
    pub names: Vec<String>,
    /// The present instant.
    pub now: UnixMicros,
}

impl IdentityOptions {
    /// An identity for the loopback names alone.
    #[must_use]
    pub fn loopback(directory: &Path, now: UnixMicros) -> Self {
        Self { directory: directory.into(), names: Vec::new(), now }
    }
}

/// The keys and certificates of one server.
pub struct Identity {
    authority: Authority,
    server: ServerCertificate,
    receipt: SigningKey,
    vault: SigningKey,
}

impl Identity {
    /// Reads the identity kept in the directory, and makes what is not there yet.
    ///
    /// # Errors
    /// [`IdentityError`] naming the file and what to do about it.
    pub fn open(options: &IdentityOptions) -> Result<Self, IdentityError> {
        keys::make_directory(&options.directory)?;
        let authority = Authority::open(&options.directory, options.now)?;
        let mut names: Vec<String> = LOOPBACK_NAMES.into_iter().map(String::from).collect();
        names.extend(options.names.iter().filter(|name| !LOOPBACK_NAMES.contains(&name.as_str())).cloned());
        Ok(Self {
            server: authority.issue_server(&names, options.now)?,
            receipt: keys::signing_key(&options.directory, "receipt")?,
            vault: keys::signing_key(&options.directory, "vault")?,
            authority,
        })
    }

    /// The certificate authority of the devices.
    #[must_use]
    pub const fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The gate's certificate for TLS.
    #[must_use]
    pub const fn server(&self) -> &ServerCertificate {
        &self.server
    }

    /// Signs receipts.
    #[must_use]
    pub const fn receipt_key(&self) -> &SigningKey {
        &self.receipt
    }

    /// Signs the vault's checkpoints.
    #[must_use]
    pub const fn vault_key(&self) -> &SigningKey {
        &self.vault
    }
}

#[cfg(test)]
mod tests;
