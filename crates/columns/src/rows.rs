//! Rows of `events` and `vehicle_state` while they are collected, column by column.
//!
//! Not the reading of reports (that is `decoder`). Invariant: all columns of a table have the same length, in schema order.
//! Cost: no allocation per row; what is the same for all rows of a report is filled in at its end, and a column that has no value in a
//! batch costs nothing a row.

use crate::column::{Texts, put, whole};
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
    tenant: Texts,
    vehicle: Texts,
    sensor: Texts,
    position: Vec<i64>,
    entry_index: Vec<i32>,
}

impl Common {
    fn push(&mut self, time: i64, date: i32, entry_index: i32) {
        self.time.push(time);
        self.date.push(date);
        self.entry_index.push(entry_index);
    }

    /// Fills the columns that are the same for all rows of a report.
    fn end_report(&mut self, origin: &Origin<'_>) {
        let rows = self.time.len();
        self.received.resize(rows, origin.received);
        self.bucket.resize(rows, origin.bucket);
        self.tenant.fill(rows, origin.tenant);
        self.vehicle.fill(rows, origin.vehicle);
        self.sensor.fill(rows, origin.sensor);
        self.position.resize(rows, origin.position);
    }

    fn finish(&mut self) -> Result<([ArrayRef; 7], [ArrayRef; 2]), ArrowError> {
        let head: [ArrayRef; 7] = [
            timestamps(&mut self.time),
            timestamps(&mut self.received),
            Arc::new(Date32Array::from(renewed(&mut self.date))),
            ints(&mut self.bucket),
            self.tenant.finish()?,
            self.vehicle.finish()?,
            self.sensor.finish()?,
        ];
        Ok((head, [longs(&mut self.position), ints(&mut self.entry_index)]))
    }
}

/// The values; the column is empty then, with room for as many, since the next batch is as long as a rule.
fn renewed<T>(values: &mut Vec<T>) -> Vec<T> {
    let room = Vec::with_capacity(values.len());
    std::mem::replace(values, room)
}

fn timestamps(values: &mut Vec<i64>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from(renewed(values)).with_timezone("UTC"))
}

fn ints(values: &mut Vec<i32>) -> ArrayRef {
    Arc::new(Int32Array::from(renewed(values)))
}

fn longs(values: &mut Vec<i64>) -> ArrayRef {
    Arc::new(Int64Array::from(renewed(values)))
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
    fn push(&mut self, number: usize, row: &ObservedColumns<'_>) {
        put(&mut self.product, number, row.product);
        put(&mut self.source, number, row.source);
        put(&mut self.trusted, number, row.trusted);
        put(&mut self.action, number, row.action);
        put(&mut self.user, number, row.user);
        put(&mut self.src_ip, number, row.src_ip);
        put(&mut self.status, number, row.status);
        put(&mut self.status_code, number, row.status_code);
        put(&mut self.resource, number, row.resource);
        put(&mut self.session, number, row.session);
        put(&mut self.message, number, row.message);
        put(&mut self.attributes, number, row.attributes);
    }

    fn finish(&mut self, rows: usize) -> [ArrayRef; 12] {
        [
            whole(&mut self.product, rows),
            whole(&mut self.source, rows),
            whole(&mut self.trusted, rows),
            whole(&mut self.action, rows),
            whole(&mut self.user, rows),
            whole(&mut self.src_ip, rows),
            whole(&mut self.status, rows),
            whole(&mut self.status_code, rows),
            whole(&mut self.resource, rows),
            whole(&mut self.session, rows),
            whole(&mut self.message, rows),
            whole(&mut self.attributes, rows),
        ]
    }
}

/// Rows of `events`.
#[derive(Default)]
pub(crate) struct EventRows {
    common: Common,
    event_id: Vec<i32>,
    event_name: Texts,
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

    /// Adds a row; [`Self::end_report`] completes it.
    pub(crate) fn push(&mut self, row: &EventRow<'_>) {
        let number = self.event_id.len();
        self.common.push(row.time, row.date, row.entry_index);
        self.event_id.push(i32::from(row.event_id));
        match row.event_name {
            Some(name) => self.event_name.push(name),
            None => self.event_name.push_event_number(row.event_id),
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
        put(&mut self.place_start_bit, number, row.context.place_start_bit);
        put(&mut self.place_bits, number, row.context.place_bits);
        put(&mut self.witness, number, row.context.witness);
        self.others.push(number, &row.observed);
    }

    /// Fills the columns that are the same for all rows of a report.
    pub(crate) fn end_report(&mut self, origin: &Origin<'_>) {
        self.common.end_report(origin);
        self.boot.resize(self.event_id.len(), origin.boot);
        self.sequence.resize(self.event_id.len(), origin.sequence);
    }

    pub(crate) fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        let rows = self.event_id.len();
        let (head, tail) = self.common.finish()?;
        let middle: [ArrayRef; 17] = [
            ints(&mut self.event_id),
            self.event_name.finish()?,
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
        let place: [ArrayRef; 3] =
            [whole(&mut self.place_start_bit, rows), whole(&mut self.place_bits, rows), whole(&mut self.witness, rows)];
        batch(events_schema(), &[&head, &middle, &tail, &place, &self.others.finish(rows)])
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

    /// Adds a row; [`Self::end_report`] completes it.
    pub(crate) fn push(&mut self, row: &StateRow) {
        self.common.push(row.time, row.date, row.entry_index);
        self.speed_kmh.append_option(row.speed_kmh);
        self.accelerator_percent.append_option(row.accelerator_percent);
        self.brake_pressed.append_option(row.brake_pressed);
        self.gear.append_option(row.gear);
    }

    /// Fills the columns that are the same for all rows of a report.
    pub(crate) fn end_report(&mut self, origin: &Origin<'_>) {
        self.common.end_report(origin);
    }

    pub(crate) fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        let (head, tail) = self.common.finish()?;
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
