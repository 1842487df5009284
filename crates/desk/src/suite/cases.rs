//! Which captures belong to one vehicle, and which data judges what.
//!
//! Not code to tune: the groups follow from where captures come from. What is alike between captures, so that readers can judge
//! for themselves: the captures of one vehicle are recordings of different times; sequences of 60 identical frames that occur in
//! two captures were searched for, and found only on test benches whose traffic never changes (Kona BMS bench, Taycan battery on
//! the bench) and between the two transport attacks on the J1939 bench. The simulated attacks are built on the clean traces
//! CrySyS A and B, LEAF 24 and 62 kWh: their own prefix is what is learned, never the trace that they were built on.

use super::{Case, Part};
use crate::DeskError;
use crate::eval::windows_of;
use std::path::{Path, PathBuf};

/// Vehicles with several captures of the same bus: prefixes of file names under `clean/`.
pub(super) const FLEET: [(&str, &[&str]); 8] = [
    ("CrySyS car", &["crysys_"]),
    ("LEAF 62 kWh", &["ev-canlogs_Nissan_LEAF_62kWh_EV-CAN"]),
    ("e-NV200 40 kWh", &["ev-canlogs_Nissan_LEAF_40kWh"]),
    ("Taycan, gateway", &["charge_", "drive_park", "idle_door", "ign_on"]),
    ("Taycan battery, bench", &["TaycanBatStand", "TaycanFD", "TaycanbatStand"]),
    ("Camaro", &["gm-camaro"]),
    ("Kona BMS, bench", &["hyundai-kona-ev_bms_diagnostics"]),
    ("VW e-up", &["vw-e-up"]),
];

/// Like [`FLEET`]; its captures are also the repository's own test data.
pub(super) const TESLA: (&str, &[&str]) = ("Model 3", &["tesla-m3"]);

const TAYCAN: &str = "ev-canlogs_Porsche_Taycan_Turbo_S_";
/// Hundredths of a lone capture's frames that are learned.
const LONE_PERCENT: u8 = 60;
/// Hundredths of a simulated trace that are clean for certain.
const SIMULATED_PERCENT: u8 = 45;

/// Captures of a folder, by name.
pub(super) fn captures(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "gz"));
    paths.sort();
    paths
}

fn name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn belongs(path: &Path, starts: &[&str]) -> bool {
    let name = name(path);
    starts.iter().any(|start| name.strip_prefix(TAYCAN).unwrap_or(&name).starts_with(start))
}

/// Clean traffic: each capture of a vehicle judged by a profile of all others; lone captures by one of their first part.
pub(super) fn clean(root: &Path) -> Vec<(String, Vec<Case>)> {
    let all = captures(&root.join("clean"));
    let mut vehicles = Vec::new();
    let mut lone = all.clone();
    for (vehicle, starts) in FLEET.into_iter().chain([TESLA]) {
        let own: Vec<&PathBuf> = all.iter().filter(|path| belongs(path, starts)).collect();
        lone.retain(|path| !belongs(path, starts));
        let judge = |at: usize, path: &PathBuf| Case {
            name: name(path),
            learn: own
                .iter()
                .enumerate()
                .filter(|(other, _)| *other != at)
                .map(|(_, path)| ((*path).clone(), Part::Whole))
                .collect(),
            judge: (path.clone(), Part::Whole),
            windows: Vec::new(),
        };
        let cases: Vec<Case> = own.iter().enumerate().map(|(at, path)| judge(at, path)).collect();
        if cases.len() > 1 {
            vehicles.push((vehicle.to_owned(), cases));
        }
    }
    let of_lone = |path: &PathBuf| {
        let case = Case {
            name: name(path),
            learn: vec![(path.clone(), Part::First(LONE_PERCENT))],
            judge: (path.clone(), Part::Rest(LONE_PERCENT)),
            windows: Vec::new(),
        };
        (name(path).trim_end_matches(".candump.log.gz").trim_start_matches("ev-canlogs_").to_owned(), vec![case])
    };
    vehicles.extend(lone.iter().map(of_lone));
    vehicles
}

