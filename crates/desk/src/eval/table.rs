//! Scores as tables in Markdown: for a terminal, and for documents that quote them.
//!
//! Not plots (that is `page`). Invariant: a ratio without a denominator is a dash, never 0 or 1. Cost: formatting.

use super::score::{Score, Stand};
use std::fmt::Write as _;

/// The columns of [`row`].
pub(crate) const HEADER: [&str; 15] = [
    "trace",
    "frames",
    "attack frames",
    "precision",
    "recall",
    "frame F1",
    "strict F1",
    "attacks seen",
    "delay median s",
    "p95 s",
    "beside",
    "just after",
    "false lines",
    "false incidents",
    "second F1",
];

/// One line of a summary table. Precision and F1 leave lines beside and just after an attack apart; the strict F1 counts them as
/// false.
#[must_use]
pub fn row(name: &str, score: &Score) -> Vec<String> {
    let (tp, lost) = (score.hits, score.attack_frames.saturating_sub(score.hits));
    let seen = score.attacks.iter().filter(|attack| attack.delay.is_some()).count();
    let mut delays: Vec<f64> = score.attacks.iter().filter_map(|attack| attack.delay).collect();
    delays.sort_by(f64::total_cmp);
    vec![
        name.to_owned(),
        score.frames.to_string(),
        score.attack_frames.to_string(),
        ratio(tp, tp.saturating_add(score.false_lines)),
        ratio(tp, tp.saturating_add(lost)),
        f1(tp, score.false_lines, lost),
        f1(tp, score.false_lines.saturating_add(score.during).saturating_add(score.after), lost),
        format!("{seen}/{}", score.attacks.len()),
        quantile(&delays, 50),
        quantile(&delays, 95),
        score.during.to_string(),
        score.after.to_string(),
        score.false_lines.to_string(),
        score.false_incidents.to_string(),
        f1(score.seconds.hit, score.seconds.false_alarm, score.seconds.missed),
    ]
}

/// A summary table of rows made by [`row`].
#[must_use]
pub fn table(rows: &[Vec<String>]) -> String {
    markdown(&HEADER, rows)
}

/// A table in Markdown, its columns aligned.
pub(crate) fn markdown(header: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize, name: &str| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([name.chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = header.iter().enumerate().map(|(column, name)| width(column, name)).collect();
    let mut text = String::new();
    let mut line = |cells: &mut dyn Iterator<Item = &str>| {
        for (cell, width) in cells.zip(&widths) {
            // Writing to a String cannot fail.
            let _ = write!(text, "| {cell:<width$} ");
        }
        text.push_str("|\n");
    };
    line(&mut header.iter().copied());
    let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
    line(&mut rule.iter().map(String::as_str));
    rows.iter().for_each(|row| line(&mut row.iter().map(String::as_str)));
    text
}

impl Score {
    /// The whole score as text: summary, attacks, detectors.
    #[must_use]
    pub fn text(&self, name: &str) -> String {
        let mut text = table(&[row(name, self)]);
        let _ = writeln!(
            text,
            "\nclean traffic: {} frames in {:.1} s, {} false lines ({}), {} false incidents ({})\n",
            self.clean_frames,
            self.clean_seconds,
            self.false_lines,
            per_hour(self.false_lines, self.clean_seconds),
            self.false_incidents,
            per_hour(self.false_incidents, self.clean_seconds)
        );
        if !self.attacks.is_empty() {
            text.push_str(&markdown(
                &["attack", "from s", "to s", "frames", "flagged", "seen after s", "told after s", "by"],
                &self.attack_rows(),
            ));
            text.push('\n');
        }
        let rows: Vec<Vec<String>> = self
            .detectors
            .iter()
            .map(|(name, score)| {
                let counts = [score.attack, score.during, score.after, score.clean].map(|count| count.to_string());
                std::iter::once((*name).to_owned()).chain(counts).collect()
            })
            .collect();
        if !rows.is_empty() {
            text.push_str(&markdown(&["detector", "on attacks", "beside", "just after", "false"], &rows));
        }
        text
    }

    pub(crate) fn attack_rows(&self) -> Vec<Vec<String>> {
        let seconds = |delay: Option<f64>| delay.map_or_else(|| "missed".to_owned(), |delay| format!("{delay:.3}"));
        let of = |attack: &super::score::AttackScore| {
            let [start, end] = attack.span;
            let by: Vec<&str> = attack.detectors.iter().copied().collect();
            vec![
                attack.kind.clone(),
                format!("{start:.2}"),
                format!("{end:.2}"),
                attack.frames.to_string(),
                attack.flagged.to_string(),
                seconds(attack.delay),
                seconds(attack.delay_qualified),
                by.join(" "),
            ]
        };
        self.attacks.iter().map(of).collect()
    }

    /// Precision, recall and F1 over frames, without those beside or just after an attack; `None` without a denominator.
    #[must_use]
    pub fn frame_f1(&self) -> Option<f64> {
        let lost = self.attack_frames.saturating_sub(self.hits);
        harmonic(self.hits, self.false_lines, lost)
    }

    /// Lines of a kind of place, over all detectors.
    #[must_use]
    pub fn lines(&self, stand: Stand) -> u64 {
        match stand {
            Stand::Attack => self.detectors.values().map(|score| score.attack).sum(),
            Stand::During => self.during,
            Stand::After => self.after,
            Stand::Clean => self.false_lines,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of frames")]
fn harmonic(hits: u64, wrong: u64, lost: u64) -> Option<f64> {
    let all = hits.saturating_mul(2).saturating_add(wrong).saturating_add(lost);
    (all > 0 && hits.saturating_add(lost) > 0).then(|| 2.0 * hits as f64 / all as f64)
}

fn f1(hits: u64, wrong: u64, lost: u64) -> String {
    harmonic(hits, wrong, lost).map_or_else(|| "-".to_owned(), |f1| format!("{f1:.4}"))
}

#[expect(clippy::cast_precision_loss, reason = "counts of frames")]
fn ratio(part: u64, all: u64) -> String {
    if all == 0 { "-".to_owned() } else { format!("{:.4}", part as f64 / all as f64) }
}

#[expect(clippy::cast_precision_loss, reason = "counts of alarms")]
fn per_hour(count: u64, seconds: f64) -> String {
    if seconds <= 0.0 { "-".to_owned() } else { format!("{:.1} an hour", count as f64 * 3600.0 / seconds) }
}

/// The value below which `percent` of the sorted values lie (nearest rank).
pub(crate) fn quantile(sorted: &[f64], percent: usize) -> String {
    let rank = sorted.len().saturating_mul(percent).div_ceil(100).saturating_sub(1);
    sorted.get(rank).map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"))
}
