//! Rows of `events` and `vehicle_state` while they are collected, column by column.
//!
//! Not the reading of reports (that is `decoder`). Invariant: all columns of a table have the same length, in schema order.
//! Cost: no allocation per row; texts are appended to one buffer per column.

use crate::schema::{events_schema, vehicle_state_schema};
use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, Date32Array, Float64Builder, Int32Array, Int32Builder, Int64Array,
    Int64Builder, StringBuilder, TimestampMicrosecondArray,
};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use std::sync::Arc;

/// Where a row comes from: the same for all entries of one report.
#[derive(Clone, Copy)]
pub(crate) struct Origin<'a> {
    pub(crate) received: i64,
    pub(crate) bucket: i32,
    pub(crate) tenant: &'a str,
    pub(crate) vehicle: &'a str,
    pub(crate) sensor: &'a str,
    pub(crate) boot: i64,
    pub(crate) sequence: i64,
    pub(crate) position: i64,
}

/// The columns that both tables begin with and end with.
#[derive(Default)]
struct Common {
    time: Vec<i64>,
    received: Vec<i64>,
    date: Vec<i32>,
    bucket: Vec<i32>,
    tenant: StringBuilder,
    vehicle: StringBuilder,
    sensor: StringBuilder,
    position: Vec<i64>,
    entry_index: Vec<i32>,
}

impl Common {
    fn push(&mut self, origin: &Origin<'_>, time: i64, date: i32, entry_index: i32) {
        self.time.push(time);
        self.received.push(origin.received);
        self.date.push(date);
        self.bucket.push(origin.bucket);
        self.tenant.append_value(origin.tenant);
        self.vehicle.append_value(origin.vehicle);
        self.sensor.append_value(origin.sensor);
        self.position.push(origin.position);
        self.entry_index.push(entry_index);
    }

    fn finish(&mut self) -> ([ArrayRef; 7], [ArrayRef; 2]) {
        let head: [ArrayRef; 7] = [
            timestamps(&mut self.time),
            timestamps(&mut self.received),
            Arc::new(Date32Array::from(std::mem::take(&mut self.date))),
            ints(&mut self.bucket),
            Arc::new(self.tenant.finish()),
            Arc::new(self.vehicle.finish()),
            Arc::new(self.sensor.finish()),
        ];
        (head, [longs(&mut self.position), ints(&mut self.entry_index)])
    }
}

fn timestamps(values: &mut Vec<i64>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from(std::mem::take(values)).with_timezone("UTC"))
}

fn ints(values: &mut Vec<i32>) -> ArrayRef {
    Arc::new(Int32Array::from(std::mem::take(values)))
}

fn longs(values: &mut Vec<i64>) -> ArrayRef {
    Arc::new(Int64Array::from(std::mem::take(values)))
}

/// The parts of an event that its CAN context gives.
#[derive(Clone, Copy, Default)]
pub(crate) struct ContextColumns<'a> {
    pub(crate) bus: Option<i32>,
    pub(crate) can_id: Option<i64>,
    pub(crate) can_extended: Option<bool>,
    pub(crate) frame_kind: Option<&'static str>,
    pub(crate) expected: Option<i64>,
    pub(crate) observed: Option<i64>,
    pub(crate) payload: Option<&'a [u8]>,
    pub(crate) place_start_bit: Option<i32>,
    pub(crate) place_bits: Option<i32>,
    pub(crate) witness: Option<i64>,
}

/// What observers other than our own sensors say of an event; nothing for a report of a sensor.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ObservedColumns<'a> {
    /// What kind of thing observed it.
    pub product: Option<&'a str>,
    /// The source's name.
    pub source: Option<&'a str>,
    /// Whether its signature was checked; `None` for a signed report.
    pub trusted: Option<bool>,
    /// What was done.
    pub action: Option<&'a str>,
    /// Who did it.
    pub user: Option<&'a str>,
    /// From which address.
    pub src_ip: Option<&'a str>,
    /// With which outcome.
    pub status: Option<&'a str>,
    /// With which number as outcome.
    pub status_code: Option<i64>,
    /// To what.
    pub resource: Option<&'a str>,
    /// In which session.
    pub session: Option<&'a str>,
    /// What the line says.
    pub message: Option<&'a str>,
    /// Fields that no column takes, as one JSON object.
    pub attributes: Option<&'a str>,
}

