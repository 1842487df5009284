//! What a document is, by its beginning.
//!
//! Not a reader: what looks like an advisory is read by `psirt`, which says if it is none. Names of files are never asked. Cost: one walk over
//! the first [`HEAD_BYTES`].

/// How much is looked at.
pub(crate) const HEAD_BYTES: u64 = 64 << 10;

/// What a document holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Content {
    /// Advisories, as far as can be told.
    Advisories,
    /// Which package URLs and CPE names mean the same.
    Mapping,
    /// KEV.
    Exploited,
    /// EPSS.
    Epss,
    /// Statements (VEX) without an inventory.
    Statements,
    /// Something that is no part of an advisory database, by its name.
    Other(&'static str),
}

const SBOM: Content = Content::Other("an SBOM: give it to `yagura scan`");

/// Tells what a document is.
pub(crate) fn tell(head: &[u8]) -> Content {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    // The cut may lie within a character.
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(head.get(..error.valid_up_to()).unwrap_or_default()).unwrap_or_default()
        }
        Err(_) if head.starts_with(b"\n\x031.") => return SBOM,
        Err(_) => return Content::Other("no text"),
    };
    match text.trim_start().chars().next() {
        None => Content::Other("nothing in it"),
        Some('{' | '[' | '\u{1e}') => json(&members(text), text),
        Some('<') => xml(text),
        Some(_) => lines(text),
    }
}

fn json(members: &[&str], text: &str) -> Content {
    let has = |name: &str| members.contains(&name);
    if has("catalogVersion") || (has("cveID") && has("dateAdded")) {
        Content::Exploited
    } else if has("percentile") || (has("data") && text.contains("\"percentile\"")) {
        Content::Epss
    } else if has("purls") && has("cpe_products") {
        Content::Mapping
    } else if has("bomFormat") {
        if has("vulnerabilities") && !has("components") { Content::Statements } else { SBOM }
    } else if has("statements") && text.contains("openvex.dev/ns") {
        Content::Statements
    } else if has("spdxVersion") || has("@graph") || (has("artifacts") && has("descriptor")) {
        SBOM
    } else {
        Content::Advisories
    }
}

fn xml(text: &str) -> Content {
    if text.contains("cyclonedx.org/schema") || text.contains("spdx.org/rdf") {
        SBOM
    } else if text.contains("VULDEF") || text.contains("jvn") {
        Content::Advisories
    } else {
        Content::Other("XML of another kind")
    }
}

fn lines(text: &str) -> Content {
    let begins = |key: &str| text.lines().any(|line| line.starts_with(key));
    if text.starts_with("#model_version") || text.starts_with("cve,epss") {
        Content::Epss
    } else if text.starts_with("cveID,") || text.starts_with("\"cveID\",") {
        Content::Exploited
    } else if begins("SPDXVersion:") || begins("spdxVersion:") || begins("spec_version:") {
        SBOM
    } else {
        let is_osv = begins("id:") && (begins("modified:") || begins("affected:"));
        let is_one = is_osv || text.starts_with("```toml") || begins("yagura_advisory:");
        if is_one { Content::Advisories } else { Content::Other("text that is no advisory") }
    }
}

/// The names of the members of the outermost object, or of the first one in an array.
fn members(text: &str) -> Vec<&str> {
    let (mut names, mut depth, mut objects) = (Vec::new(), 0_usize, 0_usize);
    // Where the last text ended at the depth that is asked, and what it was.
    let mut last: Option<&str> = None;
    let mut rest = text;
    while let Some(at) = rest.find(['"', '{', '[', '}', ']', ':', ',']) {
        let (byte, after) = (rest.as_bytes().get(at).copied(), rest.get(at + 1..).unwrap_or_default());
        rest = after;
        match byte {
            Some(b'"') => {
                let Some(end) = end_of_text(after) else { break };
                last = after.get(..end);
                rest = after.get(end + 1..).unwrap_or_default();
            }
            Some(b'{' | b'[') => {
                objects += usize::from(byte == Some(b'{'));
                depth += 1;
            }
            Some(b'}' | b']') => {
                depth = depth.saturating_sub(1);
                objects = objects.saturating_sub(usize::from(byte == Some(b'}')));
                if objects == 0 && byte == Some(b'}') {
                    break;
                }
            }
            Some(b':') if objects == 1 && depth <= 2 => names.extend(last.take()),
            _ => {}
        }
    }
    names
}

/// Where a text ends that begins here.
fn end_of_text(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })
}

#[cfg(test)]
mod tests {
    use super::{Content, SBOM, members, tell};

    #[test]
    fn only_the_members_of_the_outermost_object_count() {
        assert_eq!(members(r#"{"a": {"b": 1, "c": ["d:"]}, "e\"": "x:y", "f": [{"g": 1}], "h"#), ["a", "e\\\"", "f"]);
        assert_eq!(members(r#"[{"a": 1, "b": 2}, {"c": 3}]"#), ["a", "b"]);
        assert_eq!(
            members(
                r#"{"a": 1}
{"b": 1}"#
            ),
            ["a"]
        );
    }

    #[test]
    fn documents_are_told_apart_by_what_they_hold() {
        for (text, expected) in [
            (r#"{"title": "x", "catalogVersion": "1"}"#, Content::Exploited),
            ("cveID,vendorProject\n", Content::Exploited),
            ("#model_version:v2025,score_date:x\ncve,epss,percentile\n", Content::Epss),
            (r#"[{"cve": "CVE-1-2", "epss": 0.1, "percentile": 0.2}]"#, Content::Epss),
            (r#"{"purls": [], "cpe_products": []}"#, Content::Mapping),
            (r#"{"@context": "https://openvex.dev/ns/v0.2.0", "author": "a", "statements": []}"#, Content::Statements),
            (r#"{"bomFormat": "CycloneDX", "vulnerabilities": []}"#, Content::Statements),
            (r#"{"bomFormat": "CycloneDX", "components": [], "vulnerabilities": []}"#, SBOM),
            ("SPDXVersion: SPDX-2.3\n", SBOM),
            (r#"{"id": "X", "modified": "2024", "details": "\"bomFormat\": \"CycloneDX\""}"#, Content::Advisories),
            ("yagura_advisory: 1\n", Content::Advisories),
            ("Read me\n", Content::Other("text that is no advisory")),
            ("", Content::Other("nothing in it")),
        ] {
            assert_eq!(tell(text.as_bytes()), expected, "{text}");
        }
        assert_eq!(tell(b"\x7fELF\xff"), Content::Other("no text"));
    }
}
