//! What the machine gave: processor time, memory, bytes on disk.
//!
//! Linux only (`/proc`); elsewhere the numbers are 0.

use std::path::Path;
use std::time::Duration;

/// Nanoseconds in `schedstat` files: time that a thread was on a core.
fn nanos(stat: &str) -> u64 {
    stat.split_whitespace().next().and_then(|first| first.parse().ok()).unwrap_or(0)
}

/// Time that this thread was on a core.
pub(crate) fn thread_time() -> Duration {
    Duration::from_nanos(nanos(&std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default()))
}

/// Time that all threads of this process were on a core, of ended ones too: user and system time in ticks of 10 ms.
pub(crate) fn process_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = |nth: usize| after_name.split_whitespace().nth(nth).and_then(|text| text.parse::<u64>().ok());
    Duration::from_millis(10 * (ticks(11).unwrap_or(0) + ticks(12).unwrap_or(0)))
}

/// Time on a core by the names of the threads that live now.
pub(crate) fn by_thread_name() -> Vec<(String, Duration)> {
    let mut all: Vec<(String, Duration)> = Vec::new();
    for task in std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
        let name = std::fs::read_to_string(task.path().join("comm")).unwrap_or_default().trim().to_owned();
        let time =
            Duration::from_nanos(nanos(&std::fs::read_to_string(task.path().join("schedstat")).unwrap_or_default()));
        match all.iter_mut().find(|(known, _)| *known == name) {
            Some((_, sum)) => *sum += time,
            None => all.push((name, time)),
        }
    }
    all
}

/// The most memory that this process ever held, in bytes.
pub(crate) fn memory_peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|kib| kib.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// Bytes of all files under a directory.
pub(crate) fn bytes_under(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let bytes = entries.map(|entry| match entry.metadata() {
        Ok(data) if data.is_dir() => bytes_under(&entry.path()),
        Ok(data) => data.len(),
        Err(_) => 0,
    });
    bytes.sum()
}
