//! Judgements, one by one; the whole protocol is tested in `tests/it`.

use super::*;
use crate::header::Clock;
use proptest::prelude::*;
use yagura_model::Micros;

const NOW: UnixMicros = UnixMicros(1_800_000_000_000_000);

fn header(boot: u64, sequence: u64, previous: u8, oldest_held: u64) -> Header {
    Header {
        device: "acme/kona-0001/cgw".parse().expect("names"),
        boot,
        sequence,
        previous: Digest([previous; 32]),
        first: Micros(0),
        last: Micros(0),
        clock: Clock { boot_at: NOW, uncertainty: 0 },
        losses: Losses::NONE,
        oldest_held,
        body_len: 0,
    }
}

/// A chain that is told of reports by (boot, sequence, previous, digest, oldest held).
#[derive(Default)]
struct Bench(Chain, u64);

impl Bench {
    fn hear(&mut self, boot: u64, sequence: u64, previous: u8, digest: u8, oldest_held: u64) -> Judgement {
        let header = header(boot, sequence, previous, oldest_held);
        let digest = Digest([digest; 32]);
        let judgement = self.0.judge(&header, &digest, NOW);
        if matches!(judgement, Judgement::Accept { .. }) {
            self.0.record(&header, &digest, self.1);
            self.1 += 1;
        }
        judgement
    }

    fn stands_at(&self) -> Option<(u64, u64)> {
        self.0.resume().map(|resume| (resume.boot, resume.sequence))
    }
}

fn fine() -> Judgement {
    Judgement::Accept { anomalies: vec![] }
}

fn with(anomaly: Anomaly) -> Judgement {
    Judgement::Accept { anomalies: vec![anomaly] }
}

fn broken(expected: u8, found: u8) -> Anomaly {
    Anomaly::ChainBroken { expected: Digest([expected; 32]), found: Digest([found; 32]) }
}

#[test]
fn reports_in_their_turn_are_fine_and_a_new_boot_goes_on() {
    let mut chain = Bench::default();
    assert_eq!(chain.stands_at(), None);
    assert_eq!(chain.hear(1, 0, 0, 10, 0), fine());
    assert_eq!(chain.hear(1, 1, 10, 11, 1), fine());
    assert_eq!(chain.hear(5, 0, 11, 50, 0), fine());
    assert_eq!(chain.stands_at(), Some((5, 0)));
}

#[test]
fn the_same_report_again_gets_its_receipt_again_and_another_is_a_conflict() {
    let mut chain = Bench::default();
    chain.hear(1, 0, 0, 10, 0);
    chain.hear(1, 1, 10, 11, 1);
    assert_eq!(chain.hear(1, 1, 10, 11, 1), Judgement::Duplicate { position: 1 });
    let conflict = RefuseReason::Conflict { stored: Digest([10; 32]) };
    assert_eq!(chain.hear(1, 0, 0, 99, 0), Judgement::Refuse(conflict));
    assert_eq!(conflict.anomaly(&header(1, 0, 0, 0)).event(), EventId(0x9003));
}

#[test]
fn a_report_that_the_sensor_no_longer_holds_is_missing_at_once() {
    let mut chain = Bench::default();
    chain.hear(1, 0, 0, 10, 0);
    assert_eq!(chain.hear(1, 3, 12, 13, 3), with(Anomaly::SequenceGap { missing: 2 }));
    assert_eq!(chain.stands_at(), Some((1, 3)));
    assert_eq!(chain.hear(1, 4, 13, 14, 4), fine());
    assert_eq!(chain.hear(1, 2, 11, 12, 2), fine(), "it may still come late, and fits");
    assert_eq!(chain.hear(1, 1, 66, 11, 1), with(broken(10, 66)));
}

#[test]
fn a_report_that_the_sensor_still_holds_is_awaited() {
    let mut chain = Bench::default();
    chain.hear(1, 0, 0, 10, 0);
    assert_eq!(chain.hear(1, 2, 11, 12, 1), fine());
    assert_eq!(chain.stands_at(), Some((1, 0)));
    assert_eq!(chain.hear(1, 3, 12, 13, 1), fine());
    assert_eq!(chain.hear(1, 1, 10, 11, 1), fine());
    assert_eq!(chain.stands_at(), Some((1, 3)));
}

#[test]
fn what_is_awaited_is_missing_once_the_window_or_the_boot_has_passed() {
    let mut chain = Bench::default();
    chain.hear(1, 0, 0, 10, 0);
    chain.hear(1, 2, 11, 12, 1);
    for sequence in 3..1 + WINDOW_MAX {
        let digest = 10 + sequence as u8;
        assert_eq!(chain.hear(1, sequence, digest - 1, digest, 1), fine());
    }
    let digest = 10 + WINDOW_MAX as u8 + 1;
    let gap = with(Anomaly::SequenceGap { missing: 1 });
    assert_eq!(chain.hear(1, 1 + WINDOW_MAX, digest - 1, digest, 1), gap);
    chain.hear(1, 4 + WINDOW_MAX, 77, 78, 1);
    assert_eq!(chain.hear(2, 0, 78, 80, 0), with(Anomaly::SequenceGap { missing: 2 }));
}

