//! CycloneDX 1.3 to 1.7 as protobuf, binary and text, through the descriptor of 1.7, which reads what the versions before it wrote.
//!
//! Not generated code: messages are read by reflection and handed on as small trees. The binary form is read field by field from the stream,
//! so that one component of at most [`ELEMENT_BYTES_MAX`] bytes is held; the text form, which exists for tests and eyes, is held whole.

use std::io::{self, BufRead, Read};
use std::sync::LazyLock;

use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, MessageDescriptor, ReflectMessage, Value};
use serde::Deserialize;

use super::cyclonedx::{self, Dependency, Raw};
use super::cyclonedx_vex::{self, Vulnerability};
use super::json::ELEMENT_BYTES_MAX;
use super::tree::{Node, NodeError};
use super::{Document, Format, SbomError, schemas, textproto};
use crate::Instant;
use crate::component::{Anomaly, Sink};

/// Bytes of a text document.
const TEXT_BYTES_MAX: usize = 64 << 20;
const MICROS: i64 = 1_000_000;

/// The message `Bom` of CycloneDX 1.7.
pub(super) fn bom() -> Option<MessageDescriptor> {
    static POOL: LazyLock<Option<DescriptorPool>> =
        LazyLock::new(|| DescriptorPool::decode(schemas::descriptor().as_slice()).ok());
    POOL.as_ref()?.get_message_by_name("cyclonedx.v1_7.Bom")
}

pub(super) fn read_text(mut input: impl Read, sink: &mut dyn Sink) -> Result<Document, SbomError> {
    let mut text = String::new();
    input.by_ref().take(TEXT_BYTES_MAX as u64).read_to_string(&mut text)?;
    let text = textproto::plain(&text);
    let descriptor = bom().ok_or_else(|| SbomError::Unknown { begins: "protobuf".to_owned() })?;
    let mut document = Document { format: Format::CycloneDxText, version: None, complete: true };
    let message = match DynamicMessage::parse_text_format(descriptor, &text) {
        Ok(message) => message,
        Err(error) => {
            document.complete = false;
            sink.anomaly(Anomaly {
                place: place_of(&error, &text),
                what: format!("not a CycloneDX text message: {error}"),
            });
            return Ok(document);
        }
    };
    let mut root = Root::default();
    for (field, value) in message.fields() {
        match value {
            Value::List(items) => items.iter().for_each(|item| root.field(&field, item, sink)),
            value => root.field(&field, value, sink),
        }
    }
    document.version = root.version;
    Ok(document)
}

/// Line and column of an error in a text message.
pub(super) fn place_of(error: &impl miette::Diagnostic, text: &str) -> String {
    let offset = error.labels().and_then(|mut labels| labels.next()).map_or(0, |label| label.offset());
    let before = text.get(..offset).unwrap_or_default();
    let line = before.matches('\n').count().saturating_add(1);
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count().saturating_add(1);
    format!("line {line}, column {column}")
}

pub(super) fn read_binary(mut input: impl BufRead, sink: &mut dyn Sink) -> Result<Document, SbomError> {
    let descriptor = bom().ok_or_else(|| SbomError::Unknown { begins: "protobuf".to_owned() })?;
    let mut document = Document { format: Format::CycloneDxProtobuf, version: None, complete: true };
    let (mut root, mut offset) = (Root::default(), 0_u64);
    loop {
        if input.fill_buf()?.is_empty() {
            break;
        }
        let at = offset;
        match field(&mut input, &mut offset, &descriptor) {
            Ok(Some((field, value))) => root.field(&field, &value, sink),
            Ok(None) => {}
            Err(Wrong::Here(what)) => sink.anomaly(Anomaly { place: format!("byte {at}"), what }),
            Err(Wrong::Stream(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                document.complete = false;
                let what = "the document ends within the field that begins here: it is truncated".to_owned();
                sink.anomaly(Anomaly { place: format!("byte {at}"), what });
                break;
            }
            Err(Wrong::Stream(error)) if error.kind() == io::ErrorKind::InvalidData => {
                document.complete = false;
                sink.anomaly(Anomaly {
                    place: format!("byte {at}"),
                    what: format!("{error}; what follows is not read"),
                });
                break;
            }
            Err(Wrong::Stream(error)) => return Err(SbomError::Io(error)),
        }
    }
    document.version = root.version;
    Ok(document)
}

enum Wrong {
    /// This field cannot be read; the next can.
    Here(String),
    /// Nothing can be read any more.
    Stream(io::Error),
}

/// Reads one field of `Bom`; `None` if nobody wants it.
fn field(
    input: &mut impl BufRead,
    offset: &mut u64,
    descriptor: &MessageDescriptor,
) -> Result<Option<(FieldDescriptor, Value)>, Wrong> {
    const GROUP_BITS: u64 = 7;
    let tag = varint(input, offset).map_err(Wrong::Stream)?;
    let length = match tag & GROUP_BITS {
        0 => {
            varint(input, offset).map_err(Wrong::Stream)?;
            return Ok(None);
        }
        1 => 8,
        2 => varint(input, offset).map_err(Wrong::Stream)?,
        5 => 4,
        kind => {
            let what = format!("wire type {kind} is not one that CycloneDX uses");
            return Err(Wrong::Stream(io::Error::new(io::ErrorKind::InvalidData, what)));
        }
    };
    *offset = offset.saturating_add(length);
    let number = u32::try_from(tag >> 3).unwrap_or(u32::MAX);
    let known = descriptor.get_field(number).filter(|_| matches!(number, 1 | 3 | 4 | 5 | 6 | 8 | 10));
    let limited = length <= ELEMENT_BYTES_MAX as u64;
    let (Some(known), true) = (known.clone(), limited) else {
        let skipped = io::copy(&mut input.take(length), &mut io::sink()).map_err(Wrong::Stream)?;
        return match (skipped < length, known) {
            (true, _) => Err(Wrong::Stream(io::ErrorKind::UnexpectedEof.into())),
            (_, Some(field)) => {
                Err(Wrong::Here(format!("{} of {length} bytes, the limit is {ELEMENT_BYTES_MAX}", field.name())))
            }
            _ => Ok(None),
        };
    };
    let mut bytes = Vec::new();
    input.take(length).read_to_end(&mut bytes).map_err(Wrong::Stream)?;
    if (bytes.len() as u64) < length {
        return Err(Wrong::Stream(io::ErrorKind::UnexpectedEof.into()));
    }
    let value = match known.kind().as_message() {
        Some(message) => Value::Message(
            DynamicMessage::decode(message.clone(), bytes.as_slice())
                .map_err(|error| Wrong::Here(format!("{} cannot be read: {error}", known.name())))?,
        ),
        None => Value::String(String::from_utf8_lossy(&bytes).into_owned()),
    };
    Ok(Some((known, value)))
}

fn varint(input: &mut impl Read, offset: &mut u64) -> io::Result<u64> {
    let (mut value, mut byte) = (0_u64, [0_u8; 1]);
    for shift in (0..u64::BITS).step_by(7) {
        input.read_exact(&mut byte)?;
        *offset = offset.saturating_add(1);
        value |= u64::from(byte[0] & 0x7F).checked_shl(shift).unwrap_or_default();
        if byte[0] & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, "a number of more than ten bytes: this is not protobuf"))
}

