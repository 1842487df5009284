//! Merges small files into larger ones, sorted by vehicle and time.
//!
//! Not a change of rows: a merge has the same rows as the files it replaces. Cost: files are merged with files of their own size
//! class, so a row is rewritten about once per factor of eight its file grows.

use super::Table;
use super::error::LakeError;
use super::file::{self, DataFile, Order, Partition};
use super::log::{Change, Intent};
use super::read;
use super::table::TableStore;
use arrow::compute::concat_batches;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use yagura_model::UnixMicros;

/// So many files of one size class in a partition are merged.
const FILES_MIN: usize = 16;
/// In a partition of a past day, so many are.
const PAST_FILES_MIN: usize = 4;
/// The most files of one merge.
const FILES_MAX: usize = 128;
/// The most rows of a merged file; files half as large are left alone. Bounds the memory of a merge to about 100 MB.
const ROWS_MAX: u64 = 131_072;

impl TableStore {
    /// Replaces the files, all of one partition, by one with the same rows. Nothing happens if another writer was faster.
    pub(crate) fn merge(&self, files: Vec<Arc<DataFile>>, now: UnixMicros) -> Result<(), LakeError> {
        let Some(partition) = files.first().map(|f| f.partition) else { return Ok(()) };
        let mut batches = Vec::new();
        for file in &files {
            batches.append(&mut read::read_all(&self.home, file, &self.schema)?);
        }
        let rows = concat_batches(&self.schema, &batches)?;
        drop(batches);
        let rows = read::sorted(&rows, sort_columns(self.table))?;
        let merged = file::write(&self.home, partition, &self.file_name("merged"), &[rows], Order::Vehicle)?;
        let now_ms = now.0.div_euclid(1_000);
        let gone: Vec<String> = files.iter().map(|f| f.path.clone()).collect();
        let written = merged.path.clone();
        let mut writer = self.writer();
        self.refresh(&mut writer)?;
        let change =
            Change { intent: Intent::Rewrite, added: vec![merged], removed: files, now_ms, ..Change::default() };
        match self.commit(&mut writer, change) {
            Err(LakeError::Overtaken { .. }) => self.home.remove(&written),
            Err(error) => Err(error),
            Ok(()) => {
                let mut removed = self.removed.lock().unwrap_or_else(PoisonError::into_inner);
                removed.extend(gone.into_iter().map(|path| (path, now.0)));
                Ok(())
            }
        }
    }
}

pub(crate) fn sort_columns(table: Table) -> &'static [&'static str] {
    match table {
        Table::Events | Table::VehicleState => &["vehicle", "time", "position", "entry_index"],
        Table::Alerts => &["time", "position", "entry_index"],
    }
}

/// Groups of files that are worth merging.
pub(crate) fn due(files: &[Arc<DataFile>], today: i64) -> Vec<Vec<Arc<DataFile>>> {
    let mut classes: BTreeMap<(Partition, u32), Vec<Arc<DataFile>>> = BTreeMap::new();
    for file in files.iter().filter(|file| file.rows <= ROWS_MAX / 2) {
        let past = i64::from(file.partition.date) + 1 < today;
        // Size classes by a factor of eight in rows; a day that is over has one class.
        let class = if past { u32::MAX } else { file.rows.max(1).ilog2() / 3 };
        classes.entry((file.partition, class)).or_default().push(file.clone());
    }
    let enough = |class: u32| if class == u32::MAX { PAST_FILES_MIN } else { FILES_MIN };
    let mut groups = Vec::new();
    for ((_, class), mut files) in classes {
        files.sort_by_key(|file| file.rows);
        let mut rows = 0;
        let fit = files.iter().take(FILES_MAX).take_while(|file| {
            rows += file.rows;
            rows <= ROWS_MAX
        });
        let fit = fit.count();
        files.truncate(fit);
        if fit >= enough(class).min(8) && (fit >= enough(class) || rows > ROWS_MAX) {
            groups.push(files);
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn file(date: i32, rows: u64, name: u64) -> Arc<DataFile> {
        let partition = Partition { date, bucket: 0 };
        let path = name.to_string();
        Arc::new(DataFile { path, partition, bytes: rows * 40, rows, ..DataFile::default() })
    }

    #[test]
    fn sixteen_files_of_a_size_are_merged_and_fifteen_are_not() {
        let files: Vec<_> = (0..15).map(|n| file(100, 10, n)).collect();
        assert!(due(&files, 100).is_empty());
        let files: Vec<_> = (0..16).map(|n| file(100, 10, n)).chain([file(100, 5_000, 99)]).collect();
        let groups = due(&files, 100);
        assert_eq!(groups.iter().map(Vec::len).collect::<Vec<_>>(), [16]);
    }

    #[test]
    fn a_day_that_is_over_is_merged_more_eagerly() {
        let files: Vec<_> = [10, 900, 50_000, 7].into_iter().zip(0..).map(|(rows, n)| file(97, rows, n)).collect();
        assert_eq!(due(&files, 100).len(), 1);
        assert!(due(&files, 98).is_empty());
        assert!(due(&files[..3], 100).is_empty());
    }

    #[test]
    fn no_merge_is_larger_than_memory_allows() {
        let files: Vec<_> = (0..40).map(|n| file(100, 10_000, n)).collect();
        let groups = due(&files, 100);
        assert_eq!(groups.iter().map(Vec::len).collect::<Vec<_>>(), [13]);
        let large: Vec<_> = (0..40).map(|n| file(100, 70_000, n)).collect();
        assert!(due(&large, 200).is_empty());
    }

    /// A row is rewritten a few times in its life, not once per commit.
    #[test]
    fn a_day_of_small_commits_costs_few_rewrites() {
        let mut files: Vec<Arc<DataFile>> = Vec::new();
        let (mut rewritten, mut most) = (0, 0);
        for n in 0..40_000_u64 {
            files.push(file(100, 12, n));
            if n % 30 == 0 {
                for group in due(&files, 100) {
                    let rows = group.iter().map(|f| f.rows).sum();
                    rewritten += rows;
                    let gone: HashSet<_> = group.iter().map(|f| f.path.clone()).collect();
                    files.retain(|f| !gone.contains(&f.path));
                    files.push(file(100, rows, 1_000_000 + n * 100 + files.len() as u64));
                }
                most = most.max(files.len());
            }
        }
        assert!(rewritten < 7 * 40_000 * 12, "{rewritten}");
        assert!(most < 120, "{most}");
    }
}
