//! The event catalogue: what each event id means, in words a person can act on.
//!
//! Data, not code: the built-in catalogue is `catalogue/events.toml`. Not the layout of context data (that is `model`).
//! Invariant: ids and symbols are unique and sorted by id; each text exists in English and Japanese. A crate of its own, so that
//! desk tools know the texts without Arrow (ADR-0019). Cost: one parse at start, a binary search a look-up.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation
    )
)]

use serde::Deserialize;
use thiserror::Error;
use yagura_model::{EventId, Severity};

/// The most events a catalogue may hold.
pub const CATALOGUE_EVENTS_MAX: usize = 4_096;

const BUILTIN: &str = include_str!("../../../catalogue/events.toml");

/// A text in the two languages of the product.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Text {
    /// English.
    pub en: String,
    /// Japanese.
    pub ja: String,
}

/// How the context data of an event is laid out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ContextLayout {
    /// [`yagura_model::CanContext`].
    Can,
    /// No context data, or none that is known here.
    None,
}

/// Which part of the system an event speaks of. Sigma's `logsource.service`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Service {
    /// A CAN bus of the vehicle.
    Can,
    /// The way between vehicle and cloud.
    Link,
    /// The sensor itself.
    Sensor,
}

/// One entry of the catalogue.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EventEntry {
    /// Its id on the wire.
    pub id: EventId,
    /// Its name in rules, columns and code.
    pub symbol: String,
    /// What it speaks of.
    pub service: Service,
    /// How bad one such event may be on its own.
    pub severity: Severity,
    /// Layout of its context data.
    pub context: ContextLayout,
    /// MITRE ATT&CK for ICS technique ids.
    pub techniques: Vec<String>,
    /// Rows of UN R155 Annex 5, table A1.
    pub threats: Vec<String>,
    /// What `expected` counts; empty if it is not used.
    pub expected_unit: String,
    /// What `observed` counts; empty if it is not used.
    pub observed_unit: String,
    /// One line.
    pub title: Text,
    /// What it means.
    pub meaning: Text,
    /// What a person does about it.
    pub what_to_do: Text,
}

/// All known events, sorted by id.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Catalogue {
    entries: Vec<EventEntry>,
}

/// Why a text is not a catalogue.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CatalogueError {
    /// It is not the TOML we expect.
    #[error("catalogue is not readable: {0}")]
    Format(#[from] toml::de::Error),
    /// Two events share an id or a symbol.
    #[error("event {id} ({symbol}) is in the catalogue twice")]
    Duplicate {
        /// The id that came second.
        id: EventId,
        /// Its symbol.
        symbol: String,
    },
    /// Too many events.
    #[error("catalogue of {len} events exceeds the maximum {CATALOGUE_EVENTS_MAX}")]
    TooManyEvents {
        /// How many there are.
        len: usize,
    },
}

impl Catalogue {
    /// The catalogue that ships with the product.
    #[must_use]
    pub fn builtin() -> Self {
        // A test parses the same text, so the empty catalogue never leaves this function.
        Self::parse(BUILTIN).unwrap_or(Self { entries: Vec::new() })
    }

    /// A catalogue from its TOML text.
    ///
    /// # Errors
    /// [`CatalogueError`] naming what is wrong.
    pub fn parse(text: &str) -> Result<Self, CatalogueError> {
        let raw: RawCatalogue = toml::from_str(text)?;
        if raw.event.len() > CATALOGUE_EVENTS_MAX {
            return Err(CatalogueError::TooManyEvents { len: raw.event.len() });
        }
        let mut entries: Vec<EventEntry> = Vec::with_capacity(raw.event.len());
        for event in raw.event {
            let entry = EventEntry::from(event);
            if entries.iter().any(|e| e.id == entry.id || e.symbol == entry.symbol) {
                return Err(CatalogueError::Duplicate { id: entry.id, symbol: entry.symbol });
            }
            entries.push(entry);
        }
        entries.sort_by_key(|e| e.id);
        Ok(Self { entries })
    }

    /// The entry of an id.
    #[must_use]
    pub fn get(&self, id: EventId) -> Option<&EventEntry> {
        self.position(id).and_then(|at| self.nth(at))
    }

    /// Where the entry of an id stands, for [`Self::nth`].
    #[must_use]
    pub fn position(&self, id: EventId) -> Option<usize> {
        self.entries.binary_search_by_key(&id, |e| e.id).ok()
    }

