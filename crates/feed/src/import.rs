//! What lies under paths → a new segment or several, and a new list.
//!
//! Not a reader of formats and not the index. Invariants: the database is as before until the new list is in its place, and an import that
//! is ended anywhere leaves nothing but files that the next one removes; a record that is known as it is makes nothing new; every document
//! that was not taken is in the report, with its place. Memory: two times [`SEGMENT_BYTES`], the digests of what is known (40 bytes a record),
//! and the largest document.

use crate::compact::compact;
use crate::content::Content;
use crate::database::{Lock, clean};
use crate::error::FeedError;
use crate::known::{Known, News};
use crate::manifest::{ImportLine, Manifest, SegmentLine, StatementsLine, digest_of, put};
use crate::reading::{Message, read_all};
use crate::report::Report;
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use yagura_psirt::advisory::Advisory;
use yagura_psirt::index::{self, Builder, SegmentError};
use yagura_psirt::score::epss::EpssList;
use yagura_psirt::score::kev::KevList;
use yagura_psirt::{Instant, vex};

/// A segment is closed when it has about so many bytes.
pub(crate) const SEGMENT_BYTES: usize = 32 << 20;
/// Messages between reading and compiling.
const MESSAGES_MAX: usize = 8;
/// Documents of statements that a database holds; they are read at each scan.
const STATEMENTS_MAX: usize = 1000;
/// Segments of KEV, EPSS and mappings that are kept of each kind: the newest counts.
const LISTS_MAX: usize = 4;

/// Imports what lies under paths into a directory, which is made if there is none. `tell` hears of each document.
///
/// # Errors
/// The directory cannot be written, somebody else imports, or what is there is damaged. A document that cannot be read is no error.
pub fn import(
    dir: &Path,
    paths: &[PathBuf],
    now: Instant,
    tell: &mut dyn FnMut(&str, &ImportLine),
) -> Result<ImportLine, FeedError> {
    let origin = paths.iter().map(|path| path.display().to_string()).collect();
    import_from(dir, origin, paths, now, tell)
}

/// The same, of what came from elsewhere.
pub(crate) fn import_from(
    dir: &Path,
    origin: Vec<String>,
    paths: &[PathBuf],
    now: Instant,
    tell: &mut dyn FnMut(&str, &ImportLine),
) -> Result<ImportLine, FeedError> {
    let _lock = Lock::take(dir)?;
    let mut manifest = Manifest::read(dir)?.unwrap_or_default();
    clean(dir, &manifest)?;
    // Time goes on in a database, whatever the clock does.
    let now = manifest.newest().map_or(now, |newest| now.max(Instant(newest.0.saturating_add(1))));
    let mut taker = Taker {
        dir,
        now,
        next: now,
        known: Known::read(dir, &manifest)?,
        manifest: &mut manifest,
        builder: Builder::new(now),
        lists: Lists::default(),
        report: Report::new(dir)?,
        line: ImportLine { time: now.text(), origin, ..ImportLine::default() },
    };
    let (to, from) = sync_channel(MESSAGES_MAX);
    std::thread::scope(|scope| {
        scope.spawn(move || read_all(paths, to));
        for message in from {
            if let Message::Document(place) = &message {
                tell(place, &taker.line);
            }
            taker.take(message)?;
        }
        Ok::<_, FeedError>(())
    })?;
    let line = taker.finish()?;
    compact(dir, &mut manifest)?;
    clean(dir, &manifest)?;
    Ok(line)
}

/// Lists, put together over all documents of an import.
#[derive(Default)]
struct Lists {
    mapping: String,
    exploited: KevList,
    epss: EpssList,
}

struct Taker<'a> {
    dir: &'a Path,
    now: Instant,
    /// Since when the next segment is known: what one import brings later stands in front.
    next: Instant,
    known: Known,
    manifest: &'a mut Manifest,
    builder: Builder,
    lists: Lists,
    report: Report,
    line: ImportLine,
}

