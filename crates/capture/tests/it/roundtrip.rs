//! What is written is read back the same; whatever is read never panics.

use proptest::prelude::*;
use std::io::{BufReader, Read};
use yagura_capture::{Format, ReadError, Reader, WriteError, Writer, write_log_line};
use yagura_model::{BusId, CanId, Frame, FrameKind, Micros, Payload};

prop_compose! {
    fn frame()(
        time in 0..=u64::MAX / 2, bus in 0..3_u8, extended: bool, raw: u32, kind in 0..4_u8, flags in 0..4_u8,
        requested_len in 0..=8_u8, data in proptest::collection::vec(any::<u8>(), 0..=64),
    ) -> Frame {
        let kind = match kind {
            0 => FrameKind::Data,
            1 => FrameKind::Fd { bit_rate_switch: flags & 1 != 0, error_passive: flags & 2 != 0 },
            2 => FrameKind::Remote { requested_len },
            _ => FrameKind::Error,
        };
        let key = if extended || kind == FrameKind::Error { raw & 0x1FFF_FFFF | CanId::EXTENDED_BIT } else { raw & 0x7FF };
        let len = match kind {
            FrameKind::Remote { .. } => 0,
            FrameKind::Fd { .. } => data.len(),
            _ => data.len().min(8),
        };
        Frame {
            time: Micros(time),
            bus: BusId(bus),
            id: CanId::from_key(key).unwrap(),
            kind,
            payload: Payload::new(&data[..len]).unwrap(),
        }
    }
}

/// Gives its bytes in pieces of the sizes in `cuts`.
struct Pieces<'a> {
    bytes: &'a [u8],
    cuts: std::iter::Cycle<std::slice::Iter<'a, usize>>,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let len = self.cuts.next().copied().unwrap_or(1).min(buf.len()).min(self.bytes.len());
        let (piece, rest) = self.bytes.split_at(len);
        buf[..len].copy_from_slice(piece);
        self.bytes = rest;
        Ok(len)
    }
}

/// A frame as it comes back from a format: what the format cannot say is gone. `None` if it has no place for it.
fn through(format: Format, frame: &Frame) -> Option<Frame> {
    let mut frame = *frame;
    let is_error = frame.kind == FrameKind::Error;
    let no_detail = |frame: &mut Frame| {
        frame.id = CanId::from_key(0x80 | CanId::EXTENDED_BIT).unwrap();
        frame.payload = Payload::new(&[0; 8]).unwrap();
    };
    match format {
        Format::Asc | Format::PcanTrc | Format::Blf => {
            frame.bus.0 += 1;
            if is_error {
                no_detail(&mut frame);
            }
        }
        Format::PythonCanCsv | Format::NormalisedCsv | Format::LabelledCsv => {
            let is_python = format == Format::PythonCanCsv;
            if is_python {
                frame.bus.0 = 0;
            }
            match frame.kind {
                FrameKind::Fd { .. } if frame.payload.len() <= 8 => frame.kind = FrameKind::Data,
                FrameKind::Fd { .. } => frame.kind = FrameKind::Fd { bit_rate_switch: false, error_passive: false },
                FrameKind::Remote { .. } | FrameKind::Error if !is_python => return None,
                _ => {}
            }
        }
        _ => {}
    }
    Some(frame)
}

fn read(bytes: &[u8], cuts: &[usize]) -> Vec<Frame> {
    let pieces = Pieces { bytes, cuts: cuts.iter().cycle() };
    Reader::new(BufReader::with_capacity(64, pieces)).map(Result::unwrap).collect()
}

