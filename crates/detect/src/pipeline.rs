//! Field mapping pipelines: what the fields of a rule are called in the events that it shall run over.
//!
//! Not an evaluation: a pipeline acts on rules while they are read. The format is a part of pySigma's processing pipelines
//! (docs/format/pipelines.md); what is not in that part is refused by name. Pipelines act in the order of their priority, their
//! transformations in the order of the file, each on what the one before made.

use crate::detection::{Located, at, type_error};
use crate::document::{log_source_fields, text, texts};
use crate::error::{RuleError, RuleErrorKind, Unsupported};
use crate::indicators::{IndicatorSet, Indicators};
use crate::rule::{LogSource, RuleFile};
use crate::ruleset::Surroundings;
use crate::yaml::{self, Node, Value};
use hashbrown::HashMap;
use sha2::Sha256;
use std::sync::Arc;

/// The most bytes of a pipeline's file.
const PIPELINE_BYTES_MAX: usize = 4 << 20;
/// The most names that one field is mapped to.
const NAMES_MAX: usize = 64;

/// A pipeline, read.
#[derive(Clone, Debug)]
pub struct Pipeline {
    name: String,
    priority: i64,
    vars: HashMap<String, Vec<String>>,
    steps: Vec<Step>,
}

#[derive(Clone, Debug)]
struct Step {
    node: Node,
    kind: Kind,
    /// The rules that it acts on: any of these log sources, or all if there are none.
    sources: Vec<LogSource>,
    negated: bool,
    all: bool,
    only: Vec<String>,
    except: Vec<String>,
}

#[derive(Clone, Debug)]
enum Kind {
    Map(HashMap<String, Vec<String>>),
    MapPrefix(Vec<(String, Vec<String>)>),
    Prefix(String),
    Suffix(String),
    Drop,
    Add { conditions: Node, negated: bool },
    LogSource(LogSource),
    Placeholders,
}

