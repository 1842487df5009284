//! The address of a repository in one form: host and path, without protocol, user, `.git` and case.
//!
//! Not a fetcher: nothing tells whether it exists. Mirrors of one project stay apart, but for the kernel's, which all mean the kernel.

/// `host/path` of a repository's address; `None` if the text is none. A commit after `@` and a fragment are left out.
#[must_use]
pub fn repository(text: &str) -> Option<String> {
    let text = text.trim();
    let text = text.strip_prefix("git+").or_else(|| text.strip_prefix("scm:git:")).unwrap_or(text);
    let text = text.split(['#', '?', ';']).next().unwrap_or_default();
    let (rest, protocol) = match text.split_once("://") {
        Some((protocol, rest)) => (rest, Some(protocol.to_ascii_lowercase())),
        None => (text, None),
    };
    if protocol.as_deref().is_some_and(|protocol| matches!(protocol, "file" | "data" | "npm")) {
        return None;
    }
    let (authority, path) = match (protocol.is_some(), rest.split_once('/'), rest.split_once(':')) {
        // scp style: `git@host:owner/name`.
        (false, _, Some((host, path))) if host.contains('@') && !host.contains('/') => (host, path),
        (_, Some((host, path)), _) => (host, path),
        _ => return None,
    };
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = host.split_once(':').map_or(host, |(host, _)| host).trim_start_matches("www.").to_ascii_lowercase();
    let path = path.split('@').next().unwrap_or_default().trim_matches('/');
    let path = on_forge(&host, path.trim_end_matches(".git")).to_lowercase();
    let plausible = host.contains('.') && !host.contains(char::is_whitespace) && !path.is_empty();
    plausible.then(|| format!("{host}/{path}"))
}

/// On a forge, a repository is an owner and a name; what follows is a place within it.
fn on_forge<'a>(host: &str, path: &'a str) -> &'a str {
    let path = path.split_once("/-/").map_or(path, |(repository, _)| repository);
    if !matches!(host, "github.com" | "bitbucket.org" | "codeberg.org") {
        return path;
    }
    let end = path.match_indices('/').nth(1).map_or(path.len(), |(at, _)| at);
    path.get(..end).unwrap_or(path).trim_end_matches(".git")
}

/// The commit that an address names: after its last `@`, or as a fragment; at least seven hexadecimal digits.
#[must_use]
pub(crate) fn commit(text: &str) -> Option<&str> {
    let tail = text.rsplit(['@', '#', '=']).next()?;
    (tail.len() < text.len() && is_commit(tail)).then_some(tail)
}

/// Whether a text can be a commit's name, whole or shortened.
pub(crate) fn is_commit(text: &str) -> bool {
    (7..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_hexdigit())
        && text.bytes().any(|b| b.is_ascii_digit())
}

/// The version that a tag's name holds: `openssl-3.0.1`, `OpenSSL_1_1_1k`, `v1.2`, `VER-2-10-0`. A tag without a number stays as it is.
pub(crate) fn tag_version(tag: &str) -> String {
    let tag = tag.trim().trim_start_matches("refs/tags/");
    let starts = tag.char_indices().filter(|(_, c)| c.is_ascii_digit()).map(|(at, _)| at);
    let after_word =
        |at: &usize| !tag.get(..*at).is_some_and(|lead| lead.ends_with(|c: char| c.is_ascii_alphanumeric()));
    let of_letter = |at: &usize| matches!(tag.get(..*at), Some("v" | "V" | "n" | "r" | "go"));
    let Some(at) = starts.clone().find(|at| after_word(at) || of_letter(at)).or_else(|| starts.clone().next()) else {
        return tag.to_owned();
    };
    let number = tag.get(at..).unwrap_or(tag);
    if number.contains('.') { number.to_owned() } else { number.replace(['_', '-'], ".") }
}
