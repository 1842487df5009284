//! Arrow schemas of the lake's tables: `events`, `vehicle_state`, `alerts`.
//!
//! Not a file format (that is `store`). Invariants: signed integers, UTF-8, binary, boolean, float64, timestamp(µs, UTC) and
//! date32 only, so that Delta and Iceberg can both hold them; each field carries its id (`PARQUET:field_id`), which is never
//! reused; new columns are added at the end and nullable.

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};
use yagura_model::{Name, UnixMicros};

/// How many vehicle buckets a day of a table is split into. A change means rewriting the lake.
pub const VEHICLE_BUCKETS: u8 = 4;

/// Key of a field's id in its metadata, as Parquet writers read it.
pub const FIELD_ID_KEY: &str = "PARQUET:field_id";

/// Microseconds of a day.
const DAY_MICROS: i64 = 86_400_000_000;

const REQUIRED: bool = false;
const NULLABLE: bool = true;

fn timestamp() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

fn schema(fields: Vec<(&str, DataType, bool)>) -> SchemaRef {
    let numbered = (1_u32..).zip(fields).map(|(id, (name, kind, nullable))| {
        Field::new(name, kind, nullable).with_metadata(HashMap::from([(FIELD_ID_KEY.to_owned(), id.to_string())]))
    });
    Arc::new(Schema::new(numbered.collect::<Vec<_>>()))
}

static EVENTS: LazyLock<SchemaRef> = LazyLock::new(|| {
    use DataType::{Binary, Boolean, Date32, Float64, Int32, Int64, Utf8};
    schema(vec![
        ("time", timestamp(), REQUIRED),
        ("received_time", timestamp(), REQUIRED),
        ("event_date", Date32, REQUIRED),
        ("vehicle_bucket", Int32, REQUIRED),
        ("tenant", Utf8, REQUIRED),
        ("vehicle", Utf8, REQUIRED),
        ("sensor", Utf8, REQUIRED),
        ("event_id", Int32, REQUIRED),
        ("event_name", Utf8, REQUIRED),
        ("severity_id", Int32, REQUIRED),
        ("count", Int32, REQUIRED),
        ("idsm_instance", Int32, REQUIRED),
        ("sensor_instance", Int32, REQUIRED),
        ("bus", Int32, NULLABLE),
        ("can_id", Int64, NULLABLE),
        ("can_extended", Boolean, NULLABLE),
        ("frame_kind", Utf8, NULLABLE),
        ("expected", Int64, NULLABLE),
        ("observed", Int64, NULLABLE),
        ("payload", Binary, NULLABLE),
        ("speed_kmh", Float64, NULLABLE),
        ("gear", Utf8, NULLABLE),
        ("boot", Int64, REQUIRED),
        ("sequence", Int64, REQUIRED),
        ("position", Int64, REQUIRED),
        ("entry_index", Int32, REQUIRED),
        // Version 2 of the table: which part of the data an event is about, and what speaks against it.
        ("place_start_bit", Int32, NULLABLE),
        ("place_bits", Int32, NULLABLE),
        ("witness", Int64, NULLABLE),
        // What observers other than our own sensors say; names after OCSF.
        ("product", Utf8, NULLABLE),
        ("source", Utf8, NULLABLE),
        ("trusted", Boolean, NULLABLE),
        ("action", Utf8, NULLABLE),
        ("user", Utf8, NULLABLE),
        ("src_ip", Utf8, NULLABLE),
        ("status", Utf8, NULLABLE),
        ("status_code", Int64, NULLABLE),
        ("resource", Utf8, NULLABLE),
        ("session", Utf8, NULLABLE),
        ("message", Utf8, NULLABLE),
        ("attributes", Utf8, NULLABLE),
    ])
});

