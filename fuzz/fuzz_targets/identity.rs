//! What strangers send to be let in: certificate requests in PEM and DER, certificates, and names in them; and what a vehicle reads
//! of a gate's EST answer. No input is a panic, and what is accepted names one device.
#![no_main]

use libfuzzer_sys::fuzz_target;

// The server's own files, so that fuzzing them does not build the server.
#[path = "../../crates/sim/src/certs_only.rs"]
mod certs_only;
#[path = "../../crates/server/src/identity/certificate.rs"]
mod certificate;
#[path = "../../crates/server/src/identity/name.rs"]
mod name;
#[path = "../../crates/server/src/identity/request.rs"]
mod request;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(request) = request::EnrolmentRequest::parse_der(bytes) {
        assert_eq!(name::device_of_urn(&name::device_urn(&request.device)), Some(request.device));
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = request::EnrolmentRequest::parse_pem(text);
        if let Some(device) = name::device_of_urn(text) {
            assert_eq!(name::device_urn(&device), text);
        }
    }
    if let Ok(certificate) = certificate::DeviceCertificate::parse(bytes) {
        assert!(!certificate.key.is_weak());
        assert!(certificate::pem_of(bytes).starts_with("-----BEGIN"));
    }
    for certificate in certs_only::certificates_of(bytes).into_iter().flatten() {
        let _ = certificate::DeviceCertificate::parse(&certificate);
    }
});
