//! Single records of the log by their place: evidence for people, where no vault is at hand.
//!
//! Not the feed. Invariant: what is returned is the message at that offset, or nothing. Cost: one client of the broker, one fetch a
//! record (a few ms); one question at a time.

use super::log::{ASK_MAX, LogAddress};
use super::writer::OpenLogError;
use crate::place::{partition_of, position_of};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use yagura_model::UnixMicros;
use yagura_store::{Envelope, EnvelopeError, Position, Record};

/// How old the count of records may be.
const COUNT_FOR: Duration = Duration::from_secs(5);
/// Records that are remembered; each is at most a message of the log long.
const RECENT_MAX: usize = 64;
const LOOK: Duration = Duration::from_millis(100);

/// Why a record cannot be read from the log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadLogError {
    /// The broker does not answer.
    #[error("the log does not answer")]
    Broker(#[from] KafkaError),
    /// It did not answer in time.
    #[error("the log did not answer within {} s", ASK_MAX.as_secs())]
    TimedOut,
    /// A newer program wrote it.
    #[error(transparent)]
    Newer(#[from] EnvelopeError),
}

/// Reads single records of the log. Cheap to clone.
#[derive(Clone)]
pub struct LogReader(Arc<Mutex<Inner>>);

struct Inner {
    consumer: BaseConsumer,
    topic: String,
    count: Option<(Instant, (u64, u16))>,
    /// What was read last, the latest at the end: a page asks for the same records several times.
    recent: VecDeque<Record>,
}

impl LogReader {
    /// A reader of the log. Connects when it is first asked.
    ///
    /// # Errors
    /// [`OpenLogError::Options`]
    pub fn open(log: &LogAddress) -> Result<Self, OpenLogError> {
        let mut config = log.client("api");
        config
            .set("group.id", format!("{}.api", log.group()))
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            .set("auto.offset.reset", "error")
            .set("queued.max.messages.kbytes", "4096");
        let consumer = config.create().map_err(OpenLogError::Options)?;
        Ok(Self(Arc::new(Mutex::new(Inner {
            consumer,
            topic: log.records_topic(),
            count: None,
            recent: VecDeque::new(),
        }))))
    }

    /// The record at a place; `None` if the log does not have it, or not any more. Blocks.
    ///
    /// # Errors
    /// [`ReadLogError`]
    pub fn record(&self, place: u64) -> Result<Option<Record>, ReadLogError> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(record) = inner.recent.iter().find(|record| record.position.0 == place) {
            return Ok(Some(record.clone()));
        }
        let (partition, position) = (partition_of(place), position_of(place));
        let bounds = inner.consumer.fetch_watermarks(&inner.topic, partition.into(), ASK_MAX);
        let (low, high) = match bounds {
            Err(KafkaError::MetadataFetch(RDKafkaErrorCode::UnknownPartition)) => return Ok(None),
            bounds => bounds?,
        };
        let Some(offset) = i64::try_from(position).ok().filter(|offset| (low..high).contains(offset)) else {
            return Ok(None);
        };
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&inner.topic, partition.into(), Offset::Offset(offset))?;
        inner.consumer.assign(&list)?;
        let read = inner.wait_for(offset, place);
        inner.consumer.unassign()?;
        if let Ok(Some(record)) = &read {
            if inner.recent.len() >= RECENT_MAX {
                inner.recent.pop_front();
            }
            inner.recent.push_back(record.clone());
        }
        read
    }

    /// How many records the log has ever had, and in how many partitions. Blocks; the answer may be `COUNT_FOR` old.
    ///
    /// # Errors
    /// [`ReadLogError`]
    pub fn records(&self) -> Result<(u64, u16), ReadLogError> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, count)) = inner.count
            && at.elapsed() < COUNT_FOR
        {
            return Ok(count);
        }
        let metadata = inner.consumer.fetch_metadata(Some(&inner.topic), ASK_MAX)?;
        let mut count = (0, 0);
        for partition in metadata.topics().iter().flat_map(|topic| topic.partitions()) {
            let (_, high) = inner.consumer.fetch_watermarks(&inner.topic, partition.id(), ASK_MAX)?;
            count = (count.0 + u64::try_from(high).unwrap_or(0), count.1 + 1);
        }
        inner.count = Some((Instant::now(), count));
        Ok(count)
    }
}

impl Inner {
    fn wait_for(&self, offset: i64, place: u64) -> Result<Option<Record>, ReadLogError> {
        let until = Instant::now() + ASK_MAX;
        while Instant::now() < until {
            match self.consumer.poll(LOOK) {
                None | Some(Err(KafkaError::PartitionEOF(_))) => {}
                Some(Err(error)) => return Err(error.into()),
                // What an earlier question had asked for may still come.
                Some(Ok(message))
                    if message.offset() != offset || message.partition() != i32::from(partition_of(place)) => {}
                Some(Ok(message)) => {
                    let time = UnixMicros(message.timestamp().to_millis().unwrap_or(0).saturating_mul(1_000));
                    let said = Envelope::of_message(message.payload().unwrap_or(&[]), time)?;
                    let (position, payload) = (Position(place), said.payload.to_vec());
                    return Ok(Some(Record { position, kind: said.kind, received: said.received, payload }));
                }
            }
        }
        Err(ReadLogError::TimedOut)
    }
}
