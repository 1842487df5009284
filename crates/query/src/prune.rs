//! Which files of a table may hold rows that a filter lets through.
//!
//! Not the rows themselves. Invariant: a file that may hold one is kept; what nothing is known of rules nothing out.

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Int32Array, StringArray, TimestampMicrosecondArray, UInt64Array,
};
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::Column;
use datafusion::common::pruning::PruningStatistics;
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use datafusion::physical_plan::PhysicalExpr;
use datafusion::scalar::ScalarValue;
use std::collections::HashSet;
use std::sync::Arc;
use yagura_store::DataFile;

/// The files that may hold rows for which `filter` is true.
pub(crate) fn prune(files: &[Arc<DataFile>], filter: &Arc<dyn PhysicalExpr>, schema: &SchemaRef) -> Vec<Arc<DataFile>> {
    let bounds = Bounds { files, schema };
    let predicate = PruningPredicateBuilder::new().with_file_schema(schema.clone()).try_build(filter.clone());
    let kept = predicate.and_then(|predicate| predicate.prune(&bounds));
    match kept {
        Ok(kept) => files.iter().zip(kept).filter(|(_, keep)| *keep).map(|(file, _)| file.clone()).collect(),
        // The filter says nothing of bounds.
        Err(_) => files.to_vec(),
    }
}

struct Bounds<'a> {
    files: &'a [Arc<DataFile>],
    schema: &'a SchemaRef,
}

impl Bounds<'_> {
    fn bound(&self, column: &Column, greatest: bool) -> Option<ArrayRef> {
        let texts = |of: fn(&DataFile) -> Option<&(String, String)>| -> Option<ArrayRef> {
            let side = |(low, high): &'_ (String, String)| if greatest { high.clone() } else { low.clone() };
            let values: StringArray = self.files.iter().map(|file| of(file).map(side)).collect();
            let kind = self.schema.field_with_name(column.name()).ok()?.data_type().clone();
            arrow::compute::cast(&values, &kind).ok()
        };
        let side = |(low, high): (i64, i64)| if greatest { high } else { low };
        match column.name() {
            "time" => {
                let values: TimestampMicrosecondArray = self.files.iter().map(|file| file.time.map(side)).collect();
                Some(Arc::new(values.with_timezone("UTC")))
            }
            "event_date" => Some(Arc::new(Date32Array::from_iter(self.files.iter().map(|f| Some(f.partition.date))))),
            "vehicle_bucket" => {
                Some(Arc::new(Int32Array::from_iter(self.files.iter().map(|f| Some(f.partition.bucket)))))
            }
            "vehicle" => texts(|file| file.vehicle.as_ref()),
            "tenant" => texts(|file| file.tenant.as_ref()),
            _ => None,
        }
    }
}

impl PruningStatistics for Bounds<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.bound(column, false)
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.bound(column, true)
    }

    fn num_containers(&self) -> usize {
        self.files.len()
    }

    fn null_counts(&self, column: &Column) -> Option<ArrayRef> {
        let field = self.schema.field_with_name(column.name()).ok()?;
        let none = !field.is_nullable() && *field.data_type() != DataType::Null;
        none.then(|| Arc::new(UInt64Array::from(vec![0; self.files.len()])) as ArrayRef)
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        Some(Arc::new(UInt64Array::from_iter_values(self.files.iter().map(|file| file.rows))))
    }

    fn contained(&self, _column: &Column, _values: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}
