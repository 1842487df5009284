//! `yagura rule eval`: rules over events in JSON.
//!
//! Not a server: nothing is kept. Events are read in batches; memory is bounded by a batch. Output is in the order of the events.

use super::usable;
use crate::args::RuleEval;
use crate::failure::Failure;
use crate::output::out;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use std::fs::File;
use std::io::{BufRead, BufReader};
use yagura_detect::{EventBatches, EventTexts, RuleKind, RuleSet, Scanner};

/// Bad events that are named one by one; the others are counted.
const BAD_NAMED_MAX: u64 = 100;

/// A match, as scripts read it.
#[derive(Serialize)]
struct Match<'a> {
    rule: &'a str,
    title: &'a str,
    line: u64,
    #[serde(serialize_with = "as_map")]
    fields: &'a [(&'a str, String)],
}

fn as_map<S: Serializer>(fields: &&[(&str, String)], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(fields.len()))?;
    for (name, value) in *fields {
        map.serialize_entry(name, value)?;
    }
    map.end()
}

/// What became of the events.
#[derive(Default)]
struct Tally {
    events: u64,
    bad: u64,
    matches: u64,
}

/// Runs the command.
pub(crate) fn run(args: &RuleEval) -> Result<(), Failure> {
    let (set, faulty) = usable(&args.rules, &args.pipelines)?;
    say_what_rests(&set);
    let input: Box<dyn BufRead> = if args.events.as_os_str() == "-" {
        Box::new(std::io::stdin().lock())
    } else {
        let file = File::open(&args.events).map_err(|error| Failure::file(&args.events, &error))?;
        Box::new(BufReader::with_capacity(1 << 18, file))
    };
    let mut evaluation = Evaluation { batches: EventBatches::new(&set), scanner: Scanner::new(set), json: args.json };
    let mut tally = Tally::default();
    let mut texts = EventTexts::new(input);
    while let Some(event) = texts.next_event().map_err(|error| Failure::file(&args.events, &error))? {
        tally.events += 1;
        let pushed = match event {
            Ok((place, event)) => {
                evaluation.batches.push(place, &event).map_err(|reason| format!("event {place}: {reason}"))
            }
            Err(bad) => Err(bad.to_string()),
        };
        if let Err(reason) = pushed {
            tally.bad += 1;
            if tally.bad <= BAD_NAMED_MAX {
                eprintln!("yagura: {reason}");
            }
        }
        if evaluation.batches.is_full() {
            tally.matches += evaluation.judge()?;
        }
    }
    tally.matches += evaluation.judge()?;
    eprintln!("yagura: {} events, {} cannot be read, {} matches", tally.events, tally.bad, tally.matches);
    match faulty {
        0 => Ok(()),
        _ => Err(Failure::Check(format!("{faulty} faulty rules were left out"))),
    }
}

fn say_what_rests(set: &RuleSet) {
    let correlations = set.rules().iter().filter(|rule| rule.kind != RuleKind::Match).count();
    if correlations > 0 {
        eprintln!("yagura: {correlations} correlations are not judged: without --time-field events have no time");
    }
}

struct Evaluation {
    scanner: Scanner,
    batches: EventBatches,
    json: bool,
}

impl Evaluation {
    /// Judges the events of one batch; says how many matches there are.
    fn judge(&mut self) -> Result<u64, Failure> {
        let internal = |error: &dyn std::fmt::Display| Failure::Internal(error.to_string());
        let batch = self.batches.finish().map_err(|error| internal(&error))?;
        let (mut text, mut matches) = (Vec::new(), 0);
        let json = self.json;
        let mut written = Ok(());
        let scanned = self.scanner.scan(&batch.batch, |found| {
            let mut pairs: Vec<(usize, usize)> =
                found.matches().flat_map(|(rule, rows)| rows.map(move |row| (row, rule))).collect();
            pairs.sort_unstable();
            matches += pairs.len() as u64;
            for (row, rule) in pairs {
                let (Some(known), Some(line)) = (found.rule(rule), batch.places.get(row)) else { continue };
                let fields = found.fields(rule, row);
                let matched = Match { rule: &known.id, title: &known.title.en, line: *line, fields: &fields };
                if written.is_ok() {
                    written = write(&matched, json, &mut text);
                }
            }
        });
        scanned.map_err(|error| internal(&error))?;
        written?;
        out(&text)?;
        Ok(matches)
    }
}

fn write(matched: &Match<'_>, json: bool, text: &mut Vec<u8>) -> Result<(), Failure> {
    if json {
        serde_json::to_writer(&mut *text, matched).map_err(|error| Failure::Internal(error.to_string()))?;
    } else {
        text.extend_from_slice(format!("{}: {} ({})", matched.line, matched.title, matched.rule).as_bytes());
        for (name, value) in matched.fields {
            let short: String = value.chars().filter(|c| !c.is_control()).take(120).collect();
            text.extend_from_slice(format!("\n    {name}: {short}").as_bytes());
        }
    }
    text.push(b'\n');
    Ok(())
}
