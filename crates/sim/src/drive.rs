//! The task of one vehicle: lets time pass, runs the vehicle's errands on its transport, keeps its memory on disk.
//!
//! Not a scheduler: a vehicle sleeps for [`TICK`] between steps, whatever its traffic. Invariants: the uplink's memory is written
//! before what it remembers is sent; one call is under way at a time. Cost: a wake-up a tick and what the frames of a tick cost.

use crate::attack::AttackKind;
use crate::keep::Keep;
use crate::ledger::Ledger;
use crate::transport::{Answer, Call, Standing, Transport};
use crate::vehicle::{Errand, Vehicle, VehicleTally};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use yagura_link::{Notice, ReportId};
use yagura_model::{DeviceId, Micros};

/// From one step of a vehicle to the next.
pub const TICK: Duration = Duration::from_millis(100);
/// How long a vehicle that is told to stop tries to get its last reports out.
pub const FAREWELL_MAX: Duration = Duration::from_secs(3);

/// Something that whoever runs the fleet may want to tell people.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Happening {
    /// A vehicle has its certificate.
    Enrolled(DeviceId),
    /// A vehicle cannot start; it tries again.
    Waiting {
        /// Which.
        device: DeviceId,
        /// Why.
        reason: String,
    },
    /// Somebody attacks a vehicle.
    AttackBegins {
        /// Which.
        device: DeviceId,
        /// How.
        kind: AttackKind,
    },
    /// The attack is over.
    AttackEnds {
        /// Which.
        device: DeviceId,
        /// How it was attacked.
        kind: AttackKind,
    },
    /// A vehicle reaches the gate (again).
    Connected(DeviceId),
    /// A vehicle does not reach the gate; it keeps its reports and tries again.
    Disconnected {
        /// Which.
        device: DeviceId,
        /// Why.
        reason: String,
    },
    /// Something about a vehicle's chain of reports, other than an acknowledgement.
    Link {
        /// Which.
        device: DeviceId,
        /// What.
        notice: Notice,
    },
    /// A vehicle's memory could not be written: after a crash it will have to ask the cloud where it stands.
    NotKept {
        /// Which.
        device: DeviceId,
        /// Why.
        reason: String,
    },
}

/// What surrounds a vehicle's task.
#[derive(Clone)]
pub struct Surroundings {
    /// Whose task it is.
    pub device: DeviceId,
    /// Where its memory is kept, if it shall outlive the process.
    pub keep: Option<Arc<Keep>>,
    /// Where receipts are noted.
    pub ledger: Option<Arc<Ledger>>,
    /// Where it tells what happens; full means that nobody listens fast enough, and it is not told.
    pub happenings: mpsc::Sender<Happening>,
    /// Where its tally stands, once a tick.
    pub tally: Arc<Mutex<VehicleTally>>,
}

/// Lives until `stop` becomes true or its sender is gone, then says farewell. Gives the final tally.
pub async fn drive<'p>(
    vehicle: Vehicle<'p>,
    transport: Arc<dyn Transport>,
    surroundings: Surroundings,
    mut stop: watch::Receiver<bool>,
) -> VehicleTally {
    let start = Instant::now();
    let mut task = Task { vehicle, transport, surroundings, start, call: None, is_connected: None, attacked: None };
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => break,
            outcome = under_way(&mut task.call) => task.handle(outcome),
            _ = ticks.tick() => task.step(),
        }
        task.begin_errand();
    }
    let now = task.now();
    task.vehicle.finish(now);
    // What does not get out in time waits for the next run.
    let _ = timeout(FAREWELL_MAX, task.farewell()).await;
    task.keep();
    task.publish();
    task.vehicle.tally()
}

/// The answer to an errand.
enum Outcome {
    Resume(Standing),
    Report(ReportId, Answer),
}

enum Under {
    Resume(Call<Standing>),
    Report(ReportId, Call<Answer>),
}

/// Waits for the call under way; for ever if there is none.
async fn under_way(call: &mut Option<Under>) -> Outcome {
    let outcome = match call {
        None => std::future::pending().await,
        Some(Under::Resume(call)) => Outcome::Resume(call.await),
        Some(Under::Report(id, call)) => Outcome::Report(*id, call.await),
    };
    *call = None;
    outcome
}

