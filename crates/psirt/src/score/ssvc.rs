//! SSVC decision tables as data: CERT/CC's JSON (schema 2.0.0), any table of it, evaluated.
//!
//! Not a policy: tables are read; one small one of our own is shipped, for who has none. A point that is not known does not stop an evaluation: every outcome that is
//! still possible is given, so that whoever asks can take the worst or go and find out.

use serde::Deserialize;
use std::collections::BTreeMap;

/// Our own table for flaws in vehicle functions: exploitation, whether it can be automated, safety impact. Replace it with yours.
pub const VEHICLE_RESPONSE: &str = include_str!("ssvc/vehicle.json");

/// The most rows of a table; CERT/CC's largest has 847.
pub const ROWS_MAX: usize = 100_000;

/// A value of a decision point.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct PointValue {
    /// Its short name: `A`.
    pub key: String,
    /// Its name: `Active`.
    pub name: String,
    /// What it means.
    #[serde(default)]
    pub definition: String,
}

/// A question of a decision, or its outcome.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct Point {
    /// Who defines it: `ssvc`, `cisa`.
    pub namespace: String,
    /// Its short name: `E`.
    pub key: String,
    /// Its version.
    pub version: String,
    /// Its name: `Exploitation`.
    pub name: String,
    /// Its values, mildest first.
    pub values: Vec<PointValue>,
}

impl Point {
    /// A value by key or name; case does not matter for names.
    #[must_use]
    pub fn value(&self, text: &str) -> Option<&PointValue> {
        let by_key = self.values.iter().find(|value| value.key == text);
        by_key.or_else(|| self.values.iter().find(|value| value.name.eq_ignore_ascii_case(text)))
    }
}

/// A decision table.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its questions and its outcome, by id (`ssvc:E:1.1.0`).
    pub points: BTreeMap<String, Point>,
    /// The id of the outcome.
    pub outcome: String,
    rows: Vec<BTreeMap<String, String>>,
}

/// Why a table cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// It is not JSON of the schema.
    #[error("not an SSVC decision table")]
    Json(#[from] serde_json::Error),
    /// It is too large.
    #[error("a decision table of {0} rows; the most is 100,000")]
    TooLarge(usize),
    /// A row or the outcome speaks of a point that is not there.
    #[error("row {row} of the decision table: there is no point `{point}`, or it has no value `{value}`")]
    Unknown {
        /// The row from 1; 0 is the table's head.
        row: usize,
        /// The point.
        point: String,
        /// The value.
        value: String,
    },
    /// A row has no answer for a point.
    #[error("row {row} of the decision table says nothing of `{point}`")]
    Incomplete {
        /// The row from 1.
        row: usize,
        /// The point.
        point: String,
    },
}

#[derive(Deserialize)]
struct RawTable {
    name: String,
    version: String,
    decision_points: BTreeMap<String, Point>,
    outcome: String,
    mapping: Vec<BTreeMap<String, String>>,
}

impl Table {
    /// Reads a table and checks that its rows speak of its points.
    pub fn read(json: &str) -> Result<Self, TableError> {
        let raw: RawTable = serde_json::from_str(json)?;
        if raw.mapping.len() > ROWS_MAX {
            return Err(TableError::TooLarge(raw.mapping.len()));
        }
        if !raw.decision_points.contains_key(&raw.outcome) {
            return Err(TableError::Unknown { row: 0, point: raw.outcome, value: String::new() });
        }
        for (row, cells) in (1..).zip(&raw.mapping) {
            for (point, value) in cells {
                let known = raw.decision_points.get(point);
                if known.is_none_or(|known| !known.values.iter().any(|one| one.key == *value)) {
                    return Err(TableError::Unknown { row, point: point.clone(), value: value.clone() });
                }
            }
            if let Some(point) = raw.decision_points.keys().find(|point| !cells.contains_key(*point)) {
                return Err(TableError::Incomplete { row, point: point.clone() });
            }
        }
        let RawTable { name, version, decision_points: points, outcome, mapping: rows } = raw;
        Ok(Self { name, version, points, outcome, rows })
    }

    /// The questions, by id.
    pub fn questions(&self) -> impl Iterator<Item = (&str, &Point)> {
        self.points.iter().filter(|(id, _)| **id != self.outcome).map(|(id, point)| (id.as_str(), point))
    }

    /// The rows: point ids to keys of values.
    #[must_use]
    pub fn rows(&self) -> &[BTreeMap<String, String>] {
        &self.rows
    }

    /// The outcomes that are possible, mildest first. `answer` gives a value's key or name, or `None` if it is not known; a value that the
    /// point does not have is not known either.
    #[must_use]
    pub fn evaluate(&self, answer: impl Fn(&str, &Point) -> Option<String>) -> Vec<&PointValue> {
        let known: Vec<(&str, &str)> = self
            .questions()
            .filter_map(|(id, point)| Some((id, point.value(&answer(id, point)?)?.key.as_str())))
            .collect();
        let fits = |row: &&BTreeMap<String, String>| {
            known.iter().all(|(id, key)| row.get(*id).is_some_and(|cell| cell == key))
        };
        let possible: Vec<&String> = self.rows.iter().filter(fits).filter_map(|row| row.get(&self.outcome)).collect();
        let values = self.points.get(&self.outcome).map(|outcome| outcome.values.as_slice()).unwrap_or_default();
        values.iter().filter(|value| possible.contains(&&value.key)).collect()
    }
}
