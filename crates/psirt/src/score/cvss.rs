//! CVSS 2.0, 3.0, 3.1 and 4.0: a vector's scores, each with its name and severity.
//!
//! Not an editor of vectors. The equations are those of the crate `cvss`; here is what it lacks: which metrics are missing, doubled,
//! unknown or of a wrong value, by name and place; the temporal score of version 3, in whole numbers, since its rounding up does not bear
//! the errors of fractions; and, for version 4, the scores of base and threat beside that of all metrics.

mod metrics;

use ::cvss::v3::Metric as _;
use ::cvss::{v2, v3, v4};
use metrics::Group;
use serde_json::{Map, Value, json};
use std::fmt;

/// The longest vector that is read, in bytes. The longest valid one has about 250.
pub const VECTOR_BYTES_MAX: usize = 1024;

/// A version of the standard.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Version {
    /// 2.0.
    V2,
    /// 3.0.
    V30,
    /// 3.1.
    V31,
    /// 4.0.
    V4,
}

impl Version {
    /// `3.1`.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::V2 => "2.0",
            Self::V30 => "3.0",
            Self::V31 => "3.1",
            Self::V4 => "4.0",
        }
    }
}

/// Which metrics a score takes into account.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Name {
    /// The base metrics.
    Base,
    /// Base and temporal metrics (versions 2 and 3).
    Temporal,
    /// Base and threat metrics (version 4).
    Threat,
    /// Base, temporal or threat, and environmental metrics.
    Environmental,
}

impl Name {
    const fn text(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Temporal => "temporal",
            Self::Threat => "threat",
            Self::Environmental => "environmental",
        }
    }
}

/// Severity in words. Version 2 has none and NVD's are taken, which know no critical.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Severity {
    /// 0.0, but not in version 2.
    None,
    /// Up to 3.9.
    Low,
    /// Up to 6.9.
    Medium,
    /// Up to 8.9.
    High,
    /// From 9.0.
    Critical,
}

impl Severity {
    fn of(version: Version, value: f64) -> Self {
        match value {
            value if value < 0.1 && version != Version::V2 => Self::None,
            value if value < 4.0 => Self::Low,
            value if value < 7.0 => Self::Medium,
            value if value < 9.0 || version == Version::V2 => Self::High,
            _ => Self::Critical,
        }
    }

    /// As the JSON schemas of CVSS write it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Low => "LOW",
            Self::Medium => "MEDIUM",
            Self::High => "HIGH",
            Self::Critical => "CRITICAL",
        }
    }
}

/// One score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// What it takes into account.
    pub name: Name,
    /// From 0.0 to 10.0 in tenths.
    pub value: f64,
    /// In words.
    pub severity: Severity,
}

/// What a vector says.
#[derive(Clone, Debug, PartialEq)]
pub struct Scored {
    /// The version of the standard.
    pub version: Version,
    /// Base; temporal or threat; environmental. Where a vector says nothing the metric is "not defined", so there are always three.
    pub scores: [Score; 3],
    /// The last group that says something: whose score is the vector's.
    pub whole: Name,
    /// What the group of version 4's nomenclature is called: `CVSS-BTE`.
    pub nomenclature: Option<&'static str>,
    /// Metrics whose order is not that of version 4, which wants one.
    pub is_out_of_order: bool,
}

impl Scored {
    /// The score of the vector as a whole.
    #[must_use]
    pub fn score(&self) -> Score {
        let [base, middle, environmental] = self.scores;
        match self.whole {
            Name::Base => base,
            Name::Temporal | Name::Threat => middle,
            Name::Environmental => environmental,
        }
    }
}

/// Why a text is no vector.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CvssError {
    /// It does not begin as a vector does.
    #[error("not a CVSS vector: `CVSS:3.0/`, `CVSS:3.1/`, `CVSS:4.0/`, or the metrics of version 2 were expected")]
    NotAVector,
    /// It is too long.
    #[error("a CVSS vector of {0} bytes; the most is 1,024")]
    TooLong(usize),
    /// One of its metrics is wrong.
    #[error("CVSS {version}, column {column}: metric `{metric}`: {why}")]
    Metric {
        /// The version.
        version: &'static str,
        /// The metric.
        metric: String,
        /// Where, in bytes from 1; for what is missing, the end.
        column: usize,
        /// What is wrong.
        why: Why,
    },
}

/// What is wrong with a metric.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Why {
    /// It must be there and is not.
    Missing,
    /// It is there twice.
    Doubled,
    /// There is none of this name.
    Unknown,
    /// `:` and a value were expected.
    NoValue,
    /// It has no such value; these are its values.
    Value(String, &'static [&'static str]),
}

impl fmt::Display for Why {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => formatter.write_str("missing, and mandatory"),
            Self::Doubled => formatter.write_str("given twice"),
            Self::Unknown => formatter.write_str("there is none of this name"),
            Self::NoValue => formatter.write_str("`:` and a value were expected"),
            Self::Value(value, known) => write!(formatter, "`{value}` is not one of {}", known.join(", ")),
        }
    }
}