/// One row of `events`, its origin apart.
#[derive(Clone, Copy)]
pub(crate) struct EventRow<'a> {
    pub(crate) time: i64,
    pub(crate) date: i32,
    pub(crate) event_id: u16,
    /// `None`: the catalogue does not know the id; it is named by its number.
    pub(crate) event_name: Option<&'a str>,
    pub(crate) severity_id: i32,
    pub(crate) count: i32,
    pub(crate) idsm_instance: i32,
    pub(crate) sensor_instance: i32,
    pub(crate) context: ContextColumns<'a>,
    pub(crate) speed_kmh: Option<f64>,
    pub(crate) gear: Option<&'static str>,
    pub(crate) entry_index: i32,
    pub(crate) observed: ObservedColumns<'a>,
}

/// The columns of [`ObservedColumns`].
#[derive(Default)]
struct Observed {
    product: StringBuilder,
    source: StringBuilder,
    trusted: BooleanBuilder,
    action: StringBuilder,
    user: StringBuilder,
    src_ip: StringBuilder,
    status: StringBuilder,
    status_code: Int64Builder,
    resource: StringBuilder,
    session: StringBuilder,
    message: StringBuilder,
    attributes: StringBuilder,
}

impl Observed {
    fn push(&mut self, row: &ObservedColumns<'_>) {
        self.product.append_option(row.product);
        self.source.append_option(row.source);
        self.trusted.append_option(row.trusted);
        self.action.append_option(row.action);
        self.user.append_option(row.user);
        self.src_ip.append_option(row.src_ip);
        self.status.append_option(row.status);
        self.status_code.append_option(row.status_code);
        self.resource.append_option(row.resource);
        self.session.append_option(row.session);
        self.message.append_option(row.message);
        self.attributes.append_option(row.attributes);
    }

    fn finish(&mut self) -> [ArrayRef; 12] {
        [
            Arc::new(self.product.finish()),
            Arc::new(self.source.finish()),
            Arc::new(self.trusted.finish()),
            Arc::new(self.action.finish()),
            Arc::new(self.user.finish()),
            Arc::new(self.src_ip.finish()),
            Arc::new(self.status.finish()),
            Arc::new(self.status_code.finish()),
            Arc::new(self.resource.finish()),
            Arc::new(self.session.finish()),
            Arc::new(self.message.finish()),
            Arc::new(self.attributes.finish()),
        ]
    }
}

/// Rows of `events`.
#[derive(Default)]
pub(crate) struct EventRows {
    common: Common,
    event_id: Vec<i32>,
    event_name: StringBuilder,
    severity_id: Vec<i32>,
    count: Vec<i32>,
    idsm_instance: Vec<i32>,
    sensor_instance: Vec<i32>,
    bus: Int32Builder,
    can_id: Int64Builder,
    can_extended: BooleanBuilder,
    frame_kind: StringBuilder,
    expected: Int64Builder,
    observed: Int64Builder,
    payload: BinaryBuilder,
    speed_kmh: Float64Builder,
    gear: StringBuilder,
    boot: Vec<i64>,
    sequence: Vec<i64>,
    place_start_bit: Int32Builder,
    place_bits: Int32Builder,
    witness: Int64Builder,
    others: Observed,
}

impl EventRows {
    pub(crate) fn len(&self) -> usize {
        self.event_id.len()
    }

