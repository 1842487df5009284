//! Which partitions this worker owns, as the group of workers agrees with the log's broker.
//!
//! Not the reading of records (`feed` has a client of its own a partition): this client only holds the membership. Cooperative-sticky
//! assignment, so that partitions that stay are not touched; static membership by the worker's name, so that a worker that restarts
//! within [`SESSION_MAX`] gets its partitions back without moving any. Invariant: a partition is given back to the group only after the
//! one who works on it has let go, or [`REVOKE_MAX`] is over; after that the state's epoch fences it (ADR-0020).

use super::log::LogAddress;
use crate::happenings::{GroupWaits, emit};
use crate::state::PartitionNumber;
use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, Rebalance};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::TopicPartitionList;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// How long a worker may be silent before its partitions go to others.
pub const SESSION_MAX: Duration = Duration::from_secs(10);
/// How long a worker may take to let go of partitions that go to another.
pub const REVOKE_MAX: Duration = Duration::from_secs(30);
/// Changes of ownership that wait to be acted on.
const CHANGES_MAX: usize = 64;
const LOOK: Duration = Duration::from_millis(100);
const RETRY: Duration = Duration::from_secs(1);

/// A change of ownership.
#[derive(Debug)]
pub(super) enum Change {
    /// These are this worker's now, since then.
    Given(Vec<PartitionNumber>, Instant),
    /// These go to another worker: finish, and drop the sender when done.
    Taken(Vec<PartitionNumber>, std::sync::mpsc::Sender<()>),
    /// These are another worker's already: drop everything.
    Lost(Vec<PartitionNumber>),
    /// Another process runs under this worker's name, or the broker refuses it for good.
    Expelled(KafkaError),
}

/// The membership. Dropped, it ends, and the partitions go to others after [`SESSION_MAX`].
pub(super) struct Membership {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Membership {
    /// Joins the group under a name that no other worker has. Changes come in order.
    pub(super) fn join(log: &LogAddress, name: &str) -> Result<(Self, mpsc::Receiver<Change>), KafkaError> {
        let (changes, receiver) = mpsc::channel(CHANGES_MAX);
        let mut config = log.client(name);
        config
            .set("group.id", log.group())
            .set("group.instance.id", name)
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("session.timeout.ms", SESSION_MAX.as_millis().to_string())
            .set("heartbeat.interval.ms", "1000")
            .set("max.poll.interval.ms", "120000")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "latest");
        let consumer: BaseConsumer<Watcher> =
            config.create_with_context(Watcher { changes: changes.clone(), matches: log.matches_topic() })?;
        consumer.subscribe(&[&log.records_topic(), &log.matches_topic()])?;
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = std::thread::Builder::new().name("log-group".to_owned());
        let thread = thread.spawn(move || attend(&consumer, &changes, &told));
        let thread = thread.map_err(|error| KafkaError::ClientCreation(error.to_string()))?;
        Ok((Self { stop, thread: Some(thread) }, receiver))
    }

    /// Ends the membership. Blocks for a moment. Let go of all partitions first.
    pub(super) fn leave(mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            // A panic has said so itself.
            let _ = thread.join();
        }
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
    }
}

/// Keeps the membership alive: heartbeats need polls.
fn attend(consumer: &BaseConsumer<Watcher>, changes: &mpsc::Sender<Change>, stop: &AtomicBool) {
    while !stop.load(Ordering::SeqCst) && !changes.is_closed() {
        match consumer.poll(LOOK) {
            // All partitions are paused here; a message that slipped through is read by the feed all the same.
            None | Some(Ok(_) | Err(KafkaError::PartitionEOF(_))) => {}
            Some(Err(error)) => {
                if let Some((code, _)) = consumer.client().fatal_error() {
                    // Nobody listening means that the worker ends anyway.
                    let _ = changes.blocking_send(Change::Expelled(KafkaError::Global(code)));
                    return;
                }
                emit(&GroupWaits { cause: &error });
                std::thread::park_timeout(RETRY);
            }
        }
    }
}

/// Hears of changes on the thread that polls.
struct Watcher {
    changes: mpsc::Sender<Change>,
    /// The topic of matches.
    matches: String,
}

impl ClientContext for Watcher {}

impl Watcher {
    /// The numbers of partitions; the topics have no more than places can tell apart, or the worker would not have started.
    fn numbers(&self, list: &TopicPartitionList) -> Vec<PartitionNumber> {
        let number = |topic: &str, number: i32| {
            let number = u16::try_from(number).ok()?;
            if topic == self.matches { PartitionNumber::fleetwide(number) } else { PartitionNumber::records(number) }
        };
        list.elements().iter().filter_map(|element| number(element.topic(), element.partition())).collect()
    }
}

impl ConsumerContext for Watcher {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        let Rebalance::Revoke(list) = rebalance else { return };
        let numbers = self.numbers(list);
        if numbers.is_empty() {
            return;
        }
        if consumer.assignment_lost() {
            let _ = self.changes.blocking_send(Change::Lost(numbers));
            return;
        }
        let (done, finished) = channel();
        if self.changes.blocking_send(Change::Taken(numbers, done)).is_ok() {
            wait_for(&finished);
        }
    }

    fn post_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Assign(list) => {
                // This client reads nothing. If it cannot be paused, it reads for nothing.
                let _ = consumer.pause(list);
                let numbers = self.numbers(list);
                if !numbers.is_empty() {
                    let _ = self.changes.blocking_send(Change::Given(numbers, Instant::now()));
                }
            }
            Rebalance::Revoke(_) => {}
            Rebalance::Error(error) => emit(&GroupWaits { cause: error }),
        }
    }
}

/// Waits until the partitions were let go of. The sender is dropped, nothing is ever sent.
fn wait_for(finished: &Receiver<()>) {
    let until = Instant::now() + REVOKE_MAX;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        match finished.recv_timeout(left) {
            Ok(()) => {}
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return,
        }
    }
}
