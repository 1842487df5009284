//! Steps in the tree of an ARXML model: children, references, texts and numbers.
//!
//! Not a meaning. What is not there is `None`.

use autosar_data::{CharacterData, Element, ElementName, EnumItem};

pub(super) fn child(element: &Element, name: ElementName) -> Option<Element> {
    element.get_sub_element(name)
}

/// The children of a name.
pub(super) fn all(element: &Element, name: ElementName) -> impl Iterator<Item = Element> {
    element.sub_elements().filter(move |child| child.element_name() == name)
}

/// What a child refers to.
pub(super) fn target(element: &Element, name: ElementName) -> Option<Element> {
    child(element, name)?.get_reference_target().ok()
}

pub(super) fn path(element: &Element) -> String {
    element.path().unwrap_or_else(|_| element.xml_path())
}

pub(super) fn own_text(element: &Element) -> Option<String> {
    Some(match element.character_data()? {
        CharacterData::String(text) => text,
        CharacterData::Enum(item) => item.to_string(),
        CharacterData::UnsignedInteger(value) => value.to_string(),
        CharacterData::Float(value) => value.to_string(),
    })
}

pub(super) fn text(element: &Element, name: ElementName) -> Option<String> {
    own_text(&child(element, name)?)
}

pub(super) fn item(element: &Element, name: ElementName) -> Option<EnumItem> {
    child(element, name)?.character_data()?.enum_value()
}

pub(super) fn own_number(element: &Element) -> Option<f64> {
    let text = own_text(element)?;
    let text = text.trim();
    text.parse().ok().or_else(|| integer(text).and_then(float)).filter(|value: &f64| value.is_finite())
}

pub(super) fn number(element: &Element, name: ElementName) -> Option<f64> {
    own_number(&child(element, name)?)
}

pub(super) fn own_whole(element: &Element) -> Option<i64> {
    integer(own_text(element)?.trim())
}

pub(super) fn whole(element: &Element, name: ElementName) -> Option<i64> {
    own_whole(&child(element, name)?)
}

/// AUTOSAR writes integers in decimal, hexadecimal, octal or binary.
fn integer(text: &str) -> Option<i64> {
    let lower = text.to_ascii_lowercase();
    match (lower.strip_prefix("0x"), lower.strip_prefix("0b")) {
        (Some(digits), _) => i64::from_str_radix(digits, 16).ok(),
        (_, Some(digits)) => i64::from_str_radix(digits, 2).ok(),
        _ => lower.parse().ok(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a bound's last digits do not matter")]
#[expect(clippy::unnecessary_wraps, reason = "it follows an Option")]
const fn float(value: i64) -> Option<f64> {
    Some(value as f64)
}

/// What the parser must not be given.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Refused {
    /// Elements nested too deeply on this line: it recurses.
    TooDeep(usize),
    /// `<?>` on this line: version 0.23 of it panics.
    Empty(usize),
}

/// What of `text` the parser must not be given. Looks at tags alone; what else is no XML is left to the parser.
pub(super) fn refused(text: &[u8], depth_max: usize) -> Option<Refused> {
    let (mut depth, mut line, mut at) = (0_usize, 1_usize, 0_usize);
    while let Some(rest) = text.get(at..) {
        let open = rest.iter().position(|byte| *byte == b'<')?;
        let tag = rest.get(open..)?;
        let lines = |bytes: Option<&[u8]>| bytes.unwrap_or(&[]).iter().filter(|byte| **byte == b'\n').count();
        line = line.saturating_add(lines(rest.get(..open)));
        let len = match tag {
            [_, b'?', b'>', ..] => return Some(Refused::Empty(line)),
            [_, b'!', b'-', b'-', ..] => tag.windows(3).position(|end| end == b"-->")?.saturating_add(3),
            _ => tag_len(tag)?,
        };
        match tag {
            [_, b'!' | b'?', ..] => {}
            [_, b'/', ..] => depth = depth.saturating_sub(1),
            _ if tag.get(len.saturating_sub(2)) == Some(&b'/') => {}
            _ => depth = depth.saturating_add(1),
        }
        if depth > depth_max {
            return Some(Refused::TooDeep(line));
        }
        line = line.saturating_add(lines(tag.get(..len)));
        at = at.saturating_add(open).saturating_add(len);
    }
    None
}

/// Length of the tag at the front. A `>` within a quoted attribute does not end it.
fn tag_len(tag: &[u8]) -> Option<usize> {
    let first = tag.iter().position(|byte| *byte == b'>')?.saturating_add(1);
    let (mut quote, mut in_attributes) = (None, false);
    for (at, byte) in tag.iter().enumerate().skip(1) {
        match (quote, byte) {
            (_, b'<') => break,
            (None, b'>') => return Some(at.saturating_add(1)),
            (None, b'"' | b'\'') if in_attributes => quote = Some(*byte),
            (Some(open), byte) if open == *byte => quote = None,
            (_, byte) => in_attributes |= byte.is_ascii_whitespace(),
        }
    }
    Some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nesting_is_counted_without_comments_and_empty_elements() {
        let text = b"<?xml?><a>\n<b/><!-- <c> <d> --><b>\n<c></c></b></a>";
        assert_eq!((refused(text, 3), refused(text, 2)), (None, Some(Refused::TooDeep(3))));
        assert_eq!(refused(b"<a <b", 0), None);
        assert_eq!(refused(b"<a s='/>'><b t=\">\"/>", 1), None);
        assert_eq!(refused(b"<a s='/>'><b t='/>'>", 1), Some(Refused::TooDeep(1)));
    }

    #[test]
    fn an_empty_instruction_is_kept_from_the_parser() {
        assert_eq!(refused(b"<?xml?>\n<a><?></a>", 9), Some(Refused::Empty(2)));
    }

    #[test]
    fn integers_are_read_in_every_radix() {
        assert_eq!(["17", "0x1F", "0b101", "-3", "x"].map(integer), [Some(17), Some(31), Some(5), Some(-3), None]);
    }
}
