//! Predicates over the columns of a chunk, then rules over the predicates' masks.
//!
//! Not the making of alerts. A distinct value is matched once and its list of predicates remembered across batches (at most
//! [`CACHED_VALUES_MAX`] values a field, then the field starts anew); comparisons of numbers run over the column. Cost: one hash
//! look-up per row and field (none while a value repeats), one word operation per 64 rows and predicate of a frequent list.

use crate::cost::Clock;
use crate::mask::{CHUNK_ROWS, Mask, PredicateMasks};
use crate::matcher::{FieldMatcher, Reference};
use crate::pattern::Fold;
use crate::pool::{EVERY_FIELD, Expr, FieldId, Place, PredicateId};
use crate::ruleset::RuleSet;
use crate::texts::Scratch;
use crate::view::{Column, Columns};
use arrow::array::{Array, ArrowPrimitiveType, PrimitiveArray, StringArray};
use hashbrown::HashMap;
use std::ops::Range;

/// The most distinct values of a field whose matches are remembered.
pub(crate) const CACHED_VALUES_MAX: usize = 1 << 16;
/// The longest value that is remembered, in bytes.
const CACHED_VALUE_BYTES_MAX: usize = 4 << 10;
/// From so many rows on, a list's rows are collected in a mask first.
const FREQUENT_ROWS: u32 = 16;
/// After so many look-ups it is judged whether remembering values of a field pays: a quarter must have been known.
const JUDGED_LOOKUPS: u32 = 1 << 12;
/// After so many look-ups the judgement begins anew.
const RETRIED_LOOKUPS: u32 = 1 << 20;
/// The list of values that pass nothing.
const NOTHING: u32 = 0;

/// What values of a field pass, remembered.
#[derive(Default)]
pub(crate) struct FieldCache {
    texts: HashMap<Box<str>, u32>,
    ints: HashMap<i64, u32>,
    lists: Vec<Box<[PredicateId]>>,
    ids: HashMap<Box<[PredicateId]>, u32>,
    scratch: Scratch,
    hits: Vec<PredicateId>,
    rows: Vec<u32>,
    counts: Vec<u32>,
    found: u32,
    asked: u32,
}

impl FieldCache {
    fn intern(&mut self) -> u32 {
        self.hits.sort_unstable();
        self.hits.dedup();
        if self.hits.is_empty() {
            return NOTHING;
        }
        if let Some(id) = self.ids.get(self.hits.as_slice()) {
            return *id;
        }
        self.lists.push(self.hits.as_slice().into());
        let id = u32::try_from(self.lists.len()).unwrap_or(NOTHING);
        self.ids.insert(self.hits.as_slice().into(), id);
        id
    }

    /// Starts anew when too many values are remembered. Only between chunks: ids of a chunk stay valid.
    fn make_room(&mut self) {
        if self.texts.len().max(self.ints.len()).max(self.lists.len()) > CACHED_VALUES_MAX {
            self.texts.clear();
            self.ints.clear();
            self.lists.clear();
            self.ids.clear();
        }
    }

    /// Whether this value is to be remembered. Values that hardly ever come again are not worth it; now and then it is tried again.
    fn remembers(&mut self, value: &str) -> bool {
        let pays = self.asked < JUDGED_LOOKUPS || self.found >= JUDGED_LOOKUPS / 4;
        self.asked = self.asked.checked_add(1).filter(|asked| *asked < RETRIED_LOOKUPS).unwrap_or(0);
        if self.asked == 0 {
            self.found = 0;
        }
        pays && value.len() <= CACHED_VALUE_BYTES_MAX
    }

    /// The list of a value that is remembered.
    fn text(&mut self, matcher: &FieldMatcher, value: &str) -> u32 {
        if let Some(id) = self.texts.get(value) {
            self.found = self.found.saturating_add(1);
            return *id;
        }
        self.hits.clear();
        matcher.text_hits(value, &mut self.scratch, &mut self.hits);
        let id = self.intern();
        self.texts.insert(value.into(), id);
        id
    }

    /// The list of a value; what a value passes that is not remembered is put at its row at once.
    fn text_at(&mut self, matcher: &FieldMatcher, value: &str, row: usize, masks: &mut PredicateMasks) -> u32 {
        if self.remembers(value) {
            return self.text(matcher, value);
        }
        self.hits.clear();
        matcher.text_hits(value, &mut self.scratch, &mut self.hits);
        self.hits.iter().for_each(|id| masks.set(*id, row));
        NOTHING
    }

