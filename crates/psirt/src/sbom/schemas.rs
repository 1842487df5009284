//! The official CycloneDX schemas as they are shipped: without their documentation, compressed together.
//!
//! Not edited by hand: `tests/it/schemas.rs` makes them from the official ones and fails if they differ. Licence: Apache-2.0, see
//! `schemas/cyclonedx/LICENSE`.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::LazyLock;

/// JSON schemas and XSDs by their official file name.
const SCHEMAS: &[u8] = include_bytes!("../../schemas/cyclonedx/schemas.json.zst");
/// The descriptor set of the protobuf schema of 1.7.
const DESCRIPTOR: &[u8] = include_bytes!("../../schemas/cyclonedx/bom-1.7.binpb.zst");

/// The text of a schema.
pub(super) fn text(name: &str) -> Option<&'static str> {
    static ALL: LazyLock<BTreeMap<String, String>> =
        LazyLock::new(|| serde_json::from_slice(&unpacked(SCHEMAS)).unwrap_or_default());
    ALL.get(name).map(String::as_str)
}

/// The bytes of the descriptor set.
pub(super) fn descriptor() -> Vec<u8> {
    unpacked(DESCRIPTOR)
}

/// What is shipped is whole, which a test shows; an error here is an empty schema, which nothing is found in.
fn unpacked(packed: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let read = zstd::stream::read::Decoder::new(packed).and_then(|mut decoder| decoder.read_to_end(&mut bytes));
    read.map_or_else(|_| Vec::new(), |_| bytes)
}
