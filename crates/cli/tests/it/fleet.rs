//! A simulated fleet in a thread beside the test, whose acknowledged reports the test can see.

use crate::process::{Server, TENANT};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::sync::oneshot;
use yagura_model::Name;
use yagura_server::clock;
use yagura_server::serve::STATE_FILE;
use yagura_server::state::{StateUrl, enrolment_token};
use yagura_sim::{FleetOptions, FleetPlan, FleetSummary, Ledger, TokenSource, run_fleet};

pub(crate) struct Fleet {
    pub(crate) ledger: Arc<Ledger>,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<FleetSummary>,
}

impl Fleet {
    /// Sets a fleet on the road; all of its vehicles are attacked again and again.
    pub(crate) fn start(server: &Server, data: &Path, plan: FleetPlan) -> Self {
        Self::of(server, data, StateUrl::file(&data.join("server").join(STATE_FILE)), plan)
    }

    /// As [`Self::start`], for a server whose state is elsewhere.
    pub(crate) fn of(server: &Server, data: &Path, state: StateUrl, plan: FleetPlan) -> Self {
        let tokens: TokenSource = Arc::new(move |device, model| {
            let state = state.clone();
            Box::pin(async move { enrolment_token(&state, &device, model).await.map_err(|error| error.to_string()) })
        });
        Self::with(server, data, tokens, plan)
    }

    /// As [`Self::start`], for vehicles that get their tokens another way.
    pub(crate) fn with(server: &Server, data: &Path, tokens: TokenSource, plan: FleetPlan) -> Self {
        let ledger = Arc::new(Ledger::default());
        let options = FleetOptions {
            plan,
            tenant: Name::new(TENANT).unwrap(),
            gate: server.announcement.gate.clone().unwrap(),
            trust: server.announcement.ca_pem.clone(),
            directory: data.join("vehicles"),
            tokens,
            now: clock::now(),
            ledger: Some(Arc::clone(&ledger)),
        };
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            let until = async {
                let _ = stopped.await;
            };
            runtime.block_on(run_fleet(options, |_| {}, until)).unwrap()
        });
        Self { ledger, stop, thread }
    }

    pub(crate) fn acknowledged(&self) -> usize {
        self.ledger.entries().len()
    }

    /// Lets the vehicles say farewell.
    pub(crate) fn stop(self) -> FleetSummary {
        self.stop.send(()).unwrap();
        self.thread.join().unwrap()
    }
}