impl Pipeline {
    /// Reads a pipeline.
    ///
    /// # Errors
    /// [`RuleError`] with the place of the first mistake.
    pub fn parse(file: &RuleFile) -> Result<Self, RuleError> {
        let fail = |Located { line, column, kind }| RuleError { path: file.path.clone(), line, column, kind };
        if file.text.len() > PIPELINE_BYTES_MAX {
            let kind = RuleErrorKind::FileTooLarge { bytes: file.text.len(), max: PIPELINE_BYTES_MAX };
            return Err(fail(Located { line: 0, column: 0, kind }));
        }
        let documents = yaml::documents(&file.text)
            .map_err(|e| fail(Located { line: e.line, column: e.column, kind: RuleErrorKind::Yaml(e.message) }))?;
        let [node] = documents.as_slice() else {
            return Err(fail(Located { line: 1, column: 1, kind: type_error("pipeline", "one YAML document") }));
        };
        read(node).map_err(fail)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

fn read(node: &Node) -> Result<Pipeline, Located> {
    let Value::Map(entries) = &node.value else { return Err(at(node, type_error("pipeline", "a map"))) };
    for (key, value) in entries {
        if !matches!(key.text.as_str(), "name" | "priority" | "vars" | "transformations" | "allowed_backends") {
            return Err(at(value, RuleErrorKind::Unsupported(Unsupported::Transformation(key.text.clone()))));
        }
    }
    let priority = match node.get("priority").map(|n| (n, &n.value)) {
        None => 0,
        Some((_, Value::Int(priority))) => *priority,
        Some((node, _)) => return Err(at(node, type_error("priority", "a whole number"))),
    };
    let mut vars = HashMap::new();
    if let Some(node) = node.get("vars") {
        let Value::Map(entries) = &node.value else { return Err(at(node, type_error("vars", "a map"))) };
        for (key, value) in entries {
            vars.insert(key.text.clone(), names(value, &key.text)?);
        }
    }
    let steps = match node.get("transformations").map(|n| (n, &n.value)) {
        None => Vec::new(),
        Some((_, Value::List(items))) => items.iter().map(step).collect::<Result<_, _>>()?,
        Some((node, _)) => return Err(at(node, type_error("transformations", "a list"))),
    };
    Ok(Pipeline { name: text(node, "name")?.unwrap_or_default(), priority, vars, steps })
}

/// One text or a list of texts.
fn names(node: &Node, field: &str) -> Result<Vec<String>, Located> {
    let wrong = || at(node, type_error(field, "a text or a list of texts"));
    match &node.value {
        Value::List(items) if items.len() <= NAMES_MAX.max(10_000) => {
            items.iter().map(|item| item.scalar_text().ok_or_else(wrong)).collect()
        }
        _ => Ok(vec![node.scalar_text().ok_or_else(wrong)?]),
    }
}

fn mapping(node: &Node) -> Result<Vec<(String, Vec<String>)>, Located> {
    let entries = match node.get("mapping").map(|n| &n.value) {
        Some(Value::Map(entries)) => entries,
        _ => return Err(at(node, type_error("mapping", "a map from names to names"))),
    };
    let pair = |(key, value): &(yaml::Key, Node)| Ok((key.text.clone(), names(value, &key.text)?));
    entries.iter().map(pair).collect()
}

fn is_true(node: &Node, field: &str) -> Result<bool, Located> {
    match node.get(field).map(|n| (n, &n.value)) {
        None => Ok(false),
        Some((_, Value::Bool(truth))) => Ok(*truth),
        Some((node, _)) => Err(at(node, type_error(field, "true or false"))),
    }
}

fn required(node: &Node, field: &'static str) -> Result<String, Located> {
    text(node, field)?.ok_or_else(|| at(node, RuleErrorKind::Missing(field)))
}

fn step(node: &Node) -> Result<Step, Located> {
    let unsupported =
        |node: &Node, what: &str| at(node, RuleErrorKind::Unsupported(Unsupported::Transformation(what.to_owned())));
    let kind = match required(node, "type")?.as_str() {
        "field_name_mapping" => Kind::Map(mapping(node)?.into_iter().collect()),
        "field_name_prefix_mapping" => Kind::MapPrefix(mapping(node)?),
        "field_name_prefix" => Kind::Prefix(required(node, "prefix")?),
        "field_name_suffix" => Kind::Suffix(required(node, "suffix")?),
        "drop_detection_item" => Kind::Drop,
        "add_condition" => {
            let conditions = node.get("conditions").ok_or_else(|| at(node, RuleErrorKind::Missing("conditions")))?;
            Kind::Add { conditions: conditions.clone(), negated: is_true(node, "negated")? }
        }
        "change_logsource" => Kind::LogSource(log_source_fields(node)?),
        "value_placeholders" => Kind::Placeholders,
        other => return Err(unsupported(node, other)),
    };
    let known = [
        "id",
        "type",
        "mapping",
        "prefix",
        "suffix",
        "conditions",
        "negated",
        "category",
        "product",
        "service",
        "rule_conditions",
        "rule_cond_op",
        "rule_cond_not",
        "field_name_conditions",
    ];
    if let Value::Map(entries) = &node.value
        && let Some((key, value)) = entries.iter().find(|(key, _)| !known.contains(&key.text.as_str()))
    {
        return Err(unsupported(value, &key.text));
    }
    let (mut sources, mut only, mut except) = (Vec::new(), Vec::new(), Vec::new());
    for condition in list(node, "rule_conditions")? {
        match required(condition, "type")?.as_str() {
            "logsource" => sources.push(log_source_fields(condition)?),
            other => return Err(unsupported(condition, other)),
        }
    }
    for condition in list(node, "field_name_conditions")? {
        match required(condition, "type")?.as_str() {
            "include_fields" => only.extend(texts(condition, "fields")?),
            "exclude_fields" => except.extend(texts(condition, "fields")?),
            other => return Err(unsupported(condition, other)),
        }
    }
    if matches!(kind, Kind::Drop) && only.is_empty() && except.is_empty() {
        return Err(at(node, RuleErrorKind::Missing("field_name_conditions")));
    }
    let all = match text(node, "rule_cond_op")?.as_deref() {
        None | Some("and") => true,
        Some("or") => false,
        Some(other) => return Err(unsupported(node, other)),
    };
    Ok(Step { node: node.clone(), kind, sources, negated: is_true(node, "rule_cond_not")?, all, only, except })
}

fn list<'n>(node: &'n Node, field: &'static str) -> Result<&'n [Node], Located> {
    match node.get(field).map(|n| (n, &n.value)) {
        None => Ok(&[]),
        Some((_, Value::List(items))) => Ok(items),
        Some((node, _)) => Err(at(node, type_error(field, "a list"))),
    }
}

impl Step {
    fn acts_on(&self, source: &LogSource) -> bool {
        let fits = |wanted: &LogSource| wanted.covers(source);
        let holds = self.sources.is_empty()
            || if self.all { self.sources.iter().all(fits) } else { self.sources.iter().any(fits) };
        holds != self.negated
    }

    fn names(&self, name: String) -> Vec<String> {
        if (!self.only.is_empty() && !self.only.contains(&name)) || self.except.contains(&name) {
            return vec![name];
        }
        match &self.kind {
            Kind::Map(map) => map.get(&name).cloned().unwrap_or_else(|| vec![name]),
            Kind::MapPrefix(map) => {
                let found = map.iter().find_map(|(prefix, to)| Some((name.strip_prefix(prefix.as_str())?, to)));
                match found {
                    Some((rest, to)) => to.iter().map(|prefix| format!("{prefix}{rest}")).collect(),
                    None => vec![name],
                }
            }
            Kind::Prefix(prefix) => vec![format!("{prefix}{name}")],
            Kind::Suffix(suffix) => vec![format!("{name}{suffix}")],
            Kind::Drop => Vec::new(),
            Kind::Add { .. } | Kind::LogSource(_) | Kind::Placeholders => vec![name],
        }
    }
}

/// What the pipelines make of the rules of one log source.
#[derive(Default)]
pub(crate) struct Rewrite<'p> {
    steps: Vec<&'p Step>,
    vars: Vec<&'p HashMap<String, Vec<String>>>,
    indicators: Option<&'p Indicators>,
}

impl<'p> Rewrite<'p> {
    /// For rules of this log source, which a pipeline may change.
    pub(crate) fn new(surroundings: &'p Surroundings, source: &mut LogSource) -> Self {
        let Surroundings { pipelines, indicators, .. } = surroundings;
        let mut ordered: Vec<&Pipeline> = pipelines.iter().collect();
        ordered.sort_by_key(|pipeline| pipeline.priority);
        let mut rewrite = Self { indicators: Some(indicators), ..Self::default() };
        for pipeline in ordered {
            rewrite.vars.push(&pipeline.vars);
            for step in &pipeline.steps {
                if !step.acts_on(source) {
                    continue;
                }
                if let Kind::LogSource(changed) = &step.kind {
                    *source = changed.clone();
                }
                rewrite.steps.push(step);
            }
        }
        rewrite
    }

