//! Tests on CVSS objects: their form, their scores computed again, their members against the vector.
//!
//! Not a scorer: vectors are read and scored by the crate `cvss`. The vector is the authority.

use crate::csaf::document::{Document, Place};
use crate::csaf::schema::short;
use crate::csaf::{Findings, In, Surroundings, Test, test};
use cvss::Cvss;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::str::FromStr;

pub(super) const TESTS: &[Test] =
    &[test("6.1.8", In::Both, invalid), test("6.1.9", In::Both, computed), test("6.1.10", In::Both, inconsistent)];

/// A version of CVSS: members of its JSON form as (member, metric, values as letter=WORD).
struct Form {
    version: &'static str,
    required: &'static [&'static str],
    scores: &'static [&'static str],
    severities: &'static [&'static str],
    metrics: &'static [(&'static str, &'static str, &'static str)],
}

const H_L_N: &str = "H=HIGH L=LOW N=NONE";
const X_H_L_N: &str = "X=NOT_DEFINED H=HIGH L=LOW N=NONE";
const X_H_M_L: &str = "X=NOT_DEFINED L=LOW M=MEDIUM H=HIGH";

const V2: Form = Form {
    version: "2.0",
    required: &["version", "vectorString", "baseScore"],
    scores: &["baseScore", "temporalScore", "environmentalScore"],
    severities: &[],
    metrics: &[
        ("accessVector", "AV", "N=NETWORK A=ADJACENT_NETWORK L=LOCAL"),
        ("accessComplexity", "AC", "H=HIGH M=MEDIUM L=LOW"),
        ("authentication", "Au", "M=MULTIPLE S=SINGLE N=NONE"),
        ("confidentialityImpact", "C", "N=NONE P=PARTIAL C=COMPLETE"),
        ("integrityImpact", "I", "N=NONE P=PARTIAL C=COMPLETE"),
        ("availabilityImpact", "A", "N=NONE P=PARTIAL C=COMPLETE"),
        ("exploitability", "E", "U=UNPROVEN POC=PROOF_OF_CONCEPT F=FUNCTIONAL H=HIGH ND=NOT_DEFINED"),
        ("remediationLevel", "RL", "OF=OFFICIAL_FIX TF=TEMPORARY_FIX W=WORKAROUND U=UNAVAILABLE ND=NOT_DEFINED"),
        ("reportConfidence", "RC", "UC=UNCONFIRMED UR=UNCORROBORATED C=CONFIRMED ND=NOT_DEFINED"),
        ("collateralDamagePotential", "CDP", "N=NONE L=LOW LM=LOW_MEDIUM MH=MEDIUM_HIGH H=HIGH ND=NOT_DEFINED"),
        ("targetDistribution", "TD", "N=NONE L=LOW M=MEDIUM H=HIGH ND=NOT_DEFINED"),
        ("confidentialityRequirement", "CR", "L=LOW M=MEDIUM H=HIGH ND=NOT_DEFINED"),
        ("integrityRequirement", "IR", "L=LOW M=MEDIUM H=HIGH ND=NOT_DEFINED"),
        ("availabilityRequirement", "AR", "L=LOW M=MEDIUM H=HIGH ND=NOT_DEFINED"),
    ],
};

