//! Which files of a table may hold rows that a filter lets through.
//!
//! Not the rows themselves. Invariant: a file that may hold one is kept; what nothing is known of rules nothing out.

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Int32Array, StringArray, TimestampMicrosecondArray, UInt64Array,
};
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::Column;
use datafusion::common::pruning::PruningStatistics;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use datafusion::physical_plan::PhysicalExpr;
use datafusion::scalar::ScalarValue;
use std::collections::HashSet;
use std::sync::Arc;
use yagura_columns::bucket_of_text;
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

/// The files of the buckets that hold the vehicles which the filters name, if they name any.
///
/// Sorted files have all vehicles of their bucket, so that bounds of vehicles say little of them.
pub(crate) fn in_buckets(mut files: Vec<Arc<DataFile>>, filters: &[Expr], tenant: Option<&str>) -> Vec<Arc<DataFile>> {
    for vehicles in filters.iter().flat_map(split_conjunction).filter_map(vehicles) {
        files.retain(|file| {
            let only = file.tenant.as_ref().filter(|(low, high)| low == high).map(|(low, _)| low.as_str());
            // A file of several tenants, asked by an operator: the vehicle may be in any of its buckets.
            let Some(tenant) = tenant.or(only) else { return true };
            vehicles.iter().any(|vehicle| bucket_of_text(tenant, vehicle) == file.partition.bucket)
        });
    }
    files
}

/// The vehicles that an expression names: `vehicle = 'a'`, `vehicle IN ('a', 'b')`.
fn vehicles(filter: &Expr) -> Option<Vec<&str>> {
    let is_vehicle = |expr: &Expr| matches!(expr, Expr::Column(column) if column.name == "vehicle");
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) if is_vehicle(left) => Some(vec![text(right)?]),
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) if is_vehicle(right) => Some(vec![text(left)?]),
        Expr::InList(list) if is_vehicle(&list.expr) && !list.negated => list.list.iter().map(text).collect(),
        // A list of few is written out.
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            Some([vehicles(left)?, vehicles(right)?].concat())
        }
        _ => None,
    }
}

fn text(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Literal(value, _) => value.try_as_str().flatten(),
        _ => None,
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

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::logical_expr::{col, lit};

    fn files() -> Vec<Arc<DataFile>> {
        let buckets = (0..4).flat_map(|bucket| [("acme", "acme", bucket), ("acme", "beta", bucket)]);
        let file = |(low, high, bucket): (&str, &str, i32)| {
            let mut file = DataFile { tenant: Some((low.to_owned(), high.to_owned())), ..DataFile::default() };
            file.partition.bucket = bucket;
            Arc::new(file)
        };
        buckets.map(file).collect()
    }

    fn kept(filter: Expr, tenant: Option<&str>) -> usize {
        in_buckets(files(), &[filter], tenant).len()
    }

    #[test]
    fn a_vehicle_is_looked_for_in_its_bucket_alone() {
        let filter = || col("vehicle").eq(lit("car-1"));
        let kept_files = in_buckets(files(), &[filter()], Some("acme"));
        assert!(kept_files.iter().all(|file| file.partition.bucket == bucket_of_text("acme", "car-1")));
        assert_eq!(kept_files.len(), 2);
        // An operator sees all tenants: of a file of several, nothing is known.
        assert_eq!(kept(filter(), None), 5);
        assert_eq!(kept(lit("car-1").eq(col("vehicle")).and(col("bus").eq(lit(1))), Some("acme")), 2);
        assert_eq!(kept(col("vehicle").in_list(vec![lit("car-1")], false), Some("acme")), 2);
    }

    #[test]
    fn what_may_be_of_other_vehicles_is_kept() {
        assert_eq!(kept(col("vehicle").in_list(vec![lit("car-1")], true), Some("acme")), 8);
        assert_eq!(kept(col("vehicle").eq(lit("car-1")).or(col("bus").eq(lit(1))), Some("acme")), 8);
        assert_eq!(kept(col("vehicle").gt(lit("car-1")), Some("acme")), 8);
        assert_eq!(kept(col("sensor").eq(lit("car-1")), Some("acme")), 8);
    }
}
