//! How devices behave: who is in the penalty box, who is over a quota, how many wait outside.
//!
//! Not a judgement of a report's content: it is told what was wrong. One lock for all of it, held for less than a microsecond.
//! Asked before anything of a request is read, so that whoever is turned away costs next to nothing.

use super::penalty::{Patience, PenaltyBox};
use super::pressure::Pressure;
use super::problem::Refusal;
use super::quota::{Meters, Quotas};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use yagura_model::DeviceId;

/// Bad reports of one device that are judged one after the other before it is not listened to for a while.
pub const DEVICE_STRIKES_MAX: u32 = 64;
/// Reports of one device that are under way at the same time, from the first byte to the receipt: the window of the protocol.
pub const UNDER_WAY_PER_DEVICE_MAX: usize = 16;
/// The longest time a device is not listened to.
pub const DEVICE_PENALTY_MAX: Duration = Duration::from_secs(300);
const DEVICE_PATIENCE: Patience = Patience {
    strikes: DEVICE_STRIKES_MAX,
    forgiven: Duration::from_secs(2),
    first: Duration::from_secs(1),
    longest: DEVICE_PENALTY_MAX,
};

/// The conduct of all devices.
#[derive(Debug)]
pub(super) struct Conduct {
    start: Instant,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    penalty: PenaltyBox<DeviceId>,
    meters: Meters,
    pressure: Pressure,
    under_way: HashMap<DeviceId, usize>,
}

/// A report that is under way.
pub(super) struct UnderWay {
    conduct: Arc<Conduct>,
    device: DeviceId,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let (mut inner, _) = self.conduct.lock();
        if let Some(count) = inner.under_way.get_mut(&self.device) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                inner.under_way.remove(&self.device);
            }
        }
    }
}

impl Conduct {
    pub(super) fn new(quotas: Quotas) -> Self {
        let inner = Inner {
            penalty: PenaltyBox::new(DEVICE_PATIENCE),
            meters: Meters::new(quotas),
            pressure: Pressure::default(),
            under_way: HashMap::new(),
        };
        Self { start: Instant::now(), inner: Mutex::new(inner) }
    }

    /// Lets a report of so many bytes in; it is under way while the guard lives.
    pub(super) fn admit(self: &Arc<Self>, device: DeviceId, bytes: u32) -> Result<UnderWay, Refusal> {
        let (mut inner, now) = self.lock();
        if let Some(left) = inner.penalty.remaining(&device, now) {
            return Err(Refusal::Penalised(left));
        }
        if inner.under_way.get(&device).is_some_and(|count| *count >= UNDER_WAY_PER_DEVICE_MAX) {
            return Err(Refusal::DeviceBusy(UNDER_WAY_PER_DEVICE_MAX));
        }
        inner.meters.report(&device, f64::from(bytes), now).map_err(Refusal::OverQuota)?;
        let count = inner.under_way.entry(device).or_default();
        *count = count.saturating_add(1);
        drop(inner);
        Ok(UnderWay { conduct: Arc::clone(self), device })
    }

    /// The device sent something that it should not have.
    pub(super) fn strike(&self, device: DeviceId) {
        let (mut inner, now) = self.lock();
        // The stay is told when the device asks again.
        let _ = inner.penalty.strike(device, now);
    }

    /// A report was opened: it has this many entries, and so many bytes more than were said.
    pub(super) fn opened(&self, device: &DeviceId, entries: u32, more_bytes: u32) {
        self.lock().0.meters.owe(device, entries, more_bytes);
    }

    /// A report was taken.
    pub(super) fn taken(&self) {
        let (mut inner, now) = self.lock();
        inner.pressure.taken(now);
    }

    /// A report was turned away for want of room; how many seconds its device should wait.
    pub(super) fn turned_away(&self) -> u64 {
        let (mut inner, now) = self.lock();
        inner.pressure.turned_away(now)
    }

    fn lock(&self) -> (MutexGuard<'_, Inner>, Duration) {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        // Read under the lock, so that time does not run backwards for those who share it.
        (inner, self.start.elapsed())
    }
}
