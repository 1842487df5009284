//! A list of sources → imports of what changed since the last time.
//!
//! Not a mirror: what was fetched is imported and let go, but for git repositories, whose copies lie below `sources` in the database. What a
//! server or a repository says of its state is kept only after the import, so that nothing is passed over when one fails. One source that
//! fails costs itself.

use crate::error::FeedError;
use crate::fetch::{Fetched, fetch};
use crate::git;
use crate::import::{import, import_from};
use crate::manifest::{ImportLine, put};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use yagura_psirt::Instant;

/// The file of what each source said of its state.
const STATE_NAME: &str = "sources.json";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawList {
    source: Vec<RawSource>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSource {
    name: String,
    path: Option<PathBuf>,
    url: Option<String>,
    git: Option<String>,
}

/// Where a source is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Origin {
    /// A file or a directory.
    Path(PathBuf),
    /// A document or an archive by HTTP.
    Url(String),
    /// A git repository.
    Git(String),
}

/// One source.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Source {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub origin: Origin,
}

/// What a server or a repository said of what was imported last.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct State {
    /// Of which address this is the state.
    pub(crate) origin: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) etag: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_modified: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) commit: Option<String>,
}

/// How it went with a source.
#[derive(Debug)]
pub enum Synced {
    /// It was imported.
    Imported(ImportLine),
    /// It says that it has not changed.
    Unchanged,
    /// It could not be fetched or imported.
    Failed(FeedError),
}

/// Reads a list of sources: TOML with a `[[source]]` each, which has a `name` and one of `path`, `url` and `git`.
///
/// # Errors
/// What is wrong with it.
pub fn sources(text: &str) -> Result<Vec<Source>, FeedError> {
    let list: RawList = toml::from_str(text).map_err(|error| FeedError::List(error.to_string()))?;
    let mut names = BTreeSet::new();
    let read = |raw: RawSource| {
        let wrong = |what: &str| FeedError::List(format!("source `{}`: {what}", raw.name));
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if raw.name.is_empty() || raw.name.len() > 64 || raw.name.starts_with('.') || !raw.name.chars().all(is_plain) {
            return Err(wrong("a name has 1 to 64 letters, digits, `-`, `_` and `.`, and does not begin with `.`"));
        }
        if !names.insert(raw.name.clone()) {
            return Err(wrong("the name stands there twice"));
        }
        let origin = match (&raw.path, &raw.url, &raw.git) {
            (Some(path), None, None) => Origin::Path(path.clone()),
            (None, Some(url), None) if url.starts_with("https://") || url.starts_with("http://") => {
                Origin::Url(url.clone())
            }
            (None, Some(_), None) => return Err(wrong("`url` begins with https:// or http://")),
            (None, None, Some(git)) => Origin::Git(git.clone()),
            _ => return Err(wrong("say one of `path`, `url` and `git`")),
        };
        Ok(Source { name: raw.name, origin })
    };
    list.source.into_iter().map(read).collect()
}

/// Imports what changed in a source.
pub fn sync(dir: &Path, source: &Source, now: Instant, tell: &mut dyn FnMut(&str, &ImportLine)) -> Synced {
    sync_one(dir, source, now, tell).unwrap_or_else(Synced::Failed)
}

fn sync_one(
    dir: &Path,
    source: &Source,
    now: Instant,
    tell: &mut dyn FnMut(&str, &ImportLine),
) -> Result<Synced, FeedError> {
    std::fs::create_dir_all(dir).map_err(|error| FeedError::File(dir.to_owned(), error))?;
    let known = |origin: &str| {
        let states = states(dir);
        states.get(&source.name).filter(|state| state.origin == origin).cloned().unwrap_or_default()
    };
    let (line, state) = match &source.origin {
        Origin::Path(path) => {
            std::fs::metadata(path).map_err(|error| FeedError::File(path.clone(), error))?;
            return import(dir, std::slice::from_ref(path), now, tell).map(Synced::Imported);
        }
        Origin::Url(url) => match fetch(dir, url, &known(url))? {
            Fetched::Unchanged => return Ok(Synced::Unchanged),
            Fetched::New { file, state } => {
                (import_from(dir, vec![url.clone()], &[file.path().to_owned()], now, tell)?, state)
            }
        },
        Origin::Git(url) => {
            let copy = dir.join("sources").join(&source.name);
            let Some((changed, state)) = git::fetch(&copy, url, &known(url))? else { return Ok(Synced::Unchanged) };
            (import_from(dir, vec![url.clone()], &changed, now, tell)?, state)
        }
    };
    let mut states = states(dir);
    states.insert(source.name.clone(), state);
    let bytes = serde_json::to_vec_pretty(&states).map_err(|error| FeedError::List(error.to_string()))?;
    put(dir, STATE_NAME, &bytes)?;
    Ok(Synced::Imported(line))
}

/// What is known of each source. Without it everything is fetched again.
fn states(dir: &Path) -> BTreeMap<String, State> {
    let bytes = std::fs::read(dir.join(STATE_NAME)).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}
