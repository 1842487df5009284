//! A set of rules, read, checked against each other, and ready to run.
//!
//! Not their evaluation. Invariants: ids and names are unique; each reference of a correlation is resolved and no chain of them is a
//! circle; all predicates live in one pool. A file with a mistake never hides: [`RuleSet::parse`] refuses the set,
//! [`RuleSet::parse_usable`] leaves the faulty rules out and hands their errors over.

use crate::baseline::Baseline;
use crate::chain::{self, Base, Plan};
use crate::collection;
use crate::detection::Located;
use crate::document::{self, Body, Document, Generate};
use crate::error::{RuleError, RuleErrorKind};
use crate::facts::Facts;
use crate::indicators::Indicators;
use crate::life::{Exception, Stage};
use crate::matcher::FieldMatcher;
use crate::narrow::{self, Filters};
use crate::pipeline::Pipeline;
use crate::pool::{Asserted, Expr, Pool};
use crate::rule::{Correlation, Rule, RuleFile, RuleKind};
use crate::yaml::{self, Node};
use sha2::{Digest, Sha256};
use std::collections::{HashMap, HashSet};

/// The largest rule file.
pub const RULE_FILE_BYTES_MAX: usize = 1 << 20;
/// The most rules in a set.
pub const RULES_MAX: usize = 65_536;

/// Rules, ready to run.
#[derive(Clone, Debug)]
pub struct RuleSet {
    pub(crate) rules: Vec<Rule>,
    /// For each rule: its expression, or the rules that it counts.
    pub(crate) programs: Vec<Program>,
    pub(crate) exceptions: Vec<Exception>,
    /// For each exception: what must hold for a rule that it narrows to match.
    pub(crate) filters: Vec<Expr>,
    /// Which rules rest; empty if none does.
    pub(crate) resting: Vec<bool>,
    pub(crate) pool: Pool,
    pub(crate) matchers: Vec<FieldMatcher>,
    surroundings: Surroundings,
}

/// What rules are read with, besides their own text.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// What their fields are called in events, and values of placeholders.
    pub pipelines: Vec<Pipeline>,
    /// Sets that their placeholders may name.
    pub indicators: Indicators,
    /// What a register knows, as fields.
    pub facts: Facts,
}

/// The compiled form of a rule.
#[derive(Clone, Debug)]
pub(crate) enum Program {
    /// `narrowed` are the exceptions that narrow it.
    Match {
        expr: Expr,
        asserted: Asserted,
        narrowed: Vec<usize>,
    },
    Count {
        bases: Vec<Base>,
        plan: Plan,
    },
}

impl RuleSet {
    /// Reads all rules of all files.
    ///
    /// # Errors
    /// Every problem of every file, if there is any.
    pub fn parse(files: &[RuleFile]) -> Result<Self, Vec<RuleError>> {
        let (set, errors) = Self::parse_usable(files);
        if errors.is_empty() { Ok(set) } else { Err(errors) }
    }

    /// Reads all rules of all files and leaves out those with problems.
    #[must_use]
    pub fn parse_usable(files: &[RuleFile]) -> (Self, Vec<RuleError>) {
        Self::parse_with(files, &Surroundings::default())
    }

    /// Reads all rules of all files with pipelines and indicator sets, and leaves out those with problems.
    #[must_use]
    pub fn parse_with(files: &[RuleFile], surroundings: &Surroundings) -> (Self, Vec<RuleError>) {
        let mut builder = Builder::default();
        files.iter().for_each(|file| builder.read(file, surroundings));
        let (set, errors) = builder.finish();
        (Self { surroundings: surroundings.clone(), ..set }.with_facts(surroundings.facts.clone()), errors)
    }

    /// What it was read with.
    #[must_use]
    pub const fn surroundings(&self) -> &Surroundings {
        &self.surroundings
    }

    /// The same rules over what this register knows.
    #[must_use]
    pub fn with_facts(mut self, facts: Facts) -> Self {
        self.surroundings.facts = facts.clone();
        self.pool.facts = facts;
        self
    }

