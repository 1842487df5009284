//! Reports made ahead of time, on all cores: signing is the vehicles' work and is not measured.
//!
//! Not the vehicles (those are `sim`'s). Invariants: a lane holds whole vehicles, and their reports round after round, so that whoever
//! hands a lane in from its front keeps every chain in order; a stop is obeyed within one report. Cost: ~60 µs of a core a report
//! of 60 events, and its bytes on disk.
//!
//! ```text
//! lane file:  one after the other:  number of the vehicle (4, big-endian) · length (4, big-endian) · report
//! ```

use crate::failure::Failure;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use yagura_link::ReportWriter;
use yagura_sim::LoadVehicle;

/// The longest report that is read from a lane.
const REPORT_BYTES_MAX: u32 = 1 << 20;

/// The fleet with the state of all chains.
pub(super) struct Signers {
    vehicles: Vec<LoadVehicle>,
}

/// What all who sign look at.
#[derive(Debug, Default)]
pub(super) struct Signing {
    /// Set when nothing more is wanted.
    pub(super) stop: AtomicBool,
    /// Reports made so far.
    pub(super) made: AtomicU64,
}

/// Lanes that were written.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Lanes {
    pub(super) files: Vec<PathBuf>,
    /// Vehicles of the lane that has the fewest.
    pub(super) vehicles_least: usize,
}

impl Signers {
    pub(super) fn new(vehicles: Vec<LoadVehicle>) -> Self {
        Self { vehicles }
    }

    /// Writes `reports` reports of the whole fleet into at most `lanes` files of `dir`.
    pub(super) fn write_lanes(
        &mut self,
        dir: &Path,
        lanes: usize,
        reports: u64,
        signing: &Signing,
    ) -> Result<Lanes, Failure> {
        let vehicles = self.vehicles.len();
        let per_lane = vehicles.div_ceil(lanes.max(1)).max(1);
        let lanes = vehicles.div_ceil(per_lane);
        let share = reports.div_ceil(lanes.max(1) as u64);
        let files: Vec<PathBuf> = (0..lanes).map(|lane| dir.join(format!("lane-{lane}"))).collect();
        thread::scope(|scope| {
            let parts = self.vehicles.chunks_mut(per_lane).zip(&files).enumerate();
            let running: Vec<_> = parts
                .map(|(lane, (part, file))| {
                    scope.spawn(move || write_lane(lane * per_lane, part, file, share, signing))
                })
                .collect();
            running.into_iter().try_for_each(|lane| lane.join().unwrap_or_else(|_| Err(lost())))
        })?;
        let vehicles_least = vehicles.saturating_sub(per_lane * lanes.saturating_sub(1)).max(1);
        Ok(Lanes { files, vehicles_least })
    }

    /// `reports` reports of each of the vehicles of these numbers.
    pub(super) fn in_memory(
        &mut self,
        numbers: std::ops::Range<usize>,
        reports: u64,
        signing: &Signing,
    ) -> Result<Vec<Vec<Vec<u8>>>, Failure> {
        let chosen = self.vehicles.get_mut(numbers).unwrap_or(&mut []);
        let per_core = chosen.len().div_ceil(super::machine::cores()).max(1);
        thread::scope(|scope| {
            let running: Vec<_> =
                chosen.chunks_mut(per_core).map(|part| scope.spawn(move || chains(part, reports, signing))).collect();
            let mut all = Vec::new();
            for part in running {
                all.extend(part.join().unwrap_or_else(|_| Err(lost()))?);
            }
            Ok(all)
        })
    }

    /// The vehicle of this number.
    pub(super) fn vehicle(&mut self, number: usize) -> Option<&mut LoadVehicle> {
        self.vehicles.get_mut(number)
    }
}

fn chains(part: &mut [LoadVehicle], reports: u64, signing: &Signing) -> Result<Vec<Vec<Vec<u8>>>, Failure> {
    let mut writer = ReportWriter::new();
    let mut one = |vehicle: &mut LoadVehicle| -> Result<Vec<Vec<u8>>, Failure> {
        (0..reports).map(|_| next(vehicle, &mut writer, signing)).collect()
    };
    part.iter_mut().map(&mut one).collect()
}

fn write_lane(
    first: usize,
    vehicles: &mut [LoadVehicle],
    path: &Path,
    reports: u64,
    signing: &Signing,
) -> Result<(), Failure> {
    let broken = |error: std::io::Error| Failure::file(path, &error);
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path).map_err(broken)?);
    let mut writer = ReportWriter::new();
    let mut left = reports;
    while left > 0 {
        for (offset, vehicle) in vehicles.iter_mut().enumerate() {
            if left == 0 {
                break;
            }
            let report = next(vehicle, &mut writer, signing)?;
            let (number, len) = (u32::try_from(first + offset), u32::try_from(report.len()));
            let (Ok(number), Ok(len)) = (number, len) else { return Err(lost()) };
            file.write_all(&number.to_be_bytes()).and_then(|()| file.write_all(&len.to_be_bytes())).map_err(broken)?;
            file.write_all(&report).map_err(broken)?;
            left -= 1;
        }
    }
    file.flush().map_err(broken)
}

fn next(vehicle: &mut LoadVehicle, writer: &mut ReportWriter, signing: &Signing) -> Result<Vec<u8>, Failure> {
    if signing.stop.load(Ordering::Relaxed) {
        return Err(Failure::Machine("stopped".to_owned()));
    }
    signing.made.fetch_add(1, Ordering::Relaxed);
    vehicle.report(writer).map_err(|error| Failure::Internal(format!("report: {error}")))
}

fn lost() -> Failure {
    Failure::Internal("a thread that signs reports was lost".to_owned())
}

/// Reads a lane from its front.
pub(super) struct Lane(BufReader<File>);

impl Lane {
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let file = File::open(path).map_err(|error| Failure::file(path, &error))?;
        Ok(Self(BufReader::with_capacity(1 << 20, file)))
    }

    /// The next report and its vehicle's number; `None` at the end.
    pub(super) fn next(&mut self) -> std::io::Result<Option<(u32, Vec<u8>)>> {
        let mut head = [0; 4];
        match self.0.read_exact(&mut head) {
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
            other => other?,
        }
        let number = u32::from_be_bytes(head);
        self.0.read_exact(&mut head)?;
        let len = u32::from_be_bytes(head);
        if len > REPORT_BYTES_MAX {
            return Err(std::io::Error::other(format!("a report of {len} bytes in a lane")));
        }
        let mut report = vec![0; usize::try_from(len).unwrap_or(0)];
        self.0.read_exact(&mut report)?;
        Ok(Some((number, report)))
    }
}
