//! The taxonomy of log sources against what exists: example source files, columns, MITRE's techniques.
//!
//! An example source (`deploy/sources/NAME.toml`) has sample lines beside it (`NAME.jsonl`). They go the way that they would go on
//! a server, through the mapping to rows, and the shipped rules judge them: a mapping that no longer gives the words that rules
//! ask for fails here.

use crate::{files, root, shipped_set};
use flate2::read::GzDecoder;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use yagura_columns::Decoder;
use yagura_detect::Engine;
use yagura_model::{Name, UnixMicros};
use yagura_sources::{Encoding, Form, LogRecord, LogSource, Mappings, Source, SourceKind, read_logs};

/// 2026-11-22T12:00:00Z.
const RECEIVED: UnixMicros = UnixMicros(1_795_348_800_000_000);

/// Ids of all techniques of ATT&CK for ICS and for Mobile that are neither revoked nor deprecated; `None` if the data is absent.
pub(crate) fn techniques() -> Option<BTreeSet<String>> {
    let directory = root().join("../shared/data/intel/attack");
    let mut known = BTreeSet::new();
    for file in ["ics-attack/ics-attack-18.1.json.gz", "mobile-attack/mobile-attack-17.1.json.gz"] {
        let path = directory.join(file);
        let Ok(packed) = std::fs::File::open(&path) else {
            eprintln!("skipped: {} is not there", path.display());
            return None;
        };
        let bundle: Value = serde_json::from_reader(GzDecoder::new(packed)).expect("a STIX bundle");
        let objects = bundle["objects"].as_array().expect("a list of objects");
        let is_set = |object: &Value, flag: &str| object[flag].as_bool() == Some(true);
        let current = objects
            .iter()
            .filter(|o| o["type"] == "attack-pattern" && !is_set(o, "revoked") && !is_set(o, "x_mitre_deprecated"));
        known.extend(current.filter_map(|o| Some(o["external_references"][0]["external_id"].as_str()?.to_owned())));
    }
    Some(known)
}

/// What the shipped rules say of sample lines of a source, one alert a line, and how many lines became rows.
fn judged(source: &Source, logs: &LogSource, lines: &str) -> (BTreeSet<String>, u64) {
    let (tenant, name, mapping) = (source.tenant, source.name, logs.mapping_json.clone());
    let count = u32::try_from(lines.lines().count()).expect("few lines");
    let (form, encoding, body) = (Form::JsonLines, Encoding::Identity, lines.as_bytes());
    let record = LogRecord { tenant, source: name, form, encoding, mapping, lines: count, body };
    let payload = record.encode().expect("a record");
    let mut decoder = Decoder::new();
    let read = read_logs(&mut decoder, &mut Mappings::default(), 0, RECEIVED, &payload).expect("rows");
    assert_eq!(read.unreadable, 0, "{}", source.name);
    let mut engine = Engine::new(shipped_set());
    let events = decoder.finish().expect("a batch").events;
    let hits = engine.process(&events).expect("hits");
    let path = |id: &str| engine.rules().rule(id).map(|rule| rule.path.clone()).unwrap_or_default();
    (hits.iter().map(|hit| path(&hit.rule)).collect(), read.rows)
}

#[test]
fn lines_of_the_example_sources_reach_the_rules() {
    let directory = root().join("deploy/sources");
    let mut told = String::new();
    for file in files(&directory, ".toml") {
        let name = file.path.trim_end_matches(".toml");
        let source = Source::parse(name, &file.text).unwrap_or_else(|e| panic!("{}: {e}", file.path));
        Name::new(name).expect("a legal name");
        let SourceKind::Logs(logs) = &source.kind else {
            writeln!(told, "{name}: foreign sensors").expect("a text");
            continue;
        };
        let samples = directory.join(format!("{name}.jsonl"));
        let lines = std::fs::read_to_string(&samples).unwrap_or_else(|e| panic!("{}: {e}", samples.display()));
        let (alerts, rows) = judged(&source, logs, &lines);
        let alerts: Vec<_> = alerts.into_iter().collect();
        writeln!(told, "{name}: {rows} rows, {}", alerts.join(" ")).expect("a text");
    }
    expect_test::expect![[r#"
        api: 4 rows, api/administration_from_outside.yml api/administrator_made.yml api/command_without_identity.yml api/injection_tried.yml
        charging: 2 rows, charging/firmware_from_elsewhere.yml
        digitalkey: 4 rows, digitalkey/immobiliser_taught_elsewhere.yml digitalkey/relay_suspected.yml
        ethernet: 3 rows, ethernet/diagnostics_from_infotainment.yml ethernet/service_offered_by_a_stranger.yml ethernet/unknown_device.yml
        idsr: foreign sensors
        ivi: 4 rows, ivi/application_past_the_store.yml ivi/debug_bridge_started.yml ivi/root_shell_on_console.yml ivi/system_partition_changed.yml
        mobile: 5 rows, mobile/account_taken_over.yml mobile/changed_app.yml
        ota: 4 rows, ota/campaign_without_approval.yml ota/older_software_installed.yml ota/signature_refused.yml
        pki: 3 rows, pki/authority_key_used_by_hand.yml pki/revoked_certificate.yml
        telematics: 4 rows, telematics/backend_address_changed.yml telematics/command_while_moving.yml telematics/sim_in_foreign_device.yml
        v2x: 3 rows, v2x/sender_reported_by_many.yml
        workshop: 4 rows, workshop/mileage_written.yml workshop/remote_diagnosis_while_moving.yml workshop/safety_parameter_written.yml
    "#]].assert_eq(&told);
}

/// The texts that a rule's searches compare a field with.
fn compared<'a>(detection: &'a Value, field: &str) -> Vec<&'a str> {
    let searches = detection.as_object().into_iter().flatten();
    let values = searches.filter_map(|(_, search)| search.get(field));
    values
        .flat_map(|value| value.as_array().map_or(vec![value], |list| list.iter().collect()))
        .filter_map(Value::as_str)
        .collect()
}

#[test]
fn the_taxonomy_describes_every_product_and_action_that_rules_name() {
    let text = std::fs::read_to_string(root().join("docs/taxonomy.md")).expect("docs/taxonomy.md");
    let set = shipped_set();
    for rule in set.rules() {
        let Some(product) = &rule.logsource.product else { continue };
        let heading = format!("\n### `{product}`");
        let chapter = text.split(&heading).nth(1).unwrap_or_else(|| panic!("{}: no chapter `{product}`", rule.path));
        let chapter = chapter.split("\n##").next().unwrap_or_default();
        let document: Value = serde_saphyr::from_str(&rule.source).expect("YAML");
        for action in compared(&document["detection"], "action") {
            assert!(chapter.contains(&format!("`{action}`")), "{}: `{product}` has no `{action}`", rule.path);
        }
    }
}
