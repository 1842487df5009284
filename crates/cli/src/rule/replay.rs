//! `yagura rule replay`: rules over the events that are in the lake. No server needed; one may be running.
//!
//! Not the hunt itself (that is the server's): it opens the lake, shows how far it is, prints. Ctrl-C stops it; nothing is changed by it.

use crate::args;
use crate::failure::Failure;
use crate::output::{Output, emit};
use crate::serve::{chain, runtime, signalled};
use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use std::time::Duration;
use yagura_model::UnixMicros;
use yagura_server::api::time::Time;
use yagura_server::hunt::{HuntError, HuntOutcome, HuntPlan, HuntWatch, RuleOutcome, hunt};
use yagura_server::pipeline::{RulePlaces, Rules};

/// How often it says how far it is.
const SAY_EVERY: Duration = Duration::from_millis(500);

/// Runs rules over the lake.
pub(crate) fn run(args: &args::RuleReplay) -> Result<(), Failure> {
    let rules = Rules::load(&RulePlaces { rules: args.rules.clone(), indicators: args.indicators.dir.clone() })
        .map_err(|error| Failure::Check(chain(&error)))?;
    let plan = HuntPlan::new(rules.set, args.tenant.clone(), time(args.from.as_deref())?, time(args.to.as_deref())?);
    let lake = crate::lake::open(&args.data)?;
    let outcome = runtime()?.block_on(async {
        let watch = Arc::new(HuntWatch::default());
        let watched = Arc::clone(&watch);
        let mut work = tokio::task::spawn_blocking(move || hunt(&lake, &plan, &watched));
        let mut ticks = tokio::time::interval(SAY_EVERY);
        loop {
            tokio::select! {
                ended = &mut work => return ended.map_err(|error| Failure::Internal(chain(&error)))?.map_err(failure),
                () = signalled() => watch.stop(),
                _ = ticks.tick() => say(&watch),
            }
        }
    })?;
    clear();
    emit(Output::from_flag(args.json), &outcome, || text(&outcome))
}

fn time(text: Option<&str>) -> Result<Option<UnixMicros>, Failure> {
    let parse = |text: &str| {
        let time = Time::parse(text).ok_or_else(|| Failure::input(text, "not an RFC 3339 time: 2026-11-22T09:00:00Z"));
        time.map(|time| time.0)
    };
    text.map(parse).transpose()
}

fn failure(error: HuntError) -> Failure {
    match error {
        HuntError::Lake(_) => Failure::Input(chain(&error)),
        HuntError::Stopped => Failure::Machine("stopped; nothing was changed".to_owned()),
        other => Failure::Internal(chain(&other)),
    }
}

/// Progress: a line that is written over, if standard error is a terminal.
fn say(watch: &HuntWatch) {
    if std::io::stderr().is_terminal() {
        let (rows, permille) = watch.progress();
        eprint!("\r\x1b[K{:>3} %  {rows} events", permille / 10);
        let _ = std::io::stderr().flush();
    }
}

fn clear() {
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[K");
    }
}

fn text(outcome: &HuntOutcome) -> String {
    let (rules, events) = (outcome.rules.len(), outcome.events);
    let rate = if outcome.wall_seconds > 0.0 { events as f64 / outcome.wall_seconds / 1e6 } else { 0.0 };
    let mut out = format!("{rules} rules over {events} events in {:.1} s ({rate:.1} M/s)\n", outcome.wall_seconds);
    let (found, silent): (Vec<_>, Vec<_>) = outcome.rules.iter().partition(|it| it.alerts + it.lost + it.beyond > 0);
    if !found.is_empty() {
        let _ = writeln!(
            out,
            "\n{:>8} {:>8} {:>8} {:>9} {:>9} {:>8}  rule",
            "alerts", "new", "lost", "events", "vehicles", "ns/event"
        );
    }
    found.iter().for_each(|it| line(&mut out, it));
    let _ = write!(out, "{} rules found nothing", silent.len());
    out
}

fn line(out: &mut String, it: &RuleOutcome) {
    let RuleOutcome { alerts, new, lost, events, vehicles, title, rule, .. } = it;
    let cost = it.cost_ns.map_or_else(|| "-".to_owned(), |ns| ns.to_string());
    let _ = writeln!(out, "{alerts:>8} {new:>8} {lost:>8} {events:>9} {vehicles:>9} {cost:>8}  {title}  {rule}");
    for alert in it.told.iter().take(3) {
        let who = alert.vehicle.clone().unwrap_or_else(|| pairs(&alert.group));
        let _ = writeln!(
            out,
            "{:>56}new: {who}, {}, {} events, {}",
            "",
            alert.first.to_text(),
            alert.count,
            pairs(&alert.matched)
        );
    }
    if it.beyond > 0 {
        let _ =
            writeln!(out, "{:>56}{} events more than a hunt can hold as alerts: hunt a shorter time", "", it.beyond);
    }
}

fn pairs(pairs: &[(String, String)]) -> String {
    let told: Vec<String> = pairs.iter().map(|(field, value)| format!("{field} {value}")).collect();
    told.join(", ")
}