impl Taker<'_> {
    fn take(&mut self, message: Message) -> Result<(), FeedError> {
        match message {
            Message::Document(_) => self.line.documents += 1,
            Message::Advisories(batch) => batch.iter().try_for_each(|advisory| self.advisory(advisory))?,
            Message::List(content, text) => self.list(content, &text)?,
            Message::Statements { place, bytes } => self.statements(place, &bytes)?,
            Message::PassedOver { place, what } => {
                self.line.passed_over += 1;
                self.report.passed_over(&place, &what)?;
            }
            Message::Wrong { place, what } => self.wrong(&place, &what)?,
        }
        Ok(())
    }

    fn wrong(&mut self, place: &str, what: &str) -> Result<(), FeedError> {
        self.line.anomalies += 1;
        self.report.wrong(place, what)
    }

    fn advisory(&mut self, advisory: &Advisory) -> Result<(), FeedError> {
        match self.known.advisory(advisory) {
            News::Taken => {}
            News::Known => {
                self.line.known += 1;
                return Ok(());
            }
            News::Doubled => {
                self.line.known += 1;
                return self.wrong(
                    &advisory.id,
                    "stands there twice with one date and says different things: the first stands",
                );
            }
        }
        self.line.taken += 1;
        self.builder.add(advisory);
        if self.builder.bytes() >= SEGMENT_BYTES { self.close() } else { Ok(()) }
    }

    /// Writes the segment that is being made, and begins another.
    fn close(&mut self) -> Result<(), FeedError> {
        let known_from = self.next;
        self.next = Instant(known_from.0.saturating_add(1));
        let builder = std::mem::replace(&mut self.builder, Builder::new(self.next));
        let refused = builder.refused().iter().map(|refused| (refused.advisory.clone(), refused.what.clone()));
        for (advisory, what) in refused.collect::<Vec<_>>() {
            self.wrong(&advisory, &what)?;
        }
        if builder.is_empty() {
            return Ok(());
        }
        let records = builder.len() as u64;
        let bytes = builder.finish();
        self.segment("advisories", bytes, records, known_from)
    }

    fn segment(
        &mut self,
        kind: &str,
        bytes: Result<Vec<u8>, SegmentError>,
        records: u64,
        known_from: Instant,
    ) -> Result<(), FeedError> {
        let bytes = bytes.map_err(|source| FeedError::Segment { path: self.dir.join(kind), source })?;
        self.manifest.segments.push(write_segment(self.dir, kind, &bytes, records, known_from)?);
        Ok(())
    }

    fn list(&mut self, content: Content, text: &str) -> Result<(), FeedError> {
        let mut wrong = Vec::new();
        match content {
            Content::Mapping => {
                self.lists.mapping.push_str(text);
                self.lists.mapping.push('\n');
            }
            Content::Exploited => {
                let list = KevList::read(text);
                self.lists.exploited.entries.extend(list.entries);
                wrong.extend(list.wrong.into_iter().map(|(at, what)| (format!("KEV, entry {at}"), what)));
            }
            _ => {
                let list = EpssList::read(text);
                self.lists.epss.entries.extend(list.entries);
                wrong.extend(list.wrong.into_iter().map(|(at, what)| (format!("EPSS, line {at}"), what.to_owned())));
            }
        }
        wrong.iter().try_for_each(|(place, what)| self.wrong(place, what))
    }

    fn statements(&mut self, place: String, bytes: &[u8]) -> Result<(), FeedError> {
        let read = vex::read(bytes);
        for anomaly in &read.anomalies {
            self.wrong(&format!("{place} {}", anomaly.place), &anomaly.what)?;
        }
        let digest = digest_of(bytes);
        if self.manifest.statements.iter().any(|line| line.digest == digest) {
            self.line.known += read.statements.len() as u64;
            return Ok(());
        }
        if self.manifest.statements.len() >= STATEMENTS_MAX {
            let what = format!(
                "the database holds {STATEMENTS_MAX} documents of statements: give this one to `yagura scan --vex`"
            );
            return self.wrong(&place, &what);
        }
        self.line.taken += read.statements.len() as u64;
        let line = StatementsLine { digest, place, known_from: self.now.text() };
        put(self.dir, &line.file_name(), bytes)?;
        self.manifest.statements.push(line);
        Ok(())
    }

    /// Writes what is left, and puts the new list in its place.
    fn finish(mut self) -> Result<ImportLine, FeedError> {
        self.close()?;
        let Lists { mapping, exploited, epss } = std::mem::take(&mut self.lists);
        if !mapping.is_empty() {
            let records = mapping.lines().filter(|line| !line.trim().is_empty()).count() as u64;
            let wrong = self.only("mapping", records, &|known_from| index::mapping(&mapping, known_from))?;
            wrong.iter().try_for_each(|what| self.wrong("mapping", what))?;
        }
        drop(mapping);
        if !exploited.entries.is_empty() {
            let make = |known_from| index::exploited(&exploited, known_from).map(|bytes| (bytes, Vec::new()));
            self.only("exploited", exploited.entries.len() as u64, &make)?;
        }
        if !epss.entries.is_empty() {
            let make = |known_from| index::epss(&epss, known_from).map(|bytes| (bytes, Vec::new()));
            self.only("epss", epss.entries.len() as u64, &make)?;
        }
        self.report.finish()?;
        if self.line.taken > 0 {
            self.manifest.known = Some(self.known.write(self.dir)?);
        }
        self.manifest.newest = Some(self.next.text());
        self.manifest.imports.push(self.line.clone());
        let surplus = self.manifest.imports.len().saturating_sub(Manifest::IMPORTS_MAX);
        self.manifest.imports.drain(..surplus);
        self.manifest.write(self.dir)?;
        Ok(self.line)
    }

    /// Writes a list of which the newest counts, unless it is known as it is.
    fn only(
        &mut self,
        kind: &str,
        records: u64,
        make: &dyn Fn(Instant) -> Result<(Vec<u8>, Vec<String>), SegmentError>,
    ) -> Result<Vec<String>, FeedError> {
        let failed = |source| FeedError::Segment { path: self.dir.join(kind), source };
        let (content, wrong) = make(Instant(0)).map_err(failed)?;
        if self.known.only(kind, &content) == News::Known {
            self.line.known += records;
            return Ok(wrong);
        }
        drop(content);
        let (bytes, _) = make(self.now).map_err(failed)?;
        self.line.taken += records;
        self.segment(kind, Ok(bytes), records, self.now)?;
        let mut surplus =
            self.manifest.segments.iter().filter(|line| line.kind == kind).count().saturating_sub(LISTS_MAX);
        self.manifest.segments.retain(|line| {
            let goes = line.kind == kind && surplus > 0;
            surplus -= usize::from(goes);
            !goes
        });
        Ok(wrong)
    }
}

/// Writes a segment; gives its line.
pub(crate) fn write_segment(
    dir: &Path,
    kind: &str,
    bytes: &[u8],
    records: u64,
    known_from: Instant,
) -> Result<SegmentLine, FeedError> {
    let line = SegmentLine {
        digest: digest_of(bytes),
        bytes: bytes.len() as u64,
        kind: kind.to_owned(),
        records,
        known_from: known_from.text(),
    };
    put(dir, &line.file_name(), bytes)?;
    Ok(line)
}
