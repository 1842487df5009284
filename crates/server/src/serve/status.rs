//! `/healthz` and `/readyz`, for whoever restarts processes and sends them traffic.
//!
//! Not the overview for people. `/healthz`: the process answers. `/readyz`: 200 when the state answers and every partition that this
//! worker owns is worked on, else 503; either way what is missing, as JSON. Cost: one small read of the state.

use crate::cluster::{Stage, Stages};
use crate::state::State;
use axum::extract::State as With;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use std::collections::BTreeMap;

/// What readiness depends on. Cheap to clone.
#[derive(Clone)]
pub(super) struct Readiness {
    state: State,
    stages: Option<Stages>,
}

impl Readiness {
    pub(super) const fn new(state: State, stages: Option<Stages>) -> Self {
        Self { state, stages }
    }
}

/// What `/readyz` says.
#[derive(Serialize)]
struct Report {
    ready: bool,
    state: &'static str,
    partitions: BTreeMap<String, &'static str>,
}

pub(super) fn status_router(readiness: Readiness) -> Router {
    Router::new().route("/healthz", get(|| async { "ok" })).route("/readyz", get(ready)).with_state(readiness)
}

async fn ready(With(readiness): With<Readiness>) -> Response {
    let answers = readiness.state.setting("ready").await.is_ok();
    let stages = readiness.stages.as_ref().map(Stages::all).unwrap_or_default();
    let ready = answers && stages.values().all(|stage| *stage == Stage::Working);
    let partitions = stages.into_iter().map(|(number, stage)| (number.to_string(), stage.name())).collect();
    let code = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let report = Report { ready, state: if answers { "answers" } else { "does not answer" }, partitions };
    (code, Json(report)).into_response()
}
