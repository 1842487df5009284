//! `yagura rule …` as written.
//!
//! Options only; nothing is opened here.

use super::RuleReplay;
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum Rule {
    /// Name what is wrong with rules, with file, line, column and the next step; and what could be better.
    ///
    /// Exit code 1 if there is an error; warnings alone do not count.
    Lint {
        /// Files and directories of rules.
        #[arg(value_name = "DIR|FILE", default_value = "rules")]
        rules: Vec<PathBuf>,
        #[command(flatten)]
        with: Surroundings,
        /// One JSON object a problem.
        #[arg(long)]
        json: bool,
    },
    /// Run the cases that stand beside rules (`tests/*.yml`): events that must, or must not, make a rule fire.
    ///
    /// Exit code 1 if a case fails. Rules that raise alerts and have no case that fires, or none that does not, are named.
    Test(RuleTest),
    /// Say what rules need: whose events, which fields, how each question is answered, what a correlation holds, and what is slow.
    Explain(RuleExplain),
    /// Run rules over events in JSON, and write what they match.
    ///
    /// Events are JSON lines, one JSON array, or JSON documents one after another; Windows events may be nested as exporters nest them.
    /// Each rule looks at every event, unless a pipeline adds conditions for its log source. An event that cannot be read is named on
    /// standard error; the others are read.
    Eval(RuleEval),
    /// Measure how many events a second one core judges with these rules.
    Bench(RuleBench),
    /// Try rules on the past: what they would have raised, what of it is new or lost against the alerts there were, and what each costs.
    Replay(RuleReplay),
}

/// What else rules look values up in.
#[derive(Debug, Args)]
pub(crate) struct Indicators {
    /// Directory of indicator sets (*.txt, *.csv), besides those in `indicators` beside the rules; of two with one name this one counts.
    #[arg(long = "indicators", value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

/// What rules are read with.
#[derive(Debug, Args)]
pub(crate) struct Surroundings {
    #[command(flatten)]
    pub(crate) indicators: Indicators,
    /// A pipeline: one that ships (vehicle, ocsf, sysmon, linux, web, cloud), or a file. May be repeated.
    #[arg(long = "pipeline", value_name = "NAME|FILE")]
    pub(crate) pipelines: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct RuleTest {
    /// Files and directories of rules.
    #[arg(value_name = "DIR|FILE", default_value = "rules")]
    pub(crate) rules: Vec<PathBuf>,
    /// Files and directories of cases; those in `tests` below the directories of rules if not said.
    #[arg(long, value_name = "DIR|FILE", num_args = 1..)]
    pub(crate) cases: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) indicators: Indicators,
    /// One JSON object a case: {"rule", "file", "case", "passed", "failure"}.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RuleExplain {
    /// Id, name or title of a rule; all of them if not said.
    #[arg(value_name = "RULE")]
    pub(crate) rule: Option<String>,
    /// Files and directories of rules.
    #[arg(long, value_name = "DIR|FILE", num_args = 1.., default_value = "rules")]
    pub(crate) rules: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) with: Surroundings,
    /// One JSON object a rule.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RuleEval {
    /// Files and directories of rules.
    #[arg(long, value_name = "DIR|FILE", num_args = 1.., required = true)]
    pub(crate) rules: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) with: Surroundings,
    /// The field that holds the time of an event. With it correlations are judged, too.
    #[arg(long, value_name = "NAME")]
    pub(crate) time_field: Option<String>,
    /// One JSON object a match: {"rule", "title", "line", "fields"}.
    #[arg(long)]
    pub(crate) json: bool,
    /// The events; `-` for standard input.
    #[arg(value_name = "EVENTS")]
    pub(crate) events: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct RuleBench {
    /// Files and directories of rules.
    #[arg(long, value_name = "DIR|FILE", num_args = 1.., required = true)]
    pub(crate) rules: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) with: Surroundings,
    /// Events in JSON; all are held in memory.
    #[arg(long, value_name = "FILE", conflicts_with = "synthetic")]
    pub(crate) events: Option<PathBuf>,
    /// Make up so many events that hold the fields that most rules ask about.
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub(crate) synthetic: u32,
    /// One JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}
