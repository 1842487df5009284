//! The rules of a server: built in, or a directory of the operator; and what people need to know of them.
//!
//! Not their meaning (that is `detect`). Invariants: a faulty rule stops the start and is named with file and line; the same files
//! in the same order give the same set. Cost: read once, at the start.

use super::indicator_files::{BESIDE, indicators_beside, indicators_in};
use super::rule_files::{DEPTH_MAX, RULE_FILES_MAX, files_of_tests, read_rule_file, rule_files};
use crate::api::severity_id;
use crate::api::types::{SeverityName, Text};
use rust_embed::RustEmbed;
use std::collections::HashMap;
use std::path::PathBuf;
use yagura_detect::incident::Domain;
use yagura_detect::{
    Counts, Exception, Facts, IndicatorError, Indicators, Rule, RuleError, RuleFile, RuleKind, RuleSet, Stage,
    Surroundings,
};
use yagura_model::Severity;

#[derive(RustEmbed)]
#[folder = "../../rules"]
#[allow_missing = true]
struct BuiltIn;

/// Why there are no rules to start with. The operator corrects them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RulesError {
    /// The directory or a file in it cannot be read.
    #[error("cannot read rules from {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The directory holds too many files or too deep directories.
    #[error("{} holds more than {RULE_FILES_MAX} rule files, or directories deeper than {DEPTH_MAX}", .0.display())]
    TooMany(PathBuf),
    /// An indicator set is faulty.
    #[error(transparent)]
    Indicators(#[from] IndicatorError),
    /// Rules are faulty.
    #[error("{} of the rules cannot be used: {}", .0.len(), first_of(.0))]
    Faulty(Vec<RuleError>),
}

fn first_of(errors: &[RuleError]) -> String {
    let shown: Vec<String> = errors.iter().take(10).map(ToString::to_string).collect();
    shown.join("; ")
}

/// Where rules and what belongs to them lie.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RulePlaces {
    /// A directory or file of rules; the built-in ones if there is none.
    pub rules: Option<PathBuf>,
    /// A directory of indicator sets, which take the place of those beside the rules that have the same names.
    pub indicators: Option<PathBuf>,
}

/// The rules as the engine takes them and as people read them.
#[derive(Clone, Debug)]
pub struct Rules {
    /// For the engine.
    pub set: RuleSet,
    /// For people.
    pub book: RuleBook,
}

impl Rules {
    /// The rules of these places.
    ///
    /// # Errors
    /// [`RulesError`]
    pub fn load(places: &RulePlaces) -> Result<Self, RulesError> {
        let dir = places.rules.as_deref();
        let read = |paths: Vec<PathBuf>| paths.iter().map(|path| read_rule_file(path)).collect::<Result<Vec<_>, _>>();
        let (files, tests) = match dir {
            Some(dir) => (read(rule_files(dir)?)?, read(files_of_tests(dir)?)?),
            None => (built_in(|path| is_rule(path) && !is_test(path)), built_in(|path| is_rule(path) && is_test(path))),
        };
        let mut indicators = match dir {
            Some(dir) => indicators_beside(dir)?,
            None => Indicators::read(&built_in(|path| path.starts_with(BESIDE)))?,
        };
        if let Some(dir) = &places.indicators {
            indicators.extend(indicators_in(dir)?);
        }
        let mut rules = Self::of_files(files, indicators)?;
        rules.book.take_tests(tests);
        Ok(rules)
    }

    /// Rules from the texts of files.
    ///
    /// # Errors
    /// [`RulesError::Faulty`]
    pub fn of(files: Vec<RuleFile>) -> Result<Self, RulesError> {
        Self::of_files(files, Indicators::default())
    }

    /// The same over what this register knows.
    #[must_use]
    pub fn with_facts(self, facts: Facts) -> Self {
        Self { set: self.set.with_facts(facts), ..self }
    }

