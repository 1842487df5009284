//! Which DBC signals stand for which vehicle state: names seen in public DBC files (opendbc, Tesla, Hyundai Kona).
//!
//! Not a guess: a name that other makers use for something else is taken only with a unit or value texts that settle it.
//! Order is preference: where a bus carries several signals of one quantity, the first that is heard is used.
//!
//! | quantity (COVESA VSS) | signals |
//! |---|---|
//! | Vehicle.Speed | Tesla `DI_vehicleSpeed`, `ESP_vehicleSpeed`; VW `ESP_v_Signal`, `Geschwindigkeit__Kombi_1_`; Rivian `VDM_VehicleSpeed`, `ESP_Vehicle_Speed`; Ford `Veh_V_ActlBrk`, `Veh_V_ActlEng`; GM, BMW, Volvo `VehicleSpeed`; Hyundai/Kia `CF_Clu_VehicleSpeed`, `C_VehicleSpeed`, `WHL_SPD_FL`, `WHL_SpdFLVal`; Nissan `WHEEL_SPEED_RR`, `WHEEL_SPEED_FR`; GM `FLWheelSpd`; Toyota `SP1`; Mazda `SPEED`; GNSS receivers `Speed` |
//! | Vehicle.Chassis.Accelerator.PedalPosition | Tesla `DI_accelPedalPos`, `DI_pedalPos`; VW `MO_Fahrpedalrohwert_01`, `MO3_Pedalwert`; Rivian `VDM_AcceleratorPedalPosition`; Ford `ApedPos_Pc_ActlArb`; BMW `AcceleratorPedalPercentage`; Volvo `AccPedal`; GM `AcceleratorPedal2`, `AcceleratorPedal`; Hyundai/Kia `Accel_Pedal_Pos`, `ACCELERATOR_PEDAL`, `PV_AV_CAN`; Nissan, PSA `GAS_PEDAL` |
//! | Vehicle.Chassis.Brake.PedalPosition > 0 | Tesla `DI_brakePedalState`, `DI_brakePedal`; VW `ESP_Fahrer_bremst`, `MO_Fahrer_bremst`; Rivian `iB_BrakePedalApplied`; GM `BrakePedalPressed`; GM, BMW `BrakePressed`; Volvo `BrakePedalActive`; Hyundai/Kia `DriverBraking`, `BRAKE_PRESSED`, `Brake_Pedal_Pos`; Nissan `USER_BRAKE_PRESSED` |
//! | Vehicle.Powertrain.Transmission.SelectedGear | Tesla `DI_gear`; GM `PRNDL2`, `PRNDL`; Rivian `VDM_Prndl_Status`; Ford `GearLvrPos_D_Actl`; VW `GE_Fahrstufe`, `GearPosition`; Hyundai/Kia `CF_Lvr_Gear`, `CF_Clu_Gear`, `Elect_Gear_Shifter`, `Gear_Displayed`; BMW `ShiftLeverPosition`; Volvo `GearShifter`; Nissan `GEAR_SHIFTER`; Hyundai, Mazda `GEAR` |

/// A quantity of [`VehicleState`](yagura_model::VehicleState).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Quantity {
    /// `Vehicle.Speed`.
    Speed,
    /// `Vehicle.Chassis.Accelerator.PedalPosition`.
    Accelerator,
    /// `Vehicle.Chassis.Brake.PedalPosition` above rest.
    Brake,
    /// `Vehicle.Powertrain.Transmission.SelectedGear`.
    Gear,
}

/// How the physical value is meant where the DBC's unit does not say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Meaning {
    /// Only what the unit says; without a known unit the signal is not used.
    ByUnit,
    /// Already km/h or percent.
    Direct,
    /// This value is 100 %.
    Full(f64),
    /// 1 is pressed, 0 is not, anything else is unknown.
    Flag,
    /// Any value above 0 is pressed.
    AboveZero,
    /// What the value texts say.
    ByText,
}

/// One row of the table.
pub(crate) struct Known {
    pub(crate) name: &'static str,
    pub(crate) quantity: Quantity,
    pub(crate) meaning: Meaning,
}

const fn row(name: &'static str, quantity: Quantity, meaning: Meaning) -> Known {
    Known { name, quantity, meaning }
}

const fn speed(name: &'static str) -> Known {
    row(name, Quantity::Speed, Meaning::ByUnit)
}

const fn pedal(name: &'static str) -> Known {
    row(name, Quantity::Accelerator, Meaning::ByUnit)
}

const fn brake(name: &'static str) -> Known {
    row(name, Quantity::Brake, Meaning::Flag)
}

const fn gear(name: &'static str) -> Known {
    row(name, Quantity::Gear, Meaning::ByText)
}

