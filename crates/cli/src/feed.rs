//! `yagura feed …`: the advisory database from the command line.
//!
//! Not the database (`yagura-feed`). Progress goes to standard error, and only to a terminal.

use crate::args::{Db, Feed};
use crate::failure::Failure;
use crate::output::{Output, emit};
use crate::serve::chain;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant as Clock};
use yagura_feed::{Database, FeedError, ImportLine, Synced, import, report_path, sources, sync};
use yagura_psirt::Instant;
use yagura_psirt::findings::source_word;
use yagura_psirt::index::SegmentError;
use yagura_server::clock;

/// Imports that the text of `status` names.
const IMPORTS_TOLD: usize = 5;

/// Runs a command.
pub(crate) fn run(command: &Feed) -> Result<(), Failure> {
    match command {
        Feed::Import { db, paths, json } => take(&db_path(db)?, paths, Output::from_flag(*json)),
        Feed::Sync { db, sources, json } => sync_all(&db_path(db)?, sources, Output::from_flag(*json)),
        Feed::Status { db, json } => status(&db_path(db)?, Output::from_flag(*json)),
        Feed::Verify { db } => {
            let dir = db_path(db)?;
            let database = Database::open(&dir).map_err(failure)?;
            database.verify().map_err(|error| Failure::Check(chain(&error)))?;
            eprintln!(
                "yagura: {}: {} segments as they were written",
                dir.display(),
                database.manifest().segments.len()
            );
            Ok(())
        }
    }
}

/// The directory that was given, or the user's own.
pub(crate) fn db_path(db: &Db) -> Result<PathBuf, Failure> {
    if let Some(dir) = &db.db {
        return Ok(dir.clone());
    }
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let data = set("XDG_DATA_HOME").or_else(|| set("HOME").map(|home| home.join(".local/share")));
    let data = data.ok_or_else(|| Failure::Input("neither HOME nor XDG_DATA_HOME is set: say --db DIR".to_owned()))?;
    Ok(data.join("yagura").join("advisories"))
}

/// The wall clock.
pub(crate) fn now() -> Instant {
    Instant(clock::now().0)
}

/// Who must act.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub(crate) fn failure(error: FeedError) -> Failure {
    match &error {
        FeedError::Busy(_) => Failure::Machine(chain(&error)),
        FeedError::File(path, source) if path.exists() || source.kind() != std::io::ErrorKind::NotFound => {
            Failure::Machine(chain(&error))
        }
        _ => Failure::Input(chain(&error)),
    }
}

fn take(dir: &Path, paths: &[PathBuf], output: Output) -> Result<(), Failure> {
    for path in paths {
        std::fs::metadata(path).map_err(|error| Failure::file(path, &error))?;
    }
    let mut progress = Progress { terminal: std::io::stderr().is_terminal(), told: Clock::now() };
    let line = import(dir, paths, now(), &mut |place, line| progress.tell(place, line)).map_err(failure)?;
    progress.end();
    emit(output, &line, || {
        let mut text = format!(
            "{} new or changed, {} known as they are, from {} documents in {}",
            line.taken,
            line.known,
            line.documents,
            dir.display()
        );
        if line.anomalies + line.passed_over > 0 {
            let _ = write!(
                text,
                "\n{} anomalies, {} documents of another kind: {}",
                line.anomalies,
                line.passed_over,
                report_path(dir).display()
            );
        }
        text
    })
}

/// How it went with a source, as scripts read it.
#[derive(Serialize)]
struct SyncedLine<'a> {
    source: &'a str,
    /// `imported`, `unchanged` or `failed`.
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    import: Option<&'a ImportLine>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

fn sync_all(dir: &Path, list: &Path, output: Output) -> Result<(), Failure> {
    let text = std::fs::read_to_string(list).map_err(|error| Failure::file(list, &error))?;
    let listed = sources(&text).map_err(|error| Failure::input(list.display(), chain(&error)))?;
    let mut failed = 0;
    for source in &listed {
        let mut progress = Progress { terminal: std::io::stderr().is_terminal(), told: Clock::now() };
        let synced = sync(dir, source, now(), &mut |place, line| progress.tell(place, line));
        progress.end();
        let (outcome, import, error) = match &synced {
            Synced::Imported(line) => ("imported", Some(line), None),
            Synced::Unchanged => ("unchanged", None, None),
            Synced::Failed(error) => ("failed", None, Some(chain(error))),
        };
        failed += usize::from(error.is_some());
        let line = SyncedLine { source: &source.name, outcome, import, error };
        emit(output, &line, || match (line.import, &line.error) {
            (Some(import), _) => format!(
                "{}: {} new or changed, {} known as they are, {} anomalies",
                source.name, import.taken, import.known, import.anomalies
            ),
            (_, Some(error)) => format!("{}: failed: {error}", source.name),
            _ => format!("{}: has not changed", source.name),
        })?;
    }
    if failed > 0 { Err(Failure::Check(format!("{failed} of {} sources failed", listed.len()))) } else { Ok(()) }
}

