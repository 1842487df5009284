//! Versions as people write them in fields that are meant for one version: `>= 1.0, < 2.3`, `1.2 and earlier`, `prior to V4.1`,
//! `vers:all/<V5.1`, `7.6.2より前のバージョン`.
//!
//! Not a version scheme: where a version begins and ends, not what it means. Invariant: what cannot be read is said to be unread; it never
//! becomes "no version", nor "all". Cost: a few passes over a short text.

use crate::advisory::{End, Versions};

/// No such field is longer; what is, is prose.
const WORDING_BYTES_MAX: usize = 400;

/// What a text says.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Wording {
    /// These versions.
    Versions(Vec<Versions>),
    /// The source does not know or does not say which (`n/a`, `unspecified`).
    Unknown,
    /// Something about versions that this module does not read.
    Unread,
}

/// Reads `text`; `scheme` is the source's word for the scheme, if it has one.
pub(crate) fn read(text: &str, scheme: Option<&str>) -> Wording {
    let text = without_remark(text.trim());
    let lower = text.to_lowercase();
    if text.len() > WORDING_BYTES_MAX {
        return Wording::Unread;
    }
    match lower.as_str() {
        "" | "n/a" | "na" | "-" | "unspecified" | "unknown" | "none" | "not specified" | "not known" | "various"
        | "multiple" | "see references" | "see reference" | "see advisory" | "不明" => return Wording::Unknown,
        "*"
        | "all"
        | "any"
        | "all versions"
        | "all version"
        | "any version"
        | "all releases"
        | "all firmware versions"
        | "vers:all/*"
        | "vers:generic/*"
        | "all/*"
        | "すべてのバージョン"
        | "全てのバージョン"
        | "全バージョン" => {
            return Wording::Versions(vec![Versions::All]);
        }
        _ => {}
    }
    let text = match notation(text) {
        Notation::Kept(versions) => return Wording::Versions(vec![versions]),
        Notation::Comparators(rest) => rest,
    };
    let whole = comparators(text, scheme).or_else(|| in_words(text, scheme)).or_else(|| list(text, scheme));
    whole.or_else(|| several(text, scheme)).unwrap_or(Wording::Unread)
}

/// Several wordings between commas, if each can be read: `6.0.0 through 6.0.4, 5.6.0 through 5.6.10`.
fn several(text: &str, scheme: Option<&str>) -> Option<Wording> {
    if !text.contains([',', ';', '、']) {
        return None;
    }
    let mut all = Vec::new();
    for part in text.split([',', ';', '、']) {
        let part = part.trim().trim_start_matches("and ");
        match read(part, scheme) {
            Wording::Versions(versions) if !versions.contains(&Versions::All) => all.extend(versions),
            _ => return None,
        }
    }
    Some(Wording::Versions(all))
}

enum Notation<'t> {
    Kept(Versions),
    Comparators(&'t str),
}

/// `vers:deb/…` is kept for its scheme; `vers:all/<V5.1`, which is no valid VERS but common, and `vls/…` hold plain comparators.
fn notation(text: &str) -> Notation<'_> {
    if let Some(rest) = text.strip_prefix("vls:").or_else(|| text.strip_prefix("vls/")) {
        return Notation::Comparators(rest);
    }
    match text.strip_prefix("vers:").and_then(|rest| rest.split_once('/')) {
        Some(("all" | "unknown", rest)) => Notation::Comparators(rest),
        Some(_) => Notation::Kept(Versions::Notation(text.to_owned())),
        None => Notation::Comparators(text),
    }
}

