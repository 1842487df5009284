//! `yagura rule …` as scripts use it: the lines, the messages, the exit codes.
//!
//! Not what rules mean (`yagura-detect` tests that).

use crate::process::{run, yagura};
use serde_json::Value;
use std::io::Write as _;
use std::process::{Output, Stdio};

const RULES: &str = "\
title: Whoami
id: 6ab9d1b2-0c5e-4f6f-9a57-0d6a0f5c1e11
name: whoami
logsource: {product: windows, category: process_creation}
detection: {s: {CommandLine|contains: whoami}, condition: s}
---
title: Often
id: 7ab9d1b2-0c5e-4f6f-9a57-0d6a0f5c1e11
correlation: {type: event_count, rules: [whoami], group-by: [User], timespan: 1m, condition: {gte: 2}, generate: true}
";
const EVENTS: &str = "\
{\"CommandLine\": \"WHOAMI /all\", \"User\": \"a\", \"t\": \"2026-01-01T00:00:00Z\"}
{\"CommandLine\": \"x\"
{\"Event\": {\"System\": {\"EventID\": 1, \"Channel\": \"Microsoft-Windows-Sysmon/Operational\"}, \"EventData\": {\"CommandLine\": \"whoami\"}}}
{\"CommandLine\": \"whoami\", \"User\": \"a\", \"t\": 1767225601}
";

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn rules_over_events_give_one_object_a_match() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    std::fs::write(path("r.yml"), RULES).unwrap();
    std::fs::write(path("e.jsonl"), EVENTS).unwrap();
    let output = run(&["rule", "eval", "--rules", &path(""), "--json", &path("e.jsonl")]);
    assert_eq!(output.status.code(), Some(0), "{}", words(&output));
    let found = lines(&output);
    assert_eq!(found.iter().map(|line| line["line"].clone()).collect::<Vec<_>>(), [1, 3, 4]);
    assert_eq!(found[0]["rule"], "6ab9d1b2-0c5e-4f6f-9a57-0d6a0f5c1e11");
    assert_eq!((&found[0]["title"], &found[0]["fields"]["CommandLine"]), (&"Whoami".into(), &"WHOAMI /all".into()));
    let said = words(&output);
    assert!(
        said.contains("event 2: EOF while parsing") && said.contains("4 events, 1 cannot be read, 3 matches"),
        "{said}"
    );
    assert!(said.contains("correlations and baselines are not judged"), "{said}");

    let sysmon = run(&["rule", "eval", "--rules", &path("r.yml"), "--pipeline", "sysmon", "--json", &path("e.jsonl")]);
    assert_eq!(lines(&sysmon).iter().map(|line| line["line"].clone()).collect::<Vec<_>>(), [3]);

    let mut command = yagura();
    command.args(["rule", "eval", "--rules", &path("r.yml"), "--time-field", "t", "--json", "-"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(EVENTS.as_bytes()).unwrap();
    let timed = child.wait_with_output().unwrap();
    let often: Vec<Value> = lines(&timed).into_iter().filter(|line| line["title"] == "Often").collect();
    assert_eq!(often.len(), 1, "{}", words(&timed));
    assert_eq!(often[0]["fields"]["User"], "a");
    assert!(words(&timed).contains("1 events have no time"), "{}", words(&timed));
}

#[test]
fn lint_shows_the_line_and_ends_with_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("r.yml").display().to_string();
    std::fs::write(&path, RULES.replace("contains", "contians")).unwrap();
    let output = run(&["rule", "lint", &path]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("r.yml:5:17: error: modifier `contians` is not supported"), "{text}");
    assert!(text.contains("did you mean `contains`?"), "{text}");
    let json = lines(&run(&["rule", "lint", "--json", &path]));
    assert!(
        json.iter().any(|line| line["severity"] == "error" && line["line"] == 5 && line["column"] == 17),
        "{json:?}"
    );

    std::fs::write(&path, RULES).unwrap();
    assert_eq!(run(&["rule", "lint", &path]).status.code(), Some(0));
    let eval = run(&["rule", "eval", "--rules", &path, "--pipeline", "nothing", "--json", "-"]);
    assert_eq!(eval.status.code(), Some(3), "{}", words(&eval));
    assert!(words(&eval).contains("no pipeline that ships"), "{}", words(&eval));
}

#[test]
fn bench_gives_its_figures_as_one_object() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("r.yml").display().to_string();
    std::fs::write(&path, RULES).unwrap();
    let output = run(&["rule", "bench", "--rules", &path, "--synthetic", "1000", "--json"]);
    let found = lines(&output);
    assert_eq!((&found[0]["rules"], &found[0]["events"]), (&2.into(), &1000.into()), "{}", words(&output));
    assert!(found[0]["events_per_s"].as_f64().is_some_and(|rate| rate > 0.0));
    assert!(found[0]["evaluations_per_s"].as_f64().is_some_and(|rate| rate > 0.0));
}

const CASES: &str = "\
rule: 6ab9d1b2-0c5e-4f6f-9a57-0d6a0f5c1e22
cases:
    - name: an early frame fires
      events: [{event: CAN_EARLY_FRAME}]
      alerts: 1
    - name: a flood does not
      events: [{event: CAN_BUS_FLOOD}]
      alerts: 0
";
const TESTED: &str = "\
title: Early
id: 6ab9d1b2-0c5e-4f6f-9a57-0d6a0f5c1e22
logsource: {product: vehicle}
detection: {s: {event_name: CAN_EARLY_FRAME, message|re: '[0-9]{4}'}, condition: s}
";

#[test]
fn the_cases_beside_rules_are_run_and_a_failing_one_ends_with_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    let plain = TESTED.replace(", message|re: '[0-9]{4}'", "");
    std::fs::write(path("r.yml"), &plain).unwrap();
    assert_eq!(run(&["rule", "test", &path("")]).status.code(), Some(3), "there are no cases");
    std::fs::create_dir(path("tests")).unwrap();
    std::fs::write(path("tests/r.yml"), CASES).unwrap();
    let good = run(&["rule", "test", "--json", &path("")]);
    assert_eq!(good.status.code(), Some(0), "{}", words(&good));
    assert_eq!(lines(&good).iter().filter(|line| line["passed"] == true).count(), 2);
    assert!(words(&good).contains("2 cases of 1 rules: 0 failed, 0 rules lack some"), "{}", words(&good));
    std::fs::write(path("r.yml"), TESTED).unwrap();
    let bad = run(&["rule", "test", &path("")]);
    assert_eq!(bad.status.code(), Some(1));
    let said = String::from_utf8_lossy(&bad.stdout).into_owned();
    assert!(said.contains("an early frame fires: raised 0 alerts, expected 1"), "{said}");
    std::fs::write(path("tests/r.yml"), "rule: x\n").unwrap();
    let broken = run(&["rule", "test", &path("r.yml"), "--cases", &path("tests/r.yml")]);
    assert_eq!(broken.status.code(), Some(1));
    assert!(words(&broken).contains("field `cases` is missing"), "{}", words(&broken));
}

#[test]
fn explain_says_what_a_rule_needs_and_why_it_would_be_slow() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("r.yml").display().to_string();
    std::fs::write(&path, TESTED).unwrap();
    let told = run(&["rule", "explain", "Early", "--rules", &path]);
    let text = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(text.contains("product `vehicle`") && text.contains("Slow: A test on `message`"), "{text}");
    let json = lines(&run(&["rule", "explain", "--rules", &path, "--json"]));
    assert_eq!(
        (&json[0]["questions"][1]["tried"], &json[0]["group_bytes_max"]),
        (&"on_every_value".into(), &Value::Null)
    );
    let mapped = run(&["rule", "explain", "--rules", &path, "--pipeline", "vehicle"]);
    assert_eq!(mapped.status.code(), Some(0), "{}", words(&mapped));
    let unknown = run(&["rule", "explain", "Late", "--rules", &path]);
    assert_eq!(unknown.status.code(), Some(3));
    assert!(words(&unknown).contains("no rule has this id, name or title"), "{}", words(&unknown));
}