struct Progress {
    terminal: bool,
    told: Clock,
}

impl Progress {
    fn tell(&mut self, place: &str, line: &ImportLine) {
        if self.terminal && self.told.elapsed() > Duration::from_millis(200) {
            self.told = Clock::now();
            let end: String = place.chars().rev().take(60).collect::<Vec<_>>().into_iter().rev().collect();
            eprint!("\r\x1b[K{} taken, {} known  {end}", line.taken, line.known);
        }
    }

    fn end(&self) {
        if self.terminal {
            eprint!("\r\x1b[K");
        }
    }
}

/// What a database holds, as scripts read it.
#[derive(Serialize)]
struct Standing<'a> {
    database: String,
    segments: usize,
    bytes: u64,
    /// By source: how many advisories are current, and when the newest of them was changed.
    sources: BTreeMap<&'static str, SourceLine>,
    lists: BTreeMap<&'a str, ListLine<'a>>,
    statements: usize,
    age_seconds: Option<i64>,
    imports: &'a [ImportLine],
}

#[derive(Default, Serialize)]
struct SourceLine {
    advisories: u64,
    newest: Option<String>,
}

#[derive(Serialize)]
struct ListLine<'a> {
    records: u64,
    known_from: &'a str,
}

fn status(dir: &Path, output: Output) -> Result<(), Failure> {
    let database = Database::open(dir).map_err(failure)?;
    let manifest = database.manifest();
    let damaged = |error: SegmentError| Failure::Input(format!("{}: {}", dir.display(), chain(&error)));
    let index = database.index(now()).map_err(failure)?;
    let mut sources: BTreeMap<&'static str, (u64, Option<Instant>)> = BTreeMap::new();
    for segment in index.segments() {
        for number in 0..segment.records() {
            let record = segment.record(number).map_err(damaged)?;
            if record.is_known_at(index.as_of()) {
                let source = sources.entry(source_word(record.source)).or_default();
                source.0 += 1;
                source.1 = source.1.max(record.modified.or(record.published));
            }
        }
    }
    let line = |(word, (advisories, newest)): (&'static str, (u64, Option<Instant>))| {
        (word, SourceLine { advisories, newest: newest.map(Instant::text) })
    };
    let lists = manifest.segments.iter().filter(|line| line.kind != "advisories");
    let last = manifest.imports.last().and_then(|line| Instant::parse(&line.time));
    let standing = Standing {
        database: dir.display().to_string(),
        segments: manifest.segments.len(),
        bytes: manifest.segments.iter().map(|line| line.bytes).sum(),
        sources: sources.into_iter().map(line).collect(),
        lists: lists
            .map(|line| (line.kind.as_str(), ListLine { records: line.records, known_from: &line.known_from }))
            .collect(),
        statements: manifest.statements.len(),
        age_seconds: last.map(|last| (now().0 - last.0) / 1_000_000),
        imports: &manifest.imports,
    };
    emit(output, &standing, || shown(&standing))
}

fn shown(standing: &Standing<'_>) -> String {
    let mut text =
        format!("{}: {} segments, {} MB\n", standing.database, standing.segments, standing.bytes / 1_000_000);
    for (word, source) in &standing.sources {
        let newest = source.newest.as_deref().unwrap_or("not said");
        let _ = writeln!(text, "  {word:<14} {:>9} advisories, newest change {newest}", source.advisories);
    }
    for (kind, list) in &standing.lists {
        let _ = writeln!(text, "  {kind:<14} {:>9} records, since {}", list.records, list.known_from);
    }
    let _ = writeln!(text, "  {:<14} {:>9} documents", "statements", standing.statements);
    for line in standing.imports.iter().rev().take(IMPORTS_TOLD) {
        let _ = writeln!(
            text,
            "  import {}: {} taken, {} known, {} anomalies, from {}",
            line.time,
            line.taken,
            line.known,
            line.anomalies,
            line.origin.join(", ")
        );
    }
    text
}
