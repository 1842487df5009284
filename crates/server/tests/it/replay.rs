//! A crash anywhere changes nothing: the views after it are those of a server that never stopped.

use crate::rig::{Device, Rig, copy_of_evidence};
use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Int32Type, Int64Type};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use tempfile::TempDir;
use yagura_model::EventId;
use yagura_server::lake::SharedLake;
use yagura_server::state::{AlertFilter, AlertRow};
use yagura_server::tenant::Tenant;
use yagura_store::{Query, Table};

/// What happens to a server.
#[derive(Clone, Debug)]
enum Step {
    /// This vehicle reports so many injections.
    Report(usize, usize),
    /// Everything durable is judged.
    Judge,
    /// It crashes and starts again.
    Crash,
    /// It ends in order and starts again.
    End,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..3_usize, 0..4_usize).prop_map(|(vehicle, events)| Step::Report(vehicle, events)),
        2 => Just(Step::Judge),
        2 => Just(Step::Crash),
        1 => Just(Step::End),
    ];
    proptest::collection::vec(step, 4..20)
}

/// What people and machines can see of it.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Views {
    alerts: Vec<String>,
    totals: (u64, u64),
    losses: Vec<(String, i64)>,
    vehicles: Vec<String>,
    events: Vec<(i64, i32)>,
    states: Vec<(i64, i32)>,
    counted_in_lake: BTreeMap<String, i64>,
    counted_in_state: BTreeMap<String, i64>,
}

impl Views {
    /// What does not depend on the clock of whoever asks, nor on which record came last: shares of late alerts reach the lake with
    /// the next one.
    pub(crate) fn told(&self) -> String {
        let Self { alerts, totals, losses, events, states, counted_in_state, .. } = self;
        format!("{alerts:#?} {totals:?} {losses:?} {events:?} {states:?} {counted_in_state:?}")
    }
}

pub(crate) async fn views(rig: Rig) -> Views {
    rig.judged().await;
    let (state, tenant) = (rig.app.state.clone(), Tenant::of(&Device::new("acme/v-0/cgw").id));
    let rows = state.alerts(&tenant, &AlertFilter::default(), 500).await.unwrap();
    let mut alerts: Vec<String> = Vec::new();
    for row in &rows {
        // When people were told is the one thing that a second telling changes.
        let row = &AlertRow { raised_us: 0, late_us: None, ..row.clone() };
        let kept = state.alert_events(&tenant, &row.alert_id).await.unwrap();
        alerts.push(format!("{row:?} {:?}", kept.iter().map(|e| (e.position, e.entry_index)).collect::<Vec<_>>()));
    }
    alerts.sort_unstable();
    let counted_in_state = rows.iter().map(|row| (hex(&row.alert_id), row.count)).collect();
    let rates = state.rates(&tenant, yagura_model::UnixMicros(0)).await.unwrap();
    let losses = state.losses(&tenant).await.unwrap().into_iter().map(|row| (row.kind, row.count)).collect();
    let now = yagura_server::clock::now();
    let vehicles = state.vehicles(&tenant, None, now).await.unwrap();
    let vehicles = vehicles.into_iter().map(|row| format!("{row:?}")).collect();
    let dir = rig.end().await;
    let lake = SharedLake::open(&dir.path().join("lake")).await.unwrap().unwrap();
    let counted_in_lake = counted_in(&lake).await;
    let places = async |table| {
        let mut all: Vec<(i64, i32)> = scan(&lake, table).await.iter().flat_map(places).collect();
        all.sort_unstable();
        all
    };
    let (events, states) = (places(Table::Events).await, places(Table::VehicleState).await);
    let totals = (rates.events, rates.reports);
    Views { alerts, totals, losses, vehicles, events, states, counted_in_lake, counted_in_state }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What the lake's table of alerts counts for each.
pub(crate) async fn counted_in(lake: &SharedLake) -> BTreeMap<String, i64> {
    let mut counted = BTreeMap::new();
    for batch in scan(lake, Table::Alerts).await {
        let ids = batch.column_by_name("alert_id").unwrap().as_string::<i32>();
        let counts = batch.column_by_name("count").unwrap().as_primitive::<Int64Type>();
        for (id, count) in ids.iter().zip(counts.values()) {
            *counted.entry(id.unwrap().to_owned()).or_default() += count;
        }
    }
    counted
}

async fn scan(lake: &SharedLake, table: Table) -> Vec<RecordBatch> {
    let query = Query { tenant: "acme".into(), vehicle: None, from: None, to: None, limit: Query::ROWS_MAX };
    lake.call(move |lake| lake.scan(table, &query)).await.unwrap().unwrap().batches
}

fn places(batch: &RecordBatch) -> Vec<(i64, i32)> {
    let positions = batch.column_by_name("position").unwrap().as_primitive::<Int64Type>();
    let entries = batch.column_by_name("entry_index").unwrap().as_primitive::<Int32Type>();
    positions.values().iter().copied().zip(entries.values().iter().copied()).collect()
}

/// The views of a server that judges the same evidence in one go.
pub(crate) async fn judged_at_once(dir: &TempDir) -> Views {
    let fresh = copy_of_evidence(dir.path());
    // Devices are not derived from the evidence: they come along, the rest of the state does not.
    let rig = Rig::with_devices_of(fresh, dir.path()).await;
    views(crate::late::judged_to_the_end(rig).await).await
}

async fn live_through(steps: &[Step]) -> (Views, Views) {
    let mut rig = Rig::new().await;
    let mut devices = Vec::new();
    for name in ["acme/v-0/cgw", "acme/v-1/cgw", "acme/v-2/cgw"] {
        devices.push(rig.enrol(name, "Kona").await);
    }
    for step in steps {
        match step {
            Step::Report(vehicle, events) => {
                let report = devices[*vehicle].report(&vec![EventId::CAN_EARLY_FRAME; *events]);
                rig.deliver(&report).await;
            }
            Step::Judge => rig.judged().await,
            Step::Crash => rig = Rig::on(rig.crash().await).await,
            Step::End => rig = Rig::on(rig.end().await).await,
        }
    }
    let dir = Arc::clone(&rig.dir);
    let lived = views(rig).await;
    (lived, judged_at_once(&dir).await)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]
    #[test]
    fn a_crash_anywhere_changes_nothing(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (lived, at_once) = runtime.block_on(live_through(&steps));
        prop_assert_eq!(&lived.counted_in_lake, &lived.counted_in_state);
        prop_assert_eq!(lived, at_once);
    }
}

crate::on_postgres!("replay.rs": a_crash_anywhere_changes_nothing);
