//! Who in the fleet is what, and who is attacked when: everything follows from one seed.
//!
//! Not a scenario language. Invariants: the same seed gives the same fleet and the same attacks on every machine; most
//! vehicles are never attacked, and an attacked one is at peace most of the time.

use crate::attack::{Attack, AttackKind};
use crate::recording::{Recording, Subject};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use yagura_model::Micros;

/// When and how one vehicle is attacked, again and again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Schedule {
    /// What every choice follows from.
    pub seed: u64,
    /// Where in [`AttackKind::ALL`] it begins; later rounds go on from there.
    pub first_kind: usize,
    /// Before this instant of the vehicle's clock nothing happens.
    pub start: Micros,
    /// From the start of one attack to the start of the next, µs.
    pub every: u64,
    /// How long one attack lasts, µs; less than `every`.
    pub length: u64,
}

impl Schedule {
    /// The attack of round `round` on a vehicle that replays `recording`; `None` if nothing in it can be attacked.
    #[must_use]
    pub fn attack(&self, round: u64, recording: &Recording) -> Option<Attack> {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed ^ round.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let kinds = AttackKind::ALL.len();
        let turn = usize::try_from(round).unwrap_or(0).wrapping_add(self.first_kind) % kinds;
        let kind = AttackKind::ALL.get(turn).copied()?;
        let (target, target_gap) = target(kind, recording, random.next_u64())?;
        let start = self.start.plus(self.every.saturating_mul(round));
        let end = start.plus(self.length.min(self.every.saturating_sub(1)));
        Some(Attack { kind, target, target_gap, start, end, seed: random.next_u64() })
    }
}

/// One of the identifiers that come like clockwork, at least twice a second; else any. To be impersonated, if there is one, one
/// whose data carries a checksum.
fn target(kind: AttackKind, recording: &Recording, choice: u64) -> Option<(Subject, u64)> {
    let all = recording.rhythms();
    let clockwork: Vec<_> = all.iter().filter(|(_, rhythm)| rhythm.is_periodic() && rhythm.median <= 500_000).collect();
    let wanted = |subject: &Subject| kind == AttackKind::Masquerade && recording.is_protected(subject);
    let protected: Vec<_> = clockwork.iter().copied().filter(|(subject, _)| wanted(subject)).collect();
    let candidates = match (protected.is_empty(), clockwork.is_empty()) {
        (false, _) => protected,
        (true, false) => clockwork,
        (true, true) => all.iter().collect(),
    };
    let index = choice.checked_rem(u64::try_from(candidates.len()).ok()?)?;
    let (subject, rhythm) = candidates.get(usize::try_from(index).ok()?)?;
    Some((**subject, rhythm.median))
}

/// What a fleet looks like.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FleetPlan {
    /// How many vehicles, up to [`FleetPlan::VEHICLES_MAX`].
    pub vehicles: u32,
    /// What every choice follows from.
    pub seed: u64,
    /// How many of a thousand vehicles are attacked; if not 0, at least one of them is.
    pub attacked_permille: u16,
    /// Seconds of peace before the first attack.
    pub attack_after: u32,
    /// Seconds from one attack on a vehicle to the next one on it.
    pub attack_every: u32,
    /// Seconds that an attack lasts.
    pub attack_length: u32,
}

impl Default for FleetPlan {
    fn default() -> Self {
        Self { vehicles: 50, seed: 7, attacked_permille: 160, attack_after: 8, attack_every: 90, attack_length: 8 }
    }
}

/// What one vehicle of a fleet does.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct VehiclePlan {
    /// Its place in the fleet, from 0.
    pub number: u32,
    /// Which of the models it is.
    pub model: usize,
    /// Which of the model's recordings it replays.
    pub recording: u64,
    /// Where in the recording it begins.
    pub phase_permille: u16,
    /// When it is attacked, if ever.
    pub schedule: Option<Schedule>,
}

impl FleetPlan {
    /// The most vehicles of one fleet in one process.
    pub const VEHICLES_MAX: u32 = 2_000;

    /// The vehicles of this fleet when there are `models` models.
    #[must_use]
    pub fn vehicles(&self, models: usize) -> Vec<VehiclePlan> {
        let count = self.vehicles.min(Self::VEHICLES_MAX);
        let attacked = (u64::from(count) * u64::from(self.attacked_permille)).div_ceil(1_000);
        (0..count).map(|number| self.vehicle(number, models, u64::from(count), attacked)).collect()
    }

    fn vehicle(&self, number: u32, models: usize, count: u64, attacked: u64) -> VehiclePlan {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed ^ (u64::from(number) << 32));
        // Attacked vehicles are spread evenly over the fleet and so over its models.
        let rank = |number: u64| (number * attacked).checked_div(count).unwrap_or(0);
        let number_wide = u64::from(number);
        let is_attacked = attacked > 0 && (number == 0 || rank(number_wide) != rank(number_wide - 1));
        let turn = rank(number_wide);
        let schedule = is_attacked.then(|| {
            let second = 1_000_000;
            // The first attack comes on time; the others follow over the rest of the interval.
            let spread = u64::from(self.attack_every) * second * turn / attacked.max(1);
            let every = (u64::from(self.attack_every) * second).max(2);
            let length = (u64::from(self.attack_length) * second).clamp(1, every - 1);
            let start = Micros::from_secs(u64::from(self.attack_after)).plus(spread);
            Schedule { seed: random.next_u64(), first_kind: usize::try_from(turn).unwrap_or(0), start, every, length }
        });
        VehiclePlan {
            number,
            model: usize::try_from(number).unwrap_or(0).checked_rem(models).unwrap_or(0),
            recording: random.next_u64(),
            phase_permille: u16::try_from(random.next_u32() % 1_000).unwrap_or(0),
            schedule,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_fleet_and_another_seed_another() {
        let plan = FleetPlan { vehicles: 200, ..FleetPlan::default() };
        assert_eq!(plan.vehicles(4), plan.vehicles(4));
        assert_ne!(plan.vehicles(4), FleetPlan { seed: 8, ..plan }.vehicles(4));
    }

    #[test]
    fn some_vehicles_are_attacked_and_most_are_not() {
        for vehicles in [1, 2, 5, 50, 500] {
            let plan = FleetPlan { vehicles, ..FleetPlan::default() };
            let attacked = plan.vehicles(4).iter().filter(|vehicle| vehicle.schedule.is_some()).count() as u32;
            assert_eq!(attacked, (vehicles * 160).div_ceil(1_000), "{vehicles} vehicles");
        }
        let peace = FleetPlan { attacked_permille: 0, ..FleetPlan::default() };
        assert!(peace.vehicles(4).iter().all(|vehicle| vehicle.schedule.is_none()));
    }

    #[test]
    fn the_first_attack_comes_when_it_is_due_and_every_kind_has_its_turn() {
        let fleet = FleetPlan::default().vehicles(4);
        let schedules: Vec<Schedule> = fleet.iter().filter_map(|vehicle| vehicle.schedule).collect();
        assert_eq!(schedules.iter().map(|schedule| schedule.start).min(), Some(Micros::from_secs(8)));
        let kinds: std::collections::BTreeSet<usize> = schedules.iter().map(|s| s.first_kind % 6).collect();
        assert_eq!(kinds.len(), 6);
    }
}
