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
