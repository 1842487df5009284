//! EPSS: how likely a vulnerability is to be exploited within 30 days.
//!
//! Not a fetcher. Reads FIRST's daily CSV (`#model_version:…,score_date:…`, then `cve,epss,percentile`) and the JSON of its interface or of
//! Grype's provider. A line that is wrong is listed and the rest is read.

use super::CveId;
use serde_json::Value;
use std::collections::BTreeMap;

/// The most entries that are read; CVE has fewer than half a million ids.
pub const ENTRIES_MAX: usize = 4_000_000;

/// The scores of one vulnerability.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Epss {
    /// The probability, from 0 to 1.
    pub probability: f64,
    /// The share of vulnerabilities that are no likelier, from 0 to 1.
    pub percentile: f64,
}

/// A day's scores.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EpssList {
    /// By vulnerability.
    pub entries: BTreeMap<CveId, Epss>,
    /// The model, if it is given.
    pub model: Option<String>,
    /// The day, as it is given.
    pub date: Option<String>,
    /// What could not be read: its line or place from 1, and why.
    pub wrong: Vec<(usize, &'static str)>,
}

impl EpssList {
    /// Reads CSV or JSON.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let text = text.trim_start_matches('\u{feff}');
        if text.trim_start().starts_with(['[', '{']) { Self::read_json(text) } else { Self::read_csv(text) }
    }

    fn read_csv(text: &str) -> Self {
        let mut list = Self::default();
        for (number, line) in (1..).zip(text.lines()) {
            if let Some(head) = line.strip_prefix('#') {
                for field in head.split(',') {
                    match field.split_once(':') {
                        Some(("model_version", model)) => list.model = Some(model.to_owned()),
                        Some(("score_date", date)) => list.date = Some(date.to_owned()),
                        _ => {}
                    }
                }
                continue;
            }
            let mut fields = line.split(',').map(str::trim);
            let (id, probability, percentile) = (fields.next(), fields.next(), fields.next());
            if line.is_empty() || id == Some("cve") {
                continue;
            }
            let number_of = |field: Option<&str>| field.and_then(|field| field.parse().ok());
            list.take(number, id.and_then(CveId::parse), number_of(probability), number_of(percentile));
        }
        list
    }

    fn read_json(text: &str) -> Self {
        let mut list = Self::default();
        let Ok(document) = serde_json::from_str::<Value>(text) else {
            list.wrong.push((1, "not JSON"));
            return list;
        };
        let entries = document.get("data").unwrap_or(&document);
        for (number, entry) in (1..).zip(entries.as_array().into_iter().flatten()) {
            let number_of = |name: &str| {
                let field = entry.get(name)?;
                field.as_f64().or_else(|| field.as_str()?.parse().ok())
            };
            list.date = list.date.take().or_else(|| entry.get("date")?.as_str().map(str::to_owned));
            let id = entry.get("cve").and_then(Value::as_str).and_then(CveId::parse);
            list.take(number, id, number_of("epss"), number_of("percentile"));
        }
        list
    }

    fn take(&mut self, number: usize, id: Option<CveId>, probability: Option<f64>, percentile: Option<f64>) {
        let is_share = |value: &f64| (0.0..=1.0).contains(value);
        let why = match (id, probability.filter(is_share), percentile.filter(is_share)) {
            _ if self.entries.len() >= ENTRIES_MAX => "more than 4,000,000 entries",
            (None, ..) => "a CVE id was expected",
            (_, None, _) => "a probability from 0 to 1 was expected",
            (.., None) => "a percentile from 0 to 1 was expected",
            (Some(id), Some(probability), Some(percentile)) => {
                self.entries.insert(id, Epss { probability, percentile });
                return;
            }
        };
        self.wrong.push((number, why));
    }
}
