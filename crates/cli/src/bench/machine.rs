//! What the machine is, and what a process has used of it: processor time and memory, from `/proc`.
//!
//! Not a profiler. Linux alone; what cannot be read is said as zero or "unknown". Cost: one small read a question.

use serde::{Deserialize, Serialize};

/// Ticks of `/proc/PID/stat` in a second: the kernel's USER_HZ, 100 on every architecture that this is built for.
const TICKS_PER_SECOND: f64 = 100.0;

/// The machine that was measured.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Machine {
    pub(super) cpu: String,
    pub(super) cores: usize,
    pub(super) memory_bytes: u64,
    pub(super) kernel: String,
}

impl Machine {
    pub(super) fn this() -> Self {
        let (info, memory) = (read("/proc/cpuinfo"), read("/proc/meminfo"));
        let cpu = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        Self {
            cpu: cpu.map_or_else(|| "unknown".to_owned(), |(_, name)| name.trim().to_owned()),
            cores: cores(),
            memory_bytes: kilobytes(&memory, "MemTotal:"),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
        }
    }
}

/// How many cores this process may use.
pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// A process of this machine.
#[derive(Clone, Copy, Debug)]
pub(super) enum Process {
    /// This one.
    Own,
    /// Another one.
    Other(u32),
}

impl Process {
    fn file(self, name: &str) -> String {
        match self {
            Self::Own => read(&format!("/proc/self/{name}")),
            Self::Other(id) => read(&format!("/proc/{id}/{name}")),
        }
    }

    /// Processor time of all its threads so far, in seconds, to 10 ms.
    pub(super) fn cpu_seconds(self) -> f64 {
        let stat = self.file("stat");
        // Behind the program's name, which may hold anything: user time is field 14 of the line, system time field 15.
        let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let ticks: u64 = fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
        ticks as f64 / TICKS_PER_SECOND
    }

    /// The most memory that it ever had, in bytes.
    pub(super) fn peak_memory_bytes(self) -> u64 {
        kilobytes(&self.file("status"), "VmHWM:")
    }
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

fn kilobytes(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
    number.unwrap_or(0).saturating_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_used_time_and_memory() {
        let before = Process::Own.cpu_seconds();
        let started = std::time::Instant::now();
        while started.elapsed().as_millis() < 50 {}
        assert!(Process::Own.cpu_seconds() > before);
        assert!(Process::Own.peak_memory_bytes() > 1 << 20);
        assert!(Machine::this().memory_bytes > 1 << 20);
        assert_eq!(Process::Other(u32::MAX).cpu_seconds().to_bits(), 0);
    }
}
