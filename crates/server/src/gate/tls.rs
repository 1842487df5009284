//! The TLS side of the gate: its own certificate, and client certificates of the device CA, wanted but not demanded.
//!
//! Not the check of who may report: that is the registry's, per request. A client certificate that is shown must be valid: an
//! expired, foreign or not yet valid one ends the handshake with the TLS alert that says so. No certificate at all is allowed,
//! because a device has none before it enrols. Cost: a full handshake ~0.3 ms of one core; a resumed one less.

use crate::identity::Identity;
use rustls::crypto::ring;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use std::sync::Arc;

/// Why the gate cannot speak TLS.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The TLS library refuses a certificate or key.
    #[error("TLS refuses the server's certificate or key")]
    Rustls(#[from] rustls::Error),
    /// The TLS library cannot check client certificates with this root.
    #[error("TLS refuses the root of the device certificates")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
}

/// TLS 1.3 and 1.2 with optional client certificates of the embedded authority.
pub(super) fn server_config(identity: &Identity) -> Result<Arc<ServerConfig>, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(identity.authority().certificate().clone())?;
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
        .allow_unauthenticated()
        .build()?;
    let server = identity.server();
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_client_cert_verifier(verifier)
        .with_single_cert(server.chain.clone(), server.key.clone_key())?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
