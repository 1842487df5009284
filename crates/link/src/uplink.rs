//! The vehicle's end: a bounded spool of sealed reports, sent in order until each has its receipt.
//!
//! Not a transport: whoever drives it sends what [`Uplink::poll_transmit`] gives and tells what came back. Not a clock: sensor
//! time is an argument. Rules: [`Uplink::save`] is durable before anything sealed after it is sent; the oldest reports stay when
//! the spool is full, so an attacker cannot flood out the first evidence; each boot first asks where it stands; a new boot's
//! reports wait until those of older boots are settled. Invariants: in flight ≤ [`WINDOW_MAX`]; what is lost is in the next header. Cost: O(window) a call, O(spool) a timeout.

use crate::chain::Resume;
use crate::digest::Digest;
use crate::header::{Clock, Losses};
use crate::limits::WINDOW_MAX;
use crate::receipt::Receipt;
use crate::writer::{Place, ReportWriter, WriteError};
use ed25519_dalek::SigningKey;
use std::collections::VecDeque;
use thiserror::Error;
use yagura_model::{DeviceId, Micros};

mod saved;

pub use saved::RestoreError;

/// How the spool and its retries behave. All times in µs of sensor time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Settings {
    /// Bytes of reports that may wait; the report that reaches it still fits, the next is not sealed and counts as lost.
    pub spool_bytes_max: usize,
    /// Reports that may wait.
    pub spool_reports_max: usize,
    /// How long an answer may take before the report is sent again.
    pub answer_micros_max: u64,
    /// The first pause after a failure; it doubles with each further one.
    pub retry_micros_min: u64,
    /// The longest pause.
    pub retry_micros_max: u64,
}

impl Default for Settings {
    /// 8 MiB or 4,096 reports; answers within 10 s; pauses from 0.5 s to 5 min.
    fn default() -> Self {
        Self {
            spool_bytes_max: 8 << 20,
            spool_reports_max: 4_096,
            answer_micros_max: 10_000_000,
            retry_micros_min: 500_000,
            retry_micros_max: 300_000_000,
        }
    }
}

/// Which report of a device.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ReportId {
    /// Of which boot.
    pub boot: u64,
    /// Which of that boot.
    pub sequence: u64,
}

/// What to send next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Transmit<'a> {
    /// Ask where this device stands, and tell [`Uplink::handle_resume`].
    Resume,
    /// Send this report.
    Report {
        /// Which it is.
        id: ReportId,
        /// Its bytes.
        bytes: &'a [u8],
    },
}

/// Why nothing was sealed.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum SealError {
    /// This device does not know where its chain stands. Send [`Transmit::Resume`] first; the entries are kept.
    #[error("not known yet where the chain stands")]
    AwaitsResume,
    /// The spool is full. The entries are gone and declared as lost in the next header.
    #[error("spool is full at {bytes} bytes, {reports} reports")]
    SpoolFull {
        /// Bytes that wait.
        bytes: usize,
        /// Reports that wait.
        reports: usize,
        /// What was lost.
        lost: Losses,
    },
    /// The body could not be written; the entries are kept.
    #[error("report could not be written")]
    Write(#[source] WriteError),
}

/// Something the owner of the uplink should log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Notice {
    /// This report is durable in the cloud.
    Acknowledged(ReportId),
    /// The cloud stored other bytes than ours under this name: someone speaks as us, or our memory was turned back.
    Conflict(ReportId),
    /// The cloud refused this report for good; its content is lost and will be declared.
    Refused(ReportId),
    /// The cloud knows later reports of ours than we do: our memory was turned back. We go on after them.
    MemoryLost {
        /// The cloud's last.
        cloud: ReportId,
    },
    /// The cloud no longer has reports that it acknowledged.
    CloudForgot {
        /// Our last acknowledged.
        acknowledged: ReportId,
        /// The cloud's last.
        cloud: Option<ReportId>,
    },
}

/// How far a report in the spool is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    /// To be sent.
    Waiting,
    /// On its way; the answer is overdue at this time.
    InFlight(Micros),
    /// Durable in the cloud, but an older report is not: its digest stays, its bytes are gone.
    Acknowledged,
}

