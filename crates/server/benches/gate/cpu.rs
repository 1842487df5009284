//! CPU time of the gate's threads, apart from that of its clients in the same process; and the memory of the process.
//!
//! Linux alone: `/proc/self/task/*/schedstat` counts nanoseconds per thread.

use std::fs;

/// What the names of the gate's threads begin with.
pub(crate) const SERVER: &str = "gate";

/// Seconds of CPU that threads whose name begins with `prefix` have had.
pub(crate) fn seconds(prefix: &str) -> f64 {
    let Ok(tasks) = fs::read_dir("/proc/self/task") else { return 0.0 };
    let nanos = tasks.flatten().filter_map(|task| {
        let name = fs::read_to_string(task.path().join("comm")).ok()?;
        let schedstat = fs::read_to_string(task.path().join("schedstat")).ok()?;
        let nanos: f64 = schedstat.split_whitespace().next()?.parse().ok()?;
        name.starts_with(prefix).then_some(nanos)
    });
    nanos.sum::<f64>() / 1e9
}

/// Resident bytes of this process.
pub(crate) fn resident() -> f64 {
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<f64>().ok()).unwrap_or(0.0) * 4096.0
}

/// Bytes of sockets' buffers that the kernel holds for all processes, and what its socket objects take.
pub(crate) fn kernel() -> f64 {
    let sockets = fs::read_to_string("/proc/net/sockstat").unwrap_or_default();
    let tcp = sockets.lines().find(|line| line.starts_with("TCP:")).unwrap_or_default();
    tcp.split_whitespace().last().and_then(|pages| pages.parse::<f64>().ok()).unwrap_or(0.0) * 4096.0
}
