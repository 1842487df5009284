//! Which field of a log line goes to which column: as written ([`RawMapping`]), then checked and ready to run ([`Mapping`]).
//!
//! Not the reading of lines (that is `lines` and `otlp`). Fields are named by their path, parts joined by dots. Invariants: a mapping
//! has at most [`PATHS_MAX`] paths, none within another; each column's values go through its `map`, then its `default`. The raw form
//! as JSON stands in every record that was mapped by it.

use crate::clock::TimeFormat;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use yagura_model::{Name, Severity};

/// The most paths of a mapping.
pub const PATHS_MAX: usize = 64;
/// The most parts of a path.
pub const PATH_PARTS_MAX: usize = 8;
/// The most entries of one column's `map`.
pub const MAP_ENTRIES_MAX: usize = 256;

/// What a mapping writes to.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Column {
    /// When it happened.
    Time,
    /// Which vehicle it is about.
    Vehicle,
    /// Which part of the source observed it.
    Sensor,
    /// Name of the event, such as `OTA_DOWNLOAD`.
    EventName,
    /// How bad.
    Severity,
    /// What was done.
    Action,
    /// Who did it.
    User,
    /// From which address.
    SrcIp,
    /// With which outcome.
    Status,
    /// With which number as outcome.
    StatusCode,
    /// To what.
    Resource,
    /// In which session.
    Session,
    /// What the line says.
    Message,
}

impl Column {
    /// All columns.
    pub const ALL: [Self; 13] = [
        Self::Time,
        Self::Vehicle,
        Self::Sensor,
        Self::EventName,
        Self::Severity,
        Self::Action,
        Self::User,
        Self::SrcIp,
        Self::Status,
        Self::StatusCode,
        Self::Resource,
        Self::Session,
        Self::Message,
    ];

    /// Its name, as in the events table (severity apart, which is `severity_id` there).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Vehicle => "vehicle",
            Self::Sensor => "sensor",
            Self::EventName => "event_name",
            Self::Severity => "severity",
            Self::Action => "action",
            Self::User => "user",
            Self::SrcIp => "src_ip",
            Self::Status => "status",
            Self::StatusCode => "status_code",
            Self::Resource => "resource",
            Self::Session => "session",
            Self::Message => "message",
        }
    }

    fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|column| column.name() == name)
    }
}

/// One path or several, of which the first that has a value counts.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(untagged, expecting = "expected a field's path, or a list of paths")]
pub enum RawPaths {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

/// A column as written.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RawColumn {
    /// Where its value is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<RawPaths>,
    /// How a time is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// What values mean; others stay.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub map: BTreeMap<String, String>,
    /// What stands there if the line has no value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
}

/// A mapping as written.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RawMapping {
    /// What kind of thing writes these lines; `logsource.product` of the rules that judge them.
    pub product: String,
    /// For each column where its value is.
    #[serde(default)]
    pub columns: BTreeMap<String, RawColumn>,
    /// Whether fields that no column takes are kept in the column `attributes`.
    #[serde(default = "yes")]
    pub keep_other_fields: bool,
}

const fn yes() -> bool {
    true
}

/// Why a mapping cannot be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MappingError {
    /// `product` is not a legal name, or is the vehicles' own.
    #[error("product {0:?}: 1 to 32 characters A-Z a-z 0-9 . _ -, and not \"vehicle\"")]
    Product(String),
    /// No such column.
    #[error("column {0:?}, expected one of {all}", all = names())]
    Column(String),
    /// A column needs a field or a default.
    #[error("column {0}: neither field nor default")]
    Nothing(&'static str),
    /// A path has an empty part or too many.
    #[error("column {column}: path {path:?} has an empty part, or more than {PATH_PARTS_MAX}")]
    Path {
        /// Of which column.
        column: &'static str,
        /// As written.
        path: String,
    },
    /// A path leads through a field that another column takes whole.
    #[error("column {column}: path {path:?} overlaps another path")]
    Overlap {
        /// Of which column.
        column: &'static str,
        /// As written.
        path: String,
    },
    /// More than a limit.
    #[error("{what}: {count}, the maximum is {max}")]
    TooMany {
        /// What there are too many of.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many there may be.
        max: usize,
    },
    /// The time's format.
    #[error("column time: {0}")]
    Time(String),
    /// Only `time` has a format.
    #[error("column {0}: only time has a format")]
    Format(&'static str),
    /// A value that the column cannot hold.
    #[error("column {column}: {value:?} is not {expected}")]
    Value {
        /// Of which column.
        column: &'static str,
        /// As written.
        value: String,
        /// What it should be.
        expected: &'static str,
    },
}

fn names() -> String {
    Column::ALL.map(Column::name).join(", ")
}

/// A column's rule, checked.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    /// Places of its paths among all, in their order of preference.
    pub(crate) paths: Vec<usize>,
    pub(crate) map: HashMap<String, String>,
    pub(crate) default: Option<String>,
}