    /// The entry at a position.
    #[must_use]
    pub fn nth(&self, index: usize) -> Option<&EventEntry> {
        self.entries.get(index)
    }

    /// The entry of a symbol.
    #[must_use]
    pub fn by_symbol(&self, symbol: &str) -> Option<&EventEntry> {
        self.entries.iter().find(|e| e.symbol == symbol)
    }

    /// All entries, by id.
    pub fn iter(&self) -> impl Iterator<Item = &EventEntry> {
        self.entries.iter()
    }
}

/// A severity as OCSF numbers it: 1 informational … 5 critical.
#[must_use]
pub const fn severity_id(severity: Severity) -> i32 {
    match severity {
        Severity::Informational => 1,
        Severity::Low => 2,
        Severity::Medium => 3,
        Severity::High => 4,
        Severity::Critical => 5,
    }
}

/// The inverse of [`severity_id`].
#[must_use]
pub const fn severity_from_id(id: i32) -> Option<Severity> {
    match id {
        1 => Some(Severity::Informational),
        2 => Some(Severity::Low),
        3 => Some(Severity::Medium),
        4 => Some(Severity::High),
        5 => Some(Severity::Critical),
        _ => None,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCatalogue {
    event: Vec<RawEvent>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEvent {
    id: u16,
    symbol: String,
    service: RawService,
    severity: RawSeverity,
    context: RawContext,
    techniques: Vec<String>,
    threats: Vec<String>,
    expected_unit: String,
    observed_unit: String,
    en: RawTexts,
    ja: RawTexts,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTexts {
    title: String,
    meaning: String,
    what_to_do: String,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawService {
    Can,
    Link,
    Sensor,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawContext {
    Can,
    None,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawSeverity {
    Informational,
    Low,
    Medium,
    High,
    Critical,
}

impl From<RawEvent> for EventEntry {
    fn from(raw: RawEvent) -> Self {
        Self {
            id: EventId(raw.id),
            symbol: raw.symbol,
            service: match raw.service {
                RawService::Can => Service::Can,
                RawService::Link => Service::Link,
                RawService::Sensor => Service::Sensor,
            },
            severity: match raw.severity {
                RawSeverity::Informational => Severity::Informational,
                RawSeverity::Low => Severity::Low,
                RawSeverity::Medium => Severity::Medium,
                RawSeverity::High => Severity::High,
                RawSeverity::Critical => Severity::Critical,
            },
            context: match raw.context {
                RawContext::Can => ContextLayout::Can,
                RawContext::None => ContextLayout::None,
            },
            techniques: raw.techniques,
            threats: raw.threats,
            expected_unit: raw.expected_unit,
            observed_unit: raw.observed_unit,
            title: Text { en: raw.en.title, ja: raw.ja.title },
            meaning: Text { en: raw.en.meaning, ja: raw.ja.meaning },
            what_to_do: Text { en: raw.en.what_to_do, ja: raw.ja.what_to_do },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_builtin_catalogue_knows_every_event_in_both_languages() {
        let catalogue = Catalogue::parse(BUILTIN).expect("the shipped catalogue parses");
        assert_eq!(catalogue.iter().count(), 32);
        let ids = (0x8001..=0x800D).chain(0x8101..=0x8104).chain(0x8201..=0x8204).chain(0x9001..=0x900B);
        for id in ids {
            let entry = catalogue.get(EventId(id)).expect("each id of the contract is there");
            for text in [&entry.title, &entry.meaning, &entry.what_to_do] {
                assert!(!text.en.is_empty() && !text.ja.is_ascii(), "{}", entry.symbol);
            }
            assert_eq!(catalogue.by_symbol(&entry.symbol), Some(entry));
        }
        assert_eq!(catalogue, Catalogue::builtin());
    }

    #[test]
    fn an_event_that_is_there_twice_is_refused() {
        let twice = format!("{BUILTIN}\n{}", BUILTIN.replace("0x8001", "0x8F01"));
        assert!(matches!(Catalogue::parse(&twice), Err(CatalogueError::Duplicate { .. })));
    }

    #[test]
    fn severities_keep_their_ocsf_numbers() {
        for id in 1..=5 {
            assert_eq!(severity_from_id(id).map(severity_id), Some(id));
        }
        assert_eq!(severity_from_id(6), None);
    }
}
