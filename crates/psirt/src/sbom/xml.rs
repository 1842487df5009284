//! CycloneDX as XML: the children of `components` and its like, one by one.
//!
//! Not a validator (`validate` is), not a document tree. Entities of a document type are not expanded, so that there is nothing to blow up.
//! Invariants: one element of at most [`ELEMENT_BYTES_MAX`] bytes and [`DEPTH_MAX`] levels is held.

use std::io::BufRead;

use memchr::memchr_iter;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serde::Deserialize;

use super::cyclonedx::{self, Dependency, Raw};
use super::cyclonedx_vex::{self, Vulnerability};
use super::json::ELEMENT_BYTES_MAX;
use super::tree::{DEPTH_MAX, Node};
use super::{Document, Format, SbomError};
use crate::component::{Anomaly, Sink};

const NAMESPACE: &str = "http://cyclonedx.org/schema/bom/";

/// Where in the document the reader is.
#[derive(Default)]
struct Position {
    /// Names from the root to here, as far as they matter.
    depth: usize,
    section: String,
    index: usize,
    /// Elements that are open within the item that is being built.
    open: Vec<Node>,
    bytes: usize,
    /// Why the item is not wanted, once that is known.
    refused: Option<&'static str>,
    serial: Option<String>,
}

pub(super) fn read(input: impl BufRead, sink: &mut dyn Sink) -> Result<Document, SbomError> {
    let mut reader = Reader::from_reader(input);
    let mut document = Document { format: Format::CycloneDxXml, version: None, complete: true };
    let (mut buffer, mut position, mut line) = (Vec::new(), Position::default(), 1_usize);
    loop {
        buffer.clear();
        let event = match reader.read_event_into(&mut buffer) {
            Ok(event) => event,
            Err(quick_xml::Error::Io(error)) => return Err(SbomError::Io(std::io::Error::other(error))),
            Err(error) => {
                document.complete = false;
                let place = format!("line {line}, byte {}", reader.error_position());
                sink.anomaly(Anomaly {
                    place,
                    what: format!("not well-formed XML: {error}; what follows is not read"),
                });
                return Ok(document);
            }
        };
        match &event {
            Event::Start(tag) => position.start(tag, &mut document, line, sink)?,
            Event::Empty(tag) => {
                position.start(tag, &mut document, line, sink)?;
                position.end(line, sink);
            }
            Event::End(_) => position.end(line, sink),
            Event::Text(text) => position.text(&String::from_utf8_lossy(text)),
            Event::CData(text) => position.text(&String::from_utf8_lossy(text)),
            Event::GeneralRef(entity) => match resolve(&String::from_utf8_lossy(entity)) {
                Some(character) => position.text(character.encode_utf8(&mut [0; 4])),
                None => sink.anomaly(Anomaly {
                    place: format!("line {line}"),
                    what: format!(
                        "the entity &{}; is not one of XML's own and is left out",
                        String::from_utf8_lossy(entity)
                    ),
                }),
            },
            Event::DocType(_) => sink.anomaly(Anomaly {
                place: format!("line {line}"),
                what: "a document type declaration, which CycloneDX does not have, is not read".to_owned(),
            }),
            Event::Eof => break,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
        }
        line = line.saturating_add(memchr_iter(b'\n', &event).count());
    }
    if position.depth > 0 {
        document.complete = false;
        sink.anomaly(Anomaly {
            place: format!("line {line}"),
            what: format!("the document ends with {} elements open: it is truncated", position.depth),
        });
    }
    Ok(document)
}

impl Position {
    fn start(
        &mut self,
        tag: &BytesStart<'_>,
        document: &mut Document,
        line: usize,
        sink: &mut dyn Sink,
    ) -> Result<(), SbomError> {
        let name = String::from_utf8_lossy(tag.local_name().into_inner()).into_owned();
        self.depth = self.depth.saturating_add(1);
        match self.depth {
            1 if name == "bom" => {
                self.serial = attribute(tag, "serialNumber");
                document.version = tag.attributes().flatten().find_map(|attribute| {
                    String::from_utf8_lossy(&attribute.value).strip_prefix(NAMESPACE).map(str::to_owned)
                });
                if document.version.is_none() {
                    let what = format!("no namespace that begins with {NAMESPACE}; read as the newest version");
                    sink.anomaly(Anomaly { place: format!("line {line}"), what });
                }
            }
            1 => return Err(SbomError::Unknown { begins: format!("<{name}") }),
            2 => (self.section, self.index) = (name, 0),
            3 if !self.wanted(&name) => {}
            _ if self.depth == 3 || !self.open.is_empty() => self.open(name, tag),
            _ => {}
        }
        Ok(())
    }

