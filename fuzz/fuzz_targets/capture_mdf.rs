//! An MDF file of which the input says which bytes are wrong: no panic, and every frame is counted.
//!
//! Links make MDF hard to reach from nothing, so the harm is done to a whole file. Input: places (4 bytes) and bytes (1), repeated.
#![no_main]

use flate2::read::GzDecoder;
use libfuzzer_sys::fuzz_target;
use std::io::Read as _;
use std::sync::LazyLock;
use yagura_capture::Reader;

static WHOLE: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| {
    let packed: [&[u8]; 2] = [
        include_bytes!("../../testdata/captures/mdf/unfinished.mf4.gz"),
        include_bytes!("../../testdata/captures/mdf/sorted.mf4.gz"),
    ];
    packed.map(|bytes| {
        let mut whole = Vec::new();
        GzDecoder::new(bytes).read_to_end(&mut whole).expect("fixtures are whole");
        whole
    })
});

fuzz_target!(|bytes: &[u8]| {
    let mut spoiled = WHOLE[bytes.len() % 2].clone();
    for harm in bytes.chunks_exact(5) {
        let at = u32::from_le_bytes([harm[0], harm[1], harm[2], harm[3]]) as usize % spoiled.len();
        spoiled[at] = harm[4];
    }
    let mut reader = Reader::new(spoiled.as_slice());
    let frames = reader.by_ref().filter(Result::is_ok).count() as u64;
    assert_eq!(frames, reader.summary().frames);
});
