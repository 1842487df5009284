//! One vehicle's connection to the gate that stays open: TLS 1.3 with its certificate, HTTP/1.1, one report after the other.
//!
//! Not a general HTTP client and not the vehicles' transport (that is `https`): it knows the two messages that it speaks, so that on a
//! machine that runs both ends most of the time goes to the server. Invariants: an answer is bounded; a report has exactly one
//! reply. Cost: a system call each way and one encryption a report.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The longest answer that is read: head and body, in bytes.
const ANSWER_BYTES_MAX: usize = 16 * 1024;
/// How long the gate may take for one answer.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// Why a line broke.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LineError {
    /// A certificate or key cannot be used.
    #[error("{0} of the vehicle cannot be used")]
    Identity(&'static str),
    /// TLS refuses the identity.
    #[error("TLS refuses the identity")]
    Tls(#[from] rustls::Error),
    /// The connection failed.
    #[error("connection to the gate")]
    Io(#[from] std::io::Error),
    /// The gate took too long.
    #[error("the gate did not answer within {} s", ANSWER_MAX.as_secs())]
    TooSlow,
    /// The answer is not HTTP/1.1 with a length of at most `ANSWER_BYTES_MAX`.
    #[error("the gate's answer is not HTTP/1.1 with a length of at most {ANSWER_BYTES_MAX} bytes")]
    Answer,
}

/// What a vehicle shows the gate, and whom it trusts. PEM.
#[derive(Clone, Copy, Debug)]
pub struct LineIdentity<'a> {
    /// Its certificate.
    pub certificate: &'a str,
    /// Its private key.
    pub key: &'a str,
    /// The authority that signed the gate's certificate.
    pub trust: &'a str,
}

/// What the gate said.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reply {
    /// Durable; the receipt was read and thrown away.
    Receipt,
    /// Not now: send the same bytes again.
    Busy,
    /// Never: the HTTP status.
    Refused(u16),
}

/// A connection.
pub struct Line {
    stream: TlsStream<TcpStream>,
    host: String,
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl Line {
    /// Connects and shakes hands.
    ///
    /// # Errors
    /// [`LineError`]
    pub async fn connect(gate: SocketAddr, identity: &LineIdentity<'_>) -> Result<Self, LineError> {
        let config = config(identity)?;
        let stream = TcpStream::connect(gate).await?;
        stream.set_nodelay(true)?;
        let stream = TlsConnector::from(Arc::new(config)).connect(ServerName::from(gate.ip()), stream).await?;
        Ok(Self { stream, host: gate.to_string(), request: Vec::new(), answer: Vec::new() })
    }

    /// Sends one report and waits for its reply.
    ///
    /// # Errors
    /// [`LineError`]; the line is of no use then.
    pub async fn send(&mut self, report: &[u8]) -> Result<Reply, LineError> {
        self.request.clear();
        let head = format!(
            "POST /v1/reports HTTP/1.1\r\nhost: {}\r\ncontent-type: application/cose; cose-type=\"cose-sign1\"\r\n\
             content-length: {}\r\n\r\n",
            self.host,
            report.len()
        );
        self.request.extend_from_slice(head.as_bytes());
        self.request.extend_from_slice(report);
        self.stream.write_all(&self.request).await?;
        self.stream.flush().await?;
        let status = timeout(ANSWER_MAX, self.reply()).await.map_err(|_| LineError::TooSlow)??;
        Ok(match status {
            200 => Reply::Receipt,
            408 | 429 | 500..=599 => Reply::Busy,
            status => Reply::Refused(status),
        })
    }

    /// Reads one whole answer; its status.
    async fn reply(&mut self) -> Result<u16, LineError> {
        self.answer.clear();
        loop {
            if let Some((status, len)) = whole(&self.answer)? {
                // One request, one answer: nothing may follow.
                return if self.answer.len() == len { Ok(status) } else { Err(LineError::Answer) };
            }
            if self.answer.len() >= ANSWER_BYTES_MAX {
                return Err(LineError::Answer);
            }
            if self.stream.read_buf(&mut self.answer).await? == 0 {
                return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
            }
        }
    }
}

/// Status and length of an answer, if it is all there.
fn whole(answer: &[u8]) -> Result<Option<(u16, usize)>, LineError> {
    let Some(head_len) = answer.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4) else {
        return Ok(None);
    };
    let head = answer.get(..head_len).and_then(|head| std::str::from_utf8(head).ok()).ok_or(LineError::Answer)?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok());
    let length = lines.filter_map(|line| line.split_once(':'));
    let length = length.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length = length.map(|(_, value)| value.trim().parse::<usize>().ok()).next().flatten().unwrap_or(0);
    let (Some(status), true) = (status, length <= ANSWER_BYTES_MAX) else { return Err(LineError::Answer) };
    let len = head_len + length;
    Ok((answer.len() >= len).then_some((status, len)))
}

fn config(identity: &LineIdentity<'_>) -> Result<ClientConfig, LineError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(identity.trust.as_bytes()) {
        roots.add(certificate.map_err(|_| LineError::Identity("authority"))?)?;
    }
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(identity.certificate.as_bytes()).collect();
    let chain = chain.map_err(|_| LineError::Identity("certificate"))?;
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).map_err(|_| LineError::Identity("key"))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = builder.with_root_certificates(roots).with_client_auth_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_when_its_body_is_there() {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nx: y\r\n\r\nabc";
        for len in 0..answer.len() {
            assert_eq!(whole(&answer[..len]).unwrap(), None, "{len}");
        }
        assert_eq!(whole(answer).unwrap(), Some((200, answer.len())));
    }

    #[test]
    fn what_is_not_http_is_refused() {
        for bad in ["HTTP/2 200\r\n\r\n", "HTTP/1.1 2x0\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 99999\r\n\r\n"] {
            assert!(whole(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
