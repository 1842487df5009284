//! Named sets of values that rules look values up in: addresses and networks, domains, hashes, names (ADR-0042).
//!
//! Not where sets come from (files, or a service that supplies them hands them over as text), and no patterns: lists with wildcards are
//! the `vars` of a pipeline. Texts are compared without case, as Sigma's are. Invariants: a name stands for one set; a set never
//! changes, a newer one takes its place. Cost: a value takes its own bytes and about 15 more; asked for as a network, 5 to 11 more (IPv4).
//! A look-up hashes once; in domains once a label, in networks once a length of prefix that the set has.

use crate::network_set::NetworkSet;
use crate::pattern::Fold;
use crate::rule::RuleFile;
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use std::collections::BTreeMap;
use std::fmt;
use std::hash::BuildHasher as _;
use std::sync::{Arc, OnceLock};

/// The largest file of a set.
pub const INDICATOR_FILE_BYTES_MAX: usize = 256 << 20;
/// The longest value of a set, in bytes.
const VALUE_BYTES_MAX: usize = 4 << 10;
/// The longest name of a set, in bytes.
const NAME_BYTES_MAX: usize = 64;
/// What stands before the name of a set where an alert says what it found.
pub(crate) const PREFIX: &str = "indicators.";

/// Sets by their names.
#[derive(Clone, Debug, Default)]
pub struct Indicators(BTreeMap<String, Arc<IndicatorSet>>);

impl Indicators {
    /// The set of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<IndicatorSet>> {
        self.0.get(name)
    }

    /// The sets of these files, each called as its file is; a file that ends in `.csv` is a table.
    ///
    /// # Errors
    /// The first mistake, or that two files have the same name.
    pub fn read(files: &[RuleFile]) -> Result<Self, IndicatorError> {
        let mut all = Self::default();
        for RuleFile { path, text } in files {
            let file = path.rsplit(['/', '\\']).next().unwrap_or_default();
            let (name, ending) = file.rsplit_once('.').unwrap_or((file, ""));
            let form = if ending.eq_ignore_ascii_case("csv") { IndicatorForm::Table } else { IndicatorForm::Lines };
            if let Some(other) = all.get(name) {
                let problem = format!("there is another set `{name}` in {}: rename one of the files", other.path());
                return Err(IndicatorError { path: path.clone(), line: 0, problem });
            }
            all.insert(IndicatorSet::parse(name, path, form, text)?);
        }
        Ok(all)
    }

    /// Adds a set, which takes the place of one with the same name.
    pub fn insert(&mut self, set: IndicatorSet) {
        self.0.insert(set.name().to_owned(), Arc::new(set));
    }

    /// Adds sets, which take the place of those with the same names.
    pub fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// All sets, by name.
    pub fn iter(&self) -> impl Iterator<Item = &IndicatorSet> {
        self.0.values().map(Arc::as_ref)
    }
}

/// How the text of a set is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum IndicatorForm {
    /// One value a line; what follows a `#` at its beginning or behind a space is a comment.
    Lines,
    /// Comma-separated values: a line of headings, then rows whose first column counts.
    Table,
}

/// Why a text is no set.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{path}:{line}: {problem}")]
pub struct IndicatorError {
    /// The file, as the caller named it.
    pub path: String,
    /// Line in the file, from 1; 0 if the problem has no place.
    pub line: u64,
    /// What is wrong, and the limit.
    pub problem: String,
}

/// One set, ready for look-ups.
pub struct IndicatorSet {
    /// [`PREFIX`] and its name.
    label: String,
    path: String,
    /// All values, folded, one behind the other; the n-th ends at the n-th of `ends`.
    text: Box<str>,
    ends: Vec<u32>,
    /// Places of values, by hash.
    index: HashTable<u32>,
    hasher: RandomState,
    networks: OnceLock<Result<NetworkSet, String>>,
}

impl fmt::Debug for IndicatorSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IndicatorSet").field("name", &self.name()).field("values", &self.len()).finish_non_exhaustive()
    }
}

/// How a value is looked up.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) enum Lookup {
    /// As a whole.
    Whole,
    /// As a host name, perhaps with a port: itself, or a domain above it.
    Domain,
    /// As an address, perhaps with a port: itself, or a network that it is in.
    Network,
}

impl IndicatorSet {
    /// Reads a set; `path` is for people.
    ///
    /// # Errors
    /// [`IndicatorError`] with the line of the first mistake.
    pub fn parse(name: &str, path: &str, form: IndicatorForm, text: &str) -> Result<Self, IndicatorError> {
        let fail = |line: u64, problem: String| IndicatorError { path: path.to_owned(), line, problem };
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.chars().all(is_word) {
            let problem = format!("name of the set `{name}` is not 1 to {NAME_BYTES_MAX} letters, digits, `_` and `-`");
            return Err(fail(0, problem));
        }
        if text.len() > INDICATOR_FILE_BYTES_MAX {
            let problem = format!("file of {} bytes exceeds the maximum {INDICATOR_FILE_BYTES_MAX}", text.len());
            return Err(fail(0, problem));
        }
        let mut building = Building::default();
        let text = text.trim_start_matches('\u{feff}');
        match form {
            IndicatorForm::Lines => {
                for (number, line) in (1_u64..).zip(text.lines()) {
                    let value = if line.starts_with('#') { "" } else { line.split(" #").next().unwrap_or("") };
                    building.add(value).map_err(|problem| fail(number, problem))?;
                }
            }
            IndicatorForm::Table => {
                let mut rows =
                    csv::ReaderBuilder::new().flexible(true).comment(Some(b'#')).from_reader(text.as_bytes());
                let mut row = csv::StringRecord::new();
                let line = |position: Option<&csv::Position>| position.map_or(0, csv::Position::line);
                while rows.read_record(&mut row).map_err(|error| fail(line(error.position()), error.to_string()))? {
                    let value = row.get(0).unwrap_or_default();
                    building.add(value).map_err(|problem| fail(line(row.position()), problem))?;
                }
            }
        }
        let Building { mut text, mut ends, mut index, hasher, .. } = building;
        let slice = |at: u32| hasher.hash_one(value_at(&text, &ends, at));
        index.shrink_to_fit(|at| slice(*at));
        text.shrink_to_fit();
        ends.shrink_to_fit();
        let (label, text) = (format!("{PREFIX}{name}"), text.into_boxed_str());
        Ok(Self { label, path: path.to_owned(), text, ends, index, hasher, networks: OnceLock::new() })
    }

