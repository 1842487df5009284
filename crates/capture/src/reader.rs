//! A log as an iterator of frames and of the lines that are none.
//!
//! Not a validator of traffic: times may jump and go back, as real logs do. Invariants: frames come in the order of the text;
//! every non-blank line is a frame, a [`ReadError::Line`], or part of the one [`ReadError::UnknownFormat`]; after an error
//! other than `Line` nothing follows. Cost: one line in memory, at most [`PROBE_LINES`] faults held back at the start.

use crate::buses::{Bus, Buses};
use crate::input::{Found, Input, guess, next_line};
use crate::line::{LineFault, parse};
use std::collections::VecDeque;
use std::fmt;
use std::io::{self, BufRead};
use thiserror::Error;
use yagura_model::{Frame, Micros};

/// If this many non-blank lines at the start are all unreadable, the input is not a candump text.
pub const PROBE_LINES: usize = 64;

/// Why no frame came.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// This line is no frame; reading goes on behind it.
    #[error("line {line}: {reason}")]
    Line {
        /// Number of the line, from 1.
        line: u64,
        /// What is wrong with it.
        reason: LineFault,
    },
    /// The input is something else; nothing follows.
    #[error("not a candump log or console text: {0}")]
    UnknownFormat(Unknown),
    /// The bytes could not be read, or the gzip stream is broken; nothing follows.
    #[error("input ended early")]
    Io(#[from] io::Error),
}

/// What is known of an input of unknown format.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Unknown {
    /// The first unreadable line.
    pub line: u64,
    /// What is wrong with it.
    pub reason: LineFault,
    /// What the first bytes look like, if that is known.
    pub looks_like: Option<&'static str>,
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.looks_like {
            Some(what) => write!(f, "it looks like {what}"),
            None => write!(f, "no readable line at the start; line {}: {}", self.line, self.reason),
        }
    }
}

/// What a log held, so far.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Summary {
    /// Lines that were frames.
    pub frames: u64,
    /// Non-blank lines that were none.
    pub unreadable: u64,
    /// Frames without a time of their own; they carry the time of the frame before.
    pub untimed: u64,
    /// Frames that are earlier than the one before: the clock was set back, or several buses were merged unsorted.
    pub backward: u64,
    /// The interfaces in the order of their first frame.
    pub buses: Vec<Bus>,
    /// The earliest time.
    pub first: Option<Micros>,
    /// The latest time.
    pub last: Option<Micros>,
}

/// Reads candump text, plain or gzip'd. See the crate's documentation for the dialects.
#[derive(Debug)]
pub struct Reader<R: BufRead> {
    source: Source<R>,
    carry: Vec<u8>,
    line: u64,
    buses: Buses,
    looks_like: Option<&'static str>,
    /// Faults and one frame that wait to be handed out; only used until the format is known.
    held: VecDeque<Result<Frame, ReadError>>,
    is_known: bool,
    previous: Micros,
    summary: Summary,
}

#[derive(Debug)]
enum Source<R: BufRead> {
    Unopened(R),
    Open(Input<R>),
    Ended,
}

/// One step through the source.
enum Step {
    Blank,
    Frame(Frame),
    Fault(LineFault),
}

impl<R: BufRead> Reader<R> {
    /// A reader at the start of `read`. Nothing is read yet.
    pub fn new(read: R) -> Self {
        Self {
            source: Source::Unopened(read),
            carry: Vec::new(),
            line: 0,
            buses: Buses::default(),
            looks_like: None,
            held: VecDeque::new(),
            is_known: false,
            previous: Micros(0),
            summary: Summary::default(),
        }
    }

    /// What has been read so far; complete once the iterator has ended.
    #[must_use]
    pub fn summary(&self) -> Summary {
        Summary { buses: self.buses.as_slice().to_vec(), ..self.summary.clone() }
    }

    fn open(&mut self) -> io::Result<()> {
        let Source::Unopened(read) = std::mem::replace(&mut self.source, Source::Ended) else { return Ok(()) };
        let mut input = Input::new(read)?;
        self.looks_like = guess(input.fill_buf()?);
        self.source = Source::Open(input);
        Ok(())
    }

