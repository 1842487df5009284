//! One partition of the log into its vault: a thread that reads from the broker and appends, record for record.
//!
//! Not the pipeline (it reads the vault behind) and not the decision who owns the partition (`group`). Invariants: the message at offset
//! N becomes record N; what cannot be so (offsets with a hole, a log that is shorter than the vault, or no longer has what the vault
//! lacks) ends the thread with an error and writes nothing. Cost: one client of the broker (a few threads of librdkafka) a partition,
//! one fdatasync a batch of ≤ [`BATCH_RECORDS_MAX`] records.

use super::log::{ASK_MAX, LogAddress};
use crate::clock;
use crate::happenings::{PartitionWaits, emit};
use crate::state::PartitionNumber;
use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::statistics::Statistics;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use yagura_model::UnixMicros;
use yagura_store::{Envelope, EnvelopeError, NewRecord, Position, Vault, VaultError};

/// Records of one append.
const BATCH_RECORDS_MAX: usize = 1_024;
/// Bytes after which a batch takes no further record.
const BATCH_BYTES_MAX: usize = 4 << 20;
/// How long a look at the broker's queue waits.
const LOOK: Duration = Duration::from_millis(100);
/// How long a durable record may be without a signed checkpoint over it.
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(1);
/// How often the client says how long the log is.
const HEAR_EVERY: Duration = Duration::from_secs(5);
/// How long a failed step waits before it is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// Why a partition cannot be fed. A person must act, unless said otherwise.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FeedError {
    /// The client cannot be made.
    #[error("the log's options cannot be used")]
    Options(#[source] KafkaError),
    /// The broker gives up on this client for good.
    #[error("the log's client failed")]
    Client(#[source] KafkaError),
    /// Retention removed what no vault has.
    #[error(
        "partition {partition}: the vault has {records} records, but the log now begins at {oldest}: {} records are lost; \
         restore the vault from its objects or a copy, and let the log keep records longer", oldest - records
    )]
    Removed {
        /// Which.
        partition: u16,
        /// Records of the vault.
        records: u64,
        /// The oldest offset of the log.
        oldest: u64,
    },
    /// The broker lost acknowledged records, or it is another log.
    #[error(
        "partition {partition}: {records} records are known, but the log ends at {end}: the broker lost records, or it is another log \
         of the same name"
    )]
    Shorter {
        /// Which.
        partition: u16,
        /// Records that are known.
        records: u64,
        /// The end of the log.
        end: u64,
    },
    /// Another log of the same name.
    #[error(
        "partition {partition}: record {position} of the vault is not the message at that offset: it is another log of the same name"
    )]
    Other {
        /// Which.
        partition: u16,
        /// The record.
        position: u64,
    },
    /// Offsets are not without holes: the topic is compacted, or transactions are written to it.
    #[error(
        "partition {partition}: offset {expected} is missing in the log, the next is {found}: the topic must not be compacted nor hold transactions"
    )]
    Hole {
        /// Which.
        partition: u16,
        /// The offset that should come.
        expected: u64,
        /// The one that came.
        found: u64,
    },
    /// A newer program writes the log.
    #[error("partition {partition}, offset {offset}")]
    Newer {
        /// Which.
        partition: u16,
        /// Where.
        offset: u64,
        /// What is there.
        source: EnvelopeError,
    },
    /// The vault is damaged.
    #[error("the vault of partition {0} cannot be used")]
    Vault(u16, #[source] VaultError),
    /// The system gives no thread.
    #[error("cannot start a thread")]
    Thread(#[source] std::io::Error),
}

/// A partition that is being fed. Dropped without [`Feed::stop`], the thread ends soon after.
pub(super) struct Feed {
    stop: Arc<AtomicBool>,
    durable: watch::Receiver<u64>,
    log_end: watch::Receiver<u64>,
    failed: watch::Receiver<Option<Arc<FeedError>>>,
    thread: Option<JoinHandle<()>>,
}

impl Feed {
    /// Begins to feed `vault` from where it ends. `known` is how many records are known to exist.
    pub(super) fn start(log: &LogAddress, partition: u16, vault: Vault, known: u64) -> Result<Self, FeedError> {
        let (heard, log_end) = watch::channel(known);
        let consumer = consumer(log, Listener { partition: partition.into(), topic: log.records_topic(), heard })?;
        let stop = Arc::new(AtomicBool::new(false));
        let (durable, watching) = watch::channel(vault.len());
        let (fail, failed) = watch::channel(None);
        let topic = log.records_topic();
        let mut reader = Reader {
            topic,
            partition,
            consumer,
            vault,
            known,
            durable,
            stop: Arc::clone(&stop),
            ticked: Instant::now(),
            covered: 0,
        };
        let thread = std::thread::Builder::new().name(format!("log-{partition}")).spawn(move || {
            if let Err(error) = reader.run() {
                fail.send_replace(Some(Arc::new(error)));
            }
            reader.sign_checkpoint();
        });
        Ok(Self { stop, durable: watching, log_end, failed, thread: Some(thread.map_err(FeedError::Thread)?) })
    }

    /// How many records are durable in the vault, as it grows.
    pub(super) fn durable(&self) -> watch::Receiver<u64> {
        self.durable.clone()
    }

    /// How many records the log has, as it was heard of last.
    pub(super) fn log_end(&self) -> watch::Receiver<u64> {
        self.log_end.clone()
    }

    /// Completes with the reason when the thread has ended by itself.
    pub(super) async fn failed(&self) -> Arc<FeedError> {
        let mut failed = self.failed.clone();
        if let Ok(error) = failed.wait_for(Option::is_some).await
            && let Some(error) = error.as_ref()
        {
            return Arc::clone(error);
        }
        std::future::pending().await
    }

    /// Ends the thread: signs a last checkpoint and closes the vault. Blocks up to about a second, or one write.
    pub(super) fn stop(mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            // A panic has said so itself.
            let _ = thread.join();
        }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
    }
}

