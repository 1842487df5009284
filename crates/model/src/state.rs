//! What the vehicle was doing: the few signals that give an alert its meaning.
//!
//! Not a signal database: names and units follow COVESA VSS; a signal that the vehicle's DBC does not give is `None`.

use crate::Micros;

/// Selected gear (VSS `Vehicle.Powertrain.Transmission.SelectedGear`, reduced to what every vehicle has).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Gear {
    /// Parked.
    Park,
    /// Reverse.
    Reverse,
    /// Neutral.
    Neutral,
    /// Any forward gear.
    Drive,
}

/// One sample of the vehicle's state.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct VehicleState {
    /// When it was sampled, sensor time.
    pub time: Micros,
    /// `Vehicle.Speed`, in 0.01 km/h; negative is backwards.
    pub speed_centi_kmh: Option<i32>,
    /// `Vehicle.Chassis.Accelerator.PedalPosition`, in 0.1 %, 0..=1000.
    pub accelerator_permille: Option<u16>,
    /// `Vehicle.Chassis.Brake.PedalPosition` above rest.
    pub brake_pressed: Option<bool>,
    /// Selected gear.
    pub gear: Option<Gear>,
}
