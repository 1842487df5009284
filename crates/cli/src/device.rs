//! `yagura device token` and `yagura sign-in-link`: what an operator gets from a server's state.
//!
//! Both work while the server runs; neither starts one.

use crate::failure::Failure;
use crate::output::{Output, emit};
use crate::serve::{chain, runtime};
use std::path::Path;
use yagura_model::DeviceId;
use yagura_server::auth::sign_in_link;
use yagura_server::serve::STATE_FILE;
use yagura_server::state::enrolment_token;

/// Prints a one-time enrolment token.
pub(crate) fn token(device: &str, model: &str, data: &Path) -> Result<(), Failure> {
    let id: DeviceId = device.parse().map_err(|error| Failure::input(device, error))?;
    let state = data.join(STATE_FILE);
    if !state.exists() {
        return Err(Failure::input(data.display(), "no server has run here: start `yagura serve --data` there first"));
    }
    let token = runtime()?
        .block_on(enrolment_token(&state, &id, model))
        .map_err(|error| Failure::input(data.display(), chain(&error)))?;
    emit(Output::Text, &token, || token.clone())
}

/// Prints a one-time sign-in link.
pub(crate) fn link(data: &Path) -> Result<(), Failure> {
    let link = runtime()?
        .block_on(sign_in_link(&data.join(STATE_FILE)))
        .map_err(|error| Failure::input(data.display(), chain(&error)))?;
    emit(Output::Text, &link.url, || link.url.clone())
}
