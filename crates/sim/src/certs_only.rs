//! Reads the certificates out of a PKCS #7 "certs-only" message (RFC 5652, 5.1), the form in which EST answers.
//!
//! Not a CMS library: signatures are not looked at, because the message has none. Any bytes are an answer or `None`, never a panic.
//! Cost: one walk over five headers, one copy a certificate.

const SEQUENCE: u8 = 0x30;
const OBJECT: u8 = 0x06;
const INTEGER: u8 = 0x02;
const SET: u8 = 0x31;
const CONTEXT_0: u8 = 0xA0;
/// id-signedData, 1.2.840.113549.1.7.2.
const SIGNED_DATA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x02];
/// Certificates that are read.
pub const CERTIFICATES_MAX: usize = 8;

/// The certificates (DER) of a message, in its order; `None` if it is none, or has more than [`CERTIFICATES_MAX`].
#[must_use]
pub fn certificates_of(message: &[u8]) -> Option<Vec<Vec<u8>>> {
    let (content_info, []) = element(message, SEQUENCE)? else { return None };
    let (kind, content) = element(content_info, OBJECT)?;
    if kind != SIGNED_DATA {
        return None;
    }
    let (content, []) = element(content, CONTEXT_0)? else { return None };
    let (signed_data, []) = element(content, SEQUENCE)? else { return None };
    let (_, rest) = element(signed_data, INTEGER)?;
    let (_, rest) = element(rest, SET)?;
    let (_, rest) = element(rest, SEQUENCE)?;
    let (mut rest, _) = element(rest, CONTEXT_0)?;
    let mut certificates = Vec::new();
    while !rest.is_empty() {
        let (_, behind) = element(rest, SEQUENCE)?;
        certificates.push(rest.get(..rest.len().checked_sub(behind.len())?)?.to_vec());
        if certificates.len() > CERTIFICATES_MAX {
            return None;
        }
        rest = behind;
    }
    Some(certificates)
}

/// The content of the element at the start of `bytes`, which must have this tag, and what is behind it.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (first, rest) = bytes.split_first()?;
    let (short, rest) = rest.split_first()?;
    if *first != tag {
        return None;
    }
    if *short < 0x80 {
        return rest.split_at_checked(usize::from(*short));
    }
    // At most four bytes of length, as short as can be (X.690, 10.1).
    let (digits, rest) = rest.split_at_checked(usize::from(*short & 0x7F))?;
    if digits.is_empty() || digits.len() > 4 || digits.first() == Some(&0) {
        return None;
    }
    let len = digits.iter().fold(0_usize, |len, digit| len << 8 | usize::from(*digit));
    if len < 0x80 { None } else { rest.split_at_checked(len) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn wrap(tag: u8, content: &[u8]) -> Vec<u8> {
        let len = u32::try_from(content.len()).unwrap().to_be_bytes();
        let digits = &len[len.iter().take_while(|digit| **digit == 0).count()..];
        let head = match digits {
            [] => vec![tag, 0],
            [short] if *short < 0x80 => vec![tag, *short],
            _ => [&[tag, 0x80 | u8::try_from(digits.len()).unwrap()], digits].concat(),
        };
        [&head, content].concat()
    }

    fn message(certificates: &[u8]) -> Vec<u8> {
        let data = wrap(SEQUENCE, &wrap(OBJECT, &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x01]));
        let parts = [wrap(INTEGER, &[1]), wrap(SET, &[]), data, wrap(CONTEXT_0, certificates), wrap(SET, &[])].concat();
        wrap(SEQUENCE, &[wrap(OBJECT, SIGNED_DATA), wrap(CONTEXT_0, &wrap(SEQUENCE, &parts))].concat())
    }

    proptest! {
        #[test]
        fn certificates_come_out_as_they_went_in(sizes in proptest::collection::vec(0..70_000_usize, 0..=CERTIFICATES_MAX)) {
            let certificates: Vec<Vec<u8>> = sizes.iter().map(|size| wrap(SEQUENCE, &vec![7; *size])).collect();
            prop_assert_eq!(certificates_of(&message(&certificates.concat())), Some(certificates));
        }

        #[test]
        fn garbage_and_changed_messages_are_never_a_panic(bytes: Vec<u8>, at: prop::sample::Index, bit in 0..8_u8) {
            let _ = certificates_of(&bytes);
            let mut changed = message(&wrap(SEQUENCE, &bytes));
            let at = at.index(changed.len());
            changed[at] ^= 1 << bit;
            let _ = certificates_of(&changed);
            prop_assert_eq!(certificates_of(&changed[..at]), None);
        }
    }

    #[test]
    fn more_certificates_than_anybody_sends_are_refused() {
        let one = wrap(SEQUENCE, &[]);
        assert_eq!(certificates_of(&message(&one.repeat(CERTIFICATES_MAX + 1))), None);
    }
}