    pub(crate) fn push(&mut self, origin: &Origin<'_>, row: &EventRow<'_>) {
        self.common.push(origin, row.time, row.date, row.entry_index);
        self.event_id.push(i32::from(row.event_id));
        match row.event_name {
            Some(name) => self.event_name.append_value(name),
            None => self.event_name.append_value(format!("EVENT_{:04X}", row.event_id)),
        }
        self.severity_id.push(row.severity_id);
        self.count.push(row.count);
        self.idsm_instance.push(row.idsm_instance);
        self.sensor_instance.push(row.sensor_instance);
        self.bus.append_option(row.context.bus);
        self.can_id.append_option(row.context.can_id);
        self.can_extended.append_option(row.context.can_extended);
        self.frame_kind.append_option(row.context.frame_kind);
        self.expected.append_option(row.context.expected);
        self.observed.append_option(row.context.observed);
        self.payload.append_option(row.context.payload);
        self.speed_kmh.append_option(row.speed_kmh);
        self.gear.append_option(row.gear);
        self.boot.push(origin.boot);
        self.sequence.push(origin.sequence);
        self.place_start_bit.append_option(row.context.place_start_bit);
        self.place_bits.append_option(row.context.place_bits);
        self.witness.append_option(row.context.witness);
        self.others.push(&row.observed);
    }

    pub(crate) fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        let (head, tail) = self.common.finish();
        let middle: [ArrayRef; 17] = [
            ints(&mut self.event_id),
            Arc::new(self.event_name.finish()),
            ints(&mut self.severity_id),
            ints(&mut self.count),
            ints(&mut self.idsm_instance),
            ints(&mut self.sensor_instance),
            Arc::new(self.bus.finish()),
            Arc::new(self.can_id.finish()),
            Arc::new(self.can_extended.finish()),
            Arc::new(self.frame_kind.finish()),
            Arc::new(self.expected.finish()),
            Arc::new(self.observed.finish()),
            Arc::new(self.payload.finish()),
            Arc::new(self.speed_kmh.finish()),
            Arc::new(self.gear.finish()),
            longs(&mut self.boot),
            longs(&mut self.sequence),
        ];
        let place: [ArrayRef; 3] = [
            Arc::new(self.place_start_bit.finish()),
            Arc::new(self.place_bits.finish()),
            Arc::new(self.witness.finish()),
        ];
        batch(events_schema(), &[&head, &middle, &tail, &place, &self.others.finish()])
    }
}

/// One row of `vehicle_state`, its origin apart.
#[derive(Clone, Copy)]
pub(crate) struct StateRow {
    pub(crate) time: i64,
    pub(crate) date: i32,
    pub(crate) speed_kmh: Option<f64>,
    pub(crate) accelerator_percent: Option<f64>,
    pub(crate) brake_pressed: Option<bool>,
    pub(crate) gear: Option<&'static str>,
    pub(crate) entry_index: i32,
}

/// Rows of `vehicle_state`.
#[derive(Default)]
pub(crate) struct StateRows {
    common: Common,
    speed_kmh: Float64Builder,
    accelerator_percent: Float64Builder,
    brake_pressed: BooleanBuilder,
    gear: StringBuilder,
}

impl StateRows {
    pub(crate) fn len(&self) -> usize {
        self.common.time.len()
    }

    pub(crate) fn push(&mut self, origin: &Origin<'_>, row: &StateRow) {
        self.common.push(origin, row.time, row.date, row.entry_index);
        self.speed_kmh.append_option(row.speed_kmh);
        self.accelerator_percent.append_option(row.accelerator_percent);
        self.brake_pressed.append_option(row.brake_pressed);
        self.gear.append_option(row.gear);
    }

    pub(crate) fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        let (head, tail) = self.common.finish();
        let middle: [ArrayRef; 4] = [
            Arc::new(self.speed_kmh.finish()),
            Arc::new(self.accelerator_percent.finish()),
            Arc::new(self.brake_pressed.finish()),
            Arc::new(self.gear.finish()),
        ];
        batch(vehicle_state_schema(), &[&head, &middle, &tail])
    }
}

fn batch(schema: SchemaRef, columns: &[&[ArrayRef]]) -> Result<RecordBatch, ArrowError> {
    RecordBatch::try_new(schema, columns.concat())
}
