//! A source's settings, one TOML file each: what it is, whose, and how its bytes become rows. The file's name is the source's name.
//!
//! Not the reading of directories. Two kinds: `logs` (back ends; a token lets them in) and `idsr` (foreign sensors; their address or
//! topic says which vehicle they are in). Invariants of a [`Source`]: all names legal, the mapping complete, tokens only as hashes.

use crate::key::{KeyError, SourceKey, from_hex};
use crate::mapping::{Mapping, MappingError, RawColumn, RawMapping};
use core::net::IpAddr;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use yagura_model::{DeviceId, Name};

/// The most tokens of a source.
pub const TOKENS_MAX: usize = 16;
/// The most senders of a source.
pub const SENDERS_MAX: usize = 65_536;
/// Messages a second of one sender, unless said otherwise.
const RATE_DEFAULT: u32 = 1_000;

/// SHA-256 of an ingestion token; the token itself is stored nowhere.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct TokenHash(pub [u8; 32]);

impl TokenHash {
    /// The hash of a token's text.
    #[must_use]
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }
}

/// A source of log lines.
#[derive(Clone, Debug)]
pub struct LogSource {
    /// Tokens that let it in.
    pub tokens: Vec<TokenHash>,
    /// Which field goes where.
    pub mapping: Mapping,
    /// The mapping as its records carry it.
    pub mapping_json: String,
}

/// Which messages are whose.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SenderRule {
    /// Which address they come from, and how many of its leading bits count.
    pub network: Option<(IpAddr, u8)>,
    /// Which topic they come under.
    pub topic: Option<TopicPattern>,
    /// Which vehicle they are in; `None`: the topic says.
    pub vehicle: Option<Name>,
    /// Which sensor they are; `None`: the topic says.
    pub sensor: Option<Name>,
    /// What verifies them; `None`: nobody signs.
    pub key: Option<SourceKey>,
    /// More messages a second of one address are dropped, and counted.
    pub messages_per_second_max: u32,
}

/// A topic whose levels are literal, or `{vehicle}`, `{sensor}` or `+`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TopicPattern(Vec<String>);

impl TopicPattern {
    /// What to subscribe to.
    #[must_use]
    pub fn filter(&self) -> String {
        let level = |level: &String| if level.starts_with('{') { "+".to_owned() } else { level.clone() };
        self.0.iter().map(level).collect::<Vec<_>>().join("/")
    }

    /// Vehicle and sensor of a topic, if it fits.
    fn read(&self, topic: &str) -> Option<(Option<Name>, Option<Name>)> {
        let (mut vehicle, mut sensor) = (None, None);
        let mut levels = topic.split('/');
        for wanted in &self.0 {
            let level = levels.next()?;
            match wanted.as_str() {
                "+" => {}
                "{vehicle}" => vehicle = Some(Name::new(level).ok()?),
                "{sensor}" => sensor = Some(Name::new(level).ok()?),
                literal if literal == level => {}
                _ => return None,
            }
        }
        levels.next().is_none().then_some((vehicle, sensor))
    }
}

/// What a source is.
#[derive(Clone, Debug)]
pub enum SourceKind {
    /// Log lines of a back end.
    Logs(Box<LogSource>),
    /// IDS messages of foreign sensors; the first rule that fits counts.
    Idsr(Vec<SenderRule>),
}

/// A source, checked.
#[derive(Clone, Debug)]
pub struct Source {
    /// The file's name.
    pub name: Name,
    /// Whose its rows are.
    pub tenant: Name,
    /// What it is.
    pub kind: SourceKind,
}

