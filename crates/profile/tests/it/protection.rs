//! Every kind of checksum and counter by a sender made for it: learned in ten seconds, silent after, loud when forged.
//!
//! Not real traffic (that is `integrity`). Senders are seeded; the codes behind them are checked against the catalogue in `ids`.

use yagura_ids::{
    Algorithm, Check, ChecksumField, ChecksumRow, Constant, CounterRow, DataIdMode, Detector, Direction, E2eProfile,
    Finding, Profile, Sink, Strength,
};
use yagura_model::{BusId, CanId, Frame, FrameKind, Micros, Payload, SecurityEvent};
use yagura_profile::{Learned, Settings, learn};

#[derive(Default)]
struct Told(Vec<Finding>);

impl Sink for Told {
    fn raise(&mut self, _: SecurityEvent) {}

    fn find(&mut self, finding: &Finding) {
        if matches!(finding.check, Check::Checksum | Check::Counter) {
            self.0.push(*finding);
        }
    }
}

/// xorshift64: good enough for traffic.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// Sends each 10 ms: two signals that wander, a few bits that change now and then, a counter and a checksum.
struct Sender {
    len: u8,
    checksum: Option<ChecksumRow>,
    counter: Option<CounterRow>,
    /// Bytes of the signals.
    signals: [usize; 2],
}

impl Sender {
    fn frames(&self, count: u64, seed: u64) -> Vec<Frame> {
        let mut noise = Noise(seed);
        let mut payload = vec![0x12_u8; usize::from(self.len)];
        let mut last = None;
        let mut frame = |n: u64| {
            for (at, every) in self.signals.into_iter().zip([1, 5]) {
                if n.is_multiple_of(every) {
                    payload[at] = payload[at].wrapping_add((noise.next() % 5) as u8).wrapping_sub(2);
                }
            }
            if let Some(counter) = &self.counter {
                last = counter.advance(Some(last.unwrap_or(counter.low)), &mut payload);
            }
            if let Some(checksum) = &self.checksum {
                assert!(checksum.repair(&mut payload));
            }
            let kind = match self.len {
                0..=8 => FrameKind::Data,
                _ => FrameKind::Fd { bit_rate_switch: true, error_passive: false },
            };
            let jitter = noise.next() % 700;
            let (time, id) = (Micros(1_000_000 + n * 10_000 + jitter), CanId::from_key(0x2A4).unwrap());
            Frame { time, bus: BusId(0), id, kind, payload: Payload::new(&payload).unwrap() }
        };
        (0..count).map(&mut frame).collect()
    }

    /// Learns ten seconds; returns what was learned and the twenty after them.
    fn learned(&self) -> (Learned, Vec<Frame>) {
        let mut frames = self.frames(3_000, 0x5EED_CAFE);
        let rest = frames.split_off(1_000);
        (learn(frames, &Settings::default()).unwrap(), rest)
    }
}

/// Frames of which something is told.
fn told(learned: &Learned, frames: &[Frame]) -> usize {
    let bytes = learned.encode();
    let mut detector: Box<Detector<'_, 4>> = Box::new(Detector::new(Profile::parse(&bytes).unwrap()).unwrap());
    let hit = |frame: &&Frame| {
        let mut sink = Told::default();
        detector.handle_frame(frame, &mut sink);
        !sink.0.is_empty()
    };
    frames.iter().filter(hit).count()
}

/// The same with a byte that somebody else writes.
fn forged(frames: &[Frame], byte: usize) -> Vec<Frame> {
    let mut noise = Noise(77);
    let forge = |frame: &Frame| {
        let mut frame = *frame;
        let room = &mut frame.payload.as_mut_slice()[byte];
        *room ^= (noise.next() % 255 + 1) as u8;
        frame
    };
    frames.iter().map(forge).collect()
}

fn row(algorithm: Algorithm, byte: u8, bits: u8, len: u8, constant: u64) -> ChecksumRow {
    ChecksumRow {
        owner: 0,
        algorithm,
        field: ChecksumField { byte, bits, low: bits == 4 },
        covered: u64::MAX >> (64 - len),
        tail: 0,
        len,
        constant: Constant::One(constant),
        strength: Strength::Likely,
        alternative: false,
    }
}

fn counter(start: u16, bits: u8) -> CounterRow {
    CounterRow::full(0, start, bits)
}

