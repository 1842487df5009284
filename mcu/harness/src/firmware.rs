//! The firmware: built, measured, and run in QEMU's Cortex-M4 board.
//!
//! Not a debugger. QEMU puts profile and frames into memory, counts one nanosecond an instruction (`-icount shift=0`) and hands
//! the firmware's output through.

use anyhow::{Context as _, ensure};
use object::{Object as _, ObjectSection as _, SectionKind};
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use yagura_model::{Frame, FrameKind};

const TARGET: &str = "thumbv7em-none-eabihf";
/// As in the firmware.
const PROFILE_AT: usize = 0x2010_0000;
const FRAMES_AT: usize = 0x2018_0000;
/// What the board has from there on.
const PROFILE_LEN_MAX: usize = FRAMES_AT - PROFILE_AT;
const FRAMES_LEN_MAX: usize = 0x2040_0000 - FRAMES_AT;

/// The built firmware.
pub(crate) struct Firmware {
    elf: PathBuf,
    /// Code, constants and initial data, bytes.
    pub(crate) flash: u64,
    /// Data that is there from start to end, bytes.
    pub(crate) static_ram: u64,
}

/// What a run printed.
pub(crate) struct Run {
    pub(crate) events: Vec<String>,
    pub(crate) cost: Cost,
}

/// What frames cost.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    /// Instructions a frame.
    pub(crate) mean: u64,
    /// Instructions of the most expensive frame.
    pub(crate) worst: u64,
    /// Bytes of the detector.
    pub(crate) detector: u64,
    /// Bytes of stack.
    pub(crate) stack: u64,
}

impl Cost {
    fn parse(line: &str) -> anyhow::Result<Self> {
        let value = |name: &str| {
            let word = line.split(' ').find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
            word.with_context(|| format!("no {name} in {line:?}"))?.parse::<u64>().context("not a number")
        };
        Ok(Self { mean: value("mean")?, worst: value("worst")?, detector: value("detector")?, stack: value("stack")? })
    }

    /// The larger of each.
    pub(crate) fn worst(self, other: Self) -> Self {
        Self {
            mean: self.mean.max(other.mean),
            worst: self.worst.max(other.worst),
            detector: self.detector.max(other.detector),
            stack: self.stack.max(other.stack),
        }
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { mean, worst, detector, stack } = self;
        write!(f, "{mean} instructions a frame, {worst} at most; detector {detector} B, stack {stack} B")
    }
}

impl Firmware {
    pub(crate) fn build(root: &Path) -> anyhow::Result<Self> {
        let manifest = root.join("mcu/Cargo.toml");
        let output = Command::new("cargo")
            .args(["build", "--quiet", "--release", "--package", "yagura-firmware", "--target", TARGET])
            .args(["--message-format", "json-render-diagnostics", "--manifest-path"])
            .arg(&manifest)
            .stderr(std::process::Stdio::inherit())
            .output()?;
        ensure!(output.status.success(), "the firmware does not build");
        let messages = String::from_utf8(output.stdout)?;
        let elf = messages.lines().rev().find_map(|line| line.split_once("\"executable\":\"")?.1.split('"').next());
        let elf = PathBuf::from(elf.context("cargo named no executable")?);
        let bytes = std::fs::read(&elf)?;
        let file = object::File::parse(bytes.as_slice())?;
        let sum = |wanted: &[SectionKind]| {
            file.sections()
                .filter(|section| wanted.contains(&section.kind()))
                .map(|section| section.size())
                .sum::<u64>()
        };
        let flash = sum(&[SectionKind::Text, SectionKind::ReadOnlyData, SectionKind::Data]);
        let static_ram = sum(&[SectionKind::Data, SectionKind::UninitializedData]);
        Ok(Self { elf, flash, static_ram })
    }

    pub(crate) fn run(&self, profile: &[u8], frames: &[Frame]) -> anyhow::Result<Run> {
        let dir = tempfile::tempdir()?;
        let frames: Vec<u8> = frames.iter().flat_map(bytes).collect();
        ensure!(profile.len() + 4 <= PROFILE_LEN_MAX, "profile of {} bytes does not fit the board", profile.len());
        ensure!(frames.len() + 4 <= FRAMES_LEN_MAX, "frames of {} bytes do not fit the board", frames.len());
        let mut qemu = Command::new("qemu-system-arm");
        qemu.args([
            "-machine",
            "mps2-an386",
            "-nographic",
            "-monitor",
            "none",
            "-serial",
            "none",
            "-icount",
            "shift=0",
        ]);
        qemu.args(["-semihosting-config", "enable=on,target=native", "-kernel"]).arg(&self.elf);
        for (name, data, at) in [("profile", profile, PROFILE_AT), ("frames", frames.as_slice(), FRAMES_AT)] {
            let path = dir.path().join(name);
            let length = u32::try_from(data.len())?.to_be_bytes();
            std::fs::write(&path, [length.as_slice(), data].concat())?;
            qemu.args(["-device", &format!("loader,file={},addr={at:#x},force-raw=on", path.display())]);
        }
        let output = qemu.output().context("qemu-system-arm cannot be started: run scripts/setup")?;
        let text = String::from_utf8(output.stdout)?;
        let told = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "the firmware failed: {told}{}", text.lines().last().unwrap_or(""));
        let events = text.lines().filter(|line| line.starts_with("event ")).map(str::to_owned).collect();
        let cost = text.lines().find(|line| line.starts_with("cost ")).context("the firmware told no cost")?;
        Ok(Run { events, cost: Cost::parse(cost)? })
    }
}

/// A frame as the firmware reads it.
fn bytes(frame: &Frame) -> Vec<u8> {
    let kind = match frame.kind {
        FrameKind::Data => 0,
        FrameKind::Fd { .. } => 1,
        FrameKind::Remote { .. } => 2,
        FrameKind::Error => 3,
    };
    let mut out = frame.time.0.to_be_bytes().to_vec();
    out.push(frame.bus.0);
    out.extend(frame.id.key().to_be_bytes());
    out.extend([kind, frame.payload.len()]);
    out.extend(frame.payload.as_slice());
    out
}
