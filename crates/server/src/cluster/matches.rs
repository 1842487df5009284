//! The log of matches: what partitions found for correlations over the fleet, on its way to who judges it together.
//!
//! Not evidence: it can be made again from the vaults, so retention of a day is plenty. Invariants: [`MatchWriter::send`] returns when
//! every in-sync replica has the records (`acks=all`); matches of one group go to one partition. A match may be there twice, which the
//! second stage tells. Cost: ~150 bytes a match; one client of the broker for all partitions of a worker, and one for each that it reads.

use super::log::{ASK_MAX, LogAddress, Quiet};
use super::topics::{Topics, partition_for};
use super::writer::{delivered, producer};
use crate::fleetwide::{MATCHES_MAX, MatchAt};
use futures::FutureExt as _;
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use std::sync::Arc;
use tokio::task::spawn_blocking;
use yagura_detect::MatchRecord;

/// Matches that wait for the broker's acknowledgement at once, for each partition of records.
const UNDER_WAY_MAX: usize = 1_024;

/// Sends matches. Cheap to clone.
#[derive(Clone)]
pub struct MatchWriter {
    producer: FutureProducer,
    topic: Arc<str>,
    partitions: u16,
}

impl MatchWriter {
    /// Makes the client; it connects by itself.
    ///
    /// # Errors
    /// The settings are not librdkafka's.
    pub fn open(log: &LogAddress, topics: Topics) -> Result<Self, KafkaError> {
        let producer = producer(log, "matches")?;
        Ok(Self { producer, topic: log.matches_topic().into(), partitions: topics.matches })
    }

    /// Sends matches and waits until the broker has all of them. After an error some may be there; they may be sent again.
    ///
    /// # Errors
    /// The broker does not take them now.
    pub async fn send(&self, matches: &[MatchRecord]) -> Result<(), KafkaError> {
        for some in matches.chunks(UNDER_WAY_MAX) {
            let mut under_way = Vec::with_capacity(some.len());
            for record in some {
                let (key, bytes) = (record.key(), record.encode());
                let to = FutureRecord::to(&self.topic).key(&key).payload(&bytes);
                let to = to.partition(partition_for(&key, self.partitions).into());
                under_way.push(self.producer.send_result(to).map_err(|(error, _)| error)?);
            }
            for delivery in under_way {
                delivered(delivery).await?;
            }
        }
        Ok(())
    }
}

/// Why a partition of matches cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MatchesError {
    /// The broker does not answer, or gives up on this client.
    #[error("the log of matches does not answer")]
    Broker(#[from] KafkaError),
    /// The broker lost acknowledged matches, or it is another log.
    #[error(
        "partition {partition} of matches: {known} are known, but the log ends at {end}: the broker lost some, or it is another log of \
         the same name"
    )]
    Shorter {
        /// Which.
        partition: u16,
        /// Matches that are known.
        known: u64,
        /// The end of the log.
        end: u64,
    },
    /// The question to the broker ended by a panic.
    #[error("the question to the log ended by a panic")]
    Panic(#[from] tokio::task::JoinError),
}

/// Reads one partition of matches.
pub(super) struct MatchReader {
    consumer: StreamConsumer<Quiet>,
    waiting: Vec<MatchAt>,
    /// Matches that retention removed before they were read.
    removed: u64,
}

impl MatchReader {
    /// A reader from offset `next` on, or from the oldest that is there still. `known` is how many are known to have been there.
    pub(super) async fn open(log: &LogAddress, partition: u16, next: u64, known: u64) -> Result<Self, MatchesError> {
        let reading = log.reading(&format!("matches-{partition}"));
        let consumer: StreamConsumer<Quiet> = reading.create_with_context(Quiet)?;
        let topic = log.matches_topic();
        let (consumer, bounds) = spawn_blocking(move || {
            let bounds = consumer.fetch_watermarks(&topic, partition.into(), ASK_MAX);
            (consumer, bounds)
        })
        .await?;
        let (oldest, end) = bounds?;
        let (oldest, end) = (u64::try_from(oldest).unwrap_or(0), u64::try_from(end).unwrap_or(0));
        if known > end {
            return Err(MatchesError::Shorter { partition, known, end });
        }
        let from = next.max(oldest);
        let mut list = TopicPartitionList::new();
        let at = Offset::Offset(i64::try_from(from).unwrap_or(i64::MAX));
        list.add_partition_offset(&log.matches_topic(), partition.into(), at)?;
        consumer.assign(&list)?;
        Ok(Self { consumer, waiting: Vec::new(), removed: from - next })
    }

    /// How many matches retention removed before they were read.
    pub(super) const fn removed(&self) -> u64 {
        self.removed
    }

    /// Waits for matches. What came is in [`Self::waiting`]; the wait may be given up at any time.
    pub(super) async fn wait(&mut self) -> Result<(), KafkaError> {
        loop {
            let got = if self.waiting.is_empty() {
                self.consumer.recv().await
            } else if let Some(more) = self.consumer.recv().now_or_never() {
                more
            } else {
                return Ok(());
            };
            match got {
                Ok(message) => self.waiting.push(match_at(&message)),
                Err(KafkaError::PartitionEOF(_)) => {}
                Err(error) => return Err(error),
            }
            if self.waiting.len() >= MATCHES_MAX {
                return Ok(());
            }
        }
    }

    /// The matches that came, in their order.
    pub(super) fn waiting(&self) -> &[MatchAt] {
        &self.waiting
    }

    /// They were judged.
    pub(super) fn taken(&mut self) {
        self.waiting.clear();
    }
}

fn match_at(message: &BorrowedMessage<'_>) -> MatchAt {
    let bytes = message.payload().unwrap_or(&[]).to_vec();
    MatchAt { offset: u64::try_from(message.offset()).unwrap_or(0), bytes }
}
