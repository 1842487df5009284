//! ZIP archives without compression: enough to hand a bundle over as one file that every tool opens.
//!
//! Not a ZIP library: files are stored, names are plain, no ZIP64. Invariants: what is written is read back; an archive that
//! says two things of one file, or holds bytes that belong to none, is refused. Cost: the archive in memory once.

use std::collections::BTreeMap;

/// The longest archive: what fits without ZIP64.
pub const ZIP_BYTES_MAX: usize = u32::MAX as usize;
/// The most files.
pub const ZIP_FILES_MAX: usize = 65_534;

const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
/// Version 1.0 needed, no flags, stored, 1980-01-01 00:00:00.
const COMMON: [u8; 10] = [10, 0, 0, 0, 0, 0, 0, 0, 0x21, 0];

/// Why an archive cannot be written or read.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ZipError {
    /// Too large: write a directory instead.
    #[error("more than {ZIP_BYTES_MAX} bytes or {ZIP_FILES_MAX} files do not fit a ZIP file: give a directory")]
    TooLarge,
    /// Not an archive that this wrote.
    #[error(
        "byte {0} is not as a bundle's ZIP file has it (if somebody packed it anew, unpack it and verify the directory)"
    )]
    Malformed(usize),
}

/// Writes the files in the order of their names.
///
/// # Errors
/// [`ZipError::TooLarge`]
pub fn write(files: &BTreeMap<String, Vec<u8>>) -> Result<Vec<u8>, ZipError> {
    let bytes: usize = files.iter().map(|(name, bytes)| 76 + 2 * name.len() + bytes.len()).sum();
    if bytes + 22 > ZIP_BYTES_MAX || files.len() > ZIP_FILES_MAX {
        return Err(ZipError::TooLarge);
    }
    let (mut out, mut central) = (Vec::with_capacity(bytes + 22), Vec::new());
    for (name, bytes) in files {
        let at = fit(out.len())?;
        let mut facts = COMMON.to_vec();
        facts.extend_from_slice(&crc32(bytes).to_le_bytes());
        facts.extend_from_slice(&fit(bytes.len())?.to_le_bytes());
        facts.extend_from_slice(&fit(bytes.len())?.to_le_bytes());
        facts.extend_from_slice(&u16::try_from(name.len()).map_err(|_| ZipError::TooLarge)?.to_le_bytes());
        facts.extend_from_slice(&[0, 0]);
        out.extend_from_slice(&LOCAL.to_le_bytes());
        out.extend_from_slice(&facts);
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(bytes);
        central.extend_from_slice(&CENTRAL.to_le_bytes());
        central.extend_from_slice(&[10, 0]);
        central.extend_from_slice(&facts);
        central.extend_from_slice(&[0; 10]);
        central.extend_from_slice(&at.to_le_bytes());
        central.extend_from_slice(name.as_bytes());
    }
    let (at, len, count) = (fit(out.len())?, fit(central.len())?, files.len() as u16);
    out.append(&mut central);
    out.extend_from_slice(&END.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&count.to_le_bytes());
    out.extend_from_slice(&count.to_le_bytes());
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(&at.to_le_bytes());
    out.extend_from_slice(&[0, 0]);
    Ok(out)
}

fn fit(len: usize) -> Result<u32, ZipError> {
    u32::try_from(len).map_err(|_| ZipError::TooLarge)
}

/// Reads an archive that [`write()`] wrote: any other byte than it would have written is an error.
///
/// # Errors
/// [`ZipError::Malformed`] names the first byte that is wrong.
pub fn read(bytes: &[u8]) -> Result<BTreeMap<String, Vec<u8>>, ZipError> {
    let mut files = BTreeMap::new();
    let mut at = 0;
    while word(bytes, at) == Some(LOCAL) {
        let wrong = ZipError::Malformed(at);
        let len = word(bytes, at + 18).ok_or(wrong)? as usize;
        let name_len = word(bytes, at + 26).ok_or(wrong)? as usize & 0xFFFF;
        let name = bytes.get(at + 30..at + 30 + name_len).ok_or(wrong)?;
        let name = std::str::from_utf8(name).map_err(|_| wrong)?.to_owned();
        let start = at + 30 + name_len;
        let content = bytes.get(start..start.checked_add(len).ok_or(wrong)?).ok_or(wrong)?;
        if word(bytes, at + 14) != Some(crc32(content)) {
            return Err(ZipError::Malformed(start));
        }
        if files.insert(name, content.to_vec()).is_some() {
            return Err(wrong);
        }
        at = start + len;
    }
    // There is one way to write these files: everything else in the archive must be as it would be.
    let again = write(&files)?;
    match again.iter().zip(bytes).position(|(a, b)| a != b) {
        Some(at) => Err(ZipError::Malformed(at)),
        None if again.len() != bytes.len() => Err(ZipError::Malformed(again.len().min(bytes.len()))),
        None => Ok(files),
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// CRC-32 of ZIP (ISO 3309), a nibble at a time.
fn crc32(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 16] = table();
    let step = |crc: u32, nibble: u32| (crc >> 4) ^ TABLE[((crc ^ nibble) & 15) as usize];
    !bytes.iter().fold(!0, |crc, byte| step(step(crc, u32::from(*byte) & 15), u32::from(*byte) >> 4))
}

const fn table() -> [u32; 16] {
    let mut table = [0; 16];
    let mut n = 0;
    while n < 16 {
        let (mut crc, mut bit) = (n as u32, 0);
        while bit < 4 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
            bit += 1;
        }
        table[n] = crc;
        n += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_checksum_is_that_of_zip() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back_and_a_flipped_bit_is_not(
            files in proptest::collection::btree_map("[a-z/]{1,9}", proptest::collection::vec(any::<u8>(), 0..40), 0..5),
            at: usize, bit in 0..8_u8,
        ) {
            let mut bytes = write(&files).unwrap();
            prop_assert_eq!(read(&bytes), Ok(files));
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            prop_assert!(read(&bytes).is_err());
        }

        #[test]
        fn garbage_never_panics(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), local: bool) {
            if local {
                bytes.splice(..0, LOCAL.to_le_bytes());
            }
            let _ = read(&bytes);
        }
    }
}
