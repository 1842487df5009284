//! Every answer of the gate that is not a success: status, words, what the device should do next, what is counted.
//!
//! Not a decision: handlers decide, this file maps a [`Refusal`] to HTTP, in one place (STYLE rule 7). The body is
//! `application/problem+json` (RFC 9457); docs/format/gate.md lists all of them. Invariant: only 408, 429 and 503 mean "send the
//! same bytes again"; any other refusal of a report is final.

use super::counters::{Counted, Counters};
use super::quota::OverQuota;
use super::registry::RegistryError;
use crate::api::types::Problem;
use crate::auth::hex;
use crate::happenings::chain;
use crate::identity::{CertificateError, IdentityError, RequestError};
use crate::intake::{IntakeError, Stale};
use axum::Json;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use std::time::Duration;
use yagura_link::OpenError;
use yagura_model::{DeviceId, UnixMicros};

/// Why the gate does not do what was asked, named by who must act.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// The device must connect with its certificate.
    #[error("the connection has no client certificate")]
    NoCertificate,
    /// The certificate is of our authority and yet no device's.
    #[error("the client certificate is not a device's")]
    NotADevice(#[source] CertificateError),
    /// The certificate ran out while the connection was open.
    #[error("the client certificate expired at {} s since 1970", .0.0.div_euclid(1_000_000))]
    CertificateExpired(UnixMicros),
    /// The registry does not know the device.
    #[error("this device is not enrolled here")]
    NotEnrolled,
    /// The operator revoked the device.
    #[error("this device was revoked")]
    Revoked,
    /// The device enrolled again since.
    #[error("this device has a newer certificate")]
    Superseded,
    /// The bytes are no report; or one whose body is not what its header says.
    #[error("the body is not a report")]
    Malformed(#[source] OpenError),
    /// The report is not signed by the key of the certificate.
    #[error("the report's signature does not verify with the key of the client certificate")]
    BadSignature,
    /// The report names another device.
    #[error("the report is from {0}, which is not the device of the client certificate")]
    WrongDevice(DeviceId),
    /// More bytes than the limit.
    #[error("{bytes} bytes, or more, exceed the limit of {max}")]
    TooLarge {
        /// How many there are, as far as was read.
        bytes: u64,
        /// The limit.
        max: u64,
    },
    /// The body did not arrive in time, or broke off.
    #[error("the body did not arrive within {0} s")]
    TooSlow(u64),
    /// The report is out of its chain for good.
    #[error(transparent)]
    Stale(Stale),
    /// The device did wrong too often.
    #[error("this device sent too much that was wrong; it is not listened to for another {} s", whole_seconds(*.0))]
    Penalised(Duration),
    /// A quota is used up.
    #[error("{} is {}, and it is used up for another {} s", .0.what.name(), .0.per_second, whole_seconds(.0.wait))]
    OverQuota(OverQuota),
    /// The device has its share of reports under way.
    #[error("{0} reports of this device are under way already")]
    DeviceBusy(usize),
    /// Too much is waiting; so many seconds are enough for those before.
    #[error("the server is busy")]
    Busy(u64),
    /// Not the JSON of an enrolment.
    #[error("the body is not {{\"token\": text, \"csr\": text}}")]
    NotAnEnrolment,
    /// The certificate request is not what enrolment needs.
    #[error(transparent)]
    Request(RequestError),
    /// Not the base64 of a certificate request.
    #[error("the body is not a PKCS #10 request in base64")]
    NotBase64,
    /// No token was shown where one is needed.
    #[error("no enrolment token, neither as HTTP Basic password nor as bearer token")]
    NoToken,
    /// The renewal names another device than the certificate.
    #[error("the certificate request names {0}, which is not the device of the client certificate")]
    RenewalOfOther(DeviceId),
    /// No such token.
    #[error("this enrolment token was never given out, or not by this server")]
    TokenUnknown,
    /// Another key used the token.
    #[error("this enrolment token was used by another key")]
    TokenUsed,
    /// The token's time is over.
    #[error("this enrolment token has expired")]
    TokenExpired,
    /// The token is for another device.
    #[error("this enrolment token is not for {0}")]
    TokenOtherDevice(DeviceId),
    /// No certificate could be made.
    #[error("the server cannot make a certificate now")]
    Issue(#[source] IdentityError),
    /// The registry does not answer.
    #[error("the server cannot look up devices now")]
    Registry(#[source] RegistryError),
    /// The intake took nothing.
    #[error(transparent)]
    Intake(IntakeError),
    /// No such endpoint.
    #[error("there is nothing at this path")]
    NotFound,
    /// The endpoint takes another method.
    #[error("this path does not take that method")]
    MethodNotAllowed,
}

/// What a device is told to do about a refusal.
const SEND_LATER: &str = "send the same bytes again after the seconds that Retry-After names";
const DROP_REPORT: &str = "drop this report and count it as lost";
const ASK_OPERATOR: &str = "ask the operator of the fleet for a new enrolment token";

impl Refusal {
    /// Status, stable name, title, next step: the one place that knows.
    const fn words(&self) -> (StatusCode, &'static str, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::NoCertificate => {
                (S::UNAUTHORIZED, "no-certificate", "No client certificate", "enrol, then connect with the certificate")
            }
            Self::NotADevice(_) => (S::FORBIDDEN, "not-a-device", "Not a device certificate", ASK_OPERATOR),
            Self::CertificateExpired(_) => (S::FORBIDDEN, "certificate-expired", "Certificate expired", ASK_OPERATOR),
            Self::NotEnrolled => (S::FORBIDDEN, "not-enrolled", "Device not enrolled", ASK_OPERATOR),
            Self::Revoked => (S::FORBIDDEN, "revoked", "Device revoked", ASK_OPERATOR),
            Self::Superseded => {
                (S::FORBIDDEN, "superseded", "Certificate superseded", "use the newest certificate of this device")
            }
            Self::Malformed(_) => (S::BAD_REQUEST, "malformed", "Not a report", DROP_REPORT),
            Self::BadSignature => (S::UNPROCESSABLE_ENTITY, "bad-signature", "Wrong signature", DROP_REPORT),
            Self::WrongDevice(_) => (
                S::FORBIDDEN,
                "wrong-device",
                "Another device's report",
                "send each report with its own device's certificate",
            ),
            Self::TooLarge { .. } => (S::PAYLOAD_TOO_LARGE, "too-large", "Too large", DROP_REPORT),
            Self::TooSlow(_) => (S::REQUEST_TIMEOUT, "too-slow", "Body too slow", "send the same bytes again"),
            Self::Stale(Stale::Conflict { .. }) => {
                (S::CONFLICT, "conflict", "Number taken by another report", DROP_REPORT)
            }
            Self::Stale(Stale::TooOld { .. }) => (S::CONFLICT, "too-old", "Number too old", DROP_REPORT),
            Self::Stale(Stale::Boot { .. }) => {
                (S::CONFLICT, "stale-boot", "Report of a boot that is over", "ask /v1/resume and start a higher boot")
            }
            Self::Penalised(_) => (S::TOO_MANY_REQUESTS, "penalty", "Not listened to for now", SEND_LATER),
            Self::OverQuota(_) => (S::TOO_MANY_REQUESTS, "over-quota", "Over quota", SEND_LATER),
            Self::DeviceBusy(_) => (S::TOO_MANY_REQUESTS, "device-busy", "Too many at once", SEND_LATER),
            Self::Busy(_) => (S::SERVICE_UNAVAILABLE, "busy", "Not now", SEND_LATER),
            Self::NotBase64 => {
                (S::BAD_REQUEST, "enrolment-malformed", "Not a request", "send the request as base64 of DER (RFC 7030)")
            }
            Self::NoToken => {
                (S::UNAUTHORIZED, "no-token", "No enrolment token", "show the token as RFC 7617 or 6750 says")
            }
            Self::RenewalOfOther(_) => {
                (S::FORBIDDEN, "renewal-other-device", "Another device's renewal", "renew each certificate with itself")
            }
            Self::NotAnEnrolment => {
                (S::BAD_REQUEST, "enrolment-malformed", "Not an enrolment", "send JSON with the texts token and csr")
            }
            Self::Request(_) => (
                S::BAD_REQUEST,
                "request-refused",
                "Certificate request refused",
                "send a PKCS #10 request for one Ed25519 key with the device's URN as subject alternative name",
            ),
            Self::TokenUnknown => (S::FORBIDDEN, "token-unknown", "Unknown token", ASK_OPERATOR),
            Self::TokenUsed => (S::CONFLICT, "token-used", "Token used", ASK_OPERATOR),
            Self::TokenExpired => (S::FORBIDDEN, "token-expired", "Token expired", ASK_OPERATOR),
            Self::TokenOtherDevice(_) => (S::FORBIDDEN, "token-other-device", "Token of another device", ASK_OPERATOR),
            Self::Issue(_) => (S::SERVICE_UNAVAILABLE, "issue", "No certificate now", SEND_LATER),
            Self::Registry(_) => (S::SERVICE_UNAVAILABLE, "registry", "Registry does not answer", SEND_LATER),
            Self::Intake(error) => (S::SERVICE_UNAVAILABLE, error.name(), "Not now", SEND_LATER),
            Self::NotFound => (S::NOT_FOUND, "not-found", "Not found", "see docs/format/gate.md for the endpoints"),
            Self::MethodNotAllowed => (
                S::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                "Method not allowed",
                "see docs/format/gate.md for the endpoints",
            ),
        }
    }

    /// Under which kind this is counted.
    const fn kind(&self) -> Counted {
        match self {
            Self::NoCertificate
            | Self::NotADevice(_)
            | Self::CertificateExpired(_)
            | Self::NotEnrolled
            | Self::Superseded
            | Self::NotFound
            | Self::MethodNotAllowed => Counted::NotAuthenticated,
            Self::Revoked => Counted::RevokedRefused,
            Self::Malformed(_) => Counted::ReportMalformed,
            Self::BadSignature => Counted::ReportForged,
            Self::WrongDevice(_) => Counted::ReportOfOther,
            Self::TooLarge { .. } => Counted::ReportTooLarge,
            Self::Stale(_) => Counted::ReportStale,
            Self::Penalised(_) => Counted::Penalised,
            Self::OverQuota(over) if over.what.is_of_device() => Counted::OverDeviceQuota,
            Self::OverQuota(_) => Counted::OverTenantQuota,
            Self::DeviceBusy(_) => Counted::DeviceBusy,
            Self::NotAnEnrolment
            | Self::NotBase64
            | Self::NoToken
            | Self::RenewalOfOther(_)
            | Self::Request(_)
            | Self::TokenUnknown
            | Self::TokenUsed
            | Self::TokenExpired
            | Self::TokenOtherDevice(_) => Counted::EnrolmentRefused,
            Self::TooSlow(_) => Counted::ConnectionBroken,
            Self::Busy(_) | Self::Intake(IntakeError::Busy) => Counted::Busy,
            Self::Issue(_) | Self::Registry(_) | Self::Intake(_) => Counted::StorageFailed,
        }
    }

    /// Whether a report was refused for good.
    const fn is_of_report(&self) -> bool {
        matches!(
            self.kind(),
            Counted::ReportMalformed
                | Counted::ReportForged
                | Counted::ReportOfOther
                | Counted::ReportTooLarge
                | Counted::ReportStale
        )
    }

    /// Counts, logs within its rate, and makes the answer.
    pub(super) fn answer(&self, counters: &Counters) -> Response {
        let (status, name, title, next_step) = self.words();
        let mut id = [0; 8];
        // Without randomness the id is zeros; the answer matters more.
        let _ = getrandom::fill(&mut id);
        let error_id = hex(&id);
        let detail = chain(self);
        counters.emit(self.kind(), &format_args!("{name}: {detail} ({error_id})"));
        if self.is_of_report() {
            counters.count(Counted::ReportRefused);
        }
        let detail = match status {
            // What is wrong inside the server is for its log.
            StatusCode::SERVICE_UNAVAILABLE => self.to_string(),
            _ => detail,
        };
        let r#type = format!("/problems/{name}");
        let (title, next_step) = (title.to_owned(), next_step.to_owned());
        let problem = Problem { r#type, title, status: status.as_u16(), detail, next_step, error_id };
        let mut response = (status, Json(problem)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
            headers.insert(RETRY_AFTER, HeaderValue::from(self.retry_after()));
        }
        if matches!(self, Self::NoToken) {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"enrolment token\", Bearer"));
        }
        response
    }

    /// Seconds until it makes sense to ask again.
    fn retry_after(&self) -> u64 {
        match self {
            Self::Penalised(left) => whole_seconds(*left),
            Self::OverQuota(over) => whole_seconds(over.wait),
            Self::DeviceBusy(_) | Self::Intake(IntakeError::Busy) => 1,
            Self::Busy(seconds) => *seconds,
            _ => 5,
        }
    }
}

