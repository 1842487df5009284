//! Certificates as a PKCS #7 "certs-only" message (RFC 5652, 5.1 without signers), the form in which EST answers.
//!
//! Not CMS: nothing is signed or encrypted here, and nothing is read. DER is written by hand, because a degenerate `SignedData`
//! is five headers around certificates that are DER already. Cost: one copy of the certificates.

/// id-data, 1.2.840.113549.1.7.1.
const DATA: &[u8] = &[0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x01];
/// id-signedData, 1.2.840.113549.1.7.2.
const SIGNED_DATA: &[u8] = &[0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x02];
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
/// `[0]`, constructed: explicit content, and the implicit set of certificates.
const CONTEXT_0: u8 = 0xA0;

/// The message that holds these certificates (DER), in this order.
#[must_use]
pub fn certs_only(certificates: &[&[u8]]) -> Vec<u8> {
    let version = [0x02, 0x01, 0x01];
    let signed_data = [
        &version[..],
        &element(SET, &[]),
        &element(SEQUENCE, DATA),
        &element(CONTEXT_0, &certificates.concat()),
        &element(SET, &[]),
    ];
    let content = element(CONTEXT_0, &element(SEQUENCE, &signed_data.concat()));
    element(SEQUENCE, &[SIGNED_DATA, &content].concat())
}

/// Tag, length (X.690, 10.1: as short as can be), content.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let len = content.len().to_be_bytes();
    let significant = len.iter().position(|byte| *byte != 0).and_then(|first| len.get(first..)).unwrap_or_default();
    let mut out = Vec::with_capacity(content.len().saturating_add(10));
    out.push(tag);
    match significant {
        [] => out.push(0),
        [short] if *short < 0x80 => out.push(*short),
        // At most eight bytes of length.
        long => {
            out.push(0x80 | u8::try_from(long.len()).unwrap_or(0x7F));
            out.extend_from_slice(long);
        }
    }
    out.extend_from_slice(content);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;
    use proptest::prelude::*;
    use x509_parser::der_parser::ber::BerObjectContent;
    use x509_parser::der_parser::parse_der;

    #[test]
    fn an_empty_message_is_the_smallest_degenerate_signed_data() {
        let hex: String = certs_only(&[]).iter().map(|byte| format!("{byte:02x}")).collect();
        expect!["302506092a864886f70d010702a01830160201013100300b06092a864886f70d010701a0003100"].assert_eq(&hex);
    }

    proptest! {
        #[test]
        fn the_certificates_stand_in_it_as_they_are(sizes in proptest::collection::vec(0..70_000_usize, 0..4)) {
            let certificates: Vec<Vec<u8>> = sizes.iter().map(|size| element(SEQUENCE, &element(0x04, &vec![7; *size]))).collect();
            let parts: Vec<&[u8]> = certificates.iter().map(Vec::as_slice).collect();
            let message = certs_only(&parts);
            let (rest, object) = parse_der(&message).unwrap();
            prop_assert!(rest.is_empty());
            let content = &object.as_sequence().unwrap()[1];
            let BerObjectContent::Unknown(content) = &content.content else { panic!("{content:?}") };
            let (_, signed_data) = parse_der(content.data).unwrap();
            let certificates = &signed_data.as_sequence().unwrap()[3];
            let BerObjectContent::Unknown(certificates) = &certificates.content else { panic!("{certificates:?}") };
            prop_assert_eq!(certificates.data, parts.concat());
        }
    }
}
