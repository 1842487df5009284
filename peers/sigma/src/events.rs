//! The events that both engines get.

use crate::rules::{EVENTS, Numbers};
use serde_json::{Map, Value, json};
use std::path::Path;

/// All events of the regression suite.
pub fn regression(directory: &Path) -> Vec<Value> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(next) = open.pop() {
        let mut entries: Vec<_> =
            std::fs::read_dir(&next).expect("a directory").map(|e| e.expect("an entry").path()).collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|ext| ext == "json") {
                let text = std::fs::read_to_string(&path).expect("a readable event");
                let events = serde_json::Deserializer::from_str(&text).into_iter::<Value>();
                found.extend(events.map(|event| event.expect("JSON")));
            }
        }
    }
    found
}

/// A Windows event with its fields beside each other; others as they are.
pub fn flat(event: &Value) -> Value {
    let Some(parts) = event.get("Event").and_then(Value::as_object) else { return event.clone() };
    let mut fields = Map::new();
    for (name, value) in parts.get("System").and_then(Value::as_object).into_iter().flatten() {
        match value.get("#attributes").and_then(Value::as_object) {
            Some(attributes) => {
                attributes.iter().for_each(|(key, value)| drop(fields.insert(format!("{name}_{key}"), value.clone())));
                value.get("#text").into_iter().for_each(|text| drop(fields.insert(name.clone(), text.clone())));
            }
            None => drop(fields.insert(name.clone(), value.clone())),
        }
    }
    let data = ["EventData", "UserData"].iter().filter_map(|part| parts.get(*part).and_then(Value::as_object));
    data.flatten().for_each(|(name, value)| drop(fields.insert(name.clone(), value.clone())));
    Value::Object(fields)
}

/// Starts of processes: `distinct` different ones, in turn. One in 200 is one of the suite's with another command line.
pub fn processes(count: usize, distinct: usize, seeds: &[Value]) -> Vec<Value> {
    let mut numbers = Numbers(2026);
    let seeds: Vec<Value> = seeds.iter().map(flat).filter(|event| event.get("CommandLine").is_some()).collect();
    let made: Vec<Value> = (0..distinct).map(|n| process(n, &mut numbers, &seeds)).collect();
    (0..count).map(|n| made[n % distinct].clone()).collect()
}

fn process(n: usize, numbers: &mut Numbers, seeds: &[Value]) -> Value {
    let tag = format!("{:08x}{n:x}", numbers.below(1 << 31));
    if numbers.below(200) == 0 && !seeds.is_empty() {
        let mut event = seeds[numbers.below(seeds.len() as u64) as usize].clone();
        let line = event.get("CommandLine").and_then(Value::as_str).unwrap_or_default();
        event["CommandLine"] = json!(format!("{line} {tag}"));
        return event;
    }
    let pick = |numbers: &mut Numbers, list: &[&str]| list[numbers.below(list.len() as u64) as usize].to_owned();
    let image = pick(numbers, &IMAGES);
    let parent = pick(numbers, &IMAGES);
    let name = image.rsplit('\\').next().unwrap_or_default().to_owned();
    let words = (0..2 + numbers.below(7)).map(|_| pick(numbers, &WORDS)).collect::<Vec<_>>().join(" ");
    json!({
        "EventID": 1, "Channel": "Microsoft-Windows-Sysmon/Operational", "Provider_Name": "Microsoft-Windows-Sysmon",
        "Image": image, "OriginalFileName": name, "Description": pick(numbers, &WORDS), "Company": "Example Corporation",
        "Product": "Example", "FileVersion": "10.0.1", "CommandLine": format!("\"{image}\" {words} {tag}"),
        "CurrentDirectory": format!("C:\\Users\\u{}\\", numbers.below(500)), "User": format!("CORP\\u{}", numbers.below(500)),
        "IntegrityLevel": pick(numbers, &["Medium", "High", "System"]), "LogonId": format!("0x{:x}", numbers.below(1 << 20)),
        "Hashes": format!("SHA256={:064X}", numbers.0), "ProcessId": numbers.below(60_000), "ParentProcessId": numbers.below(60_000),
        "ParentImage": parent, "ParentCommandLine": format!("{parent} -k {}", numbers.below(5_000)), "Computer": "host.example",
    })
}

/// What sensors of vehicles report; data never repeats.
pub fn vehicles(count: usize) -> Vec<Value> {
    let mut numbers = Numbers(11);
    let event = |_| {
        json!({
            "event_name": EVENTS[[0, 0, 1, 1, 1, 2, 2, 2, 3, 3][numbers.below(10) as usize]], "can_id": numbers.below(0x800),
            "bus": numbers.below(3), "observed": numbers.below(50_000), "payload": format!("{:016X}", numbers.0),
            "vehicle": format!("vehicle-{:05}", numbers.below(2_000)), "expected": 10_000, "count": 1,
        })
    };
    (0..count).map(event).collect()
}

const IMAGES: [&str; 16] = [
    r"C:\Windows\System32\svchost.exe",
    r"C:\Windows\System32\cmd.exe",
    r"C:\Windows\explorer.exe",
    r"C:\Windows\System32\conhost.exe",
    r"C:\Program Files\Example\agent.exe",
    r"C:\Windows\System32\taskhostw.exe",
    r"C:\Windows\System32\services.exe",
    r"C:\Program Files\Microsoft Office\root\Office16\WINWORD.EXE",
    r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe",
    r"C:\Program Files\Mozilla Firefox\firefox.exe",
    r"C:\Windows\System32\rundll32.exe",
    r"C:\Windows\System32\reg.exe",
    r"C:\Program Files\Git\cmd\git.exe",
    r"C:\Windows\System32\wbem\WmiPrvSE.exe",
    r"C:\Windows\System32\msiexec.exe",
    r"C:\tools\build.exe",
];

const WORDS: [&str; 24] = [
    "-k",
    "netsvcs",
    "-p",
    "/c",
    "start",
    "update",
    "--type=renderer",
    "--field-trial-handle=1718",
    "/i",
    "package.msi",
    "/quiet",
    "status",
    "--porcelain",
    "query",
    r"HKLM\Software\Example",
    "/v",
    "Version",
    r"C:\Users\Public\Documents\report.docx",
    "http://intranet.example/a",
    "-Embedding",
    "shell32.dll,Control_RunDLL",
    "-NoProfile",
    "-File",
    r"C:\scripts\nightly.ps1",
];