    fn int(&mut self, matcher: &FieldMatcher, value: i64) -> u32 {
        if let Some(id) = self.ints.get(&value) {
            return *id;
        }
        self.hits.clear();
        matcher.int_hits(value, &mut self.scratch, &mut self.hits);
        let id = self.intern();
        self.ints.insert(value, id);
        id
    }

    fn float(&mut self, matcher: &FieldMatcher, value: f64) -> u32 {
        self.hits.clear();
        matcher.float_hits(value, &mut self.scratch, &mut self.hits);
        self.intern()
    }

    /// The list of a row with several values: what any of them passes; `null` if there is none.
    fn texts_at<'v>(
        &mut self,
        matcher: &FieldMatcher,
        mut values: impl Iterator<Item = &'v str>,
        (row, null): (usize, u32),
        masks: &mut PredicateMasks,
    ) -> u32 {
        let Some(first) = values.next() else { return null };
        let first = self.text_at(matcher, first, row, masks);
        for value in values {
            let list = self.text_at(matcher, value, row, masks);
            predicates(&self.lists, list).iter().for_each(|id| masks.set(*id, row));
        }
        first
    }

    fn list(&mut self, hits: &[PredicateId]) -> u32 {
        self.hits.clear();
        self.hits.extend_from_slice(hits);
        self.intern()
    }

    /// Gives the predicates of each row's list the row.
    fn spread(&mut self, masks: &mut PredicateMasks) {
        self.counts.clear();
        self.counts.resize(self.lists.len().saturating_add(1), 0);
        for list in &self.rows {
            if let Some(count) = self.counts.get_mut(*list as usize) {
                *count = count.saturating_add(1);
            }
        }
        let mut frequent: HashMap<u32, Mask> = HashMap::new();
        for (row, list) in self.rows.iter().enumerate().filter(|(_, list)| **list != NOTHING) {
            if self.counts.get(*list as usize).is_some_and(|count| *count >= FREQUENT_ROWS) {
                frequent.entry(*list).or_insert(Mask::EMPTY).set(row);
            } else {
                predicates(&self.lists, *list).iter().for_each(|id| masks.set(*id, row));
            }
        }
        for (list, rows) in &frequent {
            predicates(&self.lists, *list).iter().for_each(|id| masks.or(*id, rows));
        }
    }
}

fn predicates(lists: &[Box<[PredicateId]>], list: u32) -> &[PredicateId] {
    let index = (list as usize).checked_sub(1);
    index.and_then(|i| lists.get(i)).map_or(&[], |hits| hits)
}

/// Predicates of a rule set over the rows of one chunk after another.
pub(crate) struct Evaluator {
    /// What the rows of the last chunk pass.
    pub(crate) masks: PredicateMasks,
    caches: Vec<FieldCache>,
    /// Fields with predicates.
    asked: Vec<FieldId>,
}

impl Evaluator {
    pub(crate) fn new(set: &RuleSet) -> Self {
        let mut asked: Vec<_> = set.pool.predicates.iter().map(|p| p.field).collect();
        asked.sort_unstable();
        asked.dedup();
        let caches = set.matchers.iter().map(|_| FieldCache::default()).collect();
        Self { masks: PredicateMasks::new(set.pool.predicates.len()), caches, asked }
    }

    /// Has what is tried on values measured by this clock, or not any more.
    pub(crate) fn measure(&mut self, clock: Option<Clock>) {
        self.caches.iter_mut().for_each(|cache| cache.scratch.clock = clock);
    }

    /// Adds what was tried for each predicate, in nanoseconds, since the last call.
    pub(crate) fn spent(&mut self, sums: &mut HashMap<PredicateId, u64>) {
        for (id, nanos) in self.caches.iter_mut().flat_map(|cache| cache.scratch.spent.drain()) {
            let sum = sums.entry(id).or_default();
            *sum = sum.saturating_add(nanos);
        }
    }

