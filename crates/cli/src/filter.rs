//! Line filters: a line of standard input, an answer on standard output, in step.
//!
//! Not the answers (those are `yagura-psirt`'s). Invariants: one answer a line, also to a line that is wrong; whoever writes a line and waits
//! gets its answer before the next line is read. Memory is one line.

use crate::args::{Filter, Version};
use crate::failure::Failure;
use serde::Serialize;
use std::io::{self, BufRead, BufReader, BufWriter, ErrorKind, Read as _, Write};
use yagura_psirt::identity::canonical_purl;
use yagura_psirt::score::cvss::answer_cvss;
use yagura_psirt::version::{Scheme, answer_compare, answer_vers};

/// No line is longer: a VERS range with a thousand versions has some 20 kB.
const LINE_BYTES_MAX: u64 = 1 << 20;
/// How a line is answered that has no answer.
const ERROR: &str = "error: ";

/// An answer as scripts read it.
#[derive(Serialize)]
struct Line<'a> {
    line: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

/// How answers are written.
#[derive(Clone, Copy)]
enum Form {
    /// The answer alone.
    Plain,
    /// An object with the line.
    Object,
}

impl Form {
    const fn of(json: bool) -> Self {
        if json { Self::Object } else { Self::Plain }
    }
}

/// `yagura version`.
pub(crate) fn version(command: &Version) -> Result<(), Failure> {
    let Version::Compare { scheme: name, json } = command;
    let scheme = Scheme::named(name).ok_or_else(|| {
        let known: Vec<&str> = Scheme::all().map(Scheme::name).collect();
        let why = format!("no order of versions is called so; known: {}", known.join(", "));
        Failure::input(format!("--scheme {name}"), why)
    })?;
    run(Form::of(*json), |line| answered(answer_compare(scheme, line)))
}

/// `yagura vers`.
pub(crate) fn vers(filter: &Filter) -> Result<(), Failure> {
    run(Form::of(filter.json), |line| answered(answer_vers(line)))
}

/// `yagura purl`.
pub(crate) fn purl(filter: &Filter) -> Result<(), Failure> {
    run(Form::of(filter.json), |line| canonical_purl(line).map_err(|error| format!("{ERROR}{error}")))
}

/// `yagura cvss`. Its answers are JSON objects anyway, those with an error too.
pub(crate) fn cvss() -> Result<(), Failure> {
    run(Form::Plain, |line| {
        let answer = answer_cvss(line);
        if answer.contains("\"error\":") { Err(answer) } else { Ok(answer) }
    })
}

fn answered(answer: String) -> Result<String, String> {
    if answer.starts_with(ERROR) { Err(answer) } else { Ok(answer) }
}

fn run(form: Form, answer: impl FnMut(&str) -> Result<String, String>) -> Result<(), Failure> {
    let mut input = BufReader::with_capacity(1 << 16, io::stdin().lock());
    let mut output = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    match answer_lines(&mut input, &mut output, form, answer) {
        Ok((_, 0)) => Ok(()),
        Ok((lines, wrong)) => Err(Failure::Check(format!("{wrong} of {lines} lines have no answer"))),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => Err(Failure::Machine(format!("standard input or output: {error}"))),
    }
}

/// Says how many lines there were, and how many had no answer.
fn answer_lines<R: io::Read>(
    input: &mut BufReader<R>,
    output: &mut impl Write,
    form: Form,
    mut answer: impl FnMut(&str) -> Result<String, String>,
) -> io::Result<(u64, u64)> {
    let (mut lines, mut wrong, mut bytes) = (0, 0, Vec::new());
    loop {
        // Whoever waits for an answer gets it before more is asked.
        if input.buffer().is_empty() {
            output.flush()?;
        }
        bytes.clear();
        if input.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut bytes)? == 0 {
            output.flush()?;
            return Ok((lines, wrong));
        }
        lines += 1;
        let is_cut = bytes.len() as u64 == LINE_BYTES_MAX && !bytes.ends_with(b"\n");
        if is_cut {
            skip_line(input)?;
        }
        let text = std::str::from_utf8(&bytes).map(|text| text.trim_end_matches(['\n', '\r']));
        let answered = match text {
            _ if is_cut => Err(format!("{ERROR}the line is longer than {LINE_BYTES_MAX} bytes")),
            Ok(text) => answer(text),
            Err(error) => Err(format!("{ERROR}no UTF-8 after {} bytes", error.valid_up_to())),
        };
        wrong += u64::from(answered.is_err());
        match form {
            Form::Plain => writeln!(output, "{}", answered.unwrap_or_else(|error| error))?,
            Form::Object => {
                let line = Line {
                    line: text.unwrap_or_default(),
                    answer: answered.as_deref().ok(),
                    error: answered.as_deref().err().map(|error| error.trim_start_matches(ERROR)),
                };
                serde_json::to_writer(&mut *output, &line)?;
                output.write_all(b"\n")?;
            }
        }
    }
}

/// Passes over the rest of a line.
fn skip_line(input: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = input.fill_buf()?;
        let length = buffer.len();
        let end = buffer.iter().position(|byte| *byte == b'\n');
        input.consume(end.map_or(length, |end| end + 1));
        if end.is_some() || length == 0 {
            return Ok(());
        }
    }
}
