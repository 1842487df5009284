//! The shipped schemas are the official ones without their documentation. Not a judge of schemas.
//!
//! `UPDATE_SCHEMAS=1 cargo test -p yagura-psirt schemas` writes them anew.

use std::collections::BTreeMap;
use std::path::Path;

use prost::Message;
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, Writer};
use serde_json::Value;

use crate::data;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/cyclonedx/");

#[test]
fn the_shipped_schemas_are_those_of_the_specification() {
    let Some(folder) = data::path("cyclonedx-spec/schema") else { return };
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let licence_ids = stripped(&read("spdx.xsd"), None, Some("licenseId"));
    let mut schemas = BTreeMap::new();
    for version in 0..=7 {
        let name = format!("bom-1.{version}.xsd");
        schemas.insert(name.clone(), stripped(&read(&name), Some(&licence_ids), None));
    }
    let names = [
        "bom-1.2-strict",
        "bom-1.3-strict",
        "bom-1.4",
        "bom-1.5",
        "bom-1.6",
        "bom-1.7",
        "spdx",
        "jsf-0.82",
        "cryptography-defs",
    ];
    for name in names.map(|name| format!("{name}.schema.json")) {
        let mut schema: Value = serde_json::from_str(&read(&name)).unwrap();
        strip(&mut schema, true);
        schemas.insert(name, schema.to_string());
    }
    same("schemas.json.zst", serde_json::to_vec(&schemas).unwrap());
    same("bom-1.7.binpb.zst", descriptor(&folder));
}

fn same(name: &str, made: Vec<u8>) {
    let path = Path::new(FOLDER).join(name);
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        std::fs::write(&path, zstd::encode_all(made.as_slice(), 19).unwrap()).unwrap();
    }
    let shipped = zstd::decode_all(std::fs::read(&path).unwrap().as_slice()).unwrap();
    assert!(shipped == made, "{name} is not what the official schemas give; see the top of this file");
}

fn descriptor(folder: &Path) -> Vec<u8> {
    let mut compiler = protox::Compiler::new([folder]).unwrap();
    compiler.include_imports(true).include_source_info(false).open_file("bom-1.7.proto").unwrap();
    compiler.file_descriptor_set().encode_to_vec()
}

/// Takes out what does not decide on validity. `$id`s within a schema are pointers that their own drafts do not allow.
fn strip(schema: &mut Value, root: bool) {
    match schema {
        Value::Object(members) => {
            let is_schema = !members.values().all(Value::is_object) || members.contains_key("$ref");
            if is_schema {
                members.retain(|key, value| match key.as_str() {
                    "description" | "title" | "$comment" | "examples" | "meta:enum" => {
                        value.is_object() && key != "meta:enum"
                    }
                    "$id" => root,
                    _ => true,
                });
            }
            members.values_mut().for_each(|value| strip(value, false));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| strip(item, false)),
        _ => {}
    }
}

/// An XSD without documentation. `only` takes out one simple type; `licences` is put in where the schema would import it, since a schema that
/// is shipped in a program has no other file to import.
fn stripped(xsd: &str, licences: Option<&str>, only: Option<&str>) -> String {
    let mut reader = Reader::from_str(xsd);
    let mut writer = Writer::new(Vec::new());
    let (mut skipped, mut depth, mut taking) = (0, 0, only.is_none());
    loop {
        let event = reader.read_event().unwrap();
        let name = match &event {
            Event::Start(tag) | Event::Empty(tag) => String::from_utf8(tag.local_name().as_ref().to_vec()).unwrap(),
            _ => String::new(),
        };
        match event {
            Event::Eof => break,
            Event::Start(_) if skipped > 0 || name == "annotation" => skipped += 1,
            Event::End(_) if skipped > 0 => skipped -= 1,
            _ if skipped > 0 => {}
            Event::Empty(_) if name == "import" || name == "annotation" => {}
            Event::Start(tag) => {
                depth += 1;
                taking |= only.is_some_and(|only| attribute(&tag, "name").as_deref() == Some(only));
                if taking {
                    writer.write_event(Event::Start(own_licences(&tag, depth == 1))).unwrap();
                }
            }
            Event::Empty(tag) if taking => writer.write_event(Event::Empty(own_licences(&tag, false))).unwrap(),
            Event::End(tag) => {
                depth -= 1;
                if let (0, Some(licences)) = (depth, licences) {
                    writer.get_mut().extend_from_slice(licences.as_bytes());
                }
                if taking {
                    writer.write_event(Event::End(tag)).unwrap();
                }
                if only.is_some() && depth == 1 {
                    taking = false;
                }
            }
            _ => {}
        }
    }
    String::from_utf8(writer.into_inner()).unwrap()
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let value = tag.try_get_attribute(name).unwrap()?.value.to_vec();
    Some(String::from_utf8(value).unwrap())
}

fn own_licences(tag: &BytesStart<'_>, root: bool) -> BytesStart<'static> {
    let text = String::from_utf8(tag.to_vec()).unwrap().replace("\"spdx:licenseId\"", "\"bom:licenseId\"");
    let name = String::from_utf8(tag.name().as_ref().to_vec()).unwrap();
    let text = match attribute(tag, "targetNamespace") {
        Some(namespace) if root && !text.contains("xmlns:bom=") => format!("{text} xmlns:bom=\"{namespace}\""),
        _ => text,
    };
    BytesStart::from_content(text, name.len())
}
