//! ARXML (AUTOSAR 4) to the model: clusters, frames, PDUs, signals, scalings, cycles, end-to-end protection.
//!
//! Not an ARXML parser (`autosar-data` is) and not a check of the schema. Read are CAN and J1939 clusters with I-signal PDUs and
//! multiplexed ones; container PDUs, SecOC and end-to-end transformers are not. What is written wrong costs its frame or signal.
//! Invariants: each channel is a source of its own; nesting deeper than [`DEPTH_MAX`] is refused before it is parsed, so no
//! input exhausts the stack. Cost: about ten times the file in memory.

mod scaling;
mod tree;

use super::{
    Encoding, Fault, MESSAGES_MAX, Message, Order, Protection, SIGNALS_MAX, SPEC_BYTES_MAX, Selector, Signal,
    Specification, Wrong, parameter_group,
};
use autosar_data::{AutosarDataError, AutosarModel, Element, ElementName, EnumItem};
use scaling::Scaling;
use std::collections::HashMap;
use tree::{Refused, all, child, number, path, target, text, whole};
use yagura_model::{CanId, ExtendedId, StandardId};

/// The most elements one within the other; AUTOSAR's own need about 40.
pub const DEPTH_MAX: usize = 128;

/// Why a text is not ARXML that can be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArxmlError {
    /// Longer than any.
    #[error("ARXML of {len} bytes exceeds the maximum {max}")]
    TooLong {
        /// Bytes given.
        len: usize,
        /// The limit.
        max: usize,
    },
    /// Elements within elements, deeper than any.
    #[error("{line}: elements nested deeper than {max}")]
    TooDeep {
        /// Where, from 1.
        line: usize,
        /// The limit.
        max: usize,
    },
    /// A processing instruction without a name.
    #[error("{line}: empty processing instruction")]
    EmptyInstruction {
        /// Where, from 1.
        line: usize,
    },
    /// Not ARXML.
    #[error("{line}: not ARXML of AUTOSAR 4")]
    Syntax {
        /// Where reading stopped, from 1; 0 if it is not known.
        line: usize,
        /// What was wrong there.
        source: Box<AutosarDataError>,
    },
}

impl Specification {
    /// Reads ARXML. Files that belong together are read together, so that their references meet.
    ///
    /// # Errors
    /// [`ArxmlError`] if one of them is not ARXML.
    pub fn from_arxml(files: &[&[u8]]) -> Result<Self, ArxmlError> {
        let len = files.iter().fold(0_usize, |len, file| len.saturating_add(file.len()));
        if len > SPEC_BYTES_MAX {
            return Err(ArxmlError::TooLong { len, max: SPEC_BYTES_MAX });
        }
        let model = AutosarModel::new();
        for (number, file) in files.iter().enumerate() {
            match tree::refused(file, DEPTH_MAX) {
                Some(Refused::TooDeep(line)) => return Err(ArxmlError::TooDeep { line, max: DEPTH_MAX }),
                Some(Refused::Empty(line)) => return Err(ArxmlError::EmptyInstruction { line }),
                None => {}
            }
            // The name only tells files of a model apart; nothing is opened.
            let name = format!("{number}.arxml");
            model.load_buffer(file, name, false).map_err(|error| {
                let line = match &error {
                    AutosarDataError::LexerError { line, .. } | AutosarDataError::ParserError { line, .. } => *line,
                    _ => 0,
                };
                ArxmlError::Syntax { line, source: Box::new(error) }
            })?;
        }
        let mut reading = Reading { protections: protections(&model), ..Reading::default() };
        reading.clusters(&model);
        Ok(Self { messages: reading.messages, faults: reading.faults, sources: reading.sources })
    }
}

#[derive(Default)]
struct Reading {
    /// By path of the PDU.
    protections: HashMap<String, Vec<Protection>>,
    messages: Vec<Message>,
    faults: Vec<Fault>,
    sources: usize,
}

