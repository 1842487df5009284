//! Why a rule is not a rule, with the place in its file.
//!
//! Not a lint: everything here stops the rule set from loading. Invariant: a feature of Sigma that this engine does not have
//! is named ([`RuleErrorKind::Unsupported`]), never read as something else.

use std::fmt;
use thiserror::Error;

/// A problem with one rule file.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{path}:{line}:{column}: {kind}")]
pub struct RuleError {
    /// The file, as the caller named it.
    pub path: String,
    /// Line in the file, from 1; 0 if the problem has no place.
    pub line: u64,
    /// Column in the line, from 1; 0 if the problem has no place.
    pub column: u64,
    /// What is wrong.
    pub kind: RuleErrorKind,
}

/// What is wrong with a rule.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum RuleErrorKind {
    /// The text is not YAML, or exceeds a limit of the reader.
    #[error("not readable as YAML: {0}")]
    Yaml(String),
    /// The file is larger than [`crate::RULE_FILE_BYTES_MAX`].
    #[error("file of {bytes} bytes exceeds the maximum {max}")]
    FileTooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// A field that Sigma requires is not there.
    #[error("field `{0}` is missing")]
    Missing(&'static str),
    /// A field holds something else than it should.
    #[error("field `{field}` must be {expected}")]
    Type {
        /// The field.
        field: String,
        /// What it must be.
        expected: &'static str,
    },
    /// A part of Sigma that this engine does not have.
    #[error("{0} not supported")]
    Unsupported(Unsupported),
    /// The condition cannot be read.
    #[error("condition `{condition}`: {problem}")]
    Condition {
        /// The condition as written.
        condition: String,
        /// What is wrong with it.
        problem: ConditionProblem,
    },
    /// A regular expression that cannot be compiled.
    #[error("regular expression `{pattern}`: {reason}")]
    Regex {
        /// As written.
        pattern: String,
        /// Why not.
        reason: String,
    },
    /// An address range that cannot be read.
    #[error("`{0}` is not an address range such as 10.0.0.0/8")]
    Cidr(String),
    /// Modifiers that contradict each other.
    #[error("modifiers `{first}` and `{second}` exclude each other")]
    ModifierConflict {
        /// One.
        first: String,
        /// The other.
        second: String,
    },
    /// A modifier that needs another one before it.
    #[error("modifier `{modifier}` stands for nothing without `{needs}` before it")]
    ModifierAlone {
        /// As written.
        modifier: String,
        /// The one that is missing.
        needs: &'static str,
    },
    /// A value that cannot be encoded as its modifiers say.
    #[error("value `{value}` cannot be encoded: it {reason}")]
    Encoding {
        /// As written.
        value: String,
        /// Why not.
        reason: &'static str,
    },
    /// A placeholder that no pipeline gives values for, and no indicator set.
    #[error("placeholder `%{0}%` has no values: there is no indicator set indicators/{0}.txt or .csv beside the rules")]
    Placeholder(String),
    /// An indicator set where it has no meaning.
    #[error(
        "indicator set `{0}` can be asked for whole values, with `endswith` for domains and with `cidr`, and for nothing else"
    )]
    IndicatorUse(String),
    /// An indicator set that is asked for networks has something else.
    #[error(
        "indicator set `{set}` of {path} is asked for with `cidr`, but its value `{value}` is no address and no network"
    )]
    IndicatorValue {
        /// Its name.
        set: String,
        /// Where it came from.
        path: String,
        /// The first value that is no network.
        value: String,
    },
    /// A time span that cannot be read.
    #[error("time span `{0}` is not a number with s, m, h, d or w, from 1s to 31d")]
    Timespan(String),
    /// A correlation refers to a rule that is not in the set.
    #[error("rule `{0}` is not in this rule set")]
    UnknownRule(String),
    /// Correlations that refer to each other in a circle.
    #[error("correlations refer to each other in a circle: {0}; take one of them out of `rules`")]
    Cycle(String),
    /// A correlation over correlations asks for a field that firings do not have.
    #[error(
        "field `{field}` is not among those that `{rule}` groups by ({has}), and a firing has no others; add it to `group-by` there"
    )]
    FiringField {
        /// The field.
        field: String,
        /// The correlation below.
        rule: String,
        /// What it groups by.
        has: String,
    },
    /// An alias names a rule that the correlation does not count.
    #[error("alias `{alias}` names the rule `{rule}`, which is not among `rules`")]
    AliasRule {
        /// The alias.
        alias: String,
        /// The rule that it names.
        rule: String,
    },
    /// A correlation lists one rule twice.
    #[error("rule `{0}` is listed before under another name; list it once")]
    Repeated(String),
    /// A correlation counts a rule with a baseline.
    #[error("rule `{0}` has a baseline, and what it finds cannot be counted")]
    CountsBaseline(String),
    /// A key that has no meaning where it stands.
    #[error("`{key}` has no meaning here; there are {known}")]
    UnknownKey {
        /// The key.
        key: String,
        /// Those that have one.
        known: &'static str,
    },
    /// Two rules share an id or a name.
    #[error("id or name `{0}` is already taken by another rule")]
    Duplicate(String),
    /// A limit of this engine.
    #[error("{what} of {value} exceeds the maximum {max}")]
    Limit {
        /// What is too large.
        what: &'static str,
        /// How large it is.
        value: u64,
        /// The limit.
        max: u64,
    },
    /// All patterns together cannot be compiled.
    #[error("patterns of field `{field}` cannot be compiled: {reason}")]
    Compile {
        /// The field.
        field: String,
        /// Why not.
        reason: String,
    },
}

