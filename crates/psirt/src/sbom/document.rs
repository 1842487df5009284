//! The root of a JSON document: each member by its name, whichever format it belongs to.
//!
//! Not a guess from the file's name, and not one from its first member: some tools write `spdxVersion` last. A member belongs to one format
//! by its name, so a document is read in one pass in any order, and the format is known when it has ended.

use std::io::Read;

use serde_json::{Map, Value};

use super::json::{Element, Json, Stop};
use super::tree::DEPTH_MAX;
use super::{Document, Format, SbomError, cyclonedx, cyclonedx_vex, spdx2, spdx3, syft, yocto};
use crate::component::{Anomaly, Sink};

/// Versions that are read here.
const CYCLONEDX: [&str; 8] = ["1.0", "1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "1.7"];
const SPDX_2: [&str; 3] = ["SPDX-2.1", "SPDX-2.2", "SPDX-2.3"];
/// Members of a root that is itself an SPDX 3 element.
const ROOT_MEMBERS_MAX: usize = 64;

/// What the root has said so far.
#[derive(Default)]
struct Root {
    format: Option<Format>,
    version: Option<String>,
    serial: Option<String>,
    graph: spdx3::Graph,
    /// Small members that no other format claims: an SPDX 3 document may be one element without `@graph`.
    loose: Map<String, Value>,
}

pub(super) fn read(input: impl Read, sink: &mut dyn Sink) -> Result<Document, SbomError> {
    let mut json = Json::new(input);
    let mut root = Root::default();
    let complete = match root.members(&mut json, sink) {
        Ok(()) => true,
        Err(Stop::Io(error)) => return Err(SbomError::Io(error)),
        Err(Stop::Broken(anomaly)) if root.format.is_some() => {
            sink.anomaly(anomaly);
            false
        }
        Err(Stop::Broken(anomaly)) => {
            return Err(SbomError::Unknown { begins: format!("JSON, but {}: {}", anomaly.place, anomaly.what) });
        }
    };
    root.finish(complete, sink)
}

impl Root {
    fn members<R: Read>(&mut self, json: &mut Json<R>, sink: &mut dyn Sink) -> Result<(), Stop> {
        if !json.enter(b'{')? {
            return json.skip();
        }
        let mut first = true;
        while let Some(key) = json.key(&mut first)? {
            self.member(&key, json, sink)?;
        }
        if !json.at_end()? {
            let what = "the document has ended, but more follows; it is not read".to_owned();
            sink.anomaly(Anomaly { place: json.place(), what });
        }
        Ok(())
    }

    fn is(&mut self, format: Format) {
        self.format.get_or_insert(format);
    }

    fn member<R: Read>(&mut self, key: &str, json: &mut Json<R>, sink: &mut dyn Sink) -> Result<(), Stop> {
        let pointer = format!("/{key}");
        match key {
            "bomFormat" => {
                self.is(Format::CycloneDxJson);
                let format = json.tolerant::<String>(&pointer, sink)?;
                if format.as_deref().is_some_and(|format| format != "CycloneDX") {
                    let what = format!("'{}', expected 'CycloneDX'", format.unwrap_or_default());
                    sink.anomaly(Anomaly { place: pointer, what });
                }
                Ok(())
            }
            "specVersion" => self.version(Format::CycloneDxJson, &CYCLONEDX, &pointer, json, sink),
            "spdxVersion" => self.version(Format::SpdxJson, &SPDX_2, &pointer, json, sink),
            "SPDXID" => {
                self.is(Format::SpdxJson);
                json.skip()
            }
            "serialNumber" => {
                self.serial = json.tolerant(&pointer, sink)?;
                Ok(())
            }
            "metadata" => self.metadata(json, sink),
            "components" => nested(json, &pointer, cyclonedx::component, 0, sink).map(drop),
            "services" => nested(json, &pointer, cyclonedx::service, 0, sink).map(drop),
            "dependencies" => json.each(&pointer, sink, |entry, _, sink| cyclonedx::dependency(entry, sink)),
            "vulnerabilities" => {
                let serial = self.serial.clone();
                json.each(&pointer, sink, |entry, _, sink| cyclonedx_vex::vulnerability(entry, serial.as_deref(), sink))
            }
            "packages" if json.peek()? == b'[' => json.each(&pointer, sink, spdx2::package),
            "relationships" => json.each(&pointer, sink, |entry, _, sink| spdx2::relationship(&entry, sink)),
            "@graph" => {
                self.is(Format::Spdx3Json);
                let graph = &mut self.graph;
                json.each(&pointer, sink, |element, pointer, sink| graph.element(element, pointer, sink))
            }
            "artifacts" => {
                self.is(Format::Syft);
                json.each(&pointer, sink, syft::artifact)
            }
            "artifactRelationships" => json.each(&pointer, sink, |entry, _, sink| syft::relationship(&entry, sink)),
            "package" if json.peek()? == b'[' => {
                self.is(Format::CveCheck);
                json.each(&pointer, sink, yocto::package)
            }
            "manifests" => {
                self.is(Format::GitHubSnapshot);
                manifests(json, sink)
            }
            "@context" => self.context(json, sink),
            _ => self.loose(key, json, sink),
        }
    }

    fn version<R: Read>(
        &mut self,
        format: Format,
        known: &[&str],
        pointer: &str,
        json: &mut Json<R>,
        sink: &mut dyn Sink,
    ) -> Result<(), Stop> {
        self.is(format);
        let Some(version) = json.tolerant::<String>(pointer, sink)? else { return Ok(()) };
        if !known.contains(&version.as_str()) {
            let what =
                format!("version '{version}' is not known, expected one of {}; read as the newest", known.join(", "));
            sink.anomaly(Anomaly { place: pointer.to_owned(), what });
        }
        self.version = Some(version.trim_start_matches("SPDX-").to_owned());
        Ok(())
    }

    fn context<R: Read>(&mut self, json: &mut Json<R>, sink: &mut dyn Sink) -> Result<(), Stop> {
        let context = json.tolerant::<Value>("/@context", sink)?.unwrap_or_default().to_string();
        if let Some((_, rest)) = context.split_once("spdx.org/rdf/") {
            self.is(Format::Spdx3Json);
            self.version = rest.split('/').next().map(str::to_owned);
        }
        Ok(())
    }

    /// CycloneDX's `metadata`, of which the component is wanted.
    fn metadata<R: Read>(&mut self, json: &mut Json<R>, sink: &mut dyn Sink) -> Result<(), Stop> {
        if !json.enter(b'{')? {
            return json.skip();
        }
        let mut first = true;
        while let Some(key) = json.key(&mut first)? {
            match (key.as_str(), json.peek()?) {
                ("component", b'{') => {
                    one(json, "/metadata/component", cyclonedx::component, 0, sink)?;
                }
                _ => json.skip()?,
            }
        }
        Ok(())
    }

    fn loose<R: Read>(&mut self, key: &str, json: &mut Json<R>, sink: &mut dyn Sink) -> Result<(), Stop> {
        let wanted = self.format == Some(Format::Spdx3Json) && self.loose.len() < ROOT_MEMBERS_MAX;
        if !wanted {
            return json.skip();
        }
        if let Some(value) = json.tolerant::<Value>(&format!("/{key}"), sink)? {
            self.loose.insert(key.to_owned(), value);
        }
        Ok(())
    }

    fn finish(mut self, complete: bool, sink: &mut dyn Sink) -> Result<Document, SbomError> {
        let format = self.format.ok_or_else(|| SbomError::Unknown {
            begins: "JSON without bomFormat, spdxVersion, @context, artifacts, package or manifests".to_owned(),
        })?;
        if format == Format::Spdx3Json {
            if self.loose.contains_key("type")
                && let Some(element) = super::json::repaired(Value::Object(std::mem::take(&mut self.loose)))
            {
                self.graph.element(element, "", sink);
            }
            self.graph.finish(sink);
        }
        Ok(Document { format, version: self.version, complete })
    }
}

/// Hands on a component or a service.
type HandOn = fn(cyclonedx::Raw, &str, &mut dyn Sink) -> String;

/// The components of an array; gives their references if they are nested in another.
fn nested<R: Read>(
    json: &mut Json<R>,
    pointer: &str,
    hand_on: HandOn,
    level: usize,
    sink: &mut dyn Sink,
) -> Result<Vec<String>, Stop> {
    let mut references = Vec::new();
    if !json.enter(b'[')? {
        // What is no array is said to be none.
        json.each::<Value, _>(pointer, sink, |_, _, _| {})?;
        return Ok(references);
    }
    let (mut first, mut index) = (true, 0_usize);
    while json.another(&mut first, b']')? {
        let reference = one(json, &format!("{pointer}/{index}"), hand_on, level, sink)?;
        references.extend(reference.filter(|_| level > 0));
        index = index.saturating_add(1);
    }
    Ok(references)
}

/// The component that is next. One that does not fit into the buffer is entered: those nested in it are handed on before it.
fn one<R: Read>(
    json: &mut Json<R>,
    pointer: &str,
    hand_on: HandOn,
    level: usize,
    sink: &mut dyn Sink,
) -> Result<Option<String>, Stop> {
    let element = json.value::<cyclonedx::Raw>()?;
    if !matches!(element, Element::TooLarge) || level >= DEPTH_MAX || !json.enter(b'{')? {
        return Ok(json.settle(element, pointer, sink)?.map(|raw| hand_on(raw, pointer, sink)));
    }
    let (mut first, mut own, mut children) = (true, Map::new(), Vec::new());
    while let Some(key) = json.key(&mut first)? {
        let inner = format!("{pointer}/{key}");
        match key.as_str() {
            "components" => children.extend(nested(json, &inner, cyclonedx::component, level.saturating_add(1), sink)?),
            "services" => children.extend(nested(json, &inner, cyclonedx::service, level.saturating_add(1), sink)?),
            _ => {
                if let Some(value) = json.tolerant::<Value>(&inner, sink)? {
                    own.insert(key, value);
                }
            }
        }
    }
    let Some(raw) = super::json::repaired(Value::Object(own)) else { return Ok(None) };
    let reference = hand_on(raw, pointer, sink);
    for child in children {
        sink.dependency(&reference, &child);
    }
    Ok(Some(reference))
}

/// The manifests of a GitHub snapshot, by name.
fn manifests<R: Read>(json: &mut Json<R>, sink: &mut dyn Sink) -> Result<(), Stop> {
    if !json.enter(b'{')? {
        return json.skip();
    }
    let mut first = true;
    while let Some(name) = json.key(&mut first)? {
        if let Some(manifest) = json.tolerant(&format!("/manifests/{name}"), sink)? {
            syft::manifest(&name, manifest, sink);
        }
    }
    Ok(())
}
