//! Finds the signals of vehicle state in a DBC file.
//!
//! Not a DBC parser (`can-dbc` is). Multiplexed signals, and signals that a DBC keeps without a message, are left out: they are
//! not always where they say. Cost: once per file.

use super::names::{KNOWN, Known, Meaning, gear_of, unit_scale};
use super::signal::{Bits, Order, Scale, Signal};
use super::{Quantity, SourceSignal};
use can_dbc::{ByteOrder, Dbc, Message, MessageId, MultiplexIndicator, NumericValue, ValueDescription, ValueType};
use yagura_model::{CanId, ExtendedId, Gear, StandardId};

/// The most bytes of a DBC text; the longest public one has 1.2 MB.
pub(super) const DBC_BYTES_MAX: usize = 32 << 20;

/// Why a text is not a DBC that can be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DbcError {
    /// Longer than any DBC.
    #[error("DBC of {len} bytes exceeds the maximum {max}")]
    TooLong {
        /// Bytes given.
        len: usize,
        /// The limit.
        max: usize,
    },
    /// Not in DBC syntax.
    #[error("not a DBC")]
    Syntax(#[source] Box<can_dbc::DbcError>),
}

/// The signals of vehicle state in `text`.
pub(super) fn signals(text: &str) -> Result<Vec<(SourceSignal, Signal)>, DbcError> {
    if text.len() > DBC_BYTES_MAX {
        return Err(DbcError::TooLong { len: text.len(), max: DBC_BYTES_MAX });
    }
    let dbc = Dbc::try_from(text).map_err(|error| DbcError::Syntax(Box::new(error)))?;
    let mut found: Vec<_> = dbc.messages.iter().flat_map(|message| of_message(&dbc, message)).collect();
    found.sort_by_key(|(source, signal)| (signal.rank, source.id));
    Ok(found)
}

fn of_message(dbc: &Dbc, message: &Message) -> Vec<(SourceSignal, Signal)> {
    let Some(id) = can_id(message) else { return Vec::new() };
    let plain = message.signals.iter().filter(|s| s.multiplexer_indicator == MultiplexIndicator::Plain);
    plain
        .filter_map(|signal| {
            let (rank, known) = KNOWN.iter().enumerate().find(|(_, known)| known.name == signal.name)?;
            let signal = convert(dbc, message.id, signal, rank, known)?;
            let (message, name) = (message.name.clone(), known.name.to_owned());
            Some((SourceSignal { quantity: known.quantity, id, message, signal: name }, signal))
        })
        .collect()
}

/// `VECTOR__INDEPENDENT_SIG_MSG` keeps signals that no message carries.
fn can_id(message: &Message) -> Option<CanId> {
    if message.name == "VECTOR__INDEPENDENT_SIG_MSG" {
        return None;
    }
    match message.id {
        MessageId::Standard(raw) => StandardId::new(raw).ok().map(CanId::Standard),
        MessageId::Extended(raw) => ExtendedId::new(raw).ok().map(CanId::Extended),
    }
}

fn convert(dbc: &Dbc, id: MessageId, signal: &can_dbc::Signal, rank: usize, known: &Known) -> Option<Signal> {
    let bits = Bits {
        start: usize::try_from(signal.start_bit).ok().filter(|start| *start < 512)?,
        size: usize::try_from(signal.size).ok().filter(|size| (1..=64).contains(size))?,
        order: match signal.byte_order {
            ByteOrder::LittleEndian => Order::LittleEndian,
            ByteOrder::BigEndian => Order::BigEndian,
        },
        signed: signal.value_type == ValueType::Signed,
    };
    let (low, high) = (number(&signal.min), number(&signal.max));
    let range = (low < high).then_some((low, high));
    let scale = scale(dbc, id, signal, known)?;
    let ranged = matches!(scale, Scale::Kmh(_) | Scale::Percent(_)) && known.meaning == Meaning::ByUnit;
    let range = range.filter(|_| ranged);
    Some(Signal { rank, bits, factor: signal.factor, offset: signal.offset, range, scale })
}

fn scale(dbc: &Dbc, id: MessageId, signal: &can_dbc::Signal, known: &Known) -> Option<Scale> {
    let by_unit = unit_scale(known.quantity, &signal.unit);
    let value = match (known.meaning, by_unit) {
        (Meaning::Flag, _) => return Some(Scale::Pressed { one_only: true }),
        (Meaning::AboveZero, _) => return Some(Scale::Pressed { one_only: false }),
        (Meaning::ByText, _) => return gears(dbc, id, &signal.name),
        (_, Some(value)) => value,
        (Meaning::Direct, None) => 1.0,
        (Meaning::Full(full), None) => 100.0 / full,
        (Meaning::ByUnit, None) => return None,
    };
    Some(if known.quantity == Quantity::Speed { Scale::Kmh(value) } else { Scale::Percent(value) })
}

fn gears(dbc: &Dbc, id: MessageId, name: &str) -> Option<Scale> {
    let texts = dbc.value_descriptions.iter().find_map(|description| match description {
        ValueDescription::Signal { message_id, name: signal, value_descriptions }
            if *message_id == id && signal == name =>
        {
            Some(value_descriptions)
        }
        _ => None,
    })?;
    let gears: Vec<(i64, Gear)> = texts.iter().filter_map(|t| Some((t.id, gear_of(&t.description)?))).collect();
    (!gears.is_empty()).then_some(Scale::Gears(gears))
}

#[expect(clippy::cast_precision_loss, reason = "a range is a bound, its last digits do not matter")]
const fn number(value: &NumericValue) -> f64 {
    match value {
        NumericValue::Uint(value) => *value as f64,
        NumericValue::Int(value) => *value as f64,
        NumericValue::Double(value) => *value,
    }
}
