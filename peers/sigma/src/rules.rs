//! The rules that both engines get.

use std::fmt::Write as _;
use std::path::Path;
use yagura_detect::RuleFile;

/// All rules below a directory, by name.
pub fn below(directory: &Path) -> Vec<RuleFile> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(&next).expect("a directory of rules") {
            let path = entry.expect("a readable directory").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|ext| ext == "yml") {
                let text = std::fs::read_to_string(&path).expect("a readable rule");
                found.push(RuleFile { path: path.display().to_string(), text });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// Rules such as a fleet's owner writes: lists of identifiers and events, names of vehicles, data, limits.
pub fn vehicle(count: u64) -> Vec<RuleFile> {
    let mut numbers = Numbers(7);
    let rule = |n: u64| {
        let mut ids = String::new();
        (0..8).for_each(|_| write!(ids, "{}, ", numbers.below(0x800)).expect("a text"));
        let event = EVENTS[numbers.below(4) as usize];
        let vehicle = numbers.below(100);
        let more = match n % 4 {
            0 => format!("payload|contains: '{:04X}'", numbers.below(0x1_0000)),
            1 => format!("observed|gt: {}", 49_000 + numbers.below(1_000)),
            2 => format!("vehicle|contains|all: ['vehicle-', '{vehicle:03}']"),
            _ => format!("payload|startswith: ['{:02X}', '{:02X}']", numbers.below(0x100), numbers.below(0x100)),
        };
        let filter = if n.is_multiple_of(5) { " and not filter" } else { "" };
        let text = format!(
            "title: synthetic {n}\nid: {n:08}-0000-4000-8000-000000000000\nlogsource:\n  product: vehicle\ndetection:\n  selection:\n    \
             event_name: {event}\n    can_id: [{ids}]\n    {more}\n  filter:\n    vehicle|startswith: 'vehicle-{vehicle:04}'\n  \
             condition: selection{filter}\n"
        );
        RuleFile { path: format!("synthetic-{n}.yml"), text }
    };
    (0..count).map(rule).collect()
}

/// Kinds of event.
pub const EVENTS: [&str; 4] = ["CAN_UNKNOWN_ID", "CAN_WRONG_LENGTH", "CAN_EARLY_FRAME", "CAN_SILENT_ID"];

/// A small generator of numbers that look random and are always the same (PCG).
pub struct Numbers(pub u64);

impl Numbers {
    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}
