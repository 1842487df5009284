//! How many frames a second a sender may send.
//!
//! Not fairness between senders beyond their own limits. A window is a second of the monotonic clock; what is above is the caller's to
//! count. Invariant: at most [`PEERS_MAX`] addresses are watched; further ones share one window, so a flood from forged addresses is
//! bounded too. Cost: one look-up a frame.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;
use tokio::time::Instant;

/// Addresses that are watched at the same time.
pub(super) const PEERS_MAX: usize = 65_536;
const WINDOW: Duration = Duration::from_secs(1);

/// The windows of all peers.
#[derive(Debug)]
pub(super) struct Rates {
    peers: HashMap<IpAddr, u32>,
    others: u32,
    all: u32,
    all_max: u32,
    began: Instant,
}

impl Rates {
    pub(super) fn new(all_max: u32) -> Self {
        Self { peers: HashMap::new(), others: 0, all: 0, all_max, began: Instant::now() }
    }

    /// Whether one more frame of this peer is within its rate and within that of all.
    pub(super) fn admits(&mut self, peer: IpAddr, max: u32) -> bool {
        if self.began.elapsed() >= WINDOW {
            self.peers.clear();
            (self.others, self.all, self.began) = (0, 0, Instant::now());
        }
        self.all = self.all.saturating_add(1);
        let watched = self.peers.len() < PEERS_MAX || self.peers.contains_key(&peer);
        let count = if watched { self.peers.entry(peer).or_default() } else { &mut self.others };
        *count = count.saturating_add(1);
        *count <= max && self.all <= self.all_max
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;
    use tokio::time::advance;

    #[tokio::test(start_paused = true)]
    async fn a_loud_sender_is_held_and_the_others_are_not() {
        let mut rates = Rates::new(100);
        let (loud, calm) = (IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)));
        assert_eq!((0..20).filter(|_| rates.admits(loud, 5)).count(), 5);
        assert!(rates.admits(calm, 5));
        advance(WINDOW).await;
        assert!(rates.admits(loud, 5));
    }

    #[tokio::test(start_paused = true)]
    async fn forged_addresses_together_are_bounded() {
        let mut rates = Rates::new(1_000);
        let forged = (0..200_000_u32).filter(|n| rates.admits(IpAddr::V4(Ipv4Addr::from(*n)), 5)).count();
        assert_eq!((forged, rates.peers.len()), (1_000, PEERS_MAX));
    }
}
