//! The name matching relation of CPE 2.3 (NISTIR 7696): how a set of products that one name means stands to that of another.
//!
//! Not a comparison of versions by order: a version is matched as any attribute. Cost: linear in the length of the names, but for values
//! with a wildcard at both ends, which are searched for.

use super::cpe::{Cpe, Value};

/// How a source name stands to a target name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Relation {
    /// They mean the same products.
    Equal,
    /// The source means all that the target means, and more.
    Superset,
    /// The target means all that the source means, and more.
    Subset,
    /// They mean no product in common.
    Disjoint,
    /// The standard does not say.
    Undefined,
}

impl Cpe {
    /// How this name stands to `target` (NISTIR 7696, table 6-4).
    #[must_use]
    pub fn relation(&self, target: &Self) -> Relation {
        let mut seen = [false; 4];
        for (source, target) in self.values().iter().zip(target.values()) {
            match compare(source, target) {
                Relation::Disjoint => return Relation::Disjoint,
                Relation::Equal => seen[0] = true,
                Relation::Superset => seen[1] = true,
                Relation::Subset => seen[2] = true,
                Relation::Undefined => seen[3] = true,
            }
        }
        match seen {
            [_, false, false, false] => Relation::Equal,
            [_, true, false, false] => Relation::Superset,
            [_, false, true, false] => Relation::Subset,
            _ => Relation::Undefined,
        }
    }

    /// Whether some product may be meant by both names: no attribute contradicts.
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        self.values().iter().zip(other.values()).all(|(a, b)| {
            compare(a, b) != Relation::Disjoint && (!b.has_wildcard() || compare(b, a) != Relation::Disjoint)
        })
    }
}

/// How one value stands to another (NISTIR 7696, table 6-2).
fn compare(source: &Value, target: &Value) -> Relation {
    match (source, target) {
        (_, target) if target.has_wildcard() => Relation::Undefined,
        (Value::Any, Value::Any) | (Value::NotApplicable, Value::NotApplicable) => Relation::Equal,
        (Value::Any, _) => Relation::Superset,
        (_, Value::Any) => Relation::Subset,
        (Value::Is(pattern), Value::Is(text)) if source.has_wildcard() => {
            if pattern_meets(pattern, text) {
                Relation::Superset
            } else {
                Relation::Disjoint
            }
        }
        (Value::Is(a), Value::Is(b)) if a == b => Relation::Equal,
        _ => Relation::Disjoint,
    }
}

/// What may stand beyond the fixed middle of a pattern: this many characters at most, or any number.
#[derive(Clone, Copy)]
enum Beyond {
    AtMost(usize),
    Any,
}

/// Whether a quoted pattern with wildcards at its ends meets a quoted text without.
fn pattern_meets(pattern: &str, text: &str) -> bool {
    let (pattern, before) = match pattern.strip_prefix('*') {
        Some(rest) => (rest, Beyond::Any),
        None => {
            let rest = pattern.trim_start_matches('?');
            (rest, Beyond::AtMost(pattern.len().saturating_sub(rest.len())))
        }
    };
    let (middle, after) = if Value::Is(pattern.to_owned()).has_wildcard() {
        match pattern.strip_suffix('*') {
            Some(rest) => (rest, Beyond::Any),
            None => {
                let rest = pattern.trim_end_matches('?');
                // The first of the trailing marks belongs to a backslash before it.
                let rest = if rest.ends_with('\\') && !rest.ends_with("\\\\") {
                    pattern.get(..rest.len().saturating_add(1)).unwrap_or(rest)
                } else {
                    rest
                };
                (rest, Beyond::AtMost(pattern.len().saturating_sub(rest.len())))
            }
        }
    } else {
        (pattern, Beyond::AtMost(0))
    };
    let fits = |text: &str, beyond| match beyond {
        Beyond::Any => true,
        Beyond::AtMost(most) => characters(text) <= most,
    };
    text.char_indices().map(|(at, _)| at).chain([text.len()]).any(|at| {
        let (lead, rest) = text.split_at_checked(at).unwrap_or_default();
        rest.strip_prefix(middle).is_some_and(|tail| fits(tail, after)) && !splits_quote(lead) && fits(lead, before)
    })
}

/// Characters of a quoted text, each with its backslash as one.
fn characters(quoted: &str) -> usize {
    let mut count = 0_usize;
    let mut rest = quoted.chars();
    while let Some(c) = rest.next() {
        if c == '\\' {
            rest.next();
        }
        count = count.saturating_add(1);
    }
    count
}

/// Whether a text ends with a backslash that quotes what follows.
fn splits_quote(lead: &str) -> bool {
    !lead.bytes().rev().take_while(|byte| *byte == b'\\').count().is_multiple_of(2)
}
