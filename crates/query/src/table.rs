//! A table of the lake as the query engine sees it: the files of one moment, and the rows that are not in them yet.
//!
//! Not a place to write to. Invariants: rows of another tenant than the question's leave this module under no circumstances: a file
//! whose bounds do not say that all its rows are the tenant's is read behind a filter; a row that is both in a file and among the
//! rows that wait is seen once. Cost: files are ruled out by time, vehicle, tenant and day before they are opened.

use crate::prune::{in_buckets, prune};
use crate::reader::Readers;
use arrow::array::{AsArray as _, BooleanArray, RecordBatch};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::DFSchema;
use datafusion::common::stats::{Precision, Statistics};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType, col, lit};
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::{ExecutionPlan, PhysicalExpr, expressions};
use datafusion::scalar::ScalarValue;
use object_store::ObjectMeta;
use object_store::path::Path;
use std::sync::Arc;
use yagura_store::{DataFile, PARTITION_SHIFT, Snapshot, Table};

/// Columns that are in the path of a file.
const PARTITION_COLUMNS: [&str; 2] = ["event_date", "vehicle_bucket"];

/// What a question is asked of: one table at one moment.
#[derive(Clone, Debug)]
pub struct Rows {
    /// The files. Take them after `waiting`, or rows that move meanwhile are missed.
    pub snapshot: Snapshot,
    /// Rows that are not in the lake yet, perhaps with some that are by now: all of the lake's own partition.
    pub waiting: Vec<RecordBatch>,
}

/// A table as one tenant sees it.
#[derive(Debug)]
pub(crate) struct LakeTable {
    rows: Rows,
    /// `None`: an operator at the machine itself, who can read all files anyway.
    tenant: Option<String>,
    /// In the order of the lake.
    schema: SchemaRef,
    /// In the order of files: partition columns last.
    file_schema: TableSchema,
}

impl LakeTable {
    pub(crate) fn new(rows: Rows, tenant: Option<String>) -> Self {
        let schema = viewed(&rows.snapshot.table.schema());
        let (partitions, inside): (Vec<_>, Vec<_>) =
            schema.fields().iter().cloned().partition(|f| PARTITION_COLUMNS.contains(&f.name().as_str()));
        let file_schema =
            TableSchema::builder(Arc::new(Schema::new(inside))).with_table_partition_cols(partitions).build();
        Self { rows, tenant, schema, file_schema }
    }

    /// Where its files are, among the engine's object stores.
    pub(crate) fn url(table: Table) -> Result<ObjectStoreUrl> {
        ObjectStoreUrl::parse(format!("lake://{}", table.name().replace('_', "-")))
    }

    fn tenant_filter(&self) -> Option<Expr> {
        self.tenant.as_ref().map(|tenant| col("tenant").eq(lit(tenant.clone())))
    }

    /// A scan of these files, with `columns` of the table's schema; rows that `filter` rules out may still be among them.
    fn files(
        &self,
        state: &dyn Session,
        files: &[Arc<DataFile>],
        columns: &[usize],
        filter: Option<Arc<dyn PhysicalExpr>>,
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let table_schema = self.file_schema.table_schema();
        let indices: Result<Vec<usize>> =
            columns.iter().map(|i| Ok(table_schema.index_of(self.schema.field(*i).name())?)).collect();
        let env = state.runtime_env();
        let cache = env.cache_manager.get_file_metadata_cache();
        let readers = Readers::new(&self.rows.snapshot.url, self.rows.snapshot.objects.clone(), cache);
        let options = state.default_table_options().parquet;
        let mut source = ParquetSource::new(self.file_schema.clone())
            .with_table_parquet_options(options)
            .with_parquet_file_reader_factory(Arc::new(readers))
            .with_enable_page_index(true)
            .with_bloom_filter_on_read(true);
        if let Some(filter) = filter {
            // To decode late pays when few rows are wanted, as those of one vehicle are.
            let late = mentions(&filter, "vehicle");
            source = source.with_predicate(filter).with_pushdown_filters(late);
        }
        let groups = grouped(files, state.config().target_partitions());
        let rows: u64 = files.iter().map(|file| file.rows).sum();
        let bytes: u64 = files.iter().map(|file| file.bytes).sum();
        let mut statistics = Statistics::new_unknown(table_schema);
        statistics.num_rows = Precision::Exact(usize::try_from(rows).unwrap_or(usize::MAX));
        statistics.total_byte_size = Precision::Inexact(usize::try_from(bytes).unwrap_or(usize::MAX));
        let config = FileScanConfigBuilder::new(Self::url(self.rows.snapshot.table)?, Arc::new(source))
            .with_file_groups(groups)
            .with_statistics(statistics)
            .with_limit(limit)
            .with_projection_indices(Some(indices?))?
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }

    /// The rows that wait, without those that are in the files by now.
    fn waiting(&self, columns: &[usize]) -> Result<Arc<dyn ExecutionPlan>> {
        let batches: Result<Vec<RecordBatch>> = self.rows.waiting.iter().map(|batch| self.unseen(batch)).collect();
        let plan = MemorySourceConfig::try_new_exec(&[batches?], self.schema.clone(), Some(columns.to_vec()))?;
        Ok(plan)
    }

