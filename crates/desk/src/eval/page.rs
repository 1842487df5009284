//! Scores as one HTML page: self-contained, with plots drawn as SVG.
//!
//! Not the console. No script, no font, no picture from elsewhere; it prints and mails as it is. Invariant: texts from captures
//! are escaped. Cost: marks that fall on the same pixel and detector are drawn once.

use super::score::{Score, Stand};
use super::table::{quantile, row};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write};

const WIDTH: f64 = 960.0;
const LEFT: f64 = 130.0;
const LANE: f64 = 22.0;
const TOP: f64 = 8.0;
/// Bars of a delay histogram: up to so many seconds each; the last holds the rest.
const BINS: [f64; 9] = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 4.0];

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1b1f24;--dim:#5c6670;--line:#d8dde3;--paper:#fff;--band:#f4d9b8;--hit:#0b7a75;--beside:#8f9aa5;--bad:#c4322b}\
@media(prefers-color-scheme:dark){:root{--ink:#e8eaed;--dim:#9aa4ae;--line:#333a42;--paper:#14171a;--band:#4a3720;--hit:#3fc1b8;--beside:#77828d;--bad:#ff6b61}}\
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:1000px;margin:2rem auto;padding:0 1rem}\
h1{font-size:1.5rem;margin:0 0 .2rem}h2{font-size:1.1rem;margin:2.4rem 0 .6rem;border-top:1px solid var(--line);padding-top:1.4rem}\
p{color:var(--dim);margin:.2rem 0 1rem;max-width:46rem}.tiles{display:flex;flex-wrap:wrap;gap:.6rem 2rem;margin:.6rem 0 1rem}\
.tile b{display:block;font-size:1.35rem;font-variant-numeric:tabular-nums}.tile span{color:var(--dim);font-size:.85rem}\
.scroll{overflow-x:auto}table{border-collapse:collapse;font-size:.85rem;font-variant-numeric:tabular-nums;white-space:nowrap}\
th,td{text-align:right;padding:.25rem .6rem;border-bottom:1px solid var(--line)}th:first-child,td:first-child{text-align:left}\
th{color:var(--dim);font-weight:500}svg{width:100%;height:auto;display:block;margin:.4rem 0 1rem}\
svg text{font:12px system-ui,sans-serif;fill:var(--dim)}.band{fill:var(--band)}.hit{stroke:var(--hit)}.beside{stroke:var(--beside)}.bad{stroke:var(--bad)}\
.axis{stroke:var(--line)}.bar{fill:var(--hit)}.key i{display:inline-block;width:.8rem;height:.8rem;margin:0 .35rem 0 1rem;vertical-align:-.08rem;border-radius:2px}";

/// A page of scores, each with the name of its capture.
#[must_use]
pub fn page(title: &str, scores: &[(String, Score)]) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write_page(&mut out, title, scores);
    out
}

fn write_page(out: &mut String, title: &str, scores: &[(String, Score)]) -> fmt::Result {
    let title = escape(title);
    write!(out, "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>")?;
    write!(
        out,
        "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><style>{STYLE}</style></head><body>"
    )?;
    write!(
        out,
        "<h1>{title}</h1><p>What was told of each capture, against its labels. Bands are attacks. A line beside or just after an attack (1 s) is neither hit nor false alarm; the strict F1 counts it as false.</p>"
    )?;
    write!(
        out,
        "<p class=\"key\"><i style=\"background:var(--band)\"></i>attack<i style=\"background:var(--hit)\"></i>flagged attack frame<i style=\"background:var(--beside)\"></i>beside or just after<i style=\"background:var(--bad)\"></i>false</p>"
    )?;
    if scores.len() > 1 {
        let rows: Vec<Vec<String>> = scores.iter().map(|(name, score)| row(name, score)).collect();
        write_table(out, &super::table::HEADER, &rows)?;
        let delays: Vec<f64> = scores.iter().flat_map(|(_, score)| delays(score)).collect();
        write_histogram(out, delays)?;
    }
    for (name, score) in scores {
        write_score(out, name, score)?;
    }
    out.write_str("</body></html>\n")
}

fn delays(score: &Score) -> impl Iterator<Item = f64> + '_ {
    score.attacks.iter().filter_map(|attack| attack.delay)
}

fn write_score(out: &mut String, name: &str, score: &Score) -> fmt::Result {
    write!(out, "<h2>{}</h2>", escape(name))?;
    let cells = row(name, score);
    let cell = |name: &str| {
        let at = super::table::HEADER.iter().position(|column| *column == name);
        at.and_then(|at| cells.get(at)).cloned().unwrap_or_default()
    };
    let tiles = [
        ("frames", cell("frames")),
        ("attacks seen", cell("attacks seen")),
        ("precision", cell("precision")),
        ("recall", cell("recall")),
        ("frame F1", cell("frame F1")),
        ("median delay, s", cell("delay median s")),
        ("false lines", cell("false lines")),
        ("false incidents", cell("false incidents")),
    ];
    out.write_str("<div class=\"tiles\">")?;
    for (what, value) in tiles {
        write!(out, "<div class=\"tile\"><b>{}</b><span>{what}</span></div>", escape(&value))?;
    }
    out.write_str("</div>")?;
    write_timeline(out, score)?;
    if score.attacks.len() > 2 {
        write_histogram(out, delays(score).collect())?;
    }
    if !score.attacks.is_empty() {
        let header = ["attack", "from s", "to s", "frames", "flagged", "seen after s", "told after s", "by"];
        write_table(out, &header, &score.attack_rows())?;
    }
    Ok(())
}

