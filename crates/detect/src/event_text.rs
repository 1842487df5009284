//! Events as JSON text, one after another: JSON lines, one JSON array, or documents that span several lines.
//!
//! Not JSON (that is `event_batch`, which reads the texts). Which of the three it is, the first line says: `[` begins an array, a lone `{`
//! a document of several lines, all else is lines. What is too long is reported with its place, and the next event is read. Memory is
//! bounded by the longest event.

use std::io::BufRead;

/// The longest event, in bytes of its text.
pub const EVENT_BYTES_MAX: usize = 16 << 20;

/// An event that cannot be read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("event {place}: {reason}")]
pub struct BadEvent {
    /// Its line, or its place in the array; from 1.
    pub place: u64,
    /// Why.
    pub reason: String,
}

/// The place of an event (line, or place in the array; from 1) and its text; or why it cannot be read.
pub type EventText<'a> = Result<(u64, &'a [u8]), BadEvent>;

/// Reads events.
pub struct EventTexts<R> {
    input: R,
    form: Option<Form>,
    line: u64,
    events: u64,
    text: Vec<u8>,
    ended: bool,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Form {
    Lines,
    Documents,
    Array,
}

/// Where the walk through a JSON text is.
#[derive(Default)]
struct Walk {
    depth: u32,
    in_text: bool,
    escaped: bool,
}

impl Walk {
    fn step(&mut self, byte: u8) {
        if self.in_text {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_text = false,
                _ => {}
            }
            return;
        }
        match byte {
            b'"' => self.in_text = true,
            b'{' | b'[' => self.depth = self.depth.saturating_add(1),
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }

    const fn is_outside(&self) -> bool {
        self.depth == 0 && !self.in_text
    }
}

/// How a piece of the input ended.
enum Piece {
    Whole,
    TooLong,
    /// Nothing is left.
    End,
}

impl<R: BufRead> EventTexts<R> {
    /// Reads from `input`.
    pub const fn new(input: R) -> Self {
        Self { input, form: None, line: 0, events: 0, text: Vec::new(), ended: false }
    }

    /// The next event; `None` at the end.
    ///
    /// # Errors
    /// What the input says; reading ends then.
    pub fn next_event(&mut self) -> std::io::Result<Option<EventText<'_>>> {
        loop {
            let (piece, place) = self.piece()?;
            match piece {
                Piece::End => return Ok(None),
                Piece::TooLong => {
                    let reason = format!("longer than the maximum of {EVENT_BYTES_MAX} bytes");
                    return Ok(Some(Err(BadEvent { place, reason })));
                }
                Piece::Whole if self.text.trim_ascii().is_empty() => {}
                Piece::Whole => return Ok(Some(Ok((place, &self.text)))),
            }
        }
    }

    /// Reads the text of the next event into the buffer.
    fn piece(&mut self) -> std::io::Result<(Piece, u64)> {
        if self.ended {
            return Ok((Piece::End, 0));
        }
        match self.form {
            Some(Form::Lines) => Ok((self.next_line()?, self.line)),
            Some(Form::Documents) => self.document(),
            Some(Form::Array) => self.element(),
            None => self.first(),
        }
    }

    fn first(&mut self) -> std::io::Result<(Piece, u64)> {
        let buffer = self.input.fill_buf()?;
        let mark = if buffer.starts_with(&[0xEF, 0xBB, 0xBF]) { 3 } else { 0 };
        self.input.consume(mark);
        loop {
            let buffer = self.input.fill_buf()?;
            let Some(byte) = buffer.first().copied() else { return Ok((Piece::End, 0)) };
            match byte {
                b'[' => {
                    self.input.consume(1);
                    self.form = Some(Form::Array);
                    return self.element();
                }
                b' ' | b'\t' | b'\r' | b'\n' => {
                    self.line = self.line.saturating_add(u64::from(byte == b'\n'));
                    self.input.consume(1);
                }
                _ => break,
            }
        }
        let piece = self.next_line()?;
        if self.text.trim_ascii() != b"{" {
            self.form = Some(Form::Lines);
            return Ok((piece, self.line));
        }
        self.form = Some(Form::Documents);
        self.rest_of_document()
    }

