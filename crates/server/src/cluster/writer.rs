//! Appends records to the log: the gate's end of it.
//!
//! Not the order of records (the broker gives that) and not their judgement (the worker's pipeline). Invariants: [`LogWriter::append`]
//! returns a place only after every in-sync replica has the record (`acks=all`); the producer is idempotent, so a retry of its own
//! never doubles a record; records of one vehicle go to one partition, in the order of the calls, whatever becomes of the topic. Memory: bounded by the room that the
//! intake gives out, and by [`QUEUE_KIB_MAX`].

use super::log::LogAddress;
use super::topics::{Topics, partition_for};
use crate::place::place;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::future_producer::DeliveryFuture;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
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
}

/// Appends records to the log. Cheap to clone.
#[derive(Clone)]
pub struct LogWriter {
    producer: FutureProducer,
    topic: Arc<str>,
    partitions: u16,
}

impl LogWriter {
    /// Makes the client; it connects by itself.
    ///
    /// # Errors
    /// The settings are not librdkafka's.
    pub fn open(log: &LogAddress, topics: Topics) -> Result<Self, KafkaError> {
        Ok(Self { producer: producer(log, "gate")?, topic: log.records_topic().into(), partitions: topics.records })
    }

    /// How many partitions there are.
    #[must_use]
    pub const fn partitions(&self) -> u16 {
        self.partitions
    }

    /// The partition of a vehicle's records.
    #[must_use]
    pub fn partition_of(&self, tenant: &str, vehicle: &str) -> u16 {
        partition_for(&Sha256::digest(format!("{tenant}/{vehicle}")), self.partitions)
    }

    /// Appends a record about a device; its place, once it is durable.
    ///
    /// # Errors
    /// [`AppendError`]
    pub async fn append(&self, device: &DeviceId, envelope: &Envelope<'_>) -> Result<u64, AppendError> {
        let partition = self.partition_of(device.tenant.as_str(), device.vehicle.as_str());
        self.append_to(partition, envelope).await
    }

    /// Appends a record to a partition; its place, once it is durable.
    ///
    /// # Errors
    /// [`AppendError`]
    pub async fn append_to(&self, partition: u16, envelope: &Envelope<'_>) -> Result<u64, AppendError> {
        let bytes = envelope.encode();
        let record = FutureRecord::<(), _>::to(&self.topic).partition(partition.into()).payload(&bytes);
        let record = record.timestamp(envelope.received.0.div_euclid(1_000));
        let delivery = self.producer.send_result(record).map_err(|(error, _)| match error {
            KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull) => AppendError::Busy,
            error => AppendError::Broker(error),
        })?;
        let offset = delivered(delivery).await.map_err(AppendError::Broker)?;
        Ok(place(partition, offset))
    }

    /// Waits until nothing is under way, at most [`DELIVERY_MAX`]. Blocks.
    pub fn drain(&self) {
        // Whoever still waits is told by the record's own delivery.
        let _ = self.producer.flush(DELIVERY_MAX);
    }
}

/// A client that appends so that an acknowledgement means durable, and a retry of its own never doubles a message.
pub(super) fn producer(log: &LogAddress, name: &str) -> Result<FutureProducer, KafkaError> {
    let mut config = log.client(name);
    config
        .set("acks", "all")
        .set("enable.idempotence", "true")
        .set("compression.codec", "none")
        .set("queue.buffering.max.kbytes", QUEUE_KIB_MAX.to_string())
        .set("delivery.timeout.ms", DELIVERY_MAX.as_millis().to_string())
        .set("linger.ms", GATHER.as_millis().to_string());
    config.create()
}

/// The offset of a message, once the broker has acknowledged it.
pub(super) async fn delivered(delivery: DeliveryFuture) -> Result<u64, KafkaError> {
    let delivered = delivery.await.map_err(|_| KafkaError::Canceled)?.map_err(|(error, _)| error)?;
    Ok(u64::try_from(delivered.offset).unwrap_or(0))
}
