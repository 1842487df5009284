//! A profile in words: what it covers, and what would not be seen.
//!
//! Not a format: the text is for people and may change. Invariant: one line an identifier, in the profile's order.

use std::fmt::Write as _;
use yagura_ids::{Class, IdRow, Novelty, Profile};
use yagura_model::BusId;

/// Describes a profile, one line a bus and one an identifier.
#[must_use]
pub fn explain(profile: &Profile<'_>) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write_all(&mut text, profile);
    text
}

fn write_all(out: &mut String, profile: &Profile<'_>) -> std::fmt::Result {
    let source = profile.source();
    writeln!(out, "learned from {} frames, {} s of busy bus", source.frames, source.micros / 1_000_000)?;
    if source.late_ids != 0 {
        writeln!(out, "{} identifiers first seen in the last third: more training would find more", source.late_ids)?;
    }
    for bus in profile.buses() {
        let (paced, frames) = (bus.pace.interval != 0, bus.frames);
        writeln!(out, "bus {}: {frames} frames, at most {} a second{}", bus.bus.0, bus.peak_per_second, flood(paced))?;
        writeln!(out, "  {}", newcomers(bus.novelty))?;
        for id in profile.ids().filter(|id| id.bus == bus.bus) {
            write_id(out, &id)?;
        }
        write_protocols(out, profile, bus.bus)?;
    }
    Ok(())
}

fn newcomers(novelty: Novelty) -> String {
    let strata = [(Novelty::STANDARD, "11 bits"), (Novelty::EXTENDED, "29 bits"), (Novelty::CONTROL, "J1939 control")];
    let j1939 = novelty.open & Novelty::J1939 != 0;
    let open = strata.iter().filter(|(bit, _)| novelty.open & bit != 0 && (j1939 || *bit != Novelty::CONTROL));
    let open: Vec<&str> = open.map(|(_, name)| *name).collect();
    if open.is_empty() {
        return "the list of identifiers is complete: every unknown one is told".into();
    }
    let (open, burst, tenths) = (open.join(", "), novelty.burst, novelty.interval);
    if tenths == 0 {
        return format!("times tell nothing: unknown identifiers are not judged ({open})");
    }
    format!("more identifiers are to be expected ({open}): {burst} at once, one each {}.{} s", tenths / 10, tenths % 10)
}

/// What of the bus is judged by its protocols, and what training muted.
fn write_protocols(out: &mut String, profile: &Profile<'_>, bus: BusId) -> std::fmt::Result {
    let here = |owner: u16| profile.id(usize::from(owner)).is_some_and(|id| id.bus == bus);
    let mutes = |rows: Vec<u8>| (rows.len(), rows.iter().filter(|muted| **muted != 0).count());
    let diagnostics = profile.tables().diagnostics.iter().filter(|row| here(row.owner)).map(|row| row.muted);
    let sources = profile.tables().sources.iter().filter(|row| here(row.owner)).map(|row| row.muted);
    for (what, (count, muted)) in
        [("diagnostics: identifiers", mutes(diagnostics.collect())), ("J1939: sources", mutes(sources.collect()))]
    {
        if count > 0 {
            writeln!(out, "  {what} judged by their protocol: {count}, of them only in part: {muted}")?;
        }
    }
    Ok(())
}

const fn flood(paced: bool) -> &'static str {
    if paced { "" } else { "; too little traffic to judge floods" }
}

fn write_id(out: &mut String, id: &IdRow) -> std::fmt::Result {
    let class = match id.class {
        Class::Event => "event",
        Class::Mixed => "mixed",
        Class::Periodic => "periodic",
    };
    write!(out, "  {:>8} {class:<8} {:>7} frames, ", id.id, id.frames)?;
    write!(out, "period {} µs ({}..{}); ", id.period, id.gap_min, id.gap_max)?;
    match id.pace.interval {
        0 => write!(out, "injection: not judged")?,
        interval => write!(out, "injection: more than {} µs ahead of {interval} µs", id.pace.tolerance)?,
    }
    match id.distance {
        0 => write!(out, "; ")?,
        distance => write!(out, " or twice within {distance} µs; ")?,
    }
    match id.silence {
        0 => writeln!(out, "silence: not judged"),
        silence => writeln!(out, "silence: after {silence} µs"),
    }
}