/// A sender's rule is found, the rest of its traffic fits, and next to all forged frames are told.
#[track_caller]
fn check(name: &str, sender: &Sender, least_percent: usize) {
    let (learned, rest) = sender.learned();
    let protection = &learned.protections[0];
    println!("{name}: {:?} {:?}, 2^{}", protection.checksums, protection.counters, protection.evidence_bits);
    assert!(!protection.checksums.is_empty(), "{name}: no checksum");
    assert_eq!(told(&learned, &rest), 0, "{name}: genuine frames");
    // A sender is judged once it has shown that it keeps its rules.
    let (genuine, rest) = rest.split_at(20);
    let forged = forged(rest, sender.signals[0]);
    let hits = told(&learned, &[genuine, forged.as_slice()].concat());
    assert!(hits * 100 >= forged.len() * least_percent, "{name}: {hits} of {} forged frames", forged.len());
}

fn simple(checksum: ChecksumRow, counter: CounterRow, signals: [usize; 2]) -> Sender {
    Sender { len: checksum.len, checksum: Some(checksum), counter: Some(counter), signals }
}

#[test]
fn sums_and_exclusive_ors_are_learned() {
    for (name, algorithm, constant) in [
        ("xor", Algorithm::Xor, 0x5A),
        ("sum with identifier", Algorithm::Sum, 0xA6),
        ("difference", Algorithm::Difference, 0xFF),
        ("sum with carries", Algorithm::CarrySum, 0x17),
        ("difference with carries", Algorithm::CarryDifference, 0x17),
    ] {
        check(name, &simple(row(algorithm, 7, 8, 8, constant), counter(52, 4), [1, 4]), 99);
        check(name, &simple(row(algorithm, 0, 8, 6, constant), counter(8, 8), [3, 4]), 99);
    }
    for (name, algorithm) in [
        ("nibble xor", Algorithm::NibbleXor),
        ("nibble sum", Algorithm::NibbleSum),
        ("nibble difference", Algorithm::NibbleDifference),
    ] {
        check(name, &simple(row(algorithm, 7, 4, 8, 3), counter(58, 2), [1, 4]), 90);
    }
}

#[test]
fn codes_of_8_bits_are_learned_whatever_their_polynomial() {
    for (poly, direction, byte) in [
        (0x1D, Direction::HighFirst, 0),
        (0x2F, Direction::HighFirst, 7),
        (0x85, Direction::HighFirst, 7),
        (0x31, Direction::LowFirst, 3),
        (0xD5, Direction::LowFirst, 0),
    ] {
        for tail in [0, 1] {
            let code = ChecksumRow { tail, ..row(Algorithm::Crc { poly, direction }, byte, 8, 8, 0xC3) };
            check("crc-8", &simple(code, counter(12, 4), [2, 5]), 99);
        }
    }
}

#[test]
fn every_profile_of_autosar_is_learned() {
    let p01 = |mode| E2eProfile::P01 { data_id: 0x1A7, mode };
    let data_ids = std::array::from_fn(|n| (n as u8).wrapping_mul(37) ^ 0x5C);
    for (name, profile, len) in [
        ("P01 both, P11", p01(DataIdMode::Both), 8),
        ("P01 low", p01(DataIdMode::Low), 8),
        ("P01 nibble, P11", p01(DataIdMode::Nibble), 8),
        ("P01 alternating", p01(DataIdMode::Alternating), 8),
        ("P02, P22", E2eProfile::P02 { data_ids }, 8),
        ("P02 of CAN FD", E2eProfile::P02 { data_ids }, 32),
        ("P04", E2eProfile::P04, 24),
        ("P05", E2eProfile::P05 { data_id: 0x1234 }, 16),
        ("P06", E2eProfile::P06 { data_id: 0x1234 }, 32),
        ("P07", E2eProfile::P07, 64),
    ] {
        let (checksum, counter) = profile.rows(0, len, 0).unwrap();
        let last = usize::from(len) - 1;
        check(name, &simple(checksum, counter, [last, last - 2]), 99);
    }
}

