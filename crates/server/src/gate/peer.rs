//! Who is at the other end of a connection, as far as its certificate and the registry say.
//!
//! Not the header of a report: that is a claim, and is compared with this. Invariants: a [`DevicePeer`] showed a certificate
//! that the device CA signed and proved to hold its key (TLS did both); its standing is asked again after
//! [`REVOCATION_LAG_MAX`], so a revoked device is out within that time even on an open connection. Cost: one registry call a
//! connection and lag.

use super::problem::Refusal;
use super::registry::{Enrolled, Registry, RegistryError};
use crate::clock;
use crate::identity::{CertificateError, DeviceCertificate};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::server::TlsStream;
use yagura_model::DeviceId;

/// How long a device that was revoked can still report.
pub const REVOCATION_LAG_MAX: Duration = Duration::from_secs(5);

/// Who is at the other end of a connection.
#[derive(Clone)]
pub(super) enum Peer {
    /// Showed no certificate.
    Anonymous,
    /// Showed the certificate of a device.
    Device(Arc<DevicePeer>),
    /// Showed a certificate of our authority that names no device.
    Other(CertificateError),
}

/// A device with a certificate that TLS accepted.
pub(super) struct DevicePeer {
    /// What the certificate says.
    pub(super) certificate: DeviceCertificate,
    standing: Mutex<Option<(Instant, Option<Enrolled>)>>,
}

impl Peer {
    /// The peer of a TLS connection after its handshake.
    pub(super) fn of(stream: &TlsStream<TcpStream>) -> Self {
        let Some(leaf) = stream.get_ref().1.peer_certificates().and_then(<[_]>::first) else {
            return Self::Anonymous;
        };
        match DeviceCertificate::parse(leaf) {
            Ok(certificate) => Self::Device(Arc::new(DevicePeer { certificate, standing: Mutex::new(None) })),
            Err(error) => Self::Other(error),
        }
    }

    /// The device, if it may report now.
    pub(super) async fn device(&self, registry: &impl Registry) -> Result<&DevicePeer, Refusal> {
        let peer = match self {
            Self::Device(peer) => peer,
            Self::Anonymous => return Err(Refusal::NoCertificate),
            Self::Other(error) => return Err(Refusal::NotADevice(*error)),
        };
        if peer.certificate.not_after < clock::now() {
            return Err(Refusal::CertificateExpired(peer.certificate.not_after));
        }
        let enrolled = peer.standing(registry).await.map_err(Refusal::Registry)?;
        match enrolled {
            None => Err(Refusal::NotEnrolled),
            Some(enrolled) if enrolled.revoked => Err(Refusal::Revoked),
            Some(enrolled) if enrolled.fingerprint != peer.certificate.fingerprint => Err(Refusal::Superseded),
            Some(_) => Ok(peer),
        }
    }
}

impl DevicePeer {
    /// Whom the certificate names.
    pub(super) const fn id(&self) -> DeviceId {
        self.certificate.device
    }

    async fn standing(&self, registry: &impl Registry) -> Result<Option<Enrolled>, RegistryError> {
        let known = *self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((asked, enrolled)) = known
            && asked.elapsed() < REVOCATION_LAG_MAX
        {
            return Ok(enrolled);
        }
        let enrolled = registry.device(&self.certificate.device).await?;
        *self.standing.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), enrolled));
        Ok(enrolled)
    }
}