    fn unseen(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let committed = self.rows.snapshot.committed.and_then(|place| i64::try_from(place.0).ok());
        let positions = batch.column_by_name("position").and_then(|c| c.as_primitive_opt::<Int64Type>());
        let batch = match (committed, positions) {
            (Some(committed), Some(positions)) => {
                let partition = committed >> PARTITION_SHIFT;
                let seen = |place: Option<i64>| {
                    place.is_some_and(|place| place >> PARTITION_SHIFT == partition && place <= committed)
                };
                let new: BooleanArray = positions.iter().map(|place| Some(!seen(place))).collect();
                filter_record_batch(batch, &new)?
            }
            _ => batch.clone(),
        };
        let columns: std::result::Result<Vec<_>, _> =
            batch.columns().iter().zip(self.schema.fields()).map(|(column, f)| cast(column, f.data_type())).collect();
        Ok(RecordBatch::try_new(self.schema.clone(), columns?)?)
    }

    /// The plan behind the tenant filter, with the columns of `wanted` only.
    fn only_tenant(&self, plan: Arc<dyn ExecutionPlan>, wanted: usize) -> Result<Arc<dyn ExecutionPlan>> {
        let Some(tenant) = &self.tenant else { return Ok(plan) };
        let column = expressions::col("tenant", &plan.schema())?;
        let value = expressions::lit(ScalarValue::Utf8View(Some(tenant.clone())));
        let equal = expressions::binary(column, datafusion::logical_expr::Operator::Eq, value, &plan.schema())?;
        let filtered: Arc<dyn ExecutionPlan> = Arc::new(FilterExec::try_new(equal, plan)?);
        let schema = filtered.schema();
        if schema.fields().len() == wanted {
            return Ok(filtered);
        }
        let kept = schema.fields().iter().enumerate().take(wanted);
        let kept: Vec<(Arc<dyn PhysicalExpr>, String)> = kept
            .map(|(i, f)| (Arc::new(expressions::Column::new(f.name(), i)) as Arc<dyn PhysicalExpr>, f.name().clone()))
            .collect();
        Ok(Arc::new(ProjectionExec::try_new(kept, filtered)?))
    }
}

#[async_trait]
impl TableProvider for LakeTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        // The engine filters again; here a filter only rules out files, row groups and pages.
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let all: Vec<usize> = (0..self.schema.fields().len()).collect();
        let columns = projection.cloned().unwrap_or(all);
        // Behind the tenant filter, the tenant is read whether it was asked for or not.
        let tenant = self.schema.index_of("tenant")?;
        let mut guarded = columns.clone();
        if self.tenant.is_some() && !guarded.contains(&tenant) {
            guarded.push(tenant);
        }
        let table_schema = self.file_schema.table_schema();
        let asked = conjunction(filters.iter().cloned().chain(self.tenant_filter()));
        let df_schema = DFSchema::try_from(table_schema.as_ref().clone())?;
        let filter = asked.map(|asked| state.create_physical_expr(asked, &df_schema)).transpose()?;
        let files = match &filter {
            Some(filter) => prune(&self.rows.snapshot.files, filter, table_schema),
            None => self.rows.snapshot.files.clone(),
        };
        let files = in_buckets(files, filters, self.tenant.as_deref());
        let own = |file: &Arc<DataFile>| match (&self.tenant, &file.tenant) {
            (None, _) => true,
            (Some(tenant), Some((low, high))) => low == tenant && high == tenant,
            (Some(_), None) => false,
        };
        let (own, mixed): (Vec<_>, Vec<_>) = files.into_iter().partition(own);
        let limit = if filters.is_empty() { limit } else { None };
        let mut plans = vec![self.files(state, &own, &columns, filter.clone(), limit)?];
        if !mixed.is_empty() {
            plans.push(self.only_tenant(self.files(state, &mixed, &guarded, filter, None)?, columns.len())?);
        }
        if !self.rows.waiting.is_empty() {
            plans.push(self.only_tenant(self.waiting(&guarded)?, columns.len())?);
        }
        UnionExec::try_new(plans)
    }
}

/// Texts and bytes as views: comparing and grouping by them is several times faster.
fn viewed(schema: &Schema) -> SchemaRef {
    let field = |field: &Arc<Field>| {
        let kind = match field.data_type() {
            DataType::Utf8 => DataType::Utf8View,
            DataType::Binary => DataType::BinaryView,
            other => other.clone(),
        };
        Field::new(field.name(), kind, field.is_nullable())
    };
    Arc::new(Schema::new(schema.fields().iter().map(field).collect::<Vec<_>>()))
}

/// Groups of files of about equal size, one for each thread.
fn grouped(files: &[Arc<DataFile>], threads: usize) -> Vec<FileGroup> {
    let mut groups: Vec<(u64, Vec<PartitionedFile>)> = vec![(0, Vec::new()); threads.max(1).min(files.len().max(1))];
    let mut largest_first: Vec<&Arc<DataFile>> = files.iter().collect();
    largest_first.sort_by_key(|file| std::cmp::Reverse(file.bytes));
    for file in largest_first {
        let Some(least) = groups.iter_mut().min_by_key(|(bytes, _)| *bytes) else { break };
        least.0 += file.bytes;
        least.1.push(partitioned(file));
    }
    groups.into_iter().map(|(_, files)| FileGroup::new(files)).collect()
}

fn partitioned(file: &DataFile) -> PartitionedFile {
    let meta = ObjectMeta {
        location: Path::from(file.path.as_str()),
        // A name is written once, so that this need not tell versions of a file apart.
        last_modified: Default::default(),
        size: file.bytes,
        e_tag: None,
        version: None,
    };
    let values = vec![ScalarValue::Date32(Some(file.partition.date)), ScalarValue::Int32(Some(file.partition.bucket))];
    PartitionedFile::new_from_meta(meta).with_partition_values(values)
}

fn mentions(filter: &Arc<dyn PhysicalExpr>, column: &str) -> bool {
    let columns = datafusion::physical_expr::utils::collect_columns(filter);
    columns.iter().any(|found| found.name() == column)
}
