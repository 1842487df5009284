//! Frames of many senders into few records: gathered for [`GATHER`], one record a sender.
//!
//! Not a queue that keeps: what the vault does not take is given back to whoever can wait (TCP, MQTT) and lost where nobody can (UDP).
//! Invariants: whoever waits is told `true` only when the frame is durable; at most [`WAITING_MAX`] frames wait. Cost: ~12 bytes a frame
//! and ~160 a record besides the frames; a delay of [`GATHER`].

use super::super::counters::{Counted, Counters};
use super::super::sources::Sources;
use crate::clock;
use crate::intake::Intake;
use axum::body::Bytes;
use futures::future::join_all;
use std::collections::HashMap;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};
use yagura_model::{DeviceId, UnixMicros};
use yagura_sources::{FOREIGN_BODY_BYTES_MAX, ForeignWriter, Frame, Sender, SenderRule, Source, Via};
use yagura_store::RecordKind;

/// How long frames are gathered.
pub const GATHER: Duration = Duration::from_millis(20);
/// Frames that wait to be gathered.
pub const WAITING_MAX: usize = 8_192;
/// Bytes of all records that are being gathered; then they are written at once.
pub const GATHERED_BYTES_MAX: usize = 4 << 20;

/// A frame and whose it is.
struct Incoming {
    device: DeviceId,
    source: Arc<Source>,
    key: Option<yagura_sources::SourceKey>,
    via: Via,
    peer: String,
    received: UnixMicros,
    bytes: Bytes,
    told: Option<oneshot::Sender<bool>>,
}

/// Takes frames. Cheap to clone; all clones feed the same records.
#[derive(Clone)]
pub struct Feed {
    sources: Arc<Sources>,
    counters: Arc<Counters>,
    queue: mpsc::Sender<Incoming>,
}

impl Feed {
    /// A feed into the intake. Call it within a runtime; it ends when the last clone is gone.
    #[must_use]
    pub fn start(sources: Arc<Sources>, intake: Intake, counters: Arc<Counters>) -> Self {
        let (queue, incoming) = mpsc::channel(WAITING_MAX);
        tokio::spawn(gather(incoming, intake, Arc::clone(&counters)));
        Self { sources, counters, queue }
    }

    /// What to subscribe to at a broker.
    #[must_use]
    pub fn filters(&self) -> Vec<String> {
        self.sources.topics()
    }

    /// The rule for whoever sends from this address.
    pub(super) fn rule(&self, peer: SocketAddr) -> Option<(DeviceId, &Arc<Source>, &SenderRule)> {
        self.sources.sender(Some(peer.ip()), None)
    }

    /// Counts what the listeners do not take.
    pub(super) fn count(&self, kind: Counted) {
        self.counters.count(kind);
    }

    /// Takes a datagram, or counts that it is lost.
    pub(super) fn datagram(&self, peer: SocketAddr, bytes: &[u8], known: (DeviceId, &Arc<Source>, &SenderRule)) {
        let incoming = self.incoming(known, Via::Udp, peer.to_string(), Bytes::copy_from_slice(bytes), None);
        if self.queue.try_send(incoming).is_err() {
            self.counters.count(Counted::IdsrNotKept);
        }
    }

    /// Takes a piece of a stream; returns when it is durable, or `false` if it cannot be made so.
    pub(super) async fn piece(
        &self,
        peer: SocketAddr,
        bytes: Bytes,
        known: (DeviceId, &Arc<Source>, &SenderRule),
    ) -> bool {
        let (tell, told) = oneshot::channel();
        let incoming = self.incoming(known, Via::Tcp, peer.to_string(), bytes, Some(tell));
        if self.queue.send(incoming).await.is_err() {
            return false;
        }
        told.await.unwrap_or(false)
    }

