//! Appends records to the log: the gate's end of it.
//!
//! Not the order of records (the broker gives that) and not their judgement (the worker's pipeline). Invariants: [`LogWriter::append`]
//! returns a place only after every in-sync replica has the record (`acks=all`); the producer is idempotent, so a retry of its own
//! never doubles a record; records of one vehicle go to one partition, in the order of the calls. Memory: bounded by the room that the
//! intake gives out, and by [`QUEUE_KIB_MAX`].

use super::log::{ASK_MAX, LogAddress};
use crate::place::{PARTITION_MAX, place};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};
use std::time::Duration;
use yagura_model::DeviceId;
use yagura_store::Envelope;

/// KiB of records that wait for the broker.
pub const QUEUE_KIB_MAX: u32 = 64 << 10;
/// How long a record may wait for the broker's acknowledgement; then the device is told to send it again. Less than a device waits.
pub const DELIVERY_MAX: Duration = Duration::from_secs(8);
/// How long records may gather for one request to the broker.
const GATHER: Duration = Duration::from_millis(2);

/// Why a record is not known to be in the log. It may be there all the same: the device sends it again, and a worker tells doubles.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// Too much waits for the broker.
    #[error("the log takes records slower than they come")]
    Busy,
    /// The broker did not acknowledge it.
    #[error("the log does not take records")]
    Broker(#[source] KafkaError),
    /// It was put into a partition that this program has no number for.
    #[error("partition {0} of the log is above the largest, {PARTITION_MAX}: make the topic with fewer partitions")]
    Partition(i32),
}

/// Why the log cannot be written at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenLogError {
    /// The settings are not librdkafka's.
    #[error("the log's options cannot be used")]
    Options(#[source] KafkaError),
    /// The brokers do not answer, or have no such topic.
    #[error("the log does not answer")]
    Broker(#[source] KafkaError),
    /// The topic is not there. The operator makes it with as many partitions as the cluster is ever to have workers.
    #[error("topic {0} does not exist: make it (docs/operations.md, Cluster)")]
    NoTopic(String),
    /// More partitions than places can tell apart.
    #[error("topic {topic} has {partitions} partitions, the most are {max}", max = PARTITION_MAX as usize + 1)]
    Partitions {
        /// Which.
        topic: String,
        /// How many it has.
        partitions: usize,
    },
}

/// Appends records to the log. Cheap to clone.
#[derive(Clone)]
pub struct LogWriter {
    producer: FutureProducer,
    topic: String,
}

impl LogWriter {
    /// Connects, and checks that the topic is there. Blocks while it asks.
    ///
    /// # Errors
    /// [`OpenLogError`]
    pub fn open(log: &LogAddress) -> Result<Self, OpenLogError> {
        let mut config = log.client("gate");
        config
            .set("acks", "all")
            .set("enable.idempotence", "true")
            .set("partitioner", "murmur2_random")
            .set("compression.codec", "none")
            .set("queue.buffering.max.kbytes", QUEUE_KIB_MAX.to_string())
            .set("delivery.timeout.ms", DELIVERY_MAX.as_millis().to_string())
            .set("linger.ms", GATHER.as_millis().to_string());
        let producer: FutureProducer = config.create().map_err(OpenLogError::Options)?;
        let topic = log.records_topic();
        let metadata = producer.client().fetch_metadata(Some(&topic), ASK_MAX).map_err(OpenLogError::Broker)?;
        let partitions = metadata.topics().iter().find(|it| it.name() == topic).map_or(0, |it| it.partitions().len());
        match partitions {
            0 => Err(OpenLogError::NoTopic(topic)),
            1..=MAX => Ok(Self { producer, topic }),
            partitions => Err(OpenLogError::Partitions { topic, partitions }),
        }
    }

    /// Appends a record about a device; its place, once it is durable.
    ///
    /// # Errors
    /// [`AppendError`]
    pub async fn append(&self, device: &DeviceId, envelope: &Envelope<'_>) -> Result<u64, AppendError> {
        let (key, bytes) = (format!("{}/{}", device.tenant, device.vehicle), envelope.encode());
        let record = FutureRecord::to(&self.topic).key(&key).payload(&bytes);
        let record = record.timestamp(envelope.received.0.div_euclid(1_000));
        let delivery = self.producer.send_result(record).map_err(|(error, _)| match error {
            KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull) => AppendError::Busy,
            error => AppendError::Broker(error),
        })?;
        let delivered = delivery.await.map_err(|_| AppendError::Broker(KafkaError::Canceled))?;
        let delivered = delivered.map_err(|(error, _)| AppendError::Broker(error))?;
        let number = u16::try_from(delivered.partition).ok().filter(|number| *number <= PARTITION_MAX);
        let number = number.ok_or(AppendError::Partition(delivered.partition))?;
        Ok(place(number, u64::try_from(delivered.offset).unwrap_or(0)))
    }

    /// Waits until nothing is under way, at most [`DELIVERY_MAX`]. Blocks.
    pub fn drain(&self) {
        // Whoever still waits is told by the record's own delivery.
        let _ = self.producer.flush(DELIVERY_MAX);
    }
}

const MAX: usize = PARTITION_MAX as usize + 1;
