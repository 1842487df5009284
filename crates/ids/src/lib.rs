//! Detectors with bounded state: frame in, security events out; reads a profile.
//!
//! Not here: learning (`profile`), filtering (`idsm`), reporting (`link`), any clock or allocation. Invariants: the same
//! profile and frames give the same events, bit for bit, on every target; no input panics; memory is fixed at compile time.
//! Cost: O(1) a frame, integer arithmetic only; figures in ADR-0004.
#![no_std]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation
    )
)]

mod bus;
mod clock;
mod crc;
mod detector;
mod diag;
mod early;
mod episodes;
mod finding;
mod integrity;
mod j1939;
mod judge;
mod load;
mod novelty;
mod pace;
mod payload;
mod profile;
mod relation;
mod silence;
mod spec;
mod state;

pub use clock::{BACKWARD_MAX, BusClock, REWIND_GAP};
pub use detector::Detector;
pub use diag::{DiagRow, Diagnostics, Heard, IsoTp, Line, Moment, Note, Role, Services, TALKS_MAX};
pub use episodes::{EPISODE_WINDOW, EPISODES_MAX, PLACES_MAX};
pub use finding::{Check, Finding, Sink, Strength};
pub use integrity::{
    Algorithm, BREAK_SPAN, Break, ChecksumField, ChecksumRow, Constant, CounterRow, CounterState, DataIdMode,
    Direction, E2eProfile, RULES_MAX, Spacing,
};
pub use j1939::{J1939, Judged, NETWORKS_MAX, REQUESTERS_MAX, SESSIONS_MAX, SOURCES_MAX, SourceRow};
pub use judge::{EVIDENCE_SPAN, INCIDENT_GAP};
pub use novelty::{ALERT_SPAN, SETTLE, STRANGERS_MAX};
pub use pace::{Pace, Verdict};
pub use payload::{Bits, ByteOrder, ConstantRow, FieldRow, Rules, word};
pub use profile::{
    BUSES_MAX, BusRow, Class, Contents, IDS_MAX, IdRow, Lengths, Novelty, Profile, ProfileError, Row, Source, Table,
    Tables, encode, encoded_len,
};
pub use relation::{Comparison, Derived, GRACE, Link, RelationRow, Signal, SignalRow, WINDOW};
pub use silence::{COMMON_HOLD, SESSION_GAP, SILENCE_HOLD};
pub use spec::{
    Allowed, BREACHES_MAX, DrivingState, Field, FieldError, MOVING_SPAN, RuleRow, SIGN_SPAN, SPEC_RULES_MAX, Sign,
    StateRow, Switch,
};
pub use state::{CapacityExceeded, FIELDS_ROOM, HEAP_MAX, PAUSE_MAX, RELATIONS_ROOM, SIGNALS_ROOM, State};