    /// The rules, in the order of the files.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The rule with this id.
    #[must_use]
    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.id == id)
    }

    /// How many distinct predicates the rules share.
    #[must_use]
    pub fn predicates(&self) -> usize {
        self.pool.predicates.len()
    }

    /// Names of all fields that the rules ask about, sorted.
    #[must_use]
    pub fn fields(&self) -> Vec<&str> {
        let mut fields: Vec<_> = self.pool.fields.iter().map(String::as_str).collect();
        fields.sort_unstable();
        fields
    }

    /// Names of all fields that the rules ask about, those in most predicates first.
    #[must_use]
    pub fn fields_by_use(&self) -> Vec<&str> {
        let mut uses = vec![0_u32; self.pool.fields.len()];
        for predicate in &self.pool.predicates {
            if let Some(count) = uses.get_mut(predicate.field.0 as usize) {
                *count = count.saturating_add(1);
            }
        }
        let mut fields: Vec<_> = self.pool.fields.iter().map(String::as_str).zip(uses).collect();
        fields.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        fields.into_iter().map(|(name, _)| name).collect()
    }
}

/// A document and the file and text it came from.
pub(crate) struct Read {
    pub(crate) document: Document,
    pub(crate) path: String,
    pub(crate) source: String,
    /// The exceptions that narrow it.
    pub(crate) narrowed: Vec<usize>,
}

impl Read {
    pub(crate) fn correlation(&self) -> Option<&Correlation> {
        match &self.document.body {
            Body::Correlation { correlation, .. } => Some(correlation),
            Body::Detection { .. } | Body::Filter { .. } => None,
        }
    }

    pub(crate) fn baseline(&self) -> Option<&Baseline> {
        match &self.document.body {
            Body::Detection { baseline, .. } => baseline.as_deref(),
            Body::Correlation { .. } | Body::Filter { .. } => None,
        }
    }
}

/// What a correlation needs of the rules that it counts.
struct Known {
    id: String,
    names: Vec<String>,
    digest: [u8; 32],
    stage: Stage,
    /// Of a correlation: what it groups by, whether it is judged at once, and its plan.
    correlation: Option<(Vec<String>, bool, Plan)>,
}

#[derive(Default)]
struct Builder {
    pool: Pool,
    read: Vec<Read>,
    filters: Filters,
    errors: Vec<RuleError>,
}

impl Builder {
    fn fail(&mut self, path: &str, located: Located) {
        let Located { line, column, kind } = located;
        self.errors.push(RuleError { path: path.to_owned(), line, column, kind });
    }

    fn read(&mut self, file: &RuleFile, surroundings: &Surroundings) {
        if file.text.len() > RULE_FILE_BYTES_MAX {
            let kind = RuleErrorKind::FileTooLarge { bytes: file.text.len(), max: RULE_FILE_BYTES_MAX };
            return self.fail(&file.path, Located { line: 0, column: 0, kind });
        }
        let nodes = match yaml::documents(&file.text) {
            Ok(nodes) => nodes,
            Err(e) => {
                let kind = RuleErrorKind::Yaml(e.message);
                return self.fail(&file.path, Located { line: e.line, column: e.column, kind });
            }
        };
        if nodes.is_empty() {
            let kind = RuleErrorKind::Missing("title");
            return self.fail(&file.path, Located { line: 0, column: 0, kind });
        }
        let nodes = match collection::unfold(nodes) {
            Ok(nodes) => nodes,
            Err(located) => return self.fail(&file.path, located),
        };
        let sources = sources(&file.text, &nodes);
        for (node, source) in nodes.iter().zip(sources) {
            match document::parse(node, &mut self.pool, surroundings) {
                Ok(document) => {
                    self.read.push(Read { document, path: file.path.clone(), source, narrowed: Vec::new() });
                }
                Err(located) => self.fail(&file.path, located),
            }
        }
    }

    fn finish(mut self) -> (RuleSet, Vec<RuleError>) {
        self.drop_duplicates();
        match narrow::apply(&mut self.read, &mut self.pool) {
            Ok(filters) => self.filters = filters,
            Err(error) => self.errors.push(error),
        }
        self.drop_unresolved();
        if self.read.len() > RULES_MAX {
            let kind =
                RuleErrorKind::Limit { what: "number of rules", value: self.read.len() as u64, max: RULES_MAX as u64 };
            self.fail("", Located { line: 0, column: 0, kind });
            self.read.clear();
        }
        let names = names(&self.read);
        let silent = self.silent(&names);
        for correlation in self.read.iter().filter_map(Read::correlation) {
            let all =
                correlation.fields().chain(correlation.aliases.iter().flat_map(|it| it.fields.iter().map(|f| &*f.1)));
            all.for_each(|field| {
                self.pool.field(field);
            });
        }
        for field in self.read.iter().filter_map(Read::baseline).flat_map(Baseline::fields) {
            self.pool.field(field);
        }
        let (rules, programs) =
            compile_all(self.read, &names, (&self.pool, &self.filters.exprs), &silent).into_iter().unzip();
        let mut matchers = Vec::new();
        for (name, matcher) in self.pool.fields.iter().zip(FieldMatcher::compile_all(&self.pool, |_| true)) {
            matchers.push(matcher.unwrap_or_else(|reason| {
                let kind = RuleErrorKind::Compile { field: name.clone(), reason };
                self.errors.push(RuleError { path: String::new(), line: 0, column: 0, kind });
                FieldMatcher::default()
            }));
        }
        let Self { filters: Filters { exceptions, exprs: filters }, pool, errors, .. } = self;
        let (resting, surroundings) = (Vec::new(), Surroundings::default());
        (RuleSet { rules, programs, exceptions, filters, resting, pool, matchers, surroundings }, errors)
    }

