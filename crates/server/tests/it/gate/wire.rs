//! A connection without an HTTP library: one socket, one TLS session, requests of HTTP/1.1 by hand.

use super::device::Device;
use super::world::World;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, HandshakeKind, RootCertStore};
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// What a device's TLS remembers from one connection to the next.
pub(super) fn memory(world: &World, device: &Device) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(world.identity.authority().certificate().clone()).unwrap();
    let chain = CertificateDer::pem_slice_iter(device.certificate.as_bytes()).map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_slice(device.key_pem().as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    Arc::new(config.with_root_certificates(roots).with_client_auth_cert(chain, key).unwrap())
}

/// One connection.
pub(super) struct Wire(TlsStream<TcpStream>);

impl Wire {
    pub(super) async fn open(world: &World, memory: &Arc<ClientConfig>) -> io::Result<Self> {
        let stream = TcpStream::connect(world.address()).await?;
        let name = ServerName::try_from("127.0.0.1").unwrap();
        TlsConnector::from(Arc::clone(memory)).connect(name, stream).await.map(Self)
    }

    pub(super) fn kind(&self) -> Option<HandshakeKind> {
        self.0.get_ref().1.handshake_kind()
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
        self.0.flush().await.unwrap();
    }

    /// Asks where the device stands; the status.
    pub(super) async fn resume(&mut self) -> io::Result<u16> {
        self.0.write_all(b"GET /v1/resume HTTP/1.1\r\nHost: gate\r\n\r\n").await?;
        self.status().await
    }

    /// The status of the next answer; its body must have come with its head.
    pub(super) async fn status(&mut self) -> io::Result<u16> {
        let mut answer = Vec::new();
        let mut buffer = [0; 4096];
        while !answer.windows(4).any(|end| end == b"\r\n\r\n") {
            match self.0.read(&mut buffer).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => answer.extend_from_slice(&buffer[..read]),
            }
        }
        Ok(String::from_utf8_lossy(&answer[9..12]).parse().unwrap())
    }

    /// Whether the server ends the connection, in order or not; whatever it still says is thrown away.
    pub(super) async fn ends(mut self) -> bool {
        let mut rest = Vec::new();
        // A reset is an end too.
        let _ = self.0.read_to_end(&mut rest).await;
        true
    }
}
