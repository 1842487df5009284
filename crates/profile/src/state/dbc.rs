//! Finds the signals of vehicle state in a specification.
//!
//! Not a parser (`spec` is). Multiplexed signals and floating-point ones are left out: no known one is either. Cost: once per
//! file.

use super::names::{KNOWN, Known, Meaning, gear_of, unit_scale};
use super::signal::{Bits, Scale, Signal};
use super::{Quantity, SourceSignal};
use crate::spec::{self, Encoding, Message, Specification};
use yagura_model::Gear;

/// The signals of vehicle state, best first.
pub(super) fn signals(specification: &Specification) -> Vec<(SourceSignal, Option<u32>, Signal)> {
    let mut found: Vec<_> = specification.messages.iter().flat_map(of_message).collect();
    found.sort_by_key(|(source, _, signal)| (signal.rank, source.id));
    found
}

fn of_message(message: &Message) -> impl Iterator<Item = (SourceSignal, Option<u32>, Signal)> + '_ {
    let plain = message.signals.iter().filter(|signal| signal.selector.is_none());
    plain.filter_map(move |signal| {
        let (rank, known) = KNOWN.iter().enumerate().find(|(_, known)| known.name == signal.name)?;
        let converted = convert(signal, rank, known)?;
        let (quantity, id) = (known.quantity, message.id);
        let source = SourceSignal { quantity, id, message: message.name.clone(), signal: signal.name.clone() };
        Some((source, message.group, converted))
    })
}

fn convert(signal: &spec::Signal, rank: usize, known: &Known) -> Option<Signal> {
    let signed = match signal.encoding {
        Encoding::Signed => true,
        Encoding::Unsigned => false,
        Encoding::Float32 | Encoding::Float64 => return None,
    };
    let (start, size) = (usize::from(signal.start), usize::from(signal.size));
    let bits = Bits { start, size, order: signal.order, signed };
    let scale = scale(signal, known)?;
    Some(Signal { rank, bits, factor: signal.factor, offset: signal.offset, range: signal.range, scale })
}

fn scale(signal: &spec::Signal, known: &Known) -> Option<Scale> {
    let by_unit = unit_scale(known.quantity, &signal.unit);
    let value = match (known.meaning, by_unit) {
        (Meaning::Flag, _) => return Some(Scale::Pressed { one_only: true }),
        (Meaning::AboveZero, _) => return Some(Scale::Pressed { one_only: false }),
        (Meaning::ByText, _) => return gears(signal),
        (_, Some(value)) => value,
        (Meaning::Direct, None) => 1.0,
        (Meaning::Full(full), None) => 100.0 / full,
        (Meaning::ByUnit, None) => return None,
    };
    Some(if known.quantity == Quantity::Speed { Scale::Kmh(value) } else { Scale::Percent(value) })
}

fn gears(signal: &spec::Signal) -> Option<Scale> {
    let gears: Vec<(i64, Gear)> = signal.texts.iter().filter_map(|(raw, text)| Some((*raw, gear_of(text)?))).collect();
    (!gears.is_empty()).then_some(Scale::Gears(gears))
}
