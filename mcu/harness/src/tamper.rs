//! Real frames with forged ones among them, so that every kind of detector has something to say.
//!
//! Not the attack simulator and not random: the same frames give the same result.

use yagura_model::{BusId, CanId, Frame, FrameKind, Micros, Payload};

/// Frames between the starts of two kinds of forgery.
const PERIOD: usize = 500;
/// Frames for which a kind of forgery lasts.
const LENGTH: usize = 120;

/// `frames` with unknown identifiers, wrong lengths, injected, changed, replayed and missing frames, one kind after the other.
pub(crate) fn tamper(frames: &[Frame]) -> Vec<Frame> {
    let mut out = Vec::with_capacity(frames.len() * 2);
    for (index, frame) in frames.iter().enumerate() {
        let (round, at) = (index / PERIOD, index % PERIOD);
        let target = frames[round * PERIOD].id;
        if at >= LENGTH {
            out.push(*frame);
            continue;
        }
        match round % 8 {
            0 => out.extend([*frame, with_id(frame, 0x7F0 ^ (index as u32 & 0xF))]),
            1 => out.extend([*frame, shorter(frame)]),
            2 => out.extend([*frame, later(frame, 300), later(frame, 700)]),
            3 if frame.id == target => out.push(changed(frame, |byte, at| byte ^ (0x11 << (at & 3)))),
            4 if frame.id == target => {}
            5 if frame.id == target => out.push(changed(frame, |_, _| 0x55)),
            6 => out.extend([*frame, error_frame(frame)]),
            7 => out.extend([*frame, diagnostic(frame, index)]),
            _ => out.push(*frame),
        }
    }
    out
}

fn later(frame: &Frame, micros: u64) -> Frame {
    Frame { time: Micros(frame.time.0 + micros), ..*frame }
}

fn with_id(frame: &Frame, raw: u32) -> Frame {
    Frame { id: CanId::from_key(raw).unwrap_or(frame.id), ..later(frame, 50) }
}

fn shorter(frame: &Frame) -> Frame {
    let data = frame.payload.as_slice();
    let payload = Payload::new(&data[..data.len().saturating_sub(3)]).unwrap_or(Payload::EMPTY);
    Frame { payload, ..later(frame, 90) }
}

fn changed(frame: &Frame, change: impl Fn(u8, usize) -> u8) -> Frame {
    let mut frame = *frame;
    frame.payload.as_mut_slice().iter_mut().enumerate().for_each(|(at, byte)| *byte = change(*byte, at));
    frame
}

fn error_frame(frame: &Frame) -> Frame {
    let payload = Payload::new(&[0, 0, 0x80, 0x19, 0, 0, 0, 0]).unwrap_or(Payload::EMPTY);
    let id = CanId::from_key(0x8).unwrap_or(frame.id);
    Frame { kind: FrameKind::Error, id, payload, ..later(frame, 60) }
}

/// A tester that asks every address for every service.
fn diagnostic(frame: &Frame, index: usize) -> Frame {
    let data = [2, 0x10 + (index % 0x30) as u8, (index % 0x100) as u8, 0, 0, 0, 0, 0];
    let id = CanId::from_key(0x7E0 + (index as u32 & 7)).unwrap_or(frame.id);
    let payload = Payload::new(&data).unwrap_or(Payload::EMPTY);
    Frame { id, payload, bus: BusId(frame.bus.0), kind: FrameKind::Data, ..later(frame, 70) }
}
