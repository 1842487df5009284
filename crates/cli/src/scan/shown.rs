//! What a scan found, for people: a table by severity, and one finding with all that stands behind it.
//!
//! Not for scripts: they read `--json`. Records of one vulnerability in one component are one row, and the same component in several places
//! is one row with its count.

use super::tenths;
use crate::failure::Failure;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::IsTerminal as _;
use yagura_psirt::findings::{Document, Finding, Place, Report, source_word, status_word};
use yagura_psirt::index::Database;
use yagura_psirt::vex::Status;

/// Components that are named one by one; the JSON names all.
const NAMED_MAX: usize = 40;

struct Row<'r> {
    best: &'r Finding<'r>,
    tenths: Option<u32>,
    sources: Vec<&'static str>,
    fixed: Option<&'r str>,
    name: &'r str,
    places: Vec<Place>,
}

/// The open findings by severity, then what is not known and what was decided.
pub(super) fn table(report: &Report<'_>, documents: &[Document<'_>]) -> String {
    let rows = rows(report, documents);
    let colours = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let mut lines = vec![
        ["SEVERITY", "KEV", "EPSS", "COMPONENT", "VERSION", "FIXED IN", "VULNERABILITY", "SOURCE", "WHY"]
            .map(str::to_owned),
    ];
    lines.extend(rows.iter().map(cells));
    let mut text = String::new();
    if rows.is_empty() {
        text.push_str("nothing that is known concerns what was identified\n");
    } else {
        write_columns(&lines, &rows, colours, &mut text);
    }
    rest(report, documents, &mut text);
    text
}

fn rows<'r>(report: &'r Report<'_>, documents: &[Document<'r>]) -> Vec<Row<'r>> {
    let mut rows: BTreeMap<(&str, Option<&str>, &str), Row<'r>> = BTreeMap::new();
    for finding in report.findings.iter().filter(|finding| finding.is_open()) {
        let Some(component) = component(documents, finding.place) else { continue };
        let row = rows.entry((&component.name, component.version.as_deref(), finding.group)).or_insert_with(|| Row {
            best: finding,
            tenths: None,
            sources: Vec::new(),
            fixed: None,
            name: &component.name,
            places: Vec::new(),
        });
        if finding.confidence > row.best.confidence {
            row.best = finding;
        }
        row.tenths = row.tenths.max(tenths(finding));
        row.fixed = row.fixed.or(finding.fixed);
        if !row.sources.contains(&source_word(finding.source)) {
            row.sources.push(source_word(finding.source));
        }
        if !row.places.contains(&finding.place) {
            row.places.push(finding.place);
        }
    }
    let mut rows: Vec<Row<'r>> = rows.into_values().collect();
    // What is exploited stands first, then by score, then by chance.
    let chance = |row: &Row<'_>| row.best.epss.as_ref().map_or(0.0, |epss| epss.probability);
    rows.sort_by(|a, b| {
        let key = |row: &Row<'_>| (row.best.exploited.is_some(), row.tenths);
        key(b).cmp(&key(a)).then(chance(b).total_cmp(&chance(a)))
    });
    rows
}

fn cells(row: &Row<'_>) -> [String; 9] {
    let finding = row.best;
    let name = if row.places.len() > 1 { format!("{} ×{}", row.name, row.places.len()) } else { row.name.to_owned() };
    let severity = row.tenths.map_or_else(
        || "unscored".to_owned(),
        |tenths| format!("{} {}.{}", severity(Some(tenths)), tenths / 10, tenths % 10),
    );
    let state = if finding.status == Status::UnderInvestigation { "under investigation; " } else { "" };
    [
        severity,
        if finding.exploited.is_some() { "yes" } else { "" }.to_owned(),
        finding.epss.as_ref().map(|epss| format!("{:.1} %", epss.probability * 100.0)).unwrap_or_default(),
        short(&name, 40),
        short(finding.version.as_deref().unwrap_or_default(), 24),
        short(row.fixed.unwrap_or("-"), 24),
        finding.group.to_owned(),
        row.sources.join("+"),
        format!("{state}{} {:.0} %: {}", finding.confidence.word(), finding.confidence.share() * 100.0, finding.range),
    ]
}

const fn severity(tenths: Option<u32>) -> &'static str {
    match tenths {
        Some(90..) => "critical",
        Some(70..) => "high",
        Some(40..) => "medium",
        Some(_) => "low",
        None => "unscored",
    }
}

