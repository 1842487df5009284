//! An advisory as a segment keeps it.
//!
//! Not a copy of the source: what a page or a report shows, and no more. Lists are read when asked for. A record has 64 bytes; the format is
//! in `docs/format/psirt-index.md`.

use crate::Instant;
use crate::advisory::{Advisory, Score, Source};

use super::heap::Heap;
use super::layout::{Frame, Section, SegmentError, field, to_u32, wide};

/// Bytes of a record.
pub(super) const RECORD_BYTES: usize = 64;
/// The instant that stands for none.
const NEVER: i64 = i64::MIN;
/// The end of what still holds.
pub(super) const OPEN: i64 = i64::MAX;
/// Items that a list may have; more are left out.
const ITEMS_MAX: usize = 4096;

/// Which list of a record.
#[derive(Clone, Copy, Debug)]
enum List {
    Aliases,
    Related,
    Weaknesses,
    Scores,
    Ssvc,
    References,
    Remedies,
}

const LISTS: u32 = 7;

/// One version of one advisory.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    frame: Frame<'a>,
    lists: u32,
    /// Its id in its source.
    pub id: &'a str,
    /// Its source.
    pub source: Source,
    /// The document that holds it.
    pub document: Option<&'a str>,
    /// One line.
    pub title: &'a str,
    /// More lines.
    pub description: &'a str,
    /// When it was published.
    pub published: Option<Instant>,
    /// When it was last changed.
    pub modified: Option<Instant>,
    /// When it was withdrawn.
    pub withdrawn: Option<Instant>,
    /// Since when this version was what we knew.
    pub known_from: i64,
    /// Until when, exclusively.
    pub known_to: i64,
}

const SOURCES: [Source; 7] =
    [Source::Cve, Source::Osv, Source::Csaf, Source::Nvd, Source::Jvn, Source::Distribution, Source::Private];

impl<'a> Frame<'a> {
    /// The record of a number.
    pub(super) fn record(&self, index: u32) -> Result<Record<'a>, SegmentError> {
        let row = self.row::<RECORD_BYTES>(Section::Advisories, index)?;
        let instant = |at| Some(wide(row, at)).filter(|time| *time != NEVER).map(Instant);
        let number = field(row, 20);
        let source = SOURCES.get(super::layout::to_usize(number)).copied();
        Ok(Record {
            frame: *self,
            lists: field(row, 16),
            id: self.text(field(row, 0))?,
            source: source.ok_or_else(|| self.damaged(Section::Advisories, super::layout::to_usize(index)))?,
            document: self.text_or_none(field(row, 4))?,
            title: self.text(field(row, 8))?,
            description: self.text(field(row, 12))?,
            published: instant(24),
            modified: instant(32),
            withdrawn: instant(40),
            known_from: wide(row, 48),
            known_to: wide(row, 56),
        })
    }
}

impl<'a> Record<'a> {
    /// Whether this version was what we knew at an instant.
    #[must_use]
    pub fn is_known_at(&self, as_of: Instant) -> bool {
        self.known_from <= as_of.0 && as_of.0 < self.known_to
    }

    fn list(&self, list: List) -> Result<Vec<u32>, SegmentError> {
        let mut start = self.lists.saturating_add(LISTS);
        for before in 0..list as u32 {
            start = start.saturating_add(self.frame.number(Section::Lists, self.lists.saturating_add(before))?);
        }
        let count = self.frame.number(Section::Lists, self.lists.saturating_add(list as u32))?;
        (start..start.saturating_add(count)).map(|at| self.frame.number(Section::Lists, at)).collect()
    }

