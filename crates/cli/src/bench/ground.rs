//! The ground of a bench: a data directory with keys, the enrolment of every vehicle in its vault, and the rules.
//!
//! Not a server. Vehicles enrol as they are: each certificate is issued by the directory's own authority and is a record of the vault,
//! from which the server learns it at its start. Invariant: nothing lies outside the directory; a temporary one is removed when
//! the bench ends, however it ends. Cost: ~0.2 ms a vehicle.

use crate::failure::Failure;
use crate::serve::chain;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use yagura_link::Digest;
use yagura_model::{Name, UnixMicros};
use yagura_server::clock;
use yagura_server::identity::{DEVICE_VALIDITY, EnrolmentRequest, Identity, IdentityOptions};
use yagura_server::pipeline::{RulePlaces, Rules};
use yagura_server::serve::{IDENTITY_DIR, VAULT_DIR};
use yagura_sim::{EVENT_EVERY, LoadPlan, LoadVehicle, MARK};
use yagura_store::{NewRecord, RecordKind, Vault, VaultOptions};

/// Whose fleet it is.
pub(super) const TENANT: &str = "bench";
/// Id of the rule that the latency is measured with.
pub(super) const MARK_RULE: &str = "6f0f6f2e-7f0e-4a58-9d0c-000000007ffe";
/// A vehicle of the bench sends what a thousand of a fleet do.
const QUOTAS: &str = "[default]
device_reports_per_second = 1_000_000_000
device_bytes_per_second = 4_000_000_000
tenant_reports_per_second = 1_000_000_000
tenant_bytes_per_second = 4_000_000_000
tenant_events_per_second = 4_000_000_000
";
/// What all vehicles' content follows from.
const SEED: u64 = 20_261_122;
/// More reports a second than a machine of a bench takes: by so many a chain may grow ahead of the clock.
const REPORTS_PER_SECOND_MAX: u64 = 30_000;
/// The first event of the fleet is at most so old: what counts as a late report.
const AGE_MAX_US: u64 = 14 * 24 * 3_600_000_000;
/// Enrolments of one write.
const ENROL_BATCH: usize = 1_000;

/// Where everything is, and the fleet.
pub(super) struct Ground {
    /// The server's data directory.
    pub(super) data: PathBuf,
    /// The rules it is started with.
    pub(super) rules: PathBuf,
    /// The quotas it is started with: none that a bench could reach.
    pub(super) quotas: PathBuf,
    /// Where reports wait to be handed in.
    pub(super) reports: PathBuf,
    /// The fleet.
    pub(super) fleet: Fleet,
    _temporary: Option<tempfile::TempDir>,
}

/// What the vehicles follow from, for the process that hands their reports in.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(super) struct Fleet {
    pub(super) vehicles: u32,
    pub(super) events_per_report: u32,
    pub(super) start: i64,
}

/// How much is to be measured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    pub(super) vehicles: u32,
    pub(super) events_per_report: u32,
    pub(super) seconds: u64,
    /// The fewest vehicles that share the load of a phase.
    pub(super) drivers: usize,
}

impl Size {
    /// How old the first event is, in µs: no event is of the future however fast the machine is, and all are as fresh as that allows.
    /// A fleet that had been away for a day would have everything judged late.
    fn age(self) -> i64 {
        let chain = self.seconds.saturating_mul(REPORTS_PER_SECOND_MAX) / self.drivers.max(1) as u64;
        let report = u64::from(self.events_per_report).saturating_mul(EVENT_EVERY.0);
        let age = chain.saturating_add(1).saturating_mul(report).min(AGE_MAX_US);
        i64::try_from(age).unwrap_or(0)
    }
}

impl Fleet {
    /// The plan of all vehicles.
    pub(super) fn plan(&self) -> Result<LoadPlan, Failure> {
        let tenant = Name::new(TENANT).map_err(|error| Failure::Internal(error.to_string()))?;
        let start = UnixMicros(self.start);
        Ok(LoadPlan { tenant, events_per_report: self.events_per_report, seed: SEED, start })
    }

    /// The vehicle of this number, before its first report.
    pub(super) fn vehicle(&self, number: u32) -> Result<LoadVehicle, Failure> {
        LoadVehicle::new(&self.plan()?, number).map_err(|error| Failure::Internal(error.to_string()))
    }
}

impl Ground {
    /// Makes the directory, below `data` or a temporary one.
    pub(super) fn make(data: Option<&Path>, rules: Option<&Path>, size: Size) -> Result<Self, Failure> {
        let (root, temporary) = match data {
            Some(dir) => (empty(dir)?, None),
            None => {
                let made = tempfile::Builder::new().prefix("yagura-bench-").tempdir();
                let made = made.map_err(|error| Failure::file(&std::env::temp_dir(), &error))?;
                (made.path().to_owned(), Some(made))
            }
        };
        let start = clock::now().plus(-size.age()).0;
        let fleet = Fleet { vehicles: size.vehicles, events_per_report: size.events_per_report, start };
        let (data, rules_dir, reports) = (root.join("server"), root.join("rules"), root.join("reports"));
        for dir in [&data, &rules_dir, &reports] {
            std::fs::create_dir_all(dir).map_err(|error| Failure::file(dir, &error))?;
        }
        write_rules(&rules_dir, rules)?;
        let quotas = root.join("quotas.toml");
        std::fs::write(&quotas, QUOTAS).map_err(|error| Failure::file(&quotas, &error))?;
        Ok(Self { data, rules: rules_dir, quotas, reports, fleet, _temporary: temporary })
    }

