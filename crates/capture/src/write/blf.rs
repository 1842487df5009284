//! Frames as Vector BLF; see `records::blf` for the format.
//!
//! Not a stream: the file header holds the totals, so packed containers wait in memory for the end, at most [`BLF_BYTES_MAX`].
//! Invariant: an object lies whole within a container. Cost: the packed capture, about 12 bytes a frame.

use super::{WriteError, channel, length_code};
use crate::text::BUS_ERROR;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use std::io::Write;
use yagura_model::{Frame, FrameKind};

/// The longest capture, packed.
const BLF_BYTES_MAX: usize = 1 << 30;
/// Unpacked length of a container, as Vector's tools and python-can write it.
const CONTAINER_LEN: usize = 1 << 17;
const FILE_HEADER_LEN: u32 = 144;
const OBJECT_HEADER_LEN: u16 = 32;

const CONTAINER: u32 = 10;
const MESSAGE: u32 = 1;
const ERROR_EXT: u32 = 73;
const FD_MESSAGE: u32 = 100;

#[derive(Debug, Default)]
pub(super) struct Blf {
    objects: Vec<u8>,
    packed: Vec<u8>,
    unpacked_len: u64,
    count: u32,
}

impl Blf {
    pub(super) fn frame(&mut self, frame: &Frame) -> Result<(), WriteError> {
        let (kind, body) = object(frame);
        let len = u32::try_from(body.len()).unwrap_or(0).saturating_add(u32::from(OBJECT_HEADER_LEN));
        head(&mut self.objects, OBJECT_HEADER_LEN, len, kind);
        // Times are nanoseconds (2); the object has no client and no version.
        self.objects.extend_from_slice(&2_u32.to_le_bytes());
        self.objects.extend_from_slice(&0_u32.to_le_bytes());
        self.objects.extend_from_slice(&frame.time.0.saturating_mul(1_000).to_le_bytes());
        self.objects.extend_from_slice(&body);
        self.count = self.count.saturating_add(1);
        if self.objects.len() >= CONTAINER_LEN { self.container() } else { Ok(()) }
    }

    fn container(&mut self) -> Result<(), WriteError> {
        let mut packer = ZlibEncoder::new(Vec::new(), Compression::default());
        packer.write_all(&self.objects)?;
        let data = packer.finish()?;
        let unpacked = u32::try_from(self.objects.len()).unwrap_or(u32::MAX);
        let len = data.len().saturating_add(32);
        head(&mut self.packed, 16, u32::try_from(len).unwrap_or(u32::MAX), CONTAINER);
        self.packed.extend_from_slice(&[2, 0, 0, 0, 0, 0, 0, 0]);
        self.packed.extend_from_slice(&unpacked.to_le_bytes());
        self.packed.extend_from_slice(&[0; 4]);
        self.packed.extend_from_slice(&data);
        // The format's own padding: as many bytes as the length is beyond a multiple of four.
        self.packed.resize(self.packed.len().saturating_add(len % 4), 0);
        self.unpacked_len = self.unpacked_len.saturating_add(u64::from(unpacked)).saturating_add(32);
        self.objects.clear();
        if self.packed.len() > BLF_BYTES_MAX { Err(WriteError::TooLong { max: BLF_BYTES_MAX }) } else { Ok(()) }
    }

    pub(super) fn finish(mut self, out: &mut impl Write) -> Result<(), WriteError> {
        if !self.objects.is_empty() {
            self.container()?;
        }
        out.write_all(&self.file_header())?;
        out.write_all(&self.packed)?;
        Ok(())
    }

    /// Signature, length, application, versions, lengths, counts, start and end (1970-01-01), zeros.
    fn file_header(&self) -> Vec<u8> {
        let header_len = u64::from(FILE_HEADER_LEN);
        let packed_len = u64::try_from(self.packed.len()).unwrap_or(0).saturating_add(header_len);
        let mut header = b"LOGG".to_vec();
        header.extend_from_slice(&FILE_HEADER_LEN.to_le_bytes());
        header.extend_from_slice(&[5, 0, 0, 0, 2, 6, 8, 1]);
        header.extend_from_slice(&packed_len.to_le_bytes());
        header.extend_from_slice(&self.unpacked_len.saturating_add(header_len).to_le_bytes());
        header.extend_from_slice(&self.count.to_le_bytes());
        header.extend_from_slice(&0_u32.to_le_bytes());
        for _ in 0..2 {
            // Year, month, day of the week, day, hour, minute, second, millisecond.
            for part in [1970_u16, 1, 4, 1, 0, 0, 0, 0] {
                header.extend_from_slice(&part.to_le_bytes());
            }
        }
        header.resize(usize::try_from(FILE_HEADER_LEN).unwrap_or(0), 0);
        header
    }
}

fn head(out: &mut Vec<u8>, header_len: u16, len: u32, kind: u32) {
    out.extend_from_slice(b"LOBJ");
    out.extend_from_slice(&header_len.to_le_bytes());
    out.extend_from_slice(&1_u16.to_le_bytes());
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(&kind.to_le_bytes());
}

/// The type and the body of a frame's object.
fn object(frame: &Frame) -> (u32, Vec<u8>) {
    let mut body = channel(frame).to_le_bytes().to_vec();
    let (id, len) = (frame.id.key().to_le_bytes(), frame.payload.len());
    match frame.kind {
        FrameKind::Data | FrameKind::Remote { .. } => {
            let (flags, len) = match frame.kind {
                FrameKind::Remote { requested_len } => (0x80, requested_len),
                _ => (0, len),
            };
            body.extend_from_slice(&[flags, len]);
            body.extend_from_slice(&id);
            body.extend_from_slice(frame.payload.as_slice());
            body.resize(16, 0);
            (MESSAGE, body)
        }
        FrameKind::Fd { bit_rate_switch, error_passive } => {
            let flags = 1 | (u8::from(bit_rate_switch) << 1) | (u8::from(error_passive) << 2);
            body.extend_from_slice(&[0, length_code(len)]);
            body.extend_from_slice(&id);
            body.extend_from_slice(&[0, 0, 0, 0, 0, flags, len, 0, 0, 0, 0, 0]);
            body.extend_from_slice(frame.payload.as_slice());
            body.resize(84, 0);
            (FD_MESSAGE, body)
        }
        FrameKind::Error => {
            body.resize(16, 0);
            body.extend_from_slice(&BUS_ERROR.to_le_bytes());
            body.resize(32, 0);
            (ERROR_EXT, body)
        }
    }
}
