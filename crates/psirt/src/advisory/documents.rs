//! A stream of bytes → the JSON documents in it: one document, several one after another, JSON lines, the elements of an array, the
//! records of an NVD page.
//!
//! Not a parser: it only finds where a document ends. Memory is that of the largest document, at most [`DOCUMENT_BYTES_MAX`]. After a
//! broken document reading goes on at the next line that opens an object.

use std::io::Read;

/// No single document is larger. The largest CSAF VEX documents known have some 60 MB.
pub(crate) const DOCUMENT_BYTES_MAX: usize = 256 << 20;
const READ_BYTES: usize = 256 << 10;
/// An NVD page names its format within its first bytes.
const PAGE_HEAD_BYTES: usize = 4096;

/// One document, whole or as far as it goes.
pub(crate) struct Document {
    /// Its bytes.
    pub(crate) bytes: Vec<u8>,
    /// The line of the stream on which it begins, from 1.
    pub(crate) line: u64,
    /// What stands in its place if it cannot be one.
    pub(crate) broken: Option<&'static str>,
}

/// Finds documents.
pub(crate) struct Documents<'r> {
    input: &'r mut dyn Read,
    buffer: Vec<u8>,
    at: usize,
    line: u64,
    ended: bool,
    within: Within,
}

/// What surrounds the next document.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Within {
    Nothing,
    Array,
    Page,
}

impl<'r> Documents<'r> {
    /// `buffer` was read from `input` already.
    pub(crate) fn new(input: &'r mut dyn Read, buffer: Vec<u8>) -> Self {
        Self { input, buffer, at: 0, line: 1, ended: false, within: Within::Nothing }
    }

    /// The next document.
    ///
    /// # Errors
    /// What `input` says.
    pub(crate) fn next(&mut self) -> std::io::Result<Option<Document>> {
        loop {
            let Some(byte) = self.peek()? else { return Ok(None) };
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' | b',' | 0x1e => self.take(1),
                b'[' if self.within == Within::Nothing => self.enter(1, Within::Array),
                b']' if self.within != Within::Nothing => self.enter(1, Within::Nothing),
                b'{' => match self.page()? {
                    Some(length) => self.enter(length, Within::Page),
                    None => return self.object().map(Some),
                },
                // What follows the records of a page.
                b'}' if self.within == Within::Nothing => self.take(1),
                _ => return self.rubbish().map(Some),
            }
        }
    }

    /// Gives back what follows the first line of a document that turned out to be broken, from its next line that opens an object. False if
    /// there is none.
    pub(crate) fn resume(&mut self, broken: &Document) -> bool {
        let Some(offset) = broken.bytes.windows(2).position(|pair| pair == b"\n{") else { return false };
        let rest = broken.bytes.get(offset.saturating_add(1)..).unwrap_or_default();
        let lines = newlines(rest);
        self.buffer.splice(..self.at, rest.iter().copied());
        self.at = 0;
        self.line = self.line.saturating_sub(lines);
        self.within = Within::Nothing;
        true
    }

    fn peek(&mut self) -> std::io::Result<Option<u8>> {
        while self.at >= self.buffer.len() {
            if !self.more()? {
                return Ok(None);
            }
        }
        Ok(self.buffer.get(self.at).copied())
    }

    /// Reads on; what was taken is dropped first. False at the end of the stream.
    fn more(&mut self) -> std::io::Result<bool> {
        if self.ended {
            return Ok(false);
        }
        if self.at > 0 {
            self.buffer.drain(..self.at);
            self.at = 0;
        }
        let read = Read::take(&mut *self.input, READ_BYTES as u64).read_to_end(&mut self.buffer)?;
        self.ended = read == 0;
        Ok(read > 0)
    }

    fn take(&mut self, length: usize) {
        let end = self.at.saturating_add(length).min(self.buffer.len());
        self.line = self.line.saturating_add(newlines(self.buffer.get(self.at..end).unwrap_or_default()));
        self.at = end;
    }

    fn enter(&mut self, length: usize, within: Within) {
        self.take(length);
        self.within = within;
    }

    /// How many bytes lie before the records of an NVD page, if this is one.
    fn page(&mut self) -> std::io::Result<Option<usize>> {
        if self.within != Within::Nothing {
            return Ok(None);
        }
        while self.rest().len() < PAGE_HEAD_BYTES && self.more()? {}
        let head = self.rest();
        let head = head.get(..PAGE_HEAD_BYTES).unwrap_or(head);
        // It begins with its counts, or with its format where members are sorted.
        let first = head.get(1..).unwrap_or_default().trim_ascii_start();
        if !first.starts_with(b"\"resultsPerPage\"") && !first.starts_with(b"\"format\"") {
            return Ok(None);
        }
        let key = b"\"vulnerabilities\"";
        let Some(named) = find(head, b"\"NVD_CVE\"") else { return Ok(None) };
        let Some(records) = find(head, key).filter(|records| named < *records) else { return Ok(None) };
        let after = records.saturating_add(key.len());
        let bracket = head.get(after..).unwrap_or_default().iter().position(|byte| *byte == b'[');
        Ok(bracket.map(|bracket| after.saturating_add(bracket).saturating_add(1)))
    }

    fn rest(&self) -> &[u8] {
        self.buffer.get(self.at..).unwrap_or_default()
    }

    fn object(&mut self) -> std::io::Result<Document> {
        let mut scan = Scan::default();
        let mut seen = 0;
        loop {
            match scan.end(self.rest(), seen) {
                Some(end) => return Ok(self.cut(end, None)),
                None => seen = self.rest().len(),
            }
            if seen > DOCUMENT_BYTES_MAX {
                return Ok(self.cut(seen, Some("a document of more than 256 MiB: split it")));
            }
            if !self.more()? {
                return Ok(self.cut(seen, Some("the document ends before its closing brace")));
            }
        }
    }

    /// A line that is no document.
    fn rubbish(&mut self) -> std::io::Result<Document> {
        loop {
            let rest = self.rest();
            let end = rest.iter().position(|byte| *byte == b'\n');
            if let Some(end) = end.or((rest.len() > READ_BYTES).then_some(rest.len())) {
                return Ok(self.cut(end.max(1), Some("neither an object nor an array of objects")));
            }
            if !self.more()? {
                return Ok(self.cut(self.rest().len(), Some("neither an object nor an array of objects")));
            }
        }
    }

    fn cut(&mut self, length: usize, broken: Option<&'static str>) -> Document {
        let line = self.line;
        let bytes = self.rest().get(..length).unwrap_or_default().to_vec();
        self.take(length);
        Document { bytes, line, broken }
    }
}