const V3: Form = Form {
    version: "3.1",
    required: &["version", "vectorString", "baseScore", "baseSeverity"],
    scores: &["baseScore", "temporalScore", "environmentalScore"],
    severities: &["baseSeverity", "temporalSeverity", "environmentalSeverity"],
    metrics: &[
        ("attackVector", "AV", "N=NETWORK A=ADJACENT_NETWORK L=LOCAL P=PHYSICAL"),
        ("attackComplexity", "AC", "H=HIGH L=LOW"),
        ("privilegesRequired", "PR", H_L_N),
        ("userInteraction", "UI", "N=NONE R=REQUIRED"),
        ("scope", "S", "U=UNCHANGED C=CHANGED"),
        ("confidentialityImpact", "C", H_L_N),
        ("integrityImpact", "I", H_L_N),
        ("availabilityImpact", "A", H_L_N),
        ("exploitCodeMaturity", "E", "X=NOT_DEFINED U=UNPROVEN P=PROOF_OF_CONCEPT F=FUNCTIONAL H=HIGH"),
        ("remediationLevel", "RL", "X=NOT_DEFINED O=OFFICIAL_FIX T=TEMPORARY_FIX W=WORKAROUND U=UNAVAILABLE"),
        ("reportConfidence", "RC", "X=NOT_DEFINED U=UNKNOWN R=REASONABLE C=CONFIRMED"),
        ("confidentialityRequirement", "CR", X_H_M_L),
        ("integrityRequirement", "IR", X_H_M_L),
        ("availabilityRequirement", "AR", X_H_M_L),
        ("modifiedAttackVector", "MAV", "X=NOT_DEFINED N=NETWORK A=ADJACENT_NETWORK L=LOCAL P=PHYSICAL"),
        ("modifiedAttackComplexity", "MAC", "X=NOT_DEFINED H=HIGH L=LOW"),
        ("modifiedPrivilegesRequired", "MPR", X_H_L_N),
        ("modifiedUserInteraction", "MUI", "X=NOT_DEFINED N=NONE R=REQUIRED"),
        ("modifiedScope", "MS", "X=NOT_DEFINED U=UNCHANGED C=CHANGED"),
        ("modifiedConfidentialityImpact", "MC", X_H_L_N),
        ("modifiedIntegrityImpact", "MI", X_H_L_N),
        ("modifiedAvailabilityImpact", "MA", X_H_L_N),
    ],
};

const V4: Form = Form {
    version: "4.0",
    required: &["version", "vectorString", "baseScore", "baseSeverity"],
    scores: &["baseScore"],
    severities: &["baseSeverity"],
    metrics: &[
        ("attackVector", "AV", "N=NETWORK A=ADJACENT L=LOCAL P=PHYSICAL"),
        ("attackComplexity", "AC", "H=HIGH L=LOW"),
        ("attackRequirements", "AT", "N=NONE P=PRESENT"),
        ("privilegesRequired", "PR", H_L_N),
        ("userInteraction", "UI", "N=NONE P=PASSIVE A=ACTIVE"),
        ("vulnConfidentialityImpact", "VC", H_L_N),
        ("vulnIntegrityImpact", "VI", H_L_N),
        ("vulnAvailabilityImpact", "VA", H_L_N),
        ("subConfidentialityImpact", "SC", H_L_N),
        ("subIntegrityImpact", "SI", H_L_N),
        ("subAvailabilityImpact", "SA", H_L_N),
        ("exploitMaturity", "E", "X=NOT_DEFINED U=UNREPORTED P=PROOF_OF_CONCEPT A=ATTACKED"),
        ("confidentialityRequirement", "CR", X_H_M_L),
        ("integrityRequirement", "IR", X_H_M_L),
        ("availabilityRequirement", "AR", X_H_M_L),
        ("modifiedAttackVector", "MAV", "X=NOT_DEFINED N=NETWORK A=ADJACENT L=LOCAL P=PHYSICAL"),
        ("modifiedAttackComplexity", "MAC", "X=NOT_DEFINED H=HIGH L=LOW"),
        ("modifiedAttackRequirements", "MAT", "X=NOT_DEFINED N=NONE P=PRESENT"),
        ("modifiedPrivilegesRequired", "MPR", X_H_L_N),
        ("modifiedUserInteraction", "MUI", "X=NOT_DEFINED N=NONE P=PASSIVE A=ACTIVE"),
        ("modifiedVulnConfidentialityImpact", "MVC", X_H_L_N),
        ("modifiedVulnIntegrityImpact", "MVI", X_H_L_N),
        ("modifiedVulnAvailabilityImpact", "MVA", X_H_L_N),
        ("modifiedSubConfidentialityImpact", "MSC", "X=NOT_DEFINED H=HIGH L=LOW N=NEGLIGIBLE"),
        ("modifiedSubIntegrityImpact", "MSI", "X=NOT_DEFINED S=SAFETY H=HIGH L=LOW N=NEGLIGIBLE"),
        ("modifiedSubAvailabilityImpact", "MSA", "X=NOT_DEFINED S=SAFETY H=HIGH L=LOW N=NEGLIGIBLE"),
        ("Safety", "S", "X=NOT_DEFINED N=NEGLIGIBLE P=PRESENT"),
        ("Automatable", "AU", "X=NOT_DEFINED N=NO Y=YES"),
        ("Recovery", "R", "X=NOT_DEFINED A=AUTOMATIC U=USER I=IRRECOVERABLE"),
        ("valueDensity", "V", "X=NOT_DEFINED D=DIFFUSE C=CONCENTRATED"),
        ("vulnerabilityResponseEffort", "RE", "X=NOT_DEFINED L=LOW M=MODERATE H=HIGH"),
        ("providerUrgency", "U", "X=NOT_DEFINED Clear=CLEAR Green=GREEN Amber=AMBER Red=RED"),
    ],
};