/// A pause in seconds, rounded up: asking earlier would be in vain.
fn whole_seconds(pause: Duration) -> u64 {
    pause.as_secs().saturating_add(u64::from(pause.subsec_nanos() > 0)).max(1)
}

#[cfg(test)]
mod tests {
    use super::super::quota::Metered;
    use super::*;
    use expect_test::expect;

    fn all() -> Vec<Refusal> {
        let device: DeviceId = "acme/kona-1/cgw".parse().unwrap();
        let mut all = vec![
            Refusal::NoCertificate,
            Refusal::NotADevice(CertificateError::NotOneDevice),
            Refusal::CertificateExpired(UnixMicros(1_790_000_000_000_000)),
            Refusal::NotEnrolled,
            Refusal::Revoked,
            Refusal::Superseded,
            Refusal::Malformed(OpenError::Version(2)),
            Refusal::BadSignature,
            Refusal::WrongDevice(device),
            Refusal::TooLarge { bytes: 11, max: 10 },
            Refusal::TooSlow(10),
            Refusal::Stale(Stale::Conflict { sequence: 3 }),
            Refusal::Stale(Stale::TooOld { sequence: 3, oldest: 40 }),
            Refusal::Stale(Stale::Boot { boot: 1, current: 2 }),
            Refusal::Penalised(Duration::from_millis(1_500)),
            Refusal::OverQuota(OverQuota { what: Metered::TenantEvents, per_second: 10, wait: Duration::from_secs(3) }),
            Refusal::OverQuota(OverQuota { what: Metered::DeviceBytes, per_second: 10, wait: Duration::ZERO }),
            Refusal::DeviceBusy(16),
            Refusal::Busy(7),
            Refusal::NotAnEnrolment,
            Refusal::NotBase64,
            Refusal::NoToken,
            Refusal::RenewalOfOther(device),
            Refusal::Request(RequestError::NotEd25519),
            Refusal::TokenUnknown,
            Refusal::TokenUsed,
            Refusal::TokenExpired,
            Refusal::TokenOtherDevice(device),
            Refusal::Issue(IdentityError::Instant),
            Refusal::Registry(RegistryError("disk on fire".into())),
        ];
        let intake = [IntakeError::Busy, IntakeError::StorageFull, IntakeError::StorageFailed, IntakeError::Closing];
        all.extend(intake.map(Refusal::Intake));
        all.extend([Refusal::NotFound, Refusal::MethodNotAllowed]);
        all
    }

