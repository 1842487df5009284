//! The gate of a cluster: the ways in, whose reports go to the broker.
//!
//! Keeps no report: a receipt is given when the broker has it. Order of opening: the broker, the intake, the ways, the gate itself.

use super::Common;
use crate::cluster::LogWriter;
use crate::gate::{Counters, Gate, GateParts};
use crate::intake::Intake;
use crate::serve::{Ready, ServeError, storage};
use crate::stop::stopped;
use crate::ways::Ways;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

impl Common<'_> {
    pub(super) async fn gate(
        &mut self,
        socket: TcpListener,
        ready: &mut Ready,
        tasks: &mut JoinSet<()>,
    ) -> Result<(Intake, Ways), ServeError> {
        let writer = LogWriter::open(&self.cluster.log, self.topics().await?).map_err(ServeError::of_client)?;
        let counters = Arc::new(Counters::default());
        let intake = Intake::to_log(writer, self.state.clone(), Arc::clone(&counters));
        let ways = self.config.ways.clone();
        let ways = Ways::open(ways, &self.identity, &self.state, &intake, &counters, &self.stopping).await?;
        (self.parts.gate, self.parts.ways) = (Some(Arc::clone(&counters)), Some(ways.counters()));
        ready.idsr = ways.addresses().to_vec();
        let gate = Gate::new(GateParts {
            identity: Arc::clone(&self.identity),
            registry: Arc::new(self.state.clone()),
            intake: intake.clone(),
            counters: Arc::clone(&counters),
            quotas: self.config.quotas.clone(),
        })?;
        let gate = gate.merge(ways.router());
        tasks.spawn(gate.serve(socket, stopped(self.stopping.clone())));
        tasks.spawn(storage::watch(counters, self.parts.health.clone(), stopped(self.stopping.clone())));
        Ok((intake, ways))
    }
}
