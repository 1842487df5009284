//! The body's compression: one zstd frame, as long as the header declares.
//!
//! Not a stream. Invariant: never more bytes are allocated than the header declares and the limit allows; no second frame,
//! no trailing byte. Cost: zstd level 3, chosen in ADR-0007.

use crate::error::OpenError;
use zstd::zstd_safe;

const LEVEL: i32 = 3;
const MAGIC: [u8; 4] = 0xFD2F_B528_u32.to_le_bytes();

/// Compresses a body; `None` if zstd has no memory for it.
pub(crate) fn compress(body: &[u8]) -> Option<Vec<u8>> {
    zstd::bulk::compress(body, LEVEL).ok()
}

/// Decompresses a body of exactly `declared` bytes.
pub(crate) fn decompress(frame: &[u8], declared: u32) -> Result<Vec<u8>, OpenError> {
    let error = OpenError::Body { declared };
    let len = usize::try_from(declared).map_err(|_| error)?;
    let one_frame = frame.starts_with(&MAGIC) && zstd_safe::find_frame_compressed_size(frame) == Ok(frame.len());
    let size_known = zstd_safe::get_frame_content_size(frame).is_ok_and(|size| size == Some(u64::from(declared)));
    if !one_frame || !size_known {
        return Err(error);
    }
    let body = zstd::bulk::decompress(frame, len).map_err(|_| error)?;
    if body.len() == len { Ok(body) } else { Err(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_comes_back_and_anything_beside_it_is_refused() {
        let body = vec![42; 10_000];
        let frame = compress(&body).expect("memory");
        assert_eq!(decompress(&frame, 10_000), Ok(body));
        for wrong in [0, 9_999, 10_001, u32::MAX] {
            assert_eq!(decompress(&frame, wrong), Err(OpenError::Body { declared: wrong }));
        }
        let refused = Err(OpenError::Body { declared: 10_000 });
        assert_eq!(decompress(&[&frame[..], &[0]].concat(), 10_000), refused, "trailing byte");
        assert_eq!(decompress(&[&frame[..], &frame].concat(), 10_000), refused, "second frame");
        assert_eq!(decompress(&frame[..frame.len() - 1], 10_000), refused, "cut");
        let skippable = [0x50, 0x2A, 0x4D, 0x18, 0, 0, 0, 0];
        assert_eq!(decompress(&skippable, 0), Err(OpenError::Body { declared: 0 }), "not a data frame");
    }

    #[test]
    fn an_empty_body_is_a_frame_too() {
        let frame = compress(&[]).expect("memory");
        assert_eq!(decompress(&frame, 0), Ok(Vec::new()));
    }
}
