//! A storm: after an update every vehicle of one model raises a hundred times as much as it should.

use crate::rig::{Device, Rig};
use std::collections::BTreeMap;
use yagura_model::EventId;
use yagura_server::clock;
use yagura_server::lake::SharedLake;
use yagura_server::state::{AlertFilter, AlertRow};
use yagura_server::tenant::Tenant;
use yagura_store::Table;

const STORMY: usize = 10;
const CALM: usize = 10;
const REPORTS: usize = 100;
const EVENTS: usize = 30;
const INJECTION: &str = "6f0a4c52-1d5e-4c39-9a63-0f5d1f3a0002";
const UNKNOWN: &str = "6f0a4c52-1d5e-4c39-9a63-0f5d1f3a0001";

/// How many events the alerts of a rule count, by vehicle.
fn counted<'a>(alerts: &'a [AlertRow], rule: &str) -> BTreeMap<&'a str, i64> {
    let mut sums = BTreeMap::new();
    for alert in alerts.iter().filter(|alert| alert.rule_id == rule) {
        *sums.entry(alert.vehicle.as_deref().unwrap_or("")).or_default() += alert.count;
    }
    sums
}

#[tokio::test]
async fn a_storm_of_one_model_hides_no_other_vehicle_and_is_counted_to_the_last_event_across_a_crash() {
    let mut rig = Rig::new().await;
    let (mut stormy, mut calm) = (Vec::new(), Vec::new());
    for number in 0..STORMY {
        stormy.push(rig.enrol(&format!("acme/storm-{number}/cgw"), "Storm").await);
    }
    for number in 0..CALM {
        calm.push(rig.enrol(&format!("acme/calm-{number}/cgw"), "Calm").await);
    }
    let begun = clock::now().plus(-7_200_000_000);
    for device in &mut stormy {
        rig.deliver(&device.report_from(begun, &[])).await;
    }
    for round in 0..REPORTS {
        for device in &mut stormy {
            rig.deliver(&device.report(&[EventId::CAN_EARLY_FRAME; EVENTS])).await;
        }
        if round % (REPORTS / CALM) == 0 {
            rig.deliver(&calm[round / (REPORTS / CALM)].report(&[EventId::CAN_UNKNOWN_ID])).await;
        }
        if round == REPORTS / 2 {
            rig = Rig::on(rig.crash().await).await;
        }
    }
    rig.judged().await;
    let tenant = Tenant::of(&Device::new("acme/calm-0/cgw").id);
    let alerts = rig.app.state.alerts(&tenant, &AlertFilter::default(), 500).await.unwrap();
    let names: Vec<String> = stormy.iter().map(Device::vehicle).collect();
    let expected = names.iter().map(|name| (name.as_str(), (REPORTS * EVENTS) as i64)).collect();
    assert_eq!(counted(&alerts, INJECTION), expected);
    let names: Vec<String> = calm.iter().map(Device::vehicle).collect();
    assert_eq!(counted(&alerts, UNKNOWN), names.iter().map(|name| (name.as_str(), 1)).collect());
    let dir = rig.end().await;
    let lake = SharedLake::open(&dir.path().join("lake")).await.unwrap().unwrap();
    assert_eq!(lake.stats(Table::Events).rows, (STORMY * REPORTS * EVENTS + CALM) as u64);
}
