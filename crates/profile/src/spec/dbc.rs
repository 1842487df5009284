//! DBC text to the model.
//!
//! Not a parser (`can-dbc` is). What one statement has wrong costs that statement, with its line; only a text that is not a DBC
//! is refused. Cost: once per file, linear in its length.

use super::lines::Lines;
use super::{
    Encoding, Fault, MESSAGES_MAX, Message, NESTING_MAX, Order, SIGNALS_MAX, SPEC_BYTES_MAX, Selector, Signal,
    Specification, Wrong, parameter_group,
};
use can_dbc::{
    AttributeDefinition, AttributeValue, AttributeValueType, ByteOrder, Dbc, MessageId, MultiplexIndicator,
    NumericValue, SignalExtendedValueType, ValDescription, ValueDescription, ValueType,
};
use std::collections::{HashMap, HashSet};
use yagura_model::{CanId, ExtendedId, StandardId};

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
    #[error("{line}: not a DBC")]
    Syntax {
        /// Where reading stopped, from 1; 0 if it is not known.
        line: usize,
        /// What was expected there.
        source: Box<can_dbc::DbcError>,
    },
}

impl DbcError {
    /// The line at which reading stopped, from 1.
    #[must_use]
    pub const fn line(&self) -> Option<usize> {
        match self {
            Self::Syntax { line, .. } if *line > 0 => Some(*line),
            _ => None,
        }
    }
}

impl Specification {
    /// Reads the text of a DBC file: UTF-8, or else Windows-1252 as most tools write it.
    ///
    /// # Errors
    /// [`DbcError`] if it is not a DBC.
    pub fn from_dbc_bytes(bytes: &[u8]) -> Result<Self, DbcError> {
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::from_dbc(text),
            Err(_) if bytes.len() > SPEC_BYTES_MAX => Err(too_long(bytes.len())),
            Err(_) => Self::from_dbc(&windows_1252(bytes)),
        }
    }

    /// Reads the text of a DBC file.
    ///
    /// # Errors
    /// [`DbcError`] if it is not a DBC.
    pub fn from_dbc(text: &str) -> Result<Self, DbcError> {
        if text.len() > SPEC_BYTES_MAX {
            return Err(too_long(text.len()));
        }
        let dbc =
            Dbc::try_from(text).map_err(|error| DbcError::Syntax { line: line_of(&error), source: Box::new(error) })?;
        let mut reading = Reading { about: About::of(&dbc), lines: Lines::of(text), faults: Vec::new() };
        let messages = reading.messages(&dbc);
        reading.check_texts(&dbc);
        let mut faults = reading.faults;
        faults.sort_by(|a, b| (a.line, &a.subject).cmp(&(b.line, &b.subject)));
        Ok(Self { messages, faults, sources: 1 })
    }
}

const fn too_long(len: usize) -> DbcError {
    DbcError::TooLong { len, max: SPEC_BYTES_MAX }
}

/// The upper half of Windows-1252 is Latin-1 but for 32 signs, of which the euro may be a unit; the others name nothing.
fn windows_1252(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| if *byte == 0x80 { '€' } else { char::from(*byte) }).collect()
}

/// The parser shows the line only in its text: ` --> line:column`.
fn line_of(error: &can_dbc::DbcError) -> usize {
    let text = error.to_string();
    let place = text.split_once("--> ").and_then(|(_, place)| place.split_once(':'));
    place.and_then(|(line, _)| line.trim().parse().ok()).unwrap_or(0)
}

/// A multiplexor and the values that select a signal.
type Selection<'a> = (&'a str, Vec<(u64, u64)>);

