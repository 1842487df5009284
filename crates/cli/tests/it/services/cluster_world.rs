//! A cluster of real processes on a real broker and a real database: a gate, workers, an API, each with directories of its own.

use crate::process::{Addresses, Server, TENANT, yagura};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message as _;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::{Offset, TopicPartitionList};
use sqlx::Connection;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use yagura_server::state::{PartitionNumber, StateUrl};
use yagura_store::objects::{self, Objects};
use yagura_store::{Envelope, Lake};

use crate::crash::{Random, with_state_at};

/// Partitions of records.
pub(super) const PARTITIONS: u16 = 6;
/// Partitions of matches.
pub(super) const MATCH_PARTITIONS: u16 = 3;

fn records() -> impl Iterator<Item = PartitionNumber> {
    (0..PARTITIONS).filter_map(PartitionNumber::records)
}

fn matches() -> impl Iterator<Item = PartitionNumber> {
    (0..MATCH_PARTITIONS).filter_map(PartitionNumber::fleetwide)
}

/// All partitions, of both kinds.
pub(super) fn partitions() -> impl Iterator<Item = PartitionNumber> {
    records().chain(matches())
}

/// An object store that processes and the test may use.
#[derive(Clone, Debug)]
pub(super) struct Store {
    /// Its address.
    pub(super) url: String,
    /// How it is reached: names as in the environment.
    pub(super) settings: Vec<(&'static str, String)>,
}

impl Store {
    /// A bucket of an S3 server of the tests.
    pub(super) fn s3(endpoint: String, bucket: &str, prefix: &str) -> Self {
        let settings = vec![
            ("AWS_ENDPOINT_URL", endpoint),
            ("AWS_ACCESS_KEY_ID", "test".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
        ];
        Self { url: format!("s3://{bucket}/{prefix}"), settings }
    }

    /// A container of an Azure Blob server of the tests.
    pub(super) fn azure(endpoint: String, key: String, container: &str, prefix: &str) -> Self {
        let settings = vec![
            ("AZURE_STORAGE_ENDPOINT", endpoint),
            ("AZURE_STORAGE_ACCOUNT_NAME", "devstoreaccount1".to_owned()),
            ("AZURE_STORAGE_ACCOUNT_KEY", key),
        ];
        Self { url: format!("az://{container}/{prefix}"), settings }
    }

    fn settings(&self) -> Vec<(&str, &str)> {
        self.settings.iter().map(|(name, value)| (*name, value.as_str())).collect()
    }
}

/// Where everything of one cluster is.
pub(super) struct World {
    pub(super) dir: TempDir,
    store: Option<Store>,
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
        Self::on(brokers, postgres, None)
    }