struct Task<'p> {
    vehicle: Vehicle<'p>,
    transport: Arc<dyn Transport>,
    surroundings: Surroundings,
    start: Instant,
    call: Option<Under>,
    is_connected: Option<bool>,
    attacked: Option<AttackKind>,
}

impl Task<'_> {
    fn now(&self) -> Micros {
        Micros(u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    fn step(&mut self) {
        let now = self.now();
        self.vehicle.advance(now);
        let attack = self.vehicle.bus().attack().filter(|attack| attack.start <= now && now < attack.end);
        let attacked = attack.map(|attack| attack.kind);
        if attacked != self.attacked {
            let device = self.surroundings.device;
            if let Some(kind) = self.attacked {
                self.tell(Happening::AttackEnds { device, kind });
            }
            if let Some(kind) = attacked {
                self.tell(Happening::AttackBegins { device, kind });
            }
            self.attacked = attacked;
        }
        self.publish();
    }

    fn begin_errand(&mut self) {
        if self.call.is_some() {
            return;
        }
        self.keep();
        let now = self.now();
        let unix = self.vehicle.unix(now).0;
        self.call = self.vehicle.errand(now).map(|errand| match errand {
            Errand::Resume => Under::Resume(self.transport.resume()),
            Errand::Report { id, bytes } => Under::Report(id, self.transport.send(bytes, unix)),
        });
    }

    fn handle(&mut self, outcome: Outcome) {
        let now = self.now();
        match outcome {
            Outcome::Resume(Standing::At(resume)) => {
                self.connected();
                let notice = self.vehicle.handle_resume(now, resume);
                self.notice(notice);
            }
            Outcome::Report(_, Answer::Receipt(bytes)) => {
                self.connected();
                let Some((receipt, notice)) = self.vehicle.handle_receipt(now, &bytes) else { return };
                match (notice, &self.surroundings.ledger) {
                    (Notice::Acknowledged(_), Some(ledger)) => ledger.note(&receipt),
                    (Notice::Acknowledged(_), None) => {}
                    (other, _) => self.notice(Some(other)),
                }
            }
            Outcome::Report(id, Answer::Refused(_)) => {
                self.connected();
                let notice = self.vehicle.handle_refusal(id);
                self.notice(notice);
            }
            Outcome::Resume(Standing::Busy { retry_after_micros })
            | Outcome::Report(_, Answer::Busy { retry_after_micros }) => {
                self.vehicle.handle_busy(now, retry_after_micros);
            }
            Outcome::Resume(Standing::Lost(reason)) | Outcome::Report(_, Answer::Lost(reason)) => {
                if self.is_connected != Some(false) {
                    self.is_connected = Some(false);
                    self.tell(Happening::Disconnected { device: self.surroundings.device, reason });
                }
                self.vehicle.handle_disconnect(now);
            }
        }
    }

    fn connected(&mut self) {
        if self.is_connected != Some(true) {
            self.is_connected = Some(true);
            self.tell(Happening::Connected(self.surroundings.device));
        }
    }

    fn notice(&self, notice: Option<Notice>) {
        if let Some(notice) = notice {
            self.tell(Happening::Link { device: self.surroundings.device, notice });
        }
    }

    async fn farewell(&mut self) {
        loop {
            self.begin_errand();
            if self.call.is_none() {
                return;
            }
            let outcome = under_way(&mut self.call).await;
            self.handle(outcome);
        }
    }

    /// Blocks for the time of a small write and rename: tens of µs, which a simulation can afford.
    fn keep(&mut self) {
        let Some(memory) = self.vehicle.take_unsaved() else { return };
        let Some(keep) = &self.surroundings.keep else { return };
        if let Err(error) = keep.write_uplink(&memory) {
            self.tell(Happening::NotKept { device: self.surroundings.device, reason: error.to_string() });
        }
    }

    fn publish(&self) {
        *self.surroundings.tally.lock().unwrap_or_else(PoisonError::into_inner) = self.vehicle.tally();
    }

    fn tell(&self, happening: Happening) {
        // Happenings are for people; a full queue means there are more than people read.
        let _ = self.surroundings.happenings.try_send(happening);
    }
}
