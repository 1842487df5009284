//! Learns J1939 networks: which buses are J1939, who speaks there, how often they ask, with which NAME they claim.
//!
//! Not a decoder of parameters. A bus is J1939 if nearly all its identifiers have 29 bits in the form of SAE J1939-21 and
//! several of the parameter groups that every heavy vehicle sends are among them. What the detector would have told of
//! training traffic is muted, source by source. Cost: 100 bytes a frame of the network's own protocols, at most [`KEPT_MAX`].

use std::collections::{BTreeMap, BTreeSet};
use yagura_ids::{
    BusClock, BusRow, Class, Contents, IdRow, J1939, NETWORKS_MAX, Profile, ProfileError, SOURCES_MAX, SourceRow,
    encode, encoded_len,
};
use yagura_model::{BusId, CanId, Frame, FrameKind};

/// Frames of requests, transport and claims that are kept; later ones teach nothing.
const KEPT_MAX: usize = 200_000;
/// Parameter groups that heavy vehicles send (SAE J1939-71 and -73): retarder, brakes, transmission, engine, dash, speed,
/// hours, fuel, temperatures, pressures, faults.
const COMMON: [u32; 20] = [
    0xF000, 0xF001, 0xF002, 0xF003, 0xF004, 0xF005, 0xFEBF, 0xFEC1, 0xFECA, 0xFEDF, 0xFEE0, 0xFEE5, 0xFEE9, 0xFEEE,
    0xFEEF, 0xFEF1, 0xFEF2, 0xFEF5, 0xFEF6, 0xFEF7,
];
/// So many of [`COMMON`] make a network of J1939: other vehicles with 29 bits have none or one by chance.
const COMMON_MIN: usize = 3;

/// Frames of the protocols of J1939, where they might be such.
#[derive(Default)]
pub(crate) struct J1939Traffic {
    clock: BusClock,
    kept: Vec<(u64, Frame)>,
}

/// The parameter group and the source address of an identifier.
const fn parts(id: CanId) -> Option<(u32, u8)> {
    let CanId::Extended(id) = id else { return None };
    let [high, format, specific, source] = id.raw().to_be_bytes();
    let group = (high as u32 & 3) << 16 | (format as u32) << 8;
    Some((if format < 0xF0 { group } else { group | specific as u32 }, source))
}

fn is_protocol(id: CanId) -> bool {
    parts(id).is_some_and(|(group, _)| matches!(group, 0xE800 | 0xEA00 | 0xEB00 | 0xEC00 | 0xEE00))
}

/// The identifiers, as indexes, that carry the protocols of a J1939 network instead of parameters.
pub(crate) fn transports(ids: &[IdRow], sources: &[SourceRow]) -> BTreeSet<u16> {
    let bus = |row: &SourceRow| ids.get(usize::from(row.owner)).map(|id| id.bus);
    let networks: BTreeSet<BusId> = sources.iter().filter_map(bus).collect();
    let carries = |id: &IdRow| networks.contains(&id.bus) && is_protocol(id.id);
    (0_u16..).zip(ids).filter(|(_, id)| carries(id)).map(|(owner, _)| owner).collect()
}

impl J1939Traffic {
    /// Takes up a frame of the training traffic.
    pub(crate) fn take(&mut self, frame: &Frame) {
        self.clock.advance(frame.time, 0);
        if matches!(frame.kind, FrameKind::Data) && is_protocol(frame.id) && self.kept.len() < KEPT_MAX {
            self.kept.push((self.clock.steady(), *frame));
        }
    }

    /// The rows of all sources, by owner.
    pub(crate) fn rows(self, buses: &[BusRow], ids: &[IdRow]) -> Result<Vec<SourceRow>, ProfileError> {
        let mut rows = Vec::new();
        let networks = buses.iter().map(|row| row.bus).filter(|bus| is_j1939(*bus, ids)).take(NETWORKS_MAX);
        for bus in networks {
            let sources = self.sources(bus, ids);
            // A network of which not all nodes fit is not judged: it would be full of strangers.
            if sources.len().saturating_add(rows.len()) <= SOURCES_MAX {
                rows.extend(sources);
            }
        }
        rows.sort_by_key(|row| (row.owner, row.address));
        self.mute(buses, ids, &mut rows)?;
        Ok(rows)
    }