    /// As [`Self::new`], with an object store other than a directory.
    pub(super) fn on(brokers: String, postgres: &str, store: Option<Store>) -> Self {
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
            let (records, matches) = (format!("{prefix}.records"), format!("{prefix}.matches"));
            let topic = |name, partitions| NewTopic::new(name, partitions, TopicReplication::Fixed(-1));
            let records = topic(&records, PARTITIONS.into()).set("max.message.bytes", "2097152");
            let matches = topic(&matches, MATCH_PARTITIONS.into());
            let made = admin.create_topics([&records, &matches], &AdminOptions::new()).await.unwrap();
            assert!(made.iter().all(Result::is_ok), "{made:?}");
        });
        let state = format!("{postgres}?options[search_path]={schema}");
        Self { dir, store, brokers, prefix, state, gate: Addresses::free() }
    }

    /// Starts a process and waits until it is up.
    pub(super) fn start(&self, part: Part) -> Server {
        Server::of(self.command(part))
    }

    pub(super) fn state(&self) -> StateUrl {
        self.state.parse().unwrap()
    }

    /// What evidence and lake are in.
    pub(super) fn store(&self) -> Store {
        let directory = || self.dir.path().join("objects").to_string_lossy().into_owned();
        self.store.clone().unwrap_or_else(|| Store { url: directory(), settings: Vec::new() })
    }

    /// The lake.
    pub(super) fn lake(&self) -> Lake {
        let store = self.store();
        Lake::open_with(&format!("{}/lake", store.url), 0, &store.settings()).unwrap()
    }

    /// The archive of a partition.
    pub(super) fn archive(&self, partition: u16) -> Arc<dyn Objects> {
        let store = self.store();
        objects::open_with(&format!("{}/vault/p{partition}", store.url), &store.settings()).unwrap()
    }

    /// Lets segments end after so many bytes; before the first worker starts.
    pub(super) fn cut_segments(&self, bytes: u64) {
        with_state_at(&self.state(), async |state, _| {
            state.set_setting("vault.segment.bytes", &bytes.to_string()).await.unwrap();
        });
    }

    /// Lets the broker forget the records of a partition before an offset, as its retention does.
    pub(super) fn forget(&self, partition: u16, before: u64) {
        let topic = format!("{}.records", self.prefix);
        let mut list = TopicPartitionList::new();
        let offset = Offset::Offset(i64::try_from(before).unwrap());
        list.add_partition_offset(&topic, partition.into(), offset).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let admin: AdminClient<DefaultClientContext> = client(&self.brokers).create().unwrap();
        let done = runtime.block_on(admin.delete_records(&list, &AdminOptions::new())).unwrap();
        assert!(done.elements().iter().all(|it| it.error().is_ok()), "{done:?}");
    }

    /// Puts a record into a partition, as a gate would have.
    pub(super) fn put(&self, partition: u16, envelope: &Envelope<'_>) {
        let (topic, payload) = (format!("{}.records", self.prefix), envelope.encode());
        let producer: BaseProducer = client(&self.brokers).create().unwrap();
        let record = BaseRecord::<(), _>::to(&topic).partition(partition.into()).payload(&payload);
        producer.send(record).unwrap();
        producer.flush(Duration::from_secs(10)).unwrap();
    }

    /// The broker that leads a partition of records.
    pub(super) fn leader(&self, partition: usize) -> i32 {
        let consumer: BaseConsumer = client(&self.brokers).create().unwrap();
        let topic = format!("{}.records", self.prefix);
        let metadata = consumer.fetch_metadata(Some(&topic), Duration::from_secs(10)).unwrap();
        metadata.topics()[0].partitions()[partition].leader()
    }

    /// Delivers what is in the log once more, some of it more than once, in an order of chance; how many messages.
    pub(super) fn deliver_again(&self, random: &mut Random) -> usize {
        let (topic, mut messages) = (format!("{}.records", self.prefix), Vec::new());
        let consumer: BaseConsumer = client(&self.brokers).create().unwrap();
        let (mut list, ends) = (TopicPartitionList::new(), self.ends());
        for partition in 0..PARTITIONS {
            list.add_partition_offset(&topic, partition.into(), Offset::Beginning).unwrap();
        }
        consumer.assign(&list).unwrap();
        let begun = Instant::now();
        while (messages.len() as u64) < ends.iter().sum() {
            assert!(begun.elapsed() < Duration::from_secs(60), "{} of {ends:?} messages came", messages.len());
            let Some(message) = consumer.poll(Duration::from_secs(1)) else { continue };
            let message = message.unwrap();
            let time = message.timestamp().to_millis().unwrap();
            messages.push((message.partition(), message.payload().unwrap().to_vec(), time));
        }
        let producer: BaseProducer = client(&self.brokers).create().unwrap();
        let mut again = 0;
        while !messages.is_empty() {
            let at = random.below(messages.len());
            let (partition, payload, time) =
                if random.below(3) == 0 { messages[at].clone() } else { messages.swap_remove(at) };
            let record = BaseRecord::<(), _>::to(&topic).partition(partition).payload(&payload).timestamp(time);
            producer.send(record).unwrap();
            again += 1;
        }
        producer.flush(Duration::from_secs(10)).unwrap();
        again
    }

    /// Gives a topic of the log more partitions.
    pub(super) fn widen(&self, kind: &str, partitions: usize) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let admin: AdminClient<DefaultClientContext> = client(&self.brokers).create().unwrap();
        let topic = format!("{}.{kind}", self.prefix);
        let more = NewPartitions::new(&topic, partitions);
        let done = runtime.block_on(admin.create_partitions([&more], &AdminOptions::new())).unwrap();
        assert!(done.iter().all(Result::is_ok), "{done:?}");
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
        self.ends_of("records", PARTITIONS)
    }

    /// How many matches each partition of the log has.
    pub(super) fn match_ends(&self) -> Vec<u64> {
        self.ends_of("matches", MATCH_PARTITIONS)
    }

    fn ends_of(&self, kind: &str, partitions: u16) -> Vec<u64> {
        let consumer: BaseConsumer = client(&self.brokers).create().unwrap();
        let topic = format!("{}.{kind}", self.prefix);
        let end = |partition: u16| {
            let bounds = consumer.fetch_watermarks(&topic, partition.into(), Duration::from_secs(10));
            u64::try_from(bounds.unwrap().1).unwrap()
        };
        (0..partitions).map(end).collect()
    }

    /// How many records of each partition were judged and are in the lake.
    pub(super) fn flushed(&self) -> Vec<u64> {
        self.flushed_of(records().collect())
    }

    /// How many matches of each partition were judged and are in the lake.
    pub(super) fn matches_flushed(&self) -> Vec<u64> {
        self.flushed_of(matches().collect())
    }

    fn flushed_of(&self, numbers: Vec<PartitionNumber>) -> Vec<u64> {
        with_state_at(&self.state(), async |state, _| {
            let mut flushed = Vec::new();
            for number in numbers {
                let progress = state.progress_of(number).await.unwrap();
                flushed.push(progress.position.min(progress.lake_position));
            }
            flushed
        })
    }

    pub(super) fn command(&self, part: Part) -> Command {
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
        command.arg("--objects").arg(self.store().url).args(["--state", &self.state]).envs(self.store().settings);
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
