//! `yagura state export` and `yagura state import`: a backup of the state, and the way from one database to the other.
//!
//! An export runs beside a server; an import goes into a state that nobody has used, before a server runs on it.

use crate::args::ServerState;
use crate::device::url;
use crate::failure::Failure;
use crate::output::{Output, emit};
use crate::serve::{chain, runtime};
use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::Path;
use yagura_server::state::State;

/// Writes the whole state to a file that is not there yet.
pub(crate) fn export(server: &ServerState, file: &Path) -> Result<(), Failure> {
    let url = url(server)?;
    if url.path().is_some_and(|state| !state.exists()) {
        return Err(Failure::input(&url, "no server has run here"));
    }
    let out = File::create_new(file).map_err(|error| Failure::file(file, &error))?;
    let done = runtime()?.block_on(async {
        let state = State::connect(&url).await?;
        let rows = state.export(&mut BufWriter::new(&out)).await;
        state.close().await;
        rows
    });
    let rows = done.map_err(|error| Failure::input(&url, chain(&error)))?;
    out.sync_all().map_err(|error| Failure::file(file, &error))?;
    emit(Output::Text, &rows, || format!("{rows} rows of {url} are in {}", file.display()))
}

/// Reads an export into a new state.
pub(crate) fn import(server: &ServerState, file: &Path) -> Result<(), Failure> {
    let url = url(server)?;
    let from = File::open(file).map_err(|error| Failure::file(file, &error))?;
    let done = runtime()?.block_on(async {
        let state = State::connect(&url).await?;
        let rows = state.import(&mut BufReader::new(from)).await;
        state.close().await;
        rows
    });
    let rows = done.map_err(|error| Failure::input(&url, chain(&error)))?;
    emit(Output::Text, &rows, || format!("{rows} rows of {} are in {url}", file.display()))
}