/// Hears how long the log is. Says nothing of the end of a partition, which is no error, and leaves the rest to the one who polls.
struct Listener {
    topic: String,
    partition: i32,
    heard: watch::Sender<u64>,
}

impl ClientContext for Listener {
    fn error(&self, _: KafkaError, _: &str) {}

    fn stats(&self, statistics: Statistics) {
        let partitions = statistics.topics.get(&self.topic).map(|topic| &topic.partitions);
        let end = partitions.and_then(|all| all.get(&self.partition)).map(|it| it.hi_offset);
        if let Some(end) = end.and_then(|end| u64::try_from(end).ok()) {
            self.heard.send_replace(end);
        }
    }
}

impl ConsumerContext for Listener {}

fn consumer(log: &LogAddress, listener: Listener) -> Result<BaseConsumer<Listener>, FeedError> {
    let mut config = log.reading(&format!("feed-{}", listener.partition));
    config.set("statistics.interval.ms", HEAR_EVERY.as_millis().to_string());
    config.create_with_context(listener).map_err(FeedError::Options)
}

struct Reader {
    topic: String,
    partition: u16,
    consumer: BaseConsumer<Listener>,
    vault: Vault,
    known: u64,
    durable: watch::Sender<u64>,
    stop: Arc<AtomicBool>,
    ticked: Instant,
    /// Records that the newest checkpoint covers.
    covered: u64,
}

/// What the broker's queue gave.
enum Looked {
    /// Messages, in order.
    Messages,
    /// Nothing more for now.
    Nothing,
    /// The end of the log was reached.
    End,
}

impl Reader {
    fn run(&mut self) -> Result<(), FeedError> {
        let Some((oldest, end)) = self.bounds() else { return Ok(()) };
        let (records, partition) = (self.vault.len(), self.partition);
        if records.max(self.known) > end {
            return Err(FeedError::Shorter { partition, records: records.max(self.known), end });
        }
        if records < oldest {
            return Err(FeedError::Removed { partition, records, oldest });
        }
        // One message that the vault has already shows that it is the same log.
        let overlaps = records > oldest;
        self.seek(if overlaps { records - 1 } else { records })?;
        if overlaps && !self.is_same_log(records - 1)? {
            return Ok(());
        }
        while !self.stopping() {
            self.batch()?;
            self.tick();
        }
        Ok(())
    }