impl Form {
    fn value(&self, member: &str) -> Option<(&'static str, &'static str)> {
        self.metrics.iter().find(|(name, _, _)| *name == member).map(|(_, metric, values)| (*metric, *values))
    }
}

/// Each CVSS object of the document with its form.
fn objects<'v>(document: &Document<'v>) -> Vec<(Place<'v>, &'v Map<String, Value>, &'static Form)> {
    let mut found = Vec::new();
    for (place, vulnerability) in document.vulnerabilities() {
        for ((place, content), _) in document.contents(&place, vulnerability) {
            for (key, form) in [("cvss_v2", &V2), ("cvss_v3", &V3), ("cvss_v4", &V4)] {
                if let Some(Value::Object(members)) = content.get(key) {
                    found.push((place.key(key), members, form));
                }
            }
        }
    }
    found
}

fn vector(members: &Map<String, Value>) -> Option<&str> {
    members.get("vectorString").and_then(Value::as_str)
}

fn version<'m>(members: &'m Map<String, Value>, form: &Form) -> &'m str {
    members.get("version").and_then(Value::as_str).unwrap_or(match form.version {
        "2.0" => "2.0",
        "4.0" => "4.0",
        _ => "3.1",
    })
}

/// Reads a vector of the version that the form means.
fn parse(members: &Map<String, Value>, form: &Form) -> Option<Cvss> {
    let read = Cvss::from_str(vector(members)?).ok()?;
    let fits = match &read {
        Cvss::CvssV20(_) => form.version == "2.0",
        Cvss::CvssV30(_) | Cvss::CvssV31(_) => form.version == "3.1",
        _ => form.version == "4.0",
    };
    fits.then_some(read)
}

fn invalid(document: &Document<'_>, _: &Surroundings<'_>, findings: &mut Findings) {
    for (place, members, form) in objects(document) {
        for name in form.required {
            if !members.contains_key(*name) {
                findings.add(&place, format!("`{name}` is missing"));
            }
        }
        for (name, value) in members {
            let place = place.key(name);
            if form.scores.contains(&name.as_str()) {
                if !value.as_f64().is_some_and(|score| (0.0..=10.0).contains(&score)) {
                    findings.add(&place, format!("{} is no score from 0 to 10", short(&value.to_string())));
                }
            } else if form.severities.contains(&name.as_str()) {
                if !matches!(value.as_str(), Some("NONE" | "LOW" | "MEDIUM" | "HIGH" | "CRITICAL")) {
                    findings.add(&place, format!("{} is no severity", short(&value.to_string())));
                }
            } else if let Some((_, values)) = form.value(name) {
                let known = value.as_str().is_some_and(|word| {
                    values.split(' ').any(|pair| pair.split_once('=').is_some_and(|(_, name)| name == word))
                });
                if !known {
                    findings.add(&place, format!("{} is no value of `{name}`", short(&value.to_string())));
                }
            } else if name == "version" {
                let fits = value
                    .as_str()
                    .is_some_and(|version| version == form.version || (form.version == "3.1" && version == "3.0"));
                if !fits {
                    findings.add(&place, format!("{} is no version of this object", short(&value.to_string())));
                }
            } else if name != "vectorString" {
                findings.add(&place, "not a member of CVSS");
            }
        }
        let prefix = format!("CVSS:{}/", version(members, form));
        let fits = vector(members).is_none_or(|vector| form.version == "2.0" || vector.starts_with(&prefix));
        if vector(members).is_some() && (parse(members, form).is_none() || !fits) {
            findings.add(
                &place.key("vectorString"),
                format!(
                    "`{}` is no vector of CVSS {}",
                    short(vector(members).unwrap_or_default()),
                    version(members, form)
                ),
            );
        }
    }
}

