//! The two topics of a log and how many partitions each has: that number decides where a record goes, so it never changes.
//!
//! Not their settings: the operator makes them. Invariants: the numbers are pinned in the state by the first process of a cluster, and a
//! process that finds others does not start; where a key goes depends on the key and the pinned number alone, so that a topic which
//! is given more partitions while gates run moves no vehicle. Cost: two questions to the broker and the state at a start.

use super::log::{ASK_MAX, LogAddress};
use crate::place::PARTITION_MAX;
use crate::state::{State, StateError};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use tokio::task::{JoinError, spawn_blocking};

/// The most partitions of a topic.
pub const PARTITIONS_MAX: usize = PARTITION_MAX as usize + 1;
/// The names in the state under which the numbers are pinned.
const PINS: [&str; 2] = ["log.records.partitions", "log.matches.partitions"];

/// How many partitions the topics of a cluster's log have, as pinned.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Topics {
    /// Partitions of records.
    pub records: u16,
    /// Partitions of matches.
    pub matches: u16,
}

/// Why the topics cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TopicsError {
    /// The settings are not librdkafka's.
    #[error("the log's options cannot be used")]
    Options(#[source] KafkaError),
    /// The brokers do not answer.
    #[error("the log does not answer")]
    Broker(#[source] KafkaError),
    /// The topic is not there. The operator makes it with as many partitions as the cluster is ever to have workers.
    #[error("topic {0} does not exist: make it (docs/operations.md, Cluster)")]
    NoTopic(String),
    /// More partitions than places can tell apart.
    #[error("topic {topic} has {partitions} partitions, the most are {PARTITIONS_MAX}")]
    TooMany {
        /// Which.
        topic: String,
        /// How many it has.
        partitions: usize,
    },
    /// Not as many as when the cluster began: vehicles would move to other partitions, away from their chains.
    #[error(
        "topic {topic} has {partitions} partitions, but this cluster began with {pinned} and its vehicles may not move: give it a topic \
         of {pinned} partitions, or begin a new cluster with a topic prefix and a state of its own"
    )]
    Changed {
        /// Which.
        topic: String,
        /// How many it has.
        partitions: u16,
        /// How many it had.
        pinned: String,
    },
    /// The state cannot keep the numbers.
    #[error(transparent)]
    State(#[from] StateError),
    /// The question ended by a panic.
    #[error("the question to the log ended by a panic")]
    Panic(#[from] JoinError),
}

impl Topics {
    /// Asks the broker for the numbers, and the state whether they are those with which the cluster began.
    ///
    /// # Errors
    /// [`TopicsError`]
    pub async fn pinned(log: &LogAddress, state: &State) -> Result<Self, TopicsError> {
        let asked = log.clone();
        let topics = spawn_blocking(move || Self::of(&asked)).await??;
        let names = [(log.records_topic(), topics.records), (log.matches_topic(), topics.matches)];
        for (pin, (topic, partitions)) in PINS.into_iter().zip(names) {
            let pinned = state.pinned(pin, &partitions.to_string()).await?;
            if pinned != partitions.to_string() {
                return Err(TopicsError::Changed { topic, partitions, pinned });
            }
        }
        Ok(topics)
    }

    fn of(log: &LogAddress) -> Result<Self, TopicsError> {
        let consumer: BaseConsumer = log.reading("topics").create().map_err(TopicsError::Options)?;
        let count = |topic: String| {
            let metadata = consumer.fetch_metadata(Some(&topic), ASK_MAX).map_err(TopicsError::Broker)?;
            let partitions =
                metadata.topics().iter().find(|it| it.name() == topic).map_or(0, |it| it.partitions().len());
            match (partitions, u16::try_from(partitions)) {
                (0, _) => Err(TopicsError::NoTopic(topic)),
                (1..=PARTITIONS_MAX, Ok(count)) => Ok(count),
                _ => Err(TopicsError::TooMany { topic, partitions }),
            }
        };
        Ok(Self { records: count(log.records_topic())?, matches: count(log.matches_topic())? })
    }
}

/// The partition, of so many, to which a key goes that was hashed evenly to 16 bytes or more.
pub(super) fn partition_for(hash: &[u8], partitions: u16) -> u16 {
    let first = hash.first_chunk().copied().map_or(0, u64::from_be_bytes);
    let rest = first.checked_rem(partitions.into()).unwrap_or(0);
    u16::try_from(rest).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn keys_go_to_all_partitions_and_never_beyond() {
        let to = |n: u64| partition_for(&n.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes(), 6);
        let mut seen: Vec<u16> = (0..100).map(to).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen, [0, 1, 2, 3, 4, 5]);
        assert_eq!((partition_for(&[], 6), partition_for(&[255; 32], 0)), (0, 0));
    }

    #[test]
    fn a_changed_number_is_refused_with_what_to_do() {
        let error = TopicsError::Changed { topic: "f.records".into(), partitions: 12, pinned: "6".into() };
        expect!["topic f.records has 12 partitions, but this cluster began with 6 and its vehicles may not move: give it a topic of 6 partitions, or begin a new cluster with a topic prefix and a state of its own"]
            .assert_eq(&error.to_string());
    }
}
