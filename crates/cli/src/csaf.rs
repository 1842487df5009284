//! `yagura csaf validate`: CSAF documents of files, directories, archives or standard input, each with what is wrong with it.
//!
//! Not the tests (`yagura_psirt::csaf`). A document is held whole, one at a time.

use crate::args::Csaf;
use crate::failure::Failure;
use crate::output::{Output, emit};
use serde::Serialize;
use serde::de::IgnoredAny;
use std::fmt::Write as _;
use std::io::{self, BufRead, Read as _};
use std::path::{Path, PathBuf};
use yagura_feed::{Visitor, visit};
use yagura_psirt::Instant;
use yagura_psirt::csaf::{Group, Surroundings, validate};
use yagura_server::clock;

/// No document is larger. The largest CSAF documents known have some 60 MB.
const DOCUMENT_BYTES_MAX: u64 = 256 << 20;

/// A document as scripts read it.
#[derive(Serialize)]
struct Judged<'a> {
    document: &'a str,
    valid: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    findings: Vec<Failed>,
}

#[derive(Serialize)]
struct Failed {
    test: &'static str,
    group: &'static str,
    place: String,
    what: String,
}

/// Runs a command.
pub(crate) fn run(command: &Csaf) -> Result<(), Failure> {
    let Csaf::Validate { documents, json } = command;
    let mut judge =
        Judge { output: Output::from_flag(*json), given: PathBuf::new(), documents: 0, invalid: 0, failure: None };
    let is_stdin = |path: &PathBuf| path.as_os_str() == "-";
    if documents.is_empty() {
        judge.stdin()?;
    }
    for path in documents {
        if is_stdin(path) { judge.stdin()? } else { judge.path(path)? }
    }
    let summary = format!("{} documents, {} invalid", judge.documents, judge.invalid);
    if judge.invalid > 0 {
        return Err(Failure::Check(summary));
    }
    eprintln!("yagura: {summary}");
    Ok(())
}

struct Judge {
    output: Output,
    /// The path that was given; what lies below it is passed over if it is no JSON.
    given: PathBuf,
    documents: u64,
    invalid: u64,
    failure: Option<Failure>,
}

impl Visitor for Judge {
    fn document(&mut self, place: &str, bytes: &mut dyn BufRead) -> io::Result<()> {
        let mut text = Vec::new();
        bytes.take(DOCUMENT_BYTES_MAX).read_to_end(&mut text)?;
        let is_object = text.trim_ascii_start().starts_with(b"{");
        if self.failure.is_none() && (is_object || Path::new(place) == self.given) {
            self.failure = self.judge(place, &text).err();
        }
        Ok(())
    }

    fn trouble(&mut self, place: &str, error: &io::Error) {
        let told = self.tell(place, Some(error.to_string()), Vec::new());
        self.failure = self.failure.take().or(told.err());
    }
}

impl Judge {
    fn path(&mut self, path: &Path) -> Result<(), Failure> {
        path.clone_into(&mut self.given);
        visit(path, self);
        self.failure.take().map_or(Ok(()), Err)
    }

    /// Documents one after another, or paths, one a line.
    fn stdin(&mut self) -> Result<(), Failure> {
        let mut text = Vec::new();
        let read = io::stdin().lock().take(DOCUMENT_BYTES_MAX).read_to_end(&mut text);
        read.map_err(|error| Failure::Machine(format!("standard input: {error}")))?;
        let is_json = text.trim_ascii_start().first().is_none_or(|byte| matches!(byte, b'{' | b'[' | b'"'));
        let paths = String::from_utf8_lossy(&text);
        if !is_json && paths.lines().any(|line| Path::new(line.trim()).exists()) {
            return paths
                .lines()
                .filter(|line| !line.trim().is_empty())
                .try_for_each(|line| self.path(Path::new(line.trim())));
        }
        let mut values = serde_json::Deserializer::from_slice(&text).into_iter::<IgnoredAny>();
        let mut start = 0;
        while let Some(value) = values.next() {
            let end = if value.is_ok() { values.byte_offset() } else { text.len() };
            let document = text.get(start..end).unwrap_or_default().trim_ascii();
            let is_only = start == 0 && text.get(end..).unwrap_or_default().trim_ascii().is_empty();
            let name = if is_only { "-".to_owned() } else { format!("-#{}", self.documents + 1) };
            self.judge(&name, document)?;
            start = end;
        }
        if start == 0 { self.judge("-", b"") } else { Ok(()) }
    }

    fn judge(&mut self, name: &str, text: &[u8]) -> Result<(), Failure> {
        let around = Surroundings { now: Some(Instant(clock::now().0)), ..Surroundings::default() };
        match validate(text, Group::Informative, &around) {
            Err(error) => {
                let source = std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
                self.tell(name, Some(format!("{error}{source}")), Vec::new())
            }
            Ok(report) => self.tell(name, None, report.findings),
        }
    }

    fn tell(
        &mut self,
        document: &str,
        error: Option<String>,
        findings: Vec<yagura_psirt::csaf::Finding>,
    ) -> Result<(), Failure> {
        let valid = error.is_none() && findings.iter().all(|finding| finding.group > Group::Mandatory);
        self.documents += 1;
        self.invalid += u64::from(!valid);
        let failed = |finding: yagura_psirt::csaf::Finding| Failed {
            test: finding.test,
            group: group_word(finding.group),
            place: finding.place,
            what: finding.what,
        };
        let judged = Judged { document, valid, error, findings: findings.into_iter().map(failed).collect() };
        emit(self.output, &judged, || shown(&judged))
    }
}

fn shown(judged: &Judged<'_>) -> String {
    let word = if judged.valid { "valid" } else { "invalid" };
    let mut text = format!("{}: {word}", judged.document);
    if let Some(error) = &judged.error {
        let _ = write!(text, ": {error}");
    }
    for failed in &judged.findings {
        let _ = write!(text, "\n    {} ({}) {}: {}", failed.test, failed.group, failed.place, failed.what);
    }
    text
}

const fn group_word(group: Group) -> &'static str {
    match group {
        Group::Schema => "schema",
        Group::Mandatory => "mandatory",
        Group::Recommended => "recommended",
        Group::Informative => "informative",
    }
}
