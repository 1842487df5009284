//! Holds a document against the official schema of its version.
//!
//! Not a reader: reading is tolerant and pays nothing for this. CycloneDX is judged by its JSON Schema, its XSD or its protobuf descriptor, and
//! for protobuf, whose schema cannot say "required", by the fields that the other two require. Of formats for which no schema is shipped
//! the reader's anomalies are the answer. The document is held whole. Cost: about 1 ms, once per version some 10 ms.

use std::io::Cursor;
use std::sync::OnceLock;

use jsonschema::{Registry, Validator};
use prost_reflect::{DynamicMessage, ReflectMessage, Value as Field};
use serde_json::Value;
use uppsala::XsdValidator;

use super::{SbomError, Syntax, protobuf, schemas, syntax, textproto};
use crate::component::{Anomaly, Inventory};

/// Findings of one document; more of the same help nobody.
pub const FINDINGS_MAX: usize = 100;

const NAMESPACE: &str = "http://cyclonedx.org/schema/bom/";
const XML_VERSIONS: [&str; 8] = ["1.0", "1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "1.7"];
const JSON_VERSIONS: [&str; 6] = ["1.2", "1.3", "1.4", "1.5", "1.6", "1.7"];
const PROTOBUF_VERSIONS: [&str; 5] = ["1.3", "1.4", "1.5", "1.6", "1.7"];

/// What is wrong with a document; nothing if it is valid.
///
/// # Errors
/// If it is nothing that is known here.
pub fn validate(bytes: &[u8]) -> Result<Vec<Anomaly>, SbomError> {
    let mut found = match syntax(bytes) {
        Some(Syntax::Json) => match serde_json::from_slice::<Value>(bytes) {
            Err(error) => vec![finding(format!("line {}, column {}", error.line(), error.column()), error.to_string())],
            Ok(document) if document.get("bomFormat").is_some() || document.get("specVersion").is_some() => {
                json(&document)
            }
            Ok(_) => by_reading(bytes)?,
        },
        Some(Syntax::Xml) => xml(bytes),
        Some(Syntax::ProtobufText) => protobuf_text(bytes),
        Some(Syntax::Protobuf) => match protobuf::bom().map(|bom| DynamicMessage::decode(bom, bytes)) {
            Some(Ok(message)) => required(&message),
            Some(Err(error)) => vec![finding("the document".to_owned(), error.to_string())],
            None => Vec::new(),
        },
        Some(Syntax::Rdf | Syntax::TagValue | Syntax::Yaml) | None => by_reading(bytes)?,
    };
    found.truncate(FINDINGS_MAX);
    Ok(found)
}

fn finding(place: String, what: String) -> Anomaly {
    Anomaly { place, what }
}

fn by_reading(bytes: &[u8]) -> Result<Vec<Anomaly>, SbomError> {
    let mut inventory = Inventory::default();
    super::read(Cursor::new(bytes), &mut inventory)?;
    Ok(inventory.anomalies)
}

/// The place of a version among those that have a schema, or what is wrong with it.
fn version(given: Option<&str>, known: &[&str], place: &str) -> Result<usize, Vec<Anomaly>> {
    let given = given.unwrap_or_default();
    known.iter().position(|version| *version == given).ok_or_else(|| {
        vec![finding(place.to_owned(), format!("version '{given}', expected one of {}", known.join(", ")))]
    })
}

fn json(document: &Value) -> Vec<Anomaly> {
    static VALIDATORS: [OnceLock<Option<Validator>>; JSON_VERSIONS.len()] =
        [const { OnceLock::new() }; JSON_VERSIONS.len()];
    let at = match version(document.get("specVersion").and_then(Value::as_str), &JSON_VERSIONS, "/specVersion") {
        Ok(at) => at,
        Err(found) => return found,
    };
    let slot = VALIDATORS.get(at).zip(JSON_VERSIONS.get(at));
    let Some(validator) = slot.and_then(|(slot, version)| slot.get_or_init(|| json_validator(version)).as_ref()) else {
        return vec![finding("/specVersion".to_owned(), "the schema of this version cannot be loaded".to_owned())];
    };
    let errors = validator.iter_errors(document).take(FINDINGS_MAX);
    errors
        .map(|error| {
            let place = error.instance_path().to_string();
            let what: String = error.to_string().chars().take(400).collect();
            finding(if place.is_empty() { "the document".to_owned() } else { place }, what)
        })
        .collect()
}

fn json_validator(version: &str) -> Option<Validator> {
    let load = |name: &str| serde_json::from_str::<Value>(schemas::text(name)?).ok();
    // The first two versions have a strict schema beside one that allows anything.
    let strict = load(&format!("bom-{version}-strict.schema.json"));
    let schema = strict.or_else(|| load(&format!("bom-{version}.schema.json")))?;
    let mut registry = Registry::new();
    for name in ["spdx.schema.json", "jsf-0.82.schema.json", "cryptography-defs.schema.json"] {
        registry = registry.add(format!("http://cyclonedx.org/schema/{name}"), load(name)?).ok()?;
    }
    let registry = registry.prepare().ok()?;
    jsonschema::options().should_validate_formats(true).with_registry(&registry).build(&schema).ok()
}

fn xml(bytes: &[u8]) -> Vec<Anomaly> {
    static VALIDATORS: [OnceLock<Option<XsdValidator>>; XML_VERSIONS.len()] =
        [const { OnceLock::new() }; XML_VERSIONS.len()];
    let document = match uppsala::parse_bytes(bytes) {
        Ok(document) => document,
        Err(error) => return vec![finding("the document".to_owned(), error.to_string())],
    };
    let root = document.document_element().and_then(|root| document.element(root));
    let namespace = root.and_then(|root| root.name.namespace_uri.as_deref()).unwrap_or_default();
    let at = match version(namespace.strip_prefix(NAMESPACE), &XML_VERSIONS, "the namespace of the root") {
        Ok(at) => at,
        Err(found) => return found,
    };
    let slot = VALIDATORS.get(at).zip(XML_VERSIONS.get(at));
    let Some(validator) = slot.and_then(|(slot, version)| slot.get_or_init(|| xml_validator(version)).as_ref()) else {
        return vec![finding("the document".to_owned(), "the schema of this version cannot be loaded".to_owned())];
    };
    let errors = validator.validate(&document).into_iter().take(FINDINGS_MAX);
    errors
        .map(|error| {
            let place = match (error.line, error.column) {
                (Some(line), Some(column)) => format!("line {line}, column {column}"),
                (Some(line), None) => format!("line {line}"),
                _ => "the document".to_owned(),
            };
            finding(place, error.message)
        })
        .collect()
}

fn xml_validator(version: &str) -> Option<XsdValidator> {
    let schema = uppsala::parse(schemas::text(&format!("bom-{version}.xsd"))?).ok()?;
    XsdValidator::from_schema(&schema).ok()
}

fn protobuf_text(bytes: &[u8]) -> Vec<Anomaly> {
    let text = textproto::plain(&String::from_utf8_lossy(bytes));
    match protobuf::bom().map(|bom| DynamicMessage::parse_text_format(bom, &text)) {
        Some(Ok(message)) => required(&message),
        Some(Err(error)) => vec![finding(protobuf::place_of(&error, &text), error.to_string())],
        None => Vec::new(),
    }
}

fn required(message: &DynamicMessage) -> Vec<Anomaly> {
    let given = message.get_field_by_name("spec_version");
    let given = given.as_deref().and_then(Field::as_str).map(str::to_owned);
    // Protobuf cannot tell an absent text from an empty one; the official suite has a valid document without a version.
    let unsaid = given.as_deref().is_none_or(str::is_empty);
    let mut found = match version(given.as_deref(), &PROTOBUF_VERSIONS, "/spec_version") {
        Err(found) if !unsaid => found,
        _ => Vec::new(),
    };
    missing(message, "", &mut found);
    found
}

/// Fields without which a message says nothing: what JSON Schema and XSD require of the same.
fn requirements(message: &str) -> &'static [&'static str] {
    match message {
        "Component" | "Service" | "Property" | "Swid" => &["name"],
        "Hash" => &["value"],
        "Dependency" | "VulnerabilityAffects" => &["ref"],
        "ExternalReference" => &["url"],
        _ => &[],
    }
}

fn missing(message: &DynamicMessage, place: &str, found: &mut Vec<Anomaly>) {
    let descriptor = message.descriptor();
    for name in requirements(descriptor.name()) {
        if !message.has_field_by_name(name) {
            found.push(finding(place.to_owned(), format!("{} without '{name}'", descriptor.name())));
        }
    }
    if ["License", "LicenseChoice"].contains(&descriptor.name()) {
        for choice in descriptor.oneofs().filter(|choice| !choice.is_synthetic()) {
            if !choice.fields().any(|field| message.has_field(&field)) {
                let names: Vec<String> = choice.fields().map(|field| field.name().to_owned()).collect();
                found.push(finding(
                    place.to_owned(),
                    format!("{} without one of {}", descriptor.name(), names.join(", ")),
                ));
            }
        }
    }
    for (field, value) in message.fields() {
        let items = value.as_list();
        let single = items.is_none().then_some(value);
        for (index, item) in items.into_iter().flatten().chain(single).enumerate() {
            if let Some(inner) = item.as_message() {
                missing(inner, &format!("{place}/{}/{index}", field.name()), found);
            }
        }
    }
}
