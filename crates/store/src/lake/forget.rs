//! Forgets a vehicle: takes its rows out of all tables, and their bytes off the disk.
//!
//! Not a deletion of evidence: the vault keeps the reports until its own retention ends, and a lake that is rebuilt from it has the
//! rows again (then what `_forgotten` lists is to be forgotten again). Invariants: rows of others stay as they are; readers see the
//! table before or after. Cost: the files that may hold the vehicle (one bucket of four) are read, those that do are rewritten.

use super::error::LakeError;
use super::file::{self, DataFile, Order};
use super::log::{Change, Content, Intent};
use super::merge::sort_columns;
use super::read;
use super::table::TableStore;
use arrow::array::{AsArray as _, BooleanArray, RecordBatch};
use arrow::compute::{concat_batches, filter_record_batch};
use serde_json::json;
use std::collections::HashSet;
use std::sync::{Arc, PoisonError};
use yagura_columns::bucket_of_text;
use yagura_model::UnixMicros;

/// How often a table is done again because others changed it meanwhile.
const TRIES_MAX: usize = 5;
/// A file that is not in the table and younger than this may be about to come into it.
const IN_FLIGHT_MICROS: i64 = 120_000_000;

/// Whose rows are to go, and why.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Forget {
    /// The vehicle's tenant.
    pub tenant: String,
    /// The vehicle.
    pub vehicle: String,
    /// Who asked.
    pub by: String,
    /// Why; goes into the record.
    pub reason: String,
    /// When.
    pub now: UnixMicros,
}

/// What became of one table.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Forgotten {
    /// Its name.
    pub table: &'static str,
    /// Rows of the vehicle.
    pub rows: u64,
    /// Files that held them.
    pub files: u64,
    /// The table's version before and after; equal if there was nothing to do, or nothing was to be done yet.
    pub versions: (u64, u64),
    /// Files deleted from the disk: those that held the vehicle's rows, in this version or an older one.
    pub deleted: u64,
}

impl TableStore {
    /// How many rows would go.
    pub(crate) fn forgettable(&self, whose: &Forget) -> Result<Forgotten, LakeError> {
        let content = self.content();
        let mut found = Forgotten { table: self.table.name(), ..Forgotten::default() };
        found.versions = (content.version, content.version);
        for file in self.candidates(&content, whose) {
            let rows = self.rows_of(&file, whose)?.1;
            found.rows += rows;
            found.files += u64::from(rows > 0);
        }
        Ok(found)
    }

    pub(crate) fn forget(&self, whose: &Forget, id: &str) -> Result<Forgotten, LakeError> {
        for _ in 0..TRIES_MAX {
            self.follow()?;
            let content = self.content();
            let mut done = Forgotten { table: self.table.name(), ..Forgotten::default() };
            let (mut added, mut removed) = (Vec::new(), Vec::new());
            for file in self.candidates(&content, whose) {
                let (rest, rows) = self.rows_of(&file, whose)?;
                if rows == 0 {
                    continue;
                }
                done.rows += rows;
                done.files += 1;
                if rest.num_rows() > 0 {
                    let rest = read::sorted(&rest, sort_columns(self.table))?;
                    let name = self.file_name("kept");
                    added.push(file::write(&self.home, file.partition, &name, &[rest], Order::Vehicle)?);
                }
                removed.push(file);
            }
            let left: Vec<String> = removed.iter().map(|file| file.path.clone()).collect();
            let written: Vec<String> = added.iter().map(|file| file.path.clone()).collect();
            if !removed.is_empty() {
                let intent = Intent::Delete(format!("forgotten: {id}"));
                let now_ms = whose.now.0.div_euclid(1_000);
                let mut writer = self.writer();
                match self.commit(&mut writer, Change { intent, added, removed, now_ms, ..Change::default() }) {
                    Err(LakeError::Overtaken { .. }) => {
                        written.iter().try_for_each(|path| self.home.remove(path))?;
                        continue;
                    }
                    committed => committed?,
                }
            }
            done.versions = (content.version, self.content().version);
            done.deleted = self.purge(whose, &left)?;
            // Commits name the least and the greatest vehicle of each file; those of before go as well.
            self.log.checkpoint(whose.now.0)?;
            return Ok(done);
        }
        Err(LakeError::Contended { table: self.table.name(), tries: TRIES_MAX })
    }