/// What the fields of `Bom` say about each other.
#[derive(Default)]
struct Root {
    version: Option<String>,
    serial: Option<String>,
    counts: [usize; 4],
}

impl Root {
    fn field(&mut self, field: &FieldDescriptor, value: &Value, sink: &mut dyn Sink) {
        let [components, services, vulnerabilities, dependencies] = &mut self.counts;
        let count = match field.number() {
            1 => return self.version = value.as_str().map(str::to_owned),
            3 => return self.serial = value.as_str().map(str::to_owned),
            5 => components,
            6 => services,
            8 => dependencies,
            _ => vulnerabilities,
        };
        let Some(message) = value.as_message() else { return };
        let pointer = format!("/{}/{count}", field.json_name());
        *count = count.saturating_add(1);
        if let Err(error) = self.hand_on(field.number(), message, &pointer, sink) {
            sink.anomaly(Anomaly { place: pointer, what: error.to_string() });
        }
    }

    fn hand_on(
        &self,
        number: u32,
        message: &DynamicMessage,
        pointer: &str,
        sink: &mut dyn Sink,
    ) -> Result<(), NodeError> {
        match number {
            4 => {
                let metadata = message.fields().find(|(field, _)| field.name() == "component");
                if let Some(component) = metadata.as_ref().and_then(|(_, value)| value.as_message()) {
                    cyclonedx::component(Raw::deserialize(node(component, "component"))?, "/metadata/component", sink);
                }
            }
            5 => _ = cyclonedx::component(Raw::deserialize(node(message, "component"))?, pointer, sink),
            6 => _ = cyclonedx::service(Raw::deserialize(node(message, "service"))?, pointer, sink),
            8 => cyclonedx::dependency(Dependency::deserialize(node(message, "dependency"))?, sink),
            10 => {
                let entry = Vulnerability::deserialize(node(message, "vulnerability"))?;
                cyclonedx_vex::vulnerability(entry, self.serial.as_deref(), sink);
            }
            _ => {}
        }
        Ok(())
    }
}

/// A message as a tree with the names that JSON uses.
fn node(message: &DynamicMessage, name: &str) -> Node {
    let mut node = Node::new(name);
    if message.descriptor().full_name() == "google.protobuf.Timestamp" {
        let part = |name: &str| message.get_field_by_name(name).and_then(|value| value.as_i64()).unwrap_or_default();
        node.text = Instant(part("seconds").saturating_mul(MICROS)).text();
        return node;
    }
    for (field, value) in message.fields() {
        let name = field.json_name();
        node.children.push(match value {
            Value::List(items) => Node {
                name: name.to_owned(),
                list: true,
                children: items.iter().map(|item| scalar(&field, item, name)).collect(),
                ..Node::default()
            },
            value => scalar(&field, value, name),
        });
    }
    node
}

fn scalar(field: &FieldDescriptor, value: &Value, name: &str) -> Node {
    let text = match value {
        Value::Message(message) => return node(message, name),
        Value::String(text) => text.clone(),
        Value::EnumNumber(number) => word(field, *number),
        Value::Bool(value) => value.to_string(),
        Value::I32(number) => number.to_string(),
        Value::I64(number) => number.to_string(),
        _ => String::new(),
    };
    Node::with_text(name, text)
}

/// `CLASSIFICATION_OPERATING_SYSTEM` → `operating_system`.
fn word(field: &FieldDescriptor, number: i32) -> String {
    let kind = field.kind();
    let Some(words) = kind.as_enum() else { return String::new() };
    let mut prefix = String::new();
    for letter in words.name().chars() {
        if letter.is_ascii_uppercase() && !prefix.is_empty() {
            prefix.push('_');
        }
        prefix.push(letter.to_ascii_uppercase());
    }
    let name = words.get_value(number).map(|value| value.name().to_owned()).unwrap_or_default();
    let word = name.strip_prefix(&prefix).map_or(name.as_str(), |word| word.trim_start_matches('_'));
    // The zero of an enumeration says nothing.
    if ["NULL", "UNSPECIFIED"].contains(&word) { String::new() } else { word.to_ascii_lowercase() }
}
