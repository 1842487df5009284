//! Frames to physical values, as fast as a capture is read.
//!
//! Not a detector and not for microcontrollers (floating point, memory by the size of the specification). A frame shorter than
//! its message gives the signals that lie within it. Invariant: a signal behind a multiplexor is given only where the
//! multiplexor selects it. Cost: one shift, one mask and one multiplication a signal; no allocation a frame (figures: ADR-0018).

use crate::spec::{Encoding, Message, NESTING_MAX, Order, Signal, Specification, parameter_group};
use std::collections::HashMap;
use yagura_model::{CanId, Frame, FrameKind};

/// A signal's value in a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// Which signal: see [`Decoder::describe`].
    pub signal: usize,
    /// Its bits as a number; those of a floating-point signal as they are, 64 unsigned bits as two's complement.
    pub raw: i64,
    /// Its value in its unit.
    pub value: f64,
}

/// Reads signals out of frames.
#[derive(Clone, Debug)]
pub struct Decoder<'s> {
    specification: &'s Specification,
    /// Message and signal by [`Sample::signal`].
    names: Vec<(usize, usize)>,
    /// Node by identifier; [`NONE`] without a message.
    standard: Vec<u32>,
    extended: HashMap<u32, u32>,
    groups: HashMap<u32, u32>,
    nodes: Vec<Node>,
}

const NONE: u32 = u32::MAX;

/// Signals that are there together.
#[derive(Clone, Debug, Default)]
struct Node {
    steps: Vec<Step>,
    switches: Vec<Switch>,
}

/// A multiplexor and what it selects.
#[derive(Clone, Debug)]
struct Switch {
    step: Step,
    /// Least and greatest raw value, and the node.
    cases: Vec<(u64, u64, u32)>,
}

/// How a signal is read.
#[derive(Clone, Copy, Debug)]
struct Step {
    window: Window,
    shift: u32,
    mask: u64,
    /// Bits of 64 that the signal leaves.
    unused: u32,
    /// Bytes that it needs.
    bytes: usize,
    encoding: Encoding,
    factor: f64,
    offset: f64,
    signal: usize,
}

/// Which bytes a signal is read from.
#[derive(Clone, Copy, Debug)]
enum Window {
    /// The first eight, least significant first.
    FirstLittle,
    /// The first eight, most significant first.
    FirstBig,
    /// Any, from this byte on.
    Bytes { first: usize, order: Order },
}

/// A frame's data as signals are read from it.
#[derive(Clone, Copy)]
struct Data<'a> {
    bytes: &'a [u8],
    little: u64,
    big: u64,
}

impl<'a> Data<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        let first = bytes.first_chunk::<8>().copied().unwrap_or_else(|| {
            let mut first = [0; 8];
            first.iter_mut().zip(bytes).for_each(|(room, byte)| *room = *byte);
            first
        });
        Self { bytes, little: u64::from_le_bytes(first), big: u64::from_be_bytes(first) }
    }
}

impl Step {
    fn new(signal: &Signal, index: usize) -> Option<Self> {
        let bytes = usize::from(signal.bytes()?);
        let size = u32::from(signal.size);
        let unused = 64_u32.checked_sub(size)?;
        let (window, shift) = match signal.order {
            Order::LittleEndian if bytes <= 8 => (Window::FirstLittle, u32::from(signal.start)),
            Order::BigEndian if bytes <= 8 => {
                let end = u32::from(signal.msb_first_start()).checked_add(size)?;
                (Window::FirstBig, 64_u32.checked_sub(end)?)
            }
            Order::LittleEndian => {
                let first = usize::from(signal.start / 8);
                (Window::Bytes { first, order: signal.order }, u32::from(signal.start % 8))
            }
            Order::BigEndian => {
                let end = u32::from(signal.msb_first_start()).checked_add(size)?;
                let first = usize::from(signal.msb_first_start() / 8);
                (
                    Window::Bytes { first, order: signal.order },
                    u32::try_from(bytes).ok()?.checked_mul(8)?.checked_sub(end)?,
                )
            }
        };
        let (encoding, factor, offset) = (signal.encoding, signal.factor, signal.offset);
        Some(Self { window, shift, mask: u64::MAX >> unused, unused, bytes, encoding, factor, offset, signal: index })
    }

    fn raw(&self, data: Data<'_>) -> Option<u64> {
        if data.bytes.len() < self.bytes {
            return None;
        }
        let value = match self.window {
            Window::FirstLittle => data.little >> self.shift,
            Window::FirstBig => data.big >> self.shift,
            Window::Bytes { first, order } => {
                let bytes = data.bytes.get(first..self.bytes)?;
                let join = |value: u128, byte: &u8| (value << 8) | u128::from(*byte);
                let value = match order {
                    Order::LittleEndian => bytes.iter().rev().fold(0, join),
                    Order::BigEndian => bytes.iter().fold(0, join),
                };
                low_half(value >> self.shift)
            }
        };
        Some(value & self.mask)
    }

