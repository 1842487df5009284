//! Which weaknesses there were in each version of CWE, under which name, and whether they may be used for vulnerabilities.
//!
//! Not their content, and not their names: only the start of each name's SHA-256, which tells whether a name is the right one. The numbers are
//! facts of the lists of The MITRE Corporation. A line is number, first and last version (by index), use, digest. Cost: read once, 73 kB.

use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::sync::LazyLock;

/// How a weakness stood over some versions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weakness {
    first: usize,
    last: usize,
    /// `A` allowed, `R` with review, `D` discouraged, `P` prohibited, `-` not said; `!` in front if deprecated.
    pub(crate) usage: &'static str,
    /// The first eight bytes of its name's SHA-256.
    digest: u64,
}

impl Weakness {
    /// Whether this is its name.
    pub(crate) fn is_named(&self, name: &str) -> bool {
        let start = Sha256::digest(name).first_chunk().copied();
        start.map(u64::from_be_bytes) == Some(self.digest)
    }
}

struct Table {
    /// Versions with the day of their release, in order.
    versions: Vec<(&'static str, &'static str)>,
    weaknesses: HashMap<u32, Vec<Weakness>>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut lines = include_str!("cwe.tsv").lines();
    let versions = lines.next().unwrap_or_default().split('\t').filter_map(|pair| pair.split_once(':')).collect();
    let mut weaknesses: HashMap<u32, Vec<Weakness>> = HashMap::new();
    for line in lines {
        let mut fields = line.splitn(5, '\t');
        let mut number = || fields.next().and_then(|field| field.parse::<usize>().ok());
        let (Some(id), Some(first), Some(last)) = (number(), number(), number()) else { continue };
        let (Some(usage), Some(digest)) = (fields.next(), fields.next()) else { continue };
        if let (Ok(id), Ok(digest)) = (u32::try_from(id), u64::from_str_radix(digest, 16)) {
            weaknesses.entry(id).or_default().push(Weakness { first, last, usage, digest });
        }
    }
    Table { versions, weaknesses }
});

/// The index of a version.
pub(crate) fn version(name: &str) -> Option<usize> {
    TABLE.versions.iter().position(|(version, _)| *version == name)
}

/// The index and name of the newest version on a day (`2024-01-31`).
pub(crate) fn newest(day: &str) -> Option<(usize, &'static str)> {
    let known = TABLE.versions.iter().enumerate().filter(|(_, (_, released))| *released <= day);
    known.max_by_key(|(index, (_, released))| (*released, *index)).map(|(index, (name, _))| (index, *name))
}

/// How `CWE-n` stood in a version.
pub(crate) fn weakness(id: &str, version: usize) -> Option<Weakness> {
    let number = id.strip_prefix("CWE-")?.parse::<u32>().ok()?;
    let runs = TABLE.weaknesses.get(&number)?;
    runs.iter().find(|run| (run.first..=run.last).contains(&version)).copied()
}
