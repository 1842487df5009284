//! Which broker, and as whom: as written ([`RawMqtt`]), then complete and consistent ([`MqttConfig`]).
//!
//! Nothing is connected here; certificate files are read when a connection is made, so that renewed ones are used. Invariant: without TLS
//! only a broker on this machine is reached.

use super::resume::NothingUnderWay;
use rumqttc::{AckMode, IncomingPacketSizeLimit, MqttOptions, TlsConfiguration, Transport};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use yagura_link::REPORT_BYTES_MAX;

/// The largest packet: a report with its topic and properties, and as much again, so that one that is too long is seen and recorded.
const PACKET_BYTES_MAX: usize = 2 * REPORT_BYTES_MAX;
/// Seconds between signs of life.
const KEEP_ALIVE_SECONDS: u16 = 30;
/// Answers and acknowledgements that wait to be sent.
const REQUESTS_MAX: usize = 256;

/// Settings as written.
#[derive(Clone, Debug, Default)]
pub struct RawMqtt {
    /// `mqtt://HOST:PORT` or `mqtts://HOST:PORT`.
    pub url: Option<String>,
    /// The client's name at the broker; one of its own for each server.
    pub client: Option<String>,
    /// User name.
    pub user: Option<String>,
    /// File with the password.
    pub password_file: Option<PathBuf>,
    /// File with the authorities that the broker's certificate must come from, PEM.
    pub ca: Option<PathBuf>,
    /// File with the client certificate, PEM.
    pub certificate: Option<PathBuf>,
    /// File with its key, PEM.
    pub key: Option<PathBuf>,
}

/// Complete and consistent settings.
#[derive(Clone, Debug)]
pub struct MqttConfig {
    host: String,
    port: u16,
    tls: Option<Tls>,
    client: Option<String>,
    user: Option<(String, Option<PathBuf>)>,
}

#[derive(Clone, Debug)]
struct Tls {
    ca: PathBuf,
    client: Option<(PathBuf, PathBuf)>,
}

/// Why the broker's settings cannot be used. The operator corrects them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MqttConfigError {
    /// Not such a URL.
    #[error("broker {0:?}, expected mqtt://HOST:PORT or mqtts://HOST:PORT")]
    Url(String),
    /// Reports and passwords would cross a network in the clear.
    #[error("broker {0:?} is not on this machine: use mqtts:// with --mqtt-ca")]
    Plain(String),
    /// TLS needs an authority.
    #[error("mqtts:// needs --mqtt-ca: the authority that the broker's certificate comes from")]
    NoAuthority,
    /// Certificate and key belong together.
    #[error("--mqtt-cert and --mqtt-key are given together, and with mqtts:// only")]
    Certificate,
    /// A password needs a user.
    #[error("--mqtt-password-file needs --mqtt-user")]
    Password,
    /// A file cannot be read.
    #[error("cannot read {0}")]
    File(PathBuf, #[source] std::io::Error),
}

