//! The metrics of each version with their values, and a reader that names what is wrong with one.
//!
//! Not the weights: those are the equations' business.

use super::{CvssError, Version, Why};

/// What a metric belongs to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Group {
    Base,
    /// Temporal in versions 2 and 3.
    Threat,
    Environmental,
    Supplemental,
}

/// A metric: its name, its group, its values. Base metrics are mandatory.
#[derive(Debug)]
pub(super) struct Metric {
    pub(super) name: &'static str,
    pub(super) group: Group,
    values: &'static [&'static str],
}

const fn base(name: &'static str, values: &'static [&'static str]) -> Metric {
    Metric { name, group: Group::Base, values }
}

const fn threat(name: &'static str, values: &'static [&'static str]) -> Metric {
    Metric { name, group: Group::Threat, values }
}

const fn environment(name: &'static str, values: &'static [&'static str]) -> Metric {
    Metric { name, group: Group::Environmental, values }
}

const fn supplement(name: &'static str, values: &'static [&'static str]) -> Metric {
    Metric { name, group: Group::Supplemental, values }
}

static V2: [Metric; 14] = [
    base("AV", &["L", "A", "N"]),
    base("AC", &["H", "M", "L"]),
    base("Au", &["M", "S", "N"]),
    base("C", &["N", "P", "C"]),
    base("I", &["N", "P", "C"]),
    base("A", &["N", "P", "C"]),
    threat("E", &["U", "POC", "F", "H", "ND"]),
    threat("RL", &["OF", "TF", "W", "U", "ND"]),
    threat("RC", &["UC", "UR", "C", "ND"]),
    environment("CDP", &["N", "L", "LM", "MH", "H", "ND"]),
    environment("TD", &["N", "L", "M", "H", "ND"]),
    environment("CR", &["L", "M", "H", "ND"]),
    environment("IR", &["L", "M", "H", "ND"]),
    environment("AR", &["L", "M", "H", "ND"]),
];

static V3: [Metric; 22] = [
    base("AV", &["N", "A", "L", "P"]),
    base("AC", &["L", "H"]),
    base("PR", &["N", "L", "H"]),
    base("UI", &["N", "R"]),
    base("S", &["U", "C"]),
    base("C", &["N", "L", "H"]),
    base("I", &["N", "L", "H"]),
    base("A", &["N", "L", "H"]),
    threat("E", &["X", "U", "P", "F", "H"]),
    threat("RL", &["X", "O", "T", "W", "U"]),
    threat("RC", &["X", "U", "R", "C"]),
    environment("CR", &["X", "L", "M", "H"]),
    environment("IR", &["X", "L", "M", "H"]),
    environment("AR", &["X", "L", "M", "H"]),
    environment("MAV", &["X", "N", "A", "L", "P"]),
    environment("MAC", &["X", "L", "H"]),
    environment("MPR", &["X", "N", "L", "H"]),
    environment("MUI", &["X", "N", "R"]),
    environment("MS", &["X", "U", "C"]),
    environment("MC", &["X", "N", "L", "H"]),
    environment("MI", &["X", "N", "L", "H"]),
    environment("MA", &["X", "N", "L", "H"]),
];

static V4: [Metric; 32] = [
    base("AV", &["N", "A", "L", "P"]),
    base("AC", &["L", "H"]),
    base("AT", &["N", "P"]),
    base("PR", &["N", "L", "H"]),
    base("UI", &["N", "P", "A"]),
    base("VC", &["H", "L", "N"]),
    base("VI", &["H", "L", "N"]),
    base("VA", &["H", "L", "N"]),
    base("SC", &["H", "L", "N"]),
    base("SI", &["H", "L", "N"]),
    base("SA", &["H", "L", "N"]),
    threat("E", &["X", "A", "P", "U"]),
    environment("CR", &["X", "H", "M", "L"]),
    environment("IR", &["X", "H", "M", "L"]),
    environment("AR", &["X", "H", "M", "L"]),
    environment("MAV", &["X", "N", "A", "L", "P"]),
    environment("MAC", &["X", "L", "H"]),
    environment("MAT", &["X", "N", "P"]),
    environment("MPR", &["X", "N", "L", "H"]),
    environment("MUI", &["X", "N", "P", "A"]),
    environment("MVC", &["X", "H", "L", "N"]),
    environment("MVI", &["X", "H", "L", "N"]),
    environment("MVA", &["X", "H", "L", "N"]),
    environment("MSC", &["X", "H", "L", "N"]),
    environment("MSI", &["X", "S", "H", "L", "N"]),
    environment("MSA", &["X", "S", "H", "L", "N"]),
    supplement("S", &["X", "N", "P"]),
    supplement("AU", &["X", "N", "Y"]),
    supplement("R", &["X", "A", "U", "I"]),
    supplement("V", &["X", "D", "C"]),
    supplement("RE", &["X", "L", "M", "H"]),
    supplement("U", &["X", "Clear", "Green", "Amber", "Red"]),
];

const fn known(version: Version) -> &'static [Metric] {
    match version {
        Version::V2 => &V2,
        Version::V30 | Version::V31 => &V3,
        Version::V4 => &V4,
    }
}

/// A metric and the value that a vector gives it.
type Found<'a> = (&'static Metric, &'a str);

/// The metrics of a vector, and whether they are out of the order that version 4 wants. `whole` is the text that `body` is a part of.
pub(super) fn read<'a>(version: Version, whole: &str, body: &'a str) -> Result<(Vec<Found<'a>>, bool), CvssError> {
    let error = |metric: &str, place: &str, why| {
        let offset = place.as_ptr().addr().saturating_sub(whole.as_ptr().addr());
        let metric = metric.chars().take(40).collect();
        CvssError::Metric { version: version.text(), metric, column: offset.saturating_add(1), why }
    };
    let mut found: Vec<Found<'_>> = Vec::new();
    let (mut last, mut is_out_of_order) = (0_usize, false);
    for part in body.split('/') {
        let (name, value) = part.split_once(':').ok_or_else(|| error(part, part, Why::NoValue))?;
        let place = known(version).iter().position(|metric| metric.name == name);
        let metric =
            place.and_then(|place| known(version).get(place)).ok_or_else(|| error(name, part, Why::Unknown))?;
        if !metric.values.contains(&value) {
            let given = value.chars().take(40).collect();
            return Err(error(name, part, Why::Value(given, metric.values)));
        }
        if found.iter().any(|(other, _)| other.name == name) {
            return Err(error(name, part, Why::Doubled));
        }
        is_out_of_order |= version == Version::V4 && place < Some(last);
        last = place.unwrap_or_default();
        found.push((metric, value));
    }
    let mandatory = known(version).iter().filter(|metric| metric.group == Group::Base);
    for metric in mandatory {
        if !found.iter().any(|(other, _)| other.name == metric.name) {
            return Err(error(metric.name, body.get(body.len()..).unwrap_or_default(), Why::Missing));
        }
    }
    Ok((found, is_out_of_order))
}
