//! `yagura device …` and `yagura sign-in-link`: what an operator gets from, and does to, a server's state.
//!
//! All work while the server runs; none starts one. A revocation is known to running gates within a second.

use crate::args::ServerState;
use crate::failure::Failure;
use crate::output::{Output, emit};
use crate::serve::{chain, runtime};
use serde::Serialize;
use yagura_model::{DeviceId, UnixMicros};
use yagura_server::intake::Reason;
use yagura_server::state::{KnownDevice, Revoked, for_each_device};
use yagura_server::{StateUrl, enrolment_token, sign_in_link, state_url};

/// Prints a one-time enrolment token.
pub(crate) fn token(device: &str, model: &str, server: &ServerState) -> Result<(), Failure> {
    let (id, url) = (id(device)?, used(server)?);
    let token = runtime()?
        .block_on(enrolment_token(&url, &id, model))
        .map_err(|error| Failure::input(shown(server, &url), chain(&error)))?;
    emit(Output::Text, &token, || token.clone())
}

/// A device as the command line shows it.
#[derive(Debug, Serialize)]
struct Shown {
    device: String,
    model: String,
    enrolled_us: i64,
    certificate_sha256: String,
    certificate_expires_us: Option<i64>,
    certificates: i64,
    revoked_us: Option<i64>,
    revoked_reason: Option<String>,
}

impl From<KnownDevice> for Shown {
    fn from(known: KnownDevice) -> Self {
        Self {
            device: known.device.to_string(),
            model: known.model,
            enrolled_us: known.enrolled.0,
            certificate_sha256: known.fingerprint.to_string(),
            certificate_expires_us: known.expires.map(|expires| expires.0),
            certificates: known.certificates,
            revoked_us: known.revoked.map(|revoked| revoked.at.0),
            revoked_reason: known.revoked.and_then(|revoked| Some(revoked.reason?.as_str().to_owned())),
        }
    }
}

impl Shown {
    fn line(&self) -> String {
        let Self { device, model, .. } = self;
        match (&self.revoked_us, &self.revoked_reason) {
            (None, _) => format!("{device}  {model}"),
            (Some(_), None) => format!("{device}  {model}  REVOKED"),
            (Some(_), Some(reason)) => format!("{device}  {model}  REVOKED: {reason}"),
        }
    }

    fn page(&self) -> String {
        let instant = |micros: i64| yagura_server::clock::text(UnixMicros(micros));
        let expires = self.certificate_expires_us.map_or_else(|| "unknown".to_owned(), instant);
        let revoked = self.revoked_us.map_or_else(
            || "no".to_owned(),
            |at| format!("{} {}", instant(at), self.revoked_reason.as_deref().unwrap_or_default()),
        );
        format!(
            "  device       {}\n  model        {}\n  enrolled     {}\n  certificate  {}\n  expires      {expires}\n  \
             issued       {} certificates\n  revoked      {}\n",
            self.device,
            self.model,
            instant(self.enrolled_us),
            self.certificate_sha256,
            self.certificates,
            revoked.trim_end(),
        )
    }
}

/// Lists all devices.
pub(crate) fn list(server: &ServerState, json: bool) -> Result<(), Failure> {
    let (url, output) = (used(server)?, Output::from_flag(json));
    let mut told = Ok(());
    let mut tell = |known: KnownDevice| {
        let shown = Shown::from(known);
        if told.is_ok() {
            told = emit(output, &shown, || shown.line());
        }
    };
    let read = runtime()?.block_on(for_each_device(&url, None, &mut tell));
    read.map_err(|error| Failure::input(shown(server, &url), chain(&error)))?;
    told
}

/// Shows one device.
pub(crate) fn show(device: &str, server: &ServerState, json: bool) -> Result<(), Failure> {
    let (id, url) = (id(device)?, used(server)?);
    let mut found = None;
    let mut tell = |known: KnownDevice| found = Some(Shown::from(known));
    let read = runtime()?.block_on(for_each_device(&url, Some(&id), &mut tell));
    read.map_err(|error| Failure::input(shown(server, &url), chain(&error)))?;
    let found =
        found.ok_or_else(|| Failure::input(device, "never enrolled here; `yagura device list` shows who did"))?;
    emit(Output::from_flag(json), &found, || found.page())
}

/// Revokes a device.
pub(crate) fn revoke(device: &str, server: &ServerState, reason: Option<&str>) -> Result<(), Failure> {
    let (id, url) = (id(device)?, used(server)?);
    let reason = match reason {
        None => None,
        Some(text) if text.len() > Reason::LEN_MAX => {
            let why = format!("{} bytes exceed the limit of {}; say it shorter", text.len(), Reason::LEN_MAX);
            return Err(Failure::input("--reason", why));
        }
        Some(text) => {
            let why = "empty, or with control characters; give one line of text";
            Some(Reason::new(text).ok_or_else(|| Failure::input("--reason", why))?)
        }
    };
    let revoked = runtime()?
        .block_on(yagura_server::state::revoke(&url, &id, reason))
        .map_err(|error| Failure::input(shown(server, &url), chain(&error)))?;
    match revoked {
        Revoked::Now => {
            emit(Output::Text, &device, || format!("{device} is revoked; `yagura device token` lets it in again"))
        }
        Revoked::Before => emit(Output::Text, &device, || format!("{device} was revoked before")),
        Revoked::Unknown => Err(Failure::input(device, "never enrolled here; `yagura device list` shows who did")),
    }
}

fn id(device: &str) -> Result<DeviceId, Failure> {
    device.parse().map_err(|error| Failure::input(device, error))
}

/// The state of a server that has run.
fn used(server: &ServerState) -> Result<StateUrl, Failure> {
    let url = url(server)?;
    if url.path().is_some_and(|file| !file.exists()) {
        let why = "no server has run here: start `yagura serve --data` there first";
        return Err(Failure::input(shown(server, &url), why));
    }
    Ok(url)
}

/// Prints a one-time sign-in link.
pub(crate) fn link(server: &ServerState) -> Result<(), Failure> {
    let url = url(server)?;
    let link =
        runtime()?.block_on(sign_in_link(&url)).map_err(|error| Failure::input(shown(server, &url), chain(&error)))?;
    emit(Output::Text, &link.url, || link.url.clone())
}

pub(crate) fn url(server: &ServerState) -> Result<StateUrl, Failure> {
    let data = server.data.clone().unwrap_or_default();
    state_url(&data, server.state.as_deref()).map_err(|error| Failure::input("--state", error))
}

/// What the operator named.
fn shown(server: &ServerState, url: &StateUrl) -> String {
    server.data.as_ref().filter(|_| server.state.is_none()).map_or(url.to_string(), |data| data.display().to_string())
}