    fn of_files(mut files: Vec<RuleFile>, indicators: Indicators) -> Result<Self, RulesError> {
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let (set, errors) = RuleSet::parse_with(&files, &Surroundings { indicators, ..Surroundings::default() });
        if !errors.is_empty() {
            return Err(RulesError::Faulty(errors));
        }
        let order = set.rules().iter().map(|rule| rule.id.clone()).collect();
        let facts = set.rules().iter().map(|rule| (rule.id.clone(), facts(rule, &set))).collect();
        let book = RuleBook { facts, order, exceptions: set.exceptions().to_vec() };
        Ok(Self { set, book })
    }
}

fn is_rule(path: &str) -> bool {
    path.ends_with(".yml")
}

fn is_test(path: &str) -> bool {
    path.starts_with("tests/")
}

fn built_in(is_wanted: fn(&str) -> bool) -> Vec<RuleFile> {
    let file = |path: std::borrow::Cow<'static, str>| {
        let text = String::from_utf8_lossy(&BuiltIn::get(&path)?.data).into_owned();
        Some(RuleFile { path: format!("rules/{path}"), text })
    };
    BuiltIn::iter().filter(|path| is_wanted(path)).filter_map(file).collect()
}

/// What people need to know of a rule.
#[derive(Clone, Debug)]
pub struct RuleFacts {
    /// Its id.
    pub id: String,
    /// One line.
    pub title: Text,
    /// What it looks for, English.
    pub description: String,
    /// Its level.
    pub level: SeverityName,
    /// Whether people hear of it.
    pub stage: Stage,
    /// Who answers for it.
    pub owner: Option<String>,
    /// SHA-256 over what it detects, hexadecimal: its version.
    pub digest: String,
    /// Whether it counts what other rules match.
    pub is_correlation: bool,
    /// Whether its matches are alerts.
    pub alerts: bool,
    /// Sigma tags.
    pub tags: Vec<String>,
    /// ATT&CK technique.
    pub technique: Option<String>,
    /// Whether it counts how many vehicles are concerned.
    pub counts_vehicles: bool,
    /// What it looks at.
    pub domain: Domain,
    /// Known reasons for a false alarm.
    pub falsepositives: Vec<String>,
    /// What to do when it fires.
    pub what_to_do: Text,
    /// The YAML text.
    pub source: String,
    /// Where it lies.
    pub path: String,
    /// The tests that lie beside it.
    pub tests: Vec<RuleTest>,
}

/// A file with tests of a rule.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RuleTest {
    /// Where it lies.
    pub path: String,
    /// The YAML text.
    pub text: String,
}

impl RuleFacts {
    /// Its level, 1 informational .. 5 critical.
    #[must_use]
    pub const fn severity(&self) -> i64 {
        severity_id(self.level)
    }
}

/// All rules, for people, by id.
#[derive(Clone, Debug, Default)]
pub struct RuleBook {
    facts: HashMap<String, RuleFacts>,
    /// Ids in the order of the files.
    order: Vec<String>,
    exceptions: Vec<Exception>,
}

impl RuleBook {
    /// The rule of this id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&RuleFacts> {
        self.facts.get(id)
    }

    /// All rules, in the order of their files.
    pub fn all(&self) -> impl Iterator<Item = &RuleFacts> {
        self.order.iter().filter_map(|id| self.facts.get(id))
    }

    /// What narrows rules.
    #[must_use]
    pub fn exceptions(&self) -> &[Exception] {
        &self.exceptions
    }

    /// Puts tests to the rules that they name; what names none of these is left out.
    fn take_tests(&mut self, tests: Vec<RuleFile>) {
        for RuleFile { path, text } in tests {
            let rule = text.lines().find_map(|line| line.strip_prefix("rule:")).map(str::trim);
            if let Some(facts) = rule.and_then(|rule| self.facts.get_mut(rule)) {
                facts.tests.push(RuleTest { path, text });
            }
        }
    }

    /// How many rules there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.facts.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.facts.is_empty()
    }
}

/// What a rule looks at: the service of a vehicle's log source, the product of others; of a correlation, that of its first rule.
fn domain(rule: &Rule, set: &RuleSet) -> Domain {
    let source = match &rule.kind {
        RuleKind::Match | RuleKind::Baseline(_) => Some(&rule.logsource),
        RuleKind::Correlation(it) => it.rules.iter().find_map(|id| set.rule(id)).map(|base| &base.logsource),
    };
    let names = source.map(|it| [it.service.as_deref(), it.product.as_deref()]);
    let known = names.into_iter().flatten().flatten().map(Domain::of).find(|domain| *domain != Domain::Other);
    known.unwrap_or(Domain::Other)
}