    fn texts(&self, list: List) -> Result<Vec<&'a str>, SegmentError> {
        self.list(list)?.into_iter().map(|number| self.frame.text(number)).collect()
    }

    fn pairs(&self, list: List) -> Result<Vec<(&'a str, &'a str)>, SegmentError> {
        let texts = self.texts(list)?;
        Ok(texts.as_chunks::<2>().0.iter().map(|[first, second]| (*first, *second)).collect())
    }

    /// Other ids of the same vulnerability.
    ///
    /// # Errors
    /// The segment is damaged; so for each list.
    pub fn aliases(&self) -> Result<Vec<&'a str>, SegmentError> {
        self.texts(List::Aliases)
    }

    /// Ids upstream and downstream of it.
    ///
    /// # Errors
    /// The segment is damaged.
    pub fn related(&self) -> Result<Vec<&'a str>, SegmentError> {
        self.texts(List::Related)
    }

    /// CWE numbers.
    ///
    /// # Errors
    /// The segment is damaged.
    pub fn weaknesses(&self) -> Result<Vec<u32>, SegmentError> {
        self.list(List::Weaknesses)
    }

    /// Scores, side by side.
    ///
    /// # Errors
    /// The segment is damaged.
    pub fn scores(&self) -> Result<Vec<Score>, SegmentError> {
        let own = |(vector, by): (&str, &str)| Score { vector: vector.to_owned(), by: by.to_owned() };
        Ok(self.pairs(List::Scores)?.into_iter().map(own).collect())
    }

    /// SSVC points and values.
    ///
    /// # Errors
    /// The segment is damaged.
    pub fn ssvc(&self) -> Result<Vec<(&'a str, &'a str)>, SegmentError> {
        self.pairs(List::Ssvc)
    }

    /// URLs.
    ///
    /// # Errors
    /// The segment is damaged.
    pub fn references(&self) -> Result<Vec<&'a str>, SegmentError> {
        self.texts(List::References)
    }

    /// What to do.
    ///
    /// # Errors
    /// The segment is damaged.
    pub fn remedies(&self) -> Result<Vec<&'a str>, SegmentError> {
        self.texts(List::Remedies)
    }

    /// What the record was made of, without its packages.
    pub(super) fn to_advisory(self) -> Result<Advisory, SegmentError> {
        let own = |texts: Vec<&str>| texts.into_iter().map(str::to_owned).collect::<Vec<_>>();
        Ok(Advisory {
            id: self.id.to_owned(),
            source: self.source,
            document: self.document.map(str::to_owned),
            aliases: own(self.aliases()?),
            related: own(self.related()?),
            published: self.published,
            modified: self.modified,
            withdrawn: self.withdrawn,
            title: self.title.to_owned(),
            description: self.description.to_owned(),
            weaknesses: self.weaknesses()?,
            scores: self.scores()?,
            ssvc: self.ssvc()?.into_iter().map(|(point, value)| (point.to_owned(), value.to_owned())).collect(),
            references: own(self.references()?),
            remedies: own(self.remedies()?),
            affected: Vec::new(),
        })
    }
}

/// Writes the record of an advisory.
pub(super) fn write(
    advisory: &Advisory,
    known: (i64, i64),
    heap: &mut Heap,
    lists: &mut Vec<u32>,
) -> [u8; RECORD_BYTES] {
    let start = to_u32(lists.len());
    let pairs = |pairs: &mut dyn Iterator<Item = (&str, &str)>, heap: &mut Heap| -> Vec<u32> {
        pairs.take(ITEMS_MAX).flat_map(|(first, second)| [heap.text(first), heap.text(second)]).collect()
    };
    let texts = |texts: &[String], heap: &mut Heap| -> Vec<u32> {
        texts.iter().take(ITEMS_MAX).map(|text| heap.text(text)).collect()
    };
    let all = [
        texts(&advisory.aliases, heap),
        texts(&advisory.related, heap),
        advisory.weaknesses.iter().copied().take(ITEMS_MAX).collect(),
        pairs(&mut advisory.scores.iter().map(|score| (&*score.vector, &*score.by)), heap),
        pairs(&mut advisory.ssvc.iter().map(|(point, value)| (&**point, &**value)), heap),
        texts(&advisory.references, heap),
        texts(&advisory.remedies, heap),
    ];
    lists.extend(all.iter().map(|list| to_u32(list.len())));
    lists.extend(all.into_iter().flatten());
    let source = SOURCES.iter().position(|source| *source == advisory.source).unwrap_or_default();
    let document = advisory.document.as_deref().map_or(0, |document| heap.text(document));
    let numbers = [
        heap.text(&advisory.id),
        document,
        heap.text(&advisory.title),
        heap.text(&advisory.description),
        start,
        to_u32(source),
    ];
    let instant = |instant: Option<Instant>| instant.map_or(NEVER, |instant| instant.0);
    let instants =
        [instant(advisory.published), instant(advisory.modified), instant(advisory.withdrawn), known.0, known.1];
    let mut row = [0; RECORD_BYTES];
    let bytes = numbers.into_iter().flat_map(u32::to_le_bytes).chain(instants.into_iter().flat_map(i64::to_le_bytes));
    row.iter_mut().zip(bytes).for_each(|(place, byte)| *place = byte);
    row
}
