//! Rules as people know them: names, texts, level, and what a correlation counts.
//!
//! Not the compiled form (that is `ruleset` with its pool). Invariant: a rule has an id that no other rule of its set has; its
//! digest changes with what it detects and not with its texts.

use crate::baseline::Baseline;
use crate::bounds::Bounds;
use crate::condition::Condition;
use crate::life::Stage;
use std::fmt;
use yagura_columns::Text;
use yagura_model::Severity;

/// A file with rules.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RuleFile {
    /// Its name, as it shall stand in errors.
    pub path: String,
    /// Its text: one or more YAML documents.
    pub text: String,
}

/// Where a rule looks.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct LogSource {
    /// Such as `vehicle`.
    pub product: Option<String>,
    /// Such as `ids`.
    pub category: Option<String>,
    /// Such as `can`.
    pub service: Option<String>,
}

impl LogSource {
    /// The product of vehicles' own events: those of our sensors and, marked as such, of foreign ones.
    pub const VEHICLE: &'static str = "vehicle";

    /// Whether everything that this one names is the same in `other`.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        let same = |own: &Option<String>, other: &Option<String>| match (own, other) {
            (None, _) => true,
            (Some(own), Some(other)) => own.eq_ignore_ascii_case(other),
            (Some(_), None) => false,
        };
        same(&self.product, &other.product)
            && same(&self.category, &other.category)
            && same(&self.service, &other.service)
    }
}

/// What a rule does with events.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RuleKind {
    /// It looks at each event alone.
    Match,
    /// It counts what other rules match.
    Correlation(Correlation),
    /// It compares events with the past of their group.
    Baseline(Baseline),
}

/// What a correlation counts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Correlation {
    /// What of a window is looked at.
    pub counts: Counts,
    /// Ids of the rules whose events it counts; an event that several of them match counts once.
    pub rules: Vec<String>,
    /// Events are counted apart for each combination of these fields' values, and always for each tenant.
    pub group_by: Vec<String>,
    /// Names that stand for other fields in other rules.
    pub aliases: Vec<Alias>,
    /// Length of the window that ends at an event, in µs.
    pub timespan: i64,
    /// When a window fires.
    pub condition: CorrelationCondition,
    /// How far behind the newest event of its group an event may be and still count, in µs.
    pub lateness: i64,
}

/// What of a window is looked at.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Counts {
    /// Sigma's `event_count`.
    Events,
    /// Sigma's `value_count`: distinct values of this field. An event without a value does not count.
    Values(String),
    /// `value_count` of several fields: distinct combinations of their values.
    Combinations(Vec<String>),
    /// Sigma's `value_sum`: the sum of this field.
    Sum(String),
    /// Sigma's `value_avg`: the average of this field.
    Average(String),
    /// Sigma's `value_percentile`: the value of a field at this percentile.
    Percentile(String, u8),
    /// Sigma's `temporal`: which of the rules matched.
    Together,
    /// Sigma's `temporal_ordered`: how many of the rules matched in their order.
    InOrder,
}

/// When a window fires.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CorrelationCondition {
    /// What is counted keeps to these bounds.
    Bounds(Bounds),
    /// The rules that matched fit this expression over them.
    Rules(RuleExpression),
}

/// A condition over the rules of a correlation, as written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RuleExpression {
    pub(crate) condition: Condition,
    /// As written.
    pub text: String,
}

/// A name that stands for other fields in other rules.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Alias {
    /// The name, which `group-by` and `condition.field` may use.
    pub name: String,
    /// For each rule, by its name or id, the field that is meant.
    pub fields: Vec<(String, String)>,
}

impl Correlation {
    /// The fields whose values it counts.
    pub(crate) fn values(&self) -> &[String] {
        match &self.counts {
            Counts::Events | Counts::Together | Counts::InOrder => &[],
            Counts::Values(field) | Counts::Sum(field) | Counts::Average(field) | Counts::Percentile(field, _) => {
                std::slice::from_ref(field)
            }
            Counts::Combinations(fields) => fields,
        }
    }

