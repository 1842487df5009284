//! What one vehicle keeps on disk between runs: key, certificate, the gate's keys, and its uplink's memory.
//!
//! Not a key store: a simulated vehicle's key lies in a file that only its owner may read. Files are written beside and
//! renamed, so a kill leaves the old or the new one; they survive the end of the process, not that of the machine.
//!
//! ```text
//! DIR/VEHICLE/key.pem          private key, PKCS #8, Ed25519
//! DIR/VEHICLE/identity.json    {"certificate": PEM, "ca": PEM, "receipt_key": 64 hex digits}
//! DIR/VEHICLE/uplink.bin       docs/format/report.md, "The vehicle's memory"
//! ```

use serde::{Deserialize, Serialize};
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use yagura_model::Name;

/// What the gate gives a vehicle that it lets in.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Identity {
    /// The vehicle's certificate, PEM.
    pub certificate: String,
    /// The authority that signed it and the gate's own, PEM.
    pub ca: String,
    /// The Ed25519 key that verifies receipts, 64 hexadecimal digits.
    pub receipt_key: String,
}

/// The folder of one vehicle.
#[derive(Clone, Debug)]
pub struct Keep {
    folder: PathBuf,
}

impl Keep {
    /// The folder of `vehicle` under `directory`; made if absent.
    ///
    /// # Errors
    /// What making it failed with.
    pub fn open(directory: &Path, vehicle: &Name) -> io::Result<Self> {
        let folder = directory.join(vehicle.as_str());
        fs::create_dir_all(&folder)?;
        Ok(Self { folder })
    }

    /// The private key, if there is one.
    ///
    /// # Errors
    /// What reading it failed with.
    pub fn key(&self) -> io::Result<Option<String>> {
        absent_as_none(fs::read_to_string(self.folder.join("key.pem")))
    }

    /// Keeps the private key.
    ///
    /// # Errors
    /// What writing it failed with.
    pub fn write_key(&self, pem: &str) -> io::Result<()> {
        self.write("key.pem", pem.as_bytes())
    }

    /// The identity, if the vehicle was let in; an unreadable one counts as none.
    ///
    /// # Errors
    /// What reading it failed with.
    pub fn identity(&self) -> io::Result<Option<Identity>> {
        let text = absent_as_none(fs::read(self.folder.join("identity.json")))?;
        Ok(text.and_then(|text| serde_json::from_slice(&text).ok()))
    }

    /// Keeps the identity.
    ///
    /// # Errors
    /// What writing it failed with.
    pub fn write_identity(&self, identity: &Identity) -> io::Result<()> {
        self.write("identity.json", &serde_json::to_vec_pretty(identity)?)
    }

    /// The uplink's memory, if there is one.
    ///
    /// # Errors
    /// What reading it failed with.
    pub fn uplink(&self) -> io::Result<Option<Vec<u8>>> {
        absent_as_none(fs::read(self.folder.join("uplink.bin")))
    }

    /// Keeps the uplink's memory.
    ///
    /// # Errors
    /// What writing it failed with.
    pub fn write_uplink(&self, memory: &[u8]) -> io::Result<()> {
        self.write("uplink.bin", memory)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let beside = self.folder.join(format!("{name}.new"));
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&beside)?.write_all(bytes)?;
        fs::rename(beside, self.folder.join(name))
    }
}

fn absent_as_none<T>(read: io::Result<T>) -> io::Result<Option<T>> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