/// A part of Sigma that this engine does not have.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Unsupported {
    /// A value modifier.
    Modifier(String),
    /// The deprecated aggregation after `|` in a condition.
    Aggregation,
    /// An `action:` that rule collections do not have.
    Action(String),
    /// Something that pipelines of other tools have.
    Transformation(String),
    /// A type of correlation.
    Correlation(String),
    /// A boolean expression over rules where their order is asked for.
    OrderedExpression,
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Modifier(name) => write!(f, "modifier `{name}` is"),
            Self::Aggregation => f.write_str("aggregation in a condition (`|`) is deprecated in Sigma and"),
            Self::Action(action) => write!(f, "action `{action}` is"),
            Self::Transformation(name) => write!(f, "`{name}` in a pipeline is"),
            Self::Correlation(kind) => write!(f, "correlation type `{kind}` is"),
            Self::OrderedExpression => {
                f.write_str("condition over rule names of `temporal_ordered` (`temporal` has it) is")
            }
        }
    }
}

/// What is wrong with a condition.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum ConditionProblem {
    /// It ends too early.
    #[error("ends where a search or `(` is expected")]
    Ends,
    /// A word that does not fit.
    #[error("`{0}` does not fit here")]
    Unexpected(String),
    /// A search that the rule does not have.
    #[error("search `{0}` is not in the detection")]
    UnknownSearch(String),
    /// No search fits the pattern.
    #[error("no search fits `{0}`")]
    NoSearchFits(String),
    /// More searches asked for than there are, or none.
    #[error("asks for {least} of {count} searches")]
    Count {
        /// How many shall hold.
        least: usize,
        /// How many fit the pattern.
        count: usize,
    },
    /// A closing parenthesis is missing.
    #[error("`)` is missing")]
    Unclosed,
    /// It names more searches than the limit.
    #[error("names more than {0} searches")]
    TooMany(usize),
    /// Nested deeper than the limit.
    #[error("is nested deeper than {0}")]
    TooDeep(usize),
}

/// Why a record batch cannot be processed. The caller's mistake.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum BatchError {
    /// A column that each event needs is not there.
    #[error("column `{0}` is missing")]
    Missing(&'static str),
    /// A column has a type that the engine cannot read.
    #[error("column `{column}` has type {found}")]
    Type {
        /// Its name.
        column: String,
        /// Its type.
        found: String,
    },
    /// Rows that are judged late cannot be put in the order of their events.
    #[error("rows cannot be put in order: {0}")]
    Order(String),
}

/// Why bytes are not a snapshot of this engine.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum SnapshotError {
    /// It does not begin with the magic bytes.
    #[error("snapshot does not begin with YGDS")]
    Magic,
    /// A format version from another release.
    #[error("snapshot has format version {found}, expected {expected}")]
    Version {
        /// What it has.
        found: u16,
        /// What this release writes.
        expected: u16,
    },
    /// The checksum at the end does not fit.
    #[error("snapshot is damaged: its SHA-256 does not fit")]
    Checksum,
    /// It ends too early, or counts do not fit.
    #[error("snapshot is cut or inconsistent at byte {0}")]
    Layout(usize),
}
