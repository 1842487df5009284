//! Enrolment over Secure Transport (RFC 7030): the same enrolment as `/v1/enrol` for devices that have an EST client, and renewal.
//!
//! Not a full CA: no key generation on the server, no CMC, no labels in the path. The one-time token is the HTTP Basic password
//! (the user name does not matter) or a bearer token. A renewal is authorised by the client certificate of its connection, which may
//! have ended up to [`RENEWAL_GRACE`](super::RENEWAL_GRACE) ago. Base64 is read and written as RFC 8951 says.

use super::body;
use super::enrol::{ENROLMENT_BYTES_MAX, Turns, redeem, renewal};
use super::peer::Peer;
use super::problem::Refusal;
use super::registry::Registry;
use super::{Works, answer};
use crate::auth::hex;
use crate::identity::{EnrolmentRequest, certs_only};
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, Request};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use std::sync::Arc;

const CERTS_ONLY: &str = "application/pkcs7-mime; smime-type=certs-only";
const CSR_ATTRIBUTES: &str = "application/csrattrs";
const TRANSFER_ENCODING: HeaderName = HeaderName::from_static("content-transfer-encoding");
/// Response header with the key that signs receipts, 64 hexadecimal digits: EST itself has no place for it.
pub const RECEIPT_KEY_HEADER: HeaderName = HeaderName::from_static("yagura-receipt-key");
/// What a request should have: an Ed25519 key (1.3.101.112) and a subject alternative name (extensionRequest of 2.5.29.17).
const ATTRIBUTES: &[u8] = &[
    0x30, 0x19, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x30, 0x12, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09,
    0x0E, 0x31, 0x05, 0x06, 0x03, 0x55, 0x1D, 0x11,
];

/// `GET cacerts`: the root that signed the gate's and all devices' certificates.
pub(super) async fn authority<R: Registry>(State(works): State<Works<R>>) -> Response {
    let root = works.parts.identity.authority().certificate();
    encoded(CERTS_ONLY, &certs_only(&[root]))
}

/// `GET csrattrs`.
pub(super) async fn attributes() -> Response {
    encoded(CSR_ATTRIBUTES, ATTRIBUTES)
}

/// `POST simpleenroll`.
pub(super) async fn enrol<R: Registry>(
    State(works): State<Works<R>>,
    Extension(turns): Extension<Turns>,
    Extension(peer): Extension<Arc<Peer>>,
    request: Request<Body>,
) -> Response {
    let token = token_of(request.headers());
    let enrolled = async {
        let request = read(request.into_body()).await?;
        redeem(&works, &turns, peer.address, &token.ok_or(Refusal::NoToken)?, &request).await
    };
    answer(&works, enrolled.await.map(|der| certificate(&works, &der)))
}

/// `POST simplereenroll`.
pub(super) async fn renew<R: Registry>(
    State(works): State<Works<R>>,
    Extension(turns): Extension<Turns>,
    Extension(peer): Extension<Arc<Peer>>,
    request: Request<Body>,
) -> Response {
    let renewed = async {
        let device = peer.certified()?;
        let request = read(request.into_body()).await?;
        renewal(&works, &turns, &device.certificate, &request).await
    };
    answer(&works, renewed.await.map(|der| certificate(&works, &der)))
}

async fn read(body: Body) -> Result<EnrolmentRequest, Refusal> {
    let body = body::read(body, ENROLMENT_BYTES_MAX, |_| Ok(())).await?;
    parse(&body)
}

/// A request as EST sends it: base64 of DER with or without line ends; PEM, which many tools write, is understood too.
fn parse(body: &[u8]) -> Result<EnrolmentRequest, Refusal> {
    if body.starts_with(b"-----BEGIN") {
        let pem = std::str::from_utf8(body).map_err(|_| Refusal::NotBase64)?;
        return EnrolmentRequest::parse_pem(pem).map_err(Refusal::Request);
    }
    let compact: Vec<u8> = body.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let der = BASE64_STANDARD.decode(compact).map_err(|_| Refusal::NotBase64)?;
    EnrolmentRequest::parse_der(&der).map_err(Refusal::Request)
}

/// The token that the request shows.
fn token_of(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, rest) = value.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.trim().to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(BASE64_STANDARD.decode(rest.trim()).ok()?).ok()?;
    decoded.split_once(':').map(|(_, password)| password.to_owned())
}

fn certificate<R>(works: &Works<R>, der: &[u8]) -> Response {
    let key = hex(works.parts.identity.receipt_key().verifying_key().as_bytes());
    ([(RECEIPT_KEY_HEADER, key)], encoded(CERTS_ONLY, &certs_only(&[der]))).into_response()
}

/// A body in base64, in lines of 64 characters.
fn encoded(content_type: &'static str, der: &[u8]) -> Response {
    let text = BASE64_STANDARD.encode(der);
    let mut lines = String::with_capacity(text.len().saturating_add(text.len() / 64).saturating_add(1));
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, later) = rest.split_at_checked(64).unwrap_or((rest, ""));
        lines.push_str(line);
        lines.push('\n');
        rest = later;
    }
    ([(CONTENT_TYPE, content_type), (TRANSFER_ENCODING, "base64")], lines).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    fn token(value: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_str(value).ok()?);
        token_of(&headers)
    }

    #[test]
    fn the_token_is_a_password_or_a_bearer_token() {
        let basic = |pair: &str| format!("Basic {}", BASE64_STANDARD.encode(pair));
        assert_eq!(token(&basic("car:secret:with:colons")).as_deref(), Some("secret:with:colons"));
        assert_eq!(token(&basic(":secret").replace("Basic", "bAsIc")).as_deref(), Some("secret"));
        assert_eq!(token("Bearer secret").as_deref(), Some("secret"));
        for none in ["secret", "Basic !", "Digest a=b", "Basic c2VjcmV0"] {
            assert_eq!(token(none), None, "{none}");
        }
    }

    #[test]
    fn the_attributes_are_der() {
        let (rest, attributes) = x509_parser::der_parser::parse_der(ATTRIBUTES).unwrap();
        assert!(rest.is_empty());
        assert_eq!(attributes.as_sequence().unwrap().len(), 2);
    }

    proptest! {
        #[test]
        fn no_body_and_no_authorization_is_a_panic(body: Vec<u8>, text in "[ -~]{0,60}", scheme in "(Basic |Bearer |)") {
            let _ = parse(&body);
            let _ = parse(BASE64_STANDARD.encode(&body).as_bytes());
            let _ = token(&format!("{scheme}{text}"));
        }
    }
}
