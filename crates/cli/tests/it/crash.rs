//! Kill -9 of the server at any moment: no acknowledged report is lost, no alert is doubled, nothing counts twice.
//!
//! The oracle is a second server that derives everything anew from a copy of the evidence, without any crash.

use crate::fleet::Fleet;
use crate::process::{Addresses, Server, TENANT};
use ed25519_dalek::VerifyingKey;
use ed25519_dalek::pkcs8::DecodePublicKey as _;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::Path;
use std::time::{Duration, Instant};
use yagura_link::Digest;
use yagura_model::Name;
use yagura_server::evidence::Audit;
use yagura_server::serve::{IDENTITY_DIR, LAKE_DIR, STATE_FILE, VAULT_DIR};
use yagura_server::state::{AlertFilter, AlertRow, PartitionNumber, State, StateUrl};
use yagura_server::tenant::Tenant;
use yagura_sim::{Acknowledged, FleetPlan};
use yagura_store::{Lake, Query, RecordKind, Table, verify};

/// How long a test waits for a condition before it gives up.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn no_kill_of_the_server_loses_an_acknowledged_report_or_doubles_an_alert() {
    let kills: u32 = std::env::var("YAGURA_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(20);
    let seed = std::env::var("YAGURA_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or_else(|| {
        u64::from(std::process::id()) ^ u64::from(std::time::UNIX_EPOCH.elapsed().unwrap().subsec_nanos())
    });
    eprintln!("seed: YAGURA_SEED={seed} YAGURA_KILLS={kills}");
    let mut random = Random(seed);
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("server");
    let at = Addresses::free();
    let mut server = Server::start(&data, at);
    let plan =
        FleetPlan { vehicles: 10, seed, attacked_permille: 1_000, attack_after: 1, attack_every: 6, attack_length: 3 };
    let fleet = Fleet::start(&server, dir.path(), plan);
    wait_until("the first reports", || fleet.acknowledged() >= 10);
    for _ in 0..kills {
        let goal = fleet.acknowledged() + 1 + random.below(12);
        wait_until("more reports", || fleet.acknowledged() >= goal);
        pause(Duration::from_micros(random.below(200_000) as u64));
        server.kill();
        if random.below(4) == 0 {
            // Also while it starts.
            let mut child = Server::launch(&data, at);
            pause(Duration::from_micros(random.below(300_000) as u64));
            child.kill().unwrap();
            child.wait().unwrap();
        }
        server = Server::start(&data, at);
    }
    let goal = fleet.acknowledged() + 20;
    wait_until("reports after the last kill", || fleet.acknowledged() >= goal);
    let ledger = std::sync::Arc::clone(&fleet.ledger);
    fleet.stop();
    server.stop();

    nothing_lost_and_nothing_doubled(dir.path(), &data, &ledger.entries());
}

/// What was acknowledged is in the vault of a server that has ended, and its views are those of one that never stumbled.
pub(crate) fn nothing_lost_and_nothing_doubled(dir: &Path, data: &Path, acknowledged: &[Acknowledged]) {
    let vault = audited(data);
    for entry in acknowledged {
        assert_eq!(
            vault.get(&entry.position),
            Some(&entry.digest),
            "{entry:?} is not in the vault where its receipt says"
        );
    }
    let rebuilt = rebuild(dir, data);
    assert_same("alert", &alerts(data), &alerts(&rebuilt));
    let (mut rows, mut rebuilt_rows) = (lake_rows(data), lake_rows(&rebuilt));
    rows.and_waiting(&StateUrl::file(&data.join(STATE_FILE)), [PartitionNumber::SINGLE]);
    rebuilt_rows.and_waiting(&StateUrl::file(&rebuilt.join(STATE_FILE)), [PartitionNumber::SINGLE]);
    assert_same("event of the lake", &rows.events, &rebuilt_rows.events);
    assert_same("alert of the lake", &rows.hits, &rebuilt_rows.hits);
    assert!(!rows.hits.is_empty(), "the attacks raised no alert");
    eprintln!("{} reports acknowledged, {} alerts, {} events", acknowledged.len(), rows.hits.len(), rows.events.len());
}

/// The same entries here as from a server that never crashed; names the first few that differ.
pub(crate) fn assert_same<K: Debug + Ord, V: Debug + PartialEq>(
    what: &str,
    crashed: &BTreeMap<K, V>,
    rebuilt: &BTreeMap<K, V>,
) {
    let differs = |(key, value): &(&K, &V)| rebuilt.get(*key) != Some(*value);
    let wrong: Vec<_> =
        crashed.iter().filter(differs).take(5).map(|(key, value)| (key, value, rebuilt.get(key))).collect();
    let absent: Vec<_> = rebuilt.iter().filter(|(key, _)| !crashed.contains_key(key)).take(5).collect();
    assert!(
        wrong.is_empty() && absent.is_empty(),
        "{what}: (crashed, rebuilt) differ: {wrong:?}; only rebuilt: {absent:?}; {} against {}",
        crashed.len(),
        rebuilt.len()
    );
}

