//! Every `yagura` command line in deploy/ is one that this binary understands, and every file there can be read.
//!
//! Not a test of systemd, Docker or Helm: none of them runs here.

use super::Args;
use clap::Parser as _;
use serde_json::Value;
use std::path::{Path, PathBuf};

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy")
}

/// All files below deploy/, with their text.
fn files(dir: &Path) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else {
            all.push((path.display().to_string(), std::fs::read_to_string(&path).unwrap()));
        }
    }
    all
}

/// The command lines in a file: of systemd, of Docker and Compose (a JSON array on one line), of Helm (a list below `args:`).
fn command_lines(text: &str) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    let mut args: Option<Vec<String>> = None;
    for line in text.lines().map(str::trim) {
        if let Some(rest) = line.strip_prefix("ExecStart=/usr/bin/yagura ") {
            all.push(rest.split_whitespace().map(str::to_owned).collect());
        } else if let Some(array) = line.strip_prefix("command: ").or_else(|| line.strip_prefix("CMD ")) {
            let words: Vec<String> = serde_json::from_str(array).unwrap();
            all.extend((words.first().is_some_and(|word| word == "serve")).then_some(words));
        } else if line == "args:" {
            args = Some(Vec::new());
        } else if let Some(list) = &mut args {
            match line.strip_prefix("- ") {
                Some(word) => list.push(word.to_owned()),
                None if line.starts_with("{{") => {}
                None => all.extend(args.take()),
            }
        }
    }
    all
}

/// A word with what is filled in later replaced by something of its kind.
fn filled(word: &str, option: &str) -> String {
    let sample = match option {
        "--log" => "kafka://broker:9092/yagura",
        "--objects" => "s3://bucket/prefix",
        "--state" => "postgres://user@host/database",
        "--public-origin" => "https://yagura.example",
        "--otlp" => "http://collector:4318",
        _ => "x",
    };
    let mut word = word.to_owned();
    for (open, close) in [("{{", "}}"), ("${", "}"), ("$(", ")")] {
        while let Some((before, rest)) = word.clone().split_once(open) {
            let after = rest.split_once(close).unwrap().1;
            word = format!("{before}{sample}{after}");
        }
    }
    word
}

#[test]
fn every_command_line_in_deploy_is_understood() {
    let mut found = 0;
    for (file, text) in files(&deploy()) {
        for words in command_lines(&text) {
            let mut option = String::new();
            let words = words.iter().map(|word| {
                let own = word.split_once('=').map_or(word.as_str(), |(option, _)| option).to_owned();
                option = if own.starts_with("--") { own } else { option.clone() };
                filled(word, &option)
            });
            let words: Vec<String> = std::iter::once("yagura".to_owned()).chain(words).collect();
            if let Err(error) = Args::try_parse_from(&words) {
                panic!("{file}: {}: {error}", words.join(" "));
            }
            found += 1;
        }
    }
    assert!(found >= 13, "only {found} command lines were found");
}

#[test]
fn the_cluster_of_compose_makes_the_topics_that_its_roles_name() {
    let text = std::fs::read_to_string(deploy().join("compose.cluster.yaml")).unwrap();
    let words: Vec<String> = command_lines(&text).concat();
    let prefixes: Vec<&str> = words.iter().filter_map(|word| word.strip_prefix("kafka://kafka:9092/")).collect();
    assert!(prefixes.len() >= 3, "{words:?}");
    for prefix in prefixes {
        for topic in ["records", "matches"] {
            assert!(text.contains(&format!("--topic {prefix}.{topic} ")), "nobody makes {prefix}.{topic}");
        }
    }
}

#[test]
fn every_document_in_deploy_can_be_read() {
    let mut read = 0;
    for (file, text) in files(&deploy()) {
        if file.contains("/templates/") {
            // Text for Helm, not YAML yet; at least what is opened is closed.
            assert_eq!(text.matches("{{").count(), text.matches("}}").count(), "{file}");
        } else if file.ends_with(".json") {
            let _: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
            read += 1;
        } else if file.ends_with(".yaml") || file.ends_with(".yml") {
            let _: Value = serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
            read += 1;
        }
    }
    assert!(read >= 9, "only {read} documents were read");
}

#[test]
fn every_value_that_the_chart_uses_is_in_its_values() {
    let values = std::fs::read_to_string(deploy().join("helm/yagura/values.yaml")).unwrap();
    let values: Value = serde_saphyr::from_str(&values).unwrap();
    for (file, text) in files(&deploy().join("helm/yagura/templates")) {
        for (at, _) in text.match_indices(".Values.") {
            let path: String = text[at + 8..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '.').collect();
            let known = path.split('.').try_fold(&values, |value, name| value.get(name));
            assert!(known.is_some(), "{file} uses .Values.{path}");
        }
    }
}