/// Members that CVSS does not name.
pub(super) fn unnamed<'v>(document: &Document<'v>) -> Vec<Place<'v>> {
    let mut found = Vec::new();
    for (place, members, form) in objects(document) {
        let known = |name: &str| {
            matches!(name, "version" | "vectorString")
                || form.scores.contains(&name)
                || form.severities.contains(&name)
                || form.value(name).is_some()
        };
        found.extend(members.keys().filter(|name| !known(name)).map(|name| place.key(name)));
    }
    found
}

/// The scores that a vector gives, by the member that holds them.
fn scores(read: &Cvss) -> Vec<(&'static str, &'static str, f64)> {
    match read {
        Cvss::CvssV20(vector) => {
            let base = cvss::v2::Vector {
                e: None,
                rl: None,
                rc: None,
                cdp: None,
                td: None,
                cr: None,
                ir: None,
                ar: None,
                ..vector.clone()
            };
            let temporal = cvss::v2::Vector { cdp: None, td: None, cr: None, ir: None, ar: None, ..vector.clone() };
            vec![
                ("baseScore", "", base.score().value()),
                ("temporalScore", "", temporal.temporal_score().value()),
                ("environmentalScore", "", vector.environmental_score().value()),
            ]
        }
        Cvss::CvssV30(vector) | Cvss::CvssV31(vector) => {
            let temporal = temporal_of(vector);
            vec![
                ("baseScore", "baseSeverity", vector.base_score().value()),
                ("temporalScore", "temporalSeverity", temporal),
                ("environmentalScore", "environmentalSeverity", vector.environmental_score().value()),
            ]
        }
        other => vec![("baseScore", "baseSeverity", other.score())],
    }
}

/// The score without environmental metrics.
fn temporal_of(vector: &cvss::v3::Vector) -> f64 {
    let text = vector.to_string();
    let kept =
        text.split('/').filter(|part| !part.starts_with('M') && !matches!(part.get(..3), Some("CR:" | "IR:" | "AR:")));
    let kept: Vec<_> = kept.collect();
    cvss::v3::Vector::from_str(&kept.join("/")).map_or(0.0, |vector| vector.score().value())
}

fn severity(score: f64) -> &'static str {
    match score {
        score if score < 0.05 => "NONE",
        score if score < 3.95 => "LOW",
        score if score < 6.95 => "MEDIUM",
        score if score < 8.95 => "HIGH",
        _ => "CRITICAL",
    }
}

fn computed(document: &Document<'_>, _: &Surroundings<'_>, findings: &mut Findings) {
    for (place, members, form) in objects(document) {
        let Some(read) = parse(members, form) else { continue };
        for (score_name, severity_name, score) in scores(&read) {
            let given = members.get(score_name).and_then(Value::as_f64);
            if let Some(given) = given.filter(|given| (given - score).abs() > 0.001) {
                findings.add(&place.key(score_name), format!("the vector gives {score:.1}, not {given}"));
            }
            let word = members.get(severity_name).and_then(Value::as_str);
            if let Some(word) = word.filter(|word| *word != severity(score)) {
                findings.add(
                    &place.key(severity_name),
                    format!("the vector gives {}, not {}", severity(score), short(word)),
                );
            }
        }
    }
}

fn inconsistent(document: &Document<'_>, _: &Surroundings<'_>, findings: &mut Findings) {
    for (place, members, form) in objects(document) {
        let Some(vector) = vector(members) else { continue };
        let metrics: HashMap<&str, &str> = vector.split('/').filter_map(|part| part.split_once(':')).collect();
        for (name, metric, values) in form.metrics {
            let Some(given) = members.get(*name).and_then(Value::as_str) else { continue };
            // A member that the vector does not have is no contradiction; a temporal one of v2 may be left out of it.
            let Some(letter) = metrics.get(metric) else { continue };
            let of_vector = Some(letter).and_then(|letter| {
                values
                    .split(' ')
                    .filter_map(|pair| pair.split_once('='))
                    .find(|(value, _)| value == letter)
                    .map(|(_, word)| word)
            });
            if of_vector != Some(given) {
                findings.add(
                    &place.key(name),
                    format!("the vector says {}, not {}", of_vector.unwrap_or("nothing"), short(given)),
                );
            }
        }
        if let Some(given) = members.get("version").and_then(Value::as_str).filter(|_| form.version == "3.1") {
            let of_vector = metrics.get("CVSS").copied().unwrap_or(given);
            if of_vector != given {
                findings
                    .add(&place.key("version"), format!("the vector says {}, not {}", short(of_vector), short(given)));
            }
        }
    }
}
