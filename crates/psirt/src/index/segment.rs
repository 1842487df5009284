//! A segment of advisories, read in place.
//!
//! Not several: [`super::Database`] lays segments over each other. Invariants and cost: see [`super::layout`] and [`super::table`].

use crate::Instant;
use crate::vex::Status;

use super::compile::Via;
use super::layout::{Frame, Kind, Section, SegmentError, field};
use super::record::{RECORD_BYTES, Record};
use super::rules::status_of;
use super::table::Run;

/// Bytes of an entry.
pub(super) const ENTRY_BYTES: usize = 32;

/// A segment of advisories.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    pub(super) frame: Frame<'a>,
}

/// What one advisory says of one package.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    pub(super) frame: Frame<'a>,
    pub(super) advisory: u32,
    by: u32,
    release: u32,
    narrow: u32,
    pub(super) rules: Run,
    context: u32,
    otherwise: u8,
    via: u8,
}

/// What an entry must run on, and which parts hold the flaw.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Context<'a> {
    /// What it runs on or with.
    pub running_on: Vec<&'a str>,
    /// Kind and name of each part.
    pub parts: Vec<(&'a str, &'a str)>,
}

impl<'a> Segment<'a> {
    /// Reads the header.
    ///
    /// # Errors
    /// The bytes are no such segment, or a part of one.
    pub fn open(bytes: &'a [u8]) -> Result<Self, SegmentError> {
        Frame::open(bytes, Kind::Advisories).map(|frame| Self { frame })
    }

    /// Reads everything and compares checksums; for imports, not for each start.
    ///
    /// # Errors
    /// Which section is damaged.
    pub fn verify(&self) -> Result<(), SegmentError> {
        self.frame.verify()
    }

    /// When what it holds became known.
    #[must_use]
    pub fn known_from(&self) -> Instant {
        Instant(self.frame.known_from())
    }

    /// How many records it has, those superseded within it among them.
    #[must_use]
    pub fn records(&self) -> u32 {
        self.frame.rows::<RECORD_BYTES>(Section::Advisories)
    }

    /// A record by its number.
    ///
    /// # Errors
    /// The segment is damaged.
    pub fn record(&self, index: u32) -> Result<Record<'a>, SegmentError> {
        self.frame.record(index)
    }

    /// What advisories say of a package.
    ///
    /// # Errors
    /// The segment is damaged; so for each item.
    pub fn entries(
        &self,
        key: &str,
    ) -> Result<impl Iterator<Item = Result<Entry<'a>, SegmentError>> + use<'a>, SegmentError> {
        let run = self.frame.find(Section::Keys, Section::KeyStarts, key)?.unwrap_or(Run { start: 0, count: 0 });
        let frame = self.frame;
        Ok(run.numbers().map(move |index| entry(frame, index)))
    }

    /// The records of an id, an alias or a document.
    ///
    /// # Errors
    /// The segment is damaged.
    pub fn by_id(
        &self,
        id: &str,
    ) -> Result<impl Iterator<Item = Result<Record<'a>, SegmentError>> + use<'a>, SegmentError> {
        let run = self.frame.find(Section::Ids, Section::IdStarts, id)?.unwrap_or(Run { start: 0, count: 0 });
        let frame = self.frame;
        Ok(run.numbers().map(move |at| frame.record(frame.number(Section::Lists, at)?)))
    }

    /// The keys whose last part is a name, as [`crate::identity`] spells keys.
    ///
    /// # Errors
    /// The segment is damaged.
    pub fn by_name(
        &self,
        name: &str,
    ) -> Result<impl Iterator<Item = Result<&'a str, SegmentError>> + use<'a>, SegmentError> {
        let run = self.frame.find(Section::Names, Section::NameStarts, name)?.unwrap_or(Run { start: 0, count: 0 });
        let frame = self.frame;
        Ok(run.numbers().map(move |at| frame.text(frame.number(Section::Lists, at)?)))
    }

    /// Every key with its entries, in no order that means something.
    pub fn keys(&self) -> impl Iterator<Item = Result<&'a str, SegmentError>> + use<'a> {
        self.frame.table(Section::Keys).map(|row| row.map(|(key, _)| key))
    }
}

/// The entry of a number.
pub(super) fn entry(frame: Frame<'_>, index: u32) -> Result<Entry<'_>, SegmentError> {
    let row = frame.row::<ENTRY_BYTES>(Section::Entries, index)?;
    let [.., otherwise, via, _, _] = *row;
    Ok(Entry {
        frame,
        advisory: field(row, 0),
        by: field(row, 4),
        release: field(row, 8),
        narrow: field(row, 12),
        rules: Run { start: field(row, 16), count: field(row, 20) },
        context: field(row, 24),
        otherwise,
        via,
    })
}

impl<'a> Entry<'a> {
    /// The advisory.
    ///
    /// # Errors
    /// The segment is damaged; so for each getter.
    pub fn record(&self) -> Result<Record<'a>, SegmentError> {
        self.frame.record(self.advisory)
    }

    /// Who says so within the source.
    ///
    /// # Errors
    /// The segment is damaged.
    pub fn by(&self) -> Result<&'a str, SegmentError> {
        self.frame.text(self.by)
    }

    /// The release of a distribution that it is limited to.
    ///
    /// # Errors
    /// The segment is damaged.
    pub fn release(&self) -> Result<Option<&'a str>, SegmentError> {
        self.frame.text_or_none(self.release)
    }

    /// The CPE name that it is limited to, for any version.
    ///
    /// # Errors
    /// The segment is damaged.
    pub fn narrow(&self) -> Result<Option<&'a str>, SegmentError> {
        self.frame.text_or_none(self.narrow)
    }

    /// How versions stand that no rule names.
    #[must_use]
    pub fn otherwise(&self) -> Option<Status> {
        status_of(self.otherwise)
    }

    /// How the advisory named the package.
    pub(crate) fn via(&self) -> Via {
        Via::ALL.get(usize::from(self.via)).copied().unwrap_or(Via::Product)
    }

    /// What it runs on, and its parts.
    ///
    /// # Errors
    /// The segment is damaged.
    pub fn context(&self) -> Result<Context<'a>, SegmentError> {
        let mut context = Context::default();
        if self.context == 0 {
            return Ok(context);
        }
        let number = |offset: u32| self.frame.number(Section::Lists, self.context.saturating_add(offset));
        let text = |offset: u32| self.frame.text(number(offset)?);
        let (running, parts) = (number(0)?, number(1)?);
        for at in 0..running {
            context.running_on.push(text(at.saturating_add(2))?);
        }
        for at in 0..parts {
            let first = running.saturating_add(2).saturating_add(at.saturating_mul(2));
            context.parts.push((text(first)?, text(first.saturating_add(1))?));
        }
        Ok(context)
    }
}
