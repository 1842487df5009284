//! A capture as an iterator of frames and of the lines that are none.
//!
//! Not a validator of traffic: times may jump and go back, as real logs do. Invariants: frames come in the order of the capture;
//! every non-blank line is a frame, a remark of its format, a [`ReadError::Line`], or part of the one
//! [`ReadError::UnknownFormat`]; after an error that [ends](ReadError::is_end) the capture nothing follows. Cost: one line in
//! memory, at most [`PROBE_LINES`] faults held back at the start.

use crate::error::{ReadError, Unknown};
use crate::fault::{LineFault, RecordFault};
use crate::gather::Gather;
use crate::input::{Found, Input, guess, line_end, next_line};
use crate::label::Label;
use crate::records::{Record, Records, Stop};
use crate::summary::Summary;
use crate::text::{Dialect, Said, candump};
use std::collections::VecDeque;
use std::io::{self, BufRead};
use yagura_model::{BusId, CanId, Frame, FrameKind, Micros, Payload};

/// If this many non-blank lines at the start are all unreadable, the input is no capture of a known format.
pub const PROBE_LINES: usize = 64;

/// Reads a capture of any known format, decided by its content, plain or packed. See the crate's documentation for the formats.
#[derive(Debug)]
pub struct Reader<R: BufRead> {
    source: Source<R>,
    carry: Vec<u8>,
    line: u64,
    dialect: Option<Dialect>,
    /// The name of the format, if it is one of records.
    records: Option<&'static str>,
    looks_like: Option<&'static str>,
    /// Faults and one frame that wait to be handed out; only used until the format is known.
    held: VecDeque<Result<Frame, ReadError>>,
    gather: Gather,
    /// The frame of the line before: written in place, so that it is copied once.
    frame: Frame,
}

#[derive(Debug)]
enum Source<R: BufRead> {
    Unopened(R),
    Lines(Input<R>, u8),
    Records(Input<R>, Box<Records>),
    Ended,
}

/// One step through the source; a frame is in the reader's own place.
enum Step {
    Nothing,
    Frame,
    Fault(LineFault),
}

const NO_FRAME: Frame =
    Frame { time: Micros(0), bus: BusId(0), id: CanId::LOWEST, kind: FrameKind::Data, payload: Payload::EMPTY };

impl<R: BufRead> Reader<R> {
    /// A reader at the start of `read`. Nothing is read yet.
    pub fn new(read: R) -> Self {
        Self {
            source: Source::Unopened(read),
            carry: Vec::new(),
            line: 0,
            dialect: None,
            records: None,
            looks_like: None,
            held: VecDeque::new(),
            gather: Gather::default(),
            frame: NO_FRAME,
        }
    }

