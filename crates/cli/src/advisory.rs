//! `yagura advisory show`: what every source says of a vulnerability, side by side, as far back as it is known here.
//!
//! Not a judgement: sources that disagree stay side by side.

use crate::args::Advisory;
use crate::failure::Failure;
use crate::feed::{db_path, failure, now};
use crate::output::{Output, emit};
use crate::serve::chain;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use yagura_feed::Database;
use yagura_psirt::Instant;
use yagura_psirt::findings::source_word;
use yagura_psirt::index::{self, Record, SegmentError};

/// A record as scripts read it.
#[derive(Serialize)]
struct Line<'a> {
    id: &'a str,
    source: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<&'a str>,
    title: &'a str,
    description: &'a str,
    aliases: Vec<&'a str>,
    published: Option<String>,
    modified: Option<String>,
    withdrawn: Option<String>,
    known_since: String,
    /// Until when this is what was known; absent if it still is.
    #[serde(skip_serializing_if = "Option::is_none")]
    known_until: Option<String>,
    scores: Vec<(String, String)>,
    weaknesses: Vec<u32>,
    remedies: Vec<&'a str>,
    references: Vec<&'a str>,
    kev_since: Option<String>,
    epss: Option<f64>,
}

/// Runs a command.
pub(crate) fn run(command: &Advisory) -> Result<(), Failure> {
    let Advisory::Show { db, id, json } = command;
    let dir = db_path(db)?;
    let database = Database::open(&dir).map_err(failure)?;
    let index = database.index(now()).map_err(failure)?;
    let damaged = |error: SegmentError| Failure::Input(format!("{}: {}", dir.display(), chain(&error)));
    let records = history(&index, id).map_err(damaged)?;
    if records.is_empty() {
        return Err(Failure::Check(format!("{id}: no source of {} knows it", dir.display())));
    }
    for (record, until) in &records {
        let line = line(&index, record, *until).map_err(damaged)?;
        emit(Output::from_flag(*json), &line, || shown(&line))?;
    }
    Ok(())
}

/// Records of an id and of its aliases, those that were superseded among them: by source, document, id, and time. With each, until when it
/// was what was known.
fn history<'a>(index: &index::Database<'a>, id: &str) -> Result<Vec<(Record<'a>, Option<Instant>)>, SegmentError> {
    let mut ids = BTreeSet::from([id]);
    for record in index.by_id(id)? {
        ids.insert(record.id);
        ids.extend(record.aliases()?);
    }
    let mut records: Vec<Record<'a>> = Vec::new();
    for segment in index.segments() {
        for id in &ids {
            for record in segment.by_id(id)? {
                let record = record?;
                // What was superseded within one import was never what was known.
                if record.known_from < record.known_to {
                    records.push(record);
                }
            }
        }
    }
    let key = |record: &Record<'a>| (record.source, record.document, record.id, record.known_from);
    records.sort_by_key(key);
    records.dedup_by_key(|record| key(record));
    let next = |number: usize, record: &Record<'a>| {
        let later = records.get(number + 1)?;
        let same = (later.source, later.document, later.id) == (record.source, record.document, record.id);
        same.then_some(Instant(later.known_from))
    };
    Ok(records.iter().enumerate().map(|(number, record)| (*record, next(number, record))).collect())
}

fn line<'a>(
    index: &index::Database<'a>,
    record: &Record<'a>,
    until: Option<Instant>,
) -> Result<Line<'a>, SegmentError> {
    let aliases = record.aliases()?;
    let mut cves = std::iter::once(record.id).chain(aliases.iter().copied()).filter(|id| id.starts_with("CVE-"));
    let cve = cves.next().unwrap_or_default();
    Ok(Line {
        id: record.id,
        source: source_word(record.source),
        document: record.document,
        title: record.title,
        description: record.description,
        published: record.published.map(Instant::text),
        modified: record.modified.map(Instant::text),
        withdrawn: record.withdrawn.map(Instant::text),
        known_since: Instant(record.known_from).text(),
        known_until: until.map(Instant::text),
        scores: record.scores()?.into_iter().map(|score| (score.vector, score.by)).collect(),
        weaknesses: record.weaknesses()?,
        remedies: record.remedies()?,
        references: record.references()?,
        kev_since: index.exploited(cve)?.map(|kev| kev.added),
        epss: index.epss(cve)?.map(|epss| epss.probability),
        aliases,
    })
}

fn shown(line: &Line<'_>) -> String {
    let document = line.document.map(|document| format!(" in {document}")).unwrap_or_default();
    let mut text = format!("{} ({}{document}): {}\n", line.id, line.source, line.title);
    let until = line.known_until.as_deref().map(|until| format!(" until {until}")).unwrap_or_default();
    let mut tell = |name: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(text, "  {name:<11} {value}");
        }
    };
    tell("known here", &format!("since {}{until}", line.known_since));
    tell("aliases", &line.aliases.join(", "));
    tell("published", line.published.as_deref().unwrap_or_default());
    tell("modified", line.modified.as_deref().unwrap_or_default());
    tell("withdrawn", line.withdrawn.as_deref().unwrap_or_default());
    tell("exploited", line.kev_since.as_deref().unwrap_or_default());
    tell("EPSS", &line.epss.map(|epss| format!("{:.2} %", epss * 100.0)).unwrap_or_default());
    for (vector, by) in &line.scores {
        tell("score", &format!("{vector} by {by}"));
    }
    tell("what", &line.description.split_whitespace().collect::<Vec<_>>().join(" "));
    for remedy in &line.remedies {
        tell("remedy", remedy);
    }
    for reference in &line.references {
        tell("see", reference);
    }
    text
}