#[test]
fn a_chain_that_does_not_follow_is_accepted_and_said() {
    let mut chain = Bench::default();
    assert_eq!(chain.hear(1, 0, 7, 10, 0), with(broken(0, 7)));
    assert_eq!(chain.hear(1, 1, 99, 11, 1), with(broken(10, 99)));
    assert_eq!(chain.hear(2, 0, 0, 20, 0), with(broken(11, 0)), "a sensor that lost its memory");
    assert_eq!(chain.hear(2, 2, 77, 22, 1), fine(), "nothing to compare with yet");
    assert_eq!(chain.hear(2, 1, 20, 21, 1), with(broken(21, 77)));
}

#[test]
fn an_old_boot_and_a_report_beyond_memory_are_refused() {
    let mut chain = Bench::default();
    chain.hear(3, 0, 0, 10, 0);
    assert_eq!(chain.hear(2, 9, 0, 11, 0), Judgement::Refuse(RefuseReason::StaleBoot { current: 3 }));
    for sequence in 5..200_u64 {
        chain.hear(3, sequence, 0, 1, sequence);
    }
    assert_eq!(chain.hear(3, 4, 0, 11, 4), Judgement::Refuse(RefuseReason::TooOld { oldest: 168 }));
    assert_eq!(chain.0.seen.len(), MEMORY_MAX);
}

#[test]
fn declared_losses_and_a_clock_that_runs_ahead_are_said() {
    let losses = Losses { events: 3, ..Losses::NONE };
    let clock = Clock { boot_at: NOW.plus(SKEW_MICROS_MAX + 2), uncertainty: 1 };
    let said = Header { losses, clock, ..header(1, 0, 0, 0) };
    let anomalies = vec![Anomaly::Losses(losses), Anomaly::ClockSkew { ahead_micros: SKEW_MICROS_MAX + 2 }];
    assert_eq!(Chain::new().judge(&said, &Digest::ZERO, NOW), Judgement::Accept { anomalies });
    let old = Header { clock: Clock { boot_at: UnixMicros(0), uncertainty: 0 }, ..said };
    let late = Chain::new().judge(&old, &Digest::ZERO, NOW);
    assert_eq!(late, with(Anomaly::Losses(losses)), "a report that waited long is no skew");
}

#[test]
fn every_anomaly_keeps_its_code() {
    let device = "a/b/c".parse().expect("names");
    let all = [
        Anomaly::SequenceGap { missing: 1 },
        broken(0, 1),
        Anomaly::Replay { boot: 0, sequence: 0 },
        Anomaly::BadSignature,
        Anomaly::WrongDevice { claimed: device },
        Anomaly::Oversize { bytes: 1, max: 0 },
        Anomaly::Malformed { offset: 0 },
        Anomaly::Losses(Losses::NONE),
        Anomaly::ClockSkew { ahead_micros: 1 },
    ];
    let codes: Vec<u8> = all.iter().map(Anomaly::code).collect();
    assert_eq!(codes, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(all[8].event(), EventId(0x9009));
}

proptest! {
    #[test]
    fn nothing_is_accepted_twice_whatever_comes(
        reports in proptest::collection::vec((1..4_u64, prop_oneof![0..40_u64, Just(u64::MAX)], any::<bool>(), 0..20_u64), 0..300),
    ) {
        let mut chain = Bench::default();
        let mut accepted = std::collections::HashSet::new();
        for (boot, sequence, other, held) in reports {
            let digest = (sequence as u8) ^ if other { 0x80 } else { 0 };
            let judgement = chain.hear(boot, sequence, 0, digest, sequence.saturating_sub(held));
            if matches!(judgement, Judgement::Accept { .. }) {
                prop_assert!(accepted.insert((boot, sequence)), "boot {} sequence {}", boot, sequence);
            }
            prop_assert!(chain.0.seen.len() <= MEMORY_MAX && chain.0.awaited.len() < WINDOW_MAX as usize);
        }
    }
}

proptest! {
    #[test]
    fn a_chain_is_restored_as_it_was_saved(
        reports in proptest::collection::vec((1..4_u64, 0..60_u64, any::<u8>(), 0..60_u64), 0..120),
        at: usize, bit in 0..8_u8,
    ) {
        let mut bench = Bench::default();
        for (boot, sequence, digest, held) in reports {
            bench.hear(boot, sequence, 0, digest, held.min(sequence));
        }
        let mut saved = Vec::new();
        bench.0.save(&mut saved);
        prop_assert_eq!(Chain::restore(&saved), Ok(bench.0));
        let at = at % saved.len();
        prop_assert!(Chain::restore(&saved[..at]).is_err());
        saved[at] ^= 1 << bit;
        if let Ok(other) = Chain::restore(&saved) {
            let mut again = Vec::new();
            other.save(&mut again);
            prop_assert_eq!(again, saved);
        }
    }
}