proptest! {
    #[test]
    fn every_format_that_is_written_is_read_back_whatever_the_chunking(
        frames in proptest::collection::vec(frame(), 1..40), cuts in proptest::collection::vec(1..50_usize, 1..8),
    ) {
        // ASC and python-can take seconds, BLF nanoseconds in 64 bits.
        let frames: Vec<Frame> = frames.into_iter().map(|frame| Frame { time: Micros(frame.time.0 >> 12), ..frame }).collect();
        for format in Format::ALL {
            let mut writer = Writer::new(Vec::new(), format).unwrap();
            let mut expected = Vec::new();
            for frame in &frames {
                match (writer.write(frame), through(format, frame)) {
                    (Ok(()), Some(back)) => expected.push(back),
                    (Err(WriteError::Kind { .. }), None) => {}
                    (other, back) => prop_assert!(false, "{format:?}: {other:?} for {back:?}"),
                }
            }
            let bytes = writer.finish().unwrap();
            let back = read(&bytes, &cuts);
            prop_assert_eq!(back, expected, "{:?}", format);
        }
    }

    #[test]
    fn written_captures_that_were_spoiled_never_panic(
        frames in proptest::collection::vec(frame(), 1..30), format in 0..Format::ALL.len(),
        harm in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12), cut in any::<prop::sample::Index>(), is_cut: bool,
    ) {
        let mut writer = Writer::new(Vec::new(), Format::ALL[format]).unwrap();
        for frame in &frames {
            drop(writer.write(frame));
        }
        let mut bytes = writer.finish().unwrap();
        for (at, byte) in harm.iter().filter(|_| !frames.is_empty()) {
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
        }
        if is_cut && !bytes.is_empty() {
            bytes.truncate(cut.index(bytes.len()));
        }
        let mut reader = Reader::new(bytes.as_slice());
        let frames = reader.by_ref().filter(Result::is_ok).count() as u64;
        prop_assert_eq!(frames, reader.summary().frames);
    }

    #[test]
    fn a_written_log_is_read_back_whatever_the_chunking(
        frames in proptest::collection::vec(frame(), 1..20), cuts in proptest::collection::vec(1..50_usize, 1..8),
    ) {
        let mut text = Vec::new();
        for frame in &frames {
            write_log_line(&mut text, frame, &format!("can{}", frame.bus.0)).unwrap();
        }
        let pieces = Pieces { bytes: &text, cuts: cuts.iter().cycle() };
        let back: Vec<Frame> = Reader::new(BufReader::with_capacity(64, pieces)).map(Result::unwrap).collect();
        prop_assert_eq!(back, frames);
    }

    #[test]
    fn garbage_is_counted_and_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..4_000)) {
        let mut reader = Reader::new(bytes.as_slice());
        let errors = reader.by_ref().filter(Result::is_err).count() as u64;
        prop_assert!(errors <= reader.summary().unreadable.max(1));
    }

    #[test]
    fn text_like_candump_never_panics_and_every_line_is_accounted_for(
        lines in proptest::collection::vec(r"[ (]{0,2}[0-9]{0,12}[.)]{0,2} {0,2}v?can[0-9]? {1,2}[0-9A-F]{0,9}[# \[]{1,3}[0-9A-FRr_.\]]{0,20}[ 0-9A-F']{0,12}", 1..100),
    ) {
        let text = format!("(0.0) can0 001#\n{}\n", lines.join("\n"));
        let mut reader = Reader::new(text.as_bytes());
        for item in reader.by_ref() {
            prop_assert!(!matches!(item, Err(ReadError::UnknownFormat(_) | ReadError::Io(_))));
        }
        let summary = reader.summary();
        let lines_with_text = text.lines().filter(|line| !line.trim().is_empty()).count() as u64;
        prop_assert_eq!(summary.frames + summary.unreadable, lines_with_text);
    }
}

#[test]
fn an_interface_that_would_not_be_read_back_is_refused() {
    let frame = Frame {
        time: Micros(0),
        bus: BusId(0),
        id: CanId::from_key(1).unwrap(),
        kind: FrameKind::Data,
        payload: Payload::EMPTY,
    };
    for name in ["", "can 0", "can\n", &"c".repeat(33)] {
        assert!(matches!(write_log_line(&mut Vec::new(), &frame, name), Err(WriteError::Interface(_))), "{name:?}");
    }
}