    /// The directory's keys.
    pub(super) fn identity(&self) -> Result<Identity, Failure> {
        let options = IdentityOptions::loopback(&self.data.join(IDENTITY_DIR), clock::now());
        Identity::open(&options).map_err(|error| Failure::Machine(chain(&error)))
    }

    /// Puts the enrolment of every vehicle into the vault and gives their certificates, PEM, by number for the first `kept`.
    pub(super) fn enrol(&self, identity: &Identity, kept: usize) -> Result<Vec<String>, Failure> {
        let broken = |error: &dyn std::error::Error| Failure::Machine(chain(error));
        let key = identity.vault_key().clone();
        let options = VaultOptions {
            dir: self.data.join(VAULT_DIR),
            origin: origin(&key.verifying_key().to_bytes()),
            key,
            segment_bytes: VaultOptions::SEGMENT_BYTES,
        };
        let (mut vault, _) = Vault::open(options).map_err(|error| broken(&error))?;
        let mut certificates = Vec::with_capacity(kept);
        let numbers: Vec<u32> = (0..self.fleet.vehicles).collect();
        for numbers in numbers.chunks(ENROL_BATCH) {
            let mut issued = Vec::with_capacity(numbers.len());
            for number in numbers {
                let vehicle = self.fleet.vehicle(*number)?;
                let request = EnrolmentRequest { device: vehicle.device, key: vehicle.key.verifying_key() };
                let certificate = identity.authority().issue(&request, clock::now(), DEVICE_VALIDITY);
                let certificate = certificate.map_err(|error| broken(&error))?;
                if certificates.len() < kept {
                    certificates.push(certificate.pem);
                }
                issued.push(certificate.der);
            }
            let received = clock::now();
            let records = issued.iter().map(|der| NewRecord { kind: RecordKind::Enrolment, received, payload: der });
            vault.append(&records.collect::<Vec<_>>()).map_err(|error| broken(&error))?;
        }
        vault.checkpoint().map_err(|error| broken(&error))?;
        Ok(certificates)
    }
}

/// The vault's name in its checkpoints, as `yagura serve` gives it.
fn origin(key: &[u8]) -> String {
    let mark = Digest(<[u8; 32]>::try_from(key).unwrap_or_default()).to_string();
    format!("yagura.local/{}", mark.get(..16).unwrap_or(&mark))
}

/// A directory that may be used: not there, or empty.
fn empty(dir: &Path) -> Result<PathBuf, Failure> {
    std::fs::create_dir_all(dir).map_err(|error| Failure::file(dir, &error))?;
    let mut entries = std::fs::read_dir(dir).map_err(|error| Failure::file(dir, &error))?;
    match entries.next() {
        None => Ok(dir.to_owned()),
        Some(_) => {
            Err(Failure::input(dir.display(), "not empty; a bench needs an empty directory, and leaves it filled"))
        }
    }
}

/// The operator's rules, or those that ship; and the rule of the mark.
fn write_rules(dir: &Path, given: Option<&Path>) -> Result<(), Failure> {
    let rules = Rules::load(&RulePlaces { rules: given.map(Path::to_owned), indicators: None })
        .map_err(|error| Failure::Input(chain(&error)))?;
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for rule in rules.set.rules() {
        let file = files.entry(rule.path.clone()).or_default();
        if !file.is_empty() {
            file.push_str("\n---\n");
        }
        file.push_str(&rule.source);
    }
    let sets = dir.join("indicators");
    std::fs::create_dir(&sets).map_err(|error| Failure::file(&sets, &error))?;
    for set in rules.set.surroundings().indicators.iter() {
        let (file, values) = (sets.join(set.name()).with_extension("txt"), set.values().collect::<Vec<_>>());
        std::fs::write(&file, values.join("\n")).map_err(|error| Failure::file(&file, &error))?;
    }
    files.insert("mark".to_owned(), mark());
    for (number, text) in files.values().enumerate() {
        let file = dir.join(format!("{number:05}.yml"));
        std::fs::write(&file, text).map_err(|error| Failure::file(&file, &error))?;
    }
    Ok(())
}

fn mark() -> String {
    format!(
        "title: Mark of the bench\nid: {MARK_RULE}\nlogsource: {{product: vehicle}}\n\
         detection: {{selection: {{event_id: {}}}, condition: selection}}\nlevel: low\n",
        MARK.0
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_that_ship_are_active_and_that_of_the_mark() {
        let dir = tempfile::tempdir().unwrap();
        write_rules(dir.path(), None).unwrap();
        let rules = Rules::load(&RulePlaces { rules: Some(dir.path().to_owned()), indicators: None })
            .map_err(|error| error.to_string())
            .unwrap();
        let shipped = Rules::load(&RulePlaces::default()).map_err(|error| error.to_string()).unwrap();
        assert_eq!(rules.book.len(), shipped.book.len() + 1);
        assert!(rules.book.len() >= 200, "a bench with fewer says little");
        assert!(rules.book.get(MARK_RULE).is_some());
    }

    #[test]
    fn a_directory_that_holds_something_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("mine"), "").unwrap();
        assert!(matches!(
            Ground::make(Some(dir.path()), None, Size { vehicles: 1, events_per_report: 1, seconds: 1, drivers: 1 }),
            Err(Failure::Input(_))
        ));
    }
}
