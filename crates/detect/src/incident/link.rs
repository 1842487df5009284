//! What an alert shares with others: the keys by which incidents are put together.
//!
//! Not the grouping (that is `group`). Two alerts are linked if they have a key in common and lie at most a gap apart, by event time.
//! Only what an alert *groups by* makes keys: what its first event happened to hold would depend on which event came first.

use sha2::{Digest, Sha256};
use yagura_model::UnixMicros;

/// How far apart alerts of one story may be, in µs: 1 hour, the period of a plain rule's alert.
pub const STORY_GAP: i64 = crate::hit::ALERT_PERIOD;
/// How far apart alerts of one wave may be, in µs: 1 hour, as in the shipped rules over the fleet.
pub const WAVE_GAP: i64 = crate::hit::ALERT_PERIOD;
/// So many vehicles make a wave.
pub const WAVE_VEHICLES_MIN: u64 = 3;
/// A story of more different rules than this is never left to a wave.
const COVERED_RULES_MAX: usize = 2;

/// Fields that name somebody or something that acts; alerts that share one are about the same.
const ENTITIES: [&str; 4] = ["user", "src_ip", "session", "resource"];

/// What kind of incident.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    /// What happened to one vehicle, account, address or the like. Every alert belongs to exactly one.
    Story,
    /// The same alert on several vehicles. An alert belongs to at most one.
    Wave,
}

impl Kind {
    /// How far apart its alerts may be, in µs.
    #[must_use]
    pub const fn gap(self) -> i64 {
        match self {
            Self::Story => STORY_GAP,
            Self::Wave => WAVE_GAP,
        }
    }
}

/// What grouping needs to know of an alert.
#[derive(Clone, Copy, Debug)]
pub struct AlertFacts<'a> {
    /// Which rule raised it.
    pub rule: &'a str,
    /// The vehicle, if it is about one.
    pub vehicle: Option<&'a str>,
    /// What its events have in common: field and value.
    pub group: &'a [(String, String)],
    /// Time of its first event.
    pub first: UnixMicros,
    /// Time of its last event.
    pub last: UnixMicros,
}

/// Something that alerts share: the first half of a SHA-256 over what it is.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Key(pub [u8; 16]);

impl Key {
    fn of<'a>(parts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut hash = Sha256::new().chain_update(b"yagura incident key 1");
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let digest: [u8; 32] = hash.finalize().into();
        Self(*digest.first_chunk().unwrap_or(&[0; 16]))
    }
}

/// A key and when it was seen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Link {
    /// What is shared.
    pub key: Key,
    /// From.
    pub first: UnixMicros,
    /// To.
    pub last: UnixMicros,
}

/// The keys of an alert in incidents of a kind; without any it is in none.
///
/// In a story: its vehicle and whoever acts; without these, the same rule about the same. In a wave: the same rule with the same
/// values, but for the vehicle; an alert that is about no single vehicle is in no wave.
#[must_use]
pub fn links(kind: Kind, alert: &AlertFacts<'_>) -> Vec<Link> {
    let values = || alert.group.iter().filter(|(_, value)| !value.is_empty());
    let signature = |what| {
        let rest = values().filter(|(field, _)| field != crate::view::VEHICLE);
        let rest = rest.flat_map(|(field, value)| [field.as_str(), value.as_str()]);
        Key::of([what, alert.rule].into_iter().chain(rest))
    };
    let mut keys = Vec::new();
    match kind {
        Kind::Wave => keys.extend(alert.vehicle.map(|_| signature("wave"))),
        Kind::Story => {
            keys.extend(alert.vehicle.map(|vehicle| Key::of([crate::view::VEHICLE, vehicle])));
            let entities = values().filter(|(field, _)| ENTITIES.contains(&field.as_str()));
            keys.extend(entities.map(|(field, value)| Key::of([field.as_str(), value.as_str()])));
            if keys.is_empty() {
                keys.push(signature("rule"));
            }
        }
    }
    keys.into_iter()
        .map(|key| Link { key, first: alert.first.min(alert.last), last: alert.last.max(alert.first) })
        .collect()
}

/// Whether an incident stands in the list by itself. A wave does when it is one; a story does unless it is of a rule or two and
/// waves tell all of it.
#[must_use]
pub const fn is_listed(kind: Kind, vehicles: u64, rules: usize, outside_waves: u64) -> bool {
    match kind {
        Kind::Wave => vehicles >= WAVE_VEHICLES_MIN,
        Kind::Story => rules > COVERED_RULES_MAX || outside_waves > 0,
    }
}