    fn stopping(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// The oldest offset and the end of the log; `None` when told to stop before the broker answered.
    fn bounds(&self) -> Option<(u64, u64)> {
        while !self.stopping() {
            match self.consumer.fetch_watermarks(&self.topic, self.partition.into(), ASK_MAX) {
                Ok((low, high)) => return Some((low.try_into().unwrap_or(0), high.try_into().unwrap_or(0))),
                Err(error) => self.wait(&error),
            }
        }
        None
    }

    fn seek(&self, offset: u64) -> Result<(), FeedError> {
        let mut list = TopicPartitionList::new();
        let at = Offset::Offset(i64::try_from(offset).unwrap_or(i64::MAX));
        list.add_partition_offset(&self.topic, self.partition.into(), at).map_err(FeedError::Client)?;
        self.consumer.assign(&list).map_err(FeedError::Client)
    }

    /// Whether the message at `position` is the record there; `false` only when told to stop before it came.
    fn is_same_log(&mut self, position: u64) -> Result<bool, FeedError> {
        let (partition, vault) = (self.partition, self.vault.reader());
        while !self.stopping() {
            let message = match self.consumer.poll(LOOK) {
                None | Some(Err(KafkaError::PartitionEOF(_))) => continue,
                Some(Err(error)) => {
                    self.trouble(error)?;
                    continue;
                }
                Some(Ok(message)) => message,
            };
            let found = u64::try_from(message.offset()).unwrap_or(0);
            let record = vault.record(Position(position)).map_err(|error| FeedError::Vault(partition, error))?;
            let said = envelope(&message, partition)?;
            let same =
                (said.kind, said.received, said.payload) == (record.kind, record.received, record.payload.as_slice());
            let other = FeedError::Other { partition, position };
            return if found == position && same { Ok(true) } else { Err(other) };
        }
        Ok(false)
    }

    /// Appends what the broker has, or waits a little for it.
    fn batch(&mut self) -> Result<(), FeedError> {
        let mut messages = Vec::new();
        let mut bytes = 0;
        let looked = loop {
            let wait = if messages.is_empty() { LOOK } else { Duration::ZERO };
            match self.consumer.poll(wait) {
                None => break Looked::Nothing,
                Some(Err(KafkaError::PartitionEOF(_))) => break Looked::End,
                Some(Err(error)) => {
                    self.trouble(error)?;
                    break Looked::Nothing;
                }
                Some(Ok(message)) => {
                    bytes += message.payload_len();
                    messages.push(message);
                }
            }
            if messages.len() >= BATCH_RECORDS_MAX || bytes >= BATCH_BYTES_MAX {
                break Looked::Messages;
            }
        };
        if !messages.is_empty() {
            let records = records(&messages, self.partition, self.vault.len())?;
            append(&mut self.vault, self.partition, &records, &self.stop, &self.durable)?;
        }
        let (records, partition) = (self.vault.len(), self.partition);
        match looked {
            Looked::End if records < self.known => {
                Err(FeedError::Shorter { partition, records: self.known, end: records })
            }
            _ => Ok(()),
        }
    }

    /// What an error of the broker means: some are waited out, some end the feed.
    fn trouble(&self, error: KafkaError) -> Result<(), FeedError> {
        let (partition, records) = (self.partition, self.vault.len());
        match error {
            KafkaError::MessageConsumption(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => {
                match self.bounds() {
                    Some((oldest, _)) if records < oldest => Err(FeedError::Removed { partition, records, oldest }),
                    Some((_, end)) if records > end => Err(FeedError::Shorter { partition, records, end }),
                    // It was there when the broker was asked again.
                    Some(_) => self.seek(records),
                    None => Ok(()),
                }
            }
            KafkaError::MessageConsumptionFatal(_) => Err(FeedError::Client(error)),
            error => {
                self.wait(&error);
                Ok(())
            }
        }
    }

    fn wait(&self, cause: &KafkaError) {
        waits(self.partition, cause);
        std::thread::park_timeout(RETRY);
    }

    fn tick(&mut self) {
        if self.ticked.elapsed() >= CHECKPOINT_INTERVAL {
            self.ticked = Instant::now();
            self.sign_checkpoint();
        }
    }

    fn sign_checkpoint(&mut self) {
        if self.covered >= self.vault.len() {
            return;
        }
        match self.vault.checkpoint() {
            Ok(_) => self.covered = self.vault.len(),
            Err(error) => waits(self.partition, &error),
        }
    }
}

fn waits(partition: u16, cause: &(dyn Error + 'static)) {
    emit(&PartitionWaits { partition: PartitionNumber::records(partition).unwrap_or_default(), cause });
}

/// The envelope of a message, whatever it holds.
fn envelope<'a>(message: &'a BorrowedMessage<'_>, partition: u16) -> Result<Envelope<'a>, FeedError> {
    let offset = u64::try_from(message.offset()).unwrap_or(0);
    let millis = message.timestamp().to_millis();
    let time = millis.map_or_else(clock::now, |millis| UnixMicros(millis.saturating_mul(1_000)));
    let payload = message.payload().unwrap_or(&[]);
    let payload = payload.get(..NewRecord::PAYLOAD_BYTES_MAX).unwrap_or(payload);
    Envelope::of_message(payload, time).map_err(|source| FeedError::Newer { partition, offset, source })
}

/// The records of messages that follow the vault without a hole.
fn records<'a>(
    messages: &'a [BorrowedMessage<'_>],
    partition: u16,
    from: u64,
) -> Result<Vec<NewRecord<'a>>, FeedError> {
    let mut records = Vec::with_capacity(messages.len());
    for (expected, message) in (from..).zip(messages) {
        let found = u64::try_from(message.offset()).unwrap_or(0);
        if found != expected {
            return Err(FeedError::Hole { partition, expected, found });
        }
        let Envelope { kind, received, payload } = envelope(message, partition)?;
        records.push(NewRecord { kind, received, payload });
    }
    Ok(records)
}

/// Makes the records durable, however often that must be tried: a full disk is waited out.
fn append(
    vault: &mut Vault,
    partition: u16,
    records: &[NewRecord<'_>],
    stop: &AtomicBool,
    durable: &watch::Sender<u64>,
) -> Result<(), FeedError> {
    let end = vault.len() + records.len() as u64;
    while vault.len() < end && !stop.load(Ordering::SeqCst) {
        let done = records.len() - usize::try_from(end - vault.len()).unwrap_or(0);
        let appended = vault.append_replica(records.get(done..).unwrap_or_default());
        durable.send_replace(vault.len());
        match appended {
            Ok(_) => {}
            Err(error @ (VaultError::Corrupt(_) | VaultError::Inconsistent | VaultError::TooLong { .. })) => {
                return Err(FeedError::Vault(partition, error));
            }
            Err(error) => {
                waits(partition, &error);
                std::thread::park_timeout(RETRY);
            }
        }
    }
    Ok(())
}