/// The end-to-end protections of a model, by the path of the PDU that they protect.
fn protections(model: &AutosarModel) -> HashMap<String, Vec<Protection>> {
    let mut found: HashMap<String, Vec<Protection>> = HashMap::new();
    let elements = model.elements_dfs().map(|(_, element)| element);
    for element in elements.filter(|element| element.element_name() == ElementName::EndToEndProtection) {
        let Some(profile) = child(&element, ElementName::EndToEndProfile) else { continue };
        let ids = child(&profile, ElementName::DataIds);
        let ids = ids.iter().flat_map(|ids| all(ids, ElementName::DataId)).take(16);
        let bits = |name| whole(&profile, name).and_then(|bits| u32::try_from(bits).ok());
        let protection = Protection {
            profile: text(&profile, ElementName::Category).unwrap_or_default(),
            data_ids: ids.filter_map(|id| tree::own_whole(&id)?.try_into().ok()).collect(),
            data_id_mode: whole(&profile, ElementName::DataIdMode).and_then(|mode| mode.try_into().ok()),
            data_length: bits(ElementName::DataLength),
            crc_offset: bits(ElementName::CrcOffset),
            counter_offset: bits(ElementName::CounterOffset),
            data_id_nibble_offset: bits(ElementName::DataIdNibbleOffset),
            data_offset: None,
        };
        let pdus = child(&element, ElementName::EndToEndProtectionISignalIPdus);
        for pdu in pdus.iter().flat_map(|pdus| all(pdus, ElementName::EndToEndProtectionISignalIPdu)) {
            let Some(of) = target(&pdu, ElementName::ISignalIPduRef) else { continue };
            let offset = whole(&pdu, ElementName::DataOffset).and_then(|bits| u32::try_from(bits).ok());
            found.entry(path(&of)).or_default().push(Protection { data_offset: offset, ..protection.clone() });
        }
    }
    found
}

impl Reading {
    fn fault(&mut self, subject: &Element, wrong: Wrong) {
        self.faults.push(Fault { line: 0, subject: path(subject), wrong });
    }

    fn clusters(&mut self, model: &AutosarModel) {
        for (_, channel) in model.elements_dfs() {
            let is_channel = channel.element_name() == ElementName::CanPhysicalChannel;
            let Some(triggerings) = child(&channel, ElementName::FrameTriggerings).filter(|_| is_channel) else {
                continue;
            };
            let name = channel.item_name().unwrap_or_default();
            let is_j1939 = path_has(&channel, ElementName::J1939Cluster);
            for triggering in all(&triggerings, ElementName::CanFrameTriggering) {
                if self.messages.len() == MESSAGES_MAX {
                    self.fault(&triggering, Wrong::TooMany);
                    return;
                }
                if let Some(message) = self.message(&triggering, is_j1939) {
                    self.messages.push(Message { channel: Some(name.clone()), source: self.sources, ..message });
                }
            }
            self.sources = self.sources.saturating_add(1);
        }
    }

    fn message(&mut self, triggering: &Element, is_j1939: bool) -> Option<Message> {
        let Some(id) = identifier(triggering) else {
            self.fault(triggering, Wrong::Identifier);
            return None;
        };
        let Some(frame) = target(triggering, ElementName::FrameRef) else {
            self.fault(triggering, Wrong::Unknown);
            return None;
        };
        let length = whole(&frame, ElementName::FrameLength).and_then(|len| u16::try_from(len).ok());
        let fd = tree::item(triggering, ElementName::CanFrameTxBehavior) == Some(EnumItem::CanFd);
        let mut message = Message {
            name: frame.item_name().unwrap_or_default(),
            id,
            group: parameter_group(id).filter(|_| is_j1939),
            length: length.filter(|len| (1..=64).contains(len)),
            is_fd: fd || length.is_some_and(|len| len > 8),
            cycle: None,
            sender: sender(triggering),
            channel: None,
            signals: Vec::new(),
            protections: Vec::new(),
            is_complete: true,
            source: 0,
        };
        let mappings = child(&frame, ElementName::PduToFrameMappings);
        for mapping in mappings.iter().flat_map(|mappings| all(mappings, ElementName::PduToFrameMapping)) {
            let Some(pdu) = target(&mapping, ElementName::PduRef) else {
                self.fault(&mapping, Wrong::Unknown);
                message.is_complete = false;
                continue;
            };
            // A PDU starts at a whole byte; MSB-first positions name the byte's highest bit.
            let start = whole(&mapping, ElementName::StartPosition).unwrap_or(0) / 8;
            self.pdu(&mut message, &pdu, u16::try_from(start.saturating_mul(8)).unwrap_or(u16::MAX), None);
        }
        Some(message)
    }

