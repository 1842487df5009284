//! Seeded vehicles, attacks, links: what the demo runs.
