//! One batch of records at a time: put in order, decoded, judged by the rules.
//!
//! Not async and not the state: a [`Judge`] is a value that goes to a thread and comes back with a [`Verdict`]. Invariants: records
//! below the applied position bring the engine and the tail up to date and mean nothing else; the outcome depends on the records
//! alone, not on how they were cut. Cost: ~7 µs a report, ~0.7 µs an event; its signature was checked before (`prepare`).

use super::active::ActiveRules;
use super::costs::{Throttle, nanos};
use super::decode::{Content, DecodeFailed, Reports, push};
use super::meaning::Meaning;
use super::order::{self, Order, Turn};
use super::prepare::{Prepared, Verified};
use super::rise::{entry, rise, vehicle_at};
use super::rules::Rules;
use super::tail::Part;
use crate::happenings::{CorrelationsForgotten, RecordUnreadable, SnapshotRefused, emit};
use crate::place::position_of;
use crate::records::{Unopened, device_of};
use crate::state::{AlertRise, Delta, Unjudged};
use crate::tenant::Tenant;
use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Int32Type, Int64Type};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::time::Instant;
use yagura_columns::{Decoder, DecoderError};
use yagura_detect::{BatchError, Engine, EventRef, Hit, Limits, MatchRecord, RuleSet, Sampling};
use yagura_model::{DeviceId, Name, UnixMicros};
use yagura_store::{Record, RecordKind, VaultReader};

/// Whose record it is and when it came.
type Seen = (Owner, UnixMicros);

/// What became of a batch.
#[derive(Debug)]
pub(super) struct Verdict {
    /// What it means for the state.
    pub(super) delta: Delta,
    /// Its rows.
    pub(super) part: Part,
    /// What it means for correlations over the fleet, if others judge them.
    pub(super) matches: Vec<MatchRecord>,
}

/// Decodes and judges.
pub(super) struct Judge {
    pub(super) engine: Engine,
    stage: EngineStage,
    rules: Arc<Rules>,
    active: ActiveRules,
    pub(super) vault: VaultReader,
    partition: u16,
    /// Judges the order of reports where no intake did.
    order: Option<Order>,
    decoder: Decoder,
    reports: Reports,
    /// What the correlations had given up when this was last counted.
    given_up: u64,
    /// Which rules cost too much.
    throttle: Throttle,
}

/// Which engine judges.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum EngineStage {
    /// One that sees everything.
    Only,
    /// One that leaves correlations over the fleet to a second stage.
    First,
}

/// An engine with these rules that goes on from what was saved at a position.
fn engine(stage: EngineStage, set: RuleSet, saved: Option<(&[u8], u64)>) -> Engine {
    let mut engine = match stage {
        EngineStage::First => Engine::first_stage(set, Limits::default()),
        EngineStage::Only => Engine::new(set),
    };
    if let Some((snapshot, position)) = saved {
        match engine.restore(snapshot) {
            Ok(restored) if restored.forgotten.is_empty() => {}
            Ok(restored) => emit(&CorrelationsForgotten { rules: &restored.forgotten }),
            Err(error) => emit(&SnapshotRefused { cause: &error, position }),
        }
    }
    engine
}

