//! How many connections the gate takes: what the system allows, up to a maximum.
//!
//! Not a promise of memory (~11 KB an idle connection, docs/performance.md). Invariant: [`DESCRIPTORS_RESERVED`] file descriptors
//! are left for vault, lake, state and the API, so that a full gate cannot keep a report from the disk. The soft limit of the
//! process is raised as far as it may raise it itself; the rest is the operator's.

/// Connections at the same time; further ones wait in the kernel's queue.
pub const CONNECTIONS_MAX: usize = 131_072;
/// File descriptors that connections leave for everything else.
pub const DESCRIPTORS_RESERVED: usize = 1024;
/// The fewest connections that are tried, however few descriptors there are.
const CONNECTIONS_MIN: usize = 64;

/// How many connections there may be, and by which limit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Capacity {
    /// Connections at the same time.
    pub connections: usize,
    /// File descriptors that the process may have.
    pub descriptors: usize,
}

impl Capacity {
    /// Raises the process's limit of file descriptors as far as needed and possible, and says what that gives.
    #[must_use]
    pub fn of_process() -> Self {
        let wanted = CONNECTIONS_MAX.saturating_add(DESCRIPTORS_RESERVED);
        let allowed = rlimit::increase_nofile_limit(u64::try_from(wanted).unwrap_or(u64::MAX));
        // A system that does not tell its limit has the traditional one.
        Self::with(allowed.ok().and_then(|allowed| usize::try_from(allowed).ok()).unwrap_or(DESCRIPTORS_RESERVED))
    }

    fn with(descriptors: usize) -> Self {
        let left = descriptors.saturating_sub(DESCRIPTORS_RESERVED).max(descriptors / 2);
        Self { connections: left.clamp(CONNECTIONS_MIN, CONNECTIONS_MAX), descriptors }
    }

    /// Whether the system's limit is below the gate's own.
    #[must_use]
    pub const fn is_limited(&self) -> bool {
        self.connections < CONNECTIONS_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_room_for_files() {
        let connections = |descriptors| Capacity::with(descriptors).connections;
        assert_eq!([100, 1024, 4096, 20_000].map(connections), [64, 512, 3072, 18_976]);
        assert_eq!(connections(1 << 20), CONNECTIONS_MAX);
    }
}