/// A node of the tree of wanted fields.
#[derive(Clone, Debug, Default)]
pub(crate) struct Node {
    /// Which paths end here; several columns may take the same field.
    pub(crate) path: Option<usize>,
    pub(crate) children: Vec<(Box<str>, Node)>,
}

/// A mapping, checked and ready to run.
#[derive(Clone, Debug)]
pub struct Mapping {
    pub(crate) product: Name,
    pub(crate) rules: [Option<Rule>; Column::ALL.len()],
    pub(crate) time: TimeFormat,
    pub(crate) root: Node,
    /// All paths, for forms that are not walked as a tree.
    pub(crate) paths: HashMap<String, usize>,
    pub(crate) keeps_other_fields: bool,
    pub(crate) event_name: String,
}

impl Mapping {
    /// What kind of thing writes these lines.
    #[must_use]
    pub const fn product(&self) -> Name {
        self.product
    }

    pub(crate) fn rule(&self, column: Column) -> Option<&Rule> {
        self.rules.get(column as usize).and_then(Option::as_ref)
    }

    fn path(&mut self, column: &'static str, text: &str) -> Result<usize, MappingError> {
        if let Some(known) = self.paths.get(text) {
            return Ok(*known);
        }
        let path = || text.to_owned();
        let parts: Vec<&str> = text.split('.').collect();
        if parts.len() > PATH_PARTS_MAX || parts.iter().any(|part| part.is_empty()) {
            return Err(MappingError::Path { column, path: path() });
        }
        let place = self.paths.len();
        let mut node = &mut self.root;
        for part in parts {
            if node.path.is_some() {
                return Err(MappingError::Overlap { column, path: path() });
            }
            node = node.child(part);
        }
        if !node.children.is_empty() {
            return Err(MappingError::Overlap { column, path: path() });
        }
        node.path = Some(place);
        self.paths.insert(path(), place);
        Ok(place)
    }
}

impl Node {
    fn child(&mut self, name: &str) -> &mut Self {
        let found = self.children.iter().position(|(known, _)| **known == *name);
        let index = found.unwrap_or_else(|| {
            self.children.push((name.into(), Self::default()));
            self.children.len().saturating_sub(1)
        });
        // The index is of an element that is there: found, or just pushed.
        #[expect(clippy::indexing_slicing, reason = "found above, or just pushed")]
        &mut self.children[index].1
    }
}

impl TryFrom<&RawMapping> for Mapping {
    type Error = MappingError;

    fn try_from(raw: &RawMapping) -> Result<Self, MappingError> {
        let product = Name::new(&raw.product).ok().filter(|name| !name.as_str().eq_ignore_ascii_case("vehicle"));
        let product = product.ok_or_else(|| MappingError::Product(raw.product.clone()))?;
        let mut mapping = Self {
            product,
            rules: [const { None }; Column::ALL.len()],
            time: TimeFormat::Rfc3339,
            root: Node::default(),
            paths: HashMap::new(),
            keeps_other_fields: raw.keep_other_fields,
            event_name: format!("{}_LOG", raw.product.to_ascii_uppercase().replace(['-', '.'], "_")),
        };
        for (name, column) in &raw.columns {
            let target = Column::of(name).ok_or_else(|| MappingError::Column(name.clone()))?;
            let rule = rule(&mut mapping, target, column)?;
            if let Some(slot) = mapping.rules.get_mut(target as usize) {
                *slot = Some(rule);
            }
        }
        let (count, max) = (mapping.paths.len(), PATHS_MAX);
        if count > max {
            return Err(MappingError::TooMany { what: "paths of the mapping", count, max });
        }
        Ok(mapping)
    }
}

fn rule(mapping: &mut Mapping, column: Column, raw: &RawColumn) -> Result<Rule, MappingError> {
    let name = column.name();
    if raw.field.is_none() && raw.default.is_none() {
        return Err(MappingError::Nothing(name));
    }
    match (&raw.format, column) {
        (Some(format), Column::Time) => mapping.time = TimeFormat::parse(format).map_err(MappingError::Time)?,
        (Some(_), _) => return Err(MappingError::Format(name)),
        (None, _) => {}
    }
    let (count, max) = (raw.map.len(), MAP_ENTRIES_MAX);
    if count > max {
        return Err(MappingError::TooMany { what: "entries of a map", count, max });
    }
    let written: Vec<&str> = match &raw.field {
        None => Vec::new(),
        Some(RawPaths::One(path)) => vec![path],
        Some(RawPaths::Many(paths)) => paths.iter().map(String::as_str).collect(),
    };
    let (count, max) = (written.len(), PATHS_MAX);
    if count > max {
        return Err(MappingError::TooMany { what: "paths of a column", count, max });
    }
    let paths: Result<_, _> = written.into_iter().map(|path| mapping.path(name, path)).collect();
    for value in raw.map.values().chain(&raw.default) {
        check_value(mapping, column, value)?;
    }
    let map = raw.map.iter().map(|(from, to)| (from.clone(), to.clone())).collect();
    Ok(Rule { paths: paths?, map, default: raw.default.clone() })
}

