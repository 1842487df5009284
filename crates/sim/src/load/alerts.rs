//! Watches the alerts of a server as a console does: signs in by a one-time link and reads the stream of server-sent events.
//!
//! Not the console. It gives the JSON of each alert as it came; what an alert is, the caller knows. Invariant: a line is bounded. An
//! answer that is not a stream ends it with an error, never in silence.

use reqwest::header::{COOKIE, SET_COOKIE};
use reqwest::{Client, Response, StatusCode};
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;
use thiserror::Error;

/// The longest line of the stream, in bytes.
const LINE_BYTES_MAX: usize = 256 * 1024;

/// Why nothing can be watched.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WatchError {
    /// The TLS library cannot be used.
    #[error("TLS")]
    Tls(#[from] rustls::Error),
    /// The server cannot be reached, or broke off.
    #[error("the server's API")]
    Reach(#[from] reqwest::Error),
    /// The sign-in link is none.
    #[error("the sign-in link holds no token")]
    Link,
    /// The server refuses.
    #[error("the server's API answered {0}")]
    Refused(StatusCode),
    /// A line is too long.
    #[error("the stream holds a line of more than {LINE_BYTES_MAX} bytes")]
    TooLong,
}

/// The stream of alerts.
pub struct AlertStream {
    response: Response,
    pending: Vec<u8>,
    /// How far `pending` was searched for the end of a line.
    searched: usize,
    is_alert: bool,
}

impl AlertStream {
    /// Signs in by `link` (`http://HOST/sign-in#token=…`, as the server prints it) and opens the stream.
    ///
    /// # Errors
    /// [`WatchError`]
    pub async fn open(link: &str) -> Result<Self, WatchError> {
        let (console, token) = link.split_once("/sign-in#token=").ok_or(WatchError::Link)?;
        let client = client()?;
        let body = serde_json::json!({ "token": token });
        let signed_in = client.post(format!("{console}/api/v1/sign-in")).json(&body).send().await?;
        let cookie = signed_in.headers().get(SET_COOKIE).and_then(|it| it.to_str().ok()?.split(';').next());
        let cookie = cookie.ok_or(WatchError::Refused(signed_in.status()))?.to_owned();
        let response = client.get(format!("{console}/api/v1/stream")).header(COOKIE, cookie).send().await?;
        if response.status() != StatusCode::OK {
            return Err(WatchError::Refused(response.status()));
        }
        Ok(Self { response, pending: Vec::new(), searched: 0, is_alert: false })
    }

    /// The JSON of the next alert; `None` when the server ends the stream.
    ///
    /// # Errors
    /// [`WatchError`]
    pub async fn next(&mut self) -> Result<Option<String>, WatchError> {
        loop {
            while let Some(line) = self.line() {
                match line.split_once(": ") {
                    Some(("event", kind)) => self.is_alert = kind == "alert",
                    Some(("data", data)) if self.is_alert => return Ok(Some(data.to_owned())),
                    _ => {}
                }
            }
            if self.pending.len() > LINE_BYTES_MAX {
                return Err(WatchError::TooLong);
            }
            match self.response.chunk().await? {
                Some(chunk) => self.pending.extend_from_slice(&chunk),
                None => return Ok(None),
            }
        }
    }

    /// The next whole line.
    fn line(&mut self) -> Option<String> {
        let Some(end) = self.pending.iter().skip(self.searched).position(|byte| *byte == b'\n') else {
            self.searched = self.pending.len();
            return None;
        };
        let rest = self.pending.split_off(self.searched + end + 1);
        let line = std::mem::replace(&mut self.pending, rest);
        self.searched = 0;
        Some(String::from_utf8_lossy(&line).trim_end().to_owned())
    }
}

/// The text at a path of the server's own HTTP port, such as `/metrics`.
///
/// # Errors
/// [`WatchError`]
pub async fn fetch(url: &str) -> Result<String, WatchError> {
    let response = client()?.get(url).send().await?;
    match response.status() {
        StatusCode::OK => Ok(response.text().await?),
        status => Err(WatchError::Refused(status)),
    }
}

/// A client for plain HTTP; the library wants a TLS setting all the same.
fn client() -> Result<Client, WatchError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let tls = tls.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
    Ok(Client::builder().tls_backend_preconfigured(tls).no_proxy().build()?)
}