/// Why a file is no source. The operator corrects it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// Not TOML, or another shape.
    #[error("{0}")]
    Toml(String),
    /// A name is not legal.
    #[error("{what} {text:?}: 1 to 32 characters A-Z a-z 0-9 . _ -")]
    Name {
        /// Which.
        what: &'static str,
        /// As written.
        text: String,
    },
    /// The mapping.
    #[error(transparent)]
    Mapping(#[from] MappingError),
    /// Not a hash of a token.
    #[error("token {0}: expected the SHA-256 of a token in 64 hexadecimal digits, as `yagura source token` prints it")]
    Token(usize),
    /// A field that this kind of source needs, or does not take.
    #[error("{0}")]
    Shape(&'static str),
    /// A sender.
    #[error("sender {number}: {what}")]
    Sender {
        /// Which, from 1.
        number: usize,
        /// What is wrong.
        what: String,
    },
    /// More than a limit.
    #[error("{what}: {count}, the maximum is {max}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many there may be.
        max: usize,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawKind {
    Logs,
    Idsr,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSource {
    kind: RawKind,
    tenant: String,
    product: Option<String>,
    #[serde(default)]
    tokens: Vec<String>,
    #[serde(default)]
    columns: BTreeMap<String, RawColumn>,
    keep_other_fields: Option<bool>,
    #[serde(default)]
    sender: Vec<RawSender>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSender {
    address: Option<String>,
    topic: Option<String>,
    vehicle: Option<String>,
    sensor: Option<String>,
    key: Option<String>,
    messages_per_second_max: Option<u32>,
}

impl Source {
    /// The source of a file.
    ///
    /// # Errors
    /// [`SourceError`]
    pub fn parse(name: &str, text: &str) -> Result<Self, SourceError> {
        let raw: RawSource = toml::from_str(text).map_err(|error| SourceError::Toml(error.to_string()))?;
        let (name, tenant) = (legal("file name", name)?, legal("tenant", &raw.tenant)?);
        let kind = match raw.kind {
            RawKind::Logs => SourceKind::Logs(Box::new(logs(raw)?)),
            RawKind::Idsr => SourceKind::Idsr(senders(&raw)?),
        };
        Ok(Self { name, tenant, kind })
    }

    /// Whose a foreign sensor is that sends from this address or under this topic.
    #[must_use]
    pub fn sender(&self, address: Option<IpAddr>, topic: Option<&str>) -> Option<(DeviceId, &SenderRule)> {
        let SourceKind::Idsr(rules) = &self.kind else { return None };
        rules.iter().find_map(|rule| {
            let (vehicle, sensor) = match (&rule.topic, topic) {
                (Some(pattern), Some(topic)) => pattern.read(topic)?,
                (None, None) => {
                    rule.network.filter(|network| contains(*network, address))?;
                    (None, None)
                }
                _ => return None,
            };
            let device =
                DeviceId { tenant: self.tenant, vehicle: rule.vehicle.or(vehicle)?, sensor: rule.sensor.or(sensor)? };
            Some((device, rule))
        })
    }
}

fn legal(what: &'static str, text: &str) -> Result<Name, SourceError> {
    Name::new(text).map_err(|_| SourceError::Name { what, text: text.to_owned() })
}

fn logs(raw: RawSource) -> Result<LogSource, SourceError> {
    if !raw.sender.is_empty() {
        return Err(SourceError::Shape("a source of logs has no senders: its tokens say who it is"));
    }
    let (count, max) = (raw.tokens.len(), TOKENS_MAX);
    if count > max {
        return Err(SourceError::TooMany { what: "tokens", count, max });
    }
    let hash = |(number, text): (usize, &String)| {
        let bytes = from_hex(text).and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        bytes.map(TokenHash).ok_or(SourceError::Token(number))
    };
    let tokens: Result<_, _> = (1..).zip(&raw.tokens).map(hash).collect();
    let product = raw.product.ok_or(SourceError::Shape("a source of logs needs a product, such as \"telematics\""))?;
    let keep_other_fields = raw.keep_other_fields.unwrap_or(true);
    let mapping = RawMapping { product, columns: raw.columns, keep_other_fields };
    let mapping_json = serde_json::to_string(&mapping).unwrap_or_default();
    let (count, max) = (mapping_json.len(), crate::MAPPING_BYTES_MAX);
    if count > max {
        return Err(SourceError::TooMany { what: "bytes of the mapping", count, max });
    }
    Ok(LogSource { tokens: tokens?, mapping: Mapping::try_from(&mapping)?, mapping_json })
}

fn senders(raw: &RawSource) -> Result<Vec<SenderRule>, SourceError> {
    if raw.product.is_some() || !raw.tokens.is_empty() || !raw.columns.is_empty() || raw.keep_other_fields.is_some() {
        return Err(SourceError::Shape("a source of foreign sensors has kind, tenant and [[sender]] only"));
    }
    let (count, max) = (raw.sender.len(), SENDERS_MAX);
    if count > max {
        return Err(SourceError::TooMany { what: "senders", count, max });
    }
    let rule = |(number, raw): (usize, &RawSender)| sender(raw).map_err(|what| SourceError::Sender { number, what });
    (1..).zip(&raw.sender).map(rule).collect()
}

fn sender(raw: &RawSender) -> Result<SenderRule, String> {
    let named = |what: &str, text: &Option<String>| match text {
        None => Ok(None),
        Some(text) => Name::new(text).map(Some).map_err(|error| format!("{what} {text:?}: {error}")),
    };
    let (vehicle, sensor) = (named("vehicle", &raw.vehicle)?, named("sensor", &raw.sensor)?);
    let (network, topic) = match (&raw.address, &raw.topic) {
        (Some(address), None) => (Some(network(address).ok_or_else(|| not_a_network(address))?), None),
        (None, Some(topic)) => (None, Some(pattern(topic)?)),
        _ => return Err("needs an address or a topic, and only one of them".to_owned()),
    };
    let says = |level: &str| topic.as_ref().is_some_and(|topic| topic.0.iter().any(|known| known == level));
    if vehicle.is_none() && !says("{vehicle}") || sensor.is_none() && !says("{sensor}") {
        return Err("vehicle and sensor must be given, or stand in the topic as {vehicle} and {sensor}".to_owned());
    }
    let key = raw.key.as_deref().map(SourceKey::parse).transpose().map_err(|error: KeyError| error.to_string())?;
    let messages_per_second_max = raw.messages_per_second_max.unwrap_or(RATE_DEFAULT).max(1);
    Ok(SenderRule { network, topic, vehicle, sensor, key, messages_per_second_max })
}

fn not_a_network(text: &str) -> String {
    format!("address {text:?}, expected one such as 10.1.2.3, 10.1.0.0/16 or fd00::/8")
}

fn network(text: &str) -> Option<(IpAddr, u8)> {
    let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
    let address: IpAddr = address.parse().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.map_or(Some(most), |bits| bits.parse().ok())?;
    (bits <= most).then_some((address, bits))
}

fn contains((network, bits): (IpAddr, u8), address: Option<IpAddr>) -> bool {
    let wide = |address: IpAddr| match address {
        IpAddr::V4(v4) => (u128::from(u32::from(v4)) << 96, true),
        IpAddr::V6(v6) => (u128::from(v6), false),
    };
    let Some(address) = address else { return false };
    let ((network, v4), (address, other)) = (wide(network), wide(address.to_canonical()));
    let shift = 128_u32.saturating_sub(u32::from(bits));
    let mask = u128::MAX.checked_shl(shift).unwrap_or(0);
    v4 == other && network & mask == address & mask
}

fn pattern(text: &str) -> Result<TopicPattern, String> {
    let levels: Vec<String> = text.split('/').map(str::to_owned).collect();
    let legal = |level: &String| match level.as_str() {
        "+" | "{vehicle}" | "{sensor}" => true,
        literal => !literal.is_empty() && !literal.contains(['+', '#', '{', '}', '$', '\0']),
    };
    if levels.len() > 16 || !levels.iter().all(legal) || text.starts_with('+') {
        return Err(format!("topic {text:?}, expected levels such as oem/{{vehicle}}/idsr/{{sensor}}"));
    }
    Ok(TopicPattern(levels))
}

#[cfg(test)]
mod tests;
