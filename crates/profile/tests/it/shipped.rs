//! The captures that ship with the repository: quiet when clean, and what each attack on them raises.
//!
//! Runs anywhere: these captures are in `testdata/`.

use crate::traces::{Tally, candump, replay};
use expect_test::{Expect, expect};
use std::path::Path;
use yagura_ids::Profile;
use yagura_model::{CanId, Frame, Payload};
use yagura_profile::{Settings, explain, learn};

fn capture(name: &str) -> Vec<Frame> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/captures").join(name);
    let frames = candump(&path);
    assert!(!frames.is_empty(), "{} has no frames", path.display());
    frames
}

fn learned(name: &str) -> Vec<u8> {
    learn(capture(name), &Settings::default()).unwrap().encode()
}

#[test]
fn clean_captures_of_the_same_vehicle_raise_nothing() {
    let pairs = [
        ("tesla-model-3/learn.log.gz", "tesla-model-3/replay-1.log.gz"),
        ("tesla-model-3/learn.log.gz", "tesla-model-3/replay-2.log.gz"),
        ("kona-ev/compressor-learn.log.gz", "kona-ev/compressor-replay.log.gz"),
        ("kona-ev/p-can-learn.log.gz", "kona-ev/p-can-replay.log.gz"),
        ("kona-ev/epcu-learn.log.gz", "kona-ev/epcu-replay.log.gz"),
        ("gnss-drive/learn.log.gz", "gnss-drive/replay.log.gz"),
    ];
    for (training, other) in pairs {
        let profile = learned(training);
        for frames in [capture(training), capture(other), [capture(other), capture(other)].concat()] {
            assert_eq!(Tally::of(&replay(&profile, &frames)), Tally::default(), "{training} on {other}");
        }
    }
}

#[test]
fn the_same_captures_give_the_same_profile() {
    assert_eq!(learned("tesla-model-3/learn.log.gz"), learned("tesla-model-3/learn.log.gz"));
}

#[test]
fn a_profile_is_explained_line_by_line() {
    let profile = learned("kona-ev/compressor-learn.log.gz");
    expect![[r#"
        learned from 13854 frames, 23 s of busy bus
        bus 0: 13854 frames, at most 601 a second
          more identifiers are to be expected (11 bits): 3 at once, one each 11.5 s
          110 periodic    2310 frames, period 10002 µs (9539..10437); injection: more than 25005 µs ahead of 9002 µs or twice within 625 µs; silence: after 25005 µs
          111 periodic    2310 frames, period 10002 µs (9545..10431); injection: more than 25005 µs ahead of 9002 µs or twice within 625 µs; silence: after 25005 µs
          120 periodic    2307 frames, period 10015 µs (9544..10502); injection: more than 25037 µs ahead of 9014 µs or twice within 625 µs; silence: after 25037 µs
          121 periodic    2307 frames, period 10015 µs (9518..10517); injection: more than 25037 µs ahead of 9014 µs or twice within 625 µs; silence: after 25037 µs
          140 periodic    2310 frames, period 9999 µs (9531..10237); injection: more than 24997 µs ahead of 9000 µs or twice within 624 µs; silence: after 24997 µs
          141 periodic    2310 frames, period 9999 µs (9520..10237); injection: more than 24997 µs ahead of 9000 µs or twice within 624 µs; silence: after 24997 µs
    "#]].assert_eq(&explain(&Profile::parse(&profile).unwrap()));
}

/// Identifier 2E8 of the Tesla has a period of 100 ms; the attack lasts from second 10 to 20.
const VICTIM: u32 = 0x2E8;

fn attacked(attack: impl Fn(&Frame, u64) -> Vec<Frame>) -> Vec<Frame> {
    let clean = capture("tesla-model-3/replay-1.log.gz");
    let start = clean[0].time;
    let mut frames: Vec<Frame> = clean
        .iter()
        .flat_map(|frame| match frame.time.since(start) {
            at @ 10_000_000..20_000_000 => attack(frame, at),
            _ => vec![*frame],
        })
        .collect();
    frames.sort_by_key(|frame| frame.time);
    frames
}

fn check(attack: impl Fn(&Frame, u64) -> Vec<Frame>, expected: Expect) {
    let profile = learned("tesla-model-3/learn.log.gz");
    expected.assert_eq(&Tally::of(&replay(&profile, &attacked(attack))).to_string());
}

fn id(raw: u32) -> CanId {
    CanId::from_key(raw).unwrap()
}

#[test]
fn injection_raises_early_frames() {
    let injected = |frame: &Frame| Frame { time: frame.time.plus(40_000), ..*frame };
    check(
        |f, _| if f.id == id(VICTIM) { vec![*f, injected(f)] } else { vec![*f] },
        expect!["early 11 (×97) other 2 (×2) "],
    );
}

#[test]
fn injection_right_behind_the_victim_raises_early_frames() {
    let injected = |frame: &Frame| Frame { time: frame.time.plus(300), ..*frame };
    check(
        |f, _| if f.id == id(VICTIM) { vec![*f, injected(f)] } else { vec![*f] },
        expect!["early 11 (×99) other 1 (×1) "],
    );
}

#[test]
fn suspension_raises_silence_once() {
    check(|f, _| if f.id == id(VICTIM) { vec![] } else { vec![*f] }, expect!["silent 1 (×1) "]);
}

#[test]
fn a_flood_of_the_highest_priority_raises_flood_and_unknown() {
    let flood = |f: &Frame| (0..8).map(|n| Frame { time: f.time.plus(n * 400), id: id(0), ..*f }).chain([*f]).collect();
    check(|f, _| flood(f), expect!["unknown 11 (×16160) flood 11 (×13682) "]);
}

#[test]
fn fuzzing_raises_unknown_and_wrong_lengths() {
    let fuzzed = |f: &Frame, at: u64| Frame { id: id((at.wrapping_mul(0x9E37_79B9) >> 7) as u32 & 0x7FF), ..*f };
    check(|f, at| vec![*f, fuzzed(f, at)], expect!["unknown 41 (×2002) length 8 (×8) early 1 (×1) flood 11 (×653) "]);
}

#[test]
fn a_cut_payload_raises_a_wrong_length() {
    let cut = |f: &Frame| Frame { payload: Payload::new(&f.payload.as_slice()[..2]).unwrap(), ..*f };
    check(|f, _| vec![if f.id == id(VICTIM) { cut(f) } else { *f }], expect!["length 11 (×100) silent 1 (×1) "]);
}