/// An interval from its two bounds; one that begins after a version can only be said in VERS.
pub(crate) fn interval(scheme: Option<&str>, from: Option<(&str, bool)>, end: End) -> Versions {
    match from {
        Some((version, false)) => {
            let quoted = |version: &str| {
                version.chars().fold(String::new(), |mut out, c| {
                    if matches!(c, '|' | '<' | '>' | '=' | '!' | '*' | ',' | '%' | ' ' | '/') {
                        out.push_str(&format!("%{:02X}", u32::from(c)));
                    } else {
                        out.push(c);
                    }
                    out
                })
            };
            let scheme = scheme
                .filter(|name| name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()))
                .unwrap_or("generic");
            let scheme = if scheme == "custom" { "generic" } else { scheme };
            let end = match end {
                End::Before(end) => format!("|<{}", quoted(&end)),
                End::With(end) => format!("|<={}", quoted(&end)),
                End::Open => String::new(),
            };
            Versions::Notation(format!("vers:{scheme}/>{}{end}", quoted(version)))
        }
        from => Versions::Interval {
            scheme: scheme.map(str::to_owned),
            introduced: from.map(|(version, _)| version.to_owned()).filter(|version| version != "0"),
            end,
        },
    }
}

/// One version, or all of a stream if it ends with a wildcard.
pub(crate) fn single(text: &str, scheme: Option<&str>) -> Versions {
    let stream = text.strip_suffix(".*").or_else(|| text.strip_suffix(".x")).or_else(|| text.strip_suffix(".X"));
    match stream {
        Some(stream) if stream.starts_with(|c: char| c.is_ascii_digit() || c == 'v' || c == 'V') => {
            Versions::Interval {
                scheme: scheme.map(str::to_owned),
                introduced: Some(stream.to_owned()),
                end: End::With(format!("{stream}.*")),
            }
        }
        _ => Versions::Exactly(vec![text.to_owned()]),
    }
}

/// A comparator with its version, or a version alone.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Comparator {
    From,
    After,
    Before,
    With,
    Equal,
}

/// `>= 1.0, < 2.3`, `>= V2.3 and < V6.30.016`, `>=1.0|<1.5|2.0`, `All versions < V15`.
fn comparators(text: &str, scheme: Option<&str>) -> Option<Wording> {
    if !text.contains(['<', '>', '=', '≤', '≥']) {
        return None;
    }
    let text = text.replace(['≤', '≦'], "<=").replace(['≥', '≧'], ">=").replace("=<", "<=").replace("=>", ">=");
    let mut bounds = Vec::new();
    for group in text.split(['|', ';']) {
        let group = group.replace(" and ", ",").replace("&&", ",").replace(" AND ", ",");
        let mut conjunction = Vec::new();
        for part in group.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            conjunction.extend(bounds_of(part)?);
        }
        // `< 2.0, >= 1.0`: what stands between commas holds together, whatever its order.
        conjunction
            .sort_by_key(|(comparator, _)| u8::from(matches!(comparator, Comparator::Before | Comparator::With)));
        bounds.extend(conjunction);
    }
    let mut versions = Vec::new();
    let mut from: Option<(String, bool)> = None;
    for (comparator, version) in bounds {
        let lower = from.as_ref().map(|(version, inclusive)| (version.as_str(), *inclusive));
        match comparator {
            Comparator::From | Comparator::After => {
                if lower.is_some() {
                    versions.push(interval(scheme, lower, End::Open));
                }
                from = Some((version, comparator == Comparator::From));
            }
            Comparator::Before | Comparator::With => {
                let end = if comparator == Comparator::Before { End::Before(version) } else { End::With(version) };
                versions.push(interval(scheme, lower, end));
                from = None;
            }
            Comparator::Equal => versions.push(single(&version, scheme)),
        }
    }
    if let Some((version, inclusive)) = &from {
        versions.push(interval(scheme, Some((version, *inclusive)), End::Open));
    }
    (!versions.is_empty()).then_some(Wording::Versions(versions))
}

