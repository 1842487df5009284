//! The events of a case as rows: what the case does not say is filled with plain values.
//!
//! Each item of `events` is a map of columns of the events table and fields of the register (`vehicle.model`), plus: `event` (symbol of the catalogue: sets `event_id`,
//! `event_name`, `severity_id`), `at` (offset from the case's start; default: right after the item before), `times` (repetitions),
//! `every` (distance of repetitions, default 1s), `received_after` (default 0s). A list as value gives each repetition the next
//! item; `{n}` in a text is the number of the repetition, from 1. The case starts at 2026-01-01T00:10:00Z.

use super::CASE_EVENTS_MAX;
use crate::detection::{Located, at};
use crate::document::span_up_to;
use crate::error::RuleErrorKind;
use crate::facts;
use crate::yaml::{Node, Value};
use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Float64Array, Int32Array, Int64Array, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use std::sync::Arc;
use yagura_columns::{Catalogue, event_date, events_schema, severity_id};
use yagura_model::UnixMicros;

/// The longest offset from the start of a case, in µs: a year.
const OFFSET_MAX: i64 = 366 * 86_400_000_000;
/// 2026-01-01T00:10:00Z.
const START: i64 = 1_767_226_200_000_000;
const CONTROL: [&str; 5] = ["event", "at", "times", "every", "received_after"];

/// One row: the item it comes from, which repetition it is, and its times.
struct Row<'a> {
    item: &'a Node,
    number: usize,
    time: i64,
    received: i64,
    index: usize,
}

fn type_error(node: &Node, field: &str, expected: &'static str) -> Located {
    at(node, RuleErrorKind::Type { field: field.to_owned(), expected })
}

/// The events of a case.
pub(super) fn batch(case: &Node, items: &[Node]) -> Result<RecordBatch, Located> {
    let schema = schema_of(items);
    let mut rows: Vec<Row<'_>> = Vec::new();
    let mut next = 0_i64;
    for item in items {
        let Value::Map(entries) = &item.value else { return Err(type_error(item, "events", "a list of maps")) };
        for (key, _) in entries {
            if !CONTROL.contains(&key.text.as_str()) && schema.index_of(&key.text).is_err() {
                return Err(type_error(item, &key.text, "a column of the events table or a field of the register"));
            }
        }
        let span = |name, unless| item.get(name).map_or(Ok(unless), |n| span_up_to(n, 0, OFFSET_MAX));
        let (offset, every, delay) = (span("at", next)?, span("every", 1_000_000)?, span("received_after", 0)?);
        let times = match item.get("times").map(|n| &n.value) {
            None => 1,
            Some(Value::Int(n)) => usize::try_from(*n).unwrap_or(0),
            Some(_) => return Err(type_error(item, "times", "a whole number")),
        };
        if rows.len().saturating_add(times) > CASE_EVENTS_MAX {
            let (value, max) = (times as u64, CASE_EVENTS_MAX as u64);
            return Err(at(item, RuleErrorKind::Limit { what: "number of events in a case", value, max }));
        }
        for number in 0..times {
            let time =
                START.saturating_add(offset).saturating_add(every.saturating_mul(i64::try_from(number).unwrap_or(0)));
            rows.push(Row { item, number, time, received: time.saturating_add(delay), index: rows.len() });
        }
        next = rows.last().map_or(0, |row| row.time.saturating_sub(START).saturating_add(1_000_000));
    }
    let catalogue = Catalogue::builtin();
    let columns: Result<Vec<ArrayRef>, Located> =
        schema.fields().iter().map(|field| column(field.name(), field.data_type(), &rows, &catalogue)).collect();
    RecordBatch::try_new(schema, columns?)
        .map_err(|error| at(case, RuleErrorKind::Compile { field: "events".to_owned(), reason: error.to_string() }))
}

/// The columns of events, and those of the register that a case says something of.
fn schema_of(items: &[Node]) -> SchemaRef {
    let said = |name: &&str| items.iter().any(|item| item.get(name).is_some());
    let kind = |name| if name == facts::AGE { DataType::Int64 } else { DataType::Utf8 };
    let more = facts::FACT_FIELDS.into_iter().filter(said).map(|name| Arc::new(Field::new(name, kind(name), true)));
    let own = events_schema();
    Arc::new(Schema::new(own.fields().iter().cloned().chain(more).collect::<Fields>()))
}

/// A cell: as the case says, or else a plain value.
enum Cell {
    Null,
    Int(i64),
    Float(f64),
    Bool(bool),
    Text(String),
}

