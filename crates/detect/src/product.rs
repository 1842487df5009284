//! Which rows a rule looks at: those that its `logsource.product` observed.
//!
//! Not a field that rules ask about. A row without a product is of our own sensors; rows of foreign sensors (`idsr`) are vehicle events
//! too. Invariant: a rule never matches a row of another product. Cost: nothing for a chunk of reports alone; else one comparison a row
//! and product that rules name.

use crate::mask::Mask;
use crate::rule::LogSource;
use arrow::array::{Array, AsArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::record_batch::RecordBatch;
use std::ops::Range;

/// The column that says who observed an event.
pub(crate) const COLUMN: &str = "product";
/// Foreign sensors in vehicles.
const FOREIGN: &str = "idsr";

/// The products that the rules of a set name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Products(Vec<String>);

/// For each product the rows of a chunk; `None` if there are none.
pub(crate) struct ProductRows(Vec<Option<Mask>>);

impl Products {
    /// The place of a rule's product; `None` if it names none, and rests.
    pub(crate) fn add(&mut self, source: &LogSource) -> Option<usize> {
        let name = source.product.as_deref()?.to_ascii_lowercase();
        let known = self.0.iter().position(|known| *known == name);
        known.or_else(|| {
            self.0.push(name);
            self.0.len().checked_sub(1)
        })
    }

    /// The rows of a chunk by product.
    pub(crate) fn rows(&self, column: Option<&StringArray>, chunk: &Range<usize>) -> ProductRows {
        let Some(column) = column else {
            let all = Mask::first(chunk.len());
            return ProductRows(self.0.iter().map(|name| (name == LogSource::VEHICLE).then_some(all)).collect());
        };
        let mut masks = vec![None; self.0.len()];
        for (bit, row) in chunk.clone().enumerate() {
            let product = if column.is_valid(row) { column.value(row) } else { LogSource::VEHICLE };
            for (name, mask) in self.0.iter().zip(&mut masks) {
                let both = name == LogSource::VEHICLE && product.eq_ignore_ascii_case(FOREIGN);
                if both || name.eq_ignore_ascii_case(product) {
                    mask.get_or_insert(Mask::EMPTY).set(bit);
                }
            }
        }
        ProductRows(masks)
    }
}

impl ProductRows {
    /// The rows of a product.
    pub(crate) fn of(&self, product: usize) -> Option<&Mask> {
        self.0.get(product).and_then(Option::as_ref)
    }
}

/// The column of a batch, if any row of it has a product.
pub(crate) fn column(batch: &RecordBatch) -> Option<StringArray> {
    let array = batch.column_by_name(COLUMN).filter(|array| array.null_count() < array.len())?;
    Some(cast(array, &DataType::Utf8).ok()?.as_string_opt::<i32>()?.clone())
}
