//! A document or an archive by HTTP, if it has changed.
//!
//! Not a client for anything else. Asks with `If-None-Match` and `If-Modified-Since`; writes to a file as it comes, at most
//! [`DOWNLOAD_BYTES_MAX`]; gives up if nothing comes for [`SILENCE_MAX`].

use crate::error::FeedError;
use crate::sync::State;
use reqwest::header::{ETAG, HeaderMap, HeaderName, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};
use reqwest::{Client, StatusCode};
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;
use tempfile::NamedTempFile;

/// The largest download: NVD and all of OSV together have some 2 GB.
const DOWNLOAD_BYTES_MAX: u64 = 8 << 30;
/// How long a server may say nothing.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// What a server gave.
pub(crate) enum Fetched {
    /// It is as it was.
    Unchanged,
    /// It is here.
    New {
        /// The file, which goes when this goes.
        file: NamedTempFile,
        /// What to ask with the next time.
        state: State,
    },
}

/// Fetches an address.
pub(crate) fn fetch(dir: &Path, url: &str, known: &State) -> Result<Fetched, FeedError> {
    let failed = |error: &dyn std::error::Error| {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(next) = cause {
            text = format!("{text}: {next}");
            cause = next.source();
        }
        FeedError::Fetch { origin: url.to_owned(), why: text }
    };
    // Another part of the program may have chosen one already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| failed(&error))?;
    runtime.block_on(async {
        let client = Client::builder()
            .user_agent(concat!("yagura/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(SILENCE_MAX)
            .read_timeout(SILENCE_MAX)
            .build()
            .map_err(|error| failed(&error))?;
        let mut request = client.get(url);
        for (name, value) in [(IF_NONE_MATCH, &known.etag), (IF_MODIFIED_SINCE, &known.last_modified)] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        let mut response = request.send().await.map_err(|error| failed(&error))?;
        if response.status() == StatusCode::NOT_MODIFIED {
            return Ok(Fetched::Unchanged);
        }
        if !response.status().is_success() {
            let why = format!("the server answers {}", response.status());
            return Err(FeedError::Fetch { origin: url.to_owned(), why });
        }
        let state = State {
            origin: url.to_owned(),
            etag: header(response.headers(), &ETAG),
            last_modified: header(response.headers(), &LAST_MODIFIED),
            commit: None,
        };
        let in_the_way = |error| FeedError::File(dir.to_owned(), error);
        let mut file = tempfile::Builder::new().prefix(".fetched-").tempfile_in(dir).map_err(in_the_way)?;
        let mut bytes = 0_u64;
        while let Some(chunk) = response.chunk().await.map_err(|error| failed(&error))? {
            bytes += chunk.len() as u64;
            if bytes > DOWNLOAD_BYTES_MAX {
                let why = format!("more than {DOWNLOAD_BYTES_MAX} bytes: fetch it in parts");
                return Err(FeedError::Fetch { origin: url.to_owned(), why });
            }
            file.write_all(&chunk).map_err(in_the_way)?;
        }
        file.flush().map_err(in_the_way)?;
        Ok(Fetched::New { file, state })
    })
}

fn header(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}
