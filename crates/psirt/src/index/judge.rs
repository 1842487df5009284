//! Whether a version is affected by what an entry's rules say.
//!
//! Not a match of names. The more specific word wins: an enumerated version, then a range, then "all", then what is said of the rest. Among
//! enumerations "affected" wins, among ranges "not affected" does: sources enumerate what they tested, and write the branches that hold a fix
//! beside a range that spans them (CVE 5 with `unaffected` versions). Cost: a comparison of bytes per bound.

use std::fmt;

use crate::version::{Scheme, range_bytes_contain, write_key};
use crate::vex::Status;

use super::layout::{Section, SegmentError};
use super::rules::{Form, Rule};
use super::segment::Entry;

/// Versions that one component is asked for, with its keys as they come to be needed.
#[derive(Clone, Debug)]
pub struct Asked {
    text: Option<String>,
    commit: Option<String>,
    keys: Vec<(Scheme, Vec<u8>)>,
}

impl Asked {
    /// A version, a commit, both or none.
    #[must_use]
    pub fn new(version: Option<&str>, commit: Option<&str>) -> Self {
        let own = |text: &str| text.trim().to_owned();
        Self { text: version.map(own), commit: commit.map(|text| text.to_ascii_lowercase()), keys: Vec::new() }
    }

    /// The version's text.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.text.as_deref()
    }

    /// The version's key in a scheme; `None` if there is no version that a key can be made of.
    fn key(&mut self, scheme: Scheme) -> Option<&[u8]> {
        let text = self.text.as_deref()?;
        let at = match self.keys.iter().position(|(known, _)| *known == scheme) {
            Some(at) => at,
            None => {
                let mut key = Vec::new();
                if write_key(scheme, text, &mut key).is_err() {
                    key.clear();
                }
                self.keys.push((scheme, key));
                self.keys.len().saturating_sub(1)
            }
        };
        self.keys.get(at).map(|(_, key)| key.as_slice()).filter(|key| !key.is_empty())
    }
}

/// How a version stands, and what says so.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Verdict<'a> {
    /// The status.
    pub status: Status,
    /// What holds the version.
    pub range: Range<'a>,
    /// The first version known to hold a fix.
    pub fixed: Option<&'a str>,
    /// Whether the version itself is named, not a range that holds it.
    pub is_enumerated: bool,
}

/// The words of a source on versions: `from 1.0, before 1.2.3`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Range<'a> {
    /// The version itself is listed.
    Listed,
    /// The commit itself is listed.
    Commit,
    /// All versions.
    All,
    /// All but those that the source speaks of.
    Rest,
    /// As the source wrote it, in words.
    Stated(&'a str),
}

impl fmt::Display for Range<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Listed => "this version is listed",
            Self::Commit => "this commit is listed",
            Self::All => "all versions",
            Self::Rest => "all versions but those listed",
            Self::Stated(words) => words,
        })
    }
}

/// How much a rule that holds the version counts; the greatest wins.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Weight {
    AllOpen,
    All,
    Range,
    RangeNot,
    ExactNot,
    Exact,
}

impl<'a> Entry<'a> {
    /// How the version that is asked for stands; `None` if the entry says nothing of it.
    ///
    /// # Errors
    /// The segment is damaged.
    pub fn judge(&self, asked: &mut Asked) -> Result<Option<Verdict<'a>>, SegmentError> {
        let mut best: Option<(Weight, Rule<'a>)> = None;
        for index in self.rules.numbers() {
            let rule = self.frame.rule(index)?;
            if let Some(weight) = self.weigh(&rule, asked)?
                && best.as_ref().is_none_or(|(known, _)| weight > *known)
            {
                best = Some((weight, rule));
            }
        }
        let (status, range, is_enumerated, fixed) = match best {
            Some((weight, rule)) => (rule.status, words(&rule), weight >= Weight::ExactNot, fix_of(&rule)),
            None => match self.otherwise() {
                // What is said of the rest says nothing of a version that is not known; "unknown" says nothing at all.
                Some(status) if asked.text.is_some() && status != Status::UnderInvestigation => {
                    (status, Range::Rest, false, None)
                }
                _ => return Ok(None),
            },
        };
        let fixed = match fixed {
            _ if status != Status::Affected => None,
            None => self.fixed_after(asked)?,
            fixed => fixed,
        };
        Ok(Some(Verdict { status, range, fixed, is_enumerated }))
    }

