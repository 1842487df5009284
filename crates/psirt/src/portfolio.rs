//! The inventory turned round: package key → the product versions that hold it, each with the component's version → owners.
//!
//! Not the products' records: products and owners are numbers that the caller gives names to. A new segment finds the product versions that it
//! concerns by its own keys, without a scan of any SBOM. Invariants: lists are sorted by key, version, product; a holding is told once. Memory:
//! 8 bytes per holding of a (key, version) by a product version, and some 60 per distinct key and version; cost of a question: a binary search
//! per key of the new segment and a judgement per distinct version.

use std::collections::HashMap;

use crate::identity::{is_commit, kind_of};
use crate::index::{Asked, Database, Segment, SegmentError};
use crate::vex::Status;

/// A product version: whatever number the caller gave it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ProductId(pub u32);

/// A person or team in charge.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct OwnerId(pub u32);

/// The number of a package version among those held.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
struct Held(u32);

/// A package as a component's identity names it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Named<'n> {
    /// The package key.
    pub key: &'n str,
    /// Its version.
    pub version: Option<&'n str>,
    /// The release of its distribution.
    pub release: Option<&'n str>,
}

/// Key, version and release of a package.
type Owned = (Box<str>, Box<str>, Box<str>);

/// What is held, while it is collected.
#[derive(Debug, Default)]
pub struct Collector {
    numbers: HashMap<Owned, u32, foldhash::fast::RandomState>,
    pairs: Vec<(Held, ProductId)>,
    owners: HashMap<ProductId, OwnerId>,
}

/// What is held by which product versions.
#[derive(Debug)]
pub struct Portfolio {
    /// Texts of keys, versions and releases, one behind the other.
    texts: String,
    /// By key, version, release: where the texts end, and where the holders end.
    rows: Vec<Row>,
    holders: Vec<ProductId>,
    owners: HashMap<ProductId, OwnerId>,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    start: u32,
    key: u16,
    version: u16,
    release: u16,
    holders: u32,
}

/// A product version that is concerned, with the advisory and the package version by which it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Concerned<'p, 'a> {
    /// The product version.
    pub product: ProductId,
    /// Who is in charge of it.
    pub owner: Option<OwnerId>,
    /// The package.
    pub key: &'p str,
    /// Its version.
    pub version: Option<&'p str>,
    /// The advisory.
    pub advisory: &'a str,
}

impl Collector {
    /// Sets who is in charge of a product version.
    pub fn owner(&mut self, product: ProductId, owner: OwnerId) {
        self.owners.insert(product, owner);
    }

    /// A product version holds a package.
    pub fn holds(&mut self, product: ProductId, named: Named<'_>) {
        let own = |text: Option<&str>| Box::from(text.unwrap_or_default());
        let next = u32::try_from(self.numbers.len()).unwrap_or(u32::MAX);
        let name = (Box::from(named.key), own(named.version), own(named.release));
        let number = *self.numbers.entry(name).or_insert(next);
        self.pairs.push((Held(number), product));
    }

    /// The lists.
    #[must_use]
    pub fn finish(mut self) -> Portfolio {
        let mut named: Vec<_> = self.numbers.into_iter().collect();
        named.sort_unstable();
        let mut rank = vec![0_u32; named.len()];
        for (place, (_, number)) in named.iter().enumerate() {
            if let Some(rank) = usize::try_from(*number).ok().and_then(|at| rank.get_mut(at)) {
                *rank = u32::try_from(place).unwrap_or(u32::MAX);
            }
        }
        for (held, _) in &mut self.pairs {
            held.0 = usize::try_from(held.0).ok().and_then(|at| rank.get(at)).copied().unwrap_or_default();
        }
        self.pairs.sort_unstable();
        self.pairs.dedup();
        let mut portfolio = Portfolio {
            texts: String::new(),
            rows: Vec::with_capacity(named.len()),
            holders: Vec::with_capacity(self.pairs.len()),
            owners: self.owners,
        };
        let mut pairs = self.pairs.into_iter().peekable();
        let short = |text: &str| u16::try_from(text.len()).unwrap_or(u16::MAX);
        for (place, ((key, version, release), _)) in (0_u32..).zip(named) {
            let start = u32::try_from(portfolio.texts.len()).unwrap_or(u32::MAX);
            for text in [&key, &version, &release] {
                portfolio.texts.push_str(text);
            }
            while let Some((_, product)) = pairs.next_if(|(held, _)| held.0 == place) {
                portfolio.holders.push(product);
            }
            let holders = u32::try_from(portfolio.holders.len()).unwrap_or(u32::MAX);
            portfolio.rows.push(Row {
                start,
                key: short(&key),
                version: short(&version),
                release: short(&release),
                holders,
            });
        }
        portfolio
    }
}

