//! Standard output: text for people or JSON for scripts, one value a line.
//!
//! Not logging. A reader that goes away (`yagura … | head`) ends the output quietly.

use crate::failure::Failure;
use serde::Serialize;
use std::io::{ErrorKind, Write as _};

/// How results are written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Output {
    /// For people.
    Text,
    /// One JSON value a line.
    Json,
}

impl Output {
    /// From the `--json` flag.
    pub(crate) const fn from_flag(json: bool) -> Self {
        if json { Self::Json } else { Self::Text }
    }
}

/// Writes one value.
pub(crate) fn emit(output: Output, value: &impl Serialize, text: impl FnOnce() -> String) -> Result<(), Failure> {
    let mut line = match output {
        Output::Text => text(),
        Output::Json => serde_json::to_string(value).map_err(|error| Failure::Internal(error.to_string()))?,
    };
    if !line.ends_with('\n') {
        line.push('\n');
    }
    out(line.as_bytes())
}

/// Writes whole lines.
pub(crate) fn out(lines: &[u8]) -> Result<(), Failure> {
    match std::io::stdout().lock().write_all(lines) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => Err(Failure::Machine(format!("standard output: {error}"))),
        Ok(()) => Ok(()),
    }
}