/// One lane a detector, time to the right.
fn write_timeline(out: &mut String, score: &Score) -> fmt::Result {
    let [from, to] = score.span;
    let length = (to - from).max(1e-3);
    let x = |t: f64| LEFT + (t - from) / length * (WIDTH - LEFT - 10.0);
    let lanes: BTreeSet<&str> = score.marks.iter().map(|mark| mark.detector).collect();
    let place: BTreeMap<&str, f64> =
        lanes.iter().zip(0_u16..).map(|(name, at)| (*name, TOP + LANE * f64::from(at))).collect();
    let bottom = place.values().fold(TOP, |bottom, top| bottom.max(top + LANE)).max(TOP + LANE);
    write!(out, "<svg viewBox=\"0 0 {WIDTH} {}\" role=\"img\" aria-label=\"timeline\">", bottom + 22.0)?;
    for attack in &score.attacks {
        let [start, end] = attack.span;
        let (left, width) = (x(start.max(from)), (x(end.min(to)) - x(start.max(from))).max(1.5));
        if end >= from && start <= to {
            write!(
                out,
                "<rect class=\"band\" x=\"{left:.1}\" y=\"{TOP}\" width=\"{width:.1}\" height=\"{:.1}\"/>",
                bottom - TOP
            )?;
        }
    }
    for (name, top) in &place {
        let (middle, line) = (top + LANE / 2.0, top + LANE);
        write!(out, "<text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{name}</text>", LEFT - 8.0, middle + 4.0)?;
        write!(out, "<line class=\"axis\" x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{line:.1}\" y2=\"{line:.1}\"/>")?;
    }
    let mut drawn = BTreeSet::new();
    for mark in &score.marks {
        let class = match mark.stand {
            Stand::Attack => "hit",
            Stand::During | Stand::After => "beside",
            Stand::Clean => "bad",
        };
        let (at, top) =
            (format!("{:.1}", (x(mark.t) * 2.0).round() / 2.0), place.get(mark.detector).copied().unwrap_or(TOP));
        if drawn.insert((at.clone(), mark.detector, class)) {
            write!(out, "<path class=\"{class}\" d=\"M{at} {:.1}v{:.1}\"/>", top + 4.0, LANE - 8.0)?;
        }
    }
    for part in 0..=4_u8 {
        let t = from + length * f64::from(part) / 4.0;
        let anchor = if part == 4 { "end" } else { "middle" };
        write!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{:.1} s</text>",
            x(t),
            bottom + 16.0,
            t - from
        )?;
    }
    out.write_str("</svg>")
}

fn write_histogram(out: &mut String, mut delays: Vec<f64>) -> fmt::Result {
    if delays.is_empty() {
        return Ok(());
    }
    delays.sort_by(f64::total_cmp);
    let mut bins: Vec<(String, u32)> = BINS.iter().map(|limit| (format!("≤ {limit}"), 0)).collect();
    bins.push(("more".to_owned(), 0));
    for delay in &delays {
        let at = BINS.iter().position(|limit| delay <= limit).unwrap_or(BINS.len());
        if let Some((_, count)) = bins.get_mut(at) {
            *count = count.saturating_add(1);
        }
    }
    let most = bins.iter().map(|(_, count)| *count).max().unwrap_or(1).max(1);
    let (median, late) = (quantile(&delays, 50), quantile(&delays, 95));
    write!(
        out,
        "<p>Delay from the start of an attack to the first line, seconds: median {median}, 95 % within {late}.</p>"
    )?;
    let step = 70.0;
    write!(out, "<svg viewBox=\"0 0 {WIDTH} 130\" role=\"img\" aria-label=\"delays\">")?;
    for ((label, count), at) in bins.iter().zip(0_u16..) {
        let (x, height) = (20.0 + step * f64::from(at), 84.0 * f64::from(*count) / f64::from(most));
        write!(
            out,
            "<rect class=\"bar\" x=\"{x:.1}\" y=\"{:.1}\" width=\"52\" height=\"{height:.1}\"/>",
            104.0 - height
        )?;
        write!(out, "<text x=\"{:.1}\" y=\"122\" text-anchor=\"middle\">{label}</text>", x + 26.0)?;
        if *count > 0 {
            write!(
                out,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{count}</text>",
                x + 26.0,
                98.0 - height
            )?;
        }
    }
    out.write_str("</svg>")
}

fn write_table(out: &mut String, header: &[&str], rows: &[Vec<String>]) -> fmt::Result {
    out.write_str("<div class=\"scroll\"><table><tr>")?;
    header.iter().try_for_each(|cell| write!(out, "<th>{}</th>", escape(cell)))?;
    out.write_str("</tr>")?;
    for row in rows {
        out.write_str("<tr>")?;
        row.iter().try_for_each(|cell| write!(out, "<td>{}</td>", escape(cell)))?;
        out.write_str("</tr>")?;
    }
    out.write_str("</table></div>")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
