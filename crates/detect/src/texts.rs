//! Text patterns of one field that are compared in one folded form.
//!
//! Not tests of other kinds (that is `matcher`). All literals are in one Aho-Corasick automaton, whole texts in a hash map; patterns
//! with wildcards inside and regular expressions are tried only where a text that they need was seen. Cost of a value: one pass over
//! its bytes, plus its hits.

use crate::cost::Clock;
use crate::pattern::{Fold, Pattern, Shape};
use crate::pool::PredicateId;
use crate::regexes::{self, LazyRegex};
use aho_corasick::automaton::Automaton;
use aho_corasick::nfa::contiguous;
use aho_corasick::{Anchored, MatchKind, dfa};
use hashbrown::HashMap;

/// The most different lengths of prefixes, or of suffixes, that are looked up one by one.
const AFFIX_LENGTHS_MAX: usize = 6;

/// Literals of so many bytes together are looked for with a table of all transitions: faster, but some hundred bytes a byte.
const DFA_BYTES_MAX: usize = 24 << 10;

/// States up to this depth have a table of all transitions; most bytes of a value lead no deeper.
const DENSE_DEPTH: usize = 3;

/// Patterns, ready to be tried on a value.
#[derive(Clone, Debug, Default)]
pub(crate) struct Texts {
    exact: HashMap<String, Vec<PredicateId>>,
    automaton: Option<Literals>,
    /// What follows from finding the n-th literal.
    uses: Vec<Vec<Use>>,
    gated: Vec<(Gated, Vec<PredicateId>)>,
    /// Those that need no literal.
    free: Vec<usize>,
    prefixes: Affixes,
    suffixes: Affixes,
}

/// The automaton that finds all literals in one pass.
#[derive(Clone, Debug)]
enum Literals {
    Table(dfa::DFA),
    Compact(contiguous::NFA),
}

impl Literals {
    fn new(texts: &[String]) -> Result<Self, aho_corasick::BuildError> {
        let bytes = texts.iter().map(String::len).fold(0, usize::saturating_add);
        if bytes <= DFA_BYTES_MAX {
            return dfa::Builder::new().match_kind(MatchKind::Standard).prefilter(false).build(texts).map(Self::Table);
        }
        let mut builder = contiguous::Builder::new();
        builder.match_kind(MatchKind::Standard).prefilter(false).dense_depth(DENSE_DEPTH);
        builder.build(texts).map(Self::Compact)
    }

    /// Hands over each literal that stands in the text, and where it ends.
    fn each(&self, text: &str, found: impl FnMut(usize, usize)) {
        match self {
            Self::Table(automaton) => each_of(automaton, text, found),
            Self::Compact(automaton) => each_of(automaton, text, found),
        }
    }
}

fn each_of(automaton: &impl Automaton, text: &str, mut found: impl FnMut(usize, usize)) {
    let Ok(mut state) = automaton.start_state(Anchored::No) else { return };
    for (at, byte) in text.bytes().enumerate() {
        state = automaton.next_state(Anchored::No, state, byte);
        if automaton.is_special(state) && automaton.is_match(state) {
            for index in 0..automaton.match_len(state) {
                found(automaton.match_pattern(state, index).as_usize(), at.saturating_add(1));
            }
        }
    }
}

/// What is too dear to try on every value.
#[derive(Clone, Debug)]
enum Gated {
    /// Of the folded value.
    Glob(Pattern),
    /// Of the value itself.
    Regex(LazyRegex),
}

/// Beginnings, or ends, of few different lengths: one look-up a length is cheaper than to find them everywhere.
type Affixes = Vec<(usize, HashMap<String, Vec<PredicateId>>)>;

#[derive(Clone, Copy, Debug)]
enum Use {
    Contains(PredicateId),
    /// And the length of the literal.
    Prefix(PredicateId, usize),
    Suffix(PredicateId),
    /// Try this one.
    Gate(usize),
}

/// Patterns while they are collected.
#[derive(Default)]
pub(crate) struct TextsBuilder {
    texts: Texts,
    literals: HashMap<String, usize>,
    order: Vec<String>,
    regexes: HashMap<String, usize>,
    prefixes: Vec<(String, PredicateId)>,
    suffixes: Vec<(String, PredicateId)>,
}

impl TextsBuilder {
    /// Adds a pattern that is folded already. What fits any value is not of this kind: false then.
    pub(crate) fn add(&mut self, pattern: Pattern, id: PredicateId) -> bool {
        match pattern.shape() {
            Shape::Anything => return false,
            Shape::Exact(text) => self.exact(text, id),
            Shape::Prefix(text) => self.prefixes.push((text.to_owned(), id)),
            Shape::Suffix(text) => self.suffixes.push((text.to_owned(), id)),
            Shape::Contains(text) => self.literal(text, Use::Contains(id)),
            Shape::Glob(longest) => {
                let needed = if longest.is_empty() { None } else { Some(vec![longest.to_owned()]) };
                self.gated(Gated::Glob(pattern), needed, id);
            }
        }
        true
    }

    /// Adds a text that a value must equal.
    pub(crate) fn exact(&mut self, text: &str, id: PredicateId) {
        self.texts.exact.entry_ref(text).or_default().push(id);
    }

    /// Adds a regular expression; one that is there already is not tried twice.
    pub(crate) fn regex(&mut self, source: &str, id: PredicateId) {
        let known = self.regexes.get(source).and_then(|index| self.texts.gated.get_mut(*index));
        if let Some((_, ids)) = known {
            return ids.push(id);
        }
        self.regexes.insert(source.to_owned(), self.texts.gated.len());
        self.gated(Gated::Regex(LazyRegex::new(source)), regexes::needed(source), id);
    }

