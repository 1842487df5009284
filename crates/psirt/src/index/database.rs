//! Segments laid over each other, as of an instant.
//!
//! Not a writer. The same advisory (source, document, id) may stand in several segments: what became known later stands in front. Withdrawn
//! advisories are passed over. Opening costs a header per segment.

use crate::Instant;
use crate::score::epss::Epss;
use crate::score::kev::Kev;

use super::layout::{Kind, SegmentError, kind_of};
use super::lookup::{Lookup, epss_of, kev_of};
use super::record::Record;
use super::segment::{Entry, Segment};

/// What was known at an instant.
#[derive(Clone, Debug)]
pub struct Database<'a> {
    as_of: Instant,
    segments: Vec<Segment<'a>>,
    mappings: Vec<Lookup<'a>>,
    exploited: Vec<Lookup<'a>>,
    epss: Vec<Lookup<'a>>,
}

/// An entry with the segment that it is from.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// The entry.
    pub entry: Entry<'a>,
    segment: usize,
}

impl<'a> Database<'a> {
    /// Opens segments of any kind, in any order. What became known after `as_of` is left out.
    ///
    /// # Errors
    /// The number of the first segment that cannot be opened, and why.
    pub fn open(segments: &[&'a [u8]], as_of: Instant) -> Result<Self, (usize, SegmentError)> {
        let mut database =
            Self { as_of, segments: Vec::new(), mappings: Vec::new(), exploited: Vec::new(), epss: Vec::new() };
        for (index, bytes) in segments.iter().enumerate() {
            database.take(bytes).map_err(|error| (index, error))?;
        }
        database.segments.sort_by_key(|segment| std::cmp::Reverse(segment.known_from()));
        for lookups in [&mut database.mappings, &mut database.exploited, &mut database.epss] {
            lookups.retain(|lookup| lookup.known_from() <= as_of.0);
            lookups.sort_by_key(|lookup| std::cmp::Reverse(lookup.known_from()));
        }
        Ok(database)
    }

    fn take(&mut self, bytes: &'a [u8]) -> Result<(), SegmentError> {
        match kind_of(bytes)? {
            Kind::Advisories => {
                let segment = Segment::open(bytes)?;
                if segment.known_from() <= self.as_of {
                    self.segments.push(segment);
                }
            }
            kind @ Kind::Mapping => self.mappings.push(Lookup::open(bytes, kind)?),
            kind @ Kind::Exploited => self.exploited.push(Lookup::open(bytes, kind)?),
            kind @ Kind::Epss => self.epss.push(Lookup::open(bytes, kind)?),
        }
        Ok(())
    }

    /// The instant it speaks of.
    #[must_use]
    pub fn as_of(&self) -> Instant {
        self.as_of
    }

    /// Segments of advisories, newest first.
    #[must_use]
    pub fn segments(&self) -> &[Segment<'a>] {
        &self.segments
    }

    /// Whether any advisory speaks of a package.
    ///
    /// # Errors
    /// A segment is damaged; so for each look-up.
    pub fn knows(&self, key: &str) -> Result<bool, SegmentError> {
        for segment in &self.segments {
            if segment.entries(key)?.next().is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Hands over what advisories say of a package, superseded and withdrawn ones among them: [`Self::is_current`] tells, and is asked only
    /// for those whose ranges matter.
    ///
    /// # Errors
    /// A segment is damaged, or what `take` says.
    pub fn entries(
        &self,
        key: &str,
        take: &mut dyn FnMut(Found<'a>) -> Result<(), SegmentError>,
    ) -> Result<(), SegmentError> {
        for (segment, held) in self.segments.iter().enumerate() {
            for entry in held.entries(key)? {
                take(Found { entry: entry?, segment })?;
            }
        }
        Ok(())
    }

    /// Whether the record of an entry was what we knew, and not withdrawn.
    ///
    /// # Errors
    /// A segment is damaged.
    pub fn is_current(&self, found: &Found<'a>) -> Result<bool, SegmentError> {
        let record = found.entry.record()?;
        if !record.is_known_at(self.as_of) || record.withdrawn.is_some_and(|withdrawn| withdrawn <= self.as_of) {
            return Ok(false);
        }
        Ok(!self.is_superseded(&record, found.segment)?)
    }

    fn is_superseded(&self, record: &Record<'a>, segment: usize) -> Result<bool, SegmentError> {
        for (other, held) in self.segments.iter().enumerate().filter(|(other, _)| *other != segment) {
            for later in held.by_id(record.id)? {
                let later = later?;
                let same = (later.id, later.source, later.document) == (record.id, record.source, record.document);
                // Of two imported at once the one that was given first stands in front.
                let in_front = (later.known_from, segment) > (record.known_from, other);
                if same && in_front && later.is_known_at(self.as_of) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// The records of an id, an alias or a document, newest segment first, superseded ones left out.
    ///
    /// # Errors
    /// A segment is damaged.
    pub fn by_id(&self, id: &str) -> Result<Vec<Record<'a>>, SegmentError> {
        let mut records = Vec::new();
        for (segment, held) in self.segments.iter().enumerate() {
            for record in held.by_id(id)? {
                let record = record?;
                if record.is_known_at(self.as_of) && !self.is_superseded(&record, segment)? {
                    records.push(record);
                }
            }
        }
        Ok(records)
    }

    /// The keys of advisories whose last part is a name.
    ///
    /// # Errors
    /// A segment is damaged.
    pub fn by_name(&self, name: &str) -> Result<Vec<&'a str>, SegmentError> {
        let mut keys = Vec::new();
        for segment in &self.segments {
            for key in segment.by_name(name)? {
                keys.push(key?);
            }
        }
        keys.sort_unstable();
        keys.dedup();
        Ok(keys)
    }

    /// The keys that mean the same package, by the mapping data.
    ///
    /// # Errors
    /// A segment is damaged.
    pub fn same_as(&self, key: &str) -> Result<Vec<&'a str>, SegmentError> {
        for mapping in &self.mappings {
            if let Some(keys) = mapping.get(key)? {
                return Ok(keys);
            }
        }
        Ok(Vec::new())
    }

    /// The CPE keys of the mapping data whose product is a name.
    ///
    /// # Errors
    /// A segment is damaged.
    pub fn products(&self, name: &str) -> Result<Vec<&'a str>, SegmentError> {
        self.mappings.first().map_or(Ok(Vec::new()), |mapping| mapping.by_name(name))
    }

    /// What KEV says of a vulnerability.
    ///
    /// # Errors
    /// A segment is damaged.
    pub fn exploited(&self, id: &str) -> Result<Option<Kev>, SegmentError> {
        let texts = self.exploited.first().map_or(Ok(None), |lookup| lookup.get(id))?;
        Ok(texts.and_then(|texts| kev_of(&texts)))
    }

    /// What EPSS says of a vulnerability.
    ///
    /// # Errors
    /// A segment is damaged.
    pub fn epss(&self, id: &str) -> Result<Option<Epss>, SegmentError> {
        let texts = self.epss.first().map_or(Ok(None), |lookup| lookup.get(id))?;
        Ok(texts.and_then(|texts| epss_of(&texts)))
    }
}