/// The comparators of a part, such as `>=1.0 <2.0`; words before the first one are a label (`All versions`).
fn bounds_of(part: &str) -> Option<Vec<(Comparator, String)>> {
    const SIGNS: [(&str, Comparator); 6] = [
        (">=", Comparator::From),
        ("<=", Comparator::With),
        ("==", Comparator::Equal),
        (">", Comparator::After),
        ("<", Comparator::Before),
        ("=", Comparator::Equal),
    ];
    let Some(first) = part.find(['<', '>', '=']) else {
        return Some(vec![(Comparator::Equal, version(part)?)]);
    };
    let (label, mut rest) = part.split_at(first);
    let mut bounds = Vec::new();
    // `1.0 <= version < 2.0`; in `NMC3 <= 1.4` a product stands in front.
    if label.starts_with(|c: char| c.is_ascii_digit()) {
        let (sign, comparator) = [("<=", Comparator::From), ("<", Comparator::After)]
            .into_iter()
            .find(|(sign, _)| rest.starts_with(sign))?;
        bounds.push((comparator, version(label)?));
        let after = rest.get(sign.len()..)?;
        let next = after.find(['<', '>', '='])?;
        if after.get(..next)?.contains(|c: char| c.is_ascii_digit()) {
            return None;
        }
        rest = after.get(next..)?;
    }
    while !rest.is_empty() {
        let (sign, comparator) = SIGNS.iter().find(|(sign, _)| rest.starts_with(sign))?;
        let after = rest.get(sign.len()..)?;
        let end = after.find(['<', '>', '=']).unwrap_or(after.len());
        let (text, next) = after.split_at(end);
        bounds.push((*comparator, version(text)?));
        rest = next;
    }
    Some(bounds)
}

/// How an upper bound is put, after the version (`1.2 and earlier`) or before it (`prior to 1.2`).
const WITH_AFTER: [&str; 20] = [
    "and earlier",
    "or earlier",
    "and prior",
    "or prior",
    "and below",
    "or below",
    "and lower",
    "or lower",
    "and older",
    "or older",
    "and previous",
    "or previous",
    "and all prior",
    "and before",
    "or before",
    "and all earlier",
    "およびそれ以前",
    "およびこれ以前",
    "以前",
    "以下",
];
const FROM_AFTER: [&str; 12] = [
    "and later",
    "or later",
    "and newer",
    "or newer",
    "and above",
    "or above",
    "and higher",
    "or higher",
    "and after",
    "およびそれ以降",
    "以降",
    "以上",
];
const BEFORE_AFTER: [&str; 3] = ["より前", "未満", "よりも前"];
const BEFORE_FRONT: [&str; 8] =
    ["prior to", "earlier than", "lower than", "less than", "older than", "before", "below", "previous to"];
const WITH_FRONT: [&str; 5] = ["up to and including", "up to", "through", "until", "<="];
const TO_WITH: [&str; 7] = [" through ", " up to and including ", " up to ", " to ", " - ", "から", "～"];
const TO_BEFORE: [&str; 4] = [" prior to ", " before ", " up to but not including ", " until "];

fn in_words(text: &str, scheme: Option<&str>) -> Option<Wording> {
    let lower = text.to_lowercase();
    // Lower case may change lengths; then nothing is cut by offset.
    if lower.len() != text.len() {
        return None;
    }
    let cut = |from: usize, to: usize| text.get(from..to).and_then(version);
    let one = |versions| Some(Wording::Versions(vec![versions]));
    let bare = label_bytes(&lower);
    let rest = lower.get(bare..)?;
    for word in BEFORE_FRONT {
        if rest.starts_with(word) {
            return one(interval(scheme, None, End::Before(cut(bare.checked_add(word.len())?, text.len())?)));
        }
    }
    for word in WITH_FRONT {
        if rest.starts_with(word) {
            return one(interval(scheme, None, End::With(cut(bare.checked_add(word.len())?, text.len())?)));
        }
    }
    for (words, kind) in [
        (&WITH_AFTER[..], Comparator::With),
        (&FROM_AFTER[..], Comparator::From),
        (&BEFORE_AFTER[..], Comparator::Before),
    ] {
        if let Some(offset) = words.iter().filter_map(|word| lower.find(word)).min() {
            let found = cut(bare, offset)?;
            return one(match kind {
                Comparator::With => interval(scheme, None, End::With(found)),
                Comparator::Before => interval(scheme, None, End::Before(found)),
                _ => interval(scheme, Some((&found, true)), End::Open),
            });
        }
    }
    for (words, kind) in [(&TO_BEFORE[..], Comparator::Before), (&TO_WITH[..], Comparator::With)] {
        for word in words {
            if let Some(offset) = lower.find(word) {
                let (from, to) = (cut(bare, offset)?, cut(offset.checked_add(word.len())?, text.len())?);
                let end = if kind == Comparator::Before { End::Before(to) } else { End::With(to) };
                return one(interval(scheme, Some((&from, true)), end));
            }
        }
    }
    None
}