    #[test]
    fn every_refusal_has_a_status_a_name_and_a_kind() {
        let lines = all().into_iter().map(|refusal| {
            let (status, name, _, _) = refusal.words();
            format!("{} {name} ({}): {}\n", status.as_u16(), refusal.kind().name(), chain(&refusal))
        });
        expect![[r#"
            401 no-certificate (gate_requests_unauthenticated): the connection has no client certificate
            403 not-a-device (gate_requests_unauthenticated): the client certificate is not a device's: certificate does not name exactly one device
            403 certificate-expired (gate_requests_unauthenticated): the client certificate expired at 1790000000 s since 1970
            403 not-enrolled (gate_requests_unauthenticated): this device is not enrolled here
            403 revoked (gate_requests_revoked): this device was revoked
            403 superseded (gate_requests_unauthenticated): this device has a newer certificate
            400 malformed (gate_reports_malformed): the body is not a report: format version 2, this reader knows 1
            422 bad-signature (gate_reports_bad_signature): the report's signature does not verify with the key of the client certificate
            403 wrong-device (gate_reports_wrong_device): the report is from acme/kona-1/cgw, which is not the device of the client certificate
            413 too-large (gate_reports_too_large): 11 bytes, or more, exceed the limit of 10
            408 too-slow (gate_connections_broken): the body did not arrive within 10 s
            409 conflict (gate_reports_stale): sequence 3 of this boot is taken by another report
            409 too-old (gate_reports_stale): sequence 3 is too old, 40 is the oldest that can still come
            409 stale-boot (gate_reports_stale): boot 1 is over, the device is at boot 2
            429 penalty (gate_turned_away_penalty): this device sent too much that was wrong; it is not listened to for another 2 s
            429 over-quota (gate_turned_away_tenant_quota): tenant_events_per_second is 10, and it is used up for another 3 s
            429 over-quota (gate_turned_away_device_quota): device_bytes_per_second is 10, and it is used up for another 1 s
            429 device-busy (gate_turned_away_device_busy): 16 reports of this device are under way already
            503 busy (gate_turned_away_busy): the server is busy
            400 enrolment-malformed (gate_enrolments_refused): the body is not {"token": text, "csr": text}
            400 enrolment-malformed (gate_enrolments_refused): the body is not a PKCS #10 request in base64
            401 no-token (gate_enrolments_refused): no enrolment token, neither as HTTP Basic password nor as bearer token
            403 renewal-other-device (gate_enrolments_refused): the certificate request names acme/kona-1/cgw, which is not the device of the client certificate
            400 request-refused (gate_enrolments_refused): key of the certificate request is not a usable Ed25519 key
            403 token-unknown (gate_enrolments_refused): this enrolment token was never given out, or not by this server
            409 token-used (gate_enrolments_refused): this enrolment token was used by another key
            403 token-expired (gate_enrolments_refused): this enrolment token has expired
            403 token-other-device (gate_enrolments_refused): this enrolment token is not for acme/kona-1/cgw
            503 issue (gate_turned_away_storage): the server cannot make a certificate now: the clock shows an instant that no certificate can hold
            503 registry (gate_turned_away_storage): the server cannot look up devices now: the device registry does not answer: disk on fire
            503 busy (gate_turned_away_busy): the server is busy
            503 storage-full (gate_turned_away_storage): the server's disk is full
            503 storage-failed (gate_turned_away_storage): the server cannot store reports now
            503 closing (gate_turned_away_storage): the server is shutting down
            404 not-found (gate_requests_unauthenticated): there is nothing at this path
            405 method-not-allowed (gate_requests_unauthenticated): this path does not take that method
        "#]].assert_eq(&lines.collect::<String>());
    }

    #[test]
    fn only_what_may_be_sent_again_says_so() {
        for refusal in all() {
            let response = refusal.answer(&Counters::default());
            let (status, _, _, next_step) = refusal.words();
            let again = matches!(status.as_u16(), 408 | 429 | 503);
            assert_eq!(next_step.starts_with("send the same bytes again"), again, "{refusal}");
            assert_eq!(response.headers().contains_key(RETRY_AFTER), matches!(status.as_u16(), 429 | 503), "{refusal}");
            assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
        }
    }
}