impl Portfolio {
    /// How many distinct package versions there are, and how many holdings of them.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        (self.rows.len(), self.holders.len())
    }

    /// Bytes that the lists take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let rows = self.rows.capacity().saturating_mul(size_of::<Row>());
        let holders = self.holders.capacity().saturating_mul(size_of::<ProductId>());
        self.texts.capacity().saturating_add(rows).saturating_add(holders)
    }

    /// Every product version that advisories of a new segment concern. `database` holds that segment too, and says what still stands.
    ///
    /// # Errors
    /// A segment is damaged.
    pub fn concerned_by<'a>(
        &self,
        new: &Segment<'a>,
        database: &Database<'a>,
    ) -> Result<Vec<Concerned<'_, 'a>>, SegmentError> {
        let mut concerned = Vec::new();
        for key in new.keys() {
            let key = key?;
            for at in self.of_key(key) {
                self.judge(key, at, new, database, &mut concerned)?;
            }
            // A component whose CPE leaves the vendor open waits for whoever names the product.
            if matches!(kind_of(key), "cpe" | "product") {
                let product = key.rsplit('/').next().unwrap_or_default();
                for at in self.of_key(&format!("cpe/*/*/{product}")) {
                    self.judge(key, at, new, database, &mut concerned)?;
                }
            }
            // A product in words is what a CPE names.
            if let Some(product) = key.strip_prefix("product/") {
                for part in ["a", "o", "h"] {
                    for at in self.of_key(&format!("cpe/{part}/{product}")) {
                        self.judge(key, at, new, database, &mut concerned)?;
                    }
                }
            }
        }
        concerned.sort_unstable_by(|a, b| {
            (a.owner, a.product, a.key, a.advisory).cmp(&(b.owner, b.product, b.key, b.advisory))
        });
        concerned.dedup();
        Ok(concerned)
    }

    fn judge<'p, 'a>(
        &'p self,
        key: &str,
        at: usize,
        new: &Segment<'a>,
        database: &Database<'a>,
        concerned: &mut Vec<Concerned<'p, 'a>>,
    ) -> Result<(), SegmentError> {
        let Some((named, holders)) = self.row(at) else { return Ok(()) };
        let mut asked = Asked::new(named.version, named.version.filter(|version| is_commit(version)));
        for entry in new.entries(key)? {
            let entry = entry?;
            let is_other = entry.release()?.zip(named.release).is_some_and(|(of, is)| of != is);
            if is_other || entry.judge(&mut asked)?.is_none_or(|verdict| verdict.status != Status::Affected) {
                continue;
            }
            let record = entry.record()?;
            let is_withdrawn = record.withdrawn.is_some_and(|withdrawn| withdrawn <= database.as_of());
            if is_withdrawn || !record.is_known_at(database.as_of()) {
                continue;
            }
            concerned.extend(holders.iter().map(|product| Concerned {
                product: *product,
                owner: self.owners.get(product).copied(),
                key: named.key,
                version: named.version,
                advisory: record.id,
            }));
        }
        Ok(())
    }

    /// The rows of a key.
    fn of_key(&self, key: &str) -> std::ops::Range<usize> {
        let key_of = |at: usize| self.row(at).map_or("", |(named, _)| named.key);
        let edge = |is_before: &dyn Fn(&str) -> bool| {
            let (mut low, mut high) = (0_usize, self.rows.len());
            while low < high {
                let middle = low.midpoint(high);
                if is_before(key_of(middle)) { low = middle.saturating_add(1) } else { high = middle }
            }
            low
        };
        edge(&|found| found < key)..edge(&|found| found <= key)
    }

    fn row(&self, at: usize) -> Option<(Named<'_>, &[ProductId])> {
        let row = self.rows.get(at)?;
        let first = at.checked_sub(1).and_then(|before| self.rows.get(before)).map_or(0, |before| before.holders);
        let holders = self.holders.get(usize::try_from(first).ok()?..usize::try_from(row.holders).ok()?)?;
        let start = usize::try_from(row.start).ok()?;
        let key_end = start.checked_add(usize::from(row.key))?;
        let version_end = key_end.checked_add(usize::from(row.version))?;
        let end = version_end.checked_add(usize::from(row.release))?;
        let some = |text: &'_ str| !text.is_empty();
        Some((
            Named {
                key: self.texts.get(start..key_end)?,
                version: self.texts.get(key_end..version_end).filter(|text| some(text)),
                release: self.texts.get(version_end..end).filter(|text| some(text)),
            },
            holders,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::{Collector, Named, OwnerId, ProductId};
    use crate::Instant;
    use crate::advisory::{Advisory, Affected, End, Package, Source, Versions};
    use crate::index::{Builder, Database, Segment};
    use crate::vex::Status;

    #[test]
    fn a_new_advisory_finds_the_products_that_hold_a_version_in_its_range() {
        let end = End::Before("2.0".to_owned());
        let affected = Affected {
            packages: vec![
                Package::Purl("pkg:pypi/a".to_owned()),
                Package::Product { vendor: "V".to_owned(), product: "P".to_owned() },
            ],
            ranges: vec![(Versions::Interval { scheme: None, introduced: None, end }, Status::Affected)],
            otherwise: None,
            running_on: Vec::new(),
            parts: Vec::new(),
            by: String::new(),
        };
        let mut builder = Builder::new(Instant(1));
        builder.add(&Advisory { affected: vec![affected], ..Advisory::new("X-1", Source::Cve) });
        let bytes = builder.finish().unwrap();
        let mut collector = Collector::default();
        for (product, key, version) in [
            (1, "pypi/a", "1.0"),
            (2, "pypi/a", "2.0"),
            (3, "pypi/a", "1.0"),
            (3, "pypi/a", "1.0"),
            (4, "cpe/a/v/p", "1"),
            (5, "pypi/ab", "1"),
        ] {
            collector.owner(ProductId(product), OwnerId(product % 2));
            collector.holds(ProductId(product), Named { key, version: Some(version), release: None });
        }
        let portfolio = collector.finish();
        assert_eq!(portfolio.size(), (4, 5));
        let database = Database::open(&[&bytes], Instant(9)).unwrap();
        let found = portfolio.concerned_by(&Segment::open(&bytes).unwrap(), &database).unwrap();
        let told: Vec<_> = found.iter().map(|c| (c.owner.unwrap().0, c.product.0, c.key, c.version.unwrap())).collect();
        assert_eq!(told, [(0, 4, "cpe/a/v/p", "1"), (1, 1, "pypi/a", "1.0"), (1, 3, "pypi/a", "1.0")]);
    }
}
