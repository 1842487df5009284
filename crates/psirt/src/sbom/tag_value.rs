//! SPDX 2.1 to 2.3 as tag-value: lines of `Tag: value`, with `<text>` over several lines.
//!
//! Not strict about order beyond what gives a line its meaning: a tag belongs to the package, file or snippet that began last. Lines end with
//! any of the three line ends that tools write. Invariants: one package and one value are held; a value is cut at [`VALUE_BYTES_MAX`].

use std::io::BufRead;

use memchr::memchr2;

use super::spdx2::{self, Checksum, ExternalRef, Package, Relationship};
use super::{Document, Format, SbomError};
use crate::component::{Anomaly, Sink};

/// Bytes of a value that are kept; licence texts are longer and not wanted.
const VALUE_BYTES_MAX: usize = 64 << 10;

pub(super) fn read(input: impl BufRead, sink: &mut dyn Sink) -> Result<Document, SbomError> {
    let mut document = Document { format: Format::SpdxTagValue, version: None, complete: true };
    let mut lines = Lines { input, number: 0, after_return: false };
    let mut reader = Reader::default();
    let mut line = Vec::new();
    while lines.next(&mut line)? {
        let began = lines.number;
        let text = String::from_utf8_lossy(&line);
        let text = text.trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let Some((tag, value)) = text.split_once(':') else {
            let what =
                format!("expected 'Tag: value', found '{}'; stepped over", text.chars().take(40).collect::<String>());
            sink.anomaly(Anomaly { place: format!("line {began}"), what });
            continue;
        };
        let (tag, mut value) = (tag.trim().to_owned(), value.trim().to_owned());
        if let Some(opened) = value.strip_prefix("<text>") {
            value = opened.to_owned();
            while !value.contains("</text>") && lines.next(&mut line)? {
                let more = String::from_utf8_lossy(&line);
                if value.len() < VALUE_BYTES_MAX || more.contains("</text>") {
                    value.push('\n');
                    value.push_str(&more);
                }
            }
            match value.find("</text>") {
                Some(end) => value.truncate(end),
                None => {
                    document.complete = false;
                    let what = format!("the text that begins on line {began} does not end: the document is truncated");
                    sink.anomaly(Anomaly { place: format!("line {}", lines.number), what });
                }
            }
        }
        if tag == "SPDXVersion" {
            document.version = value.strip_prefix("SPDX-").map(str::to_owned);
        } else {
            reader.tag(&tag, value, began, sink);
        }
    }
    reader.flush(sink);
    Ok(document)
}

#[derive(Default)]
struct Reader {
    package: Option<Package>,
    line: usize,
}

impl Reader {
    fn flush(&mut self, sink: &mut dyn Sink) {
        if let Some(package) = self.package.take() {
            spdx2::package(package, &format!("line {}", self.line), sink);
        }
    }

    fn tag(&mut self, tag: &str, value: String, line: usize, sink: &mut dyn Sink) {
        match tag {
            "PackageName" => {
                self.flush(sink);
                self.line = line;
                self.package = Some(Package { name: Some(value), ..Package::default() });
                return;
            }
            "FileName" | "SnippetSPDXID" | "SnippetSPDXIdentifier" | "LicenseID" => return self.flush(sink),
            "Relationship" => return relationship(&value, line, sink),
            _ => {}
        }
        let Some(package) = &mut self.package else { return };
        match tag {
            "SPDXID" => package.reference = Some(value),
            "PackageVersion" => package.version = Some(value),
            "PackageSupplier" => package.supplier = Some(value),
            "PackageOriginator" => package.originator = Some(value),
            "PackageDownloadLocation" => package.download = Some(value),
            "PackageSourceInfo" => package.source_info = Some(value),
            "PackageLicenseConcluded" => package.concluded = Some(value),
            "PackageLicenseDeclared" => package.declared = Some(value),
            "PrimaryPackagePurpose" => package.purpose = Some(value),
            "PackageChecksum" => match value.split_once(':') {
                Some((algorithm, hex)) => package.checksums.get_or_insert_default().0.push(Checksum {
                    algorithm: Some(algorithm.trim().to_owned()),
                    value: Some(hex.trim().to_owned()),
                }),
                None => wrong(tag, "ALGORITHM: hexadecimal", &value, line, sink),
            },
            "ExternalRef" => {
                let mut words = value.split_whitespace();
                match (words.next(), words.next(), words.next()) {
                    (Some(_), Some(kind), Some(locator)) => package
                        .external
                        .get_or_insert_default()
                        .0
                        .push(ExternalRef { kind: Some(kind.to_owned()), locator: Some(locator.to_owned()) }),
                    _ => wrong(tag, "CATEGORY type locator", &value, line, sink),
                }
            }
            _ => {}
        }
    }
}

fn relationship(value: &str, line: usize, sink: &mut dyn Sink) {
    let mut words = value.split_whitespace();
    match (words.next(), words.next(), words.next()) {
        (Some(from), Some(kind), Some(to)) => {
            let relationship = Relationship { from: from.to_owned(), kind: kind.to_owned(), to: to.to_owned() };
            spdx2::relationship(&relationship, sink);
        }
        _ => wrong("Relationship", "element TYPE element", value, line, sink),
    }
}

fn wrong(tag: &str, expected: &str, value: &str, line: usize, sink: &mut dyn Sink) {
    let value: String = value.chars().take(80).collect();
    sink.anomaly(Anomaly { place: format!("line {line}"), what: format!("{tag} is '{value}', expected '{expected}'") });
}

/// Lines of bounded length that end with LF, CR LF or CR.
struct Lines<R> {
    input: R,
    number: usize,
    after_return: bool,
}

impl<R: BufRead> Lines<R> {
    fn next(&mut self, line: &mut Vec<u8>) -> Result<bool, SbomError> {
        line.clear();
        let mut any = false;
        loop {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                self.number = self.number.saturating_add(usize::from(any));
                return Ok(any);
            }
            if std::mem::replace(&mut self.after_return, false) && buffer.first() == Some(&b'\n') {
                self.input.consume(1);
                continue;
            }
            any = true;
            let end = memchr2(b'\n', b'\r', buffer);
            let content = buffer.get(..end.unwrap_or(buffer.len())).unwrap_or_default();
            let room = VALUE_BYTES_MAX.saturating_sub(line.len()).min(content.len());
            line.extend_from_slice(content.get(..room).unwrap_or_default());
            let Some(end) = end else {
                let used = buffer.len();
                self.input.consume(used);
                continue;
            };
            self.after_return = buffer.get(end) == Some(&b'\r');
            self.input.consume(end.saturating_add(1));
            self.number = self.number.saturating_add(1);
            return Ok(true);
        }
    }
}
