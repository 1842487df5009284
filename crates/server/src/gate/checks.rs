//! Opens reports (signature, decompression) on a few threads of their own, devices and tenants in turn.
//!
//! Not the judgement of the chain. What is expensive about a report is done here and nowhere else, so a flood of bad signatures
//! or bombs fills its own places in the queue and no connection waits behind it. Invariants: at most as many reports are opened
//! at the same time as there are threads; what waits is bounded ([`WAITING_MAX`](super::fair::WAITING_MAX)). Cost: ~50 µs of
//! one core a small report, ~1 ms the largest; two thread switches.

use super::fair::{FairQueue, NoPlace};
use crate::identity::DeviceCertificate;
use axum::body::Bytes;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use tokio::sync::oneshot;
use yagura_link::{Digest, Header, Limits, OpenError, Opener, entries};

/// A report that verifies with the key of its device.
#[derive(Clone, Debug)]
pub(super) struct Checked {
    pub(super) header: Header,
    pub(super) digest: Digest,
    /// Entries of its body.
    pub(super) entries: u32,
}

/// Why a report was not opened.
#[derive(Debug)]
pub(super) enum NotChecked {
    /// It is none, or not one of this device.
    Bad(OpenError),
    /// The device has its share waiting.
    DeviceBusy,
    /// Everybody waits, or the gate is closing.
    Busy,
}

struct Job {
    certificate: Arc<DeviceCertificate>,
    bytes: Bytes,
    reply: oneshot::Sender<Result<Checked, OpenError>>,
}

#[derive(Default)]
struct Queue {
    waiting: FairQueue<Job>,
    is_closed: bool,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    work: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The threads that open reports. They end when this is dropped.
pub(super) struct Checks(Arc<Shared>);

impl Checks {
    /// Starts a thread per core.
    ///
    /// # Errors
    /// What the system says when it gives no thread.
    pub(super) fn start() -> std::io::Result<Self> {
        let checks = Self(Arc::default());
        let threads = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        for nth in 0..threads {
            let shared = Arc::clone(&checks.0);
            thread::Builder::new().name(format!("gate-check-{nth}")).spawn(move || work(&shared))?;
        }
        Ok(checks)
    }

    /// Opens a report with the key of `certificate`, when it is its device's turn.
    pub(super) async fn open(&self, certificate: Arc<DeviceCertificate>, bytes: Bytes) -> Result<Checked, NotChecked> {
        let (reply, answer) = oneshot::channel();
        {
            let mut queue = self.0.lock();
            let device = certificate.device;
            let job = Job { certificate, bytes, reply };
            queue.waiting.push(device, job).map_err(|no_place| match no_place {
                NoPlace::Device => NotChecked::DeviceBusy,
                NoPlace::Full => NotChecked::Busy,
            })?;
        }
        self.0.work.notify_one();
        answer.await.map_err(|_| NotChecked::Busy)?.map_err(NotChecked::Bad)
    }
}

impl Drop for Checks {
    fn drop(&mut self) {
        self.0.lock().is_closed = true;
        self.0.work.notify_all();
    }
}

fn work(shared: &Shared) {
    let mut opener = Opener::new(Limits::default());
    while let Some(job) = next(shared) {
        // Somebody who hung up while waiting needs no answer, and no work.
        if job.reply.is_closed() {
            continue;
        }
        let opened = opener.open(&job.bytes, &job.certificate.key).map(|opened| Checked {
            header: opened.header,
            digest: opened.digest,
            entries: u32::try_from(entries(&opened.body).count()).unwrap_or(u32::MAX),
        });
        let _ = job.reply.send(opened);
    }
}

/// The next job; `None` when the gate is gone and nothing waits.
fn next(shared: &Shared) -> Option<Job> {
    let mut queue = shared.lock();
    loop {
        if let Some(job) = queue.waiting.pop() {
            return Some(job);
        }
        if queue.is_closed {
            return None;
        }
        queue = shared.work.wait(queue).unwrap_or_else(PoisonError::into_inner);
    }
}
