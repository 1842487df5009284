//! JVN and JVN iPedia in the form HND 3: details (VULDEF) and overviews (JVNRSS), in XML.
//!
//! Not a general reader of XML: one record is held at a time, entities beyond the five of XML are an anomaly (there is no expansion to bomb
//! with), depth and size are bounded.

use crate::Instant;
use crate::advisory::context::{add, brief, weakness};
use crate::advisory::reading::{Sink, complain};
use crate::advisory::wording::{self, Wording};
use crate::advisory::{Advisory, Affected, Package, Score, Source, Versions};
use crate::component::Anomaly;
use crate::vex::Status;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// Elements do not lie deeper in each other. Those of JVN reach 9.
const DEPTH_MAX: usize = 32;

/// An element of one record.
#[derive(Default)]
struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    text: String,
    children: Vec<Element>,
}

impl Element {
    fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    fn all<'e>(&'e self, name: &'e str) -> impl Iterator<Item = &'e Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The trimmed text below a path of names.
    fn text(&self, path: &[&str]) -> Option<String> {
        let found = path.iter().try_fold(self, |element, name| element.child(name))?;
        Some(found.text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Reads a whole text.
pub(crate) fn read(text: &str, sink: &mut dyn Sink) {
    let mut reader = Reader::from_str(text);
    let mut stack: Vec<Element> = Vec::new();
    let mut records = 0_u64;
    let mut depth = 0_u64;
    loop {
        let place = reader.buffer_position();
        match reader.read_event() {
            Ok(Event::Eof) => break,
            Ok(Event::Start(start)) => {
                depth = depth.saturating_add(1);
                let element = element(&start);
                // Only records are kept; what surrounds them is walked through.
                if !stack.is_empty() || matches!(element.name.as_str(), "Vulinfo" | "item") {
                    stack.push(element);
                }
                if stack.len() > DEPTH_MAX {
                    return stop(text, place, sink, "more than 32 elements in each other");
                }
            }
            Ok(Event::Empty(start)) => {
                if let Some(above) = stack.last_mut() {
                    above.children.push(element(&start));
                }
            }
            Ok(Event::Text(part)) => append(&mut stack, part.decode().ok()),
            Ok(Event::CData(part)) => append(&mut stack, part.decode().ok()),
            Ok(Event::GeneralRef(reference)) => {
                let name = String::from_utf8_lossy(&reference).into_owned();
                let character = reference.resolve_char_ref().ok().flatten().map(String::from);
                match character.or_else(|| quick_xml::escape::resolve_predefined_entity(&name).map(str::to_owned)) {
                    Some(known) => stack.last_mut().into_iter().for_each(|above| above.text.push_str(&known)),
                    None => sink.anomaly(Anomaly { place: line_of(text, place), what: foreign(&name) }),
                }
            }
            Ok(Event::End(_)) => {
                depth = depth.saturating_sub(1);
                let Some(done) = stack.pop() else { continue };
                match stack.last_mut() {
                    Some(above) => above.children.push(done),
                    None => {
                        records = records.saturating_add(1);
                        record(&done, &line_of(text, place), sink);
                    }
                }
            }
            Ok(_) => {}
            Err(error) => return stop(text, reader.error_position(), sink, &error.to_string()),
        }
    }
    if depth > 0 {
        let within = if stack.is_empty() {
            "the text ends before its last closing tag"
        } else {
            "the text ends within a record"
        };
        return stop(text, reader.buffer_position(), sink, within);
    }
    if records == 0 {
        complain(sink, "XML without a record of JVN (`Vulinfo` or `item`)");
    }
}

fn append(stack: &mut [Element], part: Option<std::borrow::Cow<'_, str>>) {
    if let (Some(above), Some(part)) = (stack.last_mut(), part) {
        above.text.push_str(&part);
    }
}

fn foreign(entity: &str) -> String {
    format!("the entity `{}` is not one of XML's own: left out", brief(entity))
}

fn stop(text: &str, place: u64, sink: &mut dyn Sink, what: &str) {
    sink.anomaly(Anomaly { place: line_of(text, place), what: format!("{what}: what follows is not read") });
}

fn line_of(text: &str, place: u64) -> String {
    let end = usize::try_from(place).unwrap_or(usize::MAX).min(text.len());
    let lines = text.as_bytes().get(..end).unwrap_or_default().iter().filter(|byte| **byte == b'\n').count();
    format!("line {}", lines.saturating_add(1))
}

fn element(start: &BytesStart<'_>) -> Element {
    let mut attributes = start.attributes();
    let attributes = attributes.with_checks(false).flatten().map(|attribute| {
        let key = String::from_utf8_lossy(attribute.key.local_name().as_ref()).into_owned();
        let value = String::from_utf8_lossy(&attribute.value);
        let value =
            quick_xml::escape::unescape(&value).map_or_else(|_| value.to_string(), std::borrow::Cow::into_owned);
        (key, value)
    });
    Element {
        name: String::from_utf8_lossy(start.local_name().as_ref()).into_owned(),
        attributes: attributes.collect(),
        ..Element::default()
    }
}

fn record(element: &Element, place: &str, sink: &mut dyn Sink) {
    let advisory = if element.name == "Vulinfo" { detail(element) } else { overview(element) };
    match advisory {
        Some(advisory) => sink.advisory(advisory),
        None => sink.anomaly(Anomaly { place: place.to_owned(), what: "a record without an id: left out".to_owned() }),
    }
}

fn detail(vulinfo: &Element) -> Option<Advisory> {
    let mut advisory = Advisory::new(vulinfo.text(&["VulinfoID"])?, Source::Jvn);
    let data = vulinfo.child("VulinfoData")?;
    advisory.title = data.text(&["Title"]).unwrap_or_default();
    advisory.description = data.text(&["VulinfoDescription", "Overview"]).unwrap_or_default();
    let instant = |key: &str| data.text(&[key]).and_then(|text| Instant::parse(&text));
    advisory.published = instant("DatePublic").or_else(|| instant("DateFirstPublished"));
    advisory.modified = instant("DateLastUpdated");
    for item in data.child("Affected").into_iter().flat_map(|affected| affected.all("AffectedItem")) {
        advisory.affected.extend(affected(item));
    }
    for cvss in data.child("Impact").into_iter().flat_map(|impact| impact.all("Cvss")) {
        if let Some(vector) = cvss.text(&["Vector"]) {
            add(&mut advisory.scores, Score { vector, by: "JVN".to_owned() });
        }
    }
    let solutions = data.child("Solution").into_iter().flat_map(|solution| solution.all("SolutionItem"));
    advisory.remedies = solutions.filter_map(|item| item.text(&["Description"])).collect();
    for item in data.child("Related").into_iter().flat_map(|related| related.all("RelatedItem")) {
        let id = item.text(&["VulinfoID"]).unwrap_or_default();
        if id.starts_with("CVE-") || id.starts_with("JVNVU") || id.starts_with("JVN#") {
            add(&mut advisory.aliases, id);
        } else if let Some(number) = id.strip_prefix("CWE-").and_then(weakness) {
            add(&mut advisory.weaknesses, number);
        }
        if let Some(url) = item.text(&["URL"]) {
            add(&mut advisory.references, url);
        }
    }
    Some(advisory)
}

fn affected(item: &Element) -> Option<Affected> {
    let product = item.text(&["ProductName"])?;
    let vendor = item.text(&["Name"]).unwrap_or_default();
    let mut packages = vec![Package::Product { vendor, product }];
    packages.extend(item.all("Cpe").map(|cpe| Package::Cpe(cpe.text.trim().to_owned())));
    let mut ranges = Vec::new();
    for text in item.all("VersionNumber").map(|version| version.text.trim()).filter(|text| !text.is_empty()) {
        match wording::read(text, None) {
            Wording::Versions(versions) => {
                ranges.extend(versions.into_iter().map(|versions| (versions, Status::Affected)))
            }
            Wording::Unknown => ranges.push((Versions::All, Status::UnderInvestigation)),
            Wording::Unread => ranges.push((Versions::Notation(text.to_owned()), Status::Affected)),
        }
    }
    if ranges.is_empty() {
        ranges.push((Versions::All, Status::UnderInvestigation));
    }
    Some(Affected {
        packages,
        ranges,
        otherwise: None,
        running_on: Vec::new(),
        parts: Vec::new(),
        by: "JVN".to_owned(),
    })
}

fn overview(item: &Element) -> Option<Advisory> {
    let mut advisory = Advisory::new(item.text(&["identifier"])?, Source::Jvn);
    advisory.title = item.text(&["title"]).unwrap_or_default();
    advisory.description = item.text(&["description"]).unwrap_or_default();
    advisory.published = item.text(&["issued"]).and_then(|text| Instant::parse(&text));
    advisory.modified = item.text(&["modified"]).and_then(|text| Instant::parse(&text));
    advisory.references.extend(item.text(&["link"]));
    for reference in item.all("references") {
        let id = reference.attribute("id").unwrap_or_default();
        if id.starts_with("CVE-") || id.starts_with("JVN") {
            add(&mut advisory.aliases, id.to_owned());
        } else if let Some(number) = id.strip_prefix("CWE-").and_then(weakness) {
            add(&mut advisory.weaknesses, number);
        }
        add(&mut advisory.references, reference.text.trim().to_owned());
    }
    for cvss in item.all("cvss") {
        if let Some(vector) = cvss.attribute("vector") {
            add(&mut advisory.scores, Score { vector: vector.to_owned(), by: "JVN".to_owned() });
        }
    }
    for cpe in item.all("cpe") {
        let vendor = cpe.attribute("vendor").unwrap_or_default().to_owned();
        let product = cpe.attribute("product").unwrap_or_default().to_owned();
        advisory.affected.push(Affected {
            packages: vec![Package::Product { vendor, product }, Package::Cpe(cpe.text.trim().to_owned())],
            ranges: vec![(Versions::All, Status::UnderInvestigation)],
            otherwise: None,
            running_on: Vec::new(),
            parts: Vec::new(),
            by: "JVN".to_owned(),
        });
    }
    Some(advisory)
}