    /// Leaves out rules whose id or name another one has already.
    fn drop_duplicates(&mut self) {
        let mut taken = HashSet::new();
        let mut errors = Vec::new();
        self.read.retain(|read| {
            let own: Vec<String> = own_names(&read.document).map(str::to_owned).collect();
            let double = own.iter().find(|name| taken.contains(*name)).cloned();
            match double {
                Some(name) => {
                    let (path, kind) = (read.path.clone(), RuleErrorKind::Duplicate(name));
                    errors.push(RuleError { path, line: read.document.line, column: 1, kind });
                    false
                }
                None => {
                    taken.extend(own);
                    true
                }
            }
        });
        self.errors.append(&mut errors);
    }

    /// Leaves out correlations whose references lead nowhere, or in a circle.
    fn drop_unresolved(&mut self) {
        loop {
            let mut problems = chain::problems(&self.read, &names(&self.read)).into_iter();
            let mut errors = Vec::new();
            self.read.retain(|read| {
                let Some(kind) = problems.next().flatten() else { return true };
                errors.push(RuleError { path: read.path.clone(), line: read.document.line, column: 1, kind });
                false
            });
            if errors.is_empty() {
                return;
            }
            self.errors.append(&mut errors);
        }
    }

    /// Rules that some correlation counts and none lets speak for itself.
    fn silent(&self, names: &HashMap<String, usize>) -> Vec<usize> {
        let (mut counted, mut speaking) = (Vec::new(), Vec::new());
        for read in &self.read {
            let Body::Correlation { correlation, generate } = &read.document.body else { continue };
            let target = if *generate == Generate::Yes { &mut speaking } else { &mut counted };
            target.extend(correlation.rules.iter().filter_map(|name| names.get(name).copied()));
        }
        counted.retain(|index| !speaking.contains(index));
        counted
    }
}

/// All names by which a rule may be referred to; the first is its id.
pub(crate) fn own_names(document: &Document) -> impl Iterator<Item = &str> {
    let given = document.id.iter().chain(&document.name).map(String::as_str);
    let fallback =
        if document.id.is_none() && document.name.is_none() { Some(document.title.en.as_str()) } else { None };
    given.chain(fallback)
}

fn names(read: &[Read]) -> HashMap<String, usize> {
    let all = read.iter().enumerate();
    all.flat_map(|(index, r)| own_names(&r.document).map(move |name| (name.to_owned(), index))).collect()
}

/// Compiles all documents, each behind those that it counts; in the order of the documents.
fn compile_all(
    read: Vec<Read>,
    names: &HashMap<String, usize>,
    shared: (&Pool, &[Expr]),
    silent: &[usize],
) -> Vec<(Rule, Program)> {
    let below = chain::all_below(&read, names);
    let mut is_counted = vec![false; read.len()];
    for (rules, _) in below.iter().zip(&read).filter(|(_, read)| read.correlation().is_some()) {
        rules.iter().for_each(|rule| is_counted.iter_mut().skip(*rule).take(1).for_each(|it| *it = true));
    }
    let mut known: Vec<Option<Known>> = read.iter().map(|_| None).collect();
    let mut read: Vec<Option<Read>> = read.into_iter().map(Some).collect();
    let mut compiled: Vec<(usize, (Rule, Program))> = Vec::with_capacity(read.len());
    for index in chain::order(&below) {
        let Some(one) = read.get_mut(index).and_then(Option::take) else { continue };
        let rules = below.get(index).map_or(&[][..], Vec::as_slice);
        let it = compile(
            one,
            (rules, is_counted.get(index) == Some(&true)),
            &mut known,
            index,
            (shared, silent.contains(&index)),
        );
        compiled.push((index, it));
    }
    compiled.sort_by_key(|(index, _)| *index);
    compiled.into_iter().map(|(_, it)| it).collect()
}