/// The clean drives of a vehicle of the fleet.
pub(super) fn drives(root: &Path, vehicle: &str) -> Vec<PathBuf> {
    let starts = FLEET.into_iter().find(|(name, _)| *name == vehicle).map_or(&[][..], |(_, starts)| starts);
    let mut paths = captures(&root.join("clean"));
    paths.retain(|path| belongs(path, starts));
    paths
}

/// Recorded attacks on the J1939 truck; only the clean recording is learned.
pub(super) fn truck(root: &Path) -> Vec<Case> {
    let learn = root.join("clean/j1939-csu_normal.log.candump.log.gz");
    recorded(root, "j1939_", &[learn])
}

/// The recorded masquerade on the CrySyS car; its two clean drives are learned.
pub(super) fn masquerade(root: &Path) -> Vec<Case> {
    recorded(root, "crysys_", &crysys(root, ""))
}

/// Denial of service on a GM car: its last two thirds, which are clean, are learned, the first third is judged.
pub(super) fn gm(root: &Path) -> Vec<Case> {
    let path = root.join("labelled/ctt_set01_dos1.csv.gz");
    let case = Case {
        name: "ctt_set01_dos1 (learned on its end)".to_owned(),
        learn: vec![(path.clone(), Part::From(33))],
        judge: (path.clone(), Part::Until(33)),
        windows: Vec::new(),
    };
    if path.is_file() { vec![case] } else { Vec::new() }
}

fn crysys(root: &Path, without: &str) -> Vec<PathBuf> {
    let mut paths = captures(&root.join("clean"));
    paths.retain(|path| name(path).starts_with("crysys_") && name(path) != without);
    paths
}

fn recorded(root: &Path, start: &str, learn: &[PathBuf]) -> Vec<Case> {
    let mut paths = captures(&root.join("labelled"));
    paths.retain(|path| name(path).starts_with(start));
    let case = |path: PathBuf| Case {
        name: name(&path).trim_end_matches(".csv.gz").to_owned(),
        learn: learn.iter().map(|path| (path.clone(), Part::Whole)).collect(),
        judge: (path, Part::Whole),
        windows: Vec::new(),
    };
    if learn.iter().all(|path| path.is_file()) { paths.into_iter().map(case).collect() } else { Vec::new() }
}

/// Simulated attacks on given drives, learned on their own clean beginning.
///
/// # Errors
/// [`DeskError`] if the table of windows is not readable.
pub(super) fn simulated(root: &Path) -> Result<Vec<Case>, DeskError> {
    let folder = root.join("simulated");
    let table = folder.join("WINDOWS.csv");
    let mut cases = Vec::new();
    for path in captures(&folder) {
        let windows = windows_of(&table, &name(&path))?;
        cases.push(Case {
            name: name(&path).trim_end_matches(".csv.gz").trim_start_matches("dev_").to_owned(),
            learn: vec![(path.clone(), Part::Until(SIMULATED_PERCENT))],
            judge: (path.clone(), Part::From(SIMULATED_PERCENT)),
            windows,
        });
    }
    Ok(cases)
}

/// The simulated masquerades again, with the other drives of the same vehicle learned too.
///
/// # Errors
/// [`DeskError`] if the table of windows is not readable.
pub(super) fn simulated_with_drives(root: &Path) -> Result<Vec<Case>, DeskError> {
    let leaf: Vec<PathBuf> =
        captures(&root.join("clean")).into_iter().filter(|path| belongs(path, FLEET[1].1)).collect();
    let mut cases = simulated(root)?;
    cases.retain(|case| case.name.contains("masq"));
    for case in &mut cases {
        let drives = match case.name.split("__").next() {
            Some("crysysA") => crysys(root, "crysys_trace_48.csv.candump.log.gz"),
            Some("crysysB") => crysys(root, "crysys_sample_trace_trace_1.log.candump.log.gz"),
            Some("leaf62") => leaf.iter().filter(|path| !name(path).contains("pluseco")).cloned().collect(),
            _ => Vec::new(),
        };
        case.learn.extend(drives.into_iter().map(|path| (path, Part::Whole)));
    }
    cases.retain(|case| case.learn.len() > 1);
    Ok(cases)
}