/// What the file says of its messages and signals elsewhere, by them.
struct About<'a> {
    texts: HashMap<(MessageId, &'a str), &'a [ValDescription]>,
    floats: HashMap<(MessageId, &'a str), SignalExtendedValueType>,
    selectors: HashMap<(MessageId, &'a str), Selection<'a>>,
    of_message: HashMap<(MessageId, &'a str), &'a AttributeValue>,
    of_signal: HashMap<(MessageId, &'a str), &'a AttributeValue>,
    defaults: HashMap<&'a str, &'a AttributeValue>,
    enums: HashMap<&'a str, &'a [String]>,
    is_j1939: bool,
}

const START_VALUE: &str = "GenSigStartValue";
const CYCLE_TIME: &str = "GenMsgCycleTime";
const FRAME_FORMAT: &str = "VFrameFormat";

impl<'a> About<'a> {
    fn of(dbc: &'a Dbc) -> Self {
        let mut about = Self {
            texts: HashMap::new(),
            floats: HashMap::new(),
            selectors: HashMap::new(),
            of_message: HashMap::new(),
            of_signal: HashMap::new(),
            defaults: dbc.attribute_defaults.iter().map(|d| (d.name.as_str(), &d.value)).collect(),
            enums: HashMap::new(),
            is_j1939: false,
        };
        for description in &dbc.value_descriptions {
            if let ValueDescription::Signal { message_id, name, value_descriptions } = description {
                about.texts.insert((*message_id, name), value_descriptions);
            }
        }
        for float in &dbc.signal_extended_value_type_list {
            about.floats.insert((float.message_id, &float.signal_name), float.signal_extended_value_type);
        }
        for selector in &dbc.extended_multiplex {
            let ranges = selector.mappings.iter().map(|range| (range.min_value, range.max_value)).collect();
            let key = (selector.message_id, selector.signal_name.as_str());
            about.selectors.insert(key, (&selector.multiplexor_signal_name, ranges));
        }
        for value in &dbc.attribute_values_message {
            about.of_message.insert((value.message_id, &value.name), &value.value);
        }
        for value in dbc.attribute_values_signal.iter().filter(|value| value.name == START_VALUE) {
            about.of_signal.insert((value.message_id, &value.signal_name), &value.value);
        }
        for definition in &dbc.attribute_definitions {
            if let AttributeDefinition::Message(name, AttributeValueType::Enum(values)) = definition {
                about.enums.insert(name, values);
            }
        }
        let protocol = dbc.attribute_values_database.iter().find(|value| value.name == "ProtocolType");
        let protocol = protocol.map(|value| &value.value).or_else(|| about.defaults.get("ProtocolType").copied());
        about.is_j1939 = matches!(protocol, Some(AttributeValue::String(text)) if text.eq_ignore_ascii_case("J1939"));
        about
    }

    fn attribute(&self, id: MessageId, name: &str) -> Option<&'a AttributeValue> {
        self.of_message.get(&(id, name)).or_else(|| self.defaults.get(name)).copied()
    }

    /// The text of `VFrameFormat`, such as `J1939PG` or `StandardCAN_FD`.
    fn format(&self, id: MessageId) -> &'a str {
        match self.attribute(id, FRAME_FORMAT) {
            Some(AttributeValue::String(text)) => text,
            Some(value) => {
                let index = whole(value).and_then(|index| usize::try_from(index).ok());
                let texts = self.enums.get(FRAME_FORMAT).copied().unwrap_or_default();
                index.and_then(|index| texts.get(index)).map_or("", String::as_str)
            }
            None => "",
        }
    }

    fn cycle(&self, id: MessageId) -> Option<u32> {
        let millis = whole(self.attribute(id, CYCLE_TIME)?)?;
        u32::try_from(millis).ok()?.checked_mul(1_000).filter(|cycle| *cycle > 0)
    }
}

fn number(value: &AttributeValue) -> Option<f64> {
    match value {
        AttributeValue::Uint(value) => Some(from_u64(*value)),
        AttributeValue::Int(value) => Some(from_i64(*value)),
        AttributeValue::Double(value) => Some(*value),
        AttributeValue::String(text) => text.trim().parse().ok(),
    }
}

fn whole(value: &AttributeValue) -> Option<i64> {
    match value {
        AttributeValue::Uint(value) => i64::try_from(*value).ok(),
        AttributeValue::Int(value) => Some(*value),
        AttributeValue::Double(value) => whole_part(*value),
        AttributeValue::String(_) => None,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the value is within the range of an i64 by the check before")]
fn whole_part(value: f64) -> Option<i64> {
    (value.abs() < 1e15).then_some(value as i64)
}

#[expect(clippy::cast_precision_loss, reason = "a bound's last digits do not matter")]
const fn from_u64(value: u64) -> f64 {
    value as f64
}

#[expect(clippy::cast_precision_loss, reason = "a bound's last digits do not matter")]
const fn from_i64(value: i64) -> f64 {
    value as f64
}

const fn bound(value: &NumericValue) -> f64 {
    match value {
        NumericValue::Uint(value) => from_u64(*value),
        NumericValue::Int(value) => from_i64(*value),
        NumericValue::Double(value) => *value,
    }
}

struct Reading<'a> {
    about: About<'a>,
    lines: Lines<'a>,
    faults: Vec<Fault>,
}

impl<'a> Reading<'a> {
    fn fault(&mut self, line: usize, subject: &str, wrong: Wrong) {
        self.faults.push(Fault { line, subject: subject.to_owned(), wrong });
    }

    fn messages(&mut self, dbc: &'a Dbc) -> Vec<Message> {
        let mut seen = HashSet::new();
        let mut messages = Vec::new();
        for (index, message) in dbc.messages.iter().enumerate() {
            // This one keeps signals that no message carries.
            if message.name == "VECTOR__INDEPENDENT_SIG_MSG" {
                continue;
            }
            let line = self.lines.message(index);
            if messages.len() == MESSAGES_MAX {
                self.fault(line, &message.name, Wrong::TooMany);
                break;
            }
            let Some(id) = self.id(index, message.id) else {
                self.fault(line, &message.name, Wrong::Identifier);
                continue;
            };
            if !seen.insert(id) {
                self.fault(line, &message.name, Wrong::Twice);
            }
            messages.push(self.message(index, id, message));
        }
        messages
    }

    fn check_texts(&mut self, dbc: &'a Dbc) {
        let signals = dbc.messages.iter().flat_map(|m| m.signals.iter().map(|signal| (m.id, signal.name.as_str())));
        let signals: HashSet<(MessageId, &str)> = signals.collect();
        let unknown = self.about.texts.keys().filter(|key| !signals.contains(*key)).copied();
        for (id, name) in unknown.collect::<Vec<_>>() {
            self.fault(self.lines.texts(id.raw(), name), name, Wrong::Unknown);
        }
    }

    /// `can-dbc` cuts an identifier above its width; the text still has it.
    fn id(&self, index: usize, id: MessageId) -> Option<CanId> {
        let written = self.lines.messages.get(index).map(|(raw, _)| *raw);
        let is_as_written = |id: u32| written.is_none_or(|raw| raw == u64::MAX || raw == u64::from(id));
        match id {
            MessageId::Standard(raw) if is_as_written(raw.into()) => StandardId::new(raw).ok().map(CanId::Standard),
            MessageId::Extended(raw) if is_as_written(raw | CanId::EXTENDED_BIT) => {
                ExtendedId::new(raw).ok().map(CanId::Extended)
            }
            _ => None,
        }
    }

    fn message(&mut self, index: usize, id: CanId, message: &'a can_dbc::Message) -> Message {
        let format = self.about.format(message.id);
        let group = parameter_group(id).filter(|_| format == "J1939PG" || self.about.is_j1939);
        let size = u16::try_from(message.size).ok().filter(|size| *size <= 64);
        let length = size.filter(|size| *size > 0);
        let sender = message.transmitter.clone().filter(|sender| sender != "Vector__XXX");
        Message {
            name: message.name.clone(),
            id,
            group,
            // A transport message of J1939 is longer than a frame.
            length: length.filter(|_| group.is_none() || message.size <= 8),
            is_fd: format.ends_with("_FD") || length.is_some_and(|length| length > 8),
            cycle: self.about.cycle(message.id),
            sender,
            channel: None,
            signals: self.signals(index, message),
            protections: Vec::new(),
            is_complete: false,
            source: 0,
        }
    }

    fn signals(&mut self, index: usize, message: &'a can_dbc::Message) -> Vec<Signal> {
        let mut kept: Vec<(&can_dbc::Signal, Signal)> = Vec::new();
        for signal in &message.signals {
            let line = self.lines.signal(index, &signal.name);
            if kept.len() == SIGNALS_MAX {
                self.fault(line, &signal.name, Wrong::TooMany);
                break;
            }
            match self.signal(message, signal, line) {
                Ok(converted) => kept.push((signal, converted)),
                Err(wrong) => self.fault(line, &signal.name, wrong),
            }
        }
        let selectors = self.selectors(message, &kept);
        let mut signals: Vec<Signal> = Vec::with_capacity(kept.len());
        let mut lost = HashSet::new();
        for (position, ((written, mut signal), selector)) in kept.into_iter().zip(selectors).enumerate() {
            match selector {
                Ok(selector) => signal.selector = selector,
                Err(wrong) => {
                    self.fault(self.lines.signal(index, &written.name), &written.name, wrong);
                    lost.insert(position);
                }
            }
            signals.push(signal);
        }
        without(signals, &lost)
    }

    fn signal(
        &mut self,
        message: &'a can_dbc::Message,
        signal: &'a can_dbc::Signal,
        line: usize,
    ) -> Result<Signal, Wrong> {
        let size = u8::try_from(signal.size).ok().filter(|size| (1..=64).contains(size)).ok_or(Wrong::Size)?;
        let start = u16::try_from(signal.start_bit).ok().filter(|start| *start < 512).ok_or(Wrong::Place)?;
        let order = match signal.byte_order {
            ByteOrder::LittleEndian => Order::LittleEndian,
            ByteOrder::BigEndian => Order::BigEndian,
        };
        let key = (message.id, signal.name.as_str());
        let encoding = match (self.about.floats.get(&key), size, signal.value_type) {
            (Some(SignalExtendedValueType::IEEEfloat32Bit), 32, _) => Encoding::Float32,
            (Some(SignalExtendedValueType::IEEEdouble64bit), 64, _) => Encoding::Float64,
            (Some(SignalExtendedValueType::IEEEfloat32Bit | SignalExtendedValueType::IEEEdouble64bit), ..) => {
                return Err(Wrong::Float);
            }
            (_, _, ValueType::Signed) => Encoding::Signed,
            (_, _, ValueType::Unsigned) => Encoding::Unsigned,
        };
        if signal.factor == 0.0 || !signal.factor.is_finite() || !signal.offset.is_finite() {
            return Err(Wrong::Factor);
        }
        let (low, high) = (bound(&signal.min), bound(&signal.max));
        if low > high {
            self.fault(line, &signal.name, Wrong::Range);
        }
        let texts = self.about.texts.get(&key).copied().unwrap_or_default();
        let initial = self.about.of_signal.get(&key).copied().or_else(|| self.about.defaults.get(START_VALUE).copied());
        let converted = Signal {
            name: signal.name.clone(),
            start,
            size,
            order,
            encoding,
            factor: signal.factor,
            offset: signal.offset,
            // [0|0] is how tools write that no range is given.
            range: (low < high).then_some((low, high)),
            unit: signal.unit.clone(),
            texts: texts.iter().map(|text| (text.id, text.description.clone())).collect(),
            initial: initial.and_then(number).map(|raw| raw * signal.factor + signal.offset),
            selector: None,
        };
        let end = converted.bytes().ok_or(Wrong::Place)?;
        if message.size > 0 && message.size <= 64 && end > u16::try_from(message.size).unwrap_or(u16::MAX) {
            self.fault(line, &signal.name, Wrong::BeyondLength);
        }
        Ok(converted)
    }

    /// Which signal each of `kept` depends on.
    fn selectors(
        &self,
        message: &can_dbc::Message,
        kept: &[(&can_dbc::Signal, Signal)],
    ) -> Vec<Result<Option<Selector>, Wrong>> {
        use MultiplexIndicator::{MultiplexedSignal, Multiplexor, MultiplexorAndMultiplexedSignal, Plain};
        let by_name: HashMap<&str, usize> =
            kept.iter().enumerate().map(|(at, (signal, _))| (signal.name.as_str(), at)).collect();
        let root = kept.iter().position(|(signal, _)| signal.multiplexer_indicator == Multiplexor);
        let selector = |signal: &can_dbc::Signal| {
            let extended = self.about.selectors.get(&(message.id, signal.name.as_str()));
            match (extended, signal.multiplexer_indicator) {
                (Some((name, ranges)), MultiplexedSignal(_) | MultiplexorAndMultiplexedSignal(_)) => {
                    let signal = *by_name.get(name).ok_or(Wrong::Multiplexor)?;
                    Ok(Some(Selector { signal, ranges: ranges.clone() }))
                }
                (None, MultiplexedSignal(value) | MultiplexorAndMultiplexedSignal(value)) => {
                    let signal = root.ok_or(Wrong::Multiplexor)?;
                    Ok(Some(Selector { signal, ranges: vec![(value, value)] }))
                }
                (_, Multiplexor | Plain) => Ok(None),
            }
        };
        let found: Vec<Result<Option<Selector>, Wrong>> = kept.iter().map(|(signal, _)| selector(signal)).collect();
        let next = |at: usize| found.get(at).and_then(|s| s.as_ref().ok()?.as_ref()).map(|s| s.signal);
        let is_broken = |start: usize| std::iter::successors(Some(start), |at| next(*at)).nth(NESTING_MAX).is_some();
        let broken: Vec<bool> = (0..kept.len()).map(is_broken).collect();
        found.into_iter().zip(broken).map(|(found, broken)| if broken { Err(Wrong::Nesting) } else { found }).collect()
    }
}

/// The signals but those at `lost` and those that depend on them.
fn without(signals: Vec<Signal>, lost: &HashSet<usize>) -> Vec<Signal> {
    if lost.is_empty() {
        return signals;
    }
    let mut lost = lost.clone();
    for _ in 0..NESTING_MAX {
        let depends = |signal: &Signal| signal.selector.as_ref().is_some_and(|s| lost.contains(&s.signal));
        let more: Vec<usize> = signals.iter().enumerate().filter(|(_, s)| depends(s)).map(|(at, _)| at).collect();
        lost.extend(more);
    }
    let mut places = HashMap::new();
    for at in (0..signals.len()).filter(|at| !lost.contains(at)) {
        places.insert(at, places.len());
    }
    let kept = signals.into_iter().enumerate().filter(|(at, _)| !lost.contains(at));
    let moved = kept.map(|(_, mut signal)| {
        if let Some(selector) = &mut signal.selector {
            selector.signal = places.get(&selector.signal).copied().unwrap_or(0);
        }
        signal
    });
    moved.collect()
}

impl Signal {
    /// How many bytes a message needs to carry it; `None` beyond 64.
    #[must_use]
    pub fn bytes(&self) -> Option<u16> {
        let first = match self.order {
            Order::LittleEndian => self.start,
            Order::BigEndian => self.msb_first_start(),
        };
        let last = first.checked_add(u16::from(self.size))?.checked_sub(1)? / 8;
        (last < 64).then_some(last.saturating_add(1))
    }

    /// The start bit counted from the most significant bit of the first byte.
    pub(crate) const fn msb_first_start(&self) -> u16 {
        (self.start & !7).saturating_add(7_u16.saturating_sub(self.start & 7))
    }
}