    /// Evaluates all predicates over the rows of a chunk.
    pub(crate) fn run(&mut self, set: &RuleSet, columns: &Columns, chunk: &Range<usize>) {
        self.masks.clear();
        for field in &self.asked {
            let index = field.0 as usize;
            let (Some(matcher), Some(cache)) = (set.matchers.get(index), self.caches.get_mut(index)) else { continue };
            if set.pool.name(*field) == EVERY_FIELD {
                columns.every().for_each(|column| evaluate_column(matcher, column, chunk, cache, &mut self.masks));
                continue;
            }
            evaluate_column(matcher, columns.column(*field), chunk, cache, &mut self.masks);
            for reference in &matcher.references {
                let (value, other) = (columns.column(*field), columns.column(reference.other));
                let holds = |row: &usize| refers(reference, value, other, *row);
                let rows = chunk.clone().filter(holds).filter_map(|row| row.checked_sub(chunk.start));
                let begun = cache.scratch.clock.map(|clock| clock());
                rows.for_each(|row| self.masks.set(reference.id, row));
                if let (Some(clock), Some(begun)) = (cache.scratch.clock, begun) {
                    let sum = cache.scratch.spent.entry(reference.id).or_default();
                    *sum = sum.saturating_add(clock().saturating_sub(begun));
                }
            }
        }
    }
}

/// Whether any value of a row holds any value of the other field.
fn refers(reference: &Reference, values: &Column, others: &Column, row: usize) -> bool {
    let Reference { place, fold, .. } = *reference;
    values.any_text(row, |value| {
        others.any_text(row, |other| {
            if fold == Fold::Case && place == Place::Whole && value.is_ascii() && other.is_ascii() {
                return value.eq_ignore_ascii_case(other);
            }
            place.holds(&fold.apply(value), &fold.apply(other))
        })
    })
}

/// Evaluates all predicates on one field over the rows of a chunk.
fn evaluate_column(
    matcher: &FieldMatcher,
    column: &Column,
    chunk: &Range<usize>,
    cache: &mut FieldCache,
    masks: &mut PredicateMasks,
) {
    cache.make_room();
    cache.rows.clear();
    let absent = cache.list(&matcher.absent);
    let mut rows = std::mem::take(&mut cache.rows);
    match column {
        Column::Missing => {
            let all = Mask::first(chunk.len());
            matcher.absent.iter().for_each(|id| masks.or(*id, &all));
        }
        Column::Text(array) => {
            text_rows(matcher, array, chunk, (cache, &mut rows, absent), masks);
        }
        Column::Lists(lists) => {
            let null = cache.list(&matcher.null);
            for (at, row) in chunk.clone().enumerate() {
                let absent = lists.is_absent(row).then_some(absent);
                rows.push(absent.unwrap_or_else(|| cache.texts_at(matcher, lists.of(row), (at, null), masks)));
            }
        }
        Column::Int(array) => {
            #[expect(clippy::cast_precision_loss, reason = "numbers above 2^53 are compared as the nearest float")]
            compare_column(matcher, array, chunk, masks, |value| value as f64);
            if !matcher.is_numeric_only() {
                let mut last = (0, cache.int(matcher, 0));
                for row in chunk.clone() {
                    let value = array.value(row);
                    if value != last.0 {
                        last = (value, cache.int(matcher, value));
                    }
                    rows.push(if array.is_null(row) { absent } else { last.1 });
                }
            }
        }
        Column::Float(array) => {
            compare_column(matcher, array, chunk, masks, |value| value);
            if !matcher.is_numeric_only() {
                for row in chunk.clone() {
                    rows.push(if array.is_null(row) { absent } else { cache.float(matcher, array.value(row)) });
                }
            }
        }
        Column::Bool(array) => {
            let no = matcher.bool_hits(false, &mut cache.scratch);
            let yes = matcher.bool_hits(true, &mut cache.scratch);
            let (no, yes) = (cache.list(&no), cache.list(&yes));
            let list = |row| match array.is_valid(row).then(|| array.value(row)) {
                None => absent,
                Some(true) => yes,
                Some(false) => no,
            };
            rows.extend(chunk.clone().map(list));
        }
    }
    cache.rows = rows;
    cache.spread(masks);
}

/// The list of each row of a text column.
fn text_rows(
    matcher: &FieldMatcher,
    array: &StringArray,
    chunk: &Range<usize>,
    (cache, rows, absent): (&mut FieldCache, &mut Vec<u32>, u32),
    masks: &mut PredicateMasks,
) {
    let mut last = ("", cache.text(matcher, ""));
    for (at, row) in chunk.clone().enumerate() {
        if array.is_null(row) {
            rows.push(absent);
            continue;
        }
        let value = array.value(row);
        if value == last.0 {
            rows.push(last.1);
            continue;
        }
        let list = cache.text_at(matcher, value, at, masks);
        // A value that is not remembered has no list that the next row could share.
        if list != NOTHING {
            last = (value, list);
        }
        rows.push(list);
    }
}

