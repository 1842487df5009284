//! Who may connect: by address before TLS, by device after it.
//!
//! Not who may report (that is asked per request). Addresses are shared by honest vehicles behind one NAT, so an address is shut
//! out only while its failures outnumber its good handshakes by far: each device that shows a valid certificate takes one failure
//! back. Invariants: an address has at most [`HALF_OPEN_PER_ADDRESS_MAX`] unfinished handshakes, a device at most
//! [`CONNECTIONS_PER_DEVICE_MAX`] connections, strangers together at most [`STRANGERS_MAX`]. Cost: ~100 bytes an offender,
//! a handshake under way and a connected device.

use super::counters::Counted;
use super::penalty::{Patience, PenaltyBox};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use yagura_model::DeviceId;

/// Unfinished handshakes of one address.
pub const HALF_OPEN_PER_ADDRESS_MAX: u32 = 512;
/// Connections of one device.
pub const CONNECTIONS_PER_DEVICE_MAX: u32 = 8;
/// Connections without a device certificate, of all addresses together.
pub const STRANGERS_MAX: u32 = 4096;
/// Failures of one address, above its good handshakes, that are forgiven.
pub const ADDRESS_STRIKES_MAX: u32 = 256;
/// The longest time an address is shut out.
pub const ADDRESS_PENALTY_MAX: Duration = Duration::from_secs(60);
const ADDRESS_PATIENCE: Patience = Patience {
    strikes: ADDRESS_STRIKES_MAX,
    forgiven: Duration::from_millis(250),
    first: Duration::from_secs(1),
    longest: ADDRESS_PENALTY_MAX,
};

/// The door. Cheap to clone.
#[derive(Clone)]
pub(super) struct Door(Arc<Shared>);

struct Shared {
    start: Instant,
    inner: Mutex<Inner>,
}

struct Inner {
    penalty: PenaltyBox<IpAddr>,
    half_open: HashMap<IpAddr, u32>,
    devices: HashMap<DeviceId, u32>,
    strangers: u32,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Door {
    pub(super) fn new() -> Self {
        let penalty = PenaltyBox::new(ADDRESS_PATIENCE);
        let inner = Inner { penalty, half_open: HashMap::new(), devices: HashMap::new(), strangers: 0 };
        Self(Arc::new(Shared { start: Instant::now(), inner: Mutex::new(inner) }))
    }

    /// A connection arrives; its handshake may begin while the guard lives. The error says as what it is turned away.
    pub(super) fn arrive(&self, address: IpAddr) -> Result<Arrival, Counted> {
        let address = network(address);
        let mut inner = self.0.lock();
        if inner.penalty.remaining(&address, self.0.start.elapsed()).is_some() {
            return Err(Counted::AddressPenalised);
        }
        let half_open = inner.half_open.entry(address).or_default();
        if *half_open >= HALF_OPEN_PER_ADDRESS_MAX {
            return Err(Counted::HalfOpenRefused);
        }
        *half_open = half_open.saturating_add(1);
        drop(inner);
        Ok(Arrival { door: self.clone(), address })
    }

    /// Something came from `address` that costs and leads to nothing: a failed handshake, a guessed token.
    pub(super) fn strike(&self, address: IpAddr) {
        let now = self.0.start.elapsed();
        let _ = self.0.lock().penalty.strike(network(address), now);
    }
}

/// A connection whose handshake is under way.
pub(super) struct Arrival {
    door: Door,
    address: IpAddr,
}

impl Arrival {
    /// The handshake is done; `device` is who showed a certificate. The connection may go on while the guard lives.
    pub(super) fn settle(self, device: Option<DeviceId>) -> Result<Seat, Counted> {
        let mut inner = self.door.0.lock();
        let (count, max, refused) = match device {
            Some(device) => {
                inner.penalty.pardon(&self.address);
                (inner.devices.entry(device).or_default(), CONNECTIONS_PER_DEVICE_MAX, Counted::DeviceConnectionRefused)
            }
            None => (&mut inner.strangers, STRANGERS_MAX, Counted::StrangerRefused),
        };
        if *count >= max {
            return Err(refused);
        }
        *count = count.saturating_add(1);
        drop(inner);
        Ok(Seat { door: self.door.clone(), device })
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        leave(&mut self.door.0.lock().half_open, self.address);
    }
}

/// A connection whose handshake is done.
pub(super) struct Seat {
    door: Door,
    device: Option<DeviceId>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut inner = self.door.0.lock();
        match self.device {
            Some(device) => leave(&mut inner.devices, device),
            None => inner.strangers = inner.strangers.saturating_sub(1),
        }
    }
}

fn leave<K: Eq + std::hash::Hash>(counts: &mut HashMap<K, u32>, who: K) {
    if let Some(count) = counts.get_mut(&who) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(&who);
        }
    }
}

/// What belongs to one subscriber: an IPv4 address, or the first 64 bits of an IPv6 address.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(four) => IpAddr::V4(four),
        IpAddr::V6(six) => {
            let [a, b, c, d, ..] = six.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_subscriber_is_an_ipv4_address_or_half_an_ipv6_address() {
        assert_eq!(network(address("::ffff:192.0.2.7")), address("192.0.2.7"));
        assert_eq!(network(address("2001:db8:1:2:3:4:5:6")), address("2001:db8:1:2::"));
    }

    #[test]
    fn an_address_that_only_fails_is_shut_out_and_its_neighbours_are_not() {
        let (door, bad) = (Door::new(), address("192.0.2.1"));
        for _ in 0..=ADDRESS_STRIKES_MAX + 5 {
            door.strike(bad);
        }
        assert_eq!(door.arrive(bad).err(), Some(Counted::AddressPenalised));
        assert!(door.arrive(address("192.0.2.2")).is_ok());
    }

    #[test]
    fn an_address_with_as_many_good_handshakes_as_bad_ones_stays_welcome() {
        let (door, nat) = (Door::new(), address("192.0.2.1"));
        let device: DeviceId = "acme/kona-1/cgw".parse().unwrap();
        for _ in 0..ADDRESS_STRIKES_MAX * 4 {
            door.strike(nat);
            drop(door.arrive(nat).unwrap().settle(Some(device)).unwrap());
        }
        assert!(door.arrive(nat).is_ok());
    }

    #[test]
    fn handshakes_connections_of_a_device_and_strangers_are_limited_and_given_back() {
        let (door, one) = (Door::new(), address("192.0.2.1"));
        let half_open: Vec<_> = (0..HALF_OPEN_PER_ADDRESS_MAX).map(|_| door.arrive(one).unwrap()).collect();
        assert_eq!(door.arrive(one).err(), Some(Counted::HalfOpenRefused));
        drop(half_open);
        let device: DeviceId = "acme/kona-1/cgw".parse().unwrap();
        let settle = |device| door.arrive(one).unwrap().settle(device);
        let seats: Vec<_> = (0..CONNECTIONS_PER_DEVICE_MAX).map(|_| settle(Some(device)).ok().unwrap()).collect();
        assert_eq!(settle(Some(device)).err(), Some(Counted::DeviceConnectionRefused));
        let strangers: Vec<_> = (0..STRANGERS_MAX).map(|_| settle(None).ok().unwrap()).collect();
        assert_eq!(settle(None).err(), Some(Counted::StrangerRefused));
        drop((seats, strangers));
        let inner = door.0.lock();
        assert!(inner.half_open.is_empty() && inner.devices.is_empty() && inner.strangers == 0);
    }
}
