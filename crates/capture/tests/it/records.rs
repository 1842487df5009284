//! Captures of records: MDF as loggers write it, pcap and pcapng byte by byte, and packed input.

use crate::tell;
use expect_test::{Expect, expect};
use std::io::{Read as _, Write as _};
use std::path::Path;
use yagura_capture::{Format, Reader, Writer};
use yagura_model::Frame;

fn file(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/captures").join(name)).unwrap()
}

fn frames(bytes: &[u8]) -> Vec<Frame> {
    Reader::new(bytes).map(Result::unwrap).collect()
}

fn check(bytes: &[u8], expect: Expect) {
    expect.assert_eq(&tell(bytes));
}

fn unpacked(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    flate2::read::GzDecoder::new(bytes).read_to_end(&mut out).unwrap();
    out
}

#[test]
fn an_unfinished_mdf_log_is_read_to_its_last_whole_record() {
    let whole = unpacked(&file("mdf/unfinished.mf4.gz"));
    let text = tell(&whole);
    let start: String = text.lines().take(8).flat_map(|line| [line, "\n"]).collect();
    expect![[r#"
        1.000000 bus 1 100 0001020304050607
        1.002500 bus 1 101 01020304050607
        1.005000 bus 1 102 020304050607
        1.007500 bus 1 103 0304050607
        1.010000 bus 1 104 0405060708090A0B
        1.012500 bus 2 305 0F101112131415161718191A fd brs
        1.015000 bus 1 18DB33F1  remote 4
        1.017500 bus 1 00000080 0000000000000000 error
    "#]]
    .assert_eq(&start);
    assert_eq!(frames(&whole).len(), 40);
    // Cut anywhere behind the header, it holds the frames up to there.
    for cut_off in (0..400).step_by(7) {
        let cut = &whole[..whole.len() - cut_off];
        let read: Vec<Frame> = Reader::new(cut).filter_map(Result::ok).collect();
        assert_eq!(read, frames(&whole)[..read.len()]);
        assert!(read.len() + cut_off / 8 + 1 >= 40);
    }
}

#[test]
fn a_sorted_and_packed_mdf_file_holds_the_same_frames_as_the_log() {
    assert_eq!(frames(&file("mdf/sorted.mf4.gz")), frames(&file("mdf/unfinished.mf4.gz")));
}

#[test]
fn a_log_that_the_logger_packed_is_unpacked() {
    let read = frames(&file("mdf/packed.mfc"));
    assert_eq!(read.len(), 30);
    for (frame, n) in read.iter().zip(0_u8..) {
        let expected: Vec<u8> = (0..n % 9).map(|k| n + k).collect();
        assert_eq!((frame.time.0, frame.payload.as_slice()), (1_500_000 + 10_000 * u64::from(n), expected.as_slice()));
    }
}

#[test]
fn every_byte_of_an_mdf_header_may_be_wrong() {
    for name in ["mdf/unfinished.mf4.gz", "mdf/sorted.mf4.gz"] {
        let whole = unpacked(&file(name));
        for at in (0..whole.len()).step_by(whole.len() / 1_500) {
            let mut spoiled = whole.clone();
            spoiled[at] ^= 0xFF;
            let mut reader = Reader::new(spoiled.as_slice());
            let count = reader.by_ref().filter(Result::is_ok).count() as u64;
            assert_eq!(count, reader.summary().frames);
        }
    }
}

/// A pcap file in big-endian order with these packets.
fn pcap(link: u32, packets: &[&[u8]]) -> Vec<u8> {
    let mut out = b"\xA1\xB2\xC3\xD4\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\xFF\xFF".to_vec();
    out.extend_from_slice(&link.to_be_bytes());
    for packet in packets {
        let len = u32::try_from(packet.len()).unwrap();
        for word in [1_700_000_000, 123_456, len, len] {
            out.extend_from_slice(&word.to_be_bytes());
        }
        out.extend_from_slice(packet);
    }
    out
}

#[test]
fn pcap_holds_frames_of_socketcan_bare_or_behind_a_cooked_header() {
    let classic: &[u8] = b"\x98\xFE\xDF\x00\x02\0\0\0\xAA\xBB\0\0\0\0\0\0";
    let fd: &[u8] = b"\0\0\x01\x23\x01\x05\0\0\x07";
    let remote: &[u8] = b"\x40\0\x07\xDF\x08\0\0\0";
    let error: &[u8] = b"\x20\0\0\x04\x08\0\0\0\0\x04\0\0\0\0\0\0";
    let text = expect![[r#"
        1700000000.123456 bus 0 18FEDF00 AABB
        1700000000.123456 bus 0 123 07 fd brs
        1700000000.123456 bus 0 7DF  remote 8
        1700000000.123456 bus 0 00000004 0004000000000000 error
        byte 137: length does not match the data
        4 frames, 1 unreadable, 0 untimed, 0 backward, buses [can0=0]
    "#]];
    check(&pcap(227, &[classic, fd, remote, error, b"\0\0\x01"]), text);
    let cooked = |protocol: u8, body: &[u8]| {
        let mut packet = b"\0\x01\x01\x18\0\0\0\0\0\0\0\0\0\0\0".to_vec();
        packet.push(protocol);
        packet.extend_from_slice(body);
        packet
    };
    check(
        &pcap(113, &[&cooked(0x0C, classic), &cooked(0x0D, fd), &cooked(0x08, b"ip"), &cooked(0x0E, b"xl")]),
        expect![[r#"
            1700000000.123456 bus 0 18FEDF00 AABB
            1700000000.123456 bus 0 123 07 fd brs
            byte 147: CAN XL frame, not supported
            2 frames, 1 unreadable, 0 untimed, 0 backward, buses [can0=0]
        "#]],
    );
    check(
        &pcap(1, &[]),
        expect![[r#"
            byte 20: link type is not that of CAN (227, 113 or 276); reading ends here
            0 frames, 1 unreadable, 0 untimed, 0 backward, buses []
        "#]],
    );
}

#[test]
fn a_capture_that_was_cut_off_ends_with_a_fault_that_does_not_fail_it() {
    let log = frames(&file("tesla-model-3/replay-1.log.gz"));
    for format in [Format::Pcapng, Format::Blf] {
        let mut writer = Writer::new(Vec::new(), format).unwrap();
        log.iter().for_each(|frame| writer.write(frame).unwrap());
        let bytes = writer.finish().unwrap();
        let mut reader = Reader::new(&bytes[..bytes.len() - 3]);
        let errors: Vec<bool> = reader.by_ref().filter_map(Result::err).map(|error| error.is_end()).collect();
        assert_eq!(errors, [false], "{format:?}");
        assert!(reader.summary().frames > 5_000, "{format:?}");
    }
}

#[test]
fn packed_logs_are_unpacked_whatever_they_are_packed_with() {
    let log = unpacked(&file("kona-ev/epcu-replay.log.gz"));
    let expected = frames(&log);
    let mut xz = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(1)).unwrap();
    xz.write_all(&log).unwrap();
    assert_eq!(frames(&xz.finish().unwrap()), expected);
    assert_eq!(frames(&zstd::encode_all(log.as_slice(), 1).unwrap()), expected);
    // Written in two streams, as parallel packers do.
    let half = log.len() / 2;
    let mut bzip2 = Vec::new();
    for part in [&log[..half], &log[half..]] {
        let mut packer = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        packer.write_all(part).unwrap();
        bzip2.extend(packer.finish().unwrap());
    }
    assert_eq!(frames(&bzip2), expected);
    let bzip2 = tell(b"BZh91AY&SY\xff\xff\xff");
    assert!(bzip2.contains("input ended early"), "{bzip2}");
}
