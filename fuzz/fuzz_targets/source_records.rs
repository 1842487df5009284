//! Records of other observers as a damaged or hostile vault may hold them, and sources files from anyone: rows or errors.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yagura_columns::Decoder;
use yagura_model::UnixMicros;
use yagura_sources::{Encoding, Mappings, Source, inflate, read_foreign, read_logs};

fuzz_target!(|bytes: &[u8]| {
    let mut decoder = Decoder::new();
    let _ = read_foreign(&mut decoder, 1, bytes);
    let _ = read_logs(&mut decoder, &mut Mappings::default(), 1, UnixMicros(0), bytes);
    assert!(decoder.finish().is_ok());
    for encoding in [Encoding::Gzip, Encoding::Zstd] {
        let _ = inflate(encoding, bytes);
    }
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(source) = Source::parse("fuzz", text)
    {
        let _ = source.sender("10.0.0.1".parse().ok(), None);
        let _ = source.sender(None, Some("oem/a/b"));
    }
});