impl MqttConfig {
    /// The settings, if a broker is given at all.
    ///
    /// # Errors
    /// [`MqttConfigError`]
    pub fn of(raw: RawMqtt) -> Result<Option<Self>, MqttConfigError> {
        let Some(url) = raw.url else { return Ok(None) };
        let wrong = || MqttConfigError::Url(url.clone());
        let (scheme, address) = url.split_once("://").ok_or_else(wrong)?;
        let (host, port) = address.trim_end_matches('/').rsplit_once(':').ok_or_else(wrong)?;
        let port = port.parse().map_err(|_| wrong())?;
        let host = host.trim_matches(['[', ']']).to_owned();
        let pair = match (raw.certificate, raw.key) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => return Err(MqttConfigError::Certificate),
        };
        let tls = match scheme {
            _ if host.is_empty() => return Err(wrong()),
            "mqtts" => Some(Tls { ca: raw.ca.ok_or(MqttConfigError::NoAuthority)?, client: pair }),
            "mqtt" if pair.is_some() => return Err(MqttConfigError::Certificate),
            "mqtt" if !is_here(&host) => return Err(MqttConfigError::Plain(url)),
            "mqtt" => None,
            _ => return Err(wrong()),
        };
        let user = match (raw.user, raw.password_file) {
            (Some(user), password) => Some((user, password)),
            (None, None) => None,
            (None, Some(_)) => return Err(MqttConfigError::Password),
        };
        Ok(Some(Self { host, port, tls, client: raw.client, user }))
    }

    /// Where it connects to, for people.
    #[must_use]
    pub fn broker(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Options of a connection; `server` names this server if no client name is given.
    ///
    /// # Errors
    /// [`MqttConfigError::File`]
    pub(super) fn connection(
        &self,
        server: &str,
        receive_max: u16,
        expiry: u32,
    ) -> Result<MqttOptions, MqttConfigError> {
        let client = self.client.clone().unwrap_or_else(|| format!("yagura-{server}"));
        let mut options = MqttOptions::new(client, (self.host.clone(), self.port));
        options
            .set_keep_alive(KEEP_ALIVE_SECONDS)
            .set_clean_start(false)
            .set_session_expiry_interval(Some(expiry))
            .set_session_store(NothingUnderWay)
            .set_ack_mode(AckMode::Manual)
            .set_receive_maximum(Some(receive_max))
            .set_request_channel_capacity(REQUESTS_MAX);
        let packet = u32::try_from(PACKET_BYTES_MAX).unwrap_or(u32::MAX);
        options
            .set_max_packet_size(Some(packet))
            .set_incoming_packet_size_limit(IncomingPacketSizeLimit::Bytes(packet));
        if let Some((user, password)) = &self.user {
            let password = password.as_deref().map(read).transpose()?.unwrap_or_default();
            options.set_credentials(user.clone(), password.trim_ascii_end().to_vec());
        }
        if let Some(tls) = &self.tls {
            let client_auth = match &tls.client {
                Some((certificate, key)) => Some((read(certificate)?, read(key)?)),
                None => None,
            };
            let simple = TlsConfiguration::Simple { ca: read(&tls.ca)?, alpn: None, client_auth };
            options.set_transport(Transport::Tls(simple));
        }
        Ok(options)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, MqttConfigError> {
    std::fs::read(path).map_err(|error| MqttConfigError::File(path.to_owned(), error))
}

fn is_here(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn of(url: &str) -> RawMqtt {
        RawMqtt { url: Some(url.to_owned()), ..RawMqtt::default() }
    }

    #[test]
    fn a_broker_here_needs_nothing_and_one_elsewhere_needs_tls() {
        for url in ["mqtt://127.0.0.1:1883", "mqtt://[::1]:1883/", "mqtt://localhost:1"] {
            assert!(MqttConfig::of(of(url)).unwrap().is_some());
        }
        assert!(MqttConfig::of(RawMqtt::default()).unwrap().is_none());
        let error = |raw| MqttConfig::of(raw).map(|_| ()).unwrap_err().to_string();
        let all = [
            error(of("tcp://broker:1883")),
            error(of("mqtt://broker")),
            error(of("mqtt://broker.example:1883")),
            error(of("mqtts://broker.example:8883")),
            error(RawMqtt { key: Some("k".into()), ..of("mqtt://localhost:1") }),
            error(RawMqtt { password_file: Some("p".into()), ..of("mqtt://localhost:1") }),
        ];
        expect![[r#"
            broker "tcp://broker:1883", expected mqtt://HOST:PORT or mqtts://HOST:PORT
            broker "mqtt://broker", expected mqtt://HOST:PORT or mqtts://HOST:PORT
            broker "mqtt://broker.example:1883" is not on this machine: use mqtts:// with --mqtt-ca
            mqtts:// needs --mqtt-ca: the authority that the broker's certificate comes from
            --mqtt-cert and --mqtt-key are given together, and with mqtts:// only
            --mqtt-password-file needs --mqtt-user"#]]
        .assert_eq(&all.join("\n"));
    }
}