    /// Adds what is in a PDU that starts at bit `base` and is there when `selector` says so.
    fn pdu(&mut self, message: &mut Message, pdu: &Element, base: u16, selector: Option<&Selector>) {
        match pdu.element_name() {
            ElementName::ISignalIPdu => self.signals(message, pdu, base, selector),
            ElementName::MultiplexedIPdu if selector.is_none() => self.multiplexed(message, pdu, base),
            // What is in another kind is not known.
            _ => message.is_complete = false,
        }
    }

    fn signals(&mut self, message: &mut Message, pdu: &Element, base: u16, selector: Option<&Selector>) {
        if let Some(cycle) = cycle(pdu) {
            message.cycle = Some(message.cycle.map_or(cycle, |other| other.min(cycle)));
        }
        let protections = self.protections.get(&path(pdu)).cloned().unwrap_or_default();
        message.protections.extend(protections.into_iter().map(|protection| {
            let offset = protection.data_offset.unwrap_or(0).saturating_add(u32::from(base));
            Protection { data_offset: Some(offset), ..protection }
        }));
        let mappings = child(pdu, ElementName::ISignalToPduMappings);
        for mapping in mappings.iter().flat_map(|mappings| all(mappings, ElementName::ISignalToIPduMapping)) {
            // A group is mapped beside its members and has no bits of its own.
            if child(&mapping, ElementName::ISignalGroupRef).is_some() {
                continue;
            }
            let signal = target(&mapping, ElementName::ISignalRef).ok_or(Wrong::Unknown);
            match signal.and_then(|signal| convert(&signal, &mapping, base)) {
                _ if message.signals.len() == SIGNALS_MAX => self.fault(&mapping, Wrong::TooMany),
                Ok(signal) => message.signals.push(Signal { selector: selector.cloned(), ..signal }),
                Err(wrong) => {
                    message.is_complete = false;
                    self.fault(&mapping, wrong);
                }
            }
        }
    }

    fn multiplexed(&mut self, message: &mut Message, pdu: &Element, base: u16) {
        let position = whole(pdu, ElementName::SelectorFieldStartPosition).and_then(|at| u16::try_from(at).ok());
        let size = whole(pdu, ElementName::SelectorFieldLength).and_then(|bits| u8::try_from(bits).ok());
        let (Some(position), Some(size @ 1..=64)) = (position, size) else {
            message.is_complete = false;
            return self.fault(pdu, Wrong::Multiplexor);
        };
        let (start, order) = (position.saturating_add(base), order(pdu, ElementName::SelectorFieldByteOrder));
        let switch =
            Signal { start, size, order, ..plain(format!("{}_Selector", pdu.item_name().unwrap_or_default())) };
        if switch.bytes().is_none() {
            message.is_complete = false;
            return self.fault(pdu, Wrong::Place);
        }
        let index = message.signals.len();
        message.signals.push(switch);
        let statics = child(pdu, ElementName::StaticParts);
        for part in statics.iter().flat_map(|parts| all(parts, ElementName::StaticPart)) {
            match target(&part, ElementName::IPduRef) {
                Some(part) => self.pdu(message, &part, base, None),
                None => self.fault(&part, Wrong::Unknown),
            }
        }
        let dynamics = child(pdu, ElementName::DynamicParts);
        let parts = dynamics.iter().flat_map(|parts| all(parts, ElementName::DynamicPart));
        let alternatives = parts.filter_map(|part| child(&part, ElementName::DynamicPartAlternatives));
        let alternatives: Vec<Element> =
            alternatives.flat_map(|list| all(&list, ElementName::DynamicPartAlternative).collect::<Vec<_>>()).collect();
        for part in alternatives {
            let code = whole(&part, ElementName::SelectorFieldCode).and_then(|code| u64::try_from(code).ok());
            match (target(&part, ElementName::IPduRef), code) {
                (Some(part), Some(code)) => {
                    let selector = Selector { signal: index, ranges: vec![(code, code)] };
                    self.pdu(message, &part, base, Some(&selector));
                }
                _ => self.fault(&part, Wrong::Multiplexor),
            }
        }
    }
}

