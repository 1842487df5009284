//! Why a server does not start, named by who must act.
//!
//! Not what happens while it runs: then it stays up, answers 503 and says so in the overview. Invariant: a variant's exit code never
//! changes.

use crate::auth::{NoRandomness, SignInLinkError};
use crate::cluster::OpenLogError;
use crate::config::ConfigError;
use crate::evidence::stamper::NotStamped;
use crate::gate::TlsError;
use crate::happenings::chain;
use crate::identity::IdentityError;
use crate::intake::OpenIntakeError;
use crate::pipeline::{RulesError, StartError};
use crate::state::{StateError, StateUrl};
use crate::ways::WaysError;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use yagura_store::objects::ObjectsError;
use yagura_store::{Corruption, LakeError, VaultError};

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The settings are wrong. The operator corrects them.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The rules are wrong. The operator corrects them.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// Another program listens there. The operator stops it or takes another address.
    #[error("{0} is taken by another program: stop it, or choose another address")]
    PortTaken(SocketAddr),
    /// The address cannot be listened on: not of this machine, or a port that needs privileges.
    #[error("cannot listen on {address}: {source}")]
    Address {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// Something in the data directory cannot be written. The operator gives the right to.
    #[error("cannot write {}: check who owns it and whether the disk is mounted read-only", .0.display())]
    NotWritable(PathBuf),
    /// No room on the disk. The operator makes some.
    #[error("no space left on the disk of {}: make room and start again; nothing acknowledged is lost", .0.display())]
    DiskFull(PathBuf),
    /// Another server has the data directory open.
    #[error("{} is in use by another server: stop that one first", .0.display())]
    Locked(PathBuf),
    /// The evidence was changed or lost after it was acknowledged. The operator restores it from a copy.
    #[error("the evidence in {} is corrupt: {corruption}; restore that file from a copy", dir.display())]
    CorruptVault {
        /// The vault.
        dir: PathBuf,
        /// Which file, at which byte, how.
        corruption: Corruption,
    },
    /// Evidence that was judged is gone. The operator restores the vault.
    #[error("evidence is missing: {0}; restore the newest copy of the vault")]
    EvidenceLost(StartError),
    /// The data was written by a newer version. The operator installs that one.
    #[error(
        "the data was written by a newer version of this program (schema {found}, this one knows {newest}): install that version"
    )]
    NewerSchema {
        /// The schema found.
        found: i64,
        /// The newest known here.
        newest: i64,
    },
    /// The state is damaged. The operator restores it from a backup.
    #[error("the state file is damaged ({0}): restore it from a backup; evidence and lake are untouched")]
    DamagedState(String),
    /// The database server of the state is not there or does not let us in. The operator corrects its address, its role or starts it.
    #[error("the state in {url} cannot be used: {cause}")]
    StateAway {
        /// Its address, without secrets.
        url: String,
        /// Why.
        cause: String,
    },
    /// Keys or certificates cannot be used. The operator repairs what is named.
    #[error(transparent)]
    Identity(IdentityError),
    /// The lake cannot be used. It can be removed and is then built again from the vault.
    #[error("the lake cannot be opened: {0}")]
    Lake(LakeError),
    /// A way in cannot be opened: its settings are wrong, or its address is taken. The operator corrects them.
    #[error(transparent)]
    Ways(#[from] WaysError),
    /// The object store cannot be opened. The operator corrects its URL or environment.
    #[error(transparent)]
    Objects(ObjectsError),
    /// The log of the cluster, or its group of workers, cannot be used.
    #[error("{what}: {}", chain(&**source))]
    Log {
        /// What cannot be done.
        what: &'static str,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A fault of ours.
    #[error("{what}")]
    Internal {
        /// What failed.
        what: &'static str,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Who must act.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Blame {
    /// What was checked is wrong: corrupt evidence.
    Evidence,
    /// What was given cannot be used: settings, rules, data of a newer version.
    Input,
    /// The machine is in the way: port, disk, permission.
    Machine,
    /// A fault of ours.
    Us,
}

impl ServeError {
    /// Who must act.
    #[must_use]
    pub const fn blame(&self) -> Blame {
        match self {
            Self::CorruptVault { .. } | Self::EvidenceLost(_) => Blame::Evidence,
            Self::Config(_)
            | Self::Rules(_)
            | Self::NewerSchema { .. }
            | Self::DamagedState(_)
            | Self::Lake(_)
            | Self::Ways(_)
            | Self::Objects(_) => Blame::Input,
            Self::PortTaken(_)
            | Self::Address { .. }
            | Self::NotWritable(_)
            | Self::DiskFull(_)
            | Self::Locked(_)
            | Self::Log { .. }
            | Self::StateAway { .. }
            | Self::Identity(_) => Blame::Machine,
            Self::Internal { .. } => Blame::Us,
        }
    }

    /// The process's exit code; the same for all commands: 1 evidence, 3 input, 4 machine, 5 a fault of ours.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self.blame() {
            Blame::Evidence => 1,
            Blame::Input => 3,
            Blame::Machine => 4,
            Blame::Us => 5,
        }
    }

    pub(super) fn of_bind(address: SocketAddr, source: std::io::Error) -> Self {
        match source.kind() {
            ErrorKind::AddrInUse => Self::PortTaken(address),
            _ => Self::Address { address, source },
        }
    }

    pub(super) fn of_io(path: &Path, source: std::io::Error) -> Self {
        match source.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::DiskFull(path.to_owned()),
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem | ErrorKind::NotADirectory => {
                Self::NotWritable(path.to_owned())
            }
            _ => Self::internal("cannot use the data directory", source),
        }
    }

    pub(super) fn of_vault(dir: &Path, error: VaultError) -> Self {
        match error {
            VaultError::DiskFull { .. } => Self::DiskFull(dir.to_owned()),
            VaultError::ReadOnly { file } => Self::NotWritable(dir.join(file)),
            VaultError::Locked { .. } => Self::Locked(dir.to_owned()),
            VaultError::Corrupt(corruption) => Self::CorruptVault { dir: dir.to_owned(), corruption },
            other => Self::internal("cannot open the vault", other),
        }
    }

    pub(super) fn of_stamper(dir: &Path, error: NotStamped) -> Self {
        match error {
            NotStamped::Vault(error) => Self::of_vault(dir, error),
            other => Self::internal("cannot ask for time stamps", other),
        }
    }

    pub(super) fn of_intake(dir: &Path, error: OpenIntakeError) -> Self {
        match error {
            OpenIntakeError::Vault(error) => Self::of_vault(dir, error),
            other => Self::internal("cannot start the intake", other),
        }
    }

    pub(super) fn of_state(url: &StateUrl, error: StateError) -> Self {
        let path = || url.path().unwrap_or(Path::new(super::STATE_FILE)).to_owned();
        match error {
            StateError::DiskFull | StateError::NotWritable if url.path().is_none() => Self::away(url, &error),
            StateError::Refused(_) | StateError::Unreachable(_) | StateError::NoAnswer => Self::away(url, &error),
            StateError::DiskFull => Self::DiskFull(path()),
            StateError::NotWritable => Self::NotWritable(path()),
            StateError::NewerSchema { found, newest } => Self::NewerSchema { found, newest },
            StateError::Damaged(why) => Self::DamagedState(why),
            other => Self::internal("cannot use the state", other),
        }
    }

    fn away(url: &StateUrl, error: &StateError) -> Self {
        Self::StateAway { url: url.to_string(), cause: chain(error) }
    }

    pub(super) fn of_lake(dir: &Path, error: LakeError) -> Self {
        match error {
            LakeError::DiskFull { .. } => Self::DiskFull(dir.to_owned()),
            LakeError::ReadOnly { file } => Self::NotWritable(file),
            other => Self::Lake(other),
        }
    }

    pub(super) fn of_log(what: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Log { what, source: source.into() }
    }

    fn internal(what: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal { what, source: source.into() }
    }
}

