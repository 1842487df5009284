//! `yagura source`: checks a sources file as a server would, shows what lines of a log would become, makes tokens.
//!
//! Not the server's way in: nothing is sent and nothing is kept.

use crate::failure::Failure;
use crate::output::{Output, emit};
use crate::serve::chain;
use serde::Serialize;
use std::fmt::Write as _;
use std::path::Path;
use yagura_server::auth::Secret;
use yagura_server::ways::load_source;
use yagura_sources::{Form, LineError, LineRow, SourceKind, TokenHash, each_row};

/// Lines of a sample that are shown.
const SHOWN_MAX: u64 = 1_000;

/// What a line would become.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    line: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    columns: Vec<(&'static str, &'a str)>,
}

/// Checks a file, and shows what a sample would become.
pub(crate) fn check(file: &Path, sample: Option<&Path>, output: Output) -> Result<(), Failure> {
    let source = load_source(file).map_err(|error| Failure::Check(chain(&error)))?;
    let logs = match &source.kind {
        SourceKind::Idsr(rules) => {
            let signed = rules.iter().filter(|rule| rule.key.is_some()).count();
            let (count, tenant) = (rules.len(), source.tenant);
            let text = format!("{}: {count} foreign sensors of {tenant}, {signed} of them signed: usable", source.name);
            return emit(output, &text, || text.clone());
        }
        SourceKind::Logs(logs) => logs,
    };
    let Some(sample) = sample else {
        let (product, tenant, tokens) = (logs.mapping.product(), source.tenant, logs.tokens.len());
        let text = format!("{}: {product} logs of {tenant}, {tokens} tokens: usable", source.name);
        return emit(output, &text, || text.clone());
    };
    let body = std::fs::read(sample).map_err(|error| Failure::file(sample, &error))?;
    let otlp = sample.to_string_lossy().ends_with(".otlp.json");
    let form = if otlp { Form::OtlpJson } else { Form::JsonLines };
    let (mut good, mut bad, mut failed) = (0_u64, 0_u64, Ok(()));
    let each = |line: u32, row: Result<LineRow<'_>, LineError>| {
        let count = if row.is_ok() { &mut good } else { &mut bad };
        *count += 1;
        if good + bad <= SHOWN_MAX && failed.is_ok() {
            failed = show(line, &row, output);
        }
    };
    let count = each_row(&logs.mapping, form, &body, each).map_err(|error| Failure::input(sample.display(), error))?;
    failed?;
    let text = format!("{count} lines: {good} rows, {bad} not readable");
    if output == Output::Text {
        emit(output, &text, || text.clone())?;
    }
    if bad > 0 { Err(Failure::Check(format!("{bad} lines of {} would be no rows", sample.display()))) } else { Ok(()) }
}

fn show(line: u32, row: &Result<LineRow<'_>, LineError>, output: Output) -> Result<(), Failure> {
    let (time, code) = match row {
        Ok(row) => (row.time.map(|time| time.0.to_string()), row.status_code.map(|code| code.to_string())),
        Err(_) => (None, None),
    };
    let (mut columns, mut error) = (Vec::new(), None);
    match row {
        Ok(row) => {
            let severity = format!("{:?}", row.severity);
            let all = [
                ("time", time.as_deref()),
                ("vehicle", Some(row.vehicle).filter(|vehicle| !vehicle.is_empty())),
                ("sensor", row.sensor),
                ("event_name", Some(row.event_name)),
                ("severity", Some(severity.as_str())),
                ("action", row.action),
                ("user", row.user),
                ("src_ip", row.src_ip),
                ("status", row.status),
                ("status_code", code.as_deref()),
                ("resource", row.resource),
                ("session", row.session),
                ("message", row.message),
                ("attributes", row.attributes),
            ];
            columns.extend(all.into_iter().filter_map(|(name, value)| value.map(|value| (name, value))));
            return emit(output, &Shown { line, error, columns: columns.clone() }, || text(line, &columns, None));
        }
        Err(why) => error = Some(why.to_string()),
    }
    let words = error.clone();
    emit(output, &Shown { line, error, columns }, || text(line, &[], words.as_deref()))
}

fn text(line: u32, columns: &[(&str, &str)], error: Option<&str>) -> String {
    let mut out = format!("{line}:");
    for (name, value) in columns {
        // Writing to a String cannot fail.
        let _ = write!(out, " {name}={value:?}");
    }
    if let Some(error) = error {
        let _ = write!(out, " no row: {error}");
    }
    out
}

/// A new token, and what stands in the sources file for it.
pub(crate) fn token() -> Result<(), Failure> {
    let token = Secret::random().map_err(|error| Failure::Machine(chain(&error)))?.to_text();
    let hash = TokenHash::of(&token).0.iter().fold(String::new(), |mut out, byte| {
        // Writing to a String cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    });
    let text = format!(
        "  token   {token}   (for the back end; shown once)\n  hash    {hash}   (for `tokens` of the sources file)"
    );
    emit(Output::Text, &text, || text.clone())
}
