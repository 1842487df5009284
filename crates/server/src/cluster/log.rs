//! The shared log of a cluster: where it is, how this program talks to it.
//!
//! Not the records on it (`envelope`). A log is two topics of any broker that speaks Kafka's protocol. Invariants: what an operator
//! may set cannot weaken a promise: the settings that make an acknowledgement mean durable are refused in [`RawLog::options`].

use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;
use std::time::Duration;

/// The most bytes of one message: a report, its envelope and the broker's own framing.
pub const MESSAGE_BYTES_MAX: usize = 2 << 20;
/// How long a question to the broker may take.
pub(super) const ASK_MAX: Duration = Duration::from_secs(10);
/// KiB that a client reads ahead of one partition.
const AHEAD_KIB_MAX: u32 = 8 << 10;
/// The topic prefix if a URL has none.
const PREFIX: &str = "yagura";
/// Settings that carry a promise, so that nobody may set them.
const RESERVED: [&str; 9] = [
    "acks",
    "auto.offset.reset",
    "enable.auto.commit",
    "enable.idempotence",
    "group.id",
    "group.instance.id",
    "isolation.level",
    "partition.assignment.strategy",
    "partitioner",
];

/// A log as written.
#[derive(Clone, Debug, Default)]
pub struct RawLog {
    /// `kafka://BROKER[,BROKER…][/TOPIC-PREFIX]`
    pub url: String,
    /// Settings of librdkafka, `KEY=VALUE`: security, time-outs.
    pub options: Vec<String>,
}

/// A log that can be used.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LogAddress {
    brokers: String,
    prefix: String,
    options: Vec<(String, String)>,
}

/// Why a log cannot be used. The operator corrects it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LogAddressError {
    /// Another form.
    #[error("log {0:?} is not of the form kafka://BROKER:PORT[,BROKER:PORT…][/TOPIC-PREFIX]")]
    Form(String),
    /// Not a legal prefix of a topic's name.
    #[error("topic prefix {0:?} may hold letters, digits, `.`, `_` and `-` only, at most 200 of them")]
    Prefix(String),
    /// Not `KEY=VALUE`.
    #[error("log option {0:?} is not of the form KEY=VALUE")]
    Option(String),
    /// An option that must stay as it is.
    #[error("log option {0:?} cannot be set: what an acknowledgement promises depends on it")]
    Reserved(String),
}

impl TryFrom<RawLog> for LogAddress {
    type Error = LogAddressError;

    fn try_from(raw: RawLog) -> Result<Self, LogAddressError> {
        let form = || LogAddressError::Form(raw.url.clone());
        let rest = raw.url.strip_prefix("kafka://").ok_or_else(form)?;
        let (brokers, prefix) = rest.split_once('/').unwrap_or((rest, PREFIX));
        let broker = |broker: &str| !broker.is_empty() && broker.bytes().all(|b| b.is_ascii_graphic());
        if !brokers.split(',').all(broker) {
            return Err(form());
        }
        let prefix = if prefix.is_empty() { PREFIX } else { prefix };
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if prefix.len() > 200 || !prefix.bytes().all(legal) {
            return Err(LogAddressError::Prefix(prefix.to_owned()));
        }
        let options = raw.options.iter().map(|option| option_of(option)).collect::<Result<_, _>>()?;
        Ok(Self { brokers: brokers.to_owned(), prefix: prefix.to_owned(), options })
    }
}

fn option_of(text: &str) -> Result<(String, String), LogAddressError> {
    let (key, value) = text.split_once('=').ok_or_else(|| LogAddressError::Option(text.to_owned()))?;
    if RESERVED.contains(&key) {
        return Err(LogAddressError::Reserved(key.to_owned()));
    }
    Ok((key.to_owned(), value.to_owned()))
}

impl LogAddress {
    /// The topic of records: every message is one record of its partition's vault.
    #[must_use]
    pub fn records_topic(&self) -> String {
        format!("{}.records", self.prefix)
    }

    /// The topic of matches: what partitions found for correlations over the fleet.
    #[must_use]
    pub fn matches_topic(&self) -> String {
        format!("{}.matches", self.prefix)
    }

    /// The group whose members own the partitions of both topics.
    #[must_use]
    pub fn group(&self) -> String {
        format!("{}.workers", self.prefix)
    }

    /// Settings of a client that reads partitions which it is told, from offsets which it is told: it joins no group and commits
    /// nothing.
    pub(super) fn reading(&self, name: &str) -> ClientConfig {
        let mut config = self.client(name);
        config
            .set("group.id", format!("{}.{name}", self.group()))
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            .set("auto.offset.reset", "error")
            .set("isolation.level", "read_uncommitted")
            .set("check.crcs", "true")
            .set("fetch.wait.max.ms", "100")
            .set("queued.max.messages.kbytes", AHEAD_KIB_MAX.to_string());
        config
    }

    /// Settings of any client of this log.
    pub(super) fn client(&self, name: &str) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.brokers)
            .set("client.id", format!("yagura-{name}"))
            .set("message.max.bytes", MESSAGE_BYTES_MAX.to_string())
            .set("socket.keepalive.enable", "true")
            .set("reconnect.backoff.max.ms", "2000");
        for (key, value) in &self.options {
            config.set(key, value);
        }
        config
    }
}

/// Says nothing of the end of a partition, which is no error, and leaves the rest to the one who polls.
pub(super) struct Quiet;

impl ClientContext for Quiet {
    fn error(&self, _: KafkaError, _: &str) {}
}

impl ConsumerContext for Quiet {}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn address(url: &str, options: &[&str]) -> Result<LogAddress, LogAddressError> {
        RawLog { url: url.to_owned(), options: options.iter().map(|it| (*it).to_owned()).collect() }.try_into()
    }

    #[test]
    fn a_url_names_brokers_and_topics() {
        let log = address("kafka://b1:9092,b2:9092/fleet-eu", &["security.protocol=SSL"]).unwrap();
        assert_eq!((log.records_topic(), log.group()), ("fleet-eu.records".to_owned(), "fleet-eu.workers".to_owned()));
        assert_eq!(log.client("gate").get("bootstrap.servers"), Some("b1:9092,b2:9092"));
        assert_eq!(log.client("gate").get("security.protocol"), Some("SSL"));
        assert_eq!(address("kafka://b1:9092", &[]).unwrap().records_topic(), "yagura.records");
    }

    #[test]
    fn every_refusal_says_what_is_wrong() {
        let all = [
            address("b1:9092", &[]),
            address("kafka://", &[]),
            address("kafka://b1:9092,/x", &[]),
            address("kafka://b1:9092/a b", &[]),
            address("kafka://b1:9092", &["linger"]),
            address("kafka://b1:9092", &["acks=1"]),
        ];
        let lines: Vec<String> = all.into_iter().map(|it| it.unwrap_err().to_string()).collect();
        expect![[r#"
            log "b1:9092" is not of the form kafka://BROKER:PORT[,BROKER:PORT…][/TOPIC-PREFIX]
            log "kafka://" is not of the form kafka://BROKER:PORT[,BROKER:PORT…][/TOPIC-PREFIX]
            log "kafka://b1:9092,/x" is not of the form kafka://BROKER:PORT[,BROKER:PORT…][/TOPIC-PREFIX]
            topic prefix "a b" may hold letters, digits, `.`, `_` and `-` only, at most 200 of them
            log option "linger" is not of the form KEY=VALUE
            log option "acks" cannot be set: what an acknowledgement promises depends on it"#]]
        .assert_eq(&lines.join("\n"));
    }
}
