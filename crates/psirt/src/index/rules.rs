//! What an advisory says of versions, as rules over version keys.
//!
//! Not a judgement: rules are kept apart as the source gave them, and [`super::judge`] weighs them. A rule has 24 bytes: form, status, scheme
//! and a spare byte, then five numbers that the form names.

use crate::advisory::{End, Versions};
use crate::version::{Cut, Scheme, Side, stated};
use crate::vex::Status;

use super::heap::Heap;
use super::layout::{Frame, Section, SegmentError, field, to_u32, to_usize};

/// Bytes of a rule.
pub(super) const RULE_BYTES: usize = 24;
/// Versions that one list may have; more are refused.
pub(super) const EXACT_MAX: usize = 100_000;

/// The statuses by their number.
const STATUSES: [Status; 4] = [Status::Affected, Status::NotAffected, Status::Fixed, Status::UnderInvestigation];

/// The number of a status; 255 is none.
pub(super) fn status_number(status: Option<Status>) -> u8 {
    let number = STATUSES.into_iter().zip(0_u8..).find(|(known, _)| Some(*known) == status).map(|(_, number)| number);
    number.unwrap_or(u8::MAX)
}

/// The status of a number.
pub(super) fn status_of(number: u8) -> Option<Status> {
    STATUSES.get(usize::from(number)).copied()
}

/// One rule, read in place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule<'a> {
    pub(super) status: Status,
    pub(super) scheme: Scheme,
    pub(super) form: Form<'a>,
}

/// Which versions a rule means.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form<'a> {
    /// A range of keys in its byte form, the words of the source, and the version that ends it if that holds the fix.
    Range { bytes: &'a [u8], words: &'a str, fixed: Option<&'a str>, low: Option<(&'a [u8], &'a str)> },
    /// A sorted list of keys: its start and count in `Lists`.
    Exactly { start: u32, count: u32 },
    /// All of them.
    All,
    /// Commits that brought it, fixed it, or were the last to have it: a start in `Lists`.
    Commits { start: u32 },
}

impl<'a> Frame<'a> {
    /// The rule of a number.
    pub(super) fn rule(&self, index: u32) -> Result<Rule<'a>, SegmentError> {
        let row = self.row::<RULE_BYTES>(Section::Rules, index)?;
        let [form, status, scheme, ..] = *row;
        let damaged = || self.damaged(Section::Rules, to_usize(index).saturating_mul(RULE_BYTES));
        let form = match form {
            0 => Form::Range {
                bytes: self.item(field(row, 4))?,
                words: self.text(field(row, 8))?,
                fixed: self.text_or_none(field(row, 12))?,
                low: match field(row, 16) {
                    0 => None,
                    key => Some((self.item(key)?, self.text(field(row, 20))?)),
                },
            },
            1 => Form::Exactly { start: field(row, 4), count: field(row, 8) },
            2 => Form::All,
            3 => Form::Commits { start: field(row, 4) },
            _ => return Err(damaged()),
        };
        let status = status_of(status).ok_or_else(damaged)?;
        Ok(Rule { status, scheme: Scheme::numbered(scheme).ok_or_else(damaged)?, form })
    }
}

/// Writes rules into a segment's sections.
#[derive(Debug)]
pub(super) struct Writer<'w> {
    pub(super) rules: &'w mut Vec<u8>,
    pub(super) lists: &'w mut Vec<u32>,
    pub(super) heap: &'w mut Heap,
}