    /// Deletes files of older versions that hold rows of the vehicle; how many.
    fn purge(&self, whose: &Forget, left: &[String]) -> Result<u64, LakeError> {
        let content = self.content();
        let live: HashSet<&str> = content.files.iter().map(|file| file.path.as_str()).collect();
        let bucket = format!("/vehicle_bucket={}/", bucket_of_text(&whose.tenant, &whose.vehicle));
        let settled = whose.now.0.saturating_sub(IN_FLIGHT_MICROS);
        let mut left: HashSet<String> = left.iter().cloned().collect();
        let removed = self.removed.lock().unwrap_or_else(PoisonError::into_inner);
        left.extend(removed.iter().map(|(path, _)| path.clone()));
        drop(removed);
        let mut deleted = 0;
        for (path, written) in self.home.data_files()? {
            if live.contains(path.as_str()) || !path.contains(&bucket) {
                continue;
            }
            let file = DataFile { path, ..DataFile::default() };
            // What cannot be read any more holds nothing that could be read.
            let holds = self.rows_of(&file, whose).is_ok_and(|(_, rows)| rows > 0);
            if holds && (written < settled || left.contains(&file.path)) {
                self.home.remove(&file.path)?;
                deleted += 1;
            }
        }
        Ok(deleted)
    }

    /// Files that may hold the vehicle.
    fn candidates(&self, content: &Content, whose: &Forget) -> Vec<Arc<DataFile>> {
        let bucket = bucket_of_text(&whose.tenant, &whose.vehicle);
        let within = |bounds: &Option<(String, String)>, value: &String| {
            bounds.as_ref().is_none_or(|(low, high)| low <= value && value <= high)
        };
        let may = |file: &&Arc<DataFile>| {
            file.partition.bucket == bucket
                && within(&file.vehicle, &whose.vehicle)
                && within(&file.tenant, &whose.tenant)
        };
        content.files.iter().filter(may).cloned().collect()
    }

    /// The rows of others, and how many are the vehicle's.
    fn rows_of(&self, file: &DataFile, whose: &Forget) -> Result<(RecordBatch, u64), LakeError> {
        let rows = concat_batches(&self.schema, &read::read_all(&self.home, file, &self.schema)?)?;
        let text = |name: &str| rows.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
        let (Some(tenants), Some(vehicles)) = (text("tenant"), text("vehicle")) else { return Ok((rows, 0)) };
        let others = tenants.iter().zip(vehicles.iter());
        let others: BooleanArray =
            others.map(|(t, v)| Some(t != Some(whose.tenant.as_str()) || v != Some(whose.vehicle.as_str()))).collect();
        let gone = others.false_count() as u64;
        Ok((filter_record_batch(&rows, &others)?, gone))
    }
}

/// The record of what was done, for whoever asks later.
pub(crate) fn record(whose: &Forget, done: &[Forgotten]) -> String {
    let tables: Vec<_> = done
        .iter()
        .map(|table| {
            json!({
                "table": table.table, "rows": table.rows, "files": table.files, "files_deleted": table.deleted,
                "version_before": table.versions.0, "version_after": table.versions.1,
            })
        })
        .collect();
    let record = json!({
        "tenant": whose.tenant, "vehicle": whose.vehicle, "by": whose.by, "reason": whose.reason,
        "unix_micros": whose.now.0, "tables": tables,
        "evidence": "reports stay in the vault until its retention ends; a lake rebuilt from it has these rows again",
    });
    format!("{record:#}\n")
}