    /// The fields that it groups by or counts the values of.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &str> {
        self.group_by.iter().chain(self.values()).map(String::as_str)
    }

    /// What a field of this correlation is called in the events of one of its rules, which has these names.
    pub(crate) fn field_in<'a>(&'a self, field: &'a str, rule: &[&str]) -> &'a str {
        let alias = self.aliases.iter().find(|alias| alias.name == field);
        let own = alias.and_then(|alias| alias.fields.iter().find(|(of, _)| rule.contains(&of.as_str())));
        own.map_or(field, |(_, field)| field)
    }

    /// So many events tell whether a bound is passed.
    pub(crate) fn least_kept(&self) -> usize {
        match (&self.condition, &self.counts) {
            (CorrelationCondition::Bounds(bounds), Counts::Events | Counts::Values(_) | Counts::Combinations(_)) => {
                let more = if bounds.only_grow() { 0 } else { 1 };
                bounds.largest_whole().saturating_add(more)
            }
            _ => 0,
        }
    }

    /// Whether the order of its rules means something.
    pub(crate) const fn is_in_order(&self) -> bool {
        matches!(self.counts, Counts::Together | Counts::InOrder)
    }

    /// Whether what holds of a window stays true when more events come.
    #[must_use]
    pub fn is_judged_at_once(&self) -> bool {
        match (&self.condition, &self.counts) {
            (CorrelationCondition::Rules(expression), _) => !expression.condition.negates(),
            (_, Counts::Sum(_) | Counts::Average(_) | Counts::Percentile(..)) => false,
            (CorrelationCondition::Bounds(bounds), _) => bounds.only_grow(),
        }
    }

    /// Whether it counts each vehicle apart. If not, events of different vehicles may be in one group.
    #[must_use]
    pub fn is_per_vehicle(&self) -> bool {
        let aliased = self.aliases.iter().any(|alias| alias.name == crate::view::VEHICLE);
        !aliased && self.group_by.iter().any(|field| field == crate::view::VEHICLE)
    }
}

/// A rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Sigma's `id`; without one its `name`, without that its title.
    pub id: String,
    /// Sigma's `name`, by which correlations may refer to it.
    pub name: Option<String>,
    /// One line.
    pub title: Text,
    /// What it finds and why that matters.
    pub description: Text,
    /// What a person does when it fires; custom field `yagura.what_to_do`.
    pub what_to_do: Text,
    /// Sigma's `status`.
    pub status: Option<String>,
    /// How bad it is if it fires.
    pub level: Severity,
    /// Whether people hear of it: its own stage, or that of a rule that it counts, if that is in the shadow.
    pub stage: Stage,
    /// Who answers for it; custom field `yagura.owner`.
    pub owner: Option<String>,
    /// Sigma's tags, such as `attack.t0855`.
    pub tags: Vec<String>,
    /// What else may look like this.
    pub falsepositives: Vec<String>,
    /// Where it looks.
    pub logsource: LogSource,
    /// What it does.
    pub kind: RuleKind,
    /// Whether its matches are alerts. A rule that a correlation counts is silent unless the correlation says `generate: true`.
    pub alerts: bool,
    /// The file it came from.
    pub path: String,
    /// Its own YAML document.
    pub source: String,
    /// SHA-256 over what it detects; part of the alert id.
    pub digest: [u8; 32],
}

impl Rule {
    /// The ATT&CK technique of the first tag that names one, such as `T0855`.
    #[must_use]
    pub fn technique(&self) -> Option<String> {
        let technique = |tag: &String| {
            let id = tag.strip_prefix("attack.")?;
            let digits = id.strip_prefix(['t', 'T'])?;
            digits.starts_with(|c: char| c.is_ascii_digit()).then(|| id.to_ascii_uppercase())
        };
        self.tags.iter().find_map(technique)
    }
}

/// A number that names an alert: equal for equal rule, rule digest, tenant, group and window.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct AlertId(pub [u8; 32]);

impl fmt::Display for AlertId {
    /// 64 lower-case hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The text is not 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("alert id is not 64 hexadecimal digits")]
pub struct AlertIdError;

impl std::str::FromStr for AlertId {
    type Err = AlertIdError;

    fn from_str(text: &str) -> Result<Self, AlertIdError> {
        if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(AlertIdError);
        }
        let mut id = [0; 32];
        for (byte, pair) in id.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let digits = std::str::from_utf8(pair).map_err(|_| AlertIdError)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| AlertIdError)?;
        }
        Ok(Self(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_alert_id_survives_its_text(id: [u8; 32]) {
            prop_assert_eq!(AlertId(id).to_string().parse(), Ok(AlertId(id)));
        }
    }

    #[test]
    fn other_texts_are_no_alert_id() {
        for text in ["", "12", &"g".repeat(64), &"+1".repeat(32)] {
            assert_eq!(text.parse::<AlertId>(), Err(AlertIdError));
        }
    }
}