fn cell(column: &str, row: &Row<'_>, catalogue: &Catalogue) -> Result<Cell, Located> {
    if let Some(node) = row.item.get(column) {
        let node = match &node.value {
            Value::List(choices) => {
                let index = row.number.checked_rem(choices.len());
                index
                    .and_then(|i| choices.get(i))
                    .ok_or_else(|| type_error(node, column, "a list that is not empty"))?
            }
            _ => node,
        };
        return match &node.value {
            Value::Null => Ok(Cell::Null),
            Value::Bool(b) => Ok(Cell::Bool(*b)),
            Value::Int(i) => Ok(Cell::Int(*i)),
            Value::Float(x) => Ok(Cell::Float(*x)),
            Value::Text(text) => Ok(Cell::Text(text.replace("{n}", &row.number.saturating_add(1).to_string()))),
            Value::List(_) | Value::Map(_) => Err(type_error(node, column, "a value")),
        };
    }
    let event = row.item.get("event");
    let symbol = event.and_then(Node::scalar_text);
    let entry = match (&symbol, event) {
        (Some(symbol), Some(node)) => Some(
            catalogue.by_symbol(symbol).ok_or_else(|| type_error(node, "event", "a symbol of the event catalogue"))?,
        ),
        _ => None,
    };
    Ok(match column {
        "tenant" => Cell::Text("demo".to_owned()),
        "vehicle" => Cell::Text("vehicle-1".to_owned()),
        "sensor" => Cell::Text("gateway".to_owned()),
        "event_id" => Cell::Int(entry.map_or(0, |e| i64::from(e.id.0))),
        "event_name" => Cell::Text(entry.map_or_else(String::new, |e| e.symbol.clone())),
        "severity_id" => Cell::Int(entry.map_or(1, |e| i64::from(severity_id(e.severity)))),
        "count" => Cell::Int(1),
        "idsm_instance" | "sensor_instance" | "boot" | "sequence" | "vehicle_bucket" => Cell::Int(0),
        "position" => Cell::Int(i64::try_from(row.index).unwrap_or(i64::MAX)),
        "entry_index" => Cell::Int(0),
        _ => Cell::Null,
    })
}

fn column(name: &str, kind: &DataType, rows: &[Row<'_>], catalogue: &Catalogue) -> Result<ArrayRef, Located> {
    match name {
        "time" => return Ok(times(rows, |row| row.time)),
        "received_time" => return Ok(times(rows, |row| row.received)),
        "event_date" => {
            let dates: Vec<i32> = rows.iter().map(|row| event_date(UnixMicros(row.time))).collect();
            return Ok(Arc::new(Date32Array::from(dates)));
        }
        _ => {}
    }
    let cells: Result<Vec<Cell>, Located> = rows.iter().map(|row| cell(name, row, catalogue)).collect();
    let wrong = |row: usize, expected| {
        let node = rows.get(row).map(|r| r.item.get(name).unwrap_or(r.item));
        node.map_or(Located { line: 0, column: 0, kind: RuleErrorKind::Missing("events") }, |n| {
            type_error(n, name, expected)
        })
    };
    let cells = Cells { cells: cells?, wrong };
    Ok(match kind {
        DataType::Int32 => Arc::new(Int32Array::from(cells.read("a 32-bit whole number", |cell| match cell {
            Cell::Int(i) => i32::try_from(*i).ok(),
            _ => None,
        })?)),
        DataType::Int64 => Arc::new(Int64Array::from(cells.read("a whole number", |cell| match cell {
            Cell::Int(i) => Some(*i),
            _ => None,
        })?)),
        DataType::Float64 => Arc::new(Float64Array::from(cells.read("a number", |cell| match cell {
            Cell::Float(x) => Some(*x),
            Cell::Int(i) => i32::try_from(*i).ok().map(f64::from),
            _ => None,
        })?)),
        DataType::Boolean => Arc::new(BooleanArray::from(cells.read("true or false", |cell| match cell {
            Cell::Bool(b) => Some(*b),
            _ => None,
        })?)),
        DataType::Binary => {
            let values = cells.read("bytes in hexadecimal, as a text", |cell| match cell {
                Cell::Text(text) => bytes(text),
                _ => None,
            })?;
            Arc::new(values.iter().map(|value| value.as_deref()).collect::<BinaryArray>())
        }
        _ => {
            let values = cells.read("a text", |cell| match cell {
                Cell::Text(text) => Some(text.clone()),
                _ => None,
            })?;
            Arc::new(StringArray::from(values))
        }
    })
}

/// The cells of a column and the error for one of the wrong type.
struct Cells<W> {
    cells: Vec<Cell>,
    wrong: W,
}

impl<W: Fn(usize, &'static str) -> Located> Cells<W> {
    fn read<T>(&self, expected: &'static str, read: impl Fn(&Cell) -> Option<T>) -> Result<Vec<Option<T>>, Located> {
        let value = |(row, cell)| match cell {
            &Cell::Null => Ok(None),
            cell => read(cell).map(Some).ok_or_else(|| (self.wrong)(row, expected)),
        };
        self.cells.iter().enumerate().map(value).collect()
    }
}

fn times(rows: &[Row<'_>], time: fn(&Row<'_>) -> i64) -> ArrayRef {
    let values: Vec<i64> = rows.iter().map(time).collect();
    Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC"))
}

/// Binary is written in hexadecimal.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok().filter(|p| p.len() == 2)?, 16).ok()).collect()
}
