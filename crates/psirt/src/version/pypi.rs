//! Versions of Python packages: PEP 440, and before all of them the versions that came before it.
//!
//! Not a normaliser. A version that PEP 440 refuses is read as setuptools did before PEP 440 (packaging's `LegacyVersion`): it has an
//! order among its like and comes before any other. Key: a byte for which of the two, then epoch, release without zeros at its end,
//! pre-release, post-release, development release, local version.

use super::key::{digits, is_number, number, take, text};
use super::refusal::Refusal;

pub(super) fn write(whole: &str, out: &mut Vec<u8>) -> Option<Refusal> {
    let lower = whole.to_ascii_lowercase();
    let start = out.len();
    out.push(1);
    let refusal = Reader { whole: &lower, rest: lower.trim() }.write(out).err();
    if refusal.is_some() {
        out.truncate(start);
        out.push(0);
        write_legacy(&lower, out);
    }
    refusal
}

struct Reader<'a> {
    whole: &'a str,
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn write(mut self, out: &mut Vec<u8>) -> Result<(), Refusal> {
        self.rest = self.rest.strip_prefix('v').unwrap_or(self.rest);
        let (first, behind) = digits(self.rest);
        match behind.strip_prefix('!') {
            Some(release) if !first.is_empty() => {
                number(out, first);
                self.rest = release;
            }
            _ => out.push(0),
        }
        self.write_release(out)?;
        let pre = self.phase(&[
            ("alpha", 1),
            ("a", 1),
            ("beta", 2),
            ("b", 2),
            ("preview", 3),
            ("pre", 3),
            ("rc", 3),
            ("c", 3),
        ]);
        let post = self.implicit_post().or_else(|| self.phase(&[("post", 1), ("rev", 1), ("r", 1)]));
        let dev = self.phase(&[("dev", 1)]);
        match pre {
            Some((phase, digits)) => {
                out.push(phase);
                number(out, digits);
            }
            // A development release of the release itself comes before its pre-releases.
            None if post.is_none() && dev.is_some() => out.push(0),
            None => out.push(4),
        }
        out.push(u8::from(post.is_some()));
        if let Some((_, digits)) = post {
            number(out, digits);
        }
        out.push(u8::from(dev.is_none()));
        if let Some((_, digits)) = dev {
            number(out, digits);
        }
        self.write_local(out)
    }

    fn write_release(&mut self, out: &mut Vec<u8>) -> Result<(), Refusal> {
        let mut zeros = 0_usize;
        loop {
            let (found, left) = digits(self.rest);
            if found.is_empty() {
                return Err(Refusal::at(self.whole, self.rest, "PEP 440 expects a number here"));
            }
            if found.trim_start_matches('0').is_empty() {
                zeros = zeros.saturating_add(1);
            } else {
                for _ in 0..std::mem::take(&mut zeros) {
                    out.extend([1, 0]);
                }
                out.push(1);
                number(out, found);
            }
            self.rest = left;
            match left.strip_prefix('.') {
                Some(next) if next.starts_with(|char: char| char.is_ascii_digit()) => self.rest = next,
                _ => break,
            }
        }
        out.push(0);
        Ok(())
    }

    /// `[-_.]? word [-_.]? digits?`
    fn phase(&mut self, words: &[(&str, u8)]) -> Option<(u8, &'a str)> {
        let rest = self.rest;
        let body = rest.strip_prefix(['-', '_', '.']).unwrap_or(rest);
        let (behind, phase) = words.iter().find_map(|(word, phase)| Some((body.strip_prefix(word)?, *phase)))?;
        let (found, left) = digits(behind.strip_prefix(['-', '_', '.']).unwrap_or(behind));
        self.rest = left;
        Some((phase, found))
    }

    /// `1.0-1` is a post-release.
    fn implicit_post(&mut self) -> Option<(u8, &'a str)> {
        let (found, left) = digits(self.rest.strip_prefix('-')?);
        if found.is_empty() {
            return None;
        }
        self.rest = left;
        Some((1, found))
    }

    fn write_local(self, out: &mut Vec<u8>) -> Result<(), Refusal> {
        let Some(local) = self.rest.strip_prefix('+') else {
            out.push(0);
            return if self.rest.is_empty() {
                Ok(())
            } else {
                Err(Refusal::at(
                    self.whole,
                    self.rest,
                    "PEP 440 expects the end or a pre-, post-, dev-release or `+local` here",
                ))
            };
        };
        for part in local.split(['-', '_', '.']) {
            if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                return Err(Refusal::at(self.whole, part, "PEP 440 expects letters and digits in the local version"));
            }
            if is_number(part) {
                out.push(2);
                number(out, part);
            } else {
                out.push(1);
                text(out, part);
            }
        }
        out.push(0);
        Ok(())
    }
}

/// Numbers filled to eight digits, words with a `*` before them, and `*final` at the end.
fn write_legacy(lower: &str, out: &mut Vec<u8>) {
    let mut parts: Vec<String> = Vec::new();
    let mut rest = lower;
    while !rest.is_empty() {
        let (part, left) = legacy_part(rest);
        rest = left;
        let part = match part {
            "." => continue,
            "pre" | "preview" | "rc" => "c",
            "-" => "final-",
            "dev" => "@",
            other => other,
        };
        if is_number(part) {
            parts.push(format!("{part:0>8}"));
        } else {
            push_legacy_word(&mut parts, part);
        }
    }
    push_legacy_word(&mut parts, "final");
    for part in &parts {
        text(out, part);
    }
    out.push(0);
}

fn legacy_part(rest: &str) -> (&str, &str) {
    let class = |byte: u8| match byte {
        b'0'..=b'9' => 0,
        b'a'..=b'z' => 1,
        b'.' => 2,
        b'-' => 3,
        _ => 4,
    };
    let first = rest.bytes().next().map_or(4, class);
    if first == 2 || first == 3 {
        return rest.split_at_checked(1).unwrap_or((rest, ""));
    }
    take(rest, |byte| class(byte) == first)
}

fn push_legacy_word(parts: &mut Vec<String>, word: &str) {
    if word < "final" {
        while parts.last().is_some_and(|last| last == "*final-") {
            parts.pop();
        }
    }
    while parts.last().is_some_and(|last| last == "00000000") {
        parts.pop();
    }
    parts.push(format!("*{word}"));
}