    /// What has been read so far; complete once the iterator has ended.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let format = self.records.or_else(|| self.dialect.as_ref().map(Dialect::name));
        Summary { format, ..self.gather.summary() }
    }

    /// What the capture says of the frame that was handed out last; `None` if it holds no labels.
    #[must_use]
    pub const fn label(&self) -> Option<Label> {
        self.gather.label()
    }

    /// What to add to the time of the frame that was handed out last to get the time as the capture writes it, in microseconds.
    ///
    /// 0 unless the capture has times below zero. It changes only where the capture's clock falls below its beginning
    /// ([`Summary::shifts`]).
    #[must_use]
    pub const fn shift_micros(&self) -> i64 {
        self.gather.shift_micros()
    }

    fn open(&mut self) -> io::Result<()> {
        let Source::Unopened(read) = std::mem::replace(&mut self.source, Source::Ended) else { return Ok(()) };
        let mut input = Input::new(read)?;
        let start = input.start()?;
        if let Some(records) = Records::of_start(start) {
            self.records = Some(records.name());
            self.source = Source::Records(input, Box::new(records));
            return Ok(());
        }
        let has_mark = start.starts_with(b"\xEF\xBB\xBF");
        self.looks_like = guess(start);
        let end = line_end(start);
        if has_mark {
            input.consume(3);
        }
        self.source = Source::Lines(input, end);
        Ok(())
    }

    /// The next line, or `None` at the end.
    fn step(&mut self) -> io::Result<Option<Step>> {
        let Source::Lines(input, end) = &mut self.source else { return Ok(None) };
        let (dialect, gather, frame) = (&mut self.dialect, &mut self.gather, &mut self.frame);
        let found = next_line(input, *end, &mut self.carry, |text| read_line(text, dialect, gather, frame))?;
        self.line = self.line.saturating_add(1);
        Ok(match found {
            Found::Line(step) => Some(step),
            Found::TooLong => Some(Step::Fault(LineFault::TooLong)),
            Found::End => None,
        })
    }

    /// The next frame or fault of a format of records.
    fn record(&mut self) -> Option<Result<Frame, ReadError>> {
        loop {
            let Source::Records(input, records) = &mut self.source else { return None };
            match records.next(input) {
                Ok(Some(Record { offset, frame })) => {
                    let taken =
                        frame.and_then(|line| line.map(|line| self.gather.take(&line, &mut self.frame)).transpose());
                    match taken {
                        Ok(None) => {}
                        Ok(Some(())) => return Some(Ok(self.frame)),
                        Err(reason) => {
                            self.gather.count_unreadable();
                            return Some(Err(ReadError::Record { offset, reason: reason.into() }));
                        }
                    }
                }
                Ok(None) => {
                    self.source = Source::Ended;
                    return None;
                }
                Err(Stop::Io(error)) => return self.fail(error),
                Err(Stop::At(offset, reason)) => {
                    self.source = Source::Ended;
                    self.gather.count_unreadable();
                    // A log that was cut off, as by a crash, is as good as it is long.
                    let is_tail = reason == RecordFault::Cut && self.gather.has_frames();
                    let tail = ReadError::Record { offset, reason };
                    return Some(Err(if is_tail { tail } else { ReadError::Broken { offset, reason } }));
                }
            }
        }
    }

    /// While the format is unknown: collects faults until a line tells it, or their number says that none will.
    fn probe(&mut self) -> Option<Result<Frame, ReadError>> {
        loop {
            match self.step() {
                Ok(Some(Step::Nothing)) if self.dialect.is_some() => {
                    return self.held.pop_front().or_else(|| self.advance());
                }
                Ok(Some(Step::Nothing)) => {}
                Ok(Some(Step::Frame)) => {
                    self.held.push_back(Ok(self.frame));
                    return self.held.pop_front();
                }
                Ok(Some(Step::Fault(reason))) => {
                    self.gather.count_unreadable();
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

    /// The next frame or fault of a known format.
    fn advance(&mut self) -> Option<Result<Frame, ReadError>> {
        loop {
            match self.step() {
                Ok(Some(Step::Nothing)) => {}
                Ok(Some(Step::Frame)) => return Some(Ok(self.frame)),
                Ok(Some(Step::Fault(reason))) => {
                    self.gather.count_unreadable();
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

    /// Ends an input none of whose lines was readable. An empty input ends without an error.
    fn give_up(&mut self) -> Option<Result<Frame, ReadError>> {
        self.source = Source::Ended;
        let first = self.held.pop_front();
        self.held.clear();
        let Some(Err(ReadError::Line { line, reason })) = first else { return None };
        Some(Err(ReadError::UnknownFormat(Unknown { line, reason, looks_like: self.looks_like })))
    }

    fn fail(&mut self, error: io::Error) -> Option<Result<Frame, ReadError>> {
        self.source = Source::Ended;
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
        if let Source::Unopened(_) = self.source
            && let Err(error) = self.open()
        {
            return self.fail(error);
        }
        match (&self.source, &self.dialect) {
            (Source::Records(..), _) => self.record(),
            (_, Some(_)) => self.advance(),
            (_, None) => self.probe(),
        }
    }
}

/// One line in the format of the lines before it; while there is none, in the format that it tells.
fn read_line(text: &[u8], dialect: &mut Option<Dialect>, gather: &mut Gather, frame: &mut Frame) -> Step {
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    let known = match dialect {
        Some(known) => known,
        None => match tell(text) {
            Ok(Some(told)) => dialect.insert(told),
            Ok(None) => return Step::Nothing,
            Err(reason) => return Step::Fault(reason),
        },
    };
    if matches!(known, Dialect::Candump)
        && let Some(line) = candump::quick(text)
    {
        return gather.take(&line, frame).map_or_else(Step::Fault, |()| Step::Frame);
    }
    match known.read(text) {
        Ok(Said::Frame(line)) => gather.take(&line, frame).map_or_else(Step::Fault, |()| Step::Frame),
        Ok(Said::Remark) => Step::Nothing,
        Err(_) if is_blank(text) => Step::Nothing,
        Err(reason) => Step::Fault(reason),
    }
}

/// The format that this line tells; none if it is blank or a comment.
fn tell(text: &[u8]) -> Result<Option<Dialect>, LineFault> {
    if is_blank(text) || text.starts_with(b";") && !text.starts_with(b";$") {
        return Ok(None);
    }
    Dialect::of_header(text).map_or_else(|| Dialect::of_line(text), Ok).map(Some)
}

fn is_blank(text: &[u8]) -> bool {
    text.iter().all(u8::is_ascii_whitespace)
}
