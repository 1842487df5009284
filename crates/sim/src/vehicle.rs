//! One simulated vehicle without its network: bus, sensor and uplink, moved by time as an argument.
//!
//! Not a task (that is `drive`). Invariants: time only goes forward; everything that was sealed is in the uplink's memory before
//! it is offered for sending ([`Vehicle::take_unsaved`]). Cost: that of its frames.

use crate::bus::Bus;
use crate::sensor::{Sensor, SensorTally};
use ed25519_dalek::{SigningKey, VerifyingKey};
use yagura_link::{Clock, Notice, Receipt, ReportId, ReportWriter, SealError, Transmit, Uplink};
use yagura_model::{Micros, UnixMicros};

/// What a vehicle's network must do next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Errand {
    /// Ask where the device stands.
    Resume,
    /// Send this report.
    Report {
        /// Which it is.
        id: ReportId,
        /// Its bytes.
        bytes: Vec<u8>,
    },
}

/// What a vehicle has done so far.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct VehicleTally {
    /// Its sensor.
    pub sensor: SensorTally,
    /// Frames that attackers forged or changed.
    pub forged: u64,
    /// Reports sealed.
    pub sealed: u64,
    /// Reports acknowledged.
    pub acknowledged: u64,
    /// Reports refused for good.
    pub refused: u64,
    /// Receipts that did not verify.
    pub bad_receipts: u64,
    /// Reports that wait for a receipt.
    pub waiting: u64,
}

/// A vehicle.
#[derive(Debug)]
pub struct Vehicle<'p> {
    bus: Bus,
    sensor: Sensor<'p>,
    uplink: Uplink,
    writer: ReportWriter,
    key: SigningKey,
    receipt_key: VerifyingKey,
    clock: Clock,
    is_unsaved: bool,
    tally: VehicleTally,
}

/// Who a vehicle is to the cloud.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Signs its reports.
    pub key: SigningKey,
    /// Verifies its receipts.
    pub receipt_key: VerifyingKey,
}

impl<'p> Vehicle<'p> {
    /// A vehicle that starts at time 0, which is `boot_at` on the wall.
    #[must_use]
    pub fn new(bus: Bus, sensor: Sensor<'p>, uplink: Uplink, who: Credentials, boot_at: UnixMicros) -> Self {
        Self {
            bus,
            sensor,
            uplink,
            writer: ReportWriter::new(),
            key: who.key,
            receipt_key: who.receipt_key,
            clock: Clock { boot_at, uncertainty: 1_000 },
            is_unsaved: true,
            tally: VehicleTally::default(),
        }
    }

    /// What it has done so far.
    #[must_use]
    pub fn tally(&self) -> VehicleTally {
        let waiting = u64::try_from(self.uplink.waiting()).unwrap_or(u64::MAX);
        VehicleTally { sensor: self.sensor.tally(), waiting, ..self.tally }
    }

    /// Its bus.
    #[must_use]
    pub const fn bus(&self) -> &Bus {
        &self.bus
    }

    /// Its sensor.
    pub const fn sensor_mut(&mut self) -> &mut Sensor<'p> {
        &mut self.sensor
    }

    /// Its wall clock at its time `now`.
    #[must_use]
    pub fn unix(&self, now: Micros) -> UnixMicros {
        self.clock.unix(now)
    }

    /// Lives until `now`: judges every frame up to then and seals a report if one is due.
    pub fn advance(&mut self, now: Micros) {
        while self.bus.next_time() <= now {
            let Some(on_bus) = self.bus.next() else { break };
            self.tally.forged += u64::from(on_bus.is_forged);
            self.sensor.handle_frame(&on_bus.frame);
        }
        self.sensor.handle_timeout(now);
        self.uplink.handle_timeout(now);
        if self.sensor.is_due(now) {
            self.report(now);
        }
    }

    /// The end: what is still counted or waiting goes into last reports.
    pub fn finish(&mut self, now: Micros) {
        self.sensor.finish(now);
        self.report(now);
    }

    fn report(&mut self, now: Micros) {
        loop {
            let is_complete = match self.sensor.write(now, &self.clock, &mut self.writer) {
                Ok(is_complete) => is_complete,
                // The entry is lost and counted; go on with the next one.
                Err(_) => continue,
            };
            self.uplink.record_losses(self.sensor.take_losses());
            match self.uplink.seal(&mut self.writer, self.clock, now, &self.key) {
                Ok(_) => {
                    self.tally.sealed += 1;
                    self.is_unsaved = true;
                }
                // The entries stay in the writer, or are declared as lost by the uplink itself.
                Err(SealError::AwaitsResume | SealError::Write(_)) => return,
                Err(_) => {}
            }
            if is_complete {
                return;
            }
        }
    }

    /// The uplink's memory, if something was sealed or settled since this was asked last. Make it durable before the next errand.
    pub fn take_unsaved(&mut self) -> Option<Vec<u8>> {
        std::mem::take(&mut self.is_unsaved).then(|| self.uplink.save())
    }

    /// What to do on the network now, if anything.
    pub fn errand(&mut self, now: Micros) -> Option<Errand> {
        Some(match self.uplink.poll_transmit(now)? {
            Transmit::Resume => Errand::Resume,
            Transmit::Report { id, bytes } => Errand::Report { id, bytes: bytes.to_vec() },
        })
    }

    /// An answer to a report. Gives the receipt if it verifies and settles the report.
    pub fn handle_receipt(&mut self, now: Micros, bytes: &[u8]) -> Option<(Receipt, Notice)> {
        let Ok(receipt) = Receipt::open(bytes, &self.receipt_key) else {
            self.tally.bad_receipts += 1;
            self.uplink.handle_disconnect(now);
            return None;
        };
        let notice = self.uplink.handle_receipt(&receipt)?;
        if matches!(notice, Notice::Acknowledged(_)) {
            self.tally.acknowledged += 1;
        }
        self.is_unsaved = true;
        Some((receipt, notice))
    }

    /// The gate refused a report for good.
    pub fn handle_refusal(&mut self, id: ReportId) -> Option<Notice> {
        self.tally.refused += 1;
        self.is_unsaved = true;
        self.uplink.handle_refusal(id)
    }

    /// The gate said where the device stands.
    pub fn handle_resume(&mut self, now: Micros, resume: Option<yagura_link::Resume>) -> Option<Notice> {
        self.is_unsaved = true;
        let notice = self.uplink.handle_resume(resume);
        if self.sensor.is_due(now) || !self.writer.is_empty() {
            self.report(now);
        }
        notice
    }

    /// The gate is busy.
    pub fn handle_busy(&mut self, now: Micros, retry_after_micros: u64) {
        self.uplink.handle_busy(now, retry_after_micros);
    }

    /// The connection is gone.
    pub fn handle_disconnect(&mut self, now: Micros) {
        self.uplink.handle_disconnect(now);
    }

    /// Reports that wait for a receipt.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.uplink.waiting()
    }
}
