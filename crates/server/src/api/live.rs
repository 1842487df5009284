//! What is happening now: alerts as they are raised, incidents as they change, and what ails the server itself.
//!
//! Not kept anywhere: a client that was away reads the lists again. Invariant: bounded; a slow reader loses the oldest and is told.

use super::types::{Alert, Incident, ServerProblem};
use crate::clock;
use crate::tenant::Tenant;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::broadcast;

/// The most news that wait for a slow reader.
pub const LIVE_ALERTS_MAX: usize = 1_024;

/// What those who look are told.
#[derive(Clone, Debug)]
pub enum News {
    /// An alert was raised, or changed.
    Alert(Box<Alert>),
    /// An incident came to be, or changed.
    Incident(Box<Incident>),
}

/// Sends news to whoever looks. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Live(broadcast::Sender<(Tenant, News)>);

impl Default for Live {
    fn default() -> Self {
        Self(broadcast::Sender::new(LIVE_ALERTS_MAX))
    }
}

impl Live {
    /// Sends an alert to those of the tenant who look now.
    pub fn alert(&self, tenant: Tenant, alert: Alert) {
        // Nobody looking is no fault.
        let _ = self.0.send((tenant, News::Alert(Box::new(alert))));
    }

    /// Sends an incident to those of the tenant who look now.
    pub fn incident(&self, tenant: Tenant, incident: Incident) {
        let _ = self.0.send((tenant, News::Incident(Box::new(incident))));
    }

    /// From now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<(Tenant, News)> {
        self.0.subscribe()
    }
}

/// What ails the server. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Health(Arc<Mutex<Vec<ServerProblem>>>);

impl Health {
    /// The problem is there; whether that is new. If it was there already, it stays since then.
    pub fn ails(&self, kind: &'static str, detail: &str, next_step: &'static str) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = all.iter().all(|problem| problem.kind != kind);
        if is_new {
            all.push(ServerProblem {
                kind: kind.to_owned(),
                detail: detail.to_owned(),
                next_step: next_step.to_owned(),
                since: clock::now().into(),
            });
        }
        is_new
    }

    /// The problem is gone; whether it was there.
    pub fn heals(&self, kind: &'static str) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = all.len();
        all.retain(|problem| problem.kind != kind);
        all.len() < before
    }

    /// What ails the server now.
    #[must_use]
    pub fn problems(&self) -> Vec<ServerProblem> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
