//! `scan`, `feed` and the line filters as scripts use them: output, messages, exit codes.
//!
//! Not what is matched (`yagura-psirt` tests that).

use crate::process::{run, yagura};
use serde_json::Value;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn fed(args: &[&str], input: &[u8]) -> Output {
    let mut command = yagura();
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

/// The given data; says so if there is none.
fn data(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/psirt").join(name);
    if !path.exists() {
        println!("skipped: there is no {}", path.display());
        return None;
    }
    Some(path)
}

#[test]
fn line_filters_answer_every_line_and_fail_if_one_has_no_answer() {
    let compared = fed(&["version", "compare", "--scheme", "deb"], b"1.0\t1.0-1\n2\t1\n1\t1\n");
    assert_eq!((said(&compared).as_str(), compared.status.code()), ("<\n>\n=\n", Some(0)), "{}", words(&compared));
    let wrong = fed(&["version", "compare", "--scheme", "semver"], b"1.0.0\t1.0.1\r\nno tab\n\xff\n");
    let lines = said(&wrong);
    assert!(
        lines.starts_with("<\nerror: two versions") && lines.ends_with("error: no UTF-8 after 0 bytes\n"),
        "{lines}"
    );
    assert_eq!((lines.lines().count(), wrong.status.code()), (3, Some(1)));
    assert_eq!(fed(&["version", "compare", "--scheme", "nonsense"], b"").status.code(), Some(3));

    let vers = fed(&["vers"], b"vers:npm/>=1.0.0|<2.0.0\t1.5.0\nvers:npm/>=1.0.0|<2.0.0\t2.0.0");
    assert_eq!((said(&vers).as_str(), vers.status.code()), ("in\nout\n", Some(0)));
    let purl = fed(&["purl", "--json"], b"pkg:PyPI/Django_App@1\nnothing\n");
    let lines: Vec<Value> = said(&purl).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["answer"], "pkg:pypi/django-app@1");
    assert!(lines[1]["error"].is_string() && purl.status.code() == Some(1));
    let cvss = fed(&["cvss"], b"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H\nAV:N\n");
    let lines: Vec<Value> = said(&cvss).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&lines[0]["baseScore"], cvss.status.code()), (&9.8.into(), Some(1)));
    assert!(lines[1]["error"].is_string());
}

