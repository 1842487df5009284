//! Frames as a capture for other tools: candump, ASC, PCAN TRC, CSV, pcapng, BLF.
//!
//! Not a converter of what a format cannot say: a kind of frame that it has no place for is refused, and what is lost is told at
//! [`Format`]. Invariant: what is written is read back by [`Reader`](crate::Reader) as the same frames in those terms. Times are
//! written as they are; formats with a start say 1970. Formats whose channels begin at 1 get the bus + 1. Cost: one `write_all` a frame.

mod asc;
mod blf;
pub(crate) mod candump;
mod pcapng;
mod tables;
mod trc;

pub use candump::write_log_line;
use std::io::{self, Write};
use thiserror::Error;
use yagura_model::Frame;

/// A format to write.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Format {
    /// `candump -l`; says everything.
    Candump,
    /// Vector ASC; an error frame loses its detail.
    Asc,
    /// PCAN trace 2.1; an error frame loses its detail.
    PcanTrc,
    /// python-can's CSV; loses the bus and, up to 8 bytes, that a frame is CAN FD, and CAN FD's flags.
    PythonCanCsv,
    /// `t,bus,id,ext,data`; has no remote and error frames, and loses what python-can's CSV loses but the bus.
    NormalisedCsv,
    /// `t,bus,id,ext,data,label,attack`: as [`Self::NormalisedCsv`], with a label.
    LabelledCsv,
    /// pcapng with `LINKTYPE_CAN_SOCKETCAN`; says everything.
    Pcapng,
    /// Vector BLF; an error frame loses its detail. Held in memory until the end, packed.
    Blf,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 8] = [
        Self::Candump,
        Self::Asc,
        Self::PcanTrc,
        Self::PythonCanCsv,
        Self::NormalisedCsv,
        Self::LabelledCsv,
        Self::Pcapng,
        Self::Blf,
    ];

    /// The format's name on a command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Candump => "candump",
            Self::Asc => "asc",
            Self::PcanTrc => "trc",
            Self::PythonCanCsv => "python-can-csv",
            Self::NormalisedCsv => "csv",
            Self::LabelledCsv => "labelled-csv",
            Self::Pcapng => "pcapng",
            Self::Blf => "blf",
        }
    }

    /// The format of this [name](Self::name).
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }
}

/// Why a frame was not written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The name would not be read back: empty, over 32 bytes, or with blanks or unprintable characters.
    #[error("interface name {0:?} is not 1 to 32 printable characters")]
    Interface(String),
    /// The name of an attack has a comma, a quote or a line end.
    #[error("attack name {0:?} has a comma, a quote or a line end")]
    Attack(String),
    /// The format has no place for this kind of frame.
    #[error("format {format} has no remote and error frames")]
    Kind {
        /// The format's name.
        format: &'static str,
    },
    /// The capture does not fit into what is held in memory.
    #[error("capture is longer than {max} bytes packed")]
    TooLong {
        /// The limit.
        max: usize,
    },
    /// The bytes could not be written.
    #[error("capture could not be written")]
    Io(#[from] io::Error),
}

/// Writes a capture, frame by frame.
#[derive(Debug)]
pub struct Writer<W: Write> {
    out: W,
    state: State,
    line: Vec<u8>,
}

#[derive(Debug)]
enum State {
    Candump,
    Asc,
    Trc { frames: u64 },
    PythonCan,
    Normalised,
    Labelled,
    Pcapng(pcapng::Interfaces),
    Blf(Box<blf::Blf>),
}

impl<W: Write> Writer<W> {
    /// A writer that has written the format's header.
    ///
    /// # Errors
    /// [`WriteError::Io`] if `out` fails.
    pub fn new(mut out: W, format: Format) -> Result<Self, WriteError> {
        let (state, header): (_, &[u8]) = match format {
            Format::Candump => (State::Candump, b""),
            Format::Asc => (State::Asc, asc::HEADER),
            Format::PcanTrc => (State::Trc { frames: 0 }, trc::HEADER),
            Format::PythonCanCsv => (State::PythonCan, tables::PYTHON_CAN_HEADER),
            Format::NormalisedCsv => (State::Normalised, tables::NORMALISED_HEADER),
            Format::LabelledCsv => (State::Labelled, tables::LABELLED_HEADER),
            Format::Pcapng => (State::Pcapng(pcapng::Interfaces::default()), &pcapng::SECTION),
            Format::Blf => (State::Blf(Box::default()), b""),
        };
        out.write_all(header)?;
        Ok(Self { out, state, line: Vec::new() })
    }

    /// Writes a frame of clean traffic, or one whose label is unknown.
    ///
    /// # Errors
    /// [`WriteError`].
    pub fn write(&mut self, frame: &Frame) -> Result<(), WriteError> {
        self.write_marked(frame, None)
    }

    /// Writes a frame and, if the format has labels, that it belongs to the attack of this name.
    ///
    /// # Errors
    /// [`WriteError`].
    pub fn write_marked(&mut self, frame: &Frame, attack: Option<&str>) -> Result<(), WriteError> {
        self.line.clear();
        let line = &mut self.line;
        match &mut self.state {
            State::Candump => write_log_line(line, frame, &format!("can{}", frame.bus.0))?,
            State::Asc => asc::frame(line, frame)?,
            State::Trc { frames } => {
                *frames = frames.saturating_add(1);
                trc::frame(line, frame, *frames)?;
            }
            State::PythonCan => tables::python_can(line, frame)?,
            State::Normalised => {
                tables::normalised(line, frame)?;
                line.push(b'\n');
            }
            State::Labelled => {
                tables::normalised(line, frame)?;
                tables::label(line, attack)?;
            }
            State::Pcapng(interfaces) => interfaces.frame(line, frame),
            State::Blf(blf) => return blf.frame(frame),
        }
        self.out.write_all(&self.line)?;
        Ok(())
    }

    /// Writes what ends the format and gives `out` back.
    ///
    /// # Errors
    /// [`WriteError`].
    pub fn finish(mut self) -> Result<W, WriteError> {
        match self.state {
            State::Asc => self.out.write_all(asc::FOOTER)?,
            State::Blf(blf) => blf.finish(&mut self.out)?,
            _ => {}
        }
        self.out.flush()?;
        Ok(self.out)
    }
}

/// The identifier in hexadecimal: three digits, or eight if it has 29 bits.
fn id(frame: &Frame) -> String {
    frame.id.to_string()
}

/// The channel of formats that begin at 1.
fn channel(frame: &Frame) -> u16 {
    u16::from(frame.bus.0).saturating_add(1)
}

/// Whole seconds and the microseconds within.
const fn seconds(frame: &Frame) -> (u64, u64) {
    (frame.time.0 / 1_000_000, frame.time.0 % 1_000_000)
}

/// The data as hexadecimal bytes with a blank before each.
fn spaced(out: &mut Vec<u8>, frame: &Frame) -> io::Result<()> {
    frame.payload.as_slice().iter().try_for_each(|byte| write!(out, " {byte:02X}"))
}

/// The length code of a length, rounded up (ISO 11898-1).
fn length_code(len: u8) -> u8 {
    match len {
        0..=8 => len,
        9..=12 => 9,
        13..=16 => 10,
        17..=20 => 11,
        21..=24 => 12,
        25..=32 => 13,
        33..=48 => 14,
        _ => 15,
    }
}
