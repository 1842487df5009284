//! The whole state as lines of JSON, and back: a backup, and the way from one database to the other.
//!
//! Not a view for programs: the lines follow the tables. Layout: docs/format/state-export.md. Invariants: what is exported is one
//! moment (one transaction); an import goes into a state that nobody has used yet, whole or not at all; a file that was cut is refused
//! by its last line, one of a newer program by its first. Cost: ~100,000 rows a second; a page of rows in memory.

use super::database::{Sql, Tx, Value, sql};
use super::{State, StateError};
use crate::auth::hex;
use serde_json::{Value as Json, json};
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Column, FromRow, Row, TypeInfo, ValueRef};
use std::io::{BufRead, Write};

/// Version of the lines.
const VERSION: u64 = 1;
/// How many rows are read at once.
const PAGE: i64 = 5_000;
/// The longest line of an import, in bytes: an engine's snapshot in hexadecimal.
const LINE_BYTES_MAX: u64 = 2 << 30;

/// A table and how its rows are ordered. Columns named `id` only number rows; they are numbered anew.
const TABLES: [(&str, &str); 39] = [
    ("settings", "name"),
    ("enrolment_tokens", "hash"),
    ("devices", "tenant, vehicle, sensor"),
    ("certificates", "tenant, vehicle, sensor, fingerprint"),
    ("sign_in_tokens", "hash"),
    ("audit", "id"),
    ("alerts", "tenant, alert_id"),
    ("alert_events", "tenant, alert_id, position, entry_index"),
    ("alert_changes", "id"),
    ("incidents", "tenant, incident_id"),
    ("incident_alerts", "tenant, incident_id, alert_id"),
    ("incident_rules", "tenant, incident_id, rule_id"),
    ("incident_parts", "tenant, incident_id, part, field, name"),
    ("incident_spans", "tenant, incident_id, span_key"),
    ("incident_changes", "id"),
    ("incident_queue", "id"),
    ("alert_rows", "id"),
    ("late_windows", "tenant, alert_id"),
    ("chains", "tenant, vehicle, sensor"),
    ("vehicle_hours", "tenant, vehicle, hour_us"),
    ("totals", "tenant, partition"),
    ("losses", "tenant, kind, partition"),
    ("rule_pauses", "tenant, rule_id, since_us, partition"),
    ("exception_hits", "tenant, exception_id, day_us, partition"),
    ("owners", "tenant, owner_id"),
    ("owner_routes", "tenant, pattern"),
    ("products", "tenant, product_id"),
    ("releases", "tenant, release_id"),
    ("sboms", "tenant, release_id, digest"),
    ("sbom_pieces", "tenant, digest, piece"),
    ("components", "tenant, release_id, position"),
    ("release_words", "tenant, word, release_id"),
    ("advisory_marks", "mark"),
    ("findings", "tenant, finding_id"),
    ("finding_names", "tenant, name, finding_id"),
    ("finding_events", "id"),
    ("decisions", "tenant, decision_id"),
    ("pipeline", "partition"),
    ("snapshots", "partition"),
];

