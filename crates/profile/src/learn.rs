//! Learns a profile from clean traffic.
//!
//! Not supervised and not tuned per vehicle: there is no threshold to set, only limits. Several captures of one vehicle are
//! learned as one by chaining their frames; a step back of the clock or a pause between them is recognised as such.
//! Invariant: what [`learn`] returns has passed [`Profile::parse`].

use crate::behaviour::{bus_row, id_row, idle_cap};
use crate::diag::DiagTraffic;
use crate::fast_packet::FastPackets;
use crate::fields::{LearnedField, Samples};
use crate::integrity::{Payloads, Protection, find, rows};
use crate::j1939::{J1939Traffic, transports};
use crate::novelty::novelty;
use crate::observe::Traffic;
use crate::payload::PayloadModel;
use crate::spec::{Specification, SpecificationReport, Trial, add_protections};
use yagura_ids::{
    BusRow, Contents, FIELDS_ROOM, IDS_MAX, IdRow, Profile, ProfileError, RELATIONS_ROOM, SIGNALS_ROOM, Source, encode,
    encoded_len,
};
use yagura_model::{CanId, Frame};

/// Limits of learning.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Settings {
    /// The most identifiers; at most what the detector that will use the profile has room for.
    pub ids_max: usize,
    /// The most frames.
    pub frames_max: u64,
    /// The most fields that are judged.
    pub fields_max: usize,
    /// The most signals that are compared with others.
    pub signals_max: usize,
    /// The most relations between them.
    pub relations_max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ids_max: IDS_MAX,
            frames_max: 200_000_000,
            fields_max: FIELDS_ROOM,
            signals_max: SIGNALS_ROOM,
            relations_max: RELATIONS_ROOM,
        }
    }
}

/// Why nothing could be learned.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LearnError {
    /// The captures hold no frame.
    #[error("no frame to learn from")]
    NoFrames,
    /// More frames than the settings allow.
    #[error("more than {max} frames to learn from")]
    TooManyFrames {
        /// The limit.
        max: u64,
    },
    /// More identifiers than the settings allow: not clean traffic, or a small detector.
    #[error("more than {max} identifiers to learn")]
    TooManyIds {
        /// The limit.
        max: usize,
    },
    /// More buses than a profile holds.
    #[error("more than {max} buses to learn")]
    TooManyBuses {
        /// The limit.
        max: usize,
    },
    /// What was learned cannot be written.
    #[error("learned profile cannot be written")]
    Encode(#[from] ProfileError),
}

/// A learned profile.
#[derive(Clone, Debug, PartialEq)]
pub struct Learned {
    /// The buses, by number.
    pub buses: Vec<BusRow>,
    /// The identifiers, by bus and key.
    pub ids: Vec<IdRow>,
    /// How identifiers protect their data, by bus, key and length.
    pub protections: Vec<Protection>,
    /// What became of the specification.
    pub specification: SpecificationReport,
    /// The fields of the identifiers.
    pub fields: Vec<LearnedField>,
    bytes: Vec<u8>,
}

impl Learned {
    /// The profile as the bytes that a detector reads; see docs/format/profile.md.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.bytes.clone()
    }

    /// The profile.
    ///
    /// # Errors
    /// None in practice: the bytes were checked when they were made.
    pub fn profile(&self) -> Result<Profile<'_>, ProfileError> {
        Profile::parse(&self.bytes)
    }
}

/// Learns a profile from the frames of clean traffic, in the order in which they were received.
///
/// # Errors
/// [`LearnError`] if there is nothing to learn from, or more than a limit allows.
pub fn learn(frames: impl IntoIterator<Item = Frame>, settings: &Settings) -> Result<Learned, LearnError> {
    learn_with(frames, &Specification::default(), settings)
}

/// As [`learn`], with what the makers wrote of the vehicle's messages. What training traffic contradicts is not believed: see
/// [`Learned::specification`].
///
/// # Errors
/// As [`learn`].
pub fn learn_with(
    frames: impl IntoIterator<Item = Frame>,
    specification: &Specification,
    settings: &Settings,
) -> Result<Learned, LearnError> {
    let mut trial = Trial::new(specification);
    let frames = frames.into_iter().inspect(|frame| trial.take(frame));
    let mut diagnostics = DiagTraffic::default();
    let frames = frames.inspect(|frame| diagnostics.take(frame));
    let mut payloads = Payloads::default();
    let frames = frames.inspect(|frame| payloads.take(frame));
    let mut j1939 = J1939Traffic::default();
    let frames = frames.inspect(|frame| j1939.take(frame));
    let mut fast_packets = FastPackets::default();
    let frames = frames.inspect(|frame| fast_packets.take(frame));
    let mut samples = Samples::default();
    let frames = frames.inspect(|frame| samples.take(frame));
    let mut traffic = Traffic::read(frames, settings)?;
    payloads.complete();
    let mut buses = Vec::new();
    let mut ids = Vec::new();
    let mut micros = 0_u64;
    let mut late_ids = 0_u32;
    let late = traffic.frames.saturating_sub(traffic.frames / 3);
    for (bus, seen) in &mut traffic.buses {
        let idle_cap = idle_cap(&seen.gaps);
        let logger = seen.logger();
        let (traffic, busy) = seen.measure(idle_cap);
        buses.push(bus_row(*bus, &seen.gaps, idle_cap, novelty(&traffic, busy, logger)));
        micros = micros.max(busy);
        let new = traffic.iter().filter(|id| id.first >= late).count();
        late_ids = late_ids.saturating_add(u32::try_from(new).unwrap_or(u32::MAX));
        ids.extend(traffic.iter().map(|traffic| id_row(*bus, traffic, logger)));
    }
    // Owners of rows count the identifiers: this comes before all that makes rows.
    let no_room = trial.complete(&mut ids, settings.ids_max);
    let specified = trial.finish(&ids);
    let source = Source { frames: traffic.frames, micros, late_ids };
    let diagnostics = diagnostics.rows(&ids);
    let sources = j1939.rows(&buses, &ids)?;
    // A frame that carries a piece of a longer message has no fields, counters or checksums of its own.
    let mut pieces = transports(&ids, &sources);
    pieces.extend(diagnostics.iter().map(|row| row.owner));
    pieces.extend(fast_packets.owners(&ids));
    let protections = find(&payloads);
    let owner = |bus, id: CanId| {
        let wanted = IdRow::sort_key(bus, id.key());
        let owner = ids.binary_search_by_key(&wanted, |row| IdRow::sort_key(row.bus, row.id.key())).ok()?;
        u16::try_from(owner).ok().filter(|owner| !pieces.contains(owner))
    };
    let (mut checksums, mut counters) = rows(&protections, owner);
    add_protections(&specified.protections, &mut checksums, &mut counters);
    let payload = PayloadModel::of(samples, &owner, settings);
    let contents = Contents {
        source,
        buses: &buses,
        ids: &ids,
        checksums: &checksums,
        counters: &counters,
        diagnostics: &diagnostics,
        rules: &specified.rules,
        states: &specified.states,
        sources: &sources,
        fields: &payload.rows,
        signals: &payload.found.signals,
        relations: &payload.found.relations,
        constants: &payload.constants,
    };
    let mut bytes = vec![0; encoded_len(&contents)];
    encode(&contents, &mut bytes)?;
    let specification = SpecificationReport { no_room, ..specified.report };
    Ok(Learned { buses, ids, protections, specification, fields: payload.fields, bytes })
}
