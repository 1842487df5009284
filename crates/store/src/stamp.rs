//! Time stamps of RFC 3161: the question, and the check of the answer down to a certificate that is trusted.
//!
//! Not a client: whoever asks sends the bytes. Invariants: a stamp that [`TimeStamp::check`] accepts names exactly the data and the nonce that
//! were asked for, is signed by a certificate that is for time stamps alone and was valid then, and that certificate comes from the given
//! authorities. Times of certificates are judged at the time of the stamp, so an old stamp stays good. Cost: three signature checks.

mod der;
mod signed;
#[cfg(test)]
mod tests;

use der::{BOOLEAN, Der, INTEGER, OCTETS, OID, SEQUENCE, TIME, context, encode, number};
use ring::digest::{SHA256, digest};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, TrustAnchor};
use signed::Signed;
use std::fmt;
use yagura_model::UnixMicros;

/// The longest response that is read.
pub const STAMP_BYTES_MAX: usize = 64 << 10;
/// The most certificates of a response.
const CERTIFICATES_MAX: usize = 16;

const ID_SHA256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
const NULL: &[u8] = &[0x05, 0x00];

/// Why bytes are not a time stamp that counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StampError {
    /// Too long.
    #[error("a time stamp of {0} bytes exceeds the maximum {STAMP_BYTES_MAX}")]
    TooLong(usize),
    /// Not as RFC 3161 and RFC 5652 have it.
    #[error("not a time stamp response: {0} is cut or malformed")]
    Malformed(&'static str),
    /// The authority refused.
    #[error("the authority refused with status {0} (RFC 3161, 2.4.2)")]
    Refused(u8),
    /// It is over other data.
    #[error("it stamps other data: the imprint differs")]
    Imprint,
    /// It answers another question.
    #[error("it answers another question: the nonce differs")]
    Nonce,
    /// It uses an algorithm that is not known here or too weak.
    #[error("its {0} is not supported")]
    Algorithm(&'static str),
    /// The signer's certificate is not in it.
    #[error("the signer's certificate is not in it")]
    NoCertificate,
    /// A signed attribute is missing, or names something else.
    #[error("its signed {0} is missing or differs")]
    Attribute(&'static str),
    /// The signature does not hold.
    #[error("the signature does not hold")]
    Signature,
    /// The signer's certificate is not for time stamps alone (critical extended key usage timeStamping).
    #[error("the signer's certificate is not for time stamps alone")]
    Purpose,
    /// The signer's certificate was not valid then.
    #[error("the signer's certificate was not valid at the time of the stamp")]
    Validity,
    /// The signer's certificate does not come from the given authorities.
    #[error("the signer's certificate does not come from the given authority")]
    Chain,
}

/// What the nonce must be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Nonce {
    /// The one of the question.
    Is(u64),
    /// Any: the question is long gone.
    Any,
}

/// The question for a stamp over the SHA-256 of `data`, to be sent as `application/timestamp-query`. It asks for certificates.
#[must_use]
pub fn stamp_request(data: &[u8], nonce: u64) -> Vec<u8> {
    let algorithm = encode(SEQUENCE, &[encode(OID, ID_SHA256), NULL.to_vec()].concat());
    let imprint = [algorithm, encode(OCTETS, digest(&SHA256, data).as_ref())].concat();
    let members = [
        encode(INTEGER, &number(1)),
        encode(SEQUENCE, &imprint),
        encode(INTEGER, &number(nonce)),
        encode(BOOLEAN, &[0xFF]),
    ];
    encode(SEQUENCE, &members.concat())
}

/// Authorities whose time stamps are believed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StampRoots(Vec<TrustAnchor<'static>>);

impl StampRoots {
    /// The certificates of a PEM text; `None` if there is none or one is not a certificate.
    #[must_use]
    pub fn from_pem(pem: &str) -> Option<Self> {
        let anchors = CertificateDer::pem_slice_iter(pem.as_bytes()).map(|certificate| {
            let certificate = certificate.ok()?;
            webpki::anchor_from_trusted_cert(&certificate).ok().map(|anchor| anchor.to_owned())
        });
        let anchors: Option<Vec<_>> = anchors.collect();
        anchors.filter(|anchors| !anchors.is_empty()).map(Self)
    }
}

/// A time stamp response that could be read. Nothing of it is believed before [`Self::check`].
#[derive(Debug)]
pub struct TimeStamp {
    imprint: Vec<u8>,
    sha256: bool,
    nonce: Option<Vec<u8>>,
    time: UnixMicros,
    signed: Signed,
}

impl TimeStamp {
    /// Reads a response.
    ///
    /// # Errors
    /// [`StampError::Refused`], [`StampError::Malformed`], [`StampError::TooLong`], or an algorithm that is not known.
    pub fn open(response: &[u8]) -> Result<Self, StampError> {
        if response.len() > STAMP_BYTES_MAX {
            return Err(StampError::TooLong(response.len()));
        }
        let mut outer = Der::new(response, "response");
        let mut members = outer.inside(SEQUENCE, "response")?;
        outer.end()?;
        match members.inside(SEQUENCE, "status")?.content(INTEGER)? {
            [0 | 1] => {}
            status => return Err(StampError::Refused(status.last().copied().unwrap_or(u8::MAX))),
        }
        let token = members.element(SEQUENCE)?;
        members.end()?;
        let signed = Signed::read(token.whole)?;
        let mut info = Der::new(&signed.content, "TSTInfo");
        let mut it = info.inside(SEQUENCE, "TSTInfo")?;
        info.end()?;
        if it.content(INTEGER)? != [1] {
            return Err(StampError::Malformed("version of TSTInfo"));
        }
        it.content(OID)?;
        let mut imprint = it.inside(SEQUENCE, "imprint")?;
        let (sha256, hash) = (imprint.algorithm()? == ID_SHA256, imprint.content(OCTETS)?.to_vec());
        imprint.end()?;
        it.content(INTEGER)?;
        let time = time_of(it.content(TIME)?).ok_or(StampError::Malformed("genTime"))?;
        it.optional(SEQUENCE)?;
        it.optional(BOOLEAN)?;
        let nonce = it.optional(INTEGER)?.map(|nonce| nonce.content.to_vec());
        it.optional(context(0))?;
        it.optional(context(1))?;
        it.end()?;
        Ok(Self { imprint: hash, sha256, nonce, time, signed })
    }

    /// Whether it is a stamp over `data`, by one of the authorities. Without `roots` the signer's certificate is taken as it is in the stamp.
    ///
    /// # Errors
    /// [`StampError`] names what is wrong first.
    pub fn check(&self, data: &[u8], nonce: Nonce, roots: Option<&StampRoots>) -> Result<(), StampError> {
        if !self.sha256 {
            return Err(StampError::Algorithm("imprint's hash"));
        }
        if self.imprint != digest(&SHA256, data).as_ref() {
            return Err(StampError::Imprint);
        }
        if let Nonce::Is(nonce) = nonce
            && self.nonce != Some(number(nonce))
        {
            return Err(StampError::Nonce);
        }
        self.signed.check(self.time, roots.map(|roots| roots.0.as_slice()))
    }

    /// When the authority saw the data, by its own clock.
    #[must_use]
    pub const fn time(&self) -> UnixMicros {
        self.time
    }

    /// Who signed, by the certificate in it; empty if that cannot be read.
    #[must_use]
    pub fn authority(&self) -> String {
        self.signed.subject().unwrap_or_default()
    }
}

impl fmt::Display for TimeStamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "time stamp by {}", self.authority())
    }
}

/// `YYYYMMDDHHMMSS[.f…]Z`.
fn time_of(text: &[u8]) -> Option<UnixMicros> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let legal = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() != 14 || !legal(whole) || !legal(fraction) {
        return None;
    }
    let part = |range: std::ops::Range<usize>| whole.get(range)?.parse::<u16>().ok();
    let month = time::Month::try_from(u8::try_from(part(4..6)?).ok()?).ok()?;
    let small = |range| u8::try_from(part(range)?).ok();
    let date = time::Date::from_calendar_date(i32::from(part(0..4)?), month, small(6..8)?).ok()?;
    let clock = time::Time::from_hms(small(8..10)?, small(10..12)?, small(12..14)?).ok()?;
    let micros: i64 = format!("{:0<6}", fraction.get(..6).unwrap_or(fraction)).parse().ok()?;
    let seconds = time::PrimitiveDateTime::new(date, clock).assume_utc().unix_timestamp();
    Some(UnixMicros(seconds.checked_mul(1_000_000)?.checked_add(micros)?))
}
