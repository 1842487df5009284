//! Messages of the log from anyone: no panic; what decodes encodes to the same bytes; every message is a record or of a newer version.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yagura_model::UnixMicros;
use yagura_store::{Envelope, EnvelopeError};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(envelope) = Envelope::decode(bytes) {
        assert_eq!(envelope.encode(), bytes);
    }
    let record = Envelope::of_message(bytes, UnixMicros(0));
    assert!(matches!(record, Ok(_) | Err(EnvelopeError::Version(_))));
});