fn facts(rule: &Rule, set: &RuleSet) -> RuleFacts {
    let text = |text: &yagura_columns::Text| Text {
        en: text.en.clone(),
        ja: if text.ja.is_empty() { text.en.clone() } else { text.ja.clone() },
    };
    RuleFacts {
        id: rule.id.clone(),
        title: text(&rule.title),
        description: rule.description.en.clone(),
        level: match rule.level {
            Severity::Informational => SeverityName::Informational,
            Severity::Low => SeverityName::Low,
            Severity::Medium => SeverityName::Medium,
            Severity::High => SeverityName::High,
            Severity::Critical => SeverityName::Critical,
        },
        stage: rule.stage,
        owner: rule.owner.clone(),
        digest: crate::auth::hex(&rule.digest),
        is_correlation: matches!(rule.kind, RuleKind::Correlation(_)),
        alerts: rule.alerts,
        tests: Vec::new(),
        tags: rule.tags.clone(),
        technique: rule.technique(),
        counts_vehicles: matches!(&rule.kind, RuleKind::Correlation(it) if it.counts == Counts::Values("vehicle".to_owned())),
        domain: domain(rule, set),
        falsepositives: rule.falsepositives.clone(),
        what_to_do: text(&rule.what_to_do),
        source: rule.source.clone(),
        path: rule.path.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn the_built_in_rules_can_be_used() {
        let rules = Rules::load(&RulePlaces::default()).map_err(|e| e.to_string()).unwrap();
        assert_eq!(rules.book.len(), rules.set.rules().len());
    }

    #[test]
    fn a_faulty_rule_is_named_with_its_place() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("bad.yml"), "title: x\nid: 1\n").unwrap();
        std::fs::create_dir(dir.path().join("tests")).unwrap();
        std::fs::write(dir.path().join("tests/bad.yml"), "[").unwrap();
        let error = Rules::load(&places(dir.path())).map(|_| ()).unwrap_err();
        assert!(matches!(&error, RulesError::Faulty(all) if all[0].path.ends_with("bad.yml")), "{error}");
    }

    #[test]
    fn a_directory_that_is_not_there_is_named() {
        let error = Rules::load(&places(Path::new("/no/such/rules"))).map(|_| ()).unwrap_err();
        assert_eq!(error.to_string(), "cannot read rules from /no/such/rules");
    }

    #[test]
    fn a_set_that_is_named_takes_the_place_of_one_beside_the_rules() {
        let (dir, own) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let rule =
            "title: t\nlogsource: {product: vehicle}\ndetection: {s: {vehicle|expand: '%gone%'}, condition: s}\n";
        std::fs::write(dir.path().join("r.yml"), rule).unwrap();
        let missing = Rules::load(&places(dir.path())).map(|_| ()).unwrap_err().to_string();
        assert!(
            missing.contains("there is no indicator set indicators/gone.txt or .csv beside the rules"),
            "{missing}"
        );
        let beside = dir.path().join(BESIDE);
        std::fs::create_dir(&beside).unwrap();
        std::fs::write(beside.join("gone.txt"), "v-1\n").unwrap();
        std::fs::write(own.path().join("gone.csv"), "vehicle\nv-2\nv-3\n").unwrap();
        let values = |places: &RulePlaces| {
            let rules = Rules::load(places).map_err(|e| e.to_string()).unwrap();
            rules.set.surroundings().indicators.iter().map(|set| (set.name().to_owned(), set.len())).collect::<Vec<_>>()
        };
        assert_eq!(values(&places(dir.path())), [("gone".to_owned(), 1)]);
        let indicators = Some(own.path().to_owned());
        assert_eq!(values(&RulePlaces { indicators, ..places(dir.path()) }), [("gone".to_owned(), 2)]);
    }

    fn places(rules: &Path) -> RulePlaces {
        RulePlaces { rules: Some(rules.to_owned()), indicators: None }
    }
}
