//! What is told can be read: a small check of the text form, as `promtool check metrics` does it.

use super::*;
use crate::{gate, ways};
use std::collections::{BTreeMap, BTreeSet};

/// Families and their types; an error names the line that breaks the text form.
fn families(text: &str) -> Result<BTreeMap<String, String>, String> {
    let mut types = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let lines: Vec<&str> = text.lines().collect();
    if lines.last() != Some(&"# EOF") {
        return Err("no EOF".to_owned());
    }
    for line in lines {
        let broken = || format!("broken line {line:?}");
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').ok_or_else(broken)?;
            if types.insert(name.to_owned(), kind.to_owned()).is_some() {
                return Err(format!("{name} is told twice"));
            }
        } else if !line.starts_with('#') {
            let (series, value) = line.rsplit_once(' ').ok_or_else(broken)?;
            value.parse::<f64>().map_err(|_| broken())?;
            let name = series.split('{').next().ok_or_else(broken)?;
            let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':';
            if name.is_empty() || !name.bytes().all(legal) || !seen.insert(series.to_owned()) {
                return Err(broken());
            }
            let family = ["_total", "_bucket", "_sum", "_count", "_info"].iter().find_map(|end| name.strip_suffix(end));
            if !types.contains_key(family.unwrap_or(name)) && !types.contains_key(name) {
                return Err(format!("{name} has no type"));
            }
        }
    }
    Ok(types)
}

#[test]
fn a_fresh_server_tells_everything_in_a_form_that_can_be_read() {
    let metrics = ServerParts {
        gate: Some(Arc::new(gate::Counters::default())),
        ways: Some(Arc::new(ways::counters::Counters::default())),
        ..ServerParts::default()
    };
    let metrics = metrics.metrics();
    let families = families(&metrics.text()).unwrap();
    let names = gate::Counted::ALL.iter().map(|kind| kind.name());
    let mut names = names.chain(ways::counters::Counted::ALL.iter().map(|kind| kind.name()));
    assert!(names.all(|name| families.contains_key(&format!("yagura_{name}"))), "{families:?}");
    assert_eq!(families.get("yagura_stage_append_seconds").map(String::as_str), Some("histogram"));
    assert!(
        families.contains_key("yagura_happenings") && families.contains_key("yagura_process_resident_memory_bytes")
    );
}

#[test]
fn a_server_of_whatever_roles_tells_the_same_names() {
    let all = ServerParts { gate: Some(Arc::default()), ways: Some(Arc::default()), ..ServerParts::default() };
    let of = |parts: ServerParts| families(&parts.metrics().text()).unwrap();
    assert_eq!(of(all), of(ServerParts::default()));
}

#[test]
fn tenants_beyond_the_limit_are_one() {
    for number in 0..TENANTS_MAX * 2 {
        let tenant = crate::tenant::Tenant::named(yagura_model::Name::new(&format!("t{number}")).unwrap());
        judged(&[crate::state::RateStep { tenant, step: yagura_model::UnixMicros(0), events: 2, reports: 1 }], 0);
    }
    let text = Metrics::default().text();
    assert!(text.contains("tenant=\"other\""));
    assert!(text.matches("yagura_events_judged_total{").count() <= TENANTS_MAX + 1);
}
