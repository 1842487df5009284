//! Reads files of the lake: what is known of them once a file and not once a question, and those of this machine without detours.
//!
//! Not a cache of rows. Why not the engine's own reader: it asks for footers alone, keeps those, and fetches the page index anew in each
//! question; and it has another thread read each piece of a local file, which costs more than the reading. Invariant: what is
//! kept is that of the file, since a name is written once. Cost: footers and indices up to the size of the engine's cache.

use bytes::Bytes;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::{CachedParquetFileReaderFactory, ParquetFileReaderFactory};
use datafusion::error::Result;
use datafusion::execution::cache::cache_manager::FileMetadataCache;
use datafusion::parquet::arrow::arrow_reader::ArrowReaderOptions;
use datafusion::parquet::arrow::async_reader::AsyncFileReader;
use datafusion::parquet::errors::{ParquetError, Result as ParquetResult};
use datafusion::parquet::file::metadata::ParquetMetaData;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::future::{BoxFuture, FutureExt as _, ready};
use object_store::ObjectStore;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use url::Url;

/// Opens files of one table.
#[derive(Debug)]
pub(crate) struct Readers {
    inner: CachedParquetFileReaderFactory,
    /// The table's directory, if it is on this machine.
    dir: Option<PathBuf>,
}

impl Readers {
    /// Of the table that has this address, and these objects there.
    pub(crate) fn new(url: &Url, objects: Arc<dyn ObjectStore>, cache: Arc<FileMetadataCache>) -> Self {
        let dir = if url.scheme() == "file" { url.to_file_path().ok() } else { None };
        Self { inner: CachedParquetFileReaderFactory::new(objects, cache), dir }
    }
}

impl ParquetFileReaderFactory for Readers {
    fn create_reader(
        &self,
        partition_index: usize,
        file: PartitionedFile,
        metadata_size_hint: Option<usize>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> Result<Box<dyn AsyncFileReader + Send>> {
        // A file that cannot be opened here is the other reader's to explain.
        let local = self.dir.as_ref().map(|dir| File::open(dir.join(file.object_meta.location.as_ref())));
        let inner = self.inner.create_reader(partition_index, file, metadata_size_hint, metrics)?;
        Ok(Box::new(Reader { inner, local: local.and_then(io::Result::ok) }))
    }
}

struct Reader {
    inner: Box<dyn AsyncFileReader + Send>,
    local: Option<File>,
}

fn read(file: &File, range: &Range<u64>) -> ParquetResult<Bytes> {
    let length = range.end.saturating_sub(range.start);
    let mut bytes = vec![0; usize::try_from(length).map_err(|error| ParquetError::External(Box::new(error)))?];
    file.read_exact_at(&mut bytes, range.start)?;
    Ok(bytes.into())
}

impl AsyncFileReader for Reader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, ParquetResult<Bytes>> {
        match &self.local {
            Some(file) => ready(read(file, &range)).boxed(),
            None => self.inner.get_bytes(range),
        }
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, ParquetResult<Vec<Bytes>>> {
        match &self.local {
            Some(file) => ready(ranges.iter().map(|range| read(file, range)).collect()).boxed(),
            None => self.inner.get_byte_ranges(ranges),
        }
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, ParquetResult<Arc<ParquetMetaData>>> {
        async move {
            let metadata = self.inner.get_metadata(options).await?;
            let columns = metadata.row_groups().iter().flat_map(|group| group.columns());
            let indexed = columns.into_iter().any(|column| column.column_index_offset().is_some());
            if metadata.column_index().is_some() || !indexed {
                return Ok(metadata);
            }
            // Without options, the index comes with the footer and is kept.
            self.inner.get_metadata(None).await
        }
        .boxed()
    }
}
