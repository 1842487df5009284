//! The lines of `replay --json`, key by key, and what `learn` says of held-back traffic.

use crate::capture;
use expect_test::expect;
use std::io::Write as _;
use std::path::Path;
use yagura_catalogue::Catalogue;
use yagura_desk::{Capture, Quiet, Report, Tally, learn, replay};
use yagura_ids::Profile;
use yagura_profile::Specification;

const LEARNED: &str = "tesla-model-3/learn.log.gz";
const DRIVE: &str = "tesla-model-3/replay-1.log.gz";

fn profile() -> Vec<u8> {
    learn(&[capture(LEARNED)], &Specification::default(), &mut Quiet).unwrap().learned.encode()
}

/// The JSON lines that a capture raises.
fn lines(path: &Path, profile: &[u8]) -> (Tally, String) {
    let profile = Profile::parse(profile).unwrap();
    let catalogue = Catalogue::builtin();
    let mut lines = Vec::new();
    let mut capture = Capture::open(path).unwrap();
    let tally = replay(&mut capture, profile, &mut Quiet, |alert| {
        alert.write_json(&mut lines, &profile, &catalogue).unwrap();
    });
    (tally.unwrap(), String::from_utf8(lines).unwrap())
}

#[test]
fn a_clean_drive_writes_no_line() {
    let (tally, lines) = lines(&capture(DRIVE), &profile());
    assert_eq!(lines, "");
    assert_eq!((tally.frames, tally.alerts, tally.events, tally.incidents), (10_000, 0, 0, 0));
}

#[test]
fn each_flagged_frame_is_one_line_in_the_clock_of_the_capture() {
    let frames = Capture::open(&capture(DRIVE)).unwrap().read_all(&mut Quiet).unwrap();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "t,bus,id,ext,data,label,attack").unwrap();
    for frame in frames.iter().take(1_000) {
        writeln!(file, "{},0,{},0,{},0,", frame.time, frame.id, frame.payload).unwrap();
    }
    let last = frames[999].time;
    writeln!(file, "{},0,555,0,021001,1,foreign", last.plus(100)).unwrap();
    writeln!(file, "{},0,0CF00400,1,FFFF,1,foreign", last.plus(200)).unwrap();
    let (tally, lines) = lines(file.path(), &profile());
    assert_eq!((tally.frames, tally.unreadable, tally.alerts, tally.incidents), (1_002, 0, 2, 1));
    expect![[r#"
        {"t":1596811215.467190,"bus":0,"id":"555","detector":"unknown-id","event":"CAN_UNKNOWN_ID","severity":"medium","qualified":true,"incident":1,"reason":"555 was never seen in training","data":"021001","expected":0,"observed":0}
        {"t":1596811215.467290,"bus":0,"id":"0CF00400","detector":"unknown-id","event":"CAN_UNKNOWN_ID","severity":"medium","qualified":true,"incident":1,"reason":"0CF00400 was never seen in training","data":"FFFF","expected":0,"observed":0}
    "#]].assert_eq(&lines);
}

#[test]
fn learning_says_what_it_would_have_raised_on_traffic_held_back() {
    let lesson = learn(&[capture(LEARNED)], &Specification::default(), &mut Quiet).unwrap();
    let held = lesson.held_back.as_ref().unwrap();
    assert_eq!((held.parts, held.alerts, held.incidents), (3, 0, 0));
    let text = Report::of(&lesson).unwrap().text();
    assert!(text.contains("false alarms: 0 incidents, 0 flagged frames in "), "{text}");
}
