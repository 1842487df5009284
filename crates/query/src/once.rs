//! Judges a text once for all rows of a batch that hold the same.
//!
//! Not an index. Texts of events come from a few patterns, and rows that hold the same entry of a file's dictionary hold the same view of
//! it; so `LIKE`, regular expressions and functions are asked of each view once. Invariant: the verdicts are those of the predicate
//! itself. Cost: two passes over the views, ~2 ns a row; where most views differ, the predicate is asked of all rows after one pass
//! over some.

use arrow::array::{Array as _, ArrayRef, AsArray as _, BooleanArray, RecordBatch, StringViewArray, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode as _};
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, Operator};
use datafusion::physical_expr::utils::{collect_columns, conjunction, split_conjunction};
use datafusion::physical_expr_common::physical_expr::is_volatile;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::expressions::{BinaryExpr, Column, IsNotNullExpr, IsNullExpr};
use datafusion::physical_plan::filter::{FilterExec, FilterExecBuilder};
use datafusion::physical_plan::{ExecutionPlan, PhysicalExpr};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// Places of the table of views that were seen lately; a power of two.
const PLACES: usize = 1_024;
/// One view in so many rows may be new; with more, nothing is gained.
const NEW_SHARE: usize = 4;
/// So many rows are looked at before that is decided.
const ROWS_MIN: usize = 512;

/// A predicate over one column of texts.
#[derive(Debug)]
struct Once {
    column: Arc<dyn PhysicalExpr>,
    /// Over a batch of that column alone.
    predicate: Arc<dyn PhysicalExpr>,
    schema: SchemaRef,
}

impl Once {
    /// The predicate as one that is asked once a text, if that may pay.
    fn of(predicate: &Arc<dyn PhysicalExpr>, schema: &Schema) -> Option<Arc<dyn PhysicalExpr>> {
        let columns = collect_columns(predicate);
        let mut columns = columns.iter();
        let (column, None) = (columns.next()?, columns.next()) else { return None };
        let of_texts = schema.fields().get(column.index()).is_some_and(|f| *f.data_type() == DataType::Utf8View);
        if !of_texts || cheap(predicate) || is_volatile(predicate) {
            return None;
        }
        let alone = |expr: Arc<dyn PhysicalExpr>| {
            let is_column = expr.downcast_ref::<Column>().is_some();
            Ok(if is_column { Transformed::yes(Arc::new(Column::new("text", 0)) as _) } else { Transformed::no(expr) })
        };
        let alone = predicate.clone().transform(alone).ok()?.data;
        let schema = Arc::new(Schema::new(vec![Field::new("text", DataType::Utf8View, true)]));
        Some(Arc::new(Self { column: Arc::new(column.clone()), predicate: alone, schema }))
    }

    fn judge(&self, texts: ArrayRef) -> Result<ArrayRef> {
        let rows = texts.len();
        let batch = RecordBatch::try_new(self.schema.clone(), vec![texts])?;
        self.predicate.evaluate(&batch)?.into_array(rows)
    }
}

/// Comparing views costs less than finding them again.
fn cheap(predicate: &Arc<dyn PhysicalExpr>) -> bool {
    let compared = |binary: &BinaryExpr| {
        use Operator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
        let sides = [binary.left(), binary.right()];
        matches!(binary.op(), Eq | NotEq | Lt | LtEq | Gt | GtEq) && sides.iter().all(|side| side.children().is_empty())
    };
    predicate.children().is_empty()
        || predicate.downcast_ref::<BinaryExpr>().is_some_and(compared)
        || predicate.downcast_ref::<IsNullExpr>().is_some()
        || predicate.downcast_ref::<IsNotNullExpr>().is_some()
}

/// Which of the rows in `first` holds what each row holds; `None` if most rows hold something new.
struct Distinct {
    first: Vec<u32>,
    of_row: Vec<u32>,
}

impl Distinct {
    fn of(texts: &StringViewArray) -> Option<Self> {
        let views = texts.views();
        let mut places = vec![0_u32; PLACES];
        let (mut first, mut seen) = (Vec::new(), Vec::new());
        let mut of_row = Vec::with_capacity(views.len());
        let mut of_null = None;
        for (row, view) in (0_u32..).zip(views.iter()) {
            if texts.is_null(row as usize) {
                of_row.push(*of_null.get_or_insert_with(|| {
                    first.push(row);
                    seen.push(None);
                    (first.len() - 1) as u32
                }));
                continue;
            }
            let place = places.get_mut(place(*view))?;
            if seen.get(*place as usize) != Some(&Some(*view)) {
                *place = first.len() as u32;
                first.push(row);
                seen.push(Some(*view));
                if first.len() > (row as usize).max(ROWS_MIN) / NEW_SHARE {
                    return None;
                }
            }
            of_row.push(*place);
        }
        Some(Self { first, of_row })
    }
}

fn place(view: u128) -> usize {
    let mixed = ((view as u64) ^ ((view >> 64) as u64).rotate_left(17)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> 54) as usize % PLACES
}

impl PhysicalExpr for Once {
    fn data_type(&self, _schema: &Schema) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn nullable(&self, _schema: &Schema) -> Result<bool> {
        Ok(true)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        let texts = self.column.evaluate(batch)?.into_array(batch.num_rows())?;
        let Some(distinct) = texts.as_string_view_opt().and_then(Distinct::of) else {
            return Ok(ColumnarValue::Array(self.judge(texts)?));
        };
        let verdicts = self.judge(take(&texts, &UInt32Array::from(distinct.first), None)?)?;
        let verdicts: &BooleanArray = verdicts.as_boolean();
        Ok(ColumnarValue::Array(take(verdicts, &UInt32Array::from(distinct.of_row), None)?))
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.column]
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn PhysicalExpr>>) -> Result<Arc<dyn PhysicalExpr>> {
        let column = children.into_iter().next().unwrap_or_else(|| self.column.clone());
        Ok(Arc::new(Self { column, predicate: self.predicate.clone(), schema: self.schema.clone() }))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.predicate.fmt_sql(f)
    }
}