#[test]
fn csaf_documents_are_judged_from_files_and_standard_input() {
    let Some(folder) = data("csaf-official/csaf_2.0/test/validator/data/mandatory") else { return };
    let file = |name: &str| folder.join(format!("oasis_csaf_tc-csaf_2_0-2021-6-1-{name}.json"));
    let (bad, good) = (file("01-01"), file("01-11"));
    let output = run(&["csaf", "validate", "--json", bad.to_str().unwrap(), good.to_str().unwrap()]);
    let lines: Vec<Value> = said(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((lines[0]["valid"].clone(), lines[1]["valid"].clone()), (false.into(), true.into()), "{lines:?}");
    assert_eq!((lines[0]["findings"][0]["test"].clone(), output.status.code()), ("6.1.1".into(), Some(1)));
    let good = std::fs::read(good).unwrap();
    assert_eq!(fed(&["csaf", "validate"], &good).status.code(), Some(0));
    let two = fed(&["csaf", "validate", "--json"], &[good, b"{\"document\": 1}\n{".to_vec()].concat());
    let lines: Vec<Value> = said(&two).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let valid: Vec<_> = lines.iter().map(|line| line["valid"].as_bool().unwrap()).collect();
    assert_eq!(valid, [true, false, false], "{lines:?}");
    let listed = fed(&["csaf", "validate"], bad.to_str().unwrap().as_bytes());
    assert!(said(&listed).contains("6.1.1 (mandatory)") && listed.status.code() == Some(1));
}

const ADVISORY: &str = "\
yagura_advisory: 1
id: ACME-1
title: Debug keys
modified: 2026-01-01T00:00:00Z
scores: [\"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H\"]
affected:
- packages: [\"pkg:pypi/gateway\"]
  affected: [\"< 2.0\"]
";
const SBOM: &str = r#"{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [
  {"type": "library", "bom-ref": "a", "name": "gateway", "version": "1.5", "purl": "pkg:pypi/gateway@1.5"},
  {"type": "library", "bom-ref": "b", "name": "unheard-of", "version": "1"}]}"#;

#[test]
fn a_scan_says_what_concerns_whom_and_why_and_what_is_unknown() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    std::fs::write(path("a.yaml"), ADVISORY).unwrap();
    std::fs::write(path("b.json"), SBOM).unwrap();
    let absent = run(&["scan", "--db", &path("db"), &path("b.json")]);
    assert!(absent.status.code() == Some(3) && words(&absent).contains("yagura feed import"), "{}", words(&absent));
    let taken = run(&["feed", "import", "--db", &path("db"), "--json", &path("a.yaml")]);
    let line: Value = serde_json::from_str(&said(&taken)).unwrap();
    assert_eq!((line["taken"].clone(), taken.status.code()), (1.into(), Some(0)), "{}", words(&taken));

    let output = run(&["scan", "--db", &path("db"), "--json", &path("b.json")]);
    let found: Value = serde_json::from_str(&said(&output)).unwrap();
    let finding = &found["findings"][0];
    assert_eq!((&finding["advisory"], &finding["source"]), (&"ACME-1".into(), &"private".into()), "{found}");
    assert_eq!((&finding["component"]["name"], &finding["confidence"]), (&"gateway".into(), &1.0.into()));
    assert!(finding["reason"].is_string() && finding["range"].is_string() && finding["identity"] == "pypi/gateway");
    assert_eq!(found["unidentified"][0]["name"], "unheard-of");
    let table = run(&["scan", "--db", &path("db"), "--fail-on", "critical", &path("")]);
    let text = said(&table);
    assert!(text.contains("critical 9.8") && text.contains("unheard-of 1: "), "{text}");
    assert_eq!(table.status.code(), Some(1), "{}", words(&table));
    let explained = run(&["scan", "--db", &path("db"), "--explain", "acme-1", &path("b.json")]);
    assert!(said(&explained).contains("Debug keys"), "{}", said(&explained));

    let made = run(&[
        "vex",
        "make",
        "--product",
        "pkg:pypi/gateway@1.5",
        "--vulnerability",
        "ACME-1",
        "--status",
        "not_affected",
        "--justification",
        "vulnerable_code_not_present",
        "--author",
        "ACME",
        "--namespace",
        "https://acme.example",
    ]);
    std::fs::write(path("vex.json"), &made.stdout).unwrap();
    let output =
        run(&["scan", "--db", &path("db"), "--json", "--vex", &path("vex.json"), "--fail-on", "low", &path("b.json")]);
    let found: Value = serde_json::from_str(&said(&output)).unwrap();
    assert_eq!((&found["findings"][0]["status"], output.status.code()), (&"not_affected".into(), Some(0)), "{found}");
    for format in ["csaf", "cyclonedx", "spdx"] {
        let args = ["vex", "convert", "--format", format, "--author", "ACME", "--namespace", "https://acme.example"];
        let converted = run(&[&args[..], &[&path("vex.json")]].concat());
        assert!(said(&converted).contains("ACME-1") && converted.status.success(), "{format}: {}", words(&converted));
    }
    let shown = run(&["advisory", "show", "--db", &path("db"), "ACME-1"]);
    assert!(said(&shown).contains("known here  since "), "{}", said(&shown));
    assert_eq!(run(&["feed", "verify", "--db", &path("db")]).status.code(), Some(0));
    let status = run(&["feed", "status", "--db", &path("db"), "--json"]);
    let status: Value = serde_json::from_str(&said(&status)).unwrap();
    assert_eq!(status["sources"]["private"]["advisories"], 1);
}

#[test]
fn sboms_are_converted_compared_and_checked() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    std::fs::write(path("a.json"), SBOM).unwrap();
    for to in ["spdx2", "spdx3", "cyclonedx"] {
        let written = run(&["sbom", "convert", "--to", to, &path("a.json")]);
        std::fs::write(path(to), &written.stdout).unwrap();
        let same = run(&["sbom", "diff", &path("a.json"), &path(to)]);
        assert!(said(&same).is_empty() && same.status.success(), "{to}: {}{}", said(&same), words(&same));
    }
    std::fs::write(path("b.json"), SBOM.replace("1.5", "1.6").replace("unheard-of", "new")).unwrap();
    let changed = run(&["sbom", "diff", &path("a.json"), &path("b.json")]);
    assert_eq!(said(&changed), "added: new 1\nremoved: unheard-of 1\nversion: gateway 1.5 → 1.6\n");
    assert_eq!(run(&["sbom", "check", &path("a.json")]).status.code(), Some(0));
    std::fs::write(path("c.json"), SBOM.replace("\"library\"", "\"nothing\"")).unwrap();
    let wrong = run(&["sbom", "check", &path("c.json")]);
    assert!(said(&wrong).contains("/components/0") && wrong.status.code() == Some(1), "{}", said(&wrong));
}

#[test]
fn real_advisories_concern_a_real_image() {
    let (Some(cve), Some(kev), Some(yocto)) = (data("cve-vulnrichment"), data("kev"), data("sbom-yocto")) else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let db = dir.path().join("db").display().to_string();
    let taken = run(&["feed", "import", "--db", &db, cve.to_str().unwrap(), kev.to_str().unwrap()]);
    assert_eq!(taken.status.code(), Some(0), "{}", words(&taken));
    let tar = zstd_of(&yocto.join("sbom-yocto.tar.zst"));
    let mut archive = tar::Archive::new(&tar[..]);
    archive.unpack(dir.path().join("sboms")).unwrap();
    let output = run(&["scan", "--db", &db, "--json", dir.path().join("sboms").to_str().unwrap()]);
    let found: Value = serde_json::from_str(&said(&output)).unwrap();
    assert!(found["documents"].as_array().unwrap().len() >= 3, "{}", words(&output));
    assert!(!found["findings"].as_array().unwrap().is_empty());
}

fn zstd_of(path: &Path) -> Vec<u8> {
    zstd::decode_all(std::fs::File::open(path).unwrap()).unwrap()
}