/// Position and digest of each report, after everything the vault can prove has been checked.
fn audited(data: &Path) -> BTreeMap<u64, Digest> {
    let mut reports = BTreeMap::new();
    let mut audit = Audit::new();
    let pem = std::fs::read_to_string(data.join(IDENTITY_DIR).join("vault.pub")).unwrap();
    let key = VerifyingKey::from_public_key_pem(&pem).unwrap();
    let mut visitor = |record: yagura_store::RecordRef<'_>| {
        audit.visit(record);
        if record.kind == RecordKind::Report {
            reports.insert(record.position.0, Digest::of(record.payload));
        }
    };
    let verified = verify(&data.join(VAULT_DIR), &key, &mut visitor, &mut |_| {}).unwrap();
    assert_eq!(verified.unfinished, None);
    let summary = audit.finish(None);
    assert_eq!(summary.wrong, 0, "{:?}", summary.findings);
    assert_eq!(summary.missing, 0, "a report that was sealed never arrived");
    reports
}

/// A data directory whose views another server has derived from the same evidence.
fn rebuild(dir: &Path, data: &Path) -> std::path::PathBuf {
    let copy = dir.join("rebuilt");
    for name in [VAULT_DIR, IDENTITY_DIR] {
        copy_dir(&data.join(name), &copy.join(name));
    }
    let server = Server::start(&copy, Addresses::free());
    let goal = position(data);
    wait_until("the rebuilt views", || position(&copy) >= goal);
    server.stop();
    copy
}

pub(crate) fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}

fn with_state<T>(data: &Path, read: impl AsyncFnOnce(&State, Tenant) -> T) -> T {
    with_state_at(&StateUrl::file(&data.join(STATE_FILE)), read)
}

/// Asks the state at an address.
pub(crate) fn with_state_at<T>(url: &StateUrl, read: impl AsyncFnOnce(&State, Tenant) -> T) -> T {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let state = State::connect(url).await.unwrap();
        let tenant = Tenant::named(Name::new(TENANT).unwrap());
        let answer = read(&state, tenant).await;
        state.close().await;
        answer
    })
}

fn position(data: &Path) -> u64 {
    with_state(data, async |state, _| state.progress_of(PartitionNumber::SINGLE).await.unwrap().position)
}

fn alerts(data: &Path) -> BTreeMap<String, Raised> {
    alerts_at(&StateUrl::file(&data.join(STATE_FILE)))
}

/// What must be the same of an alert, whoever raised it.
#[derive(Debug, PartialEq)]
pub(crate) struct Raised {
    rule: String,
    pub(crate) vehicle: Option<String>,
    count: i64,
    first: i64,
    last: i64,
}

/// All alerts, by id.
pub(crate) fn alerts_at(url: &StateUrl) -> BTreeMap<String, Raised> {
    let filter = AlertFilter::default();
    let rows = with_state_at(url, async |state, tenant| state.alerts(&tenant, &filter, 10_000).await.unwrap());
    let raised = |row: AlertRow| Raised {
        rule: row.rule_id,
        vehicle: row.vehicle,
        count: row.count,
        first: row.first_us,
        last: row.last_us,
    };
    rows.into_iter().map(|row| (hex(&row.alert_id), raised(row))).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[derive(Debug, Default)]
pub(crate) struct LakeRows {
    pub(crate) events: BTreeMap<(i64, i32), ()>,
    pub(crate) hits: BTreeMap<String, i64>,
}

impl LakeRows {
    /// Counts what waits in the state too: what late data corrects goes to the lake with the next record, which may never come in a test.
    pub(crate) fn and_waiting(&mut self, state: &StateUrl, numbers: impl IntoIterator<Item = PartitionNumber>) {
        with_state_at(state, async |state, _| {
            for number in numbers {
                let partition = state.take_over(number).await.unwrap();
                for row in partition.pending_rows(u64::from(u32::MAX)).await.unwrap() {
                    *self.hits.entry(hex(&row.alert_id)).or_default() += row.count;
                }
            }
        });
    }
}

pub(crate) fn lake_rows(data: &Path) -> LakeRows {
    lake_rows_of(&Lake::open(&data.join(LAKE_DIR).to_string_lossy(), 0).unwrap())
}

/// The rows of a lake, none of them twice.
pub(crate) fn lake_rows_of(lake: &Lake) -> LakeRows {
    let mut rows = LakeRows::default();
    let query = Query { tenant: TENANT.to_owned(), vehicle: None, from: None, to: None, limit: Query::ROWS_MAX };
    for batch in lake.scan(Table::Events, &query).unwrap().batches {
        let positions = batch.column_by_name("position").unwrap();
        let indexes = batch.column_by_name("entry_index").unwrap();
        let positions = positions.as_any().downcast_ref::<arrow::array::Int64Array>().unwrap();
        let indexes = indexes.as_any().downcast_ref::<arrow::array::Int32Array>().unwrap();
        for (position, index) in positions.values().iter().zip(indexes.values()) {
            let twice = rows.events.insert((*position, *index), ());
            assert_eq!(twice, None, "event {position}/{index} is in the lake twice");
        }
    }
    for batch in lake.scan(Table::Alerts, &query).unwrap().batches {
        let ids = batch.column_by_name("alert_id").unwrap();
        let ids = ids.as_any().downcast_ref::<arrow::array::StringArray>().unwrap();
        let counts = batch.column_by_name("count").unwrap();
        let counts = counts.as_any().downcast_ref::<arrow::array::Int64Array>().unwrap();
        for (id, count) in ids.iter().zip(counts.values()) {
            *rows.hits.entry(id.unwrap().to_owned()).or_default() += count;
        }
    }
    rows
}

pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "waited {} s in vain for {what}", PATIENCE.as_secs());
        pause(Duration::from_millis(10));
    }
}

/// Lets time pass for the other processes.
pub(crate) fn pause(time: Duration) {
    std::thread::park_timeout(time);
}

/// SplitMix64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ (z >> 31)) % bound as u64).unwrap()
    }
}