    /// The next line, or `None` at the end.
    fn step(&mut self) -> io::Result<Option<Step>> {
        if let Source::Unopened(_) = self.source {
            self.open()?;
        }
        let Source::Open(input) = &mut self.source else { return Ok(None) };
        let (buses, summary, previous) = (&mut self.buses, &mut self.summary, &mut self.previous);
        let found = next_line(input, &mut self.carry, |text| {
            let text = text.strip_suffix(b"\r").unwrap_or(text);
            if text.iter().all(u8::is_ascii_whitespace) {
                return Step::Blank;
            }
            match frame(text, buses, *previous) {
                Ok((frame, is_timed)) => {
                    summary.count(&frame, is_timed, *previous);
                    *previous = frame.time;
                    Step::Frame(frame)
                }
                Err(reason) => Step::Fault(reason),
            }
        })?;
        self.line = self.line.saturating_add(1);
        Ok(match found {
            Found::Line(step) => Some(step),
            Found::TooLong => Some(Step::Fault(LineFault::TooLong)),
            Found::End => None,
        })
    }

    /// While the format is unknown: collects faults until a frame proves it, or their number disproves it.
    fn probe(&mut self) -> Option<Result<Frame, ReadError>> {
        loop {
            match self.step() {
                Ok(Some(Step::Blank)) => {}
                Ok(Some(Step::Frame(frame))) => {
                    self.is_known = true;
                    self.held.push_back(Ok(frame));
                    return self.held.pop_front();
                }
                Ok(Some(Step::Fault(reason))) => {
                    self.summary.unreadable = self.summary.unreadable.saturating_add(1);
                    self.held.push_back(Err(ReadError::Line { line: self.line, reason }));
                    if self.held.len() >= PROBE_LINES || reason == LineFault::TooLong || self.looks_like.is_some() {
                        return self.give_up();
                    }
                }
                Ok(None) => return self.give_up(),
                Err(error) => return self.fail(error),
            }
        }
    }

    /// Ends an input none of whose lines was readable. An empty input ends without an error.
    fn give_up(&mut self) -> Option<Result<Frame, ReadError>> {
        self.source = Source::Ended;
        self.is_known = true;
        let first = self.held.pop_front();
        self.held.clear();
        let Some(Err(ReadError::Line { line, reason })) = first else { return None };
        Some(Err(ReadError::UnknownFormat(Unknown { line, reason, looks_like: self.looks_like })))
    }

    fn fail(&mut self, error: io::Error) -> Option<Result<Frame, ReadError>> {
        self.source = Source::Ended;
        self.is_known = true;
        self.held.push_back(Err(ReadError::Io(error)));
        self.held.pop_front()
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<Frame, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(held) = self.held.pop_front() {
            return Some(held);
        }
        if !self.is_known {
            return self.probe();
        }
        loop {
            match self.step() {
                Ok(Some(Step::Blank)) => {}
                Ok(Some(Step::Frame(frame))) => return Some(Ok(frame)),
                Ok(Some(Step::Fault(reason))) => {
                    self.summary.unreadable = self.summary.unreadable.saturating_add(1);
                    return Some(Err(ReadError::Line { line: self.line, reason }));
                }
                Ok(None) => {
                    self.source = Source::Ended;
                    return None;
                }
                Err(error) => return self.fail(error),
            }
        }
    }
}

impl Summary {
    fn count(&mut self, frame: &Frame, is_timed: bool, previous: Micros) {
        self.frames = self.frames.saturating_add(1);
        self.untimed = self.untimed.saturating_add(u64::from(!is_timed));
        self.backward = self.backward.saturating_add(u64::from(frame.time < previous));
        self.first = Some(self.first.map_or(frame.time, |first| first.min(frame.time)));
        self.last = Some(self.last.map_or(frame.time, |last| last.max(frame.time)));
    }
}

/// The frame of a line, and whether the line had a time.
fn frame(text: &[u8], buses: &mut Buses, previous: Micros) -> Result<(Frame, bool), LineFault> {
    let line = parse(text)?;
    let bus = buses.number(line.interface).ok_or(LineFault::TooManyInterfaces)?;
    let time = line.time.unwrap_or(previous);
    Ok((Frame { time, bus, id: line.id, kind: line.kind, payload: line.payload }, line.time.is_some()))
}
