//! `yagura lake`: ask the analytical tables in SQL, and take a vehicle's rows out of them. No server needed; one may be running.
//!
//! Not the tables and not the query engine: it opens both, prints, and maps failures to exit codes.

use crate::args;
use crate::failure::Failure;
use crate::output::{Output, emit};
use serde::Serialize;
use std::path::Path;
use yagura_server::serve::LAKE_DIR;
use yagura_store::{Forget, Forgotten, Lake, LakeError};

/// A partition that no worker has: this process only reads and rewrites.
const NO_PARTITION: u16 = u16::MAX;

/// Runs a command on the tables.
pub(crate) fn run(command: args::Lake) -> Result<(), Failure> {
    match command {
        args::Lake::Query(query) => ask(&query),
        args::Lake::Forget(forget) => take_out(&forget),
    }
}

pub(crate) fn open(data: &str) -> Result<Lake, Failure> {
    let url = if data.contains("://") { data.to_owned() } else { format!("{data}/{LAKE_DIR}") };
    if !url.contains("://") && !Path::new(&url).is_dir() {
        return Err(Failure::input(url, "there is no lake: give the server's data directory, or the lake's address"));
    }
    Lake::open(&url, NO_PARTITION).map_err(|error| failure(&error))
}

fn failure(error: &LakeError) -> Failure {
    let text = crate::serve::chain(error);
    match error {
        LakeError::DiskFull { .. } | LakeError::ReadOnly { .. } => Failure::Machine(text),
        _ => Failure::Input(text),
    }
}

#[cfg(not(feature = "query"))]
fn ask(_query: &args::LakeQuery) -> Result<(), Failure> {
    Err(Failure::Input(
        "this build has no query engine: use the full build, or another tool that reads Delta Lake".into(),
    ))
}

#[cfg(feature = "query")]
fn ask(query: &args::LakeQuery) -> Result<(), Failure> {
    use std::io::Write as _;
    use yagura_query::{Engine, Limits, Question, Rows, Scope, tables};
    let named = tables(&query.sql).map_err(|error| refusal(&error))?;
    let at = query.at.as_deref().map_or(Ok(yagura_store::At::Latest), moment)?;
    let lake = open(&query.data)?;
    let rows: Result<Vec<Rows>, Failure> = named
        .into_iter()
        .map(|table| {
            let snapshot = lake.snapshot(table, at).map_err(|error| failure(&error))?;
            Ok(Rows { snapshot, waiting: Vec::new() })
        })
        .collect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let limits = Limits {
        threads,
        memory_bytes_max: query.memory_mib << 20,
        spill_bytes_max: Limits::default().spill_bytes_max,
        seconds_max: query.seconds,
        rows_max: usize::MAX,
        answer_bytes_max: query.memory_mib << 20,
        queries_max: 1,
    };
    let engine = Engine::start(limits).map_err(|error| refusal(&error))?;
    let scope = query.tenant.clone().map_or(Scope::Operator, Scope::Tenant);
    let question = Question { scope, sql: query.sql.clone(), rows: query.rows };
    let answer = engine.ask_blocking(question, rows?).map_err(|error| refusal(&error))?;
    let written = if query.csv {
        answer.csv()
    } else if query.json {
        answer.json_lines()
    } else {
        answer.table().map(String::into_bytes)
    };
    let bytes = written.map_err(|error| refusal(&error))?;
    let mut out = std::io::stdout().lock();
    // Whoever closes the pipe has seen enough.
    let _ = out.write_all(&bytes).and_then(|()| out.flush());
    if answer.truncated {
        eprintln!("yagura: only the first {} rows; --rows asks for more", query.rows);
    }
    Ok(())
}

#[cfg(feature = "query")]
fn moment(text: &str) -> Result<yagura_store::At, Failure> {
    use yagura_server::api::time::Time;
    let wrong = || Failure::input(text, "neither a version of the table nor an RFC 3339 time");
    match text.parse() {
        Ok(version) => Ok(yagura_store::At::Version(version)),
        Err(_) => Time::parse(text).map(|time| yagura_store::At::Time(time.0)).ok_or_else(wrong),
    }
}

#[cfg(feature = "query")]
fn refusal(error: &yagura_query::QueryError) -> Failure {
    use yagura_query::QueryError;
    match error {
        QueryError::Lake(error) => failure(error),
        QueryError::Engine(_) | QueryError::Stopped { .. } => Failure::Internal(crate::serve::chain(error)),
        wrong => Failure::Input(wrong.to_string()),
    }
}

#[derive(Serialize)]
struct Report {
    vehicle: String,
    tenant: String,
    done: bool,
    tables: Vec<TableReport>,
}

#[derive(Serialize)]
struct TableReport {
    table: &'static str,
    rows: u64,
    files: u64,
    files_deleted: u64,
    version_before: u64,
    version_after: u64,
}

impl From<Forgotten> for TableReport {
    fn from(it: Forgotten) -> Self {
        let Forgotten { table, rows, files, versions, deleted } = it;
        Self { table, rows, files, files_deleted: deleted, version_before: versions.0, version_after: versions.1 }
    }
}

fn take_out(args: &args::LakeForget) -> Result<(), Failure> {
    let lake = open(&args.data)?;
    let user = || std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_else(|_| "unknown".to_owned());
    let whose = Forget {
        tenant: args.tenant.clone(),
        vehicle: args.vehicle.clone(),
        by: args.by.clone().unwrap_or_else(user),
        reason: args.reason.clone(),
        now: yagura_server::clock::now(),
    };
    let tables = if args.dry_run { lake.forgettable(&whose) } else { lake.forget(&whose) };
    let tables = tables.map_err(|error| failure(&error))?.into_iter().map(TableReport::from).collect();
    let report = Report { vehicle: whose.vehicle, tenant: whose.tenant, done: !args.dry_run, tables };
    emit(Output::from_flag(args.json), &report, || report.text())
}

impl Report {
    fn text(&self) -> String {
        let Self { vehicle, tenant, .. } = self;
        let line = |t: &TableReport| {
            let after = if self.done {
                format!(
                    "taken out of {} files, version {} to {}; {} files deleted",
                    t.files, t.version_before, t.version_after, t.files_deleted
                )
            } else {
                format!("in {} files would go", t.files)
            };
            format!("  {:<14} {:>9} rows {after}\n", t.table, t.rows)
        };
        let lines: String = self.tables.iter().map(line).collect();
        let end = if self.done {
            "The tables cannot be read as they were before. What was done is written down in the lake's _forgotten.\n"
        } else {
            "Nothing was changed.\n"
        };
        format!(
            "{tenant}/{vehicle}\n{lines}{end}Evidence stays: reports are in the vault until its retention ends, and a lake rebuilt from it \
             has these rows again.\n"
        )
    }
}
