//! Cuts times in UTC to seconds, minutes, hours and days by arithmetic.
//!
//! Not other zones, weeks and months: those need a calendar and stay with `date_trunc`, which asks the calendar for each row (30 % of the
//! time of a question that groups by the hour). Invariant: the result is that of `date_trunc`, also for years that a clock gone wrong
//! made up, for which `date_bin` would fail.

use arrow::array::{Array as _, AsArray as _, PrimitiveArray};
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, exec_err};
use datafusion::error::Result;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable as _, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use std::sync::Arc;

/// Has `date_trunc` of the lake's times done by arithmetic.
#[derive(Debug)]
pub(crate) struct Hours;

impl FunctionRewrite for Hours {
    fn name(&self) -> &'static str {
        "hours"
    }

    fn rewrite(&self, expr: Expr, schema: &DFSchema, _config: &ConfigOptions) -> Result<Transformed<Expr>> {
        let Expr::ScalarFunction(ScalarFunction { func, args }) = &expr else { return Ok(Transformed::no(expr)) };
        let [Expr::Literal(unit, _), time] = args.as_slice() else { return Ok(Transformed::no(expr)) };
        let seconds = match unit.try_as_str().flatten().map(str::to_ascii_lowercase).as_deref() {
            Some("second") => 1,
            Some("minute") => 60,
            Some("hour") => 3_600,
            Some("day") => 86_400,
            _ => return Ok(Transformed::no(expr)),
        };
        let kind = time.get_type(schema)?;
        let of_the_lake = matches!(&kind, DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) if &**zone == "UTC");
        if func.name() != "date_trunc" || !of_the_lake {
            return Ok(Transformed::no(expr));
        }
        let cut = ScalarUDF::new_from_impl(Cut::to(seconds * 1_000_000, kind));
        Ok(Transformed::yes(cut.call(vec![time.clone()])))
    }
}

/// Cuts times to multiples of a width since 1970.
#[derive(Debug, Eq, Hash, PartialEq)]
struct Cut {
    width_us: i64,
    kind: DataType,
    signature: Signature,
}

impl Cut {
    fn to(width_us: i64, kind: DataType) -> Self {
        Self { width_us, signature: Signature::exact(vec![kind.clone()], Volatility::Immutable), kind }
    }
}

impl ScalarUDFImpl for Cut {
    fn name(&self) -> &'static str {
        "utc_trunc"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _kinds: &[DataType]) -> Result<DataType> {
        Ok(self.kind.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(times) = args.args.first() else { return exec_err!("{} takes a time", self.name()) };
        let times = times.to_array(args.number_rows)?;
        let Some(times) = times.as_primitive_opt::<TimestampMicrosecondType>() else {
            return exec_err!("{} takes a time in microseconds, not {}", self.name(), times.data_type());
        };
        let cut = |time: i64| time.saturating_sub(time.rem_euclid(self.width_us));
        let cut: PrimitiveArray<TimestampMicrosecondType> = times.unary(cut);
        Ok(ColumnarValue::Array(Arc::new(cut.with_data_type(self.kind.clone()))))
    }
}