/// The comparisons on a field over a numeric column. A number passes a front part of the sorted bounds, so each row is put once,
/// where its part ends, and the rows of a bound are those of all places from its own on.
fn compare_column<T: ArrowPrimitiveType>(
    matcher: &FieldMatcher,
    array: &PrimitiveArray<T>,
    chunk: &Range<usize>,
    masks: &mut PredicateMasks,
    to_float: impl Fn(T::Native) -> f64,
) {
    let Some(values) = array.values().get(chunk.clone()) else { return };
    let has_nulls = array.null_count() > 0;
    let present = |row: usize| !has_nulls || array.is_valid(chunk.start.saturating_add(row));
    for bounds in [&matcher.above, &matcher.below].into_iter().filter(|bounds| !bounds.is_empty()) {
        let mut ends: Vec<Option<Box<Mask>>> = vec![None; bounds.len()];
        for (row, value) in values.iter().enumerate() {
            let value = to_float(*value);
            let passed = bounds.partition_point(|bound| bound.holds(value));
            let place = passed.checked_sub(1).and_then(|last| ends.get_mut(last));
            if let Some(end) = place.filter(|_| present(row)) {
                end.get_or_insert_with(|| Box::new(Mask::EMPTY)).set(row);
            }
        }
        let mut rows: Option<Mask> = None;
        for (bound, end) in bounds.iter().zip(ends).rev() {
            match (&mut rows, end) {
                (Some(rows), Some(more)) => rows.or(&more),
                (None, Some(first)) => rows = Some(*first),
                (_, None) => {}
            }
            if let Some(rows) = &rows {
                masks.or(bound.id, rows);
            }
        }
    }
    for bound in &matcher.equal {
        let equal = values.iter().enumerate().filter(|(row, value)| bound.holds(to_float(**value)) && present(*row));
        equal.for_each(|(row, _)| masks.set(bound.id, row));
    }
}

/// The rows of a chunk for which an expression holds; `None` if there is none.
pub(crate) fn evaluate(expr: &Expr, masks: &PredicateMasks, all: &Mask) -> Option<Mask> {
    match expr {
        Expr::Predicate(id) => masks.get(*id).copied(),
        Expr::Any(items) => {
            let mut found: Option<Mask> = None;
            for mask in items.iter().filter_map(|item| evaluate(item, masks, all)) {
                match &mut found {
                    Some(so_far) => so_far.or(&mask),
                    None => found = Some(mask),
                }
            }
            found
        }
        Expr::AtLeast(least, items) => {
            // At the n-th place: the rows for which more than n of the items so far hold.
            let mut more_than = vec![Mask::EMPTY; *least];
            for mask in items.iter().filter_map(|item| evaluate(item, masks, all)) {
                let mut reached = mask;
                for rows in &mut more_than {
                    let mut next = *rows;
                    next.and(&reached);
                    rows.or(&reached);
                    reached = next;
                }
            }
            more_than.last().filter(|rows| !rows.is_empty()).copied()
        }
        Expr::All(items) => {
            let fails = |item: &Expr| matches!(item, Expr::Predicate(id) if masks.get(*id).is_none());
            if items.iter().any(fails) {
                return None;
            }
            let mut left = *all;
            for item in items {
                match item {
                    Expr::Predicate(id) => left.and(masks.get(*id)?),
                    Expr::Not(inner) => {
                        if let Some(mask) = evaluate(inner, masks, all) {
                            left.and_not(&mask);
                        }
                    }
                    other => left.and(&evaluate(other, masks, all)?),
                }
                if left.is_empty() {
                    return None;
                }
            }
            Some(left)
        }
        Expr::Not(inner) => {
            let mut left = *all;
            if let Some(mask) = evaluate(inner, masks, all) {
                left.and_not(&mask);
            }
            (!left.is_empty()).then_some(left)
        }
    }
}

/// The chunks of a batch.
pub(crate) fn chunks(rows: usize) -> impl Iterator<Item = Range<usize>> {
    (0..rows).step_by(CHUNK_ROWS).map(move |start| start..start.saturating_add(CHUNK_ROWS).min(rows))
}

#[cfg(test)]
mod tests;