/// Why a batch could not be judged.
#[derive(Debug, thiserror::Error)]
pub(super) enum JudgeError {
    #[error(transparent)]
    Decoder(#[from] DecoderError),
    #[error("the rules cannot read the events")]
    Events(#[from] BatchError),
}

impl Judge {
    /// A judge by the rules that are active, with the engine as it was saved at a position.
    pub(super) fn new(
        (stage, mut active, saved): (EngineStage, ActiveRules, Option<(&[u8], u64)>),
        vault: VaultReader,
        partition: u16,
        order: Option<Order>,
    ) -> Self {
        // What was active before this is not a change.
        let rules = active.renewed().unwrap_or_else(|| active.now());
        let throttle = Throttle::new(active.costs().clone(), partition);
        let engine = engine(stage, rules.set.clone(), saved);
        let given_up = given_up(&engine);
        let (decoder, reports) = (Decoder::new(), Reports::new());
        Self { engine, stage, rules, active, vault, partition, order, decoder, reports, given_up, throttle }
    }

    /// Judges consecutive records.
    pub(super) fn judge(&mut self, prepared: &Prepared) -> Result<Verdict, JudgeError> {
        self.take_up_rules();
        let Prepared { records, verified } = prepared;
        let next = records.last().map_or(0, |record| position_of(record.position.0) + 1);
        let mut meaning = Meaning::default();
        let mut devices = BTreeMap::new();
        if let Some(order) = &mut self.order {
            order.abort_batch();
        }
        for record in records.iter().filter(|record| record.kind != RecordKind::Custody) {
            let turn = self.order.as_ref().map_or(Turn::Take(None, Vec::new()), |order| order.turn(record));
            let anomalies = match turn {
                Turn::Leave(anomalies) => anomalies,
                Turn::Take(link, anomalies) => {
                    if !self.take(record, verified, &mut meaning, &mut devices) {
                        continue;
                    }
                    if let (Some(order), Some((header, digest))) = (&mut self.order, link) {
                        order.took(&header, digest, record.position.0);
                    }
                    anomalies
                }
            };
            for row in order::rows(record, &anomalies) {
                self.decoder.push_anomaly(&row)?;
            }
            for anomaly in anomalies {
                devices.insert(record.position.0, (Owner::of(&anomaly.device), record.received));
                meaning.take(record.position.0, record.received, &Content::Anomaly(Box::new(anomaly)));
            }
        }
        let batches = self.decoder.finish()?;
        self.engine.measure(nanos, if self.throttle.suspects() { Sampling::All } else { Sampling::Some });
        let hits = self.engine.process(&batches.events)?;
        let late = self.engine.take_late();
        self.count_given_up(&mut meaning, &devices);
        let mut delta = meaning.into_delta(next);
        if let Some(order) = &mut self.order {
            order.end_batch(&mut delta.chains, next);
        }
        delta.late = late;
        delta.hidden = self.engine.take_hidden();
        delta.unjudged = self.unjudged(&delta, &devices);
        if let Some(costs) = self.engine.take_costs() {
            self.throttle.weigh(&costs);
        }
        delta.alerts = hits.iter().filter_map(|hit| self.rise(hit, &devices, &batches.events)).collect();
        let part = Part { next, events: batches.events, states: batches.states, made: Instant::now() };
        Ok(Verdict { delta, part, matches: self.engine.take_matches() })
    }

    /// Judges by the newest rules from here on, without those that cost too much. Correlations whose rules detect what they did go on
    /// where they stand.
    fn take_up_rules(&mut self) {
        if let Some(rules) = self.active.renewed() {
            self.rules = rules;
            self.throttle.forget();
        }
        let Some(set) = self.throttle.changed(&self.rules.set) else { return };
        self.engine = engine(self.stage, set, Some((&self.engine.snapshot(), 0)));
        self.given_up = given_up(&self.engine);
    }

    /// What the rules that rest did not judge of a batch.
    fn unjudged(&self, delta: &Delta, devices: &Owners) -> Vec<Unjudged> {
        let mut tenants: BTreeMap<Tenant, (u64, (UnixMicros, UnixMicros))> = BTreeMap::new();
        for (owner, received) in devices.values() {
            let (_, (first, last)) = tenants.entry(owner.tenant).or_insert((0, (*received, *received)));
            (*first, *last) = ((*first).min(*received), (*last).max(*received));
        }
        for rate in &delta.rates {
            if let Some((events, _)) = tenants.get_mut(&rate.tenant) {
                *events = events.saturating_add(rate.events);
            }
        }
        let of = |(tenant, (events, received)): (&Tenant, &(u64, _))| {
            let (tenant, events, received) = (*tenant, *events, *received);
            let one = move |it: &super::costs::Paused| Unjudged {
                tenant,
                rule: it.rule.clone(),
                since: it.since,
                cause: it.cause.clone(),
                cost_ns: it.cost_ns,
                received,
                events,
            };
            self.throttle.resting().iter().map(one).collect::<Vec<_>>()
        };
        tenants.iter().filter(|(_, (events, _))| *events > 0).flat_map(of).collect()
    }

    /// Takes the rows of a record and what it means; whether it could be read.
    fn take(&mut self, record: &Record, verified: &Verified, meaning: &mut Meaning, devices: &mut Owners) -> bool {
        match self.push(record, verified) {
            Ok(content) => {
                let owner = Owner { tenant: content.tenant(), vehicle: content.device().map(|device| device.vehicle) };
                devices.insert(record.position.0, (owner, record.received));
                meaning.take(record.position.0, record.received, &content);
                true
            }
            Err(error) => {
                emit(&RecordUnreadable { position: record.position.0, cause: &error });
                if let Some(device) = device_of(record) {
                    meaning.unreadable(&device, record.received);
                }
                false
            }
        }
    }

    fn push(&mut self, record: &Record, verified: &Verified) -> Result<Content, DecodeFailed> {
        match (record.kind, verified.get(&record.position.0)) {
            (RecordKind::Report, Some(Ok(digest))) => self.reports.push(&mut self.decoder, record, digest),
            (RecordKind::Report, Some(Err(error))) => Err(error.clone().into()),
            (RecordKind::Report, None) => Err(Unopened::NoKey.into()),
            _ => push(&mut self.decoder, record, &[]),
        }
    }

    /// Counts what the correlations gave up in this batch, for each tenant in it: the engine does not say whose it was.
    fn count_given_up(&mut self, meaning: &mut Meaning, devices: &Owners) {
        let now = given_up(&self.engine);
        let evicted = now.saturating_sub(self.given_up);
        self.given_up = now;
        let tenants: BTreeMap<Tenant, UnixMicros> =
            devices.values().map(|(owner, received)| (owner.tenant, *received)).collect();
        for (tenant, received) in tenants {
            meaning.lose(tenant, "correlation_evictions", evicted, received);
        }
    }

    fn rise(&self, hit: &Hit, devices: &Owners, rows: &RecordBatch) -> Option<AlertRise> {
        let mut events = Vec::with_capacity(hit.events.len());
        for event in &hit.events {
            // An older event of a correlation is looked up in the evidence.
            let vehicle = match devices.get(&event.position) {
                Some((Owner { vehicle: Some(vehicle), .. }, _)) => Some(vehicle.to_string()),
                Some(_) => vehicle_in(rows, event),
                None => vehicle_at(&self.vault, self.partition, event),
            };
            events.extend(vehicle.map(|vehicle| (event.position, entry(event), vehicle)));
        }
        let in_batch = hit.events.iter().filter(|event| devices.contains_key(&event.position));
        let trigger = in_batch.map(|event| (event.position, entry(event))).min();
        let trigger = trigger.or_else(|| devices.keys().next().map(|position| (*position, 0)))?;
        rise(hit, &self.rules.book, trigger, events)
    }
}

/// Whose a record is.
#[derive(Clone, Copy, Debug)]
struct Owner {
    tenant: Tenant,
    /// The vehicle of all its rows; `None`: each row says its own.
    vehicle: Option<Name>,
}

impl Owner {
    const fn of(device: &DeviceId) -> Self {
        Self { tenant: Tenant::of(device), vehicle: Some(device.vehicle) }
    }
}

/// Whose the records of a batch are, and when they were received.
type Owners = BTreeMap<u64, Seen>;

/// The vehicle that a row of this batch is about; rows stand in the order of their records.
fn vehicle_in(rows: &RecordBatch, event: &EventRef) -> Option<String> {
    let positions = rows.column_by_name("position")?.as_primitive_opt::<Int64Type>()?.values();
    let entries = rows.column_by_name("entry_index")?.as_primitive_opt::<Int32Type>()?.values();
    let vehicles = rows.column_by_name("vehicle")?.as_string_opt::<i32>()?;
    let position = i64::try_from(event.position).ok()?;
    let first = positions.partition_point(|known| *known < position);
    let mut row = first..positions.partition_point(|known| *known <= position);
    row.find(|row| entries.get(*row) == Some(&event.entry_index)).map(|row| vehicles.value(row).to_owned())
}

/// Events and groups that the correlations gave up. What came too late for them is judged later.
fn given_up(engine: &Engine) -> u64 {
    engine.losses().fold(0, |sum, (_, losses)| sum + losses.evicted_events + losses.evicted_groups)
}