impl fmt::Display for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "once({}: {})", self.column, self.predicate)
    }
}

impl PartialEq for Once {
    fn eq(&self, other: &Self) -> bool {
        self.column.eq(&other.column) && self.predicate.eq(&other.predicate)
    }
}

impl Eq for Once {}

impl Hash for Once {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.column.hash(state);
        self.predicate.hash(state);
    }
}

/// Has the filters of a plan judge texts once.
#[derive(Debug)]
pub(crate) struct JudgeOnce;

impl PhysicalOptimizerRule for JudgeOnce {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let judged = plan.transform_up(|plan| {
            let Some(filter) = plan.downcast_ref::<FilterExec>() else { return Ok(Transformed::no(plan)) };
            let schema = filter.input().schema();
            let parts = split_conjunction(filter.predicate());
            let once: Vec<_> = parts.iter().map(|part| Once::of(part, &schema)).collect();
            if once.iter().all(Option::is_none) {
                return Ok(Transformed::no(plan));
            }
            let all = once.into_iter().zip(parts).map(|(once, part)| once.unwrap_or_else(|| part.clone()));
            let filter = FilterExecBuilder::from(filter).with_predicate(conjunction(all)).build()?;
            Ok(Transformed::yes(Arc::new(filter) as Arc<dyn ExecutionPlan>))
        });
        judged.map(|judged| judged.data)
    }

    fn name(&self) -> &'static str {
        "judge_once"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::physical_plan::expressions::{in_list, like, lit};
    use datafusion::scalar::ScalarValue;

    fn schema() -> Schema {
        Schema::new(vec![Field::new("other", DataType::Int32, true), Field::new("text", DataType::Utf8View, true)])
    }

    /// Rows `n`: a text of `kinds`, every seventh row none.
    fn batch(rows: usize, kinds: usize) -> RecordBatch {
        let text = |n: usize| (n % 7 != 3).then(|| format!("a text of kind {}, longer than a view", n * n % kinds));
        let texts: StringViewArray = (0..rows).map(text).collect();
        let others = arrow::array::Int32Array::from_iter_values((0..rows).map(|n| n as i32));
        RecordBatch::try_new(Arc::new(schema()), vec![Arc::new(others), Arc::new(texts)]).unwrap()
    }

    fn predicates() -> Vec<Arc<dyn PhysicalExpr>> {
        let text = || Arc::new(Column::new("text", 1)) as Arc<dyn PhysicalExpr>;
        let pattern = |text: &str| lit(ScalarValue::Utf8View(Some(text.to_owned())));
        let liked = |negated| like(negated, false, text(), pattern("%kind 1%"), &schema()).unwrap();
        let absent = Arc::new(IsNullExpr::new(text())) as Arc<dyn PhysicalExpr>;
        let listed = vec![pattern("a text of kind 4, longer than a view"), pattern("b")];
        vec![
            liked(false),
            liked(true),
            Arc::new(BinaryExpr::new(absent, Operator::Or, liked(false))),
            in_list(text(), listed, &false, &schema()).unwrap(),
        ]
    }

    #[test]
    fn a_verdict_is_that_of_the_predicate_however_often_texts_repeat() {
        for (rows, kinds) in [(0, 1), (1, 1), (700, 3), (8_192, 200), (8_192, 5_000), (600, 600)] {
            let batch = batch(rows, kinds);
            for predicate in predicates() {
                let once = Once::of(&predicate, &schema()).unwrap();
                let verdicts = |expr: &Arc<dyn PhysicalExpr>| expr.evaluate(&batch).unwrap().into_array(rows).unwrap();
                assert_eq!(&verdicts(&once), &verdicts(&predicate), "{rows} {kinds} {predicate}");
            }
        }
    }

    #[test]
    fn texts_that_repeat_are_judged_once() {
        let repeated = |kinds| Distinct::of(batch(8_192, kinds).column(1).as_string_view()).map(|it| it.first.len());
        // `batch` does not share bytes between rows, as a file's dictionary does.
        assert_eq!(repeated(200), None);
        let few = batch(8_192, 1);
        let shared = take(few.column(1), &UInt32Array::from(vec![1; 8_192]), None).unwrap();
        assert_eq!(Distinct::of(shared.as_string_view()).map(|it| it.first.len()), Some(1));
    }

    #[test]
    fn what_costs_little_or_names_two_columns_is_left_as_it_is() {
        let text = || Arc::new(Column::new("text", 1)) as Arc<dyn PhysicalExpr>;
        let equal = BinaryExpr::new(text(), Operator::Eq, lit(ScalarValue::Utf8View(Some("x".to_owned()))));
        assert!(Once::of(&(Arc::new(equal) as _), &schema()).is_none());
        assert!(Once::of(&(Arc::new(IsNullExpr::new(text())) as _), &schema()).is_none());
        let both = BinaryExpr::new(text(), Operator::LikeMatch, text());
        assert!(Once::of(&(Arc::new(both) as _), &schema()).is_some());
        let number = BinaryExpr::new(Arc::new(Column::new("other", 0)), Operator::Eq, lit(1_i32));
        let two = BinaryExpr::new(Arc::new(number), Operator::Or, Arc::new(IsNullExpr::new(text())));
        assert!(Once::of(&(Arc::new(two) as _), &schema()).is_none());
    }
}
