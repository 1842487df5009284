//! `yagura device token` and `yagura sign-in-link`: what an operator gets from a server's state.
//!
//! Both work while the server runs; neither starts one.

use crate::args::ServerState;
use crate::failure::Failure;
use crate::output::{Output, emit};
use crate::serve::{chain, runtime};
use yagura_model::DeviceId;
use yagura_server::{StateUrl, enrolment_token, sign_in_link, state_url};

/// Prints a one-time enrolment token.
pub(crate) fn token(device: &str, model: &str, server: &ServerState) -> Result<(), Failure> {
    let id: DeviceId = device.parse().map_err(|error| Failure::input(device, error))?;
    let url = url(server)?;
    if url.path().is_some_and(|file| !file.exists()) {
        return Err(Failure::input(
            shown(server, &url),
            "no server has run here: start `yagura serve --data` there first",
        ));
    }
    let token = runtime()?
        .block_on(enrolment_token(&url, &id, model))
        .map_err(|error| Failure::input(shown(server, &url), chain(&error)))?;
    emit(Output::Text, &token, || token.clone())
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