    /// One line without its end.
    fn next_line(&mut self) -> std::io::Result<Piece> {
        self.text.clear();
        self.line = self.line.saturating_add(1);
        let mut too_long = false;
        loop {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                self.ended = true;
                return Ok(match (too_long, self.text.is_empty()) {
                    (true, _) => Piece::TooLong,
                    (false, true) => Piece::End,
                    (false, false) => Piece::Whole,
                });
            }
            let end = memchr::memchr(b'\n', buffer);
            let taken = buffer.get(..end.unwrap_or(buffer.len())).unwrap_or_default();
            too_long |= self.text.len().saturating_add(taken.len()) > EVENT_BYTES_MAX;
            if !too_long {
                self.text.extend_from_slice(taken);
            }
            let length = taken.len().saturating_add(usize::from(end.is_some()));
            self.input.consume(length);
            if end.is_some() {
                return Ok(if too_long { Piece::TooLong } else { Piece::Whole });
            }
        }
    }

    fn document(&mut self) -> std::io::Result<(Piece, u64)> {
        match self.next_line()? {
            Piece::Whole if self.text.trim_ascii().is_empty() => Ok((Piece::Whole, self.line)),
            Piece::Whole => self.rest_of_document(),
            other => Ok((other, self.line)),
        }
    }

    /// Adds lines to the first one until the document is closed.
    fn rest_of_document(&mut self) -> std::io::Result<(Piece, u64)> {
        let place = self.line;
        let mut whole = core::mem::take(&mut self.text);
        let (mut walk, mut too_long) = (Walk::default(), false);
        whole.iter().for_each(|byte| walk.step(*byte));
        while !walk.is_outside() {
            match self.next_line()? {
                Piece::End => break,
                Piece::TooLong => too_long = true,
                Piece::Whole => {
                    self.text.iter().for_each(|byte| walk.step(*byte));
                    too_long |= whole.len().saturating_add(self.text.len()) > EVENT_BYTES_MAX;
                    if !too_long {
                        whole.push(b'\n');
                        whole.append(&mut self.text);
                    }
                }
            }
        }
        self.text = whole;
        Ok((if too_long { Piece::TooLong } else { Piece::Whole }, place))
    }

    /// One element of the array.
    fn element(&mut self) -> std::io::Result<(Piece, u64)> {
        self.text.clear();
        let (mut walk, mut too_long) = (Walk::default(), false);
        loop {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                self.ended = true;
                break;
            }
            let mut taken = 0_usize;
            let mut closed = false;
            for byte in buffer {
                taken = taken.saturating_add(1);
                if walk.is_outside() && matches!(byte, b',' | b']') {
                    closed = true;
                    self.ended = *byte == b']';
                    break;
                }
                walk.step(*byte);
                too_long |= self.text.len() >= EVENT_BYTES_MAX;
                if !too_long {
                    self.text.push(*byte);
                }
            }
            self.input.consume(taken);
            if closed {
                break;
            }
        }
        if self.text.trim_ascii().is_empty() && self.ended {
            return Ok((Piece::End, 0));
        }
        self.events = self.events.saturating_add(1);
        Ok((if too_long { Piece::TooLong } else { Piece::Whole }, self.events))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Places of events and their texts, and reasons of those that are too long.
    fn read(text: &[u8]) -> Vec<String> {
        // A small buffer, so that events span several.
        let mut texts = EventTexts::new(std::io::BufReader::with_capacity(7, text));
        let mut found = Vec::new();
        while let Some(event) = texts.next_event().unwrap_or_else(|e| panic!("{e}")) {
            let text = |(place, text)| format!("{place} {}", String::from_utf8_lossy(text).trim());
            found.push(event.map_or_else(|e| e.to_string(), text));
        }
        found
    }

    #[test]
    fn lines_documents_and_arrays_are_told_apart() {
        assert_eq!(read(b"\n{\"a\":1}\n\n{\"a\":\n{\"a\":2}"), [r#"2 {"a":1}"#, r#"4 {"a":"#, r#"5 {"a":2}"#]);
        assert_eq!(read(b"{\n \"a\": \"}\"\n}\n\n{\n\"a\": [2]\n}\n"), ["1 {\n \"a\": \"}\"\n}", "5 {\n\"a\": [2]\n}"]);
        let array = b"\xEF\xBB\xBF [ {\"a\": \"],[\"},{\"b\":\n{}} , 7, {\"c\":1} ]\n";
        assert_eq!(read(array), [r#"1 {"a": "],["}"#, "2 {\"b\":\n{}}", "3 7", r#"4 {"c":1}"#]);
        assert!(read(b"").is_empty() && read(b"[]").is_empty() && read(b" \n").is_empty());
    }

    #[test]
    fn what_is_too_long_is_told_and_the_next_event_is_read() {
        let long = [b"{\"a\":\"".as_slice(), &vec![b'x'; EVENT_BYTES_MAX], b"\"}\n{\"b\":1}\n"].concat();
        let found = read(&long);
        assert_eq!(found.len(), 2);
        assert!(found[0].contains("longer than the maximum") && found[1] == r#"2 {"b":1}"#);
    }

    proptest! {
        #[test]
        fn any_bytes_are_texts_or_reasons(bytes in proptest::collection::vec(
            prop::sample::select(b"[]{}\",:\\\na1 \xC3".to_vec()), 0..80)) {
            read(&bytes);
        }
    }
}