impl Writer<'_> {
    /// Writes one statement of versions; says what could not be read.
    pub(super) fn write(&mut self, versions: &Versions, status: Status, scheme: Scheme, wrong: &mut Vec<String>) {
        match versions {
            Versions::Exactly(texts) => self.exactly(texts, status, scheme, wrong),
            Versions::All => self.push(2, status, scheme, [0; 5]),
            Versions::Commits { introduced, fixed, last_affected, .. } => {
                let start = to_u32(self.lists.len());
                let groups = [introduced, fixed, last_affected];
                self.lists.extend(groups.iter().map(|group| to_u32(group.len())));
                for commit in groups.into_iter().flatten() {
                    let number = self.heap.text(&commit.to_ascii_lowercase());
                    self.lists.push(number);
                }
                self.push(3, status, scheme, [start, 0, 0, 0, 0]);
            }
            Versions::Interval { introduced, end, .. } => {
                // Which scheme holds is decided: the source's word for it must not be heard again.
                let plain = Versions::Interval { scheme: None, introduced: introduced.clone(), end: end.clone() };
                let low = introduced.as_deref().map(str::trim).filter(|text| !matches!(*text, "0" | "*" | ""));
                let (high, fixed) = match end {
                    End::Before(text) if !text.contains('*') => (format!("before {text}"), Some(text.as_str())),
                    End::Before(text) => (format!("before {text}"), None),
                    End::With(text) => (format!("up to {text}"), None),
                    End::Open => (String::new(), None),
                };
                let words = match (low, high.as_str()) {
                    (None, "" | "up to *") => "all versions".to_owned(),
                    (Some(low), "" | "up to *") => format!("from {low}"),
                    (None, high) => high.to_owned(),
                    (Some(low), high) => format!("from {low}, {high}"),
                };
                self.range(&plain, status, scheme, (&words, fixed, low), wrong);
            }
            Versions::Notation(text) => self.range(versions, status, scheme, (text, None, None), wrong),
        }
    }

    fn range(
        &mut self,
        versions: &Versions,
        status: Status,
        scheme: Scheme,
        (words, fixed, low): (&str, Option<&str>, Option<&str>),
        wrong: &mut Vec<String>,
    ) {
        let read = match stated(versions, Some(scheme)) {
            Ok(read) => read,
            Err(error) => return wrong.push(error.to_string()),
        };
        let scheme = read.range.scheme();
        let low_key = match (read.range.cuts().first(), low) {
            (Some(Cut::At(key, _)), Some(_)) => self.heap.put(key.as_bytes()),
            _ => 0,
        };
        let numbers = [
            self.heap.put(&read.range.to_bytes()),
            self.heap.text(words),
            self.heap.text(fixed.unwrap_or_default()),
            low_key,
            self.heap.text(low.unwrap_or_default()),
        ];
        self.push(0, status, scheme, numbers);
    }

    /// Plain versions become one list; what is a range in disguise (`< 1.2`, `5.4.*`) becomes a range.
    fn exactly(&mut self, texts: &[String], status: Status, scheme: Scheme, wrong: &mut Vec<String>) {
        if texts.len() > EXACT_MAX {
            wrong.push(format!("{} versions enumerated, the first {EXACT_MAX} are read", texts.len()));
        }
        let mut keys = Vec::with_capacity(texts.len().min(EXACT_MAX));
        for text in texts.iter().take(EXACT_MAX) {
            let one = Versions::Exactly(vec![text.clone()]);
            match stated(&one, Some(scheme)) {
                Ok(read) => match read.range.cuts() {
                    [Cut::At(low, Side::Before), Cut::At(high, Side::Behind)]
                        if low == high && read.range.scheme() == scheme =>
                    {
                        keys.push(low.as_bytes().to_vec());
                    }
                    [] => {}
                    _ => self.range(&one, status, scheme, (text, None, None), wrong),
                },
                Err(error) => wrong.push(error.to_string()),
            }
        }
        if keys.is_empty() {
            return;
        }
        keys.sort_unstable();
        keys.dedup();
        let start = to_u32(self.lists.len());
        for key in &keys {
            let number = self.heap.put(key);
            self.lists.push(number);
        }
        self.push(1, status, scheme, [start, to_u32(keys.len()), 0, 0, 0]);
    }

    /// Writes a rule of another segment.
    pub(super) fn copy(&mut self, from: &Frame<'_>, index: u32) -> Result<(), SegmentError> {
        let row = from.row::<RULE_BYTES>(Section::Rules, index)?;
        let Rule { status, scheme, form } = from.rule(index)?;
        let [form_number, ..] = *row;
        let numbers = match form {
            Form::Range { bytes, words, fixed, low } => {
                let (low_key, low) = low.unwrap_or_default();
                [
                    self.heap.put(bytes),
                    self.heap.text(words),
                    self.heap.text(fixed.unwrap_or_default()),
                    self.heap.put(low_key),
                    self.heap.text(low),
                ]
            }
            Form::Exactly { start, count } => {
                let at = to_u32(self.lists.len());
                for number in start..start.saturating_add(count) {
                    let key = from.item(from.number(Section::Lists, number)?)?;
                    self.lists.push(self.heap.put(key));
                }
                [at, count, 0, 0, 0]
            }
            Form::All => [0; 5],
            Form::Commits { start } => {
                let at = to_u32(self.lists.len());
                let mut commits = 0_u32;
                for group in 0..3 {
                    let count = from.number(Section::Lists, start.saturating_add(group))?;
                    self.lists.push(count);
                    commits = commits.saturating_add(count);
                }
                let first = start.saturating_add(3);
                for number in first..first.saturating_add(commits) {
                    let commit = from.text(from.number(Section::Lists, number)?)?;
                    self.lists.push(self.heap.text(commit));
                }
                [at, 0, 0, 0, 0]
            }
        };
        self.push(form_number, status, scheme, numbers);
        Ok(())
    }

    fn push(&mut self, form: u8, status: Status, scheme: Scheme, numbers: [u32; 5]) {
        self.rules.extend([form, status_number(Some(status)), scheme.number(), 0]);
        self.rules.extend(numbers.into_iter().flat_map(u32::to_le_bytes));
    }
}