static VEHICLE_STATE: LazyLock<SchemaRef> = LazyLock::new(|| {
    use DataType::{Boolean, Date32, Float64, Int32, Int64, Utf8};
    schema(vec![
        ("time", timestamp(), REQUIRED),
        ("received_time", timestamp(), REQUIRED),
        ("event_date", Date32, REQUIRED),
        ("vehicle_bucket", Int32, REQUIRED),
        ("tenant", Utf8, REQUIRED),
        ("vehicle", Utf8, REQUIRED),
        ("sensor", Utf8, REQUIRED),
        ("speed_kmh", Float64, NULLABLE),
        ("accelerator_percent", Float64, NULLABLE),
        ("brake_pressed", Boolean, NULLABLE),
        ("gear", Utf8, NULLABLE),
        ("position", Int64, REQUIRED),
        ("entry_index", Int32, REQUIRED),
    ])
});

static ALERTS: LazyLock<SchemaRef> = LazyLock::new(|| {
    use DataType::{Date32, Int32, Int64, Utf8};
    schema(vec![
        ("time", timestamp(), REQUIRED),
        ("event_date", Date32, REQUIRED),
        ("vehicle_bucket", Int32, REQUIRED),
        ("tenant", Utf8, REQUIRED),
        ("alert_id", Utf8, REQUIRED),
        ("rule_id", Utf8, REQUIRED),
        ("title", Utf8, REQUIRED),
        ("severity_id", Int32, REQUIRED),
        ("vehicle", Utf8, NULLABLE),
        ("group", Utf8, REQUIRED),
        ("window_start", timestamp(), REQUIRED),
        ("count", Int64, REQUIRED),
        ("position", Int64, REQUIRED),
        ("entry_index", Int32, REQUIRED),
    ])
});

/// Schema of `events`: one row per qualified security event.
#[must_use]
pub fn events_schema() -> SchemaRef {
    EVENTS.clone()
}

/// Schema of `vehicle_state`: one row per state sample.
#[must_use]
pub fn vehicle_state_schema() -> SchemaRef {
    VEHICLE_STATE.clone()
}

/// Schema of `alerts`: one row per batch in which an alert got new events; `count` is that batch's share.
#[must_use]
pub fn alerts_schema() -> SchemaRef {
    ALERTS.clone()
}

/// The bucket of a vehicle, `0..VEHICLE_BUCKETS`: first byte of SHA-256 over `tenant/vehicle`. Stable for ever.
#[must_use]
pub fn vehicle_bucket(tenant: &Name, vehicle: &Name) -> i32 {
    bucket_of_text(tenant.as_str(), vehicle.as_str())
}

/// [`vehicle_bucket`] for names that are texts; an alert without a vehicle has the empty one.
#[must_use]
pub fn bucket_of_text(tenant: &str, vehicle: &str) -> i32 {
    let digest = Sha256::new().chain_update(tenant).chain_update("/").chain_update(vehicle).finalize();
    let first = digest.first().copied().unwrap_or(0);
    i32::from(first.checked_rem(VEHICLE_BUCKETS).unwrap_or(0))
}

/// Days since 1970-01-01 (UTC) of an instant, as `date32` counts them; saturating.
#[must_use]
pub fn event_date(time: UnixMicros) -> i32 {
    let days = time.0.div_euclid(DAY_MICROS);
    i32::try_from(days).unwrap_or(if days < 0 { i32::MIN } else { i32::MAX })
}

/// How many days before its reception a row may still have a day of its own in the lake.
pub const LATE_DAYS_MAX: i32 = 400;
/// How many days after its reception.
const EARLY_DAYS_MAX: i32 = 2;

