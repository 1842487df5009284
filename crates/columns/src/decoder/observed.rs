//! Rows for what observers other than our own sensors say: log lines of back ends, IDS messages of foreign sensors.
//!
//! Not the reading of lines or the check of signatures (that is `sources`). Invariant: such a row says in its columns who observed it and
//! whether anybody vouches for it. Cost: ~0.3 µs a row; a vehicle's bucket is remembered.

use super::{Decoder, DecoderError, Origin, context_columns, signed};
use crate::rows::{ContextColumns, EventRow, ObservedColumns};
use crate::schema::{bucket_of_text, partition_date};
use std::collections::HashMap;
use yagura_catalogue::{ContextLayout, severity_id};
use yagura_idsm::Message;
use yagura_model::{DeviceId, Severity, UnixMicros};

/// The most vehicles whose bucket is remembered.
const BUCKETS_MAX: usize = 1 << 16;

/// Buckets of vehicles that came before.
#[derive(Debug, Default)]
pub(super) struct Buckets {
    known: HashMap<String, i32>,
    name: String,
}

impl Buckets {
    fn of(&mut self, tenant: &str, vehicle: &str) -> i32 {
        self.name.clear();
        self.name.push_str(tenant);
        self.name.push('/');
        self.name.push_str(vehicle);
        if let Some(bucket) = self.known.get(&self.name) {
            return *bucket;
        }
        if self.known.len() >= BUCKETS_MAX {
            self.known.clear();
        }
        let bucket = bucket_of_text(tenant, vehicle);
        self.known.insert(self.name.clone(), bucket);
        bucket
    }
}

/// What a line of a log says.
#[derive(Clone, Copy, Debug)]
pub struct ObservedRow<'a> {
    /// Its record in the vault.
    pub position: u64,
    /// Which line of that record, from 0.
    pub entry_index: u32,
    /// When it was received.
    pub received: UnixMicros,
    /// When it happened.
    pub time: UnixMicros,
    /// Whose.
    pub tenant: &'a str,
    /// Which vehicle it is about; empty if none.
    pub vehicle: &'a str,
    /// Which part of the source observed it.
    pub sensor: &'a str,
    /// Name of the event.
    pub event_name: &'a str,
    /// How bad.
    pub severity: Severity,
    /// Who observed it, and what.
    pub observed: ObservedColumns<'a>,
}

/// What a message of a foreign sensor says.
#[derive(Clone, Copy, Debug)]
pub struct ForeignRow<'a> {
    /// Its record in the vault.
    pub position: u64,
    /// Which message of that record, from 0.
    pub entry_index: u32,
    /// When it was received; also the time of a message without one.
    pub received: UnixMicros,
    /// Whose.
    pub device: &'a DeviceId,
    /// The message.
    pub message: &'a Message<'a>,
    /// The source's name.
    pub source: &'a str,
    /// Whether its signature was verified.
    pub trusted: bool,
}

impl Decoder {
    /// Takes the row of a log line.
    ///
    /// # Errors
    /// [`DecoderError::Full`]
    pub fn push_observed(&mut self, row: &ObservedRow<'_>) -> Result<(), DecoderError> {
        self.check_room()?;
        let origin = Origin {
            received: row.received.0,
            bucket: self.buckets.of(row.tenant, row.vehicle),
            tenant: row.tenant,
            vehicle: row.vehicle,
            sensor: row.sensor,
            boot: 0,
            sequence: 0,
            position: signed(row.position),
        };
        let event = EventRow {
            time: row.time.0,
            date: partition_date(row.time, row.received),
            event_id: 0,
            event_name: Some(row.event_name),
            severity_id: severity_id(row.severity),
            count: 1,
            idsm_instance: 0,
            sensor_instance: 0,
            context: ContextColumns::default(),
            speed_kmh: None,
            gear: None,
            entry_index: i32::try_from(row.entry_index).unwrap_or(i32::MAX),
            observed: row.observed,
        };
        self.events.push(&event);
        self.events.end_report(&origin);
        Ok(())
    }

    /// Takes the row of a foreign sensor's message. `false` if its context could not be read as the catalogue says; the row has it as
    /// its payload then.
    ///
    /// # Errors
    /// [`DecoderError::Full`]
    pub fn push_foreign(&mut self, row: &ForeignRow<'_>) -> Result<bool, DecoderError> {
        self.check_room()?;
        let (tenant, vehicle) = (row.device.tenant.as_str(), row.device.vehicle.as_str());
        let origin = Origin {
            received: row.received.0,
            bucket: self.buckets.of(tenant, vehicle),
            tenant,
            vehicle,
            sensor: row.device.sensor.as_str(),
            boot: 0,
            sequence: 0,
            position: signed(row.position),
        };
        let message = row.message;
        let time = message.timestamp.and_then(|stamp| stamp.to_unix()).unwrap_or(row.received);
        let known = self.known(message.event);
        let (context, readable) = context_columns(known.map_or(ContextLayout::None, |k| k.context), message);
        let event = EventRow {
            time: time.0,
            date: partition_date(time, row.received),
            event_id: message.event.0,
            event_name: known.and_then(|k| self.catalogue.nth(k.index)).map(|e| e.symbol.as_str()),
            severity_id: known.map_or(severity_id(Severity::Low), |k| k.severity_id),
            count: i32::from(message.count),
            idsm_instance: i32::from(message.instance.raw()),
            sensor_instance: i32::from(message.sensor.raw()),
            context,
            speed_kmh: None,
            gear: None,
            entry_index: i32::try_from(row.entry_index).unwrap_or(i32::MAX),
            observed: ObservedColumns {
                product: Some("idsr"),
                source: Some(row.source),
                trusted: Some(row.trusted),
                ..ObservedColumns::default()
            },
        };
        self.events.push(&event);
        self.events.end_report(&origin);
        Ok(readable)
    }
}