/// A version alone, or several.
fn list(text: &str, scheme: Option<&str>) -> Option<Wording> {
    let text = text.get(label_bytes(&text.to_lowercase())..).unwrap_or(text).trim();
    if !text.contains([' ', ',', '|', '、']) {
        return Some(Wording::Versions(vec![single(text, scheme)]));
    }
    let apart = text.replace(" and ", ",").replace(" & ", ",");
    let parts: Vec<_> = apart.split([',', '|', '、']).map(str::trim).filter(|part| !part.is_empty()).collect();
    let plain = |part: &&str| part.contains(|c: char| c.is_ascii_digit()) && !part.contains(' ');
    if parts.len() > 1 && parts.iter().all(plain) {
        return Some(Wording::Versions(parts.into_iter().map(|part| single(part, scheme)).collect()));
    }
    // A name of a version: `22.0 ap362799`, `V13 SP2 Update 3`, `Snapdragon 8 Gen 1`.
    let telling =
        ["through", "earlier", "later", "prior", "before", "version", "affected", "以前", "以降", "未満", "より"];
    let lower = text.to_lowercase();
    (text.contains(|c: char| c.is_ascii_digit()) && !telling.iter().any(|word| lower.contains(word)))
        .then(|| Wording::Versions(vec![Versions::Exactly(vec![text.to_owned()])]))
}

/// A version within a wording, without `version` and `Ver.` in front and `versions` behind. None if there is no digit in it, or prose.
fn version(text: &str) -> Option<String> {
    let text = text.trim().trim_matches(['"', '\'', '`']).trim();
    let text = text.get(label_bytes(&text.to_lowercase())..).unwrap_or(text);
    let text = text
        .trim()
        .trim_end_matches(['.', ',', ':'])
        .trim_end_matches("versions")
        .trim_end_matches("のバージョン")
        .trim();
    let words = text.split_whitespace().count();
    (text.contains(|c: char| c.is_ascii_digit()) && !text.contains(", ") && (1..=4).contains(&words))
        .then(|| text.to_owned())
}

/// How many bytes of labels stand in front: `all versions`, `firmware version`, `Ver.`. Takes lower case.
fn label_bytes(lower: &str) -> usize {
    const LABELS: [&str; 14] = [
        "versions",
        "version.",
        "version",
        "all",
        "firmware",
        "from",
        "between",
        "any",
        "releases",
        "release",
        "ver.",
        "ver ",
        "ファームウェア",
        "バージョン",
    ];
    let mut bytes = 0_usize;
    loop {
        let rest = lower.get(bytes..).unwrap_or_default();
        let space = rest.len().saturating_sub(rest.trim_start().len());
        let word = rest.trim_start();
        let Some(label) = LABELS.iter().find(|label| {
            word.strip_prefix(**label).is_some_and(|after| {
                // `allwinner` is no `all`.
                !after.starts_with(|c: char| c.is_ascii_alphabetic())
            })
        }) else {
            return bytes.saturating_add(space);
        };
        bytes = bytes.saturating_add(space).saturating_add(label.len());
    }
}

/// Without what stands in brackets behind and names vulnerabilities: `Ver.1.3.0より前のバージョン（CVE-2025-0355）`.
fn without_remark(text: &str) -> &str {
    let Some(open) = text.rfind(['（', '(']) else { return text };
    let remark = text.get(open..).unwrap_or_default();
    if remark.contains("CVE-") { text.get(..open).unwrap_or(text).trim_end() } else { text }
}

#[cfg(test)]
mod tests {
    use super::{Wording, read};
    use crate::advisory::{End, Versions};

