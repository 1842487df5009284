//! What training says of payloads: fields, their rules and their relations.
//!
//! Not checksums and counters (`integrity` finds those). Invariant: at most as many rows as the detector has room for; rules that
//! alarm alone are kept before those that only hint.

use crate::fields::{LearnedField, Samples, fields_of};
use crate::learn::Settings;
use crate::relation::{Found, Room, relations};
use yagura_ids::{ConstantRow, FieldRow, Rules};
use yagura_model::{BusId, CanId};

/// Everything learned of payloads.
#[derive(Default)]
pub(crate) struct PayloadModel {
    pub(crate) fields: Vec<LearnedField>,
    pub(crate) rows: Vec<FieldRow>,
    pub(crate) constants: Vec<ConstantRow>,
    pub(crate) found: Found,
}

impl PayloadModel {
    /// Learns from `samples`; `owner` says where an identifier stands in the profile.
    pub(crate) fn of(samples: Samples, owner: &impl Fn(BusId, CanId) -> Option<u16>, settings: &Settings) -> Self {
        let (tracks, order, drives) = samples.into_tracks(owner);
        let mut model = Self::default();
        let mut sorted: Vec<_> = tracks.iter().filter(|track| track.owner != u16::MAX).collect();
        sorted.sort_by_key(|track| track.owner);
        for track in sorted {
            let (fields, constant) = fields_of(track);
            model.constants.extend(constant);
            model.rows.extend(fields.iter().filter_map(LearnedField::row));
            model.fields.extend(fields);
        }
        model.limit(settings.fields_max);
        let room = Room { signals: settings.signals_max, relations: settings.relations_max };
        model.found = relations(&tracks, &order, &drives, &model.fields, room);
        model
    }

    fn limit(&mut self, most: usize) {
        if self.rows.len() > most {
            self.rows.retain(|row| row.rules != Rules::RANGE);
            self.rows.truncate(most);
        }
    }
}
