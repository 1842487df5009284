//! Where the statements of a DBC text stand: the parser in use does not say.
//!
//! Not a parser: it looks at the first words of lines. Cost: once per file.

use std::collections::HashMap;

/// Lines by statement, from 1.
#[derive(Default)]
pub(super) struct Lines<'a> {
    /// In the order of the text: raw identifier as written, line.
    pub(super) messages: Vec<(u64, usize)>,
    signals: HashMap<(usize, &'a str), usize>,
    texts: HashMap<(u32, &'a str), usize>,
}

impl<'a> Lines<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let mut lines = Self::default();
        for (number, line) in (1..).zip(text.lines()) {
            let mut words = line.split_ascii_whitespace();
            match words.next() {
                Some("BO_") => {
                    let raw = words.next().and_then(|word| word.parse().ok()).unwrap_or(u64::MAX);
                    lines.messages.push((raw, number));
                }
                Some("SG_") => {
                    let name = words.next().unwrap_or_default();
                    let name = name.split(':').next().unwrap_or(name);
                    lines.signals.entry((lines.messages.len(), name)).or_insert(number);
                }
                Some("VAL_") => {
                    let raw = words.next().and_then(|word| word.parse().ok()).unwrap_or(u32::MAX);
                    lines.texts.insert((raw, words.next().unwrap_or_default()), number);
                }
                _ => {}
            }
        }
        lines
    }

    /// Line of the `index`-th message.
    pub(super) fn message(&self, index: usize) -> usize {
        self.messages.get(index).map_or(0, |(_, line)| *line)
    }

    /// Line of a signal of the `index`-th message.
    pub(super) fn signal(&self, index: usize, name: &'a str) -> usize {
        self.signals.get(&(index.saturating_add(1), name)).copied().unwrap_or_else(|| self.message(index))
    }

    /// Line of the value texts of a signal.
    pub(super) fn texts(&self, message: u32, name: &'a str) -> usize {
        self.texts.get(&(message, name)).copied().unwrap_or(0)
    }
}
