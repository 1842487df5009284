//! Responses that OpenSSL made (`openssl ts -reply`, `openssl cms -sign`), whole and tampered with.

use super::*;
use expect_test::expect;
use proptest::prelude::*;

macro_rules! golden {
    ($name:literal) => {
        include_bytes!(concat!("../../tests/golden/stamp/", $name)).as_slice()
    };
}

const DATA: &[u8] = golden!("data");
const NONCE: u64 = 0x0123_4567_89AB_CDEF;
const GOOD: [(&str, &[u8]); 4] = [
    ("rsa-sha256", golden!("rsa-sha256.tsr")),
    ("p256-sha384", golden!("p256-sha384.tsr")),
    ("p384-sha384", golden!("p384-sha384.tsr")),
    ("rsa-sha512-essv1", golden!("rsa-sha512-essv1.tsr")),
];

fn roots() -> StampRoots {
    StampRoots::from_pem(std::str::from_utf8(golden!("ca.pem")).unwrap()).unwrap()
}

fn verdict(response: &[u8]) -> Result<UnixMicros, StampError> {
    let stamp = TimeStamp::open(response)?;
    stamp.check(DATA, Nonce::Is(NONCE), Some(&roots()))?;
    Ok(stamp.time())
}

fn replaced(response: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = response.windows(from.len()).position(|window| window == from).unwrap();
    [&response[..at], to, &response[at + from.len()..]].concat()
}

#[test]
fn the_question_is_the_one_that_openssl_answered() {
    assert_eq!(stamp_request(DATA, NONCE), golden!("request.tsq"));
}

#[test]
fn stamps_of_openssl_hold_whatever_key_and_hash() {
    let said: Vec<String> = GOOD
        .iter()
        .map(|(name, response)| {
            let stamp = TimeStamp::open(response).unwrap();
            let verdict = stamp.check(DATA, Nonce::Is(NONCE), Some(&roots()));
            format!("{name} {} {verdict:?}", stamp.authority())
        })
        .collect();
    expect![[r#"
        rsa-sha256 O=Yagura, CN=Test TSA rsa Ok(())
        p256-sha384 O=Yagura, CN=Test TSA p256 Ok(())
        p384-sha384 O=Yagura, CN=Test TSA p384 Ok(())
        rsa-sha512-essv1 O=Yagura, CN=Test TSA rsa Ok(())"#]]
    .assert_eq(&said.join("\n"));
    assert!(verdict(golden!("cms.tsr")).is_ok());
}

#[test]
fn everything_that_is_wrong_has_its_name() {
    let good = GOOD[1].1;
    let stamp = TimeStamp::open(good).unwrap();
    let other = StampRoots::from_pem(std::str::from_utf8(golden!("other.pem")).unwrap()).unwrap();
    let signature = stamp.signed.signature.clone();
    let flipped: Vec<u8> = signature.iter().enumerate().map(|(n, byte)| byte ^ u8::from(n == 40)).collect();
    let cut = |response: &[u8], len: usize| response[..len].to_vec();
    let long = vec![0; STAMP_BYTES_MAX + 1];
    let year = |stamp: &[u8], year: &[u8]| {
        let time = stamp.windows(2).position(|window| window == [TIME, 22]).unwrap() + 2;
        [&stamp[..time], year, &stamp[time + year.len()..]].concat()
    };
    let all = [
        ("other data", stamp.check(b"other", Nonce::Any, None)),
        ("other nonce", stamp.check(DATA, Nonce::Is(7), None)),
        ("other authority", stamp.check(DATA, Nonce::Is(NONCE), Some(&other))),
        ("refused", verdict(golden!("refused.tsr")).map(drop)),
        ("cut at half", verdict(&cut(good, good.len() / 2)).map(drop)),
        ("without its last byte", verdict(&cut(good, good.len() - 1)).map(drop)),
        ("with a byte more", verdict(&[good, &[0]].concat()).map(drop)),
        ("too long", verdict(&long).map(drop)),
        ("nothing", verdict(&[]).map(drop)),
        ("signature flipped", verdict(&replaced(good, &signature, &flipped)).map(drop)),
        ("time changed", verdict(&year(good, b"2025")).map(drop)),
        ("not critical", verdict(golden!("soft.tsr")).map(drop)),
        ("for code too", verdict(golden!("two.tsr")).map(drop)),
        ("no certificate", verdict(golden!("no-certificate.tsr")).map(drop)),
    ];
    let lines: Vec<String> = all.iter().map(|(what, it)| format!("{what}: {}", it.unwrap_err())).collect();
    expect![[r#"
        other data: it stamps other data: the imprint differs
        other nonce: it answers another question: the nonce differs
        other authority: the signer's certificate does not come from the given authority
        refused: the authority refused with status 2 (RFC 3161, 2.4.2)
        cut at half: not a time stamp response: response is cut or malformed
        without its last byte: not a time stamp response: response is cut or malformed
        with a byte more: not a time stamp response: response is cut or malformed
        too long: a time stamp of 65537 bytes exceeds the maximum 65536
        nothing: not a time stamp response: response is cut or malformed
        signature flipped: the signature does not hold
        time changed: its signed digest is missing or differs
        not critical: the signer's certificate is not for time stamps alone
        for code too: the signer's certificate is not for time stamps alone
        no certificate: the signer's certificate is not in it"#]]
    .assert_eq(&lines.join("\n"));
}

#[test]
fn times_have_up_to_six_digits_of_a_second() {
    let micros = |text: &str| time_of(text.as_bytes()).map(|time| time.0);
    assert_eq!(micros("19700101000001Z"), Some(1_000_000));
    assert_eq!(micros("19700101000001.5Z"), Some(1_500_000));
    assert_eq!(micros("19700101000001.0000019Z"), Some(1_000_001));
    for wrong in ["1970010100000Z", "19700101000001", "19701301000001Z", "19700101000001.Z", "+9700101000001Z", ""] {
        assert_eq!(micros(wrong), None, "{wrong}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn a_flipped_bit_is_never_another_stamp(which in 0..GOOD.len(), at: usize, bit in 0..8_u8) {
        let good = GOOD[which].1;
        let mut bytes = good.to_vec();
        let at = at % bytes.len();
        bytes[at] ^= 1 << bit;
        // What is outside the signature (such as the status) may differ: then it is the same stamp.
        if let Ok(time) = verdict(&bytes) {
            prop_assert_eq!(Ok(time), verdict(good));
            let (changed, whole) = (TimeStamp::open(&bytes).unwrap(), TimeStamp::open(good).unwrap());
            prop_assert_eq!(changed.signed.content, whole.signed.content);
        }
    }

    #[test]
    fn a_cut_one_is_none(which in 0..GOOD.len(), at: usize) {
        let good = GOOD[which].1;
        prop_assert!(verdict(&good[..at % good.len()]).is_err());
    }

    #[test]
    fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(verdict(&bytes).is_err());
    }
}
