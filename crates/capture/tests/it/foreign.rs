//! Captures of many tools and vehicles, found outside the repository: every line is a frame or a fault with a reason.

use std::fmt::Write as _;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use yagura_capture::{Label, ReadError, Reader, Summary};

/// The folder of third-party logs, or `None` with the reason printed.
fn foreign(folder: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/can").join(folder);
    if !path.is_dir() {
        println!("skipped: {} is absent", path.display());
        return None;
    }
    Some(path)
}

fn read(path: &Path) -> (Summary, Option<ReadError>) {
    let mut reader = Reader::new(BufReader::new(File::open(path).unwrap()));
    let fatal = reader.by_ref().filter_map(Result::err).find(|error| !matches!(error, ReadError::Line { .. }));
    (reader.summary(), fatal)
}

#[test]
fn every_frame_of_the_clean_traces_is_read() {
    let Some(folder) = foreign("clean") else { return };
    let index = std::fs::read_to_string(folder.join("INDEX.csv")).unwrap();
    let mut files = 0;
    for line in index.lines().skip(1) {
        // The first field may be quoted and hold commas, so fields are counted from the end.
        let fields: Vec<&str> = line.rsplit(',').collect();
        let (file, frames) = (fields[0], fields[7].parse::<u64>().unwrap());
        let (summary, fatal) = read(&folder.join(file));
        assert!(fatal.is_none(), "{file}: {fatal:?}");
        assert_eq!((summary.frames, summary.unreadable), (frames, 0), "{file}");
        files += 1;
    }
    assert_eq!(files, 67);
}

/// Frames and unreadable lines of one raw log as its tool wrote it.
fn raw(file: &str, frames: u64, unreadable: u64) {
    let Some(folder) = foreign("raw") else { return };
    let (summary, fatal) = read(&folder.join(file));
    assert!(fatal.is_none(), "{file}: {fatal:?}");
    assert_eq!((summary.frames, summary.unreadable), (frames, unreadable), "{file}");
}

#[test]
fn candump_logs_of_many_hands_are_read_as_their_tools_wrote_them() {
    raw("icsim/data/sample-can.log", 6_158, 0);
    raw("j1939-csu/normal.log", 19_957, 0);
    raw("j1939-csu/Application_Layer/dos_1ms.log", 28_074, 0);
    raw("j1939-csu/Application_Layer/fuzz_1ms_ID_Only.log", 28_393, 0);
    raw("j1939-csu/Data_Link_Layer/malicious_CTS_attack.txt", 3_056, 0);
    raw("crysys/S-1-1-malicious-CONST-msg-mod-0x410-0.4-0.6.log", 17_935, 0);
    raw("talking-with-cars/can_logs/internet_logs/02-driving.decoded.log", 32_591, 1);
}

#[test]
fn console_logs_of_many_hands_are_read_as_their_tools_wrote_them() {
    raw("talking-with-cars/can_logs/test_bf_abs_ecu.log", 4_571, 0);
    raw("talking-with-cars/can_logs/test_nissan_leaf_traffic.log", 10_660, 0);
    raw("talking-with-cars/can_logs/test_kwp_readByCommonID.log", 44, 9);
    raw("talking-with-cars/can_logs/test_uds_serial_number_bruteforce.log", 295, 1);
    raw("ev-canlogs/Nissan LEAF/62kWh/EV_can-bus_from_62_ZE1_QCcharging.txt", 22_641, 45);
    raw("ev-canlogs/Porsche Taycan Turbo S/drive_park_reverse_drive(1).log", 7_277, 3);
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
    found.sort();
}

#[test]
fn every_raw_file_is_read_or_refused_with_a_reason() {
    let Some(folder) = foreign("raw") else { return };
    let mut found = Vec::new();
    files(&folder, &mut found);
    let mut told = String::new();
    for path in found {
        let (summary, fatal) = read(&path);
        let name = path.strip_prefix(&folder).unwrap().display();
        let end = fatal.map_or_else(String::new, |error| format!(" | {error}"));
        let format = summary.format.unwrap_or("-");
        writeln!(told, "{} {} {} | {format} | {name}{end}", summary.frames, summary.unreadable, summary.backward)
            .unwrap();
    }
    expect_test::expect_file!["raw.txt"].assert_eq(&told);
}

/// The bytes of a file with some of them changed, cut out or doubled: deterministic, so that a failure can be repeated.
fn spoiled(bytes: &[u8], seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % u64::try_from(below.max(1)).unwrap()).unwrap()
    };
    let mut out = bytes.to_vec();
    for _ in 0..=next(24) {
        // Headers are at the front, so half of the harm is done there.
        let reach = if next(2) == 0 { out.len().min(9_000) } else { out.len() };
        let at = next(reach);
        match next(4) {
            0 if !out.is_empty() => out[at] ^= 1 << next(8),
            1 if !out.is_empty() => out[at] = [0, 0xFF, b' ', b'\n', b'9', 0x7F][next(6)],
            2 => drop(out.drain(at..(at + next(40)).min(out.len()))),
            _ => {
                let piece = out[at..(at + next(40)).min(out.len())].to_vec();
                let to = next(out.len());
                out.splice(to..to, piece);
            }
        }
    }
    out.truncate(if next(4) == 0 { next(out.len()) } else { out.len() });
    out
}

/// The start of a file, long enough for its headers and a few hundred frames.
fn excerpt(path: &Path) -> Vec<u8> {
    let mut bytes = std::fs::read(path).unwrap();
    bytes.truncate(if path.extension().is_some_and(|end| end == "bz2") { usize::MAX } else { 130_000 });
    bytes
}

#[test]
fn spoiled_captures_of_every_format_never_panic() {
    let Some(folder) = foreign("raw") else { return };
    let mut found = Vec::new();
    files(&folder, &mut found);
    let rounds: u64 = std::env::var("YAGURA_SPOIL_ROUNDS").map_or(2, |rounds| rounds.parse().unwrap());
    for path in found {
        let bytes = excerpt(&path);
        for seed in 0..rounds {
            let mut reader = Reader::new(BufReader::new(std::io::Cursor::new(spoiled(&bytes, seed))));
            let frames = reader.by_ref().filter(Result::is_ok).count() as u64;
            assert_eq!(frames, reader.summary().frames, "{} with seed {seed}", path.display());
        }
    }
}

/// Frames, attack frames and whether one of them is without a label.
fn labels(path: &Path) -> (u64, u64, bool) {
    let mut reader = Reader::new(BufReader::new(File::open(path).unwrap()));
    let (mut attacks, mut is_unlabelled) = (0, false);
    while let Some(frame) = reader.next() {
        frame.unwrap();
        attacks += u64::from(matches!(reader.label(), Some(Label::Attack { .. })));
        is_unlabelled |= reader.label().is_none();
    }
    (reader.summary().frames, attacks, is_unlabelled)
}

#[test]
fn labels_of_the_labelled_and_simulated_traces_are_those_of_their_index() {
    for (name, index, frames_at, attacks_at) in [("labelled", "INDEX.csv", 2, 3), ("simulated", "WINDOWS.csv", 3, 4)] {
        let Some(folder) = foreign(name) else { return };
        for line in std::fs::read_to_string(folder.join(index)).unwrap().lines().skip(1) {
            let fields: Vec<&str> = line.split(',').collect();
            let expected = (fields[frames_at].parse().unwrap(), fields[attacks_at].parse().unwrap(), false);
            assert_eq!(labels(&folder.join(fields[0])), expected, "{}", fields[0]);
        }
    }
}