/// Scores a vector.
pub fn score(text: &str) -> Result<Scored, CvssError> {
    if text.len() > VECTOR_BYTES_MAX {
        return Err(CvssError::TooLong(text.len()));
    }
    let (version, head, body) = split(text.trim())?;
    let (found, is_out_of_order) = metrics::read(version, text, body)?;
    let only = |groups: &[Group]| {
        let kept = found.iter().filter(|(metric, _)| groups.contains(&metric.group));
        let list: Vec<String> = kept.map(|(metric, value)| format!("{}:{value}", metric.name)).collect();
        format!("{head}{}", list.join("/"))
    };
    let values = match version {
        Version::V2 => v2_values(&only(&[Group::Base, Group::Threat, Group::Environmental])),
        Version::V30 | Version::V31 => v3_values(&only(&[Group::Base, Group::Threat, Group::Environmental])),
        Version::V4 => v4_values(&[
            only(&[Group::Base]),
            only(&[Group::Base, Group::Threat]),
            only(&[Group::Base, Group::Threat, Group::Environmental]),
        ]),
    };
    // The reader above takes nothing that the crate refuses; if it did, the vector is none.
    let values = values.ok_or(CvssError::NotAVector)?;
    let middle = if version == Version::V4 { Name::Threat } else { Name::Temporal };
    let names = [Name::Base, middle, Name::Environmental];
    let mut scores = names.map(|name| Score { name, value: 0.0, severity: Severity::None });
    for (score, value) in scores.iter_mut().zip(values) {
        (score.value, score.severity) = (value, Severity::of(version, value));
    }
    let says = |group| found.iter().any(|(metric, value)| metric.group == group && !matches!(*value, "X" | "ND"));
    let (says_threat, says_environment) = (says(Group::Threat), says(Group::Environmental));
    let nomenclature = match (says_threat, says_environment) {
        (false, false) => "CVSS-B",
        (true, false) => "CVSS-BT",
        (false, true) => "CVSS-BE",
        (true, true) => "CVSS-BTE",
    };
    Ok(Scored {
        version,
        scores,
        whole: if says_environment {
            Name::Environmental
        } else if says_threat {
            middle
        } else {
            Name::Base
        },
        nomenclature: (version == Version::V4).then_some(nomenclature),
        is_out_of_order,
    })
}

/// The version, its head, and the metrics.
fn split(text: &str) -> Result<(Version, &'static str, &str), CvssError> {
    let heads = [(Version::V30, "CVSS:3.0/"), (Version::V31, "CVSS:3.1/"), (Version::V4, "CVSS:4.0/")];
    for (version, head) in heads {
        if let Some(body) = text.strip_prefix(head) {
            return Ok((version, head, body));
        }
    }
    let bare = text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(text);
    let bare = bare.strip_prefix("CVSS2#").or_else(|| bare.strip_prefix("CVSS:2.0/")).unwrap_or(bare);
    let is_v2 = bare.contains(':') && !bare.starts_with("CVSS");
    if is_v2 { Ok((Version::V2, "", bare)) } else { Err(CvssError::NotAVector) }
}

fn v2_values(text: &str) -> Option<[f64; 3]> {
    let vector: v2::Vector = text.parse().ok()?;
    Some([vector.score().value(), vector.temporal_score().value(), vector.environmental_score().value()])
}

fn v3_values(text: &str) -> Option<[f64; 3]> {
    let vector: v3::Vector = text.parse().ok()?;
    let base = vector.base_score().value();
    let weights = [
        vector.e.map_or(1.0, |metric| metric.score()),
        vector.rl.map_or(1.0, |metric| metric.score()),
        vector.rc.map_or(1.0, |metric| metric.score()),
    ];
    // Tenths times hundredths thrice: whole numbers, which a float holds exactly.
    let product = weights.iter().fold((base * 10.0).round(), |product, weight| product * (weight * 100.0).round());
    let temporal = if vector.minor_version == 0 {
        (product / 1e6).ceil() / 10.0
    } else {
        // Appendix A of version 3.1: five decimals, then up to the next tenth.
        let rounded = (product / 100.0).round();
        (rounded / 1e4).ceil() / 10.0
    };
    Some([base, temporal, vector.environmental_score().value()])
}

fn v4_values(texts: &[String; 3]) -> Option<[f64; 3]> {
    let mut values = [0.0; 3];
    for (value, text) in values.iter_mut().zip(texts) {
        *value = text.parse::<v4::Vector>().ok()?.score().value();
    }
    Some(values)
}

/// A vector in, JSON of its scores out, by the names of the standard's JSON schemas; or JSON with `error`.
#[must_use]
pub fn answer_cvss(line: &str) -> String {
    let text = line.trim();
    let scored = match score(text) {
        Ok(scored) => scored,
        Err(error) => return json!({ "vectorString": text, "error": error.to_string() }).to_string(),
    };
    let mut out = Map::new();
    out.insert("version".to_owned(), scored.version.text().into());
    out.insert("vectorString".to_owned(), text.into());
    for score in scored.scores {
        out.insert(format!("{}Score", score.name.text()), score.value.into());
        out.insert(format!("{}Severity", score.name.text()), score.severity.text().into());
    }
    let whole = scored.score();
    out.insert("name".to_owned(), scored.nomenclature.unwrap_or(whole.name.text()).into());
    out.insert("score".to_owned(), whole.value.into());
    out.insert("severity".to_owned(), whole.severity.text().into());
    if scored.is_out_of_order {
        out.insert("remark".to_owned(), "the metrics are not in the order that CVSS 4.0 wants".into());
    }
    Value::Object(out).to_string()
}
