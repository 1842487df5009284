//! What the owner of the first partition does beside judging, for all partitions: incidents, and products.
//!
//! Not the work itself (`crate::incidents`, `crate::psirt`).

use super::parts::Parts;
use crate::incidents::Incidents;
use crate::psirt::Keeper;

/// What runs beside the pipeline; nothing for another partition. It ends when dropped, as in a crash.
pub(super) struct Keepers {
    incidents: Option<Incidents>,
    products: Option<Keeper>,
}

impl Keepers {
    /// Starts where the first partition is owned.
    pub(super) fn start_for(parts: &Parts) -> Self {
        Self { incidents: Incidents::start_for(parts), products: Keeper::start_for(parts) }
    }

    /// Ends after the rounds under way.
    pub(super) async fn stop(&mut self) {
        if let Some(incidents) = &mut self.incidents {
            incidents.stop().await;
        }
        if let Some(products) = &mut self.products {
            products.stop().await;
        }
    }
}
