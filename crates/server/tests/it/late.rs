//! Late data on a real server: whatever came when, and whatever crashed in between, the alerts are those of events in order.

use crate::replay::{counted_in, hex};
use crate::rig::{Device, Rig};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::timeout;
use yagura_link::Sealed;
use yagura_model::{EventId, UnixMicros};
use yagura_server::clock;
use yagura_server::lake::SharedLake;
use yagura_server::state::{AlertFilter, AlertRow, PartitionNumber};
use yagura_server::tenant::Tenant;

/// How long late judgement may take.
const PATIENCE: Duration = Duration::from_secs(60);
const MINUTE: i64 = 60_000_000;
const NAMES: [&str; 3] = ["acme/v-0/cgw", "acme/v-0/tcu", "acme/v-1/cgw"];

/// A report: which sensor, minutes before now, how many injections; and what happens to the server then.
#[derive(Clone, Debug)]
struct Delivery {
    device: usize,
    minutes_ago: i64,
    events: usize,
    then: Then,
}

#[derive(Clone, Copy, Debug)]
enum Then {
    Nothing,
    Crash,
    End,
}

fn deliveries() -> impl Strategy<Value = Vec<Delivery>> {
    // A month ago, some hours ago, just now: few places, so that they meet.
    let ago = prop_oneof![0..4_i64, 60..64_i64, 200..203_i64, 43_200..43_203_i64];
    let then = prop_oneof![6 => Just(Then::Nothing), 1 => Just(Then::Crash), 2 => Just(Then::End)];
    let delivery = (0..NAMES.len(), ago, 1..4_usize, then);
    let delivery =
        delivery.prop_map(|(device, minutes_ago, events, then)| Delivery { device, minutes_ago, events, then });
    proptest::collection::vec(delivery, 3..14)
}

async fn enrolled(rig: &Rig) -> Vec<Device> {
    let mut devices = Vec::new();
    for name in NAMES {
        devices.push(rig.enrol(name, "Kona").await);
    }
    devices
}

/// The report of injections from this instant on.
fn report(device: &mut Device, at: UnixMicros, events: usize) -> Sealed {
    device.report_from(at, &vec![EventId::CAN_EARLY_FRAME; events])
}

/// Waits until nothing late is left to judge.
async fn all_judged(rig: &Rig) {
    let waiting = async {
        while rig.app.state.late_windows(PartitionNumber::SINGLE).await.unwrap() > 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, waiting).await.unwrap();
}

/// Lets it judge everything, late data too: what is judged when it ends goes to the lake, and what that makes possible is judged
/// after the next start.
pub(crate) async fn judged_to_the_end(rig: Rig) -> Rig {
    rig.judged().await;
    let rig = Rig::on(rig.end().await).await;
    all_judged(&rig).await;
    rig
}

/// What is known of each alert, and its row; the shares in the lake must add up to it.
async fn alerts(rig: Rig, devices: &mut [Device]) -> (Vec<String>, Vec<AlertRow>) {
    let rig = judged_to_the_end(rig).await;
    // What late judgement added goes to the lake with the next record.
    rig.deliver(&devices[0].report(&[])).await;
    rig.judged().await;
    let tenant = Tenant::of(&devices[0].id);
    let mut rows = rig.app.state.alerts(&tenant, &AlertFilter::default(), 500).await.unwrap();
    rows.sort_by(|a, b| a.alert_id.cmp(&b.alert_id));
    let dir = rig.end().await;
    let counted: BTreeMap<String, i64> = rows.iter().map(|row| (hex(&row.alert_id), row.count)).collect();
    let lake = SharedLake::open(&dir.path().join("lake")).await.unwrap().unwrap();
    assert_eq!(counted_in(&lake).await, counted, "shares in the lake");
    let view = |row: &AlertRow| {
        let AlertRow { alert_id, rule_id, vehicle, vehicles, first_us, last_us, count, group_json, .. } = row;
        format!("{} {rule_id} {vehicle:?} {vehicles} {first_us} {last_us} {count} {group_json}", hex(alert_id))
    };
    (rows.iter().map(view).collect(), rows)
}

async fn delivered(deliveries: &[Delivery], now: UnixMicros) -> (Vec<String>, Vec<AlertRow>) {
    let mut rig = Rig::new().await;
    let mut devices = enrolled(&rig).await;
    for delivery in deliveries {
        let at = now.plus(-delivery.minutes_ago * MINUTE);
        rig.deliver(&report(&mut devices[delivery.device], at, delivery.events)).await;
        match delivery.then {
            Then::Nothing => {}
            Then::Crash => rig = Rig::on(rig.crash().await).await,
            Then::End => {
                rig.judged().await;
                rig = Rig::on(rig.end().await).await;
            }
        }
    }
    alerts(rig, &mut devices).await
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, ..ProptestConfig::default() })]
    #[test]
    fn whatever_came_late_the_alerts_are_those_of_events_in_order(deliveries in deliveries()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let now = clock::now();
        let mut in_order: Vec<Delivery> =
            deliveries.iter().map(|delivery| Delivery { then: Then::Nothing, ..delivery.clone() }).collect();
        in_order.sort_by_key(|delivery| -delivery.minutes_ago);
        let (any, _) = runtime.block_on(delivered(&deliveries, now));
        let (sorted, _) = runtime.block_on(delivered(&in_order, now));
        prop_assert_eq!(any, sorted);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attack_that_only_late_data_completes_raises_an_alert_that_says_so() {
    let late = |device, minutes_ago| Delivery { device, minutes_ago, events: 2, then: Then::Nothing };
    // Each sensor of the vehicle saw half of the attack; the second one is online again a month later.
    let (_, rows) = delivered(&[late(0, 43_200), late(0, 0), late(1, 43_200)], clock::now()).await;
    let burst: Vec<&AlertRow> = rows.iter().filter(|row| row.rule_id.ends_with("0003")).collect();
    let [alert] = burst[..] else { panic!("one burst, not {burst:?}") };
    assert_eq!((alert.count, alert.vehicle.as_deref()), (4, Some("v-0")));
    assert!(alert.late_us.is_some_and(|late| late - alert.last_us > 29 * 24 * 60 * MINUTE), "{alert:?}");
    let single: Vec<i64> = rows.iter().filter(|row| row.rule_id.ends_with("0002")).map(|row| row.count).collect();
    assert_eq!(single.iter().sum::<i64>(), 6, "plain rules judge late rows at once");
}
