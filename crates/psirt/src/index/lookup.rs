//! Segments that say more of a key than advisories do: which keys mean the same package, what is exploited, how likely it will be.
//!
//! Not advisories: they carry no ranges and make no finding. Each is a table from a text to a list of texts. A later one stands in front.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::Instant;
use crate::identity::{Cpe, PackageKey, Purl, kind_of};
use crate::score::epss::{Epss, EpssList};
use crate::score::kev::{Kev, KevList};

use super::build::bare_name;
use super::heap::Heap;
use super::layout::{Frame, Kind, SECTIONS, Section, SegmentError, frame, to_u32};
use super::table::{self, Run};

/// A table from texts to lists of texts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lookup<'a> {
    frame: Frame<'a>,
}

impl<'a> Lookup<'a> {
    pub(super) fn open(bytes: &'a [u8], kind: Kind) -> Result<Self, SegmentError> {
        Frame::open(bytes, kind).map(|frame| Self { frame })
    }

    pub(super) fn known_from(&self) -> i64 {
        self.frame.known_from()
    }

    pub(super) fn get(&self, key: &str) -> Result<Option<Vec<&'a str>>, SegmentError> {
        let run = self.frame.find(Section::Keys, Section::KeyStarts, key)?;
        run.map(|run| self.texts(run)).transpose()
    }

    pub(super) fn by_name(&self, name: &str) -> Result<Vec<&'a str>, SegmentError> {
        let run = self.frame.find(Section::Names, Section::NameStarts, name)?;
        run.map_or(Ok(Vec::new()), |run| self.texts(run))
    }

    fn texts(&self, run: Run) -> Result<Vec<&'a str>, SegmentError> {
        run.numbers().map(|at| self.frame.text(self.frame.number(Section::Lists, at)?)).collect()
    }
}

/// What KEV says, from the texts of its row.
pub(super) fn kev_of(texts: &[&str]) -> Option<Kev> {
    let [added, due, action, ransomware] = texts else { return None };
    let own = |text: &str| text.to_owned();
    Some(Kev { added: own(added), due: own(due), action: own(action), is_used_by_ransomware: *ransomware == "1" })
}

/// What EPSS says, from the texts of its row.
pub(super) fn epss_of(texts: &[&str]) -> Option<Epss> {
    let [probability, percentile] = texts else { return None };
    Some(Epss { probability: probability.parse().ok()?, percentile: percentile.parse().ok()? })
}

/// One line of a mapping: package URLs and CPE products that mean the same.
#[derive(Deserialize)]
struct Same {
    purls: Vec<String>,
    cpe_products: Vec<String>,
}

/// A segment of the lines of a mapping (`{"purls": […], "cpe_products": ["cpe:2.3:a:vendor:product", …]}`), and the lines that were refused.
///
/// # Errors
/// It would be larger than a segment can be.
pub fn mapping(lines: &str, known_from: Instant) -> Result<(Vec<u8>, Vec<String>), SegmentError> {
    let mut same: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (number, line) in lines.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let place = number.saturating_add(1);
        let line: Same = match serde_json::from_str(line) {
            Ok(line) => line,
            Err(error) => {
                wrong.push(format!("line {place}: {error}"));
                continue;
            }
        };
        let purls: Vec<String> = line.purls.iter().filter_map(|text| key_of_purl(text, place, &mut wrong)).collect();
        let cpes: Vec<String> =
            line.cpe_products.iter().filter_map(|text| key_of_cpe(text, place, &mut wrong)).collect();
        for (from, to) in [(&purls, &cpes), (&cpes, &purls)] {
            for key in from {
                same.entry(key.clone()).or_default().extend(to.iter().cloned());
            }
        }
    }
    for keys in same.values_mut() {
        keys.sort_unstable();
        keys.dedup();
    }
    Ok((write(Kind::Mapping, known_from, &same)?, wrong))
}

fn key_of_purl(text: &str, place: usize, wrong: &mut Vec<String>) -> Option<String> {
    match Purl::read(text) {
        Ok(purl) => Some(PackageKey::of_purl(&purl).key.to_string()),
        Err(error) => {
            wrong.push(format!("line {place}: {text:?}: {error}"));
            None
        }
    }
}

fn key_of_cpe(text: &str, place: usize, wrong: &mut Vec<String>) -> Option<String> {
    let attributes = text.replace("\\:", "").matches(':').count();
    let whole = format!("{text}{}", ":*".repeat(12_usize.saturating_sub(attributes)));
    match Cpe::parse(&whole).map(|cpe| PackageKey::of_cpe(&cpe)) {
        Ok(Some(keyed)) => Some(keyed.key.to_string()),
        Ok(None) => None,
        Err(error) => {
            wrong.push(format!("line {place}: {text:?}: {error}"));
            None
        }
    }
}

/// A segment of what is known to be exploited.
///
/// # Errors
/// It would be larger than a segment can be.
pub fn exploited(list: &KevList, known_from: Instant) -> Result<Vec<u8>, SegmentError> {
    let row = |kev: &Kev| {
        let ransomware = if kev.is_used_by_ransomware { "1" } else { "0" };
        vec![kev.added.clone(), kev.due.clone(), kev.action.clone(), ransomware.to_owned()]
    };
    write(Kind::Exploited, known_from, &list.entries.iter().map(|(id, kev)| (id.to_string(), row(kev))).collect())
}

/// A segment of probabilities.
///
/// # Errors
/// It would be larger than a segment can be.
pub fn epss(list: &EpssList, known_from: Instant) -> Result<Vec<u8>, SegmentError> {
    let row = |epss: &Epss| vec![epss.probability.to_string(), epss.percentile.to_string()];
    write(Kind::Epss, known_from, &list.entries.iter().map(|(id, epss)| (id.to_string(), row(epss))).collect())
}

fn write(kind: Kind, known_from: Instant, rows: &BTreeMap<String, Vec<String>>) -> Result<Vec<u8>, SegmentError> {
    let (mut heap, mut lists) = (Heap::new(), Vec::<u32>::new());
    let mut runs = Vec::with_capacity(rows.len());
    for (key, texts) in rows {
        runs.push((key.as_str(), Run { start: to_u32(lists.len()), count: to_u32(texts.len()) }));
        lists.extend(texts.iter().map(|text| heap.text(text)));
    }
    let mut names: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for key in rows.keys().filter(|key| kind == Kind::Mapping && kind_of(key) == "cpe") {
        let number = heap.text(key);
        names.entry(bare_name(key.rsplit('/').next().unwrap_or_default())).or_default().push(number);
    }
    let mut name_runs = Vec::with_capacity(names.len());
    for (name, keys) in &names {
        name_runs.push((name.as_str(), Run { start: to_u32(lists.len()), count: to_u32(keys.len()) }));
        lists.extend(keys);
    }
    let (keys, key_starts) = table::write(runs.into_iter(), &mut heap);
    let (names, name_starts) = table::write(name_runs.into_iter(), &mut heap);
    let mut sections: [Vec<u8>; SECTIONS] = Default::default();
    for (section, bytes) in [
        (Section::Heap, heap.into_bytes()),
        (Section::Lists, lists.iter().flat_map(|number| number.to_le_bytes()).collect()),
        (Section::Keys, keys),
        (Section::KeyStarts, key_starts),
        (Section::Names, names),
        (Section::NameStarts, name_starts),
    ] {
        if let Some(place) = sections.get_mut(section as usize) {
            *place = bytes;
        }
    }
    frame(kind, known_from.0, &sections)
}
