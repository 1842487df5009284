//! Bytes of a segment from anyone: recovery never panics, and where it says the records end they do.
//!
//! The input is once the whole file, and once what follows a good header: what a torn write or a changed disk can leave.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yagura_store::scan_segment;

/// The header of the first segment of a vault, with a salt of zeros; its checksum last.
const HEADER: [u8; 32] = {
    let mut header = [0; 32];
    header.split_at_mut(4).0.copy_from_slice(b"YGVS");
    header[5] = 1;
    header.split_at_mut(28).1.copy_from_slice(&[0x27, 0xAC, 0x50, 0x01]);
    header
};

fuzz_target!(|bytes: &[u8]| {
    let _ = scan_segment(bytes, 0);
    let mut segment = HEADER.to_vec();
    segment.extend_from_slice(bytes);
    let scan = scan_segment(&segment, 0);
    assert!(scan.end >= 32 && scan.end <= segment.len() as u64);
    assert_eq!(scan.damage.is_none(), scan.end == segment.len() as u64);
    let whole = scan_segment(&segment[..scan.end as usize], 0);
    assert_eq!((whole.records, whole.end, whole.damage), (scan.records, scan.end, None));
});