    #[expect(clippy::cast_precision_loss, reason = "a physical value has 53 bits, as in every tool")]
    #[expect(clippy::cast_possible_truncation, reason = "a signal of 32 bits has no others")]
    fn sample(&self, raw: u64) -> Sample {
        let (raw, number) = match self.encoding {
            Encoding::Unsigned => (raw.cast_signed(), raw as f64),
            Encoding::Signed => {
                let value = (raw << self.unused).cast_signed() >> self.unused;
                (value, value as f64)
            }
            Encoding::Float32 => (raw.cast_signed(), f64::from(f32::from_bits(raw as u32))),
            Encoding::Float64 => (raw.cast_signed(), f64::from_bits(raw)),
        };
        Sample { signal: self.signal, raw, value: number * self.factor + self.offset }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the signal lies in the lower half")]
const fn low_half(value: u128) -> u64 {
    value as u64
}

impl<'s> Decoder<'s> {
    /// Prepares for the messages of a specification. Of two messages with one identifier the first is used; one that names an
    /// identifier comes before one that names a parameter group.
    #[must_use]
    pub fn new(specification: &'s Specification) -> Self {
        let mut decoder = Self {
            specification,
            names: Vec::new(),
            standard: vec![NONE; 0x800],
            extended: HashMap::new(),
            groups: HashMap::new(),
            nodes: Vec::new(),
        };
        for (index, message) in specification.messages.iter().enumerate() {
            let node = decoder.message(index, message);
            match (message.group, message.id) {
                (Some(group), _) => {
                    decoder.groups.entry(group).or_insert(node);
                }
                (None, CanId::Extended(id)) => {
                    decoder.extended.entry(id.raw()).or_insert(node);
                }
                (None, CanId::Standard(id)) => {
                    if let Some(place) = decoder.standard.get_mut(usize::from(id.raw())).filter(|node| **node == NONE) {
                        *place = node;
                    }
                }
            }
        }
        decoder
    }

    /// The signals of a message as nodes; returns the one that is always there.
    fn message(&mut self, message: usize, of: &Message) -> u32 {
        let first = self.names.len();
        self.names.extend((0..of.signals.len()).map(|signal| (message, signal)));
        self.node(&of.signals, first, None, 0)
    }

    /// The node of the signals that `parent` selects by the values from the first to the second.
    fn node(&mut self, signals: &[Signal], first: usize, parent: Option<(usize, (u64, u64))>, depth: usize) -> u32 {
        let mut node = Node::default();
        for (at, signal) in signals.iter().enumerate() {
            let is_here = match (&signal.selector, parent) {
                (None, None) => true,
                (Some(selector), Some((by, range))) => selector.signal == by && selector.ranges.contains(&range),
                _ => false,
            };
            let step = Step::new(signal, first.saturating_add(at)).filter(|_| is_here);
            let Some(step) = step else { continue };
            node.steps.push(step);
            if depth < NESTING_MAX {
                let cases = self.cases(signals, first, at, depth);
                if !cases.is_empty() {
                    node.switches.push(Switch { step, cases });
                }
            }
        }
        self.nodes.push(node);
        u32::try_from(self.nodes.len().saturating_sub(1)).unwrap_or(NONE)
    }

    fn cases(&mut self, signals: &[Signal], first: usize, by: usize, depth: usize) -> Vec<(u64, u64, u32)> {
        let selected = signals.iter().filter_map(|signal| signal.selector.as_ref()).filter(|s| s.signal == by);
        let mut ranges: Vec<(u64, u64)> = selected.flat_map(|selector| selector.ranges.iter().copied()).collect();
        ranges.sort_unstable();
        ranges.dedup();
        let node =
            |(low, high)| (low, high, self.node(signals, first, Some((by, (low, high))), depth.saturating_add(1)));
        ranges.into_iter().map(node).collect()
    }

    /// The message and signal that [`Sample::signal`] stands for.
    #[must_use]
    pub fn describe(&self, signal: usize) -> Option<(&'s Message, &'s Signal)> {
        let (message, signal) = *self.names.get(signal)?;
        let message = self.specification.messages.get(message)?;
        Some((message, message.signals.get(signal)?))
    }

    fn root(&self, id: CanId) -> Option<&Node> {
        let node = match id {
            CanId::Standard(id) => *self.standard.get(usize::from(id.raw()))?,
            CanId::Extended(raw) => match self.extended.get(&raw.raw()) {
                Some(node) => *node,
                None => *self.groups.get(&parameter_group(id)?)?,
            },
        };
        self.nodes.get(usize::try_from(node).ok()?)
    }

    /// Whether the specification has a message for this identifier.
    #[must_use]
    pub fn knows(&self, id: CanId) -> bool {
        self.root(id).is_some()
    }

    /// Gives `take` each signal that the frame carries, in the order of the specification within what is always there and then
    /// within what multiplexors select. Returns whether the specification knows the frame.
    pub fn decode(&self, frame: &Frame, mut take: impl FnMut(Sample)) -> bool {
        if !matches!(frame.kind, FrameKind::Data | FrameKind::Fd { .. }) {
            return false;
        }
        let Some(root) = self.root(frame.id) else { return false };
        self.walk(root, Data::new(frame.payload.as_slice()), &mut take);
        true
    }

    fn walk(&self, node: &Node, data: Data<'_>, take: &mut impl FnMut(Sample)) {
        node.steps.iter().for_each(|step| {
            if let Some(raw) = step.raw(data) {
                take(step.sample(raw));
            }
        });
        for switch in &node.switches {
            let Some(raw) = switch.step.raw(data) else { continue };
            let selected = switch.cases.iter().filter(|(low, high, _)| *low <= raw && raw <= *high);
            let nodes = selected.filter_map(|(.., node)| self.nodes.get(usize::try_from(*node).ok()?));
            nodes.for_each(|node| self.walk(node, data, take));
        }
    }
}
