//! A finding in words: which field, what was expected, what was seen, who contradicts.
//!
//! Not a translation layer: English, for the desk; the console words events from the catalogue. Invariant: what is said follows
//! from the finding and the profile alone. Cost: only for what is told.

use yagura_ids::{Check, Finding, IdRow, Profile};
use yagura_model::{CanContext, Place};

/// What a finding says.
pub(crate) fn of(finding: &Finding, profile: &Profile<'_>) -> String {
    let context = &finding.context;
    let row = profile.id_index(context.bus, context.id).and_then(|index| profile.id(index));
    let (expected, observed) = (context.expected, context.observed);
    let field = field(context.place);
    match finding.check {
        Check::UnknownId | Check::WrongBus => unknown(context, profile),
        Check::Length => {
            format!("{observed} bytes in a format or length never learned; the longest learned is {expected} bytes")
        }
        Check::Early => early(expected, observed, row.as_ref()),
        Check::Silent => {
            format!(
                "absent for {}; in training never for more than {} while its bus was busy",
                span(observed),
                span(expected)
            )
        }
        Check::Flood => format!("{observed} frames a second on the bus; in training never more than {expected}"),
        Check::Skew => format!(
            "the sender's clock is {} ppm off the vehicle's, {} ppm were learned: somebody else may be sending",
            observed.cast_signed(),
            expected.cast_signed()
        ),
        Check::BusError => format!("{observed} errors on the bus, {expected} tolerated"),
        Check::Checksum => format!("checksum in {field} is {observed:#04X}; the data make it {expected:#04X}"),
        Check::Counter => format!("counter in {field} shows {observed}; {expected} was due"),
        Check::Jump => {
            format!("{field} jumps by {observed} to and fro; its sender moves it by at most {expected} at a time")
        }
        Check::Grid => format!("{field} takes values between the steps its sender can make"),
        Check::Monotone => format!("{field} goes from {expected} to {observed}; it only ever moves the other way"),
        Check::Relation => relation(context, &field),
        Check::Range => format!("{field} is {observed}, outside of its range (limit {expected})"),
        Check::Enumeration => format!("{field} is {observed}, a value without a meaning"),
        Check::UnusedBits => format!("{field} carries {observed:#X}, but its bits are not used"),
        Check::Rate => format!("{field} changes by {observed} at once; it can change by at most {expected}"),
        Check::IsoTp => "ISO-TP used against its rules (ISO 15765-2)".to_owned(),
        Check::SecurityAccess => {
            format!("security access (service 0x27, level {expected}) tried without the right key, {observed} attempts")
        }
        Check::Scan => format!("diagnostic services or identifiers tried one after the other: {observed} requests"),
        Check::UnsafeRequest => {
            format!("diagnostic service {observed:#04X} is forbidden in the vehicle's state or in this session")
        }
        Check::J1939Transport => "the transport protocol of SAE J1939-21 used against its rules".to_owned(),
        Check::J1939Request => format!("{observed} requests where a network needs at most {expected}"),
        Check::J1939Address => {
            format!("somebody else uses the address of a control unit (SAE J1939-81): {}", context.id)
        }
        Check::J1939Source => format!("this source never sends this message: {}", context.id),
    }
}

fn unknown(context: &CanContext, profile: &Profile<'_>) -> String {
    if profile.bus_index(context.bus).is_none() {
        return format!("bus {} is not in the profile", context.bus.0);
    }
    match profile.ids().find(|row| row.id == context.id) {
        Some(row) => format!("{} was learned on bus {}, not on bus {}", context.id, row.bus.0, context.bus.0),
        None => format!("{} was never seen in training", context.id),
    }
}

fn early(period: u32, gap: u32, row: Option<&IdRow>) -> String {
    let habit = row.map_or_else(String::new, |row| format!(", never closer than {} in training", span(row.gap_min)));
    format!("{} after the frame before it; its period is {}{habit}: a second sender", span(gap), span(period))
}

fn relation(context: &CanContext, field: &str) -> String {
    let witness = context.place.witness.map_or_else(|| "its witnesses".to_owned(), |id| format!("{id} (and others)"));
    let (expected, observed) = (context.expected.cast_signed(), context.observed.cast_signed());
    if expected == observed {
        return format!("{field} moves as {witness} deny: what is measured twice no longer agrees");
    }
    format!("{field} shows {observed}, but {witness} say about {expected}: what is measured twice no longer agrees")
}

/// The part of the data that a finding is about.
pub(crate) fn field(place: Place) -> String {
    let (start, bits) = (u32::from(place.start), u32::from(place.bits));
    let (byte, offset) = (start / 8, start % 8);
    match (bits, offset) {
        (0, _) => "the data".to_owned(),
        (8, 0) => format!("byte {byte}"),
        (bits, 0) if bits.is_multiple_of(8) => {
            format!("bytes {byte}-{}", byte.saturating_add(bits / 8).saturating_sub(1))
        }
        (1, offset) => format!("bit {} of byte {byte}", 7_u32.saturating_sub(offset)),
        (bits, _) => format!("the {bits} bits from bit {} of byte {byte}", 7_u32.saturating_sub(offset)),
    }
}

/// A duration in the unit that suits it.
pub(crate) fn span(micros: u32) -> String {
    let (millis, seconds) = (f64::from(micros) / 1e3, f64::from(micros) / 1e6);
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..1_000_000 => format!("{millis:.1} ms"),
        _ => format!("{seconds:.2} s"),
    }
}
