//! Arbitrary bytes as a profile, then arbitrary frames through its detector: nothing panics, timeouts included.
//!
//! Input: length of the profile (2 bytes), the profile, then frames of 12 bytes and their data.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yagura_ids::{Contents, Detector, Profile, encode, encoded_len};
use yagura_model::{BusId, CanId, Frame, FrameKind, Micros, Payload, SecurityEvent};

const CRC_AT: std::ops::Range<usize> = 12..16;

/// The next frame of the input, and what follows it.
fn frame<'a>(bytes: &'a [u8], now: &mut u64) -> Option<(Option<Frame>, &'a [u8])> {
    let (head, rest) = bytes.split_first_chunk::<12>()?;
    let [t0, t1, t2, t3, t4, k0, k1, k2, k3, bus, kind, len] = *head;
    let (data, rest) = rest.split_at(usize::from(len % 65).min(rest.len()));
    let step = u64::from_be_bytes([0, 0, 0, t0 & 0x7F, t1, t2, t3, t4]);
    *now = if t0 & 0x80 == 0 { now.saturating_add(step) } else { now.saturating_sub(step) };
    Some((made(*now, u32::from_be_bytes([k0 & 0x9F, k1, k2, k3]), bus, kind, data), rest))
}

fn made(now: u64, key: u32, bus: u8, kind: u8, data: &[u8]) -> Option<Frame> {
    let id = CanId::from_key(key).ok()?;
    let kind = match kind % 4 {
        0 => FrameKind::Data,
        1 => FrameKind::Fd { bit_rate_switch: false, error_passive: false },
        2 => FrameKind::Remote { requested_len: 8 },
        _ => FrameKind::Error,
    };
    let payload = Payload::new(data).ok()?;
    Some(Frame { time: Micros(now), bus: BusId(bus % 4), id, kind, payload })
}

fuzz_target!(|input: &[u8]| {
    let Some((len, input)) = input.split_first_chunk::<2>() else { return };
    let (profile, mut rest) = input.split_at(usize::from(u16::from_be_bytes(*len)).min(input.len()));
    let mut bytes = profile.to_vec();
    let _ = Profile::parse(&bytes);
    // A blind fuzzer does not guess a checksum: parse once more with a right one.
    if bytes.len() >= encoded_len(&Contents::default()) {
        bytes[CRC_AT].fill(0);
        let crc = crc32c(&bytes);
        bytes[CRC_AT].copy_from_slice(&crc.to_be_bytes());
    }
    let Ok(profile) = Profile::parse(&bytes) else { return };
    let (buses, ids): (Vec<_>, Vec<_>) = (profile.buses().collect(), profile.ids().collect());
    let checksums: Vec<_> = profile.tables().checksums.iter().collect();
    let counters: Vec<_> = profile.tables().counters.iter().collect();
    let rules: Vec<_> = profile.tables().rules.iter().collect();
    let states: Vec<_> = profile.tables().states.iter().collect();
    let tables = profile.tables();
    let fields: Vec<_> = tables.fields.iter().collect();
    let signals: Vec<_> = tables.signals.iter().collect();
    let relations: Vec<_> = tables.relations.iter().collect();
    let constants: Vec<_> = tables.constants.iter().collect();
    let diagnostics: Vec<_> = tables.diagnostics.iter().collect();
    let sources: Vec<_> = tables.sources.iter().collect();
    let contents = Contents {
        source: profile.source(),
        buses: &buses,
        ids: &ids,
        checksums: &checksums,
        counters: &counters,
        rules: &rules,
        states: &states,
        fields: &fields,
        signals: &signals,
        relations: &relations,
        constants: &constants,
        diagnostics: &diagnostics,
        sources: &sources,
    };
    let mut again = vec![0; encoded_len(&contents)];
    assert_eq!(encode(&contents, &mut again), Ok(again.len()));
    let again = Profile::parse(&again).expect("what was encoded parses");
    assert!(again.ids().eq(profile.ids()) && again.tables().checksums.iter().eq(checksums));
    assert!(again.tables().counters.iter().eq(counters));
    assert!(again.tables().rules.iter().eq(rules) && again.tables().states.iter().eq(states));
    let Ok(mut detector) = Detector::<64>::new(profile) else { return };
    let (mut happenings, mut frames, mut now) = (0_usize, 0, 0);
    let mut sink = |event: SecurityEvent| happenings += usize::from(event.count);
    while let Some((frame, after)) = frame(rest, &mut now) {
        rest = after;
        let Some(frame) = frame else { continue };
        frames += 1;
        detector.handle_frame(&frame, &mut sink);
        detector.handle_timeout(detector.poll_timeout(), &mut sink);
        let _ = detector.driving_state();
    }
    detector.handle_timeout(Micros::MAX, &mut sink);
    // A frame gives at most six findings; each identifier may fall silent once a frame brought it back.
    assert!(happenings <= frames * 7, "more happenings than frames can cause");
});

/// As in the format: over all bytes but the checksum's own four.
fn crc32c(bytes: &[u8]) -> u32 {
    let outside = bytes.iter().enumerate().filter(|(at, _)| !CRC_AT.contains(at)).map(|(_, byte)| byte);
    !outside.fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0x82F6_3B78 } else { crc >> 1 })
    })
}
