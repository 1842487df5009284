//! Which signals tell a detector what the vehicle is doing, and with which raw values.
//!
//! Not a guess: names come from the table of `state/names` and the one below, and units or value texts must settle them. A
//! signal whose training values no vehicle's speed could have is left out. Speeds between [`STANDING_MAX`] and [`MOVING_MIN`]
//! tell nothing. Cost: once per learning.

use super::candidates::{field, raw_between};
use super::{Message, Signal};
use crate::state::{KNOWN, Meaning, Quantity, gear_of, unit_scale};
use yagura_ids::{Field, Sign, StateRow};

/// A vehicle moves from this speed on, km/h: wheel sensors that count teeth tell nothing below 1 to 2.
pub const MOVING_MIN: f64 = 3.0;
/// Up to this speed it stands, km/h.
pub const STANDING_MAX: f64 = 1.0;
/// No road vehicle is faster, km/h; above lie marks for "not available".
const SPEED_MAX: f64 = 400.0;
/// No road vehicle changes its speed by more from one frame to the next, km/h: 4 g at five frames a second.
const STEP_MAX: f64 = 30.0;

/// Signals whose value texts tell of ignition or charging.
///
/// | sign | signals |
/// |---|---|
/// | ignition, by text | GM `SystemPowerMode`, Tesla `VCFRONT_vehiclePowerState`, Ford `Ignition_Status`, Think `VehicleState` |
/// | ignition, flag | VW `ZAS_Kl_15`, Hyundai/Kia `CF_Gway_Ign1`, Nissan `IGNITION` |
/// | charging, by text | Tesla `BMS_state`, `BMS_uiChargeStatus` |
/// | workshop, flag | Tesla `MCU_factoryMode`, `UIfactoryMode284`, `UIserviceMode284` |
const BY_TEXT: [&str; 6] = [
    "SystemPowerMode",
    "VCFRONT_vehiclePowerState",
    "Ignition_Status",
    "VehicleState",
    "BMS_state",
    "BMS_uiChargeStatus",
];
const IGNITION_FLAGS: [&str; 3] = ["ZAS_Kl_15", "CF_Gway_Ign1", "IGNITION"];
const WORKSHOP_FLAGS: [&str; 3] = ["MCU_factoryMode", "UIfactoryMode284", "UIserviceMode284"];

/// A signal that tells something, in training.
#[derive(Clone, Debug)]
pub(crate) struct Teller {
    pub(crate) field: Field,
    /// Sign, least and greatest raw value.
    pub(crate) signs: Vec<(Sign, i64, i64)>,
    /// Largest raw change between frames that a speed can have.
    step_max: Option<u64>,
    last: Option<i64>,
    is_plausible: bool,
}

/// The signals of a message that tell something. Multiplexed ones are left out.
pub(crate) fn tellers(message: &Message) -> Vec<Teller> {
    let plain = message.signals.iter().filter(|signal| signal.selector.is_none());
    let teller = |signal: &Signal| {
        let (field, signs) = (field(signal).ok()?, signs(signal));
        if signs.is_empty() {
            return None;
        }
        let is_speed = signs.iter().any(|(sign, ..)| *sign == Sign::Moving);
        let step_max = kmh(signal).filter(|_| is_speed).map(|kmh| step(STEP_MAX / (kmh * signal.factor).abs()));
        Some(Teller { field, signs, step_max, last: None, is_plausible: true })
    };
    plain.filter_map(teller).collect()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float cast saturates; it is never negative"
)]
const fn step(value: f64) -> u64 {
    value as u64
}

/// km/h of one physical unit, if the signal is a known speed.
fn kmh(signal: &Signal) -> Option<f64> {
    let known = KNOWN.iter().find(|known| known.quantity == Quantity::Speed && known.name == signal.name)?;
    match (known.meaning, unit_scale(Quantity::Speed, &signal.unit)) {
        (_, Some(kmh)) => Some(kmh),
        (Meaning::Direct, None) => Some(1.0),
        _ => None,
    }
}