    fn weigh(&self, rule: &Rule<'a>, asked: &mut Asked) -> Result<Option<Weight>, SegmentError> {
        let affected = matches!(rule.status, Status::Affected | Status::UnderInvestigation);
        let (holds, weight) = match rule.form {
            Form::All => (true, if affected { Weight::AllOpen } else { Weight::All }),
            Form::Commits { start } => return self.weigh_commit(rule, start, asked),
            Form::Exactly { start, count } => {
                let Some(key) = asked.key(rule.scheme) else { return Ok(None) };
                let holds = self.enumerates(key, start, count)?;
                (holds, if affected { Weight::Exact } else { Weight::ExactNot })
            }
            Form::Range { bytes, .. } => {
                let Some(key) = asked.key(rule.scheme) else { return Ok(None) };
                let holds = range_bytes_contain(bytes, key).ok_or_else(|| self.frame.damaged(Section::Heap, 0))?;
                (holds, if affected { Weight::Range } else { Weight::RangeNot })
            }
        };
        Ok(holds.then_some(weight))
    }

    fn enumerates(&self, key: &[u8], start: u32, count: u32) -> Result<bool, SegmentError> {
        let (mut low, mut high) = (start, start.saturating_add(count));
        while low < high {
            let middle = low.midpoint(high);
            match self.frame.item(self.frame.number(Section::Lists, middle)?)?.cmp(key) {
                std::cmp::Ordering::Less => low = middle.saturating_add(1),
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Ok(true),
            }
        }
        Ok(false)
    }

    /// Without the graph of commits only those that are named can be told.
    fn weigh_commit(&self, rule: &Rule<'a>, start: u32, asked: &Asked) -> Result<Option<Weight>, SegmentError> {
        let Some(commit) = asked.commit.as_deref() else { return Ok(None) };
        let count = |group: u32| self.frame.number(Section::Lists, start.saturating_add(group));
        let counts = [count(0)?, count(1)?, count(2)?];
        let mut at = start.saturating_add(3);
        for (group, count) in counts.into_iter().enumerate() {
            for _ in 0..count {
                let known = self.frame.text(self.frame.number(Section::Lists, at)?)?;
                at = at.saturating_add(1);
                let same =
                    known.len().min(commit.len()) >= 7 && (known.starts_with(commit) || commit.starts_with(known));
                if same {
                    let is_fix = group == 1;
                    let says_affected = (rule.status == Status::Affected) != is_fix;
                    return Ok(says_affected.then_some(Weight::Exact));
                }
            }
        }
        Ok(None)
    }

    /// The lowest version above that begins a range which is said to hold the fix.
    fn fixed_after(&self, asked: &mut Asked) -> Result<Option<&'a str>, SegmentError> {
        let mut best: Option<(&'a [u8], &'a str)> = None;
        for index in self.rules.numbers() {
            let rule = self.frame.rule(index)?;
            let Form::Range { low: Some((low, text)), .. } = rule.form else { continue };
            if !matches!(rule.status, Status::NotAffected | Status::Fixed) {
                continue;
            }
            let above = asked.key(rule.scheme).is_some_and(|key| rule.scheme.order(key, low).is_lt());
            if above && best.is_none_or(|(known, _)| low < known) {
                best = Some((low, text));
            }
        }
        Ok(best.map(|(_, text)| text))
    }
}

fn fix_of<'a>(rule: &Rule<'a>) -> Option<&'a str> {
    match rule.form {
        Form::Range { fixed, .. } => fixed,
        _ => None,
    }
}

fn words<'a>(rule: &Rule<'a>) -> Range<'a> {
    match rule.form {
        Form::All => Range::All,
        Form::Exactly { .. } => Range::Listed,
        Form::Commits { .. } => Range::Commit,
        Form::Range { words, .. } => Range::Stated(words),
    }
}