#[derive(Clone, Debug, Eq, PartialEq)]
struct Spooled {
    id: ReportId,
    digest: Digest,
    bytes: Vec<u8>,
    /// What is lost with it.
    holds: Losses,
    stage: Stage,
}

impl Spooled {
    /// Takes it back from its way, if it is on it and `is_lost` says so of the time when its answer is overdue.
    fn take_back(&mut self, is_lost: impl FnOnce(Micros) -> bool) -> bool {
        let lost = matches!(self.stage, Stage::InFlight(overdue) if is_lost(overdue));
        if lost {
            self.stage = Stage::Waiting;
        }
        lost
    }
}

/// The vehicle's end.
#[derive(Clone, Debug)]
pub struct Uplink {
    device: DeviceId,
    settings: Settings,
    boot: u64,
    next_sequence: u64,
    /// The last sealed report, of whichever boot.
    sealed: Option<ReportId>,
    /// Digest of the report that the next one follows.
    head: Digest,
    /// The latest acknowledged report.
    acknowledged: Option<ReportId>,
    /// Not declared in a header yet.
    losses: Losses,
    spool: VecDeque<Spooled>,
    spool_bytes: usize,
    /// Whether the chain's place is known: from a memory, or from the cloud. Until then nothing is sealed.
    knows_place: bool,
    /// Whether to ask the cloud where this device stands before anything else is sent.
    asks_resume: bool,
    resume_overdue: Option<Micros>,
    failures: u32,
    quiet_until: Micros,
}

impl Uplink {
    /// A device without memory: new, or its storage was wiped. It asks the cloud where it stands before it seals anything.
    #[must_use]
    pub fn new(device: DeviceId, settings: Settings) -> Self {
        Self {
            device,
            settings,
            boot: 1,
            next_sequence: 0,
            sealed: None,
            head: Digest::ZERO,
            acknowledged: None,
            losses: Losses::NONE,
            spool: VecDeque::new(),
            spool_bytes: 0,
            knows_place: false,
            asks_resume: true,
            resume_overdue: None,
            failures: 0,
            quiet_until: Micros::default(),
        }
    }

    /// Who this is.
    #[must_use]
    pub const fn device(&self) -> &DeviceId {
        &self.device
    }

    /// Which boot this is.
    #[must_use]
    pub const fn boot(&self) -> u64 {
        self.boot
    }