    /// Its name, which stands between `%` in rules.
    #[must_use]
    pub fn name(&self) -> &str {
        self.label.strip_prefix(PREFIX).unwrap_or_default()
    }

    /// Where it came from.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// How many different values it has.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether it has no value, and so finds nothing.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The bytes that it holds.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        let networks = self.networks.get().and_then(|it| it.as_ref().ok()).map_or(0, NetworkSet::held_bytes);
        let parts = [self.text.len(), self.ends.capacity().saturating_mul(4), self.index.allocation_size(), networks];
        parts.into_iter().fold(size_of::<Self>(), usize::saturating_add)
    }

    /// Makes it ready for look-ups of this kind; the first value that cannot be one if there is such.
    pub(crate) fn prepare(&self, lookup: Lookup) -> Result<(), String> {
        match lookup {
            Lookup::Whole | Lookup::Domain => Ok(()),
            Lookup::Network => {
                self.networks.get_or_init(|| NetworkSet::of(self.values())).as_ref().map(|_| ()).map_err(String::clone)
            }
        }
    }

    /// What an alert calls it.
    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    /// The entry of the set that this value hits; `folded` is the value with [`Fold::Case`].
    pub(crate) fn find(&self, lookup: Lookup, folded: &str) -> Option<String> {
        match lookup {
            Lookup::Whole => self.value(folded).map(str::to_owned),
            Lookup::Domain => self.domain(folded).map(str::to_owned),
            Lookup::Network => self.networks()?.find(folded),
        }
    }

    /// Whether the set has what this value asks for.
    pub(crate) fn holds(&self, lookup: Lookup, folded: &str) -> bool {
        match lookup {
            Lookup::Whole => self.value(folded).is_some(),
            Lookup::Domain => self.domain(folded).is_some(),
            Lookup::Network => self.networks().is_some_and(|networks| networks.holds(folded)),
        }
    }

    fn networks(&self) -> Option<&NetworkSet> {
        self.networks.get()?.as_ref().ok()
    }

    /// Its values, as they are compared.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        let places = 0..u32::try_from(self.ends.len()).unwrap_or(u32::MAX);
        places.map(|at| value_at(&self.text, &self.ends, at))
    }

    fn value(&self, folded: &str) -> Option<&str> {
        let known = |at: &u32| value_at(&self.text, &self.ends, *at);
        self.index.find(self.hasher.hash_one(folded), |at| known(at) == folded).map(known)
    }

    /// The host name, or the nearest domain above it.
    fn domain(&self, folded: &str) -> Option<&str> {
        let host = folded.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()));
        let mut rest = host.map_or(folded, |(host, _)| host).trim_end_matches('.');
        loop {
            if let Some(found) = self.value(rest) {
                return Some(found);
            }
            (_, rest) = rest.split_once('.')?;
        }
    }
}

/// The n-th value.
fn value_at<'t>(text: &'t str, ends: &[u32], at: u32) -> &'t str {
    let at = at as usize;
    let end = |at: usize| ends.get(at).map_or(0, |end| *end as usize);
    text.get(at.checked_sub(1).map_or(0, end)..end(at)).unwrap_or_default()
}

/// A set while it is read.
#[derive(Default)]
struct Building {
    text: String,
    ends: Vec<u32>,
    index: HashTable<u32>,
    hasher: RandomState,
    folded: String,
}

impl Building {
    /// Adds a value; one that is empty or known is left out.
    fn add(&mut self, value: &str) -> Result<(), String> {
        let value = value.trim();
        if value.is_empty() {
            return Ok(());
        }
        if value.len() > VALUE_BYTES_MAX {
            return Err(format!("value of {} bytes exceeds the maximum {VALUE_BYTES_MAX}", value.len()));
        }
        let Self { text, ends, index, hasher, folded } = self;
        Fold::Case.apply_into(value, folded);
        let hash = hasher.hash_one(folded.as_str());
        if index.find(hash, |at| value_at(text, ends, *at) == folded).is_some() {
            return Ok(());
        }
        text.push_str(folded);
        let too_long = |_| format!("values of more than {} bytes together", u32::MAX);
        let end = u32::try_from(text.len()).map_err(too_long)?;
        let place = u32::try_from(ends.len()).map_err(too_long)?;
        ends.push(end);
        index.insert_unique(hash, place, |at| hasher.hash_one(value_at(text, ends, *at)));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
