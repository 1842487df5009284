//! The values of one log line, and the row that a mapping makes of them.
//!
//! Not the reading of a line. Invariants: a line is a row or says why not; texts are cut at their column's limit, at a character; the same
//! line and mapping give the same row. Cost: no allocation unless a value has escapes, goes through a map, or is cut.

use crate::mapping::{Column, Mapping, Rule, severity};
use std::borrow::Cow;
use yagura_columns::Observed;
use yagura_model::{Name, Severity, UnixMicros};

/// The longest text of a column other than `message` and `attributes`, in bytes.
pub const TEXT_BYTES_MAX: usize = 512;
/// The longest `message` and the longest `attributes`, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 8 * 1024;

/// Why a line is no row.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LineError {
    /// Not a JSON object.
    #[error(transparent)]
    Json(#[from] crate::json::JsonError),
    /// Not UTF-8.
    #[error("not UTF-8")]
    Utf8,
    /// Not a log record of OTLP.
    #[error("not a log record of OTLP")]
    LogRecord,
    /// Longer than [`crate::LINE_BYTES_MAX`].
    #[error("line of {0} bytes, the maximum is {max}", max = crate::LINE_BYTES_MAX)]
    TooLong(usize),
    /// A value that its column cannot hold.
    #[error("{column}: {value:?} is not {expected}")]
    Value {
        /// Of which column.
        column: &'static str,
        /// The value, at most 64 bytes of it.
        value: String,
        /// What it should be.
        expected: &'static str,
    },
}

/// The values of one line, by the place of their path.
#[derive(Clone, Debug)]
pub(crate) struct Captured<'a> {
    values: Vec<Option<Cow<'a, str>>>,
    /// Fields that no column takes, as a JSON object.
    pub(crate) others: String,
    /// When it happened, if the form itself says so.
    pub(crate) time: Option<UnixMicros>,
    /// How bad it is, if the form itself says so.
    pub(crate) severity: Option<Severity>,
}

impl<'a> Captured<'a> {
    /// Room for the values of this mapping's paths.
    pub(crate) fn new(mapping: &Mapping) -> Self {
        Self { values: vec![None; mapping.paths.len()], others: String::new(), time: None, severity: None }
    }

    /// Forgets everything but the room.
    pub(crate) fn clear(&mut self) {
        self.values.fill(None);
        self.others.clear();
        self.time = None;
        self.severity = None;
    }

    /// Takes a value; of several for one path the last counts.
    pub(crate) fn put(&mut self, path: usize, value: Option<Cow<'a, str>>) {
        if let Some(slot) = self.values.get_mut(path) {
            *slot = value;
        }
    }

    /// Keeps a field that no column takes, as long as there is room: its name between quotes, its value in JSON.
    pub(crate) fn keep(&mut self, name: &str, json: &str) {
        let room = MESSAGE_BYTES_MAX.saturating_sub(self.others.len());
        if name.len().saturating_add(json.len()).saturating_add(5) <= room {
            let before = if self.others.is_empty() { "{\"" } else { ",\"" };
            for part in [before, name, "\":", json] {
                self.others.push_str(part);
            }
        }
    }

    /// Ends the object of kept fields.
    pub(crate) fn close(&mut self) {
        if !self.others.is_empty() {
            self.others.push('}');
        }
    }

    fn first(&self, rule: &Rule) -> Option<&str> {
        rule.paths.iter().find_map(|path| self.values.get(*path)?.as_deref())
    }

    /// The value of a column after map and default.
    fn text<'s>(&'s self, mapping: &'s Mapping, column: Column) -> Option<&'s str> {
        let rule = mapping.rule(column)?;
        let Some(value) = self.first(rule) else { return rule.default.as_deref() };
        let meant = if rule.map.is_empty() { None } else { rule.map.get(value) };
        let max = if column == Column::Message { MESSAGE_BYTES_MAX } else { TEXT_BYTES_MAX };
        Some(meant.map_or_else(|| front(value, max), String::as_str))
    }
}

/// One line's row, before it knows its record.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LineRow<'a> {
    /// When it happened; `None` if the line does not say, and then it is when it was received.
    pub time: Option<UnixMicros>,
    /// Which vehicle it is about; empty if none.
    pub vehicle: &'a str,
    /// Which part of the source observed it; `None`: the source itself.
    pub sensor: Option<&'a str>,
    /// Name of the event.
    pub event_name: &'a str,
    /// How bad.
    pub severity: Severity,
    /// See [`Column`].
    pub action: Option<&'a str>,
    /// See [`Column`].
    pub user: Option<&'a str>,
    /// See [`Column`].
    pub src_ip: Option<&'a str>,
    /// See [`Column`].
    pub status: Option<&'a str>,
    /// See [`Column`].
    pub status_code: Option<i64>,
    /// See [`Column`].
    pub resource: Option<&'a str>,
    /// See [`Column`].
    pub session: Option<&'a str>,
    /// See [`Column`].
    pub message: Option<&'a str>,
    /// Fields that no column takes, as a JSON object.
    pub attributes: Option<&'a str>,
}

impl<'a> LineRow<'a> {
    /// The row of a line.
    pub(crate) fn of(mapping: &'a Mapping, captured: &'a Captured<'_>) -> Result<Self, LineError> {
        let text = |column| captured.text(mapping, column);
        let time = match text(Column::Time) {
            Some(written) => Some(
                mapping
                    .time
                    .read(written)
                    .ok_or_else(|| wrong(Column::Time, written, "a time of the mapping's format"))?,
            ),
            None => captured.time,
        };
        let vehicle = text(Column::Vehicle).unwrap_or_default();
        if !vehicle.is_empty() && Name::new(vehicle).is_err() {
            return Err(wrong(Column::Vehicle, vehicle, "a name of 1 to 32 characters A-Z a-z 0-9 . _ -"));
        }
        let severity = match text(Column::Severity) {
            Some(written) => severity(written)
                .ok_or_else(|| wrong(Column::Severity, written, "a severity: add it to the column's map"))?,
            None => captured.severity.unwrap_or(Severity::Informational),
        };
        let status_code = match text(Column::StatusCode) {
            Some(written) => Some(written.parse().map_err(|_| wrong(Column::StatusCode, written, "a whole number"))?),
            None => None,
        };
        Ok(Self {
            time,
            vehicle,
            sensor: text(Column::Sensor),
            event_name: text(Column::EventName).unwrap_or(&mapping.event_name),
            severity,
            action: text(Column::Action),
            user: text(Column::User),
            src_ip: text(Column::SrcIp),
            status: text(Column::Status),
            status_code,
            resource: text(Column::Resource),
            session: text(Column::Session),
            message: text(Column::Message),
            attributes: Some(captured.others.as_str()).filter(|others| !others.is_empty()),
        })
    }

    /// The columns that reports do not have.
    #[must_use]
    pub const fn observed(&self, product: &'a str, source: &'a str) -> Observed<'a> {
        Observed {
            product: Some(product),
            source: Some(source),
            trusted: Some(false),
            action: self.action,
            user: self.user,
            src_ip: self.src_ip,
            status: self.status,
            status_code: self.status_code,
            resource: self.resource,
            session: self.session,
            message: self.message,
            attributes: self.attributes,
        }
    }
}

fn wrong(column: Column, value: &str, expected: &'static str) -> LineError {
    LineError::Value { column: column.name(), value: front(value, 64).to_owned(), expected }
}

/// At most `max` bytes of a text, up to a character's end.
pub(crate) fn front(text: &str, max: usize) -> &str {
    let end = text.floor_char_boundary(max);
    text.get(..end).unwrap_or(text)
}