fn signs(signal: &Signal) -> Vec<(Sign, i64, i64)> {
    let name = signal.name.as_str();
    if let Some(kmh) = kmh(signal) {
        return speed(signal, kmh);
    }
    if IGNITION_FLAGS.contains(&name) && signal.size == 1 {
        return vec![(Sign::Off, 0, 0), (Sign::Ready, 1, 1)];
    }
    if WORKSHOP_FLAGS.contains(&name) && signal.size == 1 {
        return vec![(Sign::Workshop, 1, 1)];
    }
    let is_gear = KNOWN.iter().any(|known| known.quantity == Quantity::Gear && known.name == name);
    let meaning = |text: &str| match () {
        () if is_gear => gear(text),
        () if BY_TEXT.contains(&name) => sign_of(text),
        () => None,
    };
    let mut signs: Vec<(Sign, i64, i64)> = Vec::new();
    let mut texts: Vec<&(i64, String)> = signal.texts.iter().collect();
    texts.sort_by_key(|(raw, _)| *raw);
    for (raw, text) in texts {
        let Some(sign) = meaning(text) else { continue };
        match signs.last_mut().filter(|(last, _, high)| *last == sign && high.saturating_add(1) == *raw) {
            Some((.., high)) => *high = *raw,
            None => signs.push((sign, *raw, *raw)),
        }
    }
    signs
}

/// A gear to drive in tells that the vehicle is ready; park and neutral tell nothing.
fn gear(text: &str) -> Option<Sign> {
    use yagura_model::Gear;
    matches!(gear_of(text)?, Gear::Drive | Gear::Reverse).then_some(Sign::Ready)
}

/// What a value text says: its last word decides.
fn sign_of(text: &str) -> Option<Sign> {
    let word = text.rsplit(|c: char| !c.is_ascii_alphanumeric()).find(|word| !word.is_empty())?;
    match word.to_ascii_lowercase().as_str() {
        "off" => Some(Sign::Off),
        "run" | "drive" | "start" | "keyon" | "ready" => Some(Sign::Ready),
        "charge" | "charging" | "onplug" => Some(Sign::Charging),
        _ => None,
    }
}

fn speed(signal: &Signal, kmh: f64) -> Vec<(Sign, i64, i64)> {
    // A range that the file gives may cut off what is "not available"; one of a few km/h is no range of a speed.
    let limits = signal.range.map(|(low, high)| (low * kmh, high * kmh)).filter(|(_, high)| *high >= 60.0);
    let (low, high) = limits.map_or((-SPEED_MAX, SPEED_MAX), |(low, high)| (low.max(-SPEED_MAX), high.min(SPEED_MAX)));
    let all_ones = if signal.size < 63 { (1_i64 << signal.size).saturating_sub(1) } else { i64::MAX };
    let between = |sign: Sign, from: f64, to: f64| {
        if from > to {
            return None;
        }
        // Rounded outwards by less than a step.
        let (least, greatest) = raw_between(signal, from / kmh, to / kmh)?;
        let greatest = greatest.min(all_ones.saturating_sub(1));
        (least <= greatest).then_some((sign, least, greatest))
    };
    let forward = between(Sign::Moving, MOVING_MIN, high);
    let backward = between(Sign::Moving, low, -MOVING_MIN);
    let standing = between(Sign::Standing, (-STANDING_MAX).max(low), STANDING_MAX);
    [standing, forward, backward].into_iter().flatten().collect()
}

impl Teller {
    /// Takes up a frame of training.
    pub(crate) fn take(&mut self, data: &[u8]) {
        let Some(value) = self.field.value(data) else { return };
        let is_told = self.signs.iter().any(|(_, low, high)| (*low..=*high).contains(&value));
        if let Some(step_max) = self.step_max.filter(|_| is_told) {
            let is_jump = self.last.is_some_and(|last| last.abs_diff(value) > step_max);
            self.is_plausible &= !is_jump;
            self.last = Some(value);
        }
    }

    /// Its rows, without owner.
    pub(crate) fn rows(&self) -> impl Iterator<Item = StateRow> + '_ {
        let signs = self.signs.iter().filter(|_| self.is_plausible);
        signs.map(|(sign, low, high)| StateRow { owner: 0, field: self.field, sign: *sign, low: *low, high: *high })
    }
}