    fn sources(&self, bus: BusId, ids: &[IdRow]) -> Vec<SourceRow> {
        let mut rows: BTreeMap<u8, SourceRow> = BTreeMap::new();
        for (owner, id) in (0_u16..).zip(ids).filter(|(_, id)| id.bus == bus && id.frames > 0) {
            let Some((_, address)) = parts(id.id) else { continue };
            let row = rows.entry(address).or_insert(SourceRow {
                owner,
                address,
                muted: 0,
                period: 0,
                requests: 0,
                name: None,
            });
            if id.class == Class::Periodic && (row.period == 0 || id.period < row.period) {
                row.period = id.period;
            }
        }
        let mut asked: BTreeMap<u8, Vec<u64>> = BTreeMap::new();
        for (now, frame) in self.kept.iter().filter(|(_, frame)| frame.bus == bus) {
            let Some((group, address)) = parts(frame.id) else { continue };
            if group == 0xEA00 {
                asked.entry(address).or_default().push(*now);
            }
            let Some(row) = rows.get_mut(&address).filter(|_| group == 0xEE00) else { continue };
            row.name = <[u8; 8]>::try_from(frame.payload.as_slice()).ok().map(u64::from_le_bytes);
        }
        for (address, times) in asked {
            rows.get_mut(&address).into_iter().for_each(|row| row.requests = most_in_a_second(&times));
        }
        rows.into_values().collect()
    }

    /// Keeps silent what the detector would have told.
    fn mute(&self, buses: &[BusRow], ids: &[IdRow], rows: &mut [SourceRow]) -> Result<(), ProfileError> {
        let mut muted: BTreeSet<(BusId, u8, u8)> = BTreeSet::new();
        let contents = Contents { buses, ids, sources: rows, ..Contents::default() };
        let mut bytes = vec![0; encoded_len(&contents)];
        encode(&contents, &mut bytes)?;
        let profile = Profile::parse(&bytes)?;
        let Some(mut network) = J1939::of(&profile) else { return Ok(()) };
        for (now, frame) in &self.kept {
            let bus = profile.bus_index(frame.bus);
            let Some(judged) = bus.and_then(|bus| network.take(bus, frame, *now)) else { continue };
            if let Some((note, (_, address))) = judged.note.zip(parts(frame.id)) {
                muted.insert((frame.bus, address, note.mute()));
            }
        }
        for row in rows {
            let Some(bus) = ids.get(usize::from(row.owner)).map(|id| id.bus) else { continue };
            let of = |(on, address, _): &&(BusId, u8, u8)| *on == bus && *address == row.address;
            row.muted = muted.iter().filter(of).fold(0, |bits, (_, _, bit)| bits | bit) & 7;
        }
        Ok(())
    }
}

/// Whether the identifiers of a bus are those of J1939.
fn is_j1939(bus: BusId, ids: &[IdRow]) -> bool {
    let seen = || ids.iter().filter(|id| id.bus == bus && id.frames > 0);
    let frames: u64 = seen().map(|id| u64::from(id.frames)).sum();
    let reserved = |id: &CanId| id.raw() & 0x0200_0000 != 0;
    let formed = seen().filter(|id| matches!(id.id, CanId::Extended(_)) && !reserved(&id.id));
    let formed: u64 = formed.map(|id| u64::from(id.frames)).sum();
    let groups: BTreeSet<u32> = seen().filter_map(|id| parts(id.id)).map(|(group, _)| group).collect();
    let common = COMMON.iter().filter(|group| groups.contains(group)).count();
    formed.saturating_mul(10) >= frames.saturating_mul(9) && common >= COMMON_MIN
}

fn most_in_a_second(times: &[u64]) -> u16 {
    let mut start = 0_usize;
    let mut most = 0_usize;
    for (index, time) in times.iter().enumerate() {
        while times.get(start).is_some_and(|first| first.saturating_add(1_000_000) <= *time) {
            start = start.saturating_add(1);
        }
        most = most.max(index.saturating_sub(start).saturating_add(1));
    }
    u16::try_from(most).unwrap_or(u16::MAX)
}