/// Why a state was not exported or imported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransferError {
    /// The database.
    #[error(transparent)]
    State(#[from] StateError),
    /// The file.
    #[error("cannot use the file of the export")]
    File(#[from] std::io::Error),
    /// Not an export, cut, or damaged.
    #[error("line {line} of the export is not what it should be: {what}; take another copy")]
    Line {
        /// Which, from 1.
        line: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// Of a newer program.
    #[error("the export has version {0}, this program knows {VERSION}: install the newer one")]
    Newer(u64),
    /// Somebody uses this state already.
    #[error("the state to import into is in use already: import into a new one, before a server runs on it")]
    NotEmpty,
}

/// A row of any table.
struct AnyRow(Vec<(String, Json)>);

macro_rules! any_row {
    ($row:ty) => {
        impl FromRow<'_, $row> for AnyRow {
            fn from_row(row: &$row) -> Result<Self, sqlx::Error> {
                let mut fields = Vec::with_capacity(row.columns().len());
                for (index, column) in row.columns().iter().enumerate() {
                    let raw = row.try_get_raw(index)?;
                    let kind = raw.type_info().name().to_owned();
                    let value = match kind.as_str() {
                        _ if raw.is_null() => Json::Null,
                        "INTEGER" | "INT8" => json!(row.try_get::<i64, _>(index)?),
                        "BLOB" | "BYTEA" => json!({ "hex": hex(&row.try_get::<Vec<u8>, _>(index)?) }),
                        _ => json!(row.try_get::<String, _>(index)?),
                    };
                    fields.push((column.name().to_owned(), value));
                }
                Ok(Self(fields))
            }
        }
    };
}
any_row!(SqliteRow);
any_row!(PgRow);

impl State {
    /// Writes the whole state; how many rows. A server may run on it meanwhile. Sessions and rates are not in it.
    ///
    /// # Errors
    /// [`TransferError`]
    pub async fn export(&self, out: &mut impl Write) -> Result<u64, TransferError> {
        let mut tx = self.database.begin_snapshot().await?;
        writeln!(out, "{}", json!({ "yagura_state": VERSION }))?;
        let mut rows = 0;
        for (table, order) in TABLES {
            let mut columns: Vec<String> = Vec::new();
            for page in 0.. {
                let text = format!("SELECT * FROM {table} ORDER BY {order} LIMIT {PAGE} OFFSET {}", PAGE * page);
                let found: Vec<AnyRow> = Sql::made(text, Vec::new()).all(&mut tx).await?;
                for AnyRow(fields) in &found {
                    let fields = || fields.iter().filter(|(name, _)| name != "id");
                    if columns.is_empty() {
                        columns = fields().map(|(name, _)| name.clone()).collect();
                        writeln!(out, "{}", json!({ "table": table, "columns": columns }))?;
                    }
                    writeln!(out, "{}", Json::from_iter(fields().map(|(_, value)| value.clone())))?;
                    rows += 1;
                }
                if found.len() < usize::try_from(PAGE).unwrap_or(0) {
                    break;
                }
            }
        }
        writeln!(out, "{}", json!({ "rows": rows }))?;
        out.flush()?;
        Ok(rows)
    }

    /// Reads what [`Self::export`] wrote into a state that nobody has used; how many rows.
    ///
    /// # Errors
    /// [`TransferError`]; then nothing is imported.
    pub async fn import(&self, from: &mut impl BufRead) -> Result<u64, TransferError> {
        let mut tx = self.begin().await?;
        let used = sql(
            "SELECT (SELECT COUNT(*) FROM pipeline WHERE epoch > 0 OR position > 0) + (SELECT COUNT(*) FROM devices)
                  + (SELECT COUNT(*) FROM enrolment_tokens) + (SELECT COUNT(*) FROM audit)",
        );
        let (used,): (i64,) = used.one(&mut tx).await?;
        if used > 0 {
            return Err(TransferError::NotEmpty);
        }
        // A new file has a row for partition 0 already.
        sql("DELETE FROM pipeline").execute(&mut tx).await?;
        let mut lines = Lines { from, line: 0 };
        let head = lines.next()?;
        match head.get("yagura_state").and_then(Json::as_u64) {
            Some(VERSION) => {}
            Some(newer) => return Err(TransferError::Newer(newer)),
            None => return Err(lines.wrong("not an export of a state")),
        }
        let (mut rows, mut insert) = (0, None);
        loop {
            let line = lines.next()?;
            if let Json::Array(values) = &line {
                let (text, columns): &(String, usize) =
                    insert.as_ref().ok_or_else(|| lines.wrong("a row of no table"))?;
                if values.len() != *columns {
                    return Err(lines.wrong("not as many values as columns"));
                }
                import_row(&mut tx, text, values, &lines).await?;
                rows += 1;
            } else if let Some(total) = line.get("rows").and_then(Json::as_u64) {
                if total != rows {
                    return Err(lines.wrong("rows are missing"));
                }
                tx.commit().await?;
                return Ok(rows);
            } else {
                insert = Some(insert_into(&line).ok_or_else(|| lines.wrong("an unknown table or column"))?);
            }
        }
    }
}

struct Lines<'r, R> {
    from: &'r mut R,
    line: u64,
}

impl<R: BufRead> Lines<'_, R> {
    fn next(&mut self) -> Result<Json, TransferError> {
        self.line += 1;
        let mut text = String::new();
        if std::io::Read::take(&mut *self.from, LINE_BYTES_MAX).read_line(&mut text)? == 0 {
            return Err(self.wrong("the export ends too early"));
        }
        serde_json::from_str(&text).map_err(|_| self.wrong("not a line of JSON"))
    }
}

impl<R> Lines<'_, R> {
    const fn wrong(&self, what: &'static str) -> TransferError {
        TransferError::Line { line: self.line, what }
    }
}

/// The statement that takes rows of a table, and how many columns they have.
fn insert_into(line: &Json) -> Option<(String, usize)> {
    let (table, _) = TABLES.into_iter().find(|(table, _)| line.get("table").and_then(Json::as_str) == Some(table))?;
    let columns: Option<Vec<&str>> = line.get("columns")?.as_array()?.iter().map(Json::as_str).collect();
    let columns = columns?;
    // Names become part of the statement's text; the database refuses those that it does not have.
    let is_name = |name: &&str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if columns.is_empty() || !columns.iter().all(is_name) {
        return None;
    }
    let places: Vec<String> = (1..=columns.len()).map(|number| format!("${number}")).collect();
    Some((format!("INSERT INTO {table} ({}) VALUES ({})", columns.join(", "), places.join(", ")), columns.len()))
}

async fn import_row<R>(tx: &mut Tx, text: &str, values: &[Json], lines: &Lines<'_, R>) -> Result<(), TransferError> {
    let bytes = |value: &Json| Some(unhex(value.get("hex")?.as_str()?));
    let blobs: Option<Vec<Option<Vec<u8>>>> =
        values.iter().map(|value| bytes(value).map_or(Some(None), |bytes| bytes.map(Some))).collect();
    let blobs = blobs.ok_or_else(|| lines.wrong("bytes that are not hexadecimal"))?;
    let mut bound = Vec::with_capacity(values.len());
    for (value, blob) in values.iter().zip(&blobs) {
        bound.push(match (value, blob) {
            (_, Some(bytes)) => Value::from(bytes.as_slice()),
            (Json::String(text), None) => Value::from(text.as_str()),
            (Json::Number(number), None) => Value::Int(number.as_i64()),
            (Json::Null, None) => Value::Null,
            _ => return Err(lines.wrong("a value of no known type")),
        });
    }
    Sql::made(text.to_owned(), bound).execute(tx).await?;
    Ok(())
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?, 16).ok())
        .collect()
}
