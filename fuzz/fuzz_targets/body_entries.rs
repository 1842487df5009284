//! Bodies from anyone: every entry or its error comes in its place, and reading ends.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yagura_link::{EXCERPT_FRAMES_MAX, Entry, ExcerptFrame, ReportWriter, entries};

fuzz_target!(|bytes: &[u8]| {
    let mut items = 0;
    for entry in entries(bytes) {
        items += 1;
        let mut writer = ReportWriter::new();
        match entry {
            Ok(Entry::Message(message)) => writer.push_message(Default::default(), &message).map(drop),
            Ok(Entry::State(state)) => writer.push_state(&state).map(drop),
            Ok(Entry::Excerpt(excerpt)) => {
                let frames: Vec<ExcerptFrame> = excerpt.frames().collect();
                assert!(frames.len() <= EXCERPT_FRAMES_MAX);
                writer.push_excerpt(excerpt.message, &frames).map(drop)
            }
            Ok(_) | Err(_) => continue,
        }
        .expect("what fitted a body fits one");
        // What was read is written as the same bytes.
        assert_eq!(entries(writer.body()).next(), Some(entry));
        assert!(bytes.windows(writer.body().len()).any(|window| window == writer.body()));
    }
    assert!(items <= bytes.len());
});