/// The table, best first within a quantity.
pub(crate) static KNOWN: &[Known] = &[
    speed("DI_vehicleSpeed"),
    speed("ESP_vehicleSpeed"),
    speed("ESP_v_Signal"),
    speed("Geschwindigkeit__Kombi_1_"),
    speed("VDM_VehicleSpeed"),
    speed("ESP_Vehicle_Speed"),
    speed("Veh_V_ActlBrk"),
    speed("Veh_V_ActlEng"),
    speed("VehicleSpeed"),
    row("CF_Clu_VehicleSpeed", Quantity::Speed, Meaning::Direct),
    row("C_VehicleSpeed", Quantity::Speed, Meaning::Direct),
    speed("WHL_SPD_FL"),
    speed("WHL_SpdFLVal"),
    speed("WHEEL_SPEED_RR"),
    speed("WHEEL_SPEED_FR"),
    speed("FLWheelSpd"),
    speed("SP1"),
    speed("SPEED"),
    speed("Speed"),
    speed("WheelBasedVehicleSpeed"),
    speed("Speed"),
    pedal("DI_accelPedalPos"),
    pedal("DI_pedalPos"),
    pedal("MO_Fahrpedalrohwert_01"),
    pedal("MO3_Pedalwert"),
    row("VDM_AcceleratorPedalPosition", Quantity::Accelerator, Meaning::Direct),
    pedal("ApedPos_Pc_ActlArb"),
    row("AcceleratorPedalPercentage", Quantity::Accelerator, Meaning::Direct),
    pedal("AccPedal"),
    row("AcceleratorPedal2", Quantity::Accelerator, Meaning::Full(255.0)),
    row("AcceleratorPedal", Quantity::Accelerator, Meaning::Full(255.0)),
    row("Accel_Pedal_Pos", Quantity::Accelerator, Meaning::Full(254.0)),
    row("ACCELERATOR_PEDAL", Quantity::Accelerator, Meaning::Full(255.0)),
    pedal("PV_AV_CAN"),
    row("GAS_PEDAL", Quantity::Accelerator, Meaning::Full(255.0)),
    brake("DI_brakePedalState"),
    brake("DI_brakePedal"),
    brake("ESP_Fahrer_bremst"),
    brake("MO_Fahrer_bremst"),
    brake("iB_BrakePedalApplied"),
    brake("BrakePedalPressed"),
    brake("BrakePressed"),
    brake("BrakePedalActive"),
    brake("DriverBraking"),
    brake("BRAKE_PRESSED"),
    row("Brake_Pedal_Pos", Quantity::Brake, Meaning::AboveZero),
    brake("USER_BRAKE_PRESSED"),
    gear("DI_gear"),
    gear("PRNDL2"),
    gear("PRNDL"),
    gear("VDM_Prndl_Status"),
    gear("GearLvrPos_D_Actl"),
    gear("GE_Fahrstufe"),
    gear("GearPosition"),
    gear("CF_Lvr_Gear"),
    gear("CF_Clu_Gear"),
    gear("Elect_Gear_Shifter"),
    gear("Gear_Displayed"),
    gear("ShiftLeverPosition"),
    gear("GearShifter"),
    gear("GEAR_SHIFTER"),
    gear("GEAR"),
];

/// What a unit text makes of a value: km/h per unit for speeds, percent per unit for pedals.
pub(crate) fn unit_scale(quantity: Quantity, unit: &str) -> Option<f64> {
    let unit = unit.trim().to_ascii_lowercase();
    match (quantity, unit.as_str()) {
        (Quantity::Speed, "kph" | "km/h" | "km^h" | "kmh" | "unit_kilometerperhour") => Some(1.0),
        (Quantity::Speed, "mph") => Some(1.609_344),
        (Quantity::Speed, "m/s") => Some(3.6),
        (Quantity::Accelerator, "%" | "percent" | "unit_percent") => Some(1.0),
        _ => None,
    }
}

/// The gear that a value text names: its last word decides (`DI_GEAR_D`, `VDM_Prndl_Status_Park`, `R`).
pub(crate) fn gear_of(text: &str) -> Option<yagura_model::Gear> {
    use yagura_model::Gear;
    let word = text.rsplit(|c: char| !c.is_ascii_alphanumeric()).find(|word| !word.is_empty())?;
    match word.to_ascii_lowercase().as_str() {
        "p" | "park" => Some(Gear::Park),
        "r" | "reverse" => Some(Gear::Reverse),
        "n" | "neutral" => Some(Gear::Neutral),
        "d" | "drive" | "s" | "sport" | "drivesport" | "b" | "e" | "l" | "low" | "l2" | "l3" | "first" | "second"
        | "third" | "fourth" | "fifth" | "sixth" => Some(Gear::Drive),
        _ => None,
    }
}