fn write_columns(lines: &[[String; 9]], rows: &[Row<'_>], colours: bool, text: &mut String) {
    let width = |column: usize| {
        lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..8).map(width).collect();
    for (number, line) in lines.iter().enumerate() {
        let row = number.checked_sub(1).and_then(|number| rows.get(number));
        let colour = row.filter(|_| colours).map_or("", |row| colour(row));
        let mut shown = String::new();
        for (cell, width) in line.iter().zip(&widths) {
            let _ = write!(shown, "{cell:<width$}  ");
        }
        let why = line.last().map(|why| short(why, 100)).unwrap_or_default();
        let end = if colour.is_empty() { "" } else { "\x1b[0m" };
        let _ = writeln!(text, "{colour}{shown}{why}{end}");
    }
}

fn colour(row: &Row<'_>) -> &'static str {
    match (row.best.exploited.is_some(), severity(row.tenths)) {
        (true, _) | (_, "critical") => "\x1b[31m",
        (_, "high") => "\x1b[33m",
        _ => "",
    }
}

fn rest(report: &Report<'_>, documents: &[Document<'_>], text: &mut String) {
    let components: usize = documents.iter().map(|document| document.components.len()).sum();
    let open = report.findings.iter().filter(|finding| finding.is_open()).count();
    let _ = writeln!(
        text,
        "\n{components} components: {} identified, {} not, {} without a version; {open} open findings",
        components.saturating_sub(report.unidentified.len()),
        report.unidentified.len(),
        report.unversioned.len()
    );
    let mut decided: BTreeMap<&str, usize> = BTreeMap::new();
    for finding in report.findings.iter().filter(|finding| !finding.is_open()) {
        *decided.entry(status_word(finding.status)).or_default() += 1;
    }
    for (word, count) in decided {
        let _ = writeln!(
            text,
            "{count} findings are {word}, by statements, patches or the build: --json says which and why"
        );
    }
    if !report.unidentified.is_empty() {
        text.push_str("\nNo advisory can be looked up for:\n");
    }
    for unknown in report.unidentified.iter().take(NAMED_MAX) {
        if let Some(component) = component(documents, unknown.place) {
            let version = component.version.as_deref().unwrap_or("no version");
            let tried = unknown.tried.first().map(|tried| short(tried, 120)).unwrap_or_default();
            let _ = writeln!(text, "  {} {version}: {tried}", component.name);
        }
    }
    if report.unidentified.len() > NAMED_MAX {
        let _ = writeln!(text, "  … and {} more: --json names them all", report.unidentified.len() - NAMED_MAX);
    }
    for document in documents {
        for anomaly in document.anomalies.iter().take(NAMED_MAX) {
            let _ = writeln!(text, "{}: {}: {}", document.name, anomaly.place, short(&anomaly.what, 160));
        }
        if document.anomalies.len() > NAMED_MAX {
            let _ = writeln!(text, "{}: {} more anomalies", document.name, document.anomalies.len() - NAMED_MAX);
        }
    }
}

/// Everything behind the findings that are left.
pub(super) fn explained(
    index: &Database<'_>,
    report: &Report<'_>,
    documents: &[Document<'_>],
    id: &str,
) -> Result<String, Failure> {
    if report.findings.is_empty() {
        let known = index.by_id(id).map_err(|error| Failure::Input(error.to_string()))?;
        let text = match known.first() {
            None => format!("{id}: no source of this database knows it"),
            Some(_) => format!("{id}: {} records are known, and none of them concerns a component", known.len()),
        };
        return Ok(text);
    }
    let mut text = String::new();
    for finding in &report.findings {
        one(finding, documents, &mut text);
    }
    Ok(text)
}

fn one(finding: &Finding<'_>, documents: &[Document<'_>], text: &mut String) {
    let Some(component) = component(documents, finding.place) else { return };
    let document = documents.get(finding.place.document).map_or("", |document| document.name);
    let version = component.version.as_deref().unwrap_or("no version");
    let _ = writeln!(text, "{} ({}) in {} {version}", finding.advisory, finding.group, component.name);
    let mut line = |name: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(text, "  {name:<11} {value}");
        }
    };
    line("component", &format!("{document} {}", component.reference));
    line("title", finding.title);
    line("identity", &format!("{} by {}", finding.identity, finding.method.word()));
    line("confidence", &format!("{:.0} % ({})", finding.confidence.share() * 100.0, finding.confidence.word()));
    line("why", &finding.reason);
    line("compared", finding.version.as_deref().unwrap_or_default());
    line("range", &finding.range);
    line("fixed in", finding.fixed.unwrap_or_default());
    line("source", &format!("{} {} {}", source_word(finding.source), finding.by, finding.document.unwrap_or_default()));
    line("runs on", &finding.running_on.join(", "));
    for score in &finding.scores {
        line("score", &format!("{} by {}", score.vector, score.by));
    }
    if let Some(kev) = &finding.exploited {
        line("exploited", &format!("since {}, to be mended by {}: {}", kev.added, kev.due, kev.action));
    }
    if let Some(epss) = &finding.epss {
        let share = |value: f64| format!("{:.2} %", value * 100.0);
        line(
            "EPSS",
            &format!("{} within 30 days; {} are no likelier", share(epss.probability), share(epss.percentile)),
        );
    }
    line("status", status_word(finding.status));
    if let Some(decision) = &finding.decision {
        line("decided", &format!("{} by {}: {}", status_word(decision.status), decision.author, decision.why));
    }
    text.push('\n');
}

fn component<'d>(documents: &[Document<'d>], place: Place) -> Option<&'d yagura_psirt::component::Component> {
    documents.get(place.document)?.components.get(place.component)
}

fn short(text: &str, characters: usize) -> String {
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    match text.char_indices().nth(characters) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text,
    }
}
