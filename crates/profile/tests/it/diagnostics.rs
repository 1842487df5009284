//! Diagnostics in real traffic: who talks is learned, and what testers and dongles do stays silent.
//!
//! Not the state machines themselves (their tests stand beside them in `ids`).

use crate::traces::{IDS, candump, files, folder, name};
use yagura_ids::{Check, Detector, Finding, Profile, Sink};
use yagura_model::{Frame, Micros, SecurityEvent};
use yagura_profile::{Settings, learn};

/// Keeps what the detectors of diagnostics and J1939 find.
#[derive(Default)]
pub(crate) struct Found(pub(crate) Vec<Finding>);

impl Sink for Found {
    fn raise(&mut self, _: SecurityEvent) {}

    fn find(&mut self, finding: &Finding) {
        self.0.push(*finding);
    }
}

/// All findings of a replay.
pub(crate) fn findings(profile: &[u8], frames: &[Frame]) -> Vec<Finding> {
    let mut detector: Box<Detector<'_, IDS>> = Box::new(Detector::new(Profile::parse(profile).unwrap()).unwrap());
    let mut found = Found::default();
    frames.iter().for_each(|frame| detector.handle_frame(frame, &mut found));
    detector.handle_timeout(Micros::MAX, &mut found);
    found.0
}

pub(crate) const fn is_of_protocol(check: Check) -> bool {
    matches!(
        check,
        Check::IsoTp
            | Check::SecurityAccess
            | Check::Scan
            | Check::UnsafeRequest
            | Check::J1939Transport
            | Check::J1939Request
            | Check::J1939Address
            | Check::J1939Source
    )
}

#[test]
fn clean_captures_replayed_on_their_own_profile_and_on_half_of_it_raise_nothing_of_diagnostics() {
    let Some(folder) = folder("clean") else { return };
    let mut told = 0;
    for path in files(&folder, ".gz") {
        let frames = candump(&path);
        for training in [frames.as_slice(), &frames[..frames.len() / 2]] {
            let learned = learn(training.iter().copied(), &Settings::default()).unwrap();
            let bytes = learned.encode();
            let profile = Profile::parse(&bytes).unwrap();
            let (rows, muted) = profile
                .tables()
                .diagnostics
                .iter()
                .fold((0, 0), |(rows, muted), row| (rows + 1, muted + u32::from(row.muted != 0)));
            let found = findings(&bytes, &frames);
            let protocol: Vec<_> = found.iter().filter(|finding| is_of_protocol(finding.check)).collect();
            if rows > 0 || !protocol.is_empty() {
                println!("{:<60} {rows} identifiers, {muted} muted, {} findings", name(&path), protocol.len());
            }
            for finding in protocol.iter().take(3) {
                println!("    {} {:?} {:?} {}", finding.time, finding.check, finding.strength, finding.context.id);
            }
            told += protocol.len();
        }
    }
    assert_eq!(told, 0);
}