/// Walks over an object to its closing brace.
#[derive(Default)]
struct Scan {
    depth: u64,
    string: bool,
    escaped: bool,
}

impl Scan {
    /// The length of the object, looking from `from` on.
    fn end(&mut self, bytes: &[u8], from: usize) -> Option<usize> {
        for (offset, byte) in bytes.iter().enumerate().skip(from) {
            if self.string {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => self.string = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.string = true,
                b'{' | b'[' => self.depth = self.depth.saturating_add(1),
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return Some(offset.saturating_add(1));
                    }
                }
                _ => {}
            }
        }
        None
    }
}

/// The objects in the arrays of an object's members: what can be saved of a document that is broken elsewhere.
pub(crate) fn elements(bytes: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    let mut outer = Scan::default();
    let mut at = 0_usize;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        if outer.depth == 2 && !outer.string && rest.first() == Some(&b'{') {
            let Some(end) = Scan::default().end(rest, 0) else { break };
            found.extend(rest.get(..end));
            at = at.saturating_add(end);
            continue;
        }
        outer.end(rest.get(..1).unwrap_or_default(), 0);
        at = at.saturating_add(1);
    }
    found
}

fn newlines(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0_u64, |lines, byte| lines.saturating_add(u64::from(*byte == b'\n')))
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::Documents;

    fn cut(text: &str) -> Vec<(u64, String, bool)> {
        let mut input = text.as_bytes();
        let mut documents = Documents::new(&mut input, Vec::new());
        let mut found = Vec::new();
        while let Some(document) = documents.next().unwrap() {
            let broken = serde_json::from_slice::<serde_json::Value>(&document.bytes).is_err();
            found.push((document.line, String::from_utf8_lossy(&document.bytes).into_owned(), broken));
            if broken {
                documents.resume(&document);
            }
        }
        found
    }

    #[test]
    fn documents_are_found_in_every_container() {
        let two = vec![(1, "{\"a\":1}".to_owned(), false), (2, "{\"b\":\"}\\\"\"}".to_owned(), false)];
        assert_eq!(cut("{\"a\":1}\n{\"b\":\"}\\\"\"}\n"), two);
        assert_eq!(cut("[{\"a\":1},\n{\"b\":\"}\\\"\"}]"), two);
        let page = "{\"resultsPerPage\":2,\"format\":\"NVD_CVE\",\"vulnerabilities\":[{\"a\":1},\n{\"b\":\"}\\\"\"}]}";
        assert_eq!(cut(page), two);
    }

    #[test]
    fn a_broken_document_costs_no_other() {
        let found = cut("{\"a\":1}\n{\"b\":\n{\"c\":3}\nrubbish\n{\"d\":4}");
        let whole: Vec<_> =
            found.iter().filter(|(_, _, broken)| !broken).map(|(line, text, _)| (*line, text.as_str())).collect();
        assert_eq!(whole, [(1, "{\"a\":1}"), (3, "{\"c\":3}"), (5, "{\"d\":4}")]);
    }
}
