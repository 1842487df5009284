//! Arbitrary bytes behind the start of each format: no panic, every frame read back from what is written of it in each format.
//!
//! The first byte chooses the start, so that one corpus reaches every reader; packed input is left to `capture_reader`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yagura_capture::{Format, Reader, WriteError, Writer};
use yagura_model::Frame;

/// What makes the reader take the bytes for a format; the rest is the fuzzer's.
const STARTS: [&[u8]; 18] = [
    b"base hex  timestamps absolute\n",
    b"base dec  timestamps relative\n",
    b";$FILEVERSION=1.3\n",
    b";$FILEVERSION=2.1\n;$COLUMNS=N,O,T,B,I,d,R,L,D\n",
    b"@ TEXT @ 3 @\r",
    b"Time   ID     DLC Data\n",
    b"***BUSMASTER Ver 2.4.0***\n",
    b"ParserFlags\tCh\tCounter\tT/R\tTime\tFlags\tCAN ID\tLen\tData\t\n",
    b"NO Direction Time\n",
    b"CAN speed 1: 500k\n",
    b"Time Stamp,ID,Extended,Dir,Bus,LEN,D1,D2,D3,D4,D5,D6,D7,D8\n",
    b"timestamp,arbitration_id,extended,remote,error,dlc,data\n",
    b"t,bus,id,ext,data,label,attack\n",
    b"1542473901.020305 CXX\n",
    b"1483093132.049669 0380 000 0\n",
    b"\xD4\xC3\xB2\xA1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\x04\0\xE3\0\0\0",
    b"\x0A\x0D\x0D\x0A\x1C\0\0\0\x4D\x3C\x2B\x1A\x01\0\0\0\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x1C\0\0\0",
    b"LOGG\x90\0\0\0",
];

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, rest)) = bytes.split_first() else { return };
    let start = STARTS[usize::from(*choice) % STARTS.len()];
    let mut input = start.to_vec();
    if start.starts_with(b"LOGG") {
        input.resize(144, 0);
    }
    input.extend_from_slice(rest);
    let mut reader = Reader::new(input.as_slice());
    let frames: Vec<Frame> = reader.by_ref().filter_map(Result::ok).collect();
    assert_eq!(frames.len() as u64, reader.summary().frames);
    for format in [Format::Candump, Format::Pcapng] {
        let Ok(mut writer) = Writer::new(Vec::new(), format) else { return };
        for frame in &frames {
            match writer.write(frame) {
                Ok(()) => {}
                Err(WriteError::Kind { .. }) => return,
                Err(error) => panic!("{error}"),
            }
        }
        let Ok(written) = writer.finish() else { return };
        let back = Reader::new(written.as_slice()).filter(Result::is_ok).count();
        assert_eq!(back, frames.len());
    }
});
