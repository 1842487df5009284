//! JSON lines: one object a line, walked once.
//!
//! Not the mapping of values (that is `captured`). Invariants: empty lines are none; a bad line is said by its number and costs only
//! itself; at most [`LOG_LINES_MAX`] lines. Lines of one source look alike, so a key is first compared with the one that came at its
//! place in the line before. Cost: see `benches/lines.rs`.

use crate::captured::{Captured, LineError, LineRow};
use crate::json::{Cursor, JsonError, unescaped};
use crate::mapping::{Mapping, Node};
use std::ops::ControlFlow;

/// The most lines of a request.
pub const LOG_LINES_MAX: usize = 100_000;
/// The longest line.
pub const LINE_BYTES_MAX: usize = 256 * 1024;
/// Places of a line whose key is remembered.
const HINTS_MAX: usize = 64;

/// Which child of the root came at which place of the last line; 0: none, else one more than its index.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hints([u8; HINTS_MAX]);

impl Default for Hints {
    fn default() -> Self {
        Self([0; HINTS_MAX])
    }
}

impl Hints {
    fn child<'n>(&mut self, node: &'n Node, place: usize, key: &str) -> Option<&'n Node> {
        let hint = self.0.get_mut(place);
        let guess = hint.as_deref().and_then(|hint| node.children.get(usize::from(*hint).checked_sub(1)?));
        if let Some((_, child)) = guess.filter(|(name, _)| **name == *key) {
            return Some(child);
        }
        let index = node.children.iter().position(|(name, _)| **name == *key);
        if let (Some(hint), Some(index)) = (hint, index) {
            *hint = u8::try_from(index.saturating_add(1)).unwrap_or(0);
        }
        index.and_then(|index| node.children.get(index)).map(|(_, child)| child)
    }
}

/// Reads the values of one line.
pub(crate) fn capture<'a>(
    mapping: &Mapping,
    line: &'a str,
    hints: &mut Hints,
    captured: &mut Captured<'a>,
) -> Result<(), JsonError> {
    captured.clear();
    let mut cursor = Cursor::new(line);
    let mut place = 0_usize;
    cursor.object(|cursor, key, escaped| {
        let at = place;
        place = place.saturating_add(1);
        let owned = if escaped { Some(unescaped(key)) } else { None };
        match hints.child(&mapping.root, at, owned.as_deref().unwrap_or(key)) {
            Some(node) => field(node, cursor, captured),
            None => other(mapping, key, cursor, captured),
        }
    })?;
    captured.close();
    cursor.end()
}

fn field<'a>(node: &Node, cursor: &mut Cursor<'a>, captured: &mut Captured<'a>) -> Result<(), JsonError> {
    if let Some(path) = node.path {
        let value = cursor.value()?;
        captured.put(path, value.text());
        return Ok(());
    }
    if !cursor.is_object() {
        return cursor.value().map(drop);
    }
    cursor.object(|cursor, key, escaped| {
        let owned = if escaped { Some(unescaped(key)) } else { None };
        let key = owned.as_deref().unwrap_or(key);
        match node.children.iter().find(|(name, _)| **name == *key) {
            Some((_, child)) => field(child, cursor, captured),
            None => cursor.value().map(drop),
        }
    })
}

/// A field that no column takes.
fn other<'a>(
    mapping: &Mapping,
    key: &str,
    cursor: &mut Cursor<'a>,
    captured: &mut Captured<'a>,
) -> Result<(), JsonError> {
    let raw = cursor.raw_value()?;
    if mapping.keeps_other_fields {
        captured.keep(key, raw);
    }
    Ok(())
}

/// Hands out the rows of a body of JSON lines: the number of each line (from 1) with its row, or with why it is none.
///
/// Returns how many lines there were; after [`LOG_LINES_MAX`] of them it stops and returns one more.
///
/// # Errors
/// What `each` returns, at once.
pub(crate) fn each_line<E>(
    mapping: &Mapping,
    body: &[u8],
    mut each: impl FnMut(u32, Result<LineRow<'_>, LineError>) -> Result<(), E>,
) -> Result<usize, E> {
    let mut reader = Reader { mapping, hints: Hints::default(), captured: Captured::new(mapping), count: 0 };
    // UTF-8 is checked for all lines at once; only a body with a flaw is checked line by line.
    if let Ok(text) = std::str::from_utf8(body) {
        for (number, line) in (1_u32..).zip(text.split('\n')) {
            if reader.take(number, Ok(line), &mut each)?.is_break() {
                break;
            }
        }
    } else {
        for (number, line) in (1_u32..).zip(body.split(|byte| *byte == b'\n')) {
            let line = std::str::from_utf8(line).map_err(|_| LineError::Utf8);
            if reader.take(number, line, &mut each)?.is_break() {
                break;
            }
        }
    }
    Ok(reader.count)
}

struct Reader<'m, 'b> {
    mapping: &'m Mapping,
    hints: Hints,
    captured: Captured<'b>,
    count: usize,
}

impl<'b> Reader<'_, 'b> {
    fn take<E>(
        &mut self,
        number: u32,
        line: Result<&'b str, LineError>,
        each: &mut impl FnMut(u32, Result<LineRow<'_>, LineError>) -> Result<(), E>,
    ) -> Result<ControlFlow<()>, E> {
        let line = line.map(|line| line.strip_suffix('\r').unwrap_or(line));
        if matches!(line, Ok("")) {
            return Ok(ControlFlow::Continue(()));
        }
        self.count = self.count.saturating_add(1);
        if self.count > LOG_LINES_MAX {
            return Ok(ControlFlow::Break(()));
        }
        match line.and_then(|line| self.capture(line)) {
            Ok(()) => each(number, LineRow::of(self.mapping, &self.captured))?,
            Err(error) => each(number, Err(error))?,
        }
        Ok(ControlFlow::Continue(()))
    }

    fn capture(&mut self, line: &'b str) -> Result<(), LineError> {
        if line.len() > LINE_BYTES_MAX {
            return Err(LineError::TooLong(line.len()));
        }
        Ok(capture(self.mapping, line, &mut self.hints, &mut self.captured)?)
    }
}
