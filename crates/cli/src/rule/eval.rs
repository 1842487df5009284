//! `yagura rule eval`: rules over events in JSON.
//!
//! Not a server: nothing is kept. Events are read in batches; memory is bounded by a batch. Output is in the order of the events.

use super::correlations::Correlations;
use super::usable;
use crate::args::RuleEval;
use crate::failure::Failure;
use crate::output::out;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use std::fs::File;
use std::io::{BufRead, BufReader};
use yagura_detect::{EventBatch, EventBatches, EventTexts, Hit, RuleKind, Scanner};

/// Bad events that are named one by one; the others are counted.
const BAD_NAMED_MAX: u64 = 100;

/// A match, as scripts read it.
#[derive(Serialize)]
struct Match<'a> {
    rule: &'a str,
    title: &'a str,
    line: u64,
    #[serde(serialize_with = "as_map")]
    fields: &'a [(String, String)],
}

fn as_map<S: Serializer>(fields: &&[(String, String)], serializer: S) -> Result<S::Ok, S::Error> {
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
    let (set, faulty) = usable(&args.rules, &args.with)?;
    let has_correlations = set.rules().iter().any(|rule| rule.kind != RuleKind::Match);
    let correlations = match &args.time_field {
        Some(field) if has_correlations => Some(Correlations::new(&args.rules, &args.with, field)?),
        None if has_correlations => {
            eprintln!(
                "yagura: correlations and baselines are not judged: --time-field says which field holds the time of an event"
            );
            None
        }
        _ => None,
    };
    let input: Box<dyn BufRead> = if args.events.as_os_str() == "-" {
        Box::new(std::io::stdin().lock())
    } else {
        let file = File::open(&args.events).map_err(|error| Failure::file(&args.events, &error))?;
        Box::new(BufReader::with_capacity(1 << 18, file))
    };
    let batches = match &correlations {
        Some(correlations) => EventBatches::with_fields(&set, &correlations.fields()),
        None => EventBatches::new(&set),
    };
    let mut evaluation = Evaluation { batches, scanner: Scanner::new(set), correlations, json: args.json };
    let mut tally = Tally::default();
    let mut texts = EventTexts::new(input);
    while let Some(event) = texts.next_event().map_err(|error| Failure::file(&args.events, &error))? {
        tally.events += 1;
        if let Err(bad) = event.and_then(|(place, text)| evaluation.batches.push(place, text)) {
            tally.bad += 1;
            if tally.bad <= BAD_NAMED_MAX {
                eprintln!("yagura: {bad}");
            }
        }
        if evaluation.batches.is_full() {
            tally.matches += evaluation.judge()?;
        }
    }
    tally.matches += evaluation.judge()?;
    tally.matches += evaluation.finish()?;
    if let Some(without) = evaluation.correlations.as_ref().map(Correlations::without_time).filter(|n| *n > 0) {
        eprintln!("yagura: {without} events have no time that can be read; correlations and baselines leave them out");
    }
    eprintln!("yagura: {} events, {} cannot be read, {} matches", tally.events, tally.bad, tally.matches);
    match faulty {
        0 => Ok(()),
        _ => Err(Failure::Check(format!("{faulty} faulty rules were left out"))),
    }
}

struct Evaluation {
    scanner: Scanner,
    batches: EventBatches,
    correlations: Option<Correlations>,
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
        matches += self.correlate(&batch, &mut text)?;
        out(&text)?;
        Ok(matches)
    }

    fn correlate(&mut self, batch: &EventBatch, text: &mut Vec<u8>) -> Result<u64, Failure> {
        let Some(correlations) = &mut self.correlations else { return Ok(0) };
        let hits = correlations.judge(batch)?;
        self.write_hits(&hits, text)
    }

    /// Judges what waited for more events; says how many matches there are.
    fn finish(&mut self) -> Result<u64, Failure> {
        let hits = self.correlations.as_mut().map(Correlations::finish).unwrap_or_default();
        let mut text = Vec::new();
        let matches = self.write_hits(&hits, &mut text)?;
        out(&text)?;
        Ok(matches)
    }

    fn write_hits(&self, hits: &[Hit], text: &mut Vec<u8>) -> Result<u64, Failure> {
        for hit in hits {
            let line = hit.events.last().map_or(0, |event| event.position);
            write(&Match { rule: &hit.rule, title: &hit.title, line, fields: &hit.group }, self.json, text)?;
        }
        Ok(hits.len() as u64)
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
