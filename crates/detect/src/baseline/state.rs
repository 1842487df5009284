//! The state of baselines as bytes, and back: the last part of a detection snapshot (docs/format/detect-snapshot.md).
//!
//! Invariants: equal histories give equal bytes; what is read is in order and known, or refused.

use super::engine::Baselines;
use super::group::{Group, Odd, Waiting, Waits};
use super::past::Mark;
use super::room::Room;
use crate::error::SnapshotError;
use crate::groups::{CorrelationLosses, GroupKey};
use crate::network::Held;
use crate::ruleset::RuleSet;
use crate::snapshot::{Reader, put_len, put_losses, put_text};

/// Of a group: it was not touched since the generation changed.
const OLD: u8 = 1;
/// Of a group: what most do not have follows.
const ODD: u8 = 2;
/// Of a group: events wait, and who it is follows.
const WAITS: u8 = 4;
const MARK_LEN: usize = 24;

/// The state of one baseline.
pub(crate) struct Stored {
    now: i64,
    lost: i64,
    losses: CorrelationLosses,
    groups: Vec<(GroupKey, Group)>,
}

impl Baselines {
    pub(crate) fn write(&self, set: &RuleSet, out: &mut Vec<u8>) {
        put_len(out, self.rooms.len());
        for room in &self.rooms {
            let Some(rule) = set.rules().get(room.rule) else { continue };
            put_text(out, &rule.id);
            out.extend_from_slice(&rule.digest);
            room.write(out);
        }
    }

    /// Takes over the state of a rule.
    pub(crate) fn resume(&mut self, place: usize, stored: Stored) {
        if let Some(room) = self.rooms.get_mut(place) {
            let Stored { now, lost, losses, groups } = stored;
            (room.now, room.lost, room.losses) = (now, lost, losses);
            room.groups = groups.into_iter().collect();
            room.recount();
        }
    }
}

impl Room {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.now.to_be_bytes());
        out.extend_from_slice(&self.lost.to_be_bytes());
        put_losses(out, &self.losses);
        put_len(out, self.groups.len());
        let mut groups: Vec<(&GroupKey, &Group)> = self.groups.iter().collect();
        groups.sort_unstable_by_key(|(key, _)| **key);
        for (key, group) in groups {
            out.extend_from_slice(&key.0);
            write_group(group, out);
        }
    }
}

fn write_group(group: &Group, out: &mut Vec<u8>) {
    let flag = |set: bool, flag: u8| if set { flag } else { 0 };
    out.push(flag(group.old, OLD) | flag(group.odd.is_some(), ODD) | flag(group.waiting.is_some(), WAITS));
    for time in [group.received, group.forgotten, group.start, group.before, group.end] {
        out.extend_from_slice(&time.to_be_bytes());
    }
    if let Some(odd) = &group.odd {
        let Odd { silent_until, named } = **odd;
        [silent_until, named].iter().for_each(|time| out.extend_from_slice(&time.to_be_bytes()));
    }
    put_len(out, group.marks.len());
    for mark in &group.marks {
        out.extend_from_slice(&mark.value.to_be_bytes());
        out.extend_from_slice(&mark.at.to_be_bytes());
        out.extend_from_slice(&mark.more.to_be_bytes());
    }
    let Some(waiting) = &group.waiting else { return };
    put_text(out, &waiting.who.tenant);
    put_len(out, waiting.who.values.len());
    waiting.who.values.iter().for_each(|value| put_text(out, value));
    put_len(out, waiting.events.len());
    for event in &waiting.events {
        out.extend_from_slice(&event.time.to_be_bytes());
        out.extend_from_slice(&event.value.to_be_bytes());
        out.extend_from_slice(&event.position.to_be_bytes());
        out.extend_from_slice(&event.entry_index.to_be_bytes());
        put_len(out, event.matched.len());
        for (field, value) in &event.matched {
            put_text(out, field);
            put_text(out, value);
        }
    }
}

impl Stored {
    /// Reads the state of one baseline.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, SnapshotError> {
        let (now, lost, losses) = (reader.long()?, reader.long()?, reader.losses()?);
        let mut groups: Vec<(GroupKey, Group)> = Vec::new();
        for _ in 0..reader.len()? {
            let damaged = reader.damaged();
            let key = GroupKey(reader.array()?);
            if groups.last().is_some_and(|(before, _)| *before >= key) {
                return Err(damaged);
            }
            groups.push((key, read_group(reader)?));
        }
        Ok(Self { now, lost, losses, groups })
    }
}

fn read_group(reader: &mut Reader<'_>) -> Result<Group, SnapshotError> {
    let damaged = reader.damaged();
    let [flags] = reader.array()?;
    if flags & !(OLD | ODD | WAITS) != 0 {
        return Err(damaged);
    }
    let mut group = Group::new(reader.long()?, reader.long()?);
    (group.start, group.before, group.end) = (reader.long()?, reader.long()?, reader.long()?);
    group.old = flags & OLD != 0;
    if flags & ODD != 0 {
        group.set_odd(Odd { silent_until: reader.long()?, named: reader.long()? });
    }
    let count = reader.len()?;
    group.marks.reserve_exact(count.min(reader.left().checked_div(MARK_LEN).unwrap_or(0)));
    for _ in 0..count {
        let damaged = reader.damaged();
        let mark = Mark { value: reader.count()?, at: reader.long()?, more: reader.long()? };
        if group.marks.last().is_some_and(|before| *before >= mark) {
            return Err(damaged);
        }
        group.marks.push(mark);
    }
    if flags & WAITS != 0 {
        group.waiting = Some(Box::new(read_waiting(reader, group.end)?));
    }
    Ok(group)
}

fn read_waiting(reader: &mut Reader<'_>, judged: i64) -> Result<Waiting, SnapshotError> {
    let tenant = reader.text()?.into();
    let values = (0..reader.len()?).map(|_| reader.text()).collect::<Result<_, _>>()?;
    let mut waiting = Waiting { who: Held { tenant, values }, events: Default::default() };
    for _ in 0..reader.len()? {
        let damaged = reader.damaged();
        let (time, value, position) = (reader.long()?, reader.count()?, reader.long()?);
        let entry_index = i32::from_be_bytes(reader.array()?);
        let pairs = 0..reader.len()?;
        let matched = pairs.map(|_| Ok((reader.text()?, reader.text()?))).collect::<Result<_, SnapshotError>>()?;
        if time <= judged || waiting.events.back().is_some_and(|before: &Waits| before.time > time) {
            return Err(damaged);
        }
        waiting.events.push_back(Waits { time, value, position, entry_index, matched });
    }
    if waiting.events.is_empty() { Err(reader.damaged()) } else { Ok(waiting) }
}
