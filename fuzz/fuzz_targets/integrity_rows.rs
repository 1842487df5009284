//! Arbitrary bytes as rows of the checksum and counter tables, then arbitrary data through them.
//!
//! Input: a checksum row, a counter row, then pieces of data, each with its length before it. What a row repairs it accepts.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yagura_ids::{ChecksumRow, CounterRow, CounterState, Row, Spacing};

fuzz_target!(|input: &[u8]| {
    let Some((checksum, rest)) = input.split_at_checked(ChecksumRow::LEN) else { return };
    let Some((counter, mut rest)) = rest.split_at_checked(CounterRow::LEN) else { return };
    let (checksum, counter) = (ChecksumRow::read(checksum), CounterRow::read(counter));
    if let Some(row) = checksum {
        let mut bytes = [0; ChecksumRow::LEN];
        row.write(&mut bytes);
        assert_eq!(ChecksumRow::read(&bytes), Some(row));
    }
    if let Some(row) = counter {
        let mut bytes = [0; CounterRow::LEN];
        row.write(&mut bytes);
        assert_eq!(CounterRow::read(&bytes), Some(row));
    }
    let mut state = CounterState::default();
    let mut last = None;
    while let [len, gap, more @ ..] = rest {
        let (data, after) = more.split_at(usize::from(len % 65).min(more.len()));
        rest = after;
        let mut data = data.to_vec();
        if let Some(row) = checksum {
            let _ = row.violation(&data);
            if row.repair(&mut data) {
                assert_eq!(row.violation(&data), None);
            }
        }
        let Some(row) = counter else { continue };
        let spacing = Spacing { gap: u32::from(*gap) << 12, period: 10_000, may_repeat: gap % 2 == 0 };
        let _ = state.take(&row, &data, spacing);
        last = row.advance(last, &mut data).or(last);
        if gap % 16 == 0 {
            state.pass_over(&row, &data);
        }
    }
});
