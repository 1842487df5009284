//! Columns against the obvious row-by-row definition of each test, over random predicates and values.

use super::*;
use crate::pattern::Pattern;
use crate::pool::{Comparison, Number, Pool, Test};
use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray};
use arrow::record_batch::RecordBatch;
use proptest::prelude::*;
use std::sync::Arc;

/// One row: a text, a whole number, a number, a truth value; each may be absent.
type Row = (Option<String>, Option<i64>, Option<f64>, Option<bool>);

enum Cell<'a> {
    Text(&'a str),
    Int(i64),
    Float(f64),
    Bool(bool),
}

fn passes(test: &Test, cell: Option<&Cell<'_>>) -> bool {
    let Some(cell) = cell else { return matches!(test, Test::Null | Test::Absent) };
    let text = match cell {
        Cell::Text(text) => (*text).to_owned(),
        Cell::Int(i) => i.to_string(),
        Cell::Float(x) => x.to_string(),
        Cell::Bool(b) => b.to_string(),
    };
    let number = match cell {
        Cell::Text(text) => text.parse().ok(),
        Cell::Int(i) => Some(*i as f64),
        Cell::Float(x) => Some(*x),
        Cell::Bool(_) => None,
    };
    match test {
        Test::Null | Test::Absent => false,
        Test::Exists => true,
        Test::Text { pattern, fold } => pattern.folded(*fold).fits(&fold.apply(&text)),
        Test::Int(i) => text == i.to_string() || matches!(cell, Cell::Float(x) if *x == *i as f64),
        Test::Bool(b) => text.to_lowercase() == b.to_string(),
        Test::Compare(comparison, bound) => number.is_some_and(|n| comparison.holds(n, bound.value())),
        Test::Regex(source) => regex::Regex::new(source).is_ok_and(|r| r.is_match(&text)),
        Test::Cidr(..) | Test::Listed(..) | Test::Time(..) | Test::Field { .. } => false,
    }
}

fn tests() -> impl Strategy<Value = Test> {
    let pattern = "[aAb1-4*?/–-]{0,4}".prop_map(|text| Pattern::parse(&text));
    let fold = prop::sample::select(Fold::ALL.to_vec());
    let placed = (pattern, fold, 0..4_u8).prop_map(|(pattern, fold, place)| Test::Text {
        pattern: match place {
            0 => pattern.anywhere(),
            1 => pattern.at_start(),
            2 => pattern.at_end(),
            _ => pattern,
        },
        fold,
    });
    let comparison = prop::sample::select(vec![
        Comparison::Equal,
        Comparison::Greater,
        Comparison::GreaterOrEqual,
        Comparison::Less,
        Comparison::LessOrEqual,
    ]);
    prop_oneof![
        6 => placed,
        3 => (comparison, -4..5_i32).prop_map(|(c, b)| Test::Compare(c, Number::new(f64::from(b) / 2.0))),
        2 => (-3..5_i64).prop_map(Test::Int),
        1 => any::<bool>().prop_map(Test::Bool),
        1 => prop::sample::select(vec![Test::Null, Test::Absent, Test::Exists]),
        1 => "(\\(\\?i\\))?\\^?[ab1]{1,3}[.?+]?".prop_map(Test::Regex),
    ]
}

fn rows() -> impl Strategy<Value = Row> {
    let number = prop::option::weighted(0.8, (-4..5_i32).prop_map(|n| f64::from(n) / 2.0));
    (
        prop::option::weighted(0.8, "[aAbBé1-4/–-]{0,4}"),
        prop::option::weighted(0.8, -3..45_i64),
        number,
        any::<Option<bool>>(),
    )
}

fn batch(rows: &[Row]) -> RecordBatch {
    let zero = || -> ArrayRef { Arc::new(Int64Array::from(vec![0; rows.len()])) };
    let name = || -> ArrayRef { Arc::new(StringArray::from(vec!["x"; rows.len()])) };
    let columns: [(&str, ArrayRef); 10] = [
        ("time", zero()),
        ("received_time", zero()),
        ("position", zero()),
        ("entry_index", zero()),
        ("tenant", name()),
        ("vehicle", name()),
        ("0", Arc::new(rows.iter().map(|r| r.0.as_deref()).collect::<StringArray>())),
        ("1", Arc::new(rows.iter().map(|r| r.1).collect::<Int64Array>())),
        ("2", Arc::new(rows.iter().map(|r| r.2).collect::<Float64Array>())),
        ("3", Arc::new(rows.iter().map(|r| r.3).collect::<BooleanArray>())),
    ];
    RecordBatch::try_from_iter(columns).expect("columns of one length")
}

fn cell(row: &Row, field: u8) -> Option<Cell<'_>> {
    match field {
        0 => row.0.as_deref().map(Cell::Text),
        1 => row.1.map(Cell::Int),
        2 => row.2.map(Cell::Float),
        3 => row.3.map(Cell::Bool),
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn columns_agree_with_rows(
        asked in proptest::collection::vec((0..5_u8, proptest::collection::vec(tests(), 1..4)), 1..40),
        rows in proptest::collection::vec(rows(), 1..200),
        from in 0..50_usize,
    ) {
        let mut pool = Pool::default();
        let ids: Vec<_> =
            asked.iter().map(|(field, tests)| pool.predicate(&field.to_string(), tests.clone())).collect();
        let columns = Columns::new(&batch(&rows), &pool).expect("a batch");
        let chunk = from.min(rows.len() - 1)..rows.len();
        let mut masks = PredicateMasks::new(pool.predicates.len());
        for (index, matcher) in FieldMatcher::compile_all(&pool, |_| true).into_iter().enumerate() {
            let (field, matcher) = (FieldId(u32::try_from(index).expect("few")), matcher.expect("small patterns"));
            // Twice, so that the second time remembered values answer.
            let mut cache = FieldCache::default();
            for _ in 0..2 {
                evaluate_column(&matcher, columns.column(field), &chunk, &mut cache, &mut masks);
            }
        }
        for ((field, tests), id) in asked.iter().zip(ids) {
            for row in chunk.clone() {
                let cell = cell(&rows[row], *field);
                let expected = tests.iter().any(|test| passes(test, cell.as_ref()));
                let found = masks.get(id).is_some_and(|mask| mask.has(row - chunk.start));
                prop_assert_eq!(found, expected, "field {} row {:?} {:?}", field, &rows[row], tests);
            }
        }
    }
}

#[test]
fn at_least_so_many_hold() {
    let mut masks = PredicateMasks::new(4);
    for (id, rows) in [(0, vec![0, 1, 2]), (1, vec![1, 2]), (2, vec![2, 3])] {
        rows.into_iter().for_each(|row| masks.set(PredicateId(id), row));
    }
    let items: Vec<Expr> = (0..4).map(|id| Expr::Predicate(PredicateId(id))).collect();
    let rows = |least| {
        let found = evaluate(&Expr::AtLeast(least, items.clone()), &masks, &Mask::first(5));
        found.map_or(Vec::new(), |mask| mask.rows().collect::<Vec<_>>())
    };
    assert_eq!([rows(1), rows(2), rows(3), rows(4)], [vec![0, 1, 2, 3], vec![1, 2], vec![2], vec![]]);
}