    fn wanted(&self, name: &str) -> bool {
        matches!(
            (self.section.as_str(), name),
            ("metadata" | "components", "component")
                | ("services", "service")
                | ("dependencies", "dependency")
                | ("vulnerabilities", "vulnerability")
        )
    }

    fn open(&mut self, name: String, tag: &BytesStart<'_>) {
        if self.open.len() >= DEPTH_MAX {
            self.refused = Some("nested too deeply");
        }
        if self.bytes > ELEMENT_BYTES_MAX {
            self.refused = Some("too large");
        }
        let mut node = Node::new(name);
        if self.refused.is_none() {
            for attribute in tag.attributes().flatten() {
                let key = String::from_utf8_lossy(attribute.key.local_name().into_inner()).into_owned();
                let value = unescaped(&attribute.value);
                self.bytes = self.bytes.saturating_add(value.len()).saturating_add(size_of::<Node>());
                node.children.push(Node::with_text(key, value));
            }
        }
        self.bytes = self.bytes.saturating_add(size_of::<Node>());
        // What is refused is not built, only counted.
        if self.refused.is_none() || self.open.is_empty() {
            self.open.push(node);
        }
    }

    fn text(&mut self, text: &str) {
        if let (Some(node), None) = (self.open.last_mut(), self.refused) {
            node.text.push_str(text);
            self.bytes = self.bytes.saturating_add(text.len());
        }
    }

    fn end(&mut self, line: usize, sink: &mut dyn Sink) {
        let depth = self.depth;
        self.depth = depth.saturating_sub(1);
        if depth > 3 {
            if self.refused.is_none()
                && let Some(mut node) = self.open.pop()
                && let Some(parent) = self.open.last_mut()
            {
                if !node.children.is_empty() && node.text.trim().is_empty() {
                    node.text.clear();
                }
                node.text = node.text.trim().to_owned();
                parent.add(node);
            }
            return;
        }
        if depth != 3 || self.open.is_empty() {
            return;
        }
        let node = self.open.drain(..).next().unwrap_or_default();
        let pointer = match self.section.as_str() {
            "metadata" => "/metadata/component".to_owned(),
            section => format!("/{section}/{}", self.index),
        };
        self.index = self.index.saturating_add(1);
        self.bytes = 0;
        let result = match self.refused.take() {
            Some(why) => Err(format!("{why}: the limits are {DEPTH_MAX} levels and {ELEMENT_BYTES_MAX} bytes")),
            None => self.hand_on(node, &pointer, sink).map_err(|error| error.to_string()),
        };
        if let Err(what) = result {
            sink.anomaly(Anomaly { place: format!("{pointer} (ends on line {line})"), what });
        }
    }

    fn hand_on(&mut self, node: Node, pointer: &str, sink: &mut dyn Sink) -> Result<(), super::tree::NodeError> {
        match self.section.as_str() {
            "metadata" | "components" => _ = cyclonedx::component(Raw::deserialize(node)?, pointer, sink),
            "services" => _ = cyclonedx::service(Raw::deserialize(node)?, pointer, sink),
            "dependencies" => cyclonedx::dependency(Dependency::deserialize(node)?, sink),
            _ => cyclonedx_vex::vulnerability(Vulnerability::deserialize(node)?, self.serial.as_deref(), sink),
        }
        Ok(())
    }
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    tag.try_get_attribute(name).ok().flatten().map(|attribute| unescaped(&attribute.value))
}

fn unescaped(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value);
    quick_xml::escape::unescape(&text).map_or_else(|_| text.clone().into_owned(), |text| text.into_owned())
}

/// A character reference or one of XML's five entities.
fn resolve(entity: &str) -> Option<char> {
    if let Some(number) = entity.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(code);
    }
    Some(match entity {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "apos" => '\'',
        "quot" => '"',
        _ => return None,
    })
}
