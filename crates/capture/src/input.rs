//! Where lines come from: plain text or gzip, told apart by its first bytes; one line at a time, bounded.
//!
//! Not a decompressor of anything else: other packings are recognised by [`guess`] only to tell the user what the file is.
//! Invariant: at most [`LINE_BYTES_MAX`] bytes of one line are ever held; gzip is unpacked as a stream, so a bomb costs time, not memory.

use flate2::bufread::MultiGzDecoder;
use std::io::{self, BufRead, BufReader, Read};

/// The longest line that is read, without its line end. candump's longest (CAN FD, all columns) has under 400 bytes.
pub const LINE_BYTES_MAX: usize = 1024;

/// Text from plain or gzip'd bytes.
#[derive(Debug)]
pub enum Input<R: BufRead> {
    /// As it is.
    Plain(R),
    /// Unpacked on the way.
    Gzip(Box<BufReader<MultiGzDecoder<R>>>),
}

impl<R: BufRead> Input<R> {
    /// Looks at the first bytes and decides.
    ///
    /// # Errors
    /// What reading the first bytes failed with.
    pub fn new(mut read: R) -> io::Result<Self> {
        let is_gzip = read.fill_buf()?.starts_with(&[0x1F, 0x8B]);
        Ok(if is_gzip {
            Self::Gzip(Box::new(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(read))))
        } else {
            Self::Plain(read)
        })
    }
}

impl<R: BufRead> Read for Input<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(read) => read.read(buf),
            Self::Gzip(read) => read.read(buf),
        }
    }
}

impl<R: BufRead> BufRead for Input<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match self {
            Self::Plain(read) => read.fill_buf(),
            Self::Gzip(read) => read.fill_buf(),
        }
    }

    fn consume(&mut self, amount: usize) {
        match self {
            Self::Plain(read) => read.consume(amount),
            Self::Gzip(read) => read.consume(amount),
        }
    }
}

/// What [`next_line`] found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Found<T> {
    /// What `read` made of the line.
    Line(T),
    /// A line above [`LINE_BYTES_MAX`]; all of it has been skipped.
    TooLong,
    /// Nothing is left.
    End,
}

/// Hands the next line, without its line end, to `read`. `carry` holds the piece of a line that spans two buffers.
pub(crate) fn next_line<T>(
    input: &mut impl BufRead,
    carry: &mut Vec<u8>,
    mut read: impl FnMut(&[u8]) -> T,
) -> io::Result<Found<T>> {
    carry.clear();
    let mut is_too_long = false;
    loop {
        let buffer = match input.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        };
        let is_end = buffer.is_empty();
        let newline = buffer.iter().position(|byte| *byte == b'\n');
        let piece = buffer.get(..newline.unwrap_or(buffer.len())).unwrap_or(&[]);
        is_too_long |= carry.len().saturating_add(piece.len()) > LINE_BYTES_MAX;
        let is_whole = newline.is_some() || is_end;
        if is_end && carry.is_empty() && !is_too_long {
            return Ok(Found::End);
        }
        let found = match (is_too_long, is_whole) {
            (true, _) => Some(Found::TooLong),
            (false, true) if carry.is_empty() => Some(Found::Line(read(piece))),
            (false, _) => {
                carry.extend_from_slice(piece);
                is_whole.then(|| Found::Line(read(carry)))
            }
        };
        let taken = piece.len().saturating_add(usize::from(newline.is_some()));
        input.consume(taken);
        if let (Some(found), true) = (found, is_whole) {
            return Ok(found);
        }
    }
}

/// What an input that is no candump text looks like, by its first bytes.
pub(crate) fn guess(start: &[u8]) -> Option<&'static str> {
    const KNOWN: [(&[u8], &str); 11] = [
        (b"BZh", "a bzip2 file: unpack it first"),
        (b"\xFD7zXZ", "an xz file: unpack it first"),
        (b"\x28\xB5\x2F\xFD", "a zstd file: unpack it first"),
        (b"PK\x03\x04", "a zip file: unpack it first"),
        (b"7z\xBC\xAF", "a 7z file: unpack it first"),
        (b"MDF ", "an ASAM MDF file"),
        (b"LOGG", "a Vector BLF file"),
        (b"\xD4\xC3\xB2\xA1", "a pcap file"),
        (b"\x0A\x0D\x0D\x0A", "a pcapng file"),
        (b"date ", "a Vector ASC file"),
        (b";$FILEVERSION", "a PCAN trace file"),
    ];
    let csv = (b"Time Stamp,".as_slice(), "a SavvyCAN (GVRET) CSV file");
    KNOWN.into_iter().chain([csv]).find(|(magic, _)| start.starts_with(magic)).map(|(_, what)| what)
}