    /// Reports that wait for their receipt.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.spool.iter().filter(|spooled| spooled.stage != Stage::Acknowledged).count()
    }

    /// The latest acknowledged report.
    #[must_use]
    pub const fn acknowledged(&self) -> Option<ReportId> {
        self.acknowledged
    }

    /// Losses that happened outside: they go into the next header.
    pub fn record_losses(&mut self, losses: Losses) {
        self.losses = self.losses.plus(losses);
    }

    /// Seals what `writer` holds as the next report of the chain. An empty writer makes a sign of life.
    ///
    /// # Errors
    /// [`SealError`]: the chain's place is not known, the spool is full, or there is no memory.
    pub fn seal(
        &mut self,
        writer: &mut ReportWriter,
        clock: Clock,
        now: Micros,
        key: &SigningKey,
    ) -> Result<ReportId, SealError> {
        if !self.knows_place {
            return Err(SealError::AwaitsResume);
        }
        let (bytes, reports) = (self.spool_bytes, self.spool.len());
        if reports >= self.settings.spool_reports_max || bytes >= self.settings.spool_bytes_max {
            let lost = writer.discard();
            self.record_losses(lost);
            return Err(SealError::SpoolFull { bytes, reports, lost });
        }
        let id = ReportId { boot: self.boot, sequence: self.next_sequence };
        let oldest = self.spool.iter().find(|spooled| spooled.id.boot == id.boot);
        let place = Place {
            device: self.device,
            boot: id.boot,
            sequence: id.sequence,
            previous: self.head,
            losses: self.losses,
            oldest_held: oldest.map_or(id.sequence, |spooled| spooled.id.sequence),
        };
        let sealed = writer.seal(&place, clock, now, key).map_err(SealError::Write)?;
        self.next_sequence = id.sequence.saturating_add(1);
        self.sealed = Some(id);
        self.head = sealed.digest;
        // What this report declares is lost again if the report is.
        let holds = sealed.holds.plus(self.losses);
        self.losses = Losses::NONE;
        self.spool_bytes = self.spool_bytes.saturating_add(sealed.bytes.len());
        self.spool.push_back(Spooled { id, digest: sealed.digest, bytes: sealed.bytes, holds, stage: Stage::Waiting });
        Ok(id)
    }

    /// What to send now, if anything; call again until `None`. Whoever sends also reports the outcome.
    pub fn poll_transmit(&mut self, now: Micros) -> Option<Transmit<'_>> {
        if now < self.quiet_until {
            return None;
        }
        let overdue = now.plus(self.settings.answer_micros_max);
        if self.asks_resume {
            if self.resume_overdue.is_some() {
                return None;
            }
            self.resume_overdue = Some(overdue);
            return Some(Transmit::Resume);
        }
        let at = self.sendable()?;
        let spooled = self.spool.get_mut(at)?;
        spooled.stage = Stage::InFlight(overdue);
        Some(Transmit::Report { id: spooled.id, bytes: &spooled.bytes })
    }

    /// When to call [`Self::handle_timeout`] and [`Self::poll_transmit`] next; [`Micros::MAX`] if nothing waits.
    #[must_use]
    pub fn poll_timeout(&self) -> Micros {
        let has_work = if self.asks_resume { self.resume_overdue.is_none() } else { self.sendable().is_some() };
        let work = if has_work { self.quiet_until } else { Micros::MAX };
        let overdue = self.window().filter_map(|spooled| match spooled.stage {
            Stage::InFlight(overdue) => Some(overdue),
            Stage::Waiting | Stage::Acknowledged => None,
        });
        overdue.chain(self.resume_overdue).fold(work, Micros::min)
    }

    /// Answers that are overdue count as lost: what they were for is sent again after a pause.
    pub fn handle_timeout(&mut self, now: Micros) {
        let mut failed = self.resume_overdue.take_if(|overdue| *overdue <= now).is_some();
        for spooled in &mut self.spool {
            failed |= spooled.take_back(|overdue| overdue <= now);
        }
        if failed {
            self.pause(now);
        }
    }

    /// The connection is gone: nothing that is on the way will be answered.
    pub fn handle_disconnect(&mut self, now: Micros) {
        self.resume_overdue = None;
        for spooled in &mut self.spool {
            spooled.take_back(|_| true);
        }
        self.pause(now);
    }

    /// The cloud is busy (HTTP 429, 503): it asks for a pause of `retry_after_micros`, 0 if it does not say.
    pub fn handle_busy(&mut self, now: Micros, retry_after_micros: u64) {
        self.handle_disconnect(now);
        let asked = now.plus(retry_after_micros.min(self.settings.retry_micros_max));
        self.quiet_until = self.quiet_until.max(asked);
    }

    /// A receipt whose signature the caller has verified ([`Receipt::open`]). Receipts for what is settled are ignored.
    pub fn handle_receipt(&mut self, receipt: &Receipt) -> Option<Notice> {
        let id = ReportId { boot: receipt.boot, sequence: receipt.sequence };
        let spooled = self.spool.iter_mut().find(|spooled| spooled.id == id)?;
        if receipt.device != self.device || spooled.digest != receipt.report {
            return Some(Notice::Conflict(id));
        }
        if spooled.stage == Stage::Acknowledged {
            return None;
        }
        spooled.stage = Stage::Acknowledged;
        self.spool_bytes = self.spool_bytes.saturating_sub(core::mem::take(&mut spooled.bytes).len());
        self.drop_acknowledged();
        self.failures = 0;
        self.acknowledged = self.acknowledged.max(Some(id));
        Some(Notice::Acknowledged(id))
    }

    /// The cloud refuses a report for good (HTTP 400, 409, 413, 422). Its content is declared as lost; where the chain stands is
    /// asked anew. A refusal of a report that is not on its way is ignored.
    pub fn handle_refusal(&mut self, id: ReportId) -> Option<Notice> {
        let is_refused = |spooled: &Spooled| spooled.id == id && matches!(spooled.stage, Stage::InFlight(_));
        let at = self.spool.iter().position(is_refused)?;
        let refused = self.settle(at)?;
        self.record_losses(refused.holds);
        self.asks_resume = true;
        Some(Notice::Refused(id))
    }

    /// Where the cloud says that this device stands (`GET /v1/resume`); `None` if it never heard of it. An answer to no question
    /// is ignored.
    ///
    /// Settles only what the digest proves; everything else is sent again and answered by a receipt or a refusal.
    pub fn handle_resume(&mut self, resume: Option<Resume>) -> Option<Notice> {
        self.resume_overdue.take()?;
        self.asks_resume = false;
        self.knows_place = true;
        self.failures = 0;
        let cloud = resume.map(|resume| ReportId { boot: resume.boot, sequence: resume.sequence });
        if let Some(acknowledged) = self.acknowledged.filter(|acknowledged| has_forgotten(*acknowledged, cloud)) {
            return Some(Notice::CloudForgot { acknowledged, cloud });
        }
        let (resume, cloud) = resume.zip(cloud)?;
        if let Some(at) = self.spool.iter().position(|spooled| spooled.id == cloud) {
            if self.spool.get(at)?.digest != resume.digest {
                self.start_after(&resume);
                return Some(Notice::Conflict(cloud));
            }
            while self.spool.front().is_some_and(|spooled| spooled.id <= cloud) {
                self.settle(0);
            }
            self.acknowledged = self.acknowledged.max(Some(cloud));
            return Some(Notice::Acknowledged(cloud));
        }
        let ahead = Some(cloud) > self.sealed || (Some(cloud) == self.sealed && resume.digest != self.head);
        if ahead {
            self.start_after(&resume);
            return Some(Notice::MemoryLost { cloud });
        }
        None
    }

    /// The first report that may be sent now: within the window, of the oldest boot that is not settled.
    fn sendable(&self) -> Option<usize> {
        let oldest = self.spool.front()?.id;
        let end = oldest.sequence.saturating_add(WINDOW_MAX);
        let may_fly = |spooled: &Spooled| spooled.id.boot == oldest.boot && spooled.id.sequence < end;
        self.window().take_while(|spooled| may_fly(spooled)).position(|spooled| spooled.stage == Stage::Waiting)
    }

    /// The front of the spool, which everything in flight is in.
    fn window(&self) -> impl Iterator<Item = &Spooled> {
        self.spool.iter().take(usize::try_from(WINDOW_MAX).unwrap_or(usize::MAX))
    }

    /// Takes a report out of the spool.
    fn settle(&mut self, at: usize) -> Option<Spooled> {
        let spooled = self.spool.remove(at)?;
        self.spool_bytes = self.spool_bytes.saturating_sub(spooled.bytes.len());
        self.drop_acknowledged();
        Some(spooled)
    }

    /// The oldest report of the spool is one that waits: what is acknowledged before it has done its duty.
    fn drop_acknowledged(&mut self) {
        while self.spool.front().is_some_and(|spooled| spooled.stage == Stage::Acknowledged) {
            self.spool.pop_front();
        }
    }

    /// Goes on behind a report that the cloud has and we do not know: with a boot of its own.
    fn start_after(&mut self, resume: &Resume) {
        self.boot = self.boot.max(resume.boot.saturating_add(1));
        self.next_sequence = 0;
        self.head = resume.digest;
    }

    /// Stays quiet after a failure: twice as long each time, varied by up to a quarter so that a fleet does not return at once.
    fn pause(&mut self, now: Micros) {
        let doublings = self.failures.min(u64::BITS.saturating_sub(1));
        self.failures = self.failures.saturating_add(1);
        let grown = self.settings.retry_micros_min.saturating_mul(1_u64.checked_shl(doublings).unwrap_or(u64::MAX));
        let pause = grown.min(self.settings.retry_micros_max);
        let [varied, ..] = self.head.0;
        let spread = (pause / 1024).saturating_mul(u64::from(varied));
        self.quiet_until = now.plus(pause.saturating_add(spread));
    }
}

/// Whether the cloud's last is further back than reports still on their way to it can explain.
fn has_forgotten(acknowledged: ReportId, cloud: Option<ReportId>) -> bool {
    match cloud {
        Some(cloud) if cloud.boot > acknowledged.boot => false,
        Some(cloud) if cloud.boot == acknowledged.boot => {
            cloud.sequence.saturating_add(WINDOW_MAX) < acknowledged.sequence
        }
        Some(_) | None => acknowledged.sequence >= WINDOW_MAX,
    }
}

#[cfg(test)]
mod tests;