fn path_has(element: &Element, name: ElementName) -> bool {
    let parents = std::iter::successors(element.parent().ok().flatten(), |element| element.parent().ok().flatten());
    parents.take(DEPTH_MAX).any(|element| element.element_name() == name)
}

fn identifier(triggering: &Element) -> Option<CanId> {
    let raw = u32::try_from(whole(triggering, ElementName::Identifier)?).ok()?;
    if tree::item(triggering, ElementName::CanAddressingMode) == Some(EnumItem::Extended) {
        return ExtendedId::new(raw).ok().map(CanId::Extended);
    }
    StandardId::new(u16::try_from(raw).ok()?).ok().map(CanId::Standard)
}

/// The control unit whose connector has the port that the frame leaves by: `/…/Unit/Connector/Port`.
fn sender(triggering: &Element) -> Option<String> {
    let ports = child(triggering, ElementName::FramePortRefs)?;
    let out = |reference: Element| {
        let port = reference.get_reference_target().ok()?;
        let is_out = tree::item(&port, ElementName::CommunicationDirection) == Some(EnumItem::Out);
        path(&port).rsplit('/').nth(2).filter(|_| is_out).map(str::to_owned)
    };
    all(&ports, ElementName::FramePortRef).find_map(out)
}

/// Period of the cyclic sending of a PDU, µs.
fn cycle(pdu: &Element) -> Option<u32> {
    let timings = child(pdu, ElementName::IPduTimingSpecifications)?;
    let timing = all(&timings, ElementName::IPduTiming).next()?;
    let declaration = child(&timing, ElementName::TransmissionModeDeclaration)?;
    let mode = child(&declaration, ElementName::TransmissionModeTrueTiming)?;
    let period = child(&child(&mode, ElementName::CyclicTiming)?, ElementName::TimePeriod)?;
    scaling::micros(number(&period, ElementName::Value)?)
}

fn order(element: &Element, name: ElementName) -> Order {
    match tree::item(element, name) {
        Some(EnumItem::MostSignificantByteFirst) => Order::BigEndian,
        _ => Order::LittleEndian,
    }
}

fn plain(name: String) -> Signal {
    Signal {
        name,
        start: 0,
        size: 1,
        order: Order::LittleEndian,
        encoding: Encoding::Unsigned,
        factor: 1.0,
        offset: 0.0,
        range: None,
        unit: String::new(),
        texts: Vec::new(),
        initial: None,
        selector: None,
    }
}

fn convert(signal: &Element, mapping: &Element, base: u16) -> Result<Signal, Wrong> {
    let size = whole(signal, ElementName::Length).and_then(|bits| u8::try_from(bits).ok());
    let size = size.filter(|size| (1..=64).contains(size)).ok_or(Wrong::Size)?;
    let position = whole(mapping, ElementName::StartPosition).and_then(|at| u16::try_from(at).ok());
    let start = position.and_then(|position| position.checked_add(base)).filter(|at| *at < 512).ok_or(Wrong::Place)?;
    let scaling = Scaling::of(signal);
    let encoding = match (scaling.encoding, size) {
        (Encoding::Float32 | Encoding::Float64, 32) => Encoding::Float32,
        (Encoding::Float32 | Encoding::Float64, 64) => Encoding::Float64,
        (Encoding::Float32 | Encoding::Float64, _) => return Err(Wrong::Float),
        (encoding, _) => encoding,
    };
    let converted = Signal {
        start,
        size,
        order: order(mapping, ElementName::PackingByteOrder),
        encoding,
        factor: scaling.factor,
        offset: scaling.offset,
        range: scaling.range,
        unit: scaling.unit,
        texts: scaling.texts,
        initial: scaling.initial.map(|raw| raw * scaling.factor + scaling.offset),
        ..plain(signal.item_name().unwrap_or_default())
    };
    converted.bytes().ok_or(Wrong::Place)?;
    Ok(converted)
}
