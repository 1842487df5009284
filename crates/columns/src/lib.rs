//! Security events as Arrow record batches, and the event catalogue.
//!
//! Not a store and not a query engine: schemas of the lake's tables ([`events_schema`]), what events mean ([`Catalogue`]),
//! and the way from reports to rows. No file, no clock: bytes and times in, record batches out.
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

mod column;
mod decoder;
mod excerpts;
mod rows;
mod schema;

pub use decoder::{AnomalyRow, Batches, DECODER_ROWS_MAX, Decoded, Decoder, DecoderError, STATE_AGE_MAX};
pub use decoder::{ForeignRow, ObservedRow};
pub use excerpts::excerpts;
pub use rows::ObservedColumns as Observed;
pub use schema::{
    FIELD_ID_KEY, LATE_DAYS_MAX, VEHICLE_BUCKETS, alerts_schema, bucket_of_text, event_date, events_schema,
    partition_date, vehicle_bucket, vehicle_state_schema,
};
pub use yagura_catalogue::{
    CATALOGUE_EVENTS_MAX, Catalogue, CatalogueError, ContextLayout, EventEntry, Service, Text, severity_from_id,
    severity_id,
};
