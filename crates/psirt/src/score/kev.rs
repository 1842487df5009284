//! KEV, CISA's catalogue of vulnerabilities that are known to be exploited.
//!
//! Not a fetcher. Reads its JSON (or a list of its entries) and its CSV. An entry that is wrong is listed and the rest is read.

use super::CveId;
use serde_json::Value;
use std::collections::BTreeMap;

/// An entry of the catalogue.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Kev {
    /// When it was added, `YYYY-MM-DD`.
    pub added: String,
    /// By when US agencies must act, `YYYY-MM-DD`.
    pub due: String,
    /// What they must do.
    pub action: String,
    /// Whether ransomware is known to use it.
    pub is_used_by_ransomware: bool,
}

/// The catalogue.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct KevList {
    /// By vulnerability.
    pub entries: BTreeMap<CveId, Kev>,
    /// Its version, if it is given.
    pub version: Option<String>,
    /// What could not be read: its place among the entries from 1, and why.
    pub wrong: Vec<(usize, String)>,
}

impl KevList {
    /// Reads JSON or CSV.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let text = text.trim_start_matches('\u{feff}');
        if text.trim_start().starts_with(['[', '{']) { Self::read_json(text) } else { Self::read_csv(text) }
    }

    fn read_json(text: &str) -> Self {
        let mut list = Self::default();
        let document: Value = match serde_json::from_str(text) {
            Ok(document) => document,
            Err(error) => {
                list.wrong.push((1, format!("not JSON: {error}")));
                return list;
            }
        };
        list.version = document.get("catalogVersion").and_then(Value::as_str).map(str::to_owned);
        let entries = document.get("vulnerabilities").unwrap_or(&document);
        for (number, entry) in (1..).zip(entries.as_array().into_iter().flatten()) {
            list.take(number, |name| entry.get(name).and_then(Value::as_str).map(str::to_owned));
        }
        list
    }

    fn read_csv(text: &str) -> Self {
        let mut list = Self::default();
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
        let names = match reader.headers() {
            Ok(names) => names.clone(),
            Err(error) => {
                list.wrong.push((1, error.to_string()));
                return list;
            }
        };
        for (number, record) in (1..).zip(reader.records()) {
            match record {
                Ok(record) => list.take(number, |name| {
                    let place = names.iter().position(|known| known == name)?;
                    record.get(place).map(str::to_owned)
                }),
                Err(error) => list.wrong.push((number, error.to_string())),
            }
        }
        list
    }

    fn take(&mut self, number: usize, field: impl Fn(&str) -> Option<String>) {
        let Some(id) = field("cveID").as_deref().and_then(CveId::parse) else {
            self.wrong.push((number, "`cveID` with a CVE id was expected".to_owned()));
            return;
        };
        let entry = Kev {
            added: field("dateAdded").unwrap_or_default(),
            due: field("dueDate").unwrap_or_default(),
            action: field("requiredAction").unwrap_or_default(),
            is_used_by_ransomware: field("knownRansomwareCampaignUse")
                .is_some_and(|use_| use_.eq_ignore_ascii_case("known")),
        };
        self.entries.insert(id, entry);
    }
}
