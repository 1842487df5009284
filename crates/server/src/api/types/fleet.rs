//! The JSON API's words about vehicles, evidence, the event catalogue and the stream.
//!
//! Not about alerts (the parent module). The same invariants hold.

use super::{AlertCounts, Event, SeverityName, Text};
use crate::api::time::Time;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Whether a vehicle is heard of.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum VehicleHealth {
    /// Heard of lately.
    Reporting,
    /// Not heard of lately.
    Silent,
    /// Enrolled, never heard of.
    Never,
}

/// All vehicles of the tenant.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct VehicleList {
    /// By name; at most 10,000.
    pub vehicles: Vec<Vehicle>,
}

/// One vehicle.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct Vehicle {
    /// Its pseudonym.
    pub vehicle: String,
    /// Model, as given at enrolment.
    pub model: String,
    /// Its sensors.
    pub sensors: Vec<String>,
    /// When the last report came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<Time>,
    /// Whether it is heard of.
    pub state: VehicleHealth,
    /// Security events received in the last 24 hours.
    pub events_24h: u64,
    /// Open and acknowledged alerts.
    pub alerts_open: u64,
    /// Everything its sensors say they lost, and reports that never came.
    pub losses: u64,
}

/// One vehicle with its devices.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct VehicleDetail {
    /// The vehicle.
    #[serde(flatten)]
    pub vehicle: Vehicle,
    /// Its enrolled sensors.
    pub devices: Vec<Device>,
}

/// One enrolled sensor.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct Device {
    /// Sensor name.
    pub sensor: String,
    /// When it enrolled.
    pub enrolled_time: Time,
    /// When its certificate ends.
    pub certificate_expires: Time,
    /// When the last report came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<Time>,
    /// Boot of the last report.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot: Option<u64>,
    /// Sequence of the last report in its boot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// What its reports say they lost, and reports that never came.
    pub losses: DeviceLosses,
}

/// What one sensor lost.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct DeviceLosses {
    /// Security events.
    pub events: u64,
    /// Frames not looked at.
    pub frames: u64,
    /// Frame excerpts.
    pub excerpts: u64,
    /// Reports that its spool dropped.
    pub reports: u64,
    /// Reports that the server misses, by their numbers.
    pub missing: u64,
}

/// Security events over vehicle state.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct Timeline {
    /// Start, included.
    pub from: Time,
    /// End, not included.
    pub to: Time,
    /// Events, oldest first.
    pub events: Vec<Event>,
    /// State samples, oldest first.
    pub states: Vec<StateSample>,
    /// Whether the limit cut something off: ask for a shorter time.
    pub truncated: bool,
}

/// What the vehicle was doing.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct StateSample {
    /// When, by the vehicle's clock.
    pub time: Time,
    /// VSS `Vehicle.Speed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speed_kmh: Option<f64>,
    /// VSS `Vehicle.Chassis.Accelerator.PedalPosition`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accelerator_percent: Option<f64>,
    /// Whether the brake pedal is pressed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub brake_pressed: Option<bool>,
    /// `park`, `reverse`, `neutral` or `drive`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gear: Option<String>,
}

/// What a vault record is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum EvidenceKind {
    /// A report as it was received.
    Report,
    /// A device certificate.
    Enrolment,
    /// Something the gate refused or noticed.
    Anomaly,
    /// Messages of a sensor that is not ours, as they were received.
    Foreign,
    /// Log lines of a back end, as they were received.
    Logs,
}

/// What became of a signature check.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SignatureState {
    /// Made by the key of the enrolled certificate.
    Valid,
    /// Not made by the key of any certificate enrolled for this device.
    Invalid,
    /// This kind of record carries no signature.
    NotApplicable,
}

/// One vault record and the proof that it is in the log.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct Evidence {
    /// Position in the vault.
    pub position: u64,
    /// What it is.
    pub kind: EvidenceKind,
    /// When it was received.
    pub received_time: Time,
    /// Who sent it: `tenant/vehicle/sensor`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Bytes.
    pub size: u64,
    /// SHA-256 of the bytes, hexadecimal.
    pub sha256: String,
    /// What its header says, for a report.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<ReportHeader>,
    /// Whether the signature holds.
    pub signature: SignatureState,
    /// Proof of inclusion; absent until the record is archived, in a cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
    /// How many records of its partition are archived, while there is no proof.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archived: Option<u64>,
}

/// Who read evidence, in a stretch of the vault.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct EvidenceReads {
    /// The reads, newest first.
    pub reads: Vec<EvidenceRead>,
    /// Where to look for older ones; absent at the beginning of the vault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
}

/// A read of evidence, as the vault has it on record.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct EvidenceRead {
    /// Position of that record in the vault.
    pub position: u64,
    /// When it was recorded.
    pub recorded: Time,
    /// When it was read first.
    pub first: Time,
    /// When it was read last.
    pub last: Time,
    /// Who read.
    pub by: String,
    /// Through what.
    pub how: String,
    /// What, in words.
    pub asked: String,
    /// Why, as the reader said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// How many records.
    pub records: u64,
    /// How many times.
    pub times: u64,
}

/// Header of a report.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct ReportHeader {
    /// Boot counter of the sensor.
    pub boot: u64,
    /// Number of the report in its boot.
    pub sequence: u64,
    /// SHA-256 of the previous signed report, hexadecimal.
    pub previous: String,
    /// Event time of the first entry, by the vehicle's clock.
    pub first: Time,
    /// Event time of the last entry, by the vehicle's clock.
    pub last: Time,
    /// How far the vehicle's clock may be off, µs.
    pub clock_uncertainty_us: u32,
    /// What the sensor lost before this report.
    pub losses: ReportLosses,
}

/// Losses as a report's header counts them.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
pub struct ReportLosses {
    /// Security events.
    pub events: u64,
    /// Frames not looked at.
    pub frames: u64,
    /// Frame excerpts.
    pub excerpts: u64,
    /// Reports.
    pub reports: u64,
}

/// RFC 6962 proof of inclusion.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct Proof {
    /// Records under the root.
    pub tree_size: u64,
    /// Root hash, hexadecimal.
    pub root: String,
    /// Leaf hash, hexadecimal.
    pub leaf: String,
    /// Sibling hashes from leaf to root, hexadecimal.
    pub hashes: Vec<String>,
    /// The signed note over this root.
    pub checkpoint: String,
}

/// The event catalogue.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct CatalogueView {
    /// By event id.
    pub events: Vec<CatalogueEntry>,
}

/// One event of the catalogue.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct CatalogueEntry {
    /// `0x8001`.
    pub event_id: String,
    /// Symbol.
    pub symbol: String,
    /// How bad it may be.
    pub severity: SeverityName,
    /// ATT&CK technique.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub technique: Option<String>,
    /// Unit of `expected`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_unit: Option<String>,
    /// Unit of `observed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_unit: Option<String>,
    /// Short title.
    pub title: Text,
    /// What it means.
    pub meaning: Text,
    /// What to do.
    pub what_to_do: Text,
}

/// Data of the stream's `tick`, once a second.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct Tick {
    /// The server's clock.
    pub server_time: Time,
    /// Mean of the last 10 s.
    pub events_per_second: f64,
    /// Open and acknowledged alerts.
    pub alerts_open: AlertCounts,
    /// Vehicles heard of lately.
    pub reporting: u64,
}
