//! What an advisory says of versions, as rules over version keys.
//!
//! Not a judgement: rules are kept apart as the source gave them, and [`super::judge`] weighs them. A rule has 24 bytes: form, status, flags
//! and scheme, then five numbers that the form names.

use crate::advisory::{End, Versions};
use crate::version::{Scheme, write_key};
use crate::vex::Status;

use super::heap::Heap;
use super::layout::{Frame, Section, SegmentError, field, to_u32, to_usize};

/// Bytes of a rule.
pub(super) const RULE_BYTES: usize = 24;
/// Versions that one list may have; more are refused.
pub(super) const EXACT_MAX: usize = 100_000;

const HAS_LOW: u8 = 1;
const HAS_HIGH: u8 = 2;
const HIGH_INSIDE: u8 = 4;

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
    /// From a key to another; texts as the source wrote them.
    Interval { low: Option<(&'a [u8], &'a str)>, high: Option<(&'a [u8], &'a str)>, high_inside: bool },
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
        let [form, status, flags, scheme, ..] = *row;
        let damaged = || self.damaged(Section::Rules, to_usize(index).saturating_mul(RULE_BYTES));
        let bound = |flag: u8, key: usize, text: usize| -> Result<_, SegmentError> {
            let has = flags & flag != 0;
            if has { Ok(Some((self.item(field(row, key))?, self.text(field(row, text))?))) } else { Ok(None) }
        };
        let form = match form {
            0 => Form::Interval {
                low: bound(HAS_LOW, 4, 12)?,
                high: bound(HAS_HIGH, 8, 16)?,
                high_inside: flags & HIGH_INSIDE != 0,
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
    pub(super) fn write(&mut self, versions: &Versions, status: Status, scheme: Scheme) -> Result<(), String> {
        match versions {
            Versions::Interval { introduced, end, .. } => self.interval(introduced.as_deref(), end, status, scheme),
            Versions::Exactly(texts) => self.exactly(texts, status, scheme),
            Versions::All => {
                self.push(2, status, 0, scheme, [0; 4]);
                Ok(())
            }
            Versions::Commits { introduced, fixed, last_affected, .. } => {
                let start = to_u32(self.lists.len());
                let groups = [introduced, fixed, last_affected];
                self.lists.extend(groups.iter().map(|group| to_u32(group.len())));
                for commit in groups.into_iter().flatten() {
                    let number = self.heap.text(&commit.to_ascii_lowercase());
                    self.lists.push(number);
                }
                self.push(3, status, 0, scheme, [start, 0, 0, 0]);
                Ok(())
            }
            Versions::Notation(text) => Err(format!("range {text:?} is in a notation that is not read")),
        }
    }

    /// Writes a rule of another segment.
    pub(super) fn copy(&mut self, from: &Frame<'_>, index: u32) -> Result<(), SegmentError> {
        let row = from.row::<RULE_BYTES>(Section::Rules, index)?;
        let Rule { status, scheme, form } = from.rule(index)?;
        let [form_number, _, flags, ..] = *row;
        let numbers = match form {
            Form::Interval { low, high, .. } => {
                let bytes = |bound: Option<(&[u8], &str)>, heap: &mut Heap| {
                    bound.map_or((0, 0), |(key, text)| (heap.put(key), heap.text(text)))
                };
                let (low, high) = (bytes(low, self.heap), bytes(high, self.heap));
                [low.0, high.0, low.1, high.1]
            }
            Form::Exactly { start, count } => {
                let at = to_u32(self.lists.len());
                for number in start..start.saturating_add(count) {
                    let key = from.item(from.number(Section::Lists, number)?)?;
                    self.lists.push(self.heap.put(key));
                }
                [at, count, 0, 0]
            }
            Form::All => [0; 4],
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
                [at, 0, 0, 0]
            }
        };
        self.push(form_number, status, flags, scheme, numbers);
        Ok(())
    }

    fn interval(&mut self, introduced: Option<&str>, end: &End, status: Status, scheme: Scheme) -> Result<(), String> {
        let mut flags = 0;
        let (mut low, mut high) = ((0, 0), (0, 0));
        if let Some(text) = introduced.map(str::trim).filter(|text| !matches!(*text, "0" | "*" | "")) {
            low = self.bound(text, scheme)?;
            flags |= HAS_LOW;
        }
        let (text, inside) = match end {
            End::Before(text) => (text.trim(), false),
            End::With(text) => (text.trim(), true),
            End::Open => ("*", true),
        };
        if text != "*" {
            flags |= HAS_HIGH;
            high = match text.strip_suffix(".*").filter(|_| inside).and_then(after_all) {
                Some(next) => (self.bound(&next, scheme)?.0, self.heap.text(text)),
                None => {
                    flags |= if inside { HIGH_INSIDE } else { 0 };
                    self.bound(text, scheme)?
                }
            };
        }
        self.push(0, status, flags, scheme, [low.0, high.0, low.1, high.1]);
        Ok(())
    }

    fn bound(&mut self, text: &str, scheme: Scheme) -> Result<(u32, u32), String> {
        let mut key = Vec::new();
        write_key(scheme, text, &mut key).map_err(|error| error.to_string())?;
        Ok((self.heap.put(&key), self.heap.text(text)))
    }

    fn exactly(&mut self, texts: &[String], status: Status, scheme: Scheme) -> Result<(), String> {
        let mut wrong = (texts.len() > EXACT_MAX)
            .then(|| format!("{} versions enumerated, the first {EXACT_MAX} are read", texts.len()));
        let mut keys = Vec::with_capacity(texts.len().min(EXACT_MAX));
        for text in texts.iter().take(EXACT_MAX) {
            let mut key = Vec::new();
            match write_key(scheme, text.trim(), &mut key) {
                Ok(_) => keys.push(key),
                Err(error) => wrong = Some(error.to_string()),
            }
        }
        keys.sort_unstable();
        keys.dedup();
        let start = to_u32(self.lists.len());
        for key in &keys {
            let number = self.heap.put(key);
            self.lists.push(number);
        }
        self.push(1, status, 0, scheme, [start, to_u32(keys.len()), 0, 0]);
        wrong.map_or(Ok(()), Err)
    }

    fn push(&mut self, form: u8, status: Status, flags: u8, scheme: Scheme, numbers: [u32; 4]) {
        self.rules.extend([form, status_number(Some(status)), flags, scheme.number()]);
        self.rules.extend(numbers.into_iter().flat_map(u32::to_le_bytes));
        self.rules.extend([0; 4]);
    }
}

/// The first version after all that begin with `5.4.`: `5.5`.
fn after_all(prefix: &str) -> Option<String> {
    let (head, last) = prefix.rsplit_once('.').map_or(("", prefix), |(head, last)| (head, last));
    let next = last.parse::<u64>().ok()?.checked_add(1)?;
    Some(if head.is_empty() { next.to_string() } else { format!("{head}.{next}") })
}
