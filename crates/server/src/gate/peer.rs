//! Who is at the other end of a connection, as far as its certificate and the registry say.
//!
//! Not the header of a report: that is a claim, and is compared with this. Invariants: a device's certificate was signed by the
//! device CA and its key proven (TLS did both, now or in the session that is resumed); its validity and its standing are looked at
//! for every request ([`super::standing`]), so a revoked device is out on an open connection and on a resumed session too, and
//! that connection is closed. Cost: a clock and two map lookups a request; one registry call a connection and minute.

use super::problem::Refusal;
use super::registry::{Enrolled, Registry, RegistryError};
use super::standing::Standings;
use super::verifier::DeviceVerifier;
use crate::clock;
use crate::identity::{CertificateError, DeviceCertificate};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_rustls::server::TlsStream;
use yagura_model::DeviceId;

/// Who is at the other end of a connection, and how to be rid of it.
pub(super) struct Peer {
    /// Where it comes from.
    pub(super) address: IpAddr,
    /// What it showed.
    who: Who,
    /// Told when the connection is to be closed after the answer.
    pub(super) goodbye: Notify,
}

enum Who {
    /// Showed no certificate.
    Anonymous,
    /// Showed the certificate of a device.
    Device(DevicePeer),
    /// Showed a certificate of our authority that names no device.
    Other(CertificateError),
}

/// A device with a certificate that TLS accepted.
pub(super) struct DevicePeer {
    /// What the certificate says.
    pub(super) certificate: Arc<DeviceCertificate>,
    standing: Mutex<Option<(Instant, Option<Enrolled>)>>,
}

impl Peer {
    /// The peer of a TLS connection after its handshake.
    pub(super) fn of(stream: &TlsStream<TcpStream>, address: IpAddr, verifier: &DeviceVerifier) -> Self {
        let who = match stream.get_ref().1.peer_certificates().and_then(<[_]>::first) {
            None => Who::Anonymous,
            Some(leaf) => match verifier.certificate(leaf) {
                Ok(certificate) => Who::Device(DevicePeer { certificate, standing: Mutex::new(None) }),
                Err(error) => Who::Other(error),
            },
        };
        Self { address, who, goodbye: Notify::new() }
    }

    /// The device that the certificate names, if there is one.
    pub(super) fn named(&self) -> Option<DeviceId> {
        match &self.who {
            Who::Device(peer) => Some(peer.id()),
            Who::Anonymous | Who::Other(_) => None,
        }
    }

    /// The device whose certificate is shown, whatever its standing; it may have expired within the grace of a renewal.
    pub(super) fn certified(&self) -> Result<&DevicePeer, Refusal> {
        match &self.who {
            Who::Device(peer) => Ok(peer),
            Who::Anonymous => Err(Refusal::NoCertificate),
            Who::Other(error) => Err(Refusal::NotADevice(*error)),
        }
    }

    /// The device, if it may report now. If it never may again with this certificate, the connection ends with the answer.
    pub(super) async fn device(&self, registry: &impl Registry, standings: &Standings) -> Result<&DevicePeer, Refusal> {
        let peer = self.certified()?;
        let certificate = &peer.certificate;
        let refusal = if certificate.not_after < clock::now() {
            Refusal::CertificateExpired(certificate.not_after)
        } else {
            match peer.standing(registry, standings).await.map_err(Refusal::Registry)? {
                None => Refusal::NotEnrolled,
                Some(enrolled) if enrolled.revoked => Refusal::Revoked,
                Some(enrolled) if enrolled.fingerprint != certificate.fingerprint => Refusal::Superseded,
                Some(_) => return Ok(peer),
            }
        };
        self.goodbye.notify_one();
        Err(refusal)
    }
}

impl DevicePeer {
    /// Whom the certificate names.
    pub(super) fn id(&self) -> DeviceId {
        self.certificate.device
    }

    async fn standing(
        &self,
        registry: &impl Registry,
        standings: &Standings,
    ) -> Result<Option<Enrolled>, RegistryError> {
        let known = *self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((asked, enrolled)) = known
            && standings.holds(&self.certificate.device, asked)
        {
            return Ok(enrolled);
        }
        let asked = Instant::now();
        let enrolled = registry.device(&self.certificate.device).await?;
        *self.standing.lock().unwrap_or_else(PoisonError::into_inner) = Some((asked, enrolled));
        Ok(enrolled)
    }
}
