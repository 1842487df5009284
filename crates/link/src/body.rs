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

/// Decompresses bodies. Keeps zstd's working memory, 160 KB, because making it anew costs more than a small body.
pub(crate) struct Inflater(zstd_safe::DCtx<'static>);

impl Inflater {
    pub(crate) fn new() -> Self {
        Self(zstd_safe::DCtx::create())
    }

    /// Decompresses a body of exactly `declared` bytes.
    pub(crate) fn inflate(&mut self, frame: &[u8], declared: u32) -> Result<Vec<u8>, OpenError> {
        let error = OpenError::Body { declared };
        let len = usize::try_from(declared).map_err(|_| error)?;
        let one_frame = frame.starts_with(&MAGIC) && zstd_safe::find_frame_compressed_size(frame) == Ok(frame.len());
        let size_known = zstd_safe::get_frame_content_size(frame).is_ok_and(|size| size == Some(u64::from(declared)));
        if !one_frame || !size_known {
            return Err(error);
        }
        let mut body = Vec::with_capacity(len);
        self.0.decompress(&mut body, frame).map_err(|_| error)?;
        if body.len() == len { Ok(body) } else { Err(error) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decompress(frame: &[u8], declared: u32) -> Result<Vec<u8>, OpenError> {
        Inflater::new().inflate(frame, declared)
    }

    #[test]
    fn a_flawed_frame_does_not_spoil_the_next() {
        let mut inflater = Inflater::new();
        let body: Vec<u8> = (0..10_000_u32).flat_map(u32::to_le_bytes).collect();
        let frame = compress(&body).expect("memory");
        let mut flawed = frame.clone();
        flawed.iter_mut().skip(20).for_each(|byte| *byte ^= 0x5A);
        for _ in 0..3 {
            assert!(inflater.inflate(&flawed, 40_000).is_err());
            assert_eq!(inflater.inflate(&frame, 40_000).as_ref(), Ok(&body));
        }
    }

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
