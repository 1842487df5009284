//! What went wrong, by who must act; one function maps it to the exit code.
//!
//! Not an error of any one room: every command turns its rooms' errors into one of these at the edge.

use std::fmt::Display;
use std::process::ExitCode;

/// Why a command ends without having done its job.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The thing that was checked is wrong.
    Check(String),
    /// An input cannot be used.
    Input(String),
    /// The machine is in the way.
    Machine(String),
    /// A fault of ours.
    Internal(String),
}

impl Failure {
    /// An input that cannot be used: names it and why.
    pub(crate) fn input(what: impl Display, why: impl Display) -> Self {
        Self::Input(format!("{what}: {why}"))
    }

    /// A file that cannot be read or written.
    pub(crate) fn file(path: &std::path::Path, error: &std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::NotFound | std::io::ErrorKind::InvalidData => Self::input(path.display(), error),
            _ => Self::Machine(format!("{}: {error}", path.display())),
        }
    }

    /// What a child process ended with, by its exit code.
    pub(crate) fn of_code(code: i32, text: String) -> Self {
        match code {
            1 => Self::Check(text),
            3 => Self::Input(text),
            4 => Self::Machine(text),
            _ => Self::Internal(text),
        }
    }

    /// The text for the person.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Check(text) | Self::Input(text) | Self::Machine(text) | Self::Internal(text) => text,
        }
    }

    /// The exit code, as documented in `yagura --help`.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Check(_) => 1,
            Self::Input(_) => 3,
            Self::Machine(_) => 4,
            Self::Internal(_) => 5,
        })
    }
}
