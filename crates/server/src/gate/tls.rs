//! The TLS side of the gate: its own certificate, and client certificates of the device CA, wanted but not demanded.
//!
//! Not the check of who may report: that is the registry's, per request, so a resumed session is asked like any other. A client
//! certificate that is shown must be of our CA and timely ([`super::verifier`]): any other ends the handshake with the TLS alert
//! that says why. No certificate at all is allowed, because a device has none before it enrols. Sessions are resumed by tickets,
//! whose keys live in memory and change every six hours; the gate keeps nothing of a session. No early data: it could be replayed.
//! Cost: a full handshake ~0.2 ms of one core, a resumed one ~0.08 ms.

use super::verifier::DeviceVerifier;
use crate::identity::Identity;
use rustls::crypto::ring;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use std::sync::Arc;

/// The protocol of requests on one connection, as ALPN names it.
pub(super) const HTTP2: &[u8] = b"h2";
const HTTP1: &[u8] = b"http/1.1";

/// Why the gate cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The TLS library refuses a certificate or key.
    #[error("TLS refuses the server's certificate or key")]
    Rustls(#[from] rustls::Error),
    /// The TLS library cannot check client certificates with this root.
    #[error("TLS refuses the root of the device certificates")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
    /// The system gives no threads for the checks of reports.
    #[error("cannot start the threads that check reports")]
    Threads(#[source] std::io::Error),
}

/// TLS 1.3 and 1.2 with optional client certificates of the embedded authority.
pub(super) fn server_config(identity: &Identity) -> Result<(Arc<ServerConfig>, Arc<DeviceVerifier>), TlsError> {
    let provider = Arc::new(ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(identity.authority().certificate().clone())?;
    let chain = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
        .allow_unauthenticated()
        .build()?;
    let verifier = Arc::new(DeviceVerifier::new(chain));
    let server = identity.server();
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_client_cert_verifier(Arc::clone(&verifier) as _)
        .with_single_cert(server.chain.clone(), server.key.clone_key())?;
    config.alpn_protocols = vec![HTTP2.to_vec(), HTTP1.to_vec()];
    config.ticketer = ring::Ticketer::new()?;
    config.send_tls13_tickets = 1;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok((Arc::new(config), verifier))
}