impl From<OpenLogError> for ServeError {
    fn from(error: OpenLogError) -> Self {
        Self::of_log("cannot use the log", error)
    }
}

impl From<StateError> for ServeError {
    fn from(error: StateError) -> Self {
        Self::of_state(&StateUrl::file(Path::new(super::STATE_FILE)), error)
    }
}

impl From<StartError> for ServeError {
    fn from(error: StartError) -> Self {
        match error {
            StartError::State(error) => error.into(),
            StartError::Vault(error) => Self::of_vault(Path::new(super::VAULT_DIR), error),
            StartError::Panic(error) => error.into(),
            lost => Self::EvidenceLost(lost),
        }
    }
}

impl From<SignInLinkError> for ServeError {
    fn from(error: SignInLinkError) -> Self {
        match error {
            SignInLinkError::State(error) => error.into(),
            other => Self::internal("cannot make a sign-in link", other),
        }
    }
}

impl From<IdentityError> for ServeError {
    fn from(error: IdentityError) -> Self {
        match error {
            IdentityError::File { path, source } => match Self::of_io(&path, source) {
                Self::Internal { source, .. } => Self::internal("cannot use the keys", source),
                known => known,
            },
            other => Self::Identity(other),
        }
    }
}

impl From<TlsError> for ServeError {
    fn from(error: TlsError) -> Self {
        Self::internal("cannot make the gate's TLS", error)
    }
}

