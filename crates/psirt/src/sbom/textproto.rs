//! Two things that protobuf's text form allows and `prost-reflect` does not read, put into words that it does.
//!
//! Not a parser: `field [` gets its colon, and a pair of `\u` surrogates becomes the character that it means. Everything else is untouched.

use std::iter::Peekable;
use std::str::Chars;

/// The same message in the narrower syntax.
pub(super) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    // The last letter that is not white space, outside strings and comments.
    let mut last = ' ';
    while let Some(letter) = letters.next() {
        match letter {
            '#' => {
                plain.push(letter);
                while let Some(more) = letters.next_if(|more| *more != '\n') {
                    plain.push(more);
                }
            }
            '"' | '\'' => {
                plain.push(letter);
                string(letter, &mut letters, &mut plain);
                last = letter;
            }
            '[' if last.is_ascii_alphanumeric() || last == '_' => {
                plain.push_str(":[");
                last = '[';
            }
            letter => {
                plain.push(letter);
                if !letter.is_whitespace() {
                    last = letter;
                }
            }
        }
    }
    plain
}

fn string(quote: char, letters: &mut Peekable<Chars<'_>>, plain: &mut String) {
    while let Some(letter) = letters.next() {
        plain.push(letter);
        if letter == quote {
            return;
        }
        if letter != '\\' {
            continue;
        }
        let rest: String = letters.clone().take(11).collect();
        match surrogates(&rest) {
            Some(character) => {
                plain.pop();
                plain.push(character);
                letters.nth(10);
            }
            None => plain.extend(letters.next()),
        }
    }
}

/// `uD83E\uDD17` → the character.
fn surrogates(text: &str) -> Option<char> {
    let (high, low) = text.strip_prefix('u')?.split_once("\\u")?;
    let unit = |hex: &str| if hex.len() == 4 { u16::from_str_radix(hex, 16).ok() } else { None };
    char::decode_utf16([unit(high)?, unit(low)?]).next()?.ok().filter(|character| u32::from(*character) > 0xFFFF)
}