fn check_value(mapping: &Mapping, column: Column, value: &str) -> Result<(), MappingError> {
    let (legal, expected) = match column {
        Column::Time => (mapping.time.read(value).is_some(), "a time of this format"),
        Column::Vehicle => {
            (value.is_empty() || Name::new(value).is_ok(), "a name of 1 to 32 characters A-Z a-z 0-9 . _ -")
        }
        Column::Severity => {
            (severity(value).is_some(), "informational, low, medium, high, critical, or a usual log level")
        }
        Column::StatusCode => (value.parse::<i64>().is_ok(), "a whole number"),
        _ => (true, ""),
    };
    if legal { Ok(()) } else { Err(MappingError::Value { column: column.name(), value: value.to_owned(), expected }) }
}

/// The severity that a word or a usual log level means.
pub(crate) fn severity(text: &str) -> Option<Severity> {
    const WORDS: [(&str, Severity); 22] = [
        ("info", Severity::Informational),
        ("informational", Severity::Informational),
        ("information", Severity::Informational),
        ("notice", Severity::Informational),
        ("debug", Severity::Informational),
        ("trace", Severity::Informational),
        ("unknown", Severity::Informational),
        ("warn", Severity::Low),
        ("warning", Severity::Low),
        ("low", Severity::Low),
        ("error", Severity::Medium),
        ("err", Severity::Medium),
        ("medium", Severity::Medium),
        ("high", Severity::High),
        ("crit", Severity::High),
        ("fatal", Severity::High),
        ("alert", Severity::High),
        ("severe", Severity::High),
        ("critical", Severity::Critical),
        ("emerg", Severity::Critical),
        ("emergency", Severity::Critical),
        ("panic", Severity::Critical),
    ];
    WORDS.into_iter().find(|(word, _)| word.eq_ignore_ascii_case(text)).map(|(_, severity)| severity)
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn read(text: &str) -> Result<Mapping, String> {
        let raw: RawMapping = toml::from_str(text).map_err(|error| error.to_string())?;
        Mapping::try_from(&raw).map_err(|error| error.to_string())
    }

    #[test]
    fn a_mapping_survives_its_json() {
        let text = r#"
            product = "ota"
            keep_other_fields = false
            [columns]
            time = { field = "ts", format = "unix-ms" }
            user = { field = ["actor.id", "actor.name"], map = { "0" = "root" }, default = "nobody" }
        "#;
        let raw: RawMapping = toml::from_str(text).unwrap();
        let again: RawMapping = serde_json::from_str(&serde_json::to_string(&raw).unwrap()).unwrap();
        assert_eq!(raw, again);
        let mapping = Mapping::try_from(&again).unwrap();
        assert_eq!((mapping.paths.len(), mapping.event_name.as_str()), (3, "OTA_LOG"));
    }

    #[test]
    fn every_refusal_says_what_is_wrong() {
        let of = |columns: &str| read(&format!("product = \"ota\"\n[columns]\n{columns}")).map(|_| ()).unwrap_err();
        let all = [
            read("product = \"Vehicle\"").map(|_| ()).unwrap_err(),
            of("colour = { field = \"a\" }"),
            of("user = {}"),
            of("user = { field = \"a..b\" }"),
            of("user = { field = \"a\" }\naction = { field = \"a.b\" }"),
            of("user = { field = \"a\", format = \"rfc3339\" }"),
            of("time = { field = \"a\", format = \"iso\" }"),
            of("severity = { field = \"a\", map = { a = \"bad\" } }"),
            of("vehicle = { default = \"a b\" }"),
        ];
        expect![[r#"
            product "Vehicle": 1 to 32 characters A-Z a-z 0-9 . _ -, and not "vehicle"
            column "colour", expected one of time, vehicle, sensor, event_name, severity, action, user, src_ip, status, status_code, resource, session, message
            column user: neither field nor default
            column user: path "a..b" has an empty part, or more than 8
            column user: path "a" overlaps another path
            column user: only time has a format
            column time: time format "iso", expected rfc3339, unix-s, unix-ms, unix-us, unix-ns or a description such as [year]-[month]-[day]T[hour]:[minute]:[second]
            column severity: "bad" is not informational, low, medium, high, critical, or a usual log level
            column vehicle: "a b" is not a name of 1 to 32 characters A-Z a-z 0-9 . _ -"#]].assert_eq(&all.join("\n"));
    }
}