impl From<NoRandomness> for ServeError {
    fn from(error: NoRandomness) -> Self {
        Self::internal("cannot make secrets", error)
    }
}

impl From<tokio::task::JoinError> for ServeError {
    fn from(error: tokio::task::JoinError) -> Self {
        Self::internal("a step of the start ended by a panic", error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;
    use yagura_store::Damage;

    #[test]
    fn every_refusal_names_who_must_act_and_what_is_wrong() {
        let dir = Path::new("data");
        let corruption = Corruption { file: "segment-0".to_owned(), offset: 17, what: Damage::Checksum };
        let io = |kind: ErrorKind| std::io::Error::from(kind);
        let address = SocketAddr::from(([127, 0, 0, 1], 8080));
        let postgres: StateUrl = "postgres://ann:secret@db.example/yagura".parse().unwrap();
        let all = [
            ServeError::from(ConfigError::NoDataDirectory),
            ServeError::of_bind(address, io(ErrorKind::AddrInUse)),
            ServeError::of_bind(address, io(ErrorKind::PermissionDenied)),
            ServeError::of_io(dir, io(ErrorKind::ReadOnlyFilesystem)),
            ServeError::of_io(dir, io(ErrorKind::StorageFull)),
            ServeError::of_vault(dir, VaultError::Locked { file: "lock".to_owned() }),
            ServeError::of_vault(dir, VaultError::ReadOnly { file: "lock".to_owned() }),
            ServeError::of_vault(dir, VaultError::Corrupt(corruption)),
            ServeError::from(StartError::AheadOfVault { judged: 9, records: 3 }),
            ServeError::from(StateError::NewerSchema { found: 9, newest: 1 }),
            ServeError::from(StateError::Damaged("not a database".to_owned())),
            ServeError::from(StateError::DiskFull),
            ServeError::of_state(&postgres, StateError::DiskFull),
            ServeError::of_state(&postgres, StateError::NoAnswer),
        ];
        let lines: Vec<String> =
            all.iter().map(|error| format!("{} {:?}: {error}", error.exit_code(), error.blame())).collect();
        expect![[r#"
            3 Input: no data directory given
            4 Machine: 127.0.0.1:8080 is taken by another program: stop it, or choose another address
            4 Machine: cannot listen on 127.0.0.1:8080: permission denied
            4 Machine: cannot write data: check who owns it and whether the disk is mounted read-only
            4 Machine: no space left on the disk of data: make room and start again; nothing acknowledged is lost
            4 Machine: data is in use by another server: stop that one first
            4 Machine: cannot write data/lock: check who owns it and whether the disk is mounted read-only
            1 Evidence: the evidence in data is corrupt: segment-0 is damaged at byte 17: the record's checksum does not hold; restore that file from a copy
            1 Evidence: evidence is missing: 9 records were judged, but the vault has 3: records were lost, or it is an older copy; restore the newest copy of the vault
            3 Input: the data was written by a newer version of this program (schema 9, this one knows 1): install that version
            3 Input: the state file is damaged (not a database): restore it from a backup; evidence and lake are untouched
            4 Machine: no space left on the disk of state.db: make room and start again; nothing acknowledged is lost
            4 Machine: the state in postgres://ann@db.example:5432/yagura cannot be used: disk full
            4 Machine: the state in postgres://ann@db.example:5432/yagura cannot be used: the database server does not answer"#]].assert_eq(&lines.join("\n"));
    }
}
