//! What a register knows of vehicles and their sensors, as fields that rules may ask about (ADR-0043).
//!
//! Not the register: whoever keeps one hands its facts over, and newer ones when it learns them. Invariants: a fact is what was known when
//! the row was judged; a column of the batch with the same name goes before it; what is not known is absent. Cost: nothing unless a rule
//! asks; then a look-up where the vehicle differs from that of the row before. About 150 bytes a vehicle.

use crate::view::{Column, int_column, long, text_at, text_column};
use arrow::array::{Int64Array, StringArray};
use arrow::record_batch::RecordBatch;
use hashbrown::HashMap;
use smallvec::SmallVec;
use std::sync::{Arc, PoisonError, RwLock};
use yagura_model::UnixMicros;

/// The model of a row's vehicle.
pub(crate) const MODEL: &str = "vehicle.model";
/// Whole days from when a row's sensor first enrolled to its event.
pub(crate) const AGE: &str = "sensor.age_days";
/// The fields that come from the register.
pub const FACT_FIELDS: [&str; 2] = [MODEL, AGE];
/// A day in µs.
const DAY: i64 = 86_400_000_000;

/// What the register knows of one sensor.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SensorFacts<'a> {
    /// Whose it is.
    pub tenant: &'a str,
    /// The vehicle that it is in.
    pub vehicle: &'a str,
    /// Its name.
    pub sensor: &'a str,
    /// The vehicle's model; empty if nobody knows.
    pub model: &'a str,
    /// When it first enrolled.
    pub enrolled: UnixMicros,
}

/// What is known of a fleet. Cheap to clone; all clones know the same.
#[derive(Clone, Debug, Default)]
pub struct Facts(Arc<RwLock<Known>>);

#[derive(Debug, Default)]
struct Known {
    models: Vec<Box<str>>,
    tenants: HashMap<String, HashMap<String, Vehicle>>,
}

#[derive(Debug, Default)]
struct Vehicle {
    /// Its place among the models.
    model: Option<u32>,
    /// When each sensor first enrolled, µs.
    sensors: SmallVec<[(Box<str>, i64); 1]>,
}

impl Facts {
    /// Learns these, in place of what was known of the same sensors.
    pub fn learn<'a>(&self, sensors: impl IntoIterator<Item = SensorFacts<'a>>) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        sensors.into_iter().for_each(|sensor| known.learn(&sensor));
    }

    /// A field of a batch's rows; missing if it is no field of the register or the batch does not say whose its rows are.
    pub(crate) fn column(&self, batch: &RecordBatch, field: &str) -> Column {
        match field {
            MODEL => self.models(batch).map_or(Column::Missing, Column::Text),
            AGE => self.ages(batch).map_or(Column::Missing, Column::Int),
            _ => Column::Missing,
        }
    }

    fn models(&self, batch: &RecordBatch) -> Option<StringArray> {
        let (tenants, vehicles) = (text_column(batch, "tenant").ok()?, text_column(batch, "vehicle").ok()?);
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let (mut last, mut model) = (("", ""), None);
        let of_row = |row| {
            let who = (text_at(&tenants, row), text_at(&vehicles, row));
            if who != last {
                (last, model) = (who, known.vehicle(who).and_then(|it| known.models.get(it.model? as usize)));
            }
            model
        };
        Some((0..batch.num_rows()).map(of_row).collect())
    }

    fn ages(&self, batch: &RecordBatch) -> Option<Int64Array> {
        let (tenants, vehicles) = (text_column(batch, "tenant").ok()?, text_column(batch, "vehicle").ok()?);
        let (sensors, times) = (text_column(batch, "sensor").ok()?, int_column(batch, "time").ok()?);
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let of_row = |row| {
            let vehicle = known.vehicle((text_at(&tenants, row), text_at(&vehicles, row)))?;
            let (_, enrolled) = vehicle.sensors.iter().find(|(name, _)| **name == *text_at(&sensors, row))?;
            long(&times, row).saturating_sub(*enrolled).max(0).checked_div(DAY)
        };
        Some((0..batch.num_rows()).map(of_row).collect())
    }
}

impl Known {
    fn vehicle(&self, (tenant, vehicle): (&str, &str)) -> Option<&Vehicle> {
        self.tenants.get(tenant)?.get(vehicle)
    }

    fn learn(&mut self, facts: &SensorFacts<'_>) {
        let SensorFacts { tenant, vehicle, sensor, model, enrolled } = *facts;
        let model = (!model.is_empty()).then(|| self.model(model));
        let known = self.tenants.entry_ref(tenant).or_default().entry_ref(vehicle).or_default();
        known.model = model.or(known.model);
        match known.sensors.iter_mut().find(|(name, _)| **name == *sensor) {
            Some((_, at)) => *at = enrolled.0,
            None => known.sensors.push((sensor.into(), enrolled.0)),
        }
    }

    /// The place of a model, which is new or known.
    fn model(&mut self, name: &str) -> u32 {
        let place = self.models.iter().position(|known| **known == *name);
        let place = place.unwrap_or_else(|| {
            self.models.push(name.into());
            self.models.len().saturating_sub(1)
        });
        u32::try_from(place).unwrap_or(u32::MAX)
    }
}
