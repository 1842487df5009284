//! Captures as they lie on disk → frames, whatever their format.
//!
//! Not a parser (`capture` is). A line that is no frame is told with file and line and counted; reading goes on. Invariant: frames
//! come in the order of the file. Cost: one buffer of 256 KiB a capture.

use crate::DeskError;
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use yagura_capture::{Label, ReadError, Reader, Summary};
use yagura_model::{Frame, Micros};
use yagura_profile::spec::Fault;

/// Unreadable lines of a capture that are told one by one; the rest is only counted.
pub const FAULTS_TOLD_MAX: u64 = 20;
/// Frames between two calls of [`Watch::progress`].
const PROGRESS_FRAMES: u64 = 1 << 16;
const BUFFER_BYTES: usize = 1 << 18;

/// Looks on while captures are read.
pub trait Watch {
    /// A line or record is no frame.
    fn unreadable(&mut self, path: &Path, error: &ReadError) {
        let _ = (path, error);
    }

    /// So many lines of a capture were unreadable beyond those told.
    fn more_unreadable(&mut self, path: &Path, lines: u64) {
        let _ = (path, lines);
    }

    /// A statement of a specification was left out or mended.
    fn mended(&mut self, path: &Path, fault: &Fault) {
        let _ = (path, fault);
    }

    /// So many frames of a capture have been read, the last of them of this time.
    fn progress(&mut self, path: &Path, frames: u64, time: Micros) {
        let _ = (path, frames, time);
    }
}

/// Looks away.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quiet;

impl Watch for Quiet {}

/// A capture that is being read.
pub struct Capture {
    path: PathBuf,
    reader: Reader<Box<dyn BufRead>>,
    faults: u64,
    frames: u64,
}

impl fmt::Debug for Capture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Capture({})", self.path.display())
    }
}

impl Capture {
    /// Opens a capture; `-` is standard input.
    ///
    /// # Errors
    /// [`DeskError::File`] if it cannot be opened.
    pub fn open(path: &Path) -> Result<Self, DeskError> {
        let read: Box<dyn BufRead> = if path == Path::new("-") {
            Box::new(BufReader::new(std::io::stdin()))
        } else {
            let file = File::open(path).map_err(|source| DeskError::file(path, source))?;
            Box::new(BufReader::with_capacity(BUFFER_BYTES, file))
        };
        Ok(Self { path: path.to_owned(), reader: Reader::new(read), faults: 0, frames: 0 })
    }

    /// The next frame; `None` at the end.
    ///
    /// # Errors
    /// [`DeskError::Capture`] if the rest cannot be read or the format is unknown.
    pub fn next_frame(&mut self, watch: &mut impl Watch) -> Result<Option<Frame>, DeskError> {
        loop {
            match self.reader.next() {
                Some(Ok(frame)) => {
                    self.frames = self.frames.wrapping_add(1);
                    if self.frames.is_multiple_of(PROGRESS_FRAMES) {
                        watch.progress(&self.path, self.frames, frame.time);
                    }
                    return Ok(Some(frame));
                }
                Some(Err(source)) if source.is_end() => {
                    return Err(DeskError::Capture { path: self.path.clone(), source });
                }
                Some(Err(error)) => {
                    self.faults = self.faults.saturating_add(1);
                    if self.faults <= FAULTS_TOLD_MAX {
                        watch.unreadable(&self.path, &error);
                    }
                }
                None => {
                    if self.faults > FAULTS_TOLD_MAX {
                        watch.more_unreadable(&self.path, self.faults.saturating_sub(FAULTS_TOLD_MAX));
                    }
                    return Ok(None);
                }
            }
        }
    }

    /// All frames that are left.
    ///
    /// # Errors
    /// As [`Self::next_frame`].
    pub fn read_all(mut self, watch: &mut impl Watch) -> Result<Vec<Frame>, DeskError> {
        let mut frames = Vec::new();
        while let Some(frame) = self.next_frame(watch)? {
            frames.push(frame);
        }
        Ok(frames)
    }

    /// What the capture says of the frame that came last; `None` if it holds no labels.
    #[must_use]
    pub const fn label(&self) -> Option<Label> {
        self.reader.label()
    }

    /// What to add to the time of the frame that came last for the time as the capture writes it, µs.
    #[must_use]
    pub const fn shift_micros(&self) -> i64 {
        self.reader.shift_micros()
    }

    /// What has been read so far.
    #[must_use]
    pub fn summary(&self) -> Summary {
        self.reader.summary()
    }
}