    fn gated(&mut self, gated: Gated, needed: Option<Vec<String>>, id: PredicateId) {
        let index = self.texts.gated.len();
        self.texts.gated.push((gated, vec![id]));
        match needed {
            Some(texts) => texts.iter().for_each(|text| self.literal(text, Use::Gate(index))),
            None => self.texts.free.push(index),
        }
    }

    fn literal(&mut self, text: &str, then: Use) {
        let next = self.order.len();
        let index = *self.literals.entry_ref(text).or_insert_with(|| {
            self.order.push(text.to_owned());
            self.texts.uses.push(Vec::new());
            next
        });
        if let Some(uses) = self.texts.uses.get_mut(index) {
            uses.push(then);
        }
    }

    /// The patterns, ready; an error if they are too many for one automaton.
    pub(crate) fn finish(mut self) -> Result<Texts, String> {
        let (prefixes, suffixes) = (core::mem::take(&mut self.prefixes), core::mem::take(&mut self.suffixes));
        match affixes(&prefixes) {
            Some(few) => self.texts.prefixes = few,
            None => prefixes.iter().for_each(|(text, id)| self.literal(text, Use::Prefix(*id, text.len()))),
        }
        match affixes(&suffixes) {
            Some(few) => self.texts.suffixes = few,
            None => suffixes.iter().for_each(|(text, id)| self.literal(text, Use::Suffix(*id))),
        }
        if !self.order.is_empty() {
            self.texts.automaton = Some(Literals::new(&self.order).map_err(|error| error.to_string())?);
        }
        Ok(self.texts)
    }
}

/// The texts by length; `None` if there are more than [`AFFIX_LENGTHS_MAX`] lengths.
fn affixes(texts: &[(String, PredicateId)]) -> Option<Affixes> {
    let mut by_length = Affixes::new();
    for (text, id) in texts {
        let at = match by_length.iter().position(|(length, _)| *length == text.len()) {
            Some(at) => at,
            None if by_length.len() == AFFIX_LENGTHS_MAX => return None,
            None => {
                by_length.push((text.len(), HashMap::new()));
                by_length.len().saturating_sub(1)
            }
        };
        let (_, same_length) = by_length.get_mut(at)?;
        same_length.entry_ref(text.as_str()).or_default().push(*id);
    }
    Some(by_length)
}

/// Buffers that live longer than one value.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    folded: String,
    gates: Vec<usize>,
    /// Measures what is tried, while it is there.
    pub(crate) clock: Option<Clock>,
    /// Nanoseconds of what was tried for a predicate.
    pub(crate) spent: HashMap<PredicateId, u64>,
}

impl Scratch {
    /// A value in this form.
    pub(crate) fn folded(&mut self, fold: Fold, value: &str) -> &str {
        fold.apply_into(value, &mut self.folded);
        &self.folded
    }
}

impl Texts {
    /// Whether any pattern looks inside a value, and not just at all of it.
    pub(crate) fn looks_inside(&self) -> bool {
        self.automaton.is_some() || !self.free.is_empty() || !self.prefixes.is_empty() || !self.suffixes.is_empty()
    }

    /// Whether there is no pattern.
    pub(crate) fn is_empty(&self) -> bool {
        !self.looks_inside() && self.exact.is_empty()
    }

    /// Adds what a value passes.
    pub(crate) fn hits(&self, fold: Fold, value: &str, scratch: &mut Scratch, hits: &mut Vec<PredicateId>) {
        if self.is_empty() {
            return;
        }
        let Scratch { folded, gates, clock, spent } = scratch;
        let text = if fold == Fold::Exact {
            value
        } else {
            fold.apply_into(value, folded);
            folded.as_str()
        };
        hits.extend(self.exact.get(text).into_iter().flatten());
        for (length, texts) in &self.prefixes {
            hits.extend(text.get(..*length).and_then(|front| texts.get(front)).into_iter().flatten());
        }
        for (length, texts) in &self.suffixes {
            let start = text.len().checked_sub(*length);
            hits.extend(start.and_then(|start| texts.get(text.get(start..)?)).into_iter().flatten());
        }
        gates.clear();
        gates.extend_from_slice(&self.free);
        if let Some(automaton) = &self.automaton {
            automaton.each(text, |literal, end| {
                for then in self.uses.get(literal).into_iter().flatten() {
                    match then {
                        Use::Contains(id) => hits.push(*id),
                        Use::Prefix(id, length) if *length == end => hits.push(*id),
                        Use::Suffix(id) if end == text.len() => hits.push(*id),
                        Use::Prefix(..) | Use::Suffix(_) => {}
                        Use::Gate(index) => gates.push(*index),
                    }
                }
            });
        }
        gates.sort_unstable();
        gates.dedup();
        let tried = gates.iter().filter_map(|index| self.gated.get(*index));
        let passes = |gated: &Gated| match gated {
            Gated::Glob(pattern) => pattern.fits(text),
            Gated::Regex(regex) => regex.finds(value),
        };
        let Some(clock) = clock else {
            return hits.extend(tried.filter(|(gated, _)| passes(gated)).flat_map(|(_, ids)| ids));
        };
        for (gated, ids) in tried {
            // What is done once is no cost of a value.
            if let Gated::Regex(regex) = gated {
                regex.compiled();
            }
            let begun = clock();
            let holds = passes(gated);
            let nanos = clock().saturating_sub(begun);
            for id in ids {
                let sum = spent.entry(*id).or_default();
                *sum = sum.saturating_add(nanos);
            }
            hits.extend(ids.iter().filter(|_| holds));
        }
    }
}
