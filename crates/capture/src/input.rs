//! Where bytes come from: plain, gzip, bzip2, xz or zstd, told apart by the first bytes; one line at a time, bounded.
//!
//! Not an archive reader: a zip or 7z holds many files; [`guess`] says what it is. Invariant: at most [`LINE_BYTES_MAX`] bytes of
//! one line, [`START_LEN_MAX`] of the start and [`WINDOW_KIB_MAX`] of what was unpacked are ever held: packed input is unpacked as
//! a stream, so a bomb costs time, not memory.

use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;
use lzma_rust2::XzReader;
use std::fmt;
use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};
use zstd::stream::read::Decoder as ZstdDecoder;

/// The longest line that is read, without its line end. candump's longest (CAN FD, all columns) has under 400 bytes.
pub const LINE_BYTES_MAX: usize = 1024;
/// How much of the start is looked at, at most; a line end behind [`START_LEN_MIN`] ends the look earlier.
const START_LEN_MAX: usize = 4096;
/// Enough for every binary format to be known by, and little enough not to wait for when a log is piped in live.
const START_LEN_MIN: usize = 32;
/// The longest mark at the start of packed input.
const MAGIC_LEN_MAX: usize = 6;
/// How much of what was unpacked xz and zstd may look back at, in KiB: what `xz -9` and `zstd --long` need.
pub(crate) const WINDOW_KIB_MAX: u32 = 131_072;
/// Room for unpacked bytes.
const UNPACKED_LEN: usize = 1 << 16;

/// Input whose first bytes were already taken from it.
type Looked<R> = Chain<Cursor<Vec<u8>>, R>;

/// Bytes from plain or packed input.
pub struct Input<R: BufRead> {
    start: Cursor<Vec<u8>>,
    rest: Rest<R>,
}

enum Rest<R: BufRead> {
    Plain(Looked<R>),
    Gzip(Box<BufReader<MultiGzDecoder<Looked<R>>>>),
    Bzip2(Box<BufReader<MultiBzDecoder<Looked<R>>>>),
    Xz(Box<BufReader<XzReader<Looked<R>>>>),
    Zstd(Box<BufReader<ZstdDecoder<'static, Looked<R>>>>),
}

impl<R: BufRead> fmt::Debug for Input<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input").field("start", &self.start).finish_non_exhaustive()
    }
}

impl<R: BufRead> Input<R> {
    /// Looks at the first bytes and decides.
    ///
    /// # Errors
    /// What reading the first bytes failed with.
    pub fn new(mut read: R) -> io::Result<Self> {
        let magic = look(&mut read, |seen| seen.len() >= MAGIC_LEN_MAX)?;
        let has = |mark: &[u8]| magic.starts_with(mark);
        let (is_gzip, is_bzip2) = (has(b"\x1F\x8B"), has(b"BZh"));
        let (is_xz, is_zstd) = (has(b"\xFD7zXZ"), has(b"\x28\xB5\x2F\xFD"));
        let looked = Cursor::new(magic).chain(read);
        let rest = if is_gzip {
            Rest::Gzip(roomy(MultiGzDecoder::new(looked)))
        } else if is_bzip2 {
            Rest::Bzip2(roomy(MultiBzDecoder::new(looked)))
        } else if is_xz {
            Rest::Xz(roomy(XzReader::new_mem_limit(looked, true, WINDOW_KIB_MAX)))
        } else if is_zstd {
            let mut decoder = ZstdDecoder::with_buffer(looked)?;
            // 2^27 bytes: the same limit as for xz.
            decoder.window_log_max(27)?;
            Rest::Zstd(roomy(decoder))
        } else {
            Rest::Plain(looked)
        };
        Ok(Self { start: Cursor::default(), rest })
    }

    /// The first bytes, still to be read. To be called before anything is read.
    pub(crate) fn start(&mut self) -> io::Result<&[u8]> {
        let is_enough =
            |seen: &[u8]| seen.len() >= START_LEN_MAX || (seen.len() >= START_LEN_MIN && seen.contains(&b'\n'));
        let start = look(&mut self.rest, is_enough)?;
        self.start = Cursor::new(start);
        self.start.fill_buf()
    }
}

fn roomy<R: Read>(read: R) -> Box<BufReader<R>> {
    Box::new(BufReader::with_capacity(UNPACKED_LEN, read))
}

/// Takes bytes until `is_enough` or the end.
fn look(read: &mut impl BufRead, is_enough: impl Fn(&[u8]) -> bool) -> io::Result<Vec<u8>> {
    let mut seen = Vec::new();
    while !is_enough(&seen) {
        let buffer = match read.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        };
        let piece = buffer.get(..START_LEN_MAX).unwrap_or(buffer);
        if piece.is_empty() {
            break;
        }
        seen.extend_from_slice(piece);
        let taken = piece.len();
        read.consume(taken);
    }
    Ok(seen)
}

impl<R: BufRead> Read for Rest<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(read) => read.read(buf),
            Self::Gzip(read) => read.read(buf),
            Self::Bzip2(read) => read.read(buf),
            Self::Xz(read) => read.read(buf),
            Self::Zstd(read) => read.read(buf),
        }
    }
}

impl<R: BufRead> BufRead for Rest<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match self {
            Self::Plain(read) => read.fill_buf(),
            Self::Gzip(read) => read.fill_buf(),
            Self::Bzip2(read) => read.fill_buf(),
            Self::Xz(read) => read.fill_buf(),
            Self::Zstd(read) => read.fill_buf(),
        }
    }

    fn consume(&mut self, amount: usize) {
        match self {
            Self::Plain(read) => read.consume(amount),
            Self::Gzip(read) => read.consume(amount),
            Self::Bzip2(read) => read.consume(amount),
            Self::Xz(read) => read.consume(amount),
            Self::Zstd(read) => read.consume(amount),
        }
    }
}

impl<R: BufRead> Read for Input<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.start.fill_buf()?.is_empty() { self.rest.read(buf) } else { self.start.read(buf) }
    }
}

impl<R: BufRead> BufRead for Input<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.start.fill_buf()?.is_empty() { self.rest.fill_buf() } else { self.start.fill_buf() }
    }

    fn consume(&mut self, amount: usize) {
        if self.start.fill_buf().is_ok_and(<[u8]>::is_empty) {
            self.rest.consume(amount);
        } else {
            self.start.consume(amount);
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

/// The byte that ends lines: a line feed, or in files of old tools that write none a carriage return.
pub(crate) fn line_end(start: &[u8]) -> u8 {
    let is_old = !start.contains(&b'\n') && start.contains(&b'\r');
    if is_old { b'\r' } else { b'\n' }
}

/// Hands the next line, without its line end, to `read`. `carry` holds the piece of a line that spans two buffers.
pub(crate) fn next_line<T>(
    input: &mut impl BufRead,
    end: u8,
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
        let newline = memchr::memchr(end, buffer);
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

/// What an input that is no capture of a known format looks like, by its first bytes.
pub(crate) fn guess(start: &[u8]) -> Option<&'static str> {
    const KNOWN: [(&[u8], &str); 6] = [
        (b"PK\x03\x04", "a zip file: unpack it first"),
        (b"7z\xBC\xAF", "a 7z file: unpack it first"),
        (b"Rar!", "a rar file: unpack it first"),
        (b"\xFF\xFE", "text in UTF-16: save it as UTF-8 first"),
        (b"VERSION \"", "a DBC file: it describes traffic and holds none"),
        (b"{", "a JSON file"),
    ];
    KNOWN.into_iter().find(|(magic, _)| start.starts_with(magic)).map(|(_, what)| what)
}