/// The day under which the lake keeps a row: that of the event, but at most [`LATE_DAYS_MAX`] days before its reception and two
/// after it, so that a device without a clock cannot make a partition for each day of the calendar. Its time stays as it is.
#[must_use]
pub fn partition_date(time: UnixMicros, received: UnixMicros) -> i32 {
    let day = event_date(received);
    event_date(time).clamp(day.saturating_sub(LATE_DAYS_MAX), day.saturating_add(EARLY_DAYS_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn describe(schema: &Schema) -> String {
        let line = |f: &Arc<Field>| {
            let id = f.metadata().get(FIELD_ID_KEY).cloned().unwrap_or_default();
            format!("{id} {} {}{}\n", f.name(), f.data_type(), if f.is_nullable() { "?" } else { "" })
        };
        schema.fields().iter().map(line).collect()
    }

    #[test]
    fn tables_keep_their_columns_and_field_ids() {
        let events = describe(&events_schema());
        expect![[r#"
            1 time Timestamp(µs, "UTC")
            2 received_time Timestamp(µs, "UTC")
            3 event_date Date32
            4 vehicle_bucket Int32
            5 tenant Utf8
            6 vehicle Utf8
            7 sensor Utf8
            8 event_id Int32
            9 event_name Utf8
            10 severity_id Int32
            11 count Int32
            12 idsm_instance Int32
            13 sensor_instance Int32
            14 bus Int32?
            15 can_id Int64?
            16 can_extended Boolean?
            17 frame_kind Utf8?
            18 expected Int64?
            19 observed Int64?
            20 payload Binary?
            21 speed_kmh Float64?
            22 gear Utf8?
            23 boot Int64
            24 sequence Int64
            25 position Int64
            26 entry_index Int32
            27 place_start_bit Int32?
            28 place_bits Int32?
            29 witness Int64?
            30 product Utf8?
            31 source Utf8?
            32 trusted Boolean?
            33 action Utf8?
            34 user Utf8?
            35 src_ip Utf8?
            36 status Utf8?
            37 status_code Int64?
            38 resource Utf8?
            39 session Utf8?
            40 message Utf8?
            41 attributes Utf8?
        "#]]
        .assert_eq(&events);
    }

    #[test]
    fn the_smaller_tables_keep_their_columns_and_field_ids() {
        let all = [vehicle_state_schema(), alerts_schema()].map(|s| describe(&s)).join("\n");
        expect![[r#"
            1 time Timestamp(µs, "UTC")
            2 received_time Timestamp(µs, "UTC")
            3 event_date Date32
            4 vehicle_bucket Int32
            5 tenant Utf8
            6 vehicle Utf8
            7 sensor Utf8
            8 speed_kmh Float64?
            9 accelerator_percent Float64?
            10 brake_pressed Boolean?
            11 gear Utf8?
            12 position Int64
            13 entry_index Int32

            1 time Timestamp(µs, "UTC")
            2 event_date Date32
            3 vehicle_bucket Int32
            4 tenant Utf8
            5 alert_id Utf8
            6 rule_id Utf8
            7 title Utf8
            8 severity_id Int32
            9 vehicle Utf8?
            10 group Utf8
            11 window_start Timestamp(µs, "UTC")
            12 count Int64
            13 position Int64
            14 entry_index Int32
        "#]]
        .assert_eq(&all);
    }

    #[test]
    fn buckets_are_few_stable_and_all_used() {
        let name = |i: u32| Name::new(&format!("vehicle-{i}")).expect("a legal name");
        let tenant = Name::new("acme").expect("a legal name");
        let mut seen = [0_u32; VEHICLE_BUCKETS as usize];
        for i in 0..1_000 {
            seen[usize::try_from(vehicle_bucket(&tenant, &name(i))).expect("not negative")] += 1;
        }
        assert!(seen.iter().all(|n| *n > 200), "{seen:?}");
        assert_eq!(bucket_of_text("acme", "vehicle-1"), vehicle_bucket(&tenant, &name(1)));
    }

    #[test]
    fn dates_count_from_1970_also_before_it() {
        assert_eq!(event_date(UnixMicros(0)), 0);
        assert_eq!(event_date(UnixMicros(-1)), -1);
        assert_eq!(event_date(UnixMicros(DAY_MICROS)), 1);
        assert_eq!(event_date(UnixMicros(i64::MIN)), -106_751_992);
    }

    #[test]
    fn a_day_far_from_the_reception_has_no_partition_of_its_own() {
        let received = UnixMicros(1_000 * DAY_MICROS);
        let day = |days: i64| partition_date(UnixMicros(days.saturating_mul(DAY_MICROS)), received);
        assert_eq!([day(970), day(600), day(599), day(0)], [970, 600, 600, 600]);
        assert_eq!([day(1_000), day(1_002), day(1_003), day(i64::MAX)], [1_000, 1_002, 1_002, 1_002]);
    }
}