    /// What a field is called in events: any of these; none if it is left out.
    pub(crate) fn fields(&self, name: &str) -> Vec<String> {
        let mut names = vec![name.to_owned()];
        for step in &self.steps {
            names = names.into_iter().flat_map(|name| step.names(name)).take(NAMES_MAX).collect();
        }
        names
    }

    /// The values that a placeholder stands for; the last pipeline that names it decides.
    pub(crate) fn placeholder(&self, name: &str) -> Option<Vec<String>> {
        self.vars.iter().rev().find_map(|vars| vars.get(name)).cloned()
    }

    /// The indicator set that a placeholder names, unless a pipeline gives its values.
    pub(crate) fn indicators(&self, name: &str) -> Option<&'p Arc<IndicatorSet>> {
        self.indicators?.get(name).filter(|_| self.placeholder(name).is_none())
    }

    /// Conditions that a rule gets in addition, and whether they must not hold.
    pub(crate) fn conditions(&self) -> impl Iterator<Item = (&'p Node, bool)> {
        self.steps.iter().filter_map(|step| match &step.kind {
            Kind::Add { conditions, negated } => Some((conditions, *negated)),
            _ => None,
        })
    }

    /// What changes what a rule detects is part of its digest.
    pub(crate) fn digest_into(&self, hash: &mut Sha256) {
        self.steps.iter().for_each(|step| step.node.digest_into(hash));
    }
}

#[cfg(test)]
mod tests;
