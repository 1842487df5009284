//! `yagura ids …` as scripts use it: the spelling of options, the lines, the exit codes.
//!
//! Not what detectors find (`ids`, `profile`, `desk` test that).

use crate::process::{run, testdata};
use serde_json::Value;
use std::path::Path;
use std::process::Output;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn done(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    text(&output.stdout)
}

fn path(dir: &Path, name: &str) -> String {
    dir.join(name).display().to_string()
}

#[test]
fn a_script_learns_injects_replays_scores_explains_and_compares() {
    let dir = tempfile::tempdir().unwrap();
    let (profile, attacked) = (path(dir.path(), "vehicle.profile"), path(dir.path(), "attacked.csv"));
    let (clean, drive) =
        (testdata("captures/tesla-model-3/learn.log.gz"), testdata("captures/tesla-model-3/replay-1.log.gz"));
    let report = done(&run(&["ids", "learn", "--out", &profile, &clean]));
    assert!(report.contains("false alarms: 0 incidents") && report.contains("masquerade seen by"), "{report}");

    let order = ["--kind", "uds-scan", "--start", "10", "--end", "12", "--seed", "3", "--out", &attacked];
    done(&run(&[["ids", "inject", &drive].as_slice(), order.as_slice()].concat()));

    let output = run(&["ids", "replay", "--profile", &profile, "--json", &attacked]);
    let lines = done(&output);
    let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    for key in ["t", "bus", "id", "detector", "event", "severity", "qualified", "incident", "reason"] {
        assert!(first.get(key).is_some(), "{key} is missing in {first}");
    }
    assert!(lines.starts_with("{\"t\":1596811"), "{lines}");
    assert!(
        first["t"].is_f64() && first["bus"].is_u64() && first["qualified"].is_boolean() && first["incident"].is_u64()
    );
    assert!(text(&output.stderr).contains(" qualified incidents"), "{}", text(&output.stderr));

    let line = lines.lines().next().unwrap();
    let case = done(&run(&["ids", "explain", &profile, "--capture", &attacked, "--event", line]));
    assert!(case.contains("what to do"), "{case}");

    let page = path(dir.path(), "page.html");
    let scores = done(&run(&["ids", "eval", "--profile", &profile, "--json", "--html", &page, &attacked]));
    let score: Value = serde_json::from_str(&scores).unwrap();
    assert_eq!((&score["false_lines"], &score["attacks"][0]["kind"]), (&Value::from(0), &Value::from("uds-scan")));
    assert!(std::fs::read_to_string(page).unwrap().contains("<svg"));

    assert_eq!(done(&run(&["ids", "diff", &profile, &profile])), "no difference\n");
}

#[test]
fn the_older_spelling_of_the_output_still_works() {
    let dir = tempfile::tempdir().unwrap();
    let profile = path(dir.path(), "vehicle.profile");
    let capture = testdata("captures/kona-ev/epcu-learn.log.gz");
    let report = done(&run(&["ids", "learn", &capture, "--output", &profile, "--json"]));
    let report: Value = serde_json::from_str(&report).unwrap();
    assert!(report["identifiers"]["all"].as_u64().unwrap() > 0);
    assert!(report["by_identifier"][0]["fields"].is_array());
}

#[test]
fn an_order_that_does_not_fit_the_capture_is_refused_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let out = path(dir.path(), "attacked.csv");
    let drive = testdata("captures/tesla-model-3/replay-1.log.gz");
    let late = run(&["ids", "inject", "--kind", "flood", "--start", "9000", "--end", "9001", "--out", &out, &drive]);
    assert_eq!(late.status.code(), Some(3));
    assert!(text(&late.stderr).contains("no frame between start and end"), "{}", text(&late.stderr));
    let unknown = run(&["ids", "inject", "--kind", "magic", "--start", "1", "--end", "2", "--out", &out, &drive]);
    assert_eq!(unknown.status.code(), Some(3));
    assert!(text(&unknown.stderr).contains("no such attack"), "{}", text(&unknown.stderr));
}

#[test]
fn a_suite_that_is_not_there_is_named() {
    let output = run(&["ids", "eval", "--suite", "/no/such/suite"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stderr).contains("/no/such/suite"), "{}", text(&output.stderr));
}
