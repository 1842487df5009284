//! What was wrong with an import, document by document: a file of JSON lines beside the segments.
//!
//! Not a log: it holds the last import, and is replaced whole. At most [`LINES_MAX`] lines; the counts of the import go on.

use crate::error::FeedError;
use crate::manifest::WRITING;
use serde::Serialize;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// How many lines are written.
const LINES_MAX: u64 = 1_000_000;

#[derive(Serialize)]
struct Line<'a> {
    place: &'a str,
    /// `anomaly` or `passed over`.
    kind: &'static str,
    what: &'a str,
}

/// The report while it is written.
#[derive(Debug)]
pub(crate) struct Report {
    path: PathBuf,
    file: BufWriter<NamedTempFile>,
    lines: u64,
}

/// Where the report of the last import lies.
#[must_use]
pub fn report_path(dir: &Path) -> PathBuf {
    dir.join("last-import.jsonl")
}

impl Report {
    pub(crate) fn new(dir: &Path) -> Result<Self, FeedError> {
        let file = tempfile::Builder::new().prefix(WRITING).tempfile_in(dir);
        let file = file.map_err(|error| FeedError::File(dir.to_owned(), error))?;
        Ok(Self { path: report_path(dir), file: BufWriter::new(file), lines: 0 })
    }

    pub(crate) fn wrong(&mut self, place: &str, what: &str) -> Result<(), FeedError> {
        self.line(&Line { place, kind: "anomaly", what })
    }

    pub(crate) fn passed_over(&mut self, place: &str, what: &str) -> Result<(), FeedError> {
        self.line(&Line { place, kind: "passed over", what })
    }

    fn line(&mut self, line: &Line<'_>) -> Result<(), FeedError> {
        self.lines += 1;
        if self.lines > LINES_MAX {
            return Ok(());
        }
        let written = serde_json::to_writer(&mut self.file, line).map_err(io::Error::from);
        written.and_then(|()| self.file.write_all(b"\n")).map_err(|error| FeedError::File(self.path.clone(), error))
    }

    pub(crate) fn finish(self) -> Result<(), FeedError> {
        let path = self.path;
        let written = self.file.into_inner().map_err(io::IntoInnerError::into_error);
        let kept = written.and_then(|file| file.persist(&path).map_err(|error| error.error));
        kept.map(drop).map_err(|error| FeedError::File(path, error))
    }
}
