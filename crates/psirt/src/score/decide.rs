//! From what is known of a vulnerability to the points of an SSVC decision, each with the reason for it.
//!
//! Not the decision: tables decide ([`super::ssvc`]). Nothing is guessed: a point for which there is no ground has no answer, and the table
//! then gives every outcome that is possible. Where a ground is an indication and no proof, the reason says so.

use super::kev::Kev;
use super::ssvc::{Point, PointValue, Table};

/// What a failure of the vehicle function concerned can do to people (the severity classes of ISO 26262 and ISO/SAE 21434).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum SafetyImpact {
    /// S0: no injuries.
    None,
    /// S1: light and moderate injuries.
    Moderate,
    /// S2: severe injuries, survival probable.
    Severe,
    /// S3: life-threatening injuries.
    LifeThreatening,
}

/// What is known.
#[derive(Clone, Debug, Default)]
pub struct Known<'a> {
    /// Points as a source states them, such as CISA-ADP's `Exploitation` = `active`.
    pub stated: &'a [(String, String)],
    /// The entry in KEV; `Some(None)` if the catalogue was looked into and has none.
    pub kev: Option<Option<&'a Kev>>,
    /// The probability of EPSS, and from which one on it is taken for a sign of public exploit code.
    pub epss: Option<(f64, f64)>,
    /// The CVSS vector to draw on.
    pub cvss: Option<&'a str>,
    /// The vehicle function concerned and its safety impact.
    pub function: Option<(&'a str, SafetyImpact)>,
}

/// A point's answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Answer {
    /// The value's name.
    pub value: String,
    /// On what ground.
    pub reason: String,
}

fn answer(value: &str, reason: impl Into<String>) -> Option<Answer> {
    Some(Answer { value: value.to_owned(), reason: reason.into() })
}

impl Known<'_> {
    /// The answer to a point by its name (`Exploitation`), if there is a ground for one.
    #[must_use]
    pub fn answer(&self, point: &str) -> Option<Answer> {
        match point {
            "Exploitation" => self.exploitation(),
            "In KEV" => match self.kev? {
                Some(entry) => answer("Yes", format!("in the KEV catalogue since {}", entry.added)),
                None => answer("No", "not in the KEV catalogue"),
            },
            "Automatable" => self.stated(point).or_else(|| self.automatable()),
            "Technical Impact" => self.stated(point).or_else(|| self.technical_impact()),
            "Safety Impact" => {
                let values = ["Negligible", "Marginal", "Critical", "Catastrophic"];
                self.by_function(values)
            }
            "Public Safety Impact" => self.by_function(["Minimal", "Significant", "Significant", "Significant"]),
            "Mission and Well-Being Impact" => self.by_function(["Low", "Medium", "High", "High"]),
            _ => self.stated(point),
        }
    }

    fn stated(&self, point: &str) -> Option<Answer> {
        let (_, value) = self.stated.iter().find(|(name, _)| name.eq_ignore_ascii_case(point))?;
        answer(value, "stated by the advisory's source")
    }

    fn exploitation(&self) -> Option<Answer> {
        if let Some(Some(entry)) = self.kev {
            return answer("Active", format!("in the KEV catalogue since {}", entry.added));
        }
        let stated = self.stated("Exploitation");
        // CISA writes `poc` for what its table calls `Public PoC`.
        let stated =
            stated.map(|one| if one.value == "poc" { Answer { value: "Public PoC".to_owned(), ..one } } else { one });
        let says_more = stated.as_ref().is_some_and(|one| !one.value.eq_ignore_ascii_case("none"));
        match self.epss {
            Some((probability, threshold)) if probability >= threshold && !says_more => answer(
                "Public PoC",
                format!("EPSS {probability:.3} is at least {threshold:.3}: a sign of public exploit code, not proof"),
            ),
            _ => stated,
        }
    }

    fn automatable(&self) -> Option<Answer> {
        let vector = self.cvss?;
        let has = |metric: &str| vector.split('/').any(|part| part == metric);
        if has("AU:Y") || has("AU:N") {
            return answer(if has("AU:Y") { "Yes" } else { "No" }, "the CVSS vector says so (AU)");
        }
        if !vector.starts_with("CVSS:") {
            return None;
        }
        let is_remote = has("AV:N") && has("AC:L") && has("PR:N") && has("UI:N") && !has("AT:P");
        let value = if is_remote { "Yes" } else { "No" };
        answer(value, "by the CVSS vector: from the network, without effort, rights or a user, or not")
    }

    fn technical_impact(&self) -> Option<Answer> {
        let vector = self.cvss?;
        let has = |metric: &str| vector.split('/').any(|part| part == metric);
        let is_total = if vector.starts_with("CVSS:4") {
            has("VC:H") && has("VI:H") && has("VA:H")
        } else {
            (has("C:H") && has("I:H") && has("A:H")) || (has("C:C") && has("I:C") && has("A:C"))
        };
        let value = if is_total { "Total" } else { "Partial" };
        answer(value, "by the CVSS vector: confidentiality, integrity and availability all lost, or not")
    }

    fn by_function(&self, values: [&str; 4]) -> Option<Answer> {
        let (function, impact) = self.function?;
        let [none, moderate, severe, life_threatening] = values;
        let (value, class) = match impact {
            SafetyImpact::None => (none, "S0"),
            SafetyImpact::Moderate => (moderate, "S1"),
            SafetyImpact::Severe => (severe, "S2"),
            SafetyImpact::LifeThreatening => (life_threatening, "S3"),
        };
        answer(value, format!("the vehicle function `{function}` has safety impact {class}"))
    }
}

/// A decision and how it came about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Decision<'a> {
    /// The outcomes that are possible, mildest first; one if every point is known.
    pub outcomes: Vec<&'a PointValue>,
    /// Each question's name and its answer.
    pub answers: Vec<(&'a str, Option<Answer>)>,
}

/// Decides by a table on what is known.
#[must_use]
pub fn decide<'a>(table: &'a Table, known: &Known<'_>) -> Decision<'a> {
    let read = |point: &Point| known.answer(&point.name).filter(|answer| point.value(&answer.value).is_some());
    Decision {
        outcomes: table.evaluate(|_, point| read(point).map(|answer| answer.value)),
        answers: table.questions().map(|(_, point)| (point.name.as_str(), read(point))).collect(),
    }
}
