//! Arbitrary bytes as a DBC and as ARXML, then frames through the decoder and a learner that believes them: nothing panics.
//!
//! Input: length of the text (2 bytes), the text, then frames of 4 bytes of identifier and 8 of data.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yagura_model::{BusId, CanId, Frame, FrameKind, Micros, Payload};
use yagura_profile::{Decoder, Settings, Specification, StateDecoder, learn_with};

fn frame(chunk: &[u8], time: u64) -> Option<Frame> {
    let (key, data) = chunk.split_first_chunk::<4>()?;
    let id = CanId::from_key(u32::from_be_bytes(*key) & 0x9FFF_FFFF).ok()?;
    let payload = Payload::new(data).ok()?;
    Some(Frame { time: Micros(time), bus: BusId(0), id, kind: FrameKind::Data, payload })
}

fn use_it(specification: &Specification, frames: &[Frame]) {
    let decoder = Decoder::new(specification);
    let mut state = StateDecoder::new(specification);
    for frame in frames {
        decoder.decode(frame, |sample| assert!(decoder.describe(sample.signal).is_some()));
        state.update(frame);
    }
    if let Ok(learned) = learn_with(frames.iter().copied(), specification, &Settings::default()) {
        assert!(learned.profile().is_ok());
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((len, input)) = input.split_first_chunk::<2>() else { return };
    let (text, rest) = input.split_at(usize::from(u16::from_be_bytes(*len)).min(input.len()));
    let frames: Vec<Frame> = (0..).zip(rest.chunks(12)).filter_map(|(n, chunk)| frame(chunk, n * 10_000)).collect();
    if let Ok(specification) = Specification::from_dbc_bytes(text) {
        use_it(&specification, &frames);
    }
    if let Ok(specification) = Specification::from_arxml(&[text]) {
        use_it(&specification, &frames);
    }
});