fn compile(
    read: Read,
    (rules, is_counted): (&[usize], bool),
    all_known: &mut [Option<Known>],
    index: usize,
    ((pool, filters), silent): ((&Pool, &[Expr]), bool),
) -> (Rule, Program) {
    let Read { document, path, source, narrowed } = read;
    let names: Vec<String> = own_names(&document).map(str::to_owned).collect();
    let id = names.first().cloned().unwrap_or_default();
    let mut digest = Sha256::new().chain_update(document.digest);
    let mut own_digest = document.digest;
    let (mut known, mut stage) = (None, document.stage);
    let (kind, program) = match document.body {
        Body::Detection { expr, baseline } => {
            let mut asserted = Asserted::default();
            let narrowing = narrowed.iter().filter_map(|index| filters.get(*index));
            std::iter::once(&expr).chain(narrowing).for_each(|expr| expr.assert_into(pool, &mut asserted));
            let kind = baseline.map_or(RuleKind::Match, |baseline| RuleKind::Baseline(*baseline));
            (kind, Program::Match { expr, asserted, narrowed })
        }
        // Filters have been taken out.
        Body::Filter { expr, .. } => {
            (RuleKind::Match, Program::Match { expr, asserted: Asserted::default(), narrowed })
        }
        Body::Correlation { mut correlation, .. } => {
            let counted = rules.iter().filter_map(|rule| Some((*rule, all_known.get(*rule)?.as_ref()?)));
            let base = |(rule, it): (usize, &Known)| {
                let names: Vec<&str> = it.names.iter().map(String::as_str).collect();
                let group_by = it.correlation.as_ref().map(|(group_by, ..)| group_by.as_slice());
                Base { rule, via: chain::via(&correlation, &names, group_by, pool) }
            };
            let bases: Vec<Base> = counted.clone().map(base).collect();
            let below = counted.clone().filter_map(|(_, it)| it.correlation.as_ref());
            let plan = Plan::new(&correlation, below.map(|(_, at_once, plan)| (*plan, *at_once)));
            let mut counted: Vec<&Known> = counted.map(|(_, it)| it).collect();
            if !correlation.is_in_order() {
                counted.sort_unstable_by_key(|it| it.digest);
            }
            counted.iter().for_each(|it| digest.update(it.digest));
            correlation.rules = counted.iter().map(|it| it.id.clone()).collect();
            stage = counted.iter().map(|it| it.stage).min().map_or(stage, |least| least.min(stage));
            own_digest = digest.clone().finalize().into();
            known = Some((correlation.group_by.clone(), correlation.is_judged_at_once(), plan));
            (RuleKind::Correlation(*correlation), Program::Count { bases, plan: Plan { is_counted, ..plan } })
        }
    };
    if let Some(slot) = all_known.get_mut(index) {
        *slot = Some(Known { id: id.clone(), names, digest: own_digest, stage, correlation: known });
    }
    let rule = Rule {
        id,
        name: document.name,
        title: document.title,
        description: document.description,
        what_to_do: document.what_to_do,
        status: document.status,
        level: document.level,
        stage,
        owner: document.owner,
        tags: document.tags,
        falsepositives: document.falsepositives,
        logsource: document.logsource,
        kind,
        alerts: !silent,
        path,
        source,
        digest: digest.finalize().into(),
    };
    (rule, program)
}

/// The text of each document: from its first line, comments before it included, to the line before the next one.
fn sources(text: &str, nodes: &[Node]) -> Vec<String> {
    let starts: Vec<u64> = nodes.iter().skip(1).map(|node| node.line).collect();
    let mut sources = vec![String::new()];
    for (number, line) in (1_u64..).zip(text.lines()) {
        if starts.contains(&number) {
            sources.push(String::new());
        }
        if let Some(source) = sources.last_mut() {
            source.push_str(line);
            source.push('\n');
        }
    }
    let trimmed = |s: String| s.trim().trim_start_matches("---").trim_end_matches("---").trim().to_owned() + "\n";
    sources.resize(nodes.len(), String::new());
    sources.into_iter().map(trimmed).collect()
}