    /// Takes a publication; the future says whether it is durable. `None` if its topic is nobody's.
    pub fn publication(&self, topic: &str, bytes: Bytes) -> Option<impl Future<Output = bool> + Send + use<>> {
        let known = self.sources.sender(None, Some(topic))?;
        let (tell, told) = oneshot::channel();
        let incoming = self.incoming(known, Via::Mqtt, topic.to_owned(), bytes, Some(tell));
        let queue = self.queue.clone();
        Some(async move { queue.send(incoming).await.is_ok() && told.await.unwrap_or(false) })
    }

    fn incoming(
        &self,
        (device, source, rule): (DeviceId, &Arc<Source>, &SenderRule),
        via: Via,
        peer: String,
        bytes: Bytes,
        told: Option<oneshot::Sender<bool>>,
    ) -> Incoming {
        let (source, key) = (Arc::clone(source), rule.key.clone());
        Incoming { device, source, key, via, peer, received: clock::now(), bytes, told }
    }
}

/// What is gathered of one sender.
struct Gathered {
    sender: Sender,
    writer: ForeignWriter,
    told: Vec<oneshot::Sender<bool>>,
}

/// All that is gathered.
#[derive(Default)]
struct Gathering {
    senders: HashMap<(DeviceId, Via, String), Gathered>,
    bytes: usize,
    since: Option<Instant>,
}

impl Gathering {
    /// Takes a frame; gives back the record that it no longer fits into.
    fn take(&mut self, incoming: Incoming) -> Option<Gathered> {
        let Incoming { device, source, key, via, peer, received, bytes, told } = incoming;
        let name = (device, via, peer.clone());
        let sender = Sender { device, source: source.name, via, peer, key };
        let fresh = || Gathered { sender: sender.clone(), writer: ForeignWriter::new(), told: Vec::new() };
        let gathered = self.senders.entry(name).or_insert_with(fresh);
        let frame = Frame { received, bytes: &bytes };
        let mut full = None;
        if !gathered.writer.push(&frame) {
            full = Some(std::mem::replace(gathered, fresh()));
            // A frame is far shorter than a record, so it fits into a fresh one; the listeners see to that.
            let _ = gathered.writer.push(&frame);
        }
        gathered.told.extend(told);
        self.bytes = self.bytes.saturating_add(bytes.len());
        self.since.get_or_insert_with(Instant::now);
        full
    }
}

async fn gather(mut incoming: mpsc::Receiver<Incoming>, intake: Intake, counters: Arc<Counters>) {
    let mut gathering = Gathering::default();
    let mut full = Vec::new();
    loop {
        let due = gathering.since.map(|since| since + GATHER);
        let wait = async {
            match due {
                Some(due) => sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        let ended = tokio::select! {
            next = incoming.recv() => match next {
                Some(next) => {
                    full.extend(gathering.take(next));
                    if gathering.bytes < GATHERED_BYTES_MAX && full.is_empty() {
                        continue;
                    }
                    false
                }
                None => true,
            },
            () = wait => false,
        };
        let whole = std::mem::take(&mut gathering);
        full.extend(whole.senders.into_values());
        join_all(full.drain(..).map(|gathered| keep(&intake, &counters, gathered))).await;
        if ended {
            return;
        }
    }
}

async fn keep(intake: &Intake, counters: &Counters, mut gathered: Gathered) {
    const _: () = assert!(FOREIGN_BODY_BYTES_MAX < GATHERED_BYTES_MAX, "a record is a part of what is gathered");
    let frames = u64::try_from(gathered.writer.frames()).unwrap_or(u64::MAX);
    let device = gathered.sender.device;
    let payload = Bytes::from(gathered.writer.finish(&gathered.sender));
    let kept = match intake.room(payload.len()) {
        Ok(room) => intake.evidence(RecordKind::Foreign, &device, payload, room).await.is_ok(),
        Err(_) => false,
    };
    counters.add(if kept { Counted::IdsrFrame } else { Counted::IdsrNotKept }, frames);
    // Whoever stopped waiting sends again, or its stream is gone.
    for tell in gathered.told.drain(..) {
        let _ = tell.send(kept);
    }
}