    fn said(text: &str) -> String {
        match read(text, None) {
            Wording::Unknown => "unknown".to_owned(),
            Wording::Unread => "unread".to_owned(),
            Wording::Versions(versions) => versions
                .iter()
                .map(|versions| match versions {
                    Versions::Interval { introduced, end, .. } => {
                        let end = match end {
                            End::Before(end) => format!("{end})"),
                            End::With(end) => format!("{end}]"),
                            End::Open => "∞)".to_owned(),
                        };
                        format!("[{},{end}", introduced.as_deref().unwrap_or(""))
                    }
                    Versions::Exactly(list) => list.join("+"),
                    Versions::Notation(text) => text.clone(),
                    Versions::All => "all".to_owned(),
                    Versions::Commits { .. } => "commits".to_owned(),
                })
                .collect::<Vec<_>>()
                .join(" "),
        }
    }

    #[test]
    fn versions_are_read_as_people_write_them() {
        for (text, expected) in [
            ("1.2.3", "1.2.3"),
            ("v1.67", "v1.67"),
            ("version 1.4.1", "1.4.1"),
            ("n/a", "unknown"),
            ("All versions", "all"),
            ("vers:all/*", "all"),
            ("< 2.38.0", "[,2.38.0)"),
            (">= 2021.04.1, < 2021.10.8", "[2021.04.1,2021.10.8)"),
            ("< 2.0, >= 1.0", "[1.0,2.0)"),
            ("= 2.11.0", "2.11.0"),
            ("> 1.0, <= 2.0", "vers:generic/>1.0|<=2.0"),
            (">= 9.3.0", "[9.3.0,∞)"),
            (">= 1.0 | <= 1.32", "[1.0,1.32]"),
            ("<=9.4 FP1 | >= 10.2.1", "[,9.4 FP1] [10.2.1,∞)"),
            ("vers:all/<V4.1.4", "[,V4.1.4)"),
            ("vls/>=1.0|<2.0", "[1.0,2.0)"),
            ("vers:deb/>=1.0|<2.0", "vers:deb/>=1.0|<2.0"),
            ("All versions < V1.5 HF1", "[,V1.5 HF1)"),
            ("All versions >= V2.0 and < V2.5", "[V2.0,V2.5)"),
            ("NMC3 <= 1.4.2.1", "[,1.4.2.1]"),
            ("before 5.14.10", "[,5.14.10)"),
            ("before version 2023.3", "[,2023.3)"),
            ("versions prior to 1.2", "[,1.2)"),
            ("firmware version 21.7.31 and earlier", "[,21.7.31]"),
            ("Version.5.0 or later", "[5.0,∞)"),
            ("5.0.0 to 5.15.2", "[5.0.0,5.15.2]"),
            ("versions V4.32 through V5.38", "[V4.32,V5.38]"),
            ("1.0 before 1.5", "[1.0,1.5)"),
            ("6.6.*", "[6.6,6.6.*]"),
            ("4.0.x", "[4.0,4.0.*]"),
            ("1.0, 2.0, 3.1 and 4.2", "1.0 2.0 3.1 4.2"),
            ("5.0.0 <= version < 5.15.7", "[5.0.0,5.15.7)"),
            ("FortiOS 6.0.0 through 6.0.4, 5.6.0 through 5.6.10", "[FortiOS 6.0.0,6.0.4] [5.6.0,5.6.10]"),
            ("7.30 | 7.40", "7.30 7.40"),
            ("12.2(33)SXJ3", "12.2(33)SXJ3"),
            ("QCA6574AU", "QCA6574AU"),
            ("7.6.2より前のバージョン", "[,7.6.2)"),
            ("Ver.1.3.0より前のバージョン（CVE-2025-0355）", "[,1.3.0)"),
            ("ファームウェアバージョン 1.05およびそれ以前", "[,1.05]"),
            ("v6 R4 およびそれ以前のバージョン", "[,v6 R4]"),
            ("5.8 (Build 1577) 未満", "[,5.8 (Build 1577))"),
            ("Versions including affected IPv6 stack", "unread"),
            ("see the version history before you update to the latest one", "unread"),
        ] {
            assert_eq!(said(text), expected, "{text}");
        }
    }
}
