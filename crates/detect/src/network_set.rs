//! Addresses and networks, by the length of their prefix.
//!
//! Not a routing table: the longest prefix is found by asking each length that there is. Invariant: an IPv4 address is never in an IPv6
//! network. Cost: a hash look-up a length; 5 to 11 bytes an IPv4 network, 17 to 35 an IPv6 network.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use foldhash::fast::RandomState;
use hashbrown::HashSet;
use std::hash::Hash;

/// Networks by the length of their prefix, the longest first: first addresses as numbers.
type ByLength<A> = Vec<(u8, HashSet<A, RandomState>)>;

/// Addresses and networks.
#[derive(Default)]
pub(crate) struct NetworkSet {
    v4: ByLength<u32>,
    v6: ByLength<u128>,
}

impl NetworkSet {
    /// The networks that these texts are; the first that is none if there is one.
    pub(crate) fn of<'v>(values: impl Iterator<Item = &'v str>) -> Result<Self, String> {
        let mut all = Self::default();
        for value in values {
            match parse(value).ok_or_else(|| value.to_owned())? {
                (IpAddr::V4(address), length) => add(&mut all.v4, length, masked4(address, length)),
                (IpAddr::V6(address), length) => add(&mut all.v6, length, masked6(address, length)),
            }
        }
        all.v4.sort_by_key(|(length, _)| core::cmp::Reverse(*length));
        all.v6.sort_by_key(|(length, _)| core::cmp::Reverse(*length));
        Ok(all)
    }

    /// Whether the address in a text is in any network.
    pub(crate) fn holds(&self, text: &str) -> bool {
        self.longest(text).is_some()
    }

    /// The smallest network that the address in a text is in, as a text.
    pub(crate) fn find(&self, text: &str) -> Option<String> {
        let (network, length) = self.longest(text)?;
        let whole = if network.is_ipv4() { 32 } else { 128 };
        Some(if length == whole { network.to_string() } else { format!("{network}/{length}") })
    }

    fn longest(&self, text: &str) -> Option<(IpAddr, u8)> {
        let with_port = || text.parse().ok().map(|it: SocketAddr| it.ip());
        match text.parse().ok().or_else(with_port)? {
            IpAddr::V4(address) => self.v4.iter().find_map(|(length, networks)| {
                let network = masked4(address, *length);
                networks.contains(&network).then(|| (Ipv4Addr::from(network).into(), *length))
            }),
            IpAddr::V6(address) => self.v6.iter().find_map(|(length, networks)| {
                let network = masked6(address, *length);
                networks.contains(&network).then(|| (Ipv6Addr::from(network).into(), *length))
            }),
        }
    }

    /// The bytes that it holds.
    pub(crate) fn held_bytes(&self) -> usize {
        let v4 = self.v4.iter().map(|(_, networks)| networks.allocation_size());
        let v6 = self.v6.iter().map(|(_, networks)| networks.allocation_size());
        v4.chain(v6).fold(0, usize::saturating_add)
    }
}

fn add<A: Eq + Hash>(lengths: &mut ByLength<A>, length: u8, network: A) {
    match lengths.iter_mut().find(|(known, _)| *known == length) {
        Some((_, networks)) => drop(networks.insert(network)),
        None => lengths.push((length, HashSet::from_iter([network]))),
    }
}

/// An address, or a network: its first address and the length of its prefix.
pub(crate) fn parse(text: &str) -> Option<(IpAddr, u8)> {
    let (address, length) = text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
    let address: IpAddr = address.trim().parse().ok()?;
    let max = if address.is_ipv4() { 32 } else { 128 };
    let length: u8 = length.map_or(Some(max), |length| length.parse().ok())?;
    (length <= max).then_some((address, length))
}

fn masked4(address: Ipv4Addr, length: u8) -> u32 {
    let host = 32_u32.saturating_sub(length.into());
    u32::MAX.checked_shl(host).unwrap_or(0) & u32::from(address)
}

fn masked6(address: Ipv6Addr, length: u8) -> u128 {
    let host = 128_u32.saturating_sub(length.into());
    u128::MAX.checked_shl(host).unwrap_or(0) & u128::from(address)
}
