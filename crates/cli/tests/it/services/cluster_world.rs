//! A cluster of real processes on a real broker and a real database: a gate, workers, an API, each with directories of its own.

use crate::process::{Addresses, Server, TENANT, yagura};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use sqlx::Connection;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use yagura_server::state::{PartitionNumber, StateUrl};

use crate::crash::with_state_at;

/// Partitions of the log.
pub(super) const PARTITIONS: u16 = 6;

/// Where everything of one cluster is.
pub(super) struct World {
    pub(super) dir: TempDir,
    brokers: String,
    prefix: String,
    state: String,
    gate: Addresses,
}

/// A process of the cluster.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Part {
    Gate,
    Api,
    Worker(usize),
}

impl World {
    /// Topics and a schema that no other test uses.
    pub(super) fn new(brokers: String, postgres: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let name = dir.path().file_name().unwrap().to_string_lossy().trim_start_matches('.').to_lowercase();
        let schema = format!("cluster_{}", name.replace(|c: char| !c.is_ascii_alphanumeric(), "_"));
        let prefix = format!("test-{name}");
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let mut database = sqlx::PgConnection::connect(postgres).await.unwrap();
            let create = sqlx::AssertSqlSafe(format!("CREATE SCHEMA {schema}"));
            sqlx::raw_sql(create).execute(&mut database).await.unwrap();
            database.close().await.unwrap();
            let admin: AdminClient<DefaultClientContext> = client(&brokers).create().unwrap();
            let topic = format!("{prefix}.records");
            let topic = NewTopic::new(&topic, PARTITIONS.into(), TopicReplication::Fixed(1));
            let topic = topic.set("max.message.bytes", "2097152");
            let made = admin.create_topics([&topic], &AdminOptions::new()).await.unwrap();
            assert!(made.iter().all(Result::is_ok), "{made:?}");
        });
        let state = format!("{postgres}?options[search_path]={schema}");
        Self { dir, brokers, prefix, state, gate: Addresses::free() }
    }

    /// Starts a process and waits until it is up.
    pub(super) fn start(&self, part: Part) -> Server {
        Server::of(self.command(part))
    }

    pub(super) fn state(&self) -> StateUrl {
        self.state.parse().unwrap()
    }

    /// The lake's address.
    pub(super) fn lake(&self) -> String {
        self.dir.path().join("objects/lake").to_string_lossy().into_owned()
    }

    /// The directory of keys and certificates.
    pub(super) fn identity(&self) -> PathBuf {
        self.dir.path().join("identity")
    }

    /// Where a worker keeps the vault of a partition.
    pub(super) fn vault(&self, worker: usize, partition: u16) -> PathBuf {
        self.dir.path().join(format!("worker-{worker}/partitions/p{partition}"))
    }

    /// How many records each partition of the log has.
    pub(super) fn ends(&self) -> Vec<u64> {
        let consumer: BaseConsumer = client(&self.brokers).create().unwrap();
        let topic = format!("{}.records", self.prefix);
        let end = |partition: u16| {
            let bounds = consumer.fetch_watermarks(&topic, partition.into(), Duration::from_secs(10));
            u64::try_from(bounds.unwrap().1).unwrap()
        };
        (0..PARTITIONS).map(end).collect()
    }

    /// How many records of each partition were judged and are in the lake.
    pub(super) fn flushed(&self) -> Vec<u64> {
        with_state_at(&self.state(), async |state, _| {
            let mut flushed = Vec::new();
            for number in 0..PARTITIONS {
                let progress = state.progress_of(PartitionNumber::records(number).unwrap()).await.unwrap();
                flushed.push(progress.position.min(progress.lake_position));
            }
            flushed
        })
    }

    fn command(&self, part: Part) -> Command {
        let mut command = yagura();
        let path = |name: &str| self.dir.path().join(name);
        let (role, name) = match part {
            Part::Gate => ("gate", "gate".to_owned()),
            Part::Api => ("api", "api".to_owned()),
            Part::Worker(number) => ("worker", format!("worker-{number}")),
        };
        command.args(["serve", "--json", "--stop-on-stdin-end", "--tenant", TENANT, "--role", role]);
        command.arg("--log").arg(format!("kafka://{}/{}", self.brokers, self.prefix));
        command.arg("--data").arg(path(&name)).arg("--identity").arg(self.identity());
        command.arg("--objects").arg(path("objects")).args(["--state", &self.state]);
        command.args(["--worker-name", &name, "--gate", &self.gate.gate.to_string()]);
        command.args(["--console", "127.0.0.1:0", "--status", "127.0.0.1:0"]);
        command.env("YAGURA_LOG", std::env::var("YAGURA_TEST_LOGS").unwrap_or_else(|_| "warn".to_owned()));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

fn client(brokers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("group.id", "test");
    config
}

/// Sends a signal to a process.
pub(super) fn signal(id: u32, name: &str) {
    let sent = Command::new("kill").args([format!("-{name}"), id.to_string()]).status().unwrap();
    assert!(sent.success());
}
