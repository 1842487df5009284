//! The sources of a directory: one TOML file each.
//!
//! Not the files' meaning (that is `yagura_sources::Source`). Invariants: a directory with a faulty file is refused as a whole, with all
//! faults; a token belongs to one source; at most [`SOURCES_MAX`] files of [`SOURCE_FILE_BYTES_MAX`] bytes.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use yagura_model::DeviceId;
use yagura_sources::{LogSource, SenderRule, Source, SourceError, SourceKind, TokenHash};

/// The most sources of a server.
pub const SOURCES_MAX: usize = 1_024;
/// The largest file of a source.
pub const SOURCE_FILE_BYTES_MAX: u64 = 8 << 20;

/// Why sources cannot be used. The operator corrects them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourcesError {
    /// The directory or a file cannot be read.
    #[error("cannot read {0}")]
    Read(PathBuf, #[source] std::io::Error),
    /// More files than [`SOURCES_MAX`].
    #[error("{0} source files, the maximum is {SOURCES_MAX}")]
    TooMany(usize),
    /// A file is larger than [`SOURCE_FILE_BYTES_MAX`].
    #[error("{0} has more than {SOURCE_FILE_BYTES_MAX} bytes")]
    TooLarge(PathBuf),
    /// A file is no source.
    #[error("{0}")]
    Source(PathBuf, #[source] SourceError),
    /// Two sources have the same token.
    #[error("sources {0} and {1} have the same token")]
    Token(String, String),
}

/// All sources.
#[derive(Debug, Default)]
pub struct Sources {
    sources: Vec<Arc<Source>>,
    tokens: HashMap<TokenHash, Arc<Source>>,
}

impl Sources {
    /// The sources of a directory: every file whose name ends in `.toml`.
    ///
    /// # Errors
    /// [`SourcesError`]
    pub fn load(directory: &Path) -> Result<Self, SourcesError> {
        let unreadable = |error| SourcesError::Read(directory.to_owned(), error);
        let entries = std::fs::read_dir(directory).map_err(unreadable)?;
        let paths: Result<Vec<PathBuf>, _> = entries.map(|entry| entry.map(|entry| entry.path())).collect();
        let mut paths = paths.map_err(unreadable)?;
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
        paths.sort();
        if paths.len() > SOURCES_MAX {
            return Err(SourcesError::TooMany(paths.len()));
        }
        let sources: Result<Vec<Source>, _> = paths.iter().map(|path| load_source(path)).collect();
        Self::of(sources?)
    }

    /// Sources that are read already.
    ///
    /// # Errors
    /// [`SourcesError::Token`]
    pub fn of(sources: Vec<Source>) -> Result<Self, SourcesError> {
        let mut all = Self::default();
        for source in sources.into_iter().map(Arc::new) {
            if let SourceKind::Logs(logs) = &source.kind {
                for token in &logs.tokens {
                    if let Some(other) = all.tokens.insert(*token, Arc::clone(&source)) {
                        return Err(SourcesError::Token(other.name.to_string(), source.name.to_string()));
                    }
                }
            }
            all.sources.push(source);
        }
        Ok(all)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sources.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }

    /// The source that a token lets in. Tokens are looked up by their hash, so a comparison tells nothing about them.
    #[must_use]
    pub fn of_token(&self, token: &str) -> Option<(&Arc<Source>, &LogSource)> {
        let source = self.tokens.get(&TokenHash::of(token))?;
        match &source.kind {
            SourceKind::Logs(logs) => Some((source, logs)),
            SourceKind::Idsr(_) => None,
        }
    }

    /// Whose a foreign sensor is that sends from this address or under this topic.
    #[must_use]
    pub fn sender(
        &self,
        address: Option<IpAddr>,
        topic: Option<&str>,
    ) -> Option<(DeviceId, &Arc<Source>, &SenderRule)> {
        let mut found = self.sources.iter();
        found.find_map(|source| source.sender(address, topic).map(|(device, rule)| (device, source, rule)))
    }

    /// What to subscribe to at a broker.
    #[must_use]
    pub fn topics(&self) -> Vec<String> {
        let rules = self.sources.iter().filter_map(|source| match &source.kind {
            SourceKind::Idsr(rules) => Some(rules),
            SourceKind::Logs(_) => None,
        });
        let mut topics: Vec<String> =
            rules.flatten().filter_map(|rule| rule.topic.as_ref()).map(|topic| topic.filter()).collect();
        topics.sort();
        topics.dedup();
        topics
    }
}

/// The source of one file.
///
/// # Errors
/// [`SourcesError`]
pub fn load_source(path: &Path) -> Result<Source, SourcesError> {
    let unreadable = |error| SourcesError::Read(path.to_owned(), error);
    if std::fs::metadata(path).map_err(unreadable)?.len() > SOURCE_FILE_BYTES_MAX {
        return Err(SourcesError::TooLarge(path.to_owned()));
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    Source::parse(&name, &text).map_err(|error| SourcesError::Source(path.to_owned(), error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use yagura_sources::TokenHash;

    fn logs(name: &str, token: &str) -> Source {
        let hash: String = TokenHash::of(token).0.iter().map(|byte| format!("{byte:02x}")).collect();
        let text = format!("kind = \"logs\"\ntenant = \"acme\"\nproduct = \"ota\"\ntokens = [\"{hash}\"]");
        Source::parse(name, &text).unwrap()
    }

    #[test]
    fn a_token_lets_in_its_own_source_and_no_other() {
        let sources = Sources::of(vec![logs("a", "one"), logs("b", "two")]).unwrap();
        assert_eq!(sources.of_token("two").map(|(source, _)| source.name.to_string()).as_deref(), Some("b"));
        assert!(sources.of_token("three").is_none());
        let error = Sources::of(vec![logs("a", "one"), logs("b", "one")]).unwrap_err();
        assert_eq!(error.to_string(), "sources a and b have the same token");
    }

    #[test]
    fn a_directory_with_a_faulty_file_is_refused_and_the_file_named() {
        let dir = tempfile::TempDir::new().unwrap();
        std::fs::write(dir.path().join("good.toml"), "kind='idsr'\ntenant='acme'").unwrap();
        std::fs::write(dir.path().join("notes.md"), "no source").unwrap();
        assert_eq!(Sources::load(dir.path()).unwrap().len(), 1);
        std::fs::write(dir.path().join("bad.toml"), "kind='logs'\ntenant='acme'").unwrap();
        assert!(Sources::load(dir.path()).unwrap_err().to_string().ends_with("bad.toml"));
    }
}
