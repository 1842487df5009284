//! `yagura lake` as an operator uses it, on a table that an earlier version wrote.

use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

fn data() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/lake/v1"), &dir.path().join("lake"));
    dir
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        match entry.path() {
            path if path.is_dir() => copy(&path, &to.join(entry.file_name())),
            path => drop(std::fs::copy(path, to.join(entry.file_name())).unwrap()),
        }
    }
}

fn lake(dir: &TempDir, args: &[&str]) -> Output {
    let program =
        Command::new(env!("CARGO_BIN_EXE_yagura")).arg("lake").args(args).arg("--data").arg(dir.path()).output();
    program.unwrap()
}

fn said(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[cfg(feature = "query")]
#[test]
fn a_table_of_an_earlier_version_is_asked() {
    let dir = data();
    let sql = "SELECT vehicle, count(*) AS n FROM events GROUP BY vehicle";
    assert_eq!(said(&lake(&dir, &["query", sql, "--csv"])), (0, "vehicle,n\nobd-0001,16\n".to_owned(), String::new()));
    let json = said(&lake(&dir, &["query", sql, "--json", "--tenant", "demo"]));
    assert_eq!(json.1, "{\"vehicle\":\"obd-0001\",\"n\":16}\n");
    let other = said(&lake(&dir, &["query", sql, "--csv", "--tenant", "other"]));
    assert_eq!(other.1, "vehicle,n\n");
    let before = said(&lake(&dir, &["query", "SELECT count(*) AS n FROM events", "--csv", "--at", "1"]));
    assert_eq!(before.1, "n\n2\n");
    let cut = said(&lake(&dir, &["query", "SELECT position FROM events", "--rows", "2"]));
    assert!(cut.1.contains("| position |") && cut.2.contains("first 2 rows"), "{cut:?}");
    let wrong = said(&lake(&dir, &["query", "DROP TABLE events"]));
    assert_eq!((wrong.0, wrong.2.as_str()), (3, "yagura: only one SELECT statement is answered, not DROP\n"));
}

#[test]
fn a_vehicle_is_forgotten_after_a_look_at_what_would_go() {
    let dir = data();
    let args = ["forget", "obd-0001", "--reason", "request 4711", "--by", "kei"];
    let dry = said(&lake(&dir, &[&args[..], &["--dry-run", "--json"]].concat()));
    assert!(dry.0 == 0 && dry.1.contains("\"rows\":16") && dry.1.contains("\"done\":false"), "{dry:?}");
    let done = said(&lake(&dir, &args));
    assert!(done.0 == 0 && done.1.contains("16 rows taken out of 3 files"), "{done:?}");
    assert!(done.1.contains("Evidence stays"), "{done:?}");
    let again = said(&lake(&dir, &[&args[..], &["--dry-run", "--json"]].concat()));
    assert!(!again.1.contains("\"rows\":16"), "{again:?}");
    let records = std::fs::read_dir(dir.path().join("lake/_forgotten")).unwrap();
    assert_eq!(records.filter(|file| file.as_ref().unwrap().path().is_file()).count(), 1);
}

#[test]
fn a_directory_without_a_lake_is_not_made_into_one() {
    let dir = tempfile::tempdir().unwrap();
    let refused = said(&lake(&dir, &["forget", "car-1", "--reason", "x"]));
    assert!(refused.0 == 3 && refused.2.contains("there is no lake"), "{refused:?}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}
