//! Seeded vehicles, attacks, links: what the demo runs and what the end-to-end tests drive.
//!
//! Not the sensor's own program (it has its own crate) and not the server: it knows nothing of vault, lake or console, and
//! speaks to the gate as any vehicle does. Invariants: everything that is not time or network follows from a seed; a vehicle
//! judges its bus with the same `ids`, `idsm` and `link` code as the real sensor. Cost: one task a vehicle; profiles and
//! recordings are shared.

mod attack;
mod bus;
mod certs_only;
mod drive;
mod enrol;
mod excerpt;
mod fleet;
mod https;
mod keep;
mod ledger;
mod load;
mod memory;
mod models;
mod mqtt;
mod recording;
mod schedule;
mod sensor;
mod transport;
mod vehicle;

pub use attack::{Attack, AttackKind};
pub use bus::{Bus, OnBus};
pub use certs_only::{CERTIFICATES_MAX, certificates_of};
pub use drive::{FAREWELL_MAX, Happening, Surroundings, TICK, drive};
pub use enrol::{EnrolError, Enrolled, enrol};
pub use excerpt::{AFTER, BEFORE, OPEN_MAX};
pub use fleet::{FleetError, FleetOptions, FleetSummary, PROGRESS_EVERY, Progress, TokenSource, run_fleet};
pub use https::{CALL_MAX, Https, HttpsError};
pub use keep::{Identity, Keep};
pub use ledger::{Acknowledged, LEDGER_ENTRIES_MAX, Ledger};
pub use load::{
    ATTACKED_ONE_IN, AlertStream, EVENT_EVERY, EVENTS_MAX, Line, LineError, LineIdentity, LoadPlan, LoadVehicle, MARK,
    Reply, WatchError, fetch,
};
pub use memory::{Kept, MemoryCloud, MemoryLink, Weather};
pub use models::{Model, ModelError};
pub use mqtt::{MQTT_CALL_MAX, Mqtt, MqttError};
pub use recording::{RECORDING_FRAMES_MAX, Recording, RecordingError, Replay, Rhythm, Subject};
pub use schedule::{FleetPlan, Schedule, VehiclePlan};
pub use sensor::{
    BEAT_MICROS, PROFILE_IDS_MAX, SAMPLE_MICROS, SETTLE_MICROS, Sensor, SensorError, SensorTally, WAITING_MAX,
};
pub use transport::{Answer, Call, Standing, Transport};
pub use vehicle::{Credentials, Errand, Vehicle, VehicleTally};
