//! What is counted and measured, as Prometheus reads it: `GET /metrics` on the API's port and on the status port.
//!
//! Not a place where things are counted: gate and ways in have their counters, happenings count themselves, vault and lake know
//! their size; here they are read when somebody asks. Only durations have a home of their own (`stages`). Names and what to
//! do about them: docs/operations.md, "Metrics, traces and dashboards". Invariants: labels have few values, tenants at most
//! [`TENANTS_MAX`]; a scrape changes nothing and reads no file but /proc. Cost: ~1 ms a scrape; a histogram's lock a stage of a batch.

mod judged;
mod partitions;
mod process;
mod server;
mod stages;

pub use judged::{TENANTS_MAX, judged};
pub use partitions::{Owned, PartitionParts, Partitions};
pub use server::ServerParts;
pub use stages::{Stage, Timer, observe};

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use std::sync::{Arc, Mutex, PoisonError};

/// Content type of the answer.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Everything that is told when somebody asks. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<Mutex<Registry>>);

impl Default for Metrics {
    /// With what every process tells: itself, its happenings, its stages.
    fn default() -> Self {
        let mut registry = Registry::with_prefix("yagura");
        stages::register(&mut registry);
        judged::register_happenings(&mut registry);
        let metrics = Self(Arc::new(Mutex::new(registry)));
        metrics.add(Box::new(process::Own));
        metrics
    }
}

impl Metrics {
    /// Adds what a part of the server tells.
    pub fn add(&self, collector: Box<dyn Collector>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).register_collector(collector);
    }

    /// All of it, in the text form of OpenMetrics.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::with_capacity(16 * 1024);
        // Writing to a string fails only if a collector does, which then says nothing.
        let _ = encode(&mut text, &self.0.lock().unwrap_or_else(PoisonError::into_inner));
        text
    }

    /// `GET /metrics`.
    pub fn routes<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        Router::new().route("/metrics", get(answer)).with_state(self.clone())
    }
}

async fn answer(State(metrics): State<Metrics>) -> Response {
    // The size of tables and processes is read from memory and /proc; still, not on a thread that serves others.
    match tokio::task::spawn_blocking(move || metrics.text()).await {
        Ok(text) => ([(CONTENT_TYPE, OPENMETRICS)], text).into_response(),
        Err(_) => axum::http::StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[cfg(test)]
mod tests;
