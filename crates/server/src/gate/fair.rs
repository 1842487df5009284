//! A queue that serves tenants in turn, and within a tenant its devices in turn: whoever sends more waits for itself.
//!
//! Not a priority queue and no clock. Invariants: never more than [`WAITING_MAX`] items wait, never more than
//! [`WAITING_PER_DEVICE_MAX`] of one device, and the fewer places are left the fewer of one device, down to one: so many busy devices
//! cannot take the last places from those that have nothing waiting; between two turns of a device that has something waiting, every other device of its
//! tenant gets at most one. Cost: O(1) a push and a pop, a map entry a device that waits.

use std::collections::{HashMap, VecDeque};
use yagura_model::{DeviceId, Name};

/// Items that wait at the same time.
pub const WAITING_MAX: usize = 8192;
/// Items of one device that wait at the same time: as many as a device may have under way by the protocol.
pub const WAITING_PER_DEVICE_MAX: usize = 16;

/// Of the places that are left, a device may take one in so many.
const SHARE: usize = WAITING_MAX / WAITING_PER_DEVICE_MAX;

/// Why there is no place in the queue.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum NoPlace {
    /// The device has its share waiting already.
    Device,
    /// All places are taken.
    Full,
}

#[derive(Debug)]
struct Lane<T> {
    turns: VecDeque<DeviceId>,
    waiting: HashMap<DeviceId, VecDeque<T>>,
}

/// What waits, by tenant and device.
#[derive(Debug)]
pub(super) struct FairQueue<T> {
    turns: VecDeque<Name>,
    lanes: HashMap<Name, Lane<T>>,
    len: usize,
}

impl<T> Default for FairQueue<T> {
    fn default() -> Self {
        Self { turns: VecDeque::new(), lanes: HashMap::new(), len: 0 }
    }
}

impl<T> FairQueue<T> {
    /// Takes an item of `device`.
    pub(super) fn push(&mut self, device: DeviceId, item: T) -> Result<(), NoPlace> {
        if self.len >= WAITING_MAX {
            return Err(NoPlace::Full);
        }
        let share = WAITING_MAX.saturating_sub(self.len).div_ceil(SHARE).clamp(1, WAITING_PER_DEVICE_MAX);
        let lane = self.lanes.entry(device.tenant).or_insert_with(|| {
            self.turns.push_back(device.tenant);
            Lane { turns: VecDeque::new(), waiting: HashMap::new() }
        });
        let waiting = lane.waiting.entry(device).or_insert_with(|| {
            lane.turns.push_back(device);
            VecDeque::new()
        });
        if waiting.len() >= share {
            return Err(NoPlace::Device);
        }
        waiting.push_back(item);
        self.len = self.len.saturating_add(1);
        Ok(())
    }

    /// The item whose turn it is.
    pub(super) fn pop(&mut self) -> Option<T> {
        let tenant = self.turns.pop_front()?;
        let lane = self.lanes.get_mut(&tenant)?;
        let device = lane.turns.pop_front()?;
        let waiting = lane.waiting.get_mut(&device)?;
        let item = waiting.pop_front();
        if waiting.is_empty() {
            lane.waiting.remove(&device);
        } else {
            lane.turns.push_back(device);
        }
        if lane.turns.is_empty() {
            self.lanes.remove(&tenant);
        } else {
            self.turns.push_back(tenant);
        }
        self.len = self.len.saturating_sub(1);
        item
    }

    /// How many wait.
    #[cfg(test)]
    pub(super) const fn len(&self) -> usize {
        self.len
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn device(tenant: u8, vehicle: u8) -> DeviceId {
        format!("t{tenant}/v{vehicle}/cgw").parse().unwrap()
    }

    #[test]
    fn a_device_that_floods_delays_others_by_one_turn() {
        let mut queue = FairQueue::default();
        for nth in 0..WAITING_PER_DEVICE_MAX {
            queue.push(device(0, 0), (0, nth)).unwrap();
        }
        assert_eq!(queue.push(device(0, 0), (0, 99)), Err(NoPlace::Device));
        queue.push(device(0, 1), (1, 0)).unwrap();
        queue.push(device(1, 2), (2, 0)).unwrap();
        let first: Vec<_> = (0..4).map(|_| queue.pop().unwrap().0).collect();
        assert_eq!(first, [0, 2, 1, 0]);
    }

    #[test]
    fn many_busy_devices_leave_a_place_for_one_that_has_nothing_waiting() {
        let mut queue = FairQueue::default();
        for vehicle in 0..900 {
            let device: DeviceId = format!("t/v{vehicle}/cgw").parse().unwrap();
            while queue.push(device, ()).is_ok() {}
        }
        assert!(queue.len() < WAITING_MAX, "{}", queue.len());
        queue.push(device(0, 0), ()).unwrap();
    }

    proptest! {
        #[test]
        fn everything_comes_out_once_in_its_devices_order(
            steps in proptest::collection::vec((any::<bool>(), 0..3_u8, 0..4_u8), 0..400),
        ) {
            let (mut queue, mut model) = (FairQueue::default(), HashMap::<DeviceId, VecDeque<usize>>::new());
            let take = |queue: &mut FairQueue<(DeviceId, usize)>, model: &mut HashMap<DeviceId, VecDeque<usize>>| {
                let popped = queue.pop();
                if let Some((device, nth)) = popped {
                    assert_eq!(model.get_mut(&device).unwrap().pop_front(), Some(nth));
                }
                popped.is_some()
            };
            for (nth, (push, tenant, vehicle)) in steps.into_iter().enumerate() {
                let device = device(tenant, vehicle);
                if push && queue.push(device, (device, nth)).is_ok() {
                    model.entry(device).or_default().push_back(nth);
                } else {
                    take(&mut queue, &mut model);
                }
                prop_assert_eq!(queue.len(), model.values().map(VecDeque::len).sum::<usize>());
            }
            while take(&mut queue, &mut model) {}
            prop_assert!(model.values().all(VecDeque::is_empty));
            prop_assert!(queue.lanes.is_empty() && queue.turns.is_empty() && queue.len() == 0);
        }
    }
}