#[test]
fn a_frozen_counter_is_told_without_any_checksum() {
    for row in [
        counter(12, 4),
        counter(58, 2),
        CounterRow { values: 15, ..counter(12, 4) },
        CounterRow { values: 15, low: 1, ..counter(4, 4) },
        CounterRow { step: 5, ..counter(33, 6) },
        CounterRow { step: 15, ..counter(12, 4) },
        CounterRow { hold: 1, ..counter(12, 4) },
        counter(40, 8),
    ] {
        let sender = Sender { len: 8, checksum: None, counter: Some(CounterRow { hold: 0, ..row }), signals: [2, 3] };
        let doubled = |frames: Vec<Frame>| -> Vec<Frame> {
            let again = |frame: &Frame| Frame { time: Micros(frame.time.0 * 2 + 10_000), ..*frame };
            let first = |frame: &Frame| Frame { time: Micros(frame.time.0 * 2), ..*frame };
            let frames = frames.iter().flat_map(|frame| [first(frame), again(frame)]);
            frames.collect()
        };
        let mut frames = sender.frames(3_000, 9);
        let mut rest = frames.split_off(1_000);
        if row.hold == 1 {
            (frames, rest) = (doubled(frames), doubled(rest));
        }
        let learned = learn(frames, &Settings::default()).unwrap();
        let counters = &learned.protections[0].counters;
        assert_eq!(counters.len(), 1, "{counters:?}");
        let found = (counters[0].start, counters[0].bits, counters[0].step, counters[0].values, counters[0].hold);
        assert_eq!(found, (row.start, row.bits, row.step, row.values, row.hold));
        assert_eq!(told(&learned, &rest), 0, "{row:?}");
        let (genuine, rest) = rest.split_at(20);
        let frozen = genuine[19].payload;
        let masked: Vec<Frame> = rest.iter().map(|frame| Frame { payload: frozen, ..*frame }).collect();
        let hits = told(&learned, &[genuine, masked.as_slice()].concat());
        // A value that is due is the genuine one, too.
        let least = masked.len() - masked.len() / usize::try_from(row.values).unwrap() - 4;
        assert!(hits >= least, "{hits} of {} for {row:?}", masked.len());
    }
}

#[test]
fn a_sender_that_starts_up_may_break_its_rules() {
    let sender = simple(row(Algorithm::Xor, 7, 8, 8, 0x5A), counter(52, 4), [1, 4]);
    let (learned, mut rest) = sender.learned();
    for frame in rest.iter_mut().take(30) {
        frame.payload = Payload::new(&[0, 0, 0, 0, 1, 0, 0, 0]).unwrap();
    }
    assert_eq!(told(&learned, &rest), 0);
    // After a second of silence it starts again.
    let again = |frame: &Frame| Frame { time: frame.time.plus(25_000_000), ..*frame };
    let restarted: Vec<Frame> = rest.iter().copied().chain(rest.iter().map(again)).collect();
    assert_eq!(told(&learned, &restarted), 0);
}

#[test]
fn lost_frames_are_no_break_of_a_counter() {
    let sender = Sender { len: 8, checksum: None, counter: Some(counter(12, 4)), signals: [2, 3] };
    let (learned, rest) = sender.learned();
    let mut noise = Noise(3);
    let kept: Vec<Frame> = rest.into_iter().filter(|_| !noise.next().is_multiple_of(20)).collect();
    assert_eq!(told(&learned, &kept), 0);
}

/// Traffic without a rule: what is learned must stay silent when more of the payload moves than before.
#[track_caller]
fn check_trap(name: &str, write: impl Fn(&mut [u8], u64, &mut Noise)) {
    let sender = Sender { len: 8, checksum: None, counter: None, signals: [0, 0] };
    let mut noise = Noise(0xBEEF);
    let mut frames = sender.frames(3_000, 5);
    for (n, frame) in (0..).zip(&mut frames) {
        write(frame.payload.as_mut_slice(), n, &mut noise);
    }
    let rest = frames.split_off(1_000);
    let learned = learn(frames, &Settings::default()).unwrap();
    let protection = &learned.protections[0];
    assert_eq!(told(&learned, &rest), 0, "{name}: {protection:?}");
}

#[test]
fn what_only_looks_like_a_rule_is_none() {
    check_trap("noise", |payload, _, noise| payload.copy_from_slice(&noise.next().to_be_bytes()));
    check_trap("a copy", |payload, n, noise| {
        payload[1] = (n / 3) as u8;
        payload[7] = payload[1];
        payload[4] = if n < 1_000 { 9 } else { noise.next() as u8 };
        payload[0] = 1;
    });
    check_trap("an inverse", |payload, n, noise| {
        payload[1] = (n / 3) as u8;
        payload[7] = !payload[1];
        payload[4] = if n < 1_000 { 9 } else { noise.next() as u8 };
        payload[0] = 1;
    });
    check_trap("two signals and their inverses", |payload, n, noise| {
        payload[0] = (noise.next() % 7) as u8;
        payload[1] = !payload[0];
        payload[2] = (n / 3) as u8;
        payload[3] = !payload[2];
        payload[4] = if n < 1_000 { 9 } else { noise.next() as u8 };
    });
    check_trap("two signals and their copies", |payload, n, noise| {
        payload[0] = (noise.next() % 7) as u8;
        payload[7] = payload[0];
        payload[2] = (n / 3) as u8;
        payload[3] = payload[2];
        payload[4] = if n < 1_000 { 9 } else { noise.next() as u8 };
    });
}
