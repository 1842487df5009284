//! Sources that are fetched: a real HTTP server and a real git repository on this machine.

use crate::{at, osv};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use yagura_feed::{Origin, Source, Synced, sources, sync};

/// What the server gives, and what it was asked.
#[derive(Default)]
struct Served {
    body: Vec<u8>,
    etag: String,
    asked: Vec<String>,
}

/// A server that answers one request a connection.
fn serve(served: Arc<Mutex<Served>>) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
            let mut served = served.lock().unwrap();
            let etag = served.etag.clone();
            let is_known = head.iter().any(|line| line.eq_ignore_ascii_case(&format!("if-none-match: {etag}")));
            served.asked.push(head.join("|"));
            let (status, body) = match () {
                () if etag.is_empty() => ("500 Broken", &[][..]),
                () if is_known => ("304 Not Modified", &[][..]),
                () => ("200 OK", &served.body[..]),
            };
            let head = format!(
                "HTTP/1.1 {status}\r\nETag: {etag}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
        }
    });
    format!("http://{address}/all.jsonl.gz")
}

fn packed(text: &str) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(text.as_bytes()).unwrap();
    writer.finish().unwrap()
}

fn run(dir: &Path, source: &Source, micros: i64) -> Synced {
    sync(dir, source, at(micros), &mut |_, _| {})
}

fn taken(synced: &Synced) -> Option<u64> {
    match synced {
        Synced::Imported(line) => Some(line.taken),
        _ => None,
    }
}

#[test]
fn what_a_server_has_is_fetched_once_and_again_when_it_changes() {
    let dir = tempfile::tempdir().unwrap();
    let served = Arc::new(Mutex::new(Served {
        body: packed(&osv("X-1", "a", "2", 1)),
        etag: "\"1\"".to_owned(),
        ..Served::default()
    }));
    let origin = Origin::Url(serve(Arc::clone(&served)));
    let source = Source { name: "s".to_owned(), origin };
    assert_eq!(taken(&run(dir.path(), &source, 0)), Some(1));
    assert!(matches!(run(dir.path(), &source, 1), Synced::Unchanged));
    served.lock().unwrap().etag.clear();
    let failed = run(dir.path(), &source, 2);
    assert!(matches!(&failed, Synced::Failed(error) if error.to_string().contains("500")), "{failed:?}");
    {
        let mut served = served.lock().unwrap();
        served.etag = "\"2\"".to_owned();
        served.body = packed(&osv("X-2", "a", "2", 1));
    }
    assert_eq!(taken(&run(dir.path(), &source, 3)), Some(1));
    assert_eq!(served.lock().unwrap().asked.len(), 4);
    let left = std::fs::read_dir(dir.path()).unwrap().filter_map(Result::ok);
    assert!(left.into_iter().all(|entry| !entry.file_name().to_string_lossy().starts_with(".fetched")));
}

fn git(dir: &Path, args: &[&str]) -> bool {
    let identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"];
    Command::new("git")
        .arg("-C")
        .arg(dir)
        .args(identity)
        .args(args)
        .output()
        .is_ok_and(|output| output.status.success())
}

#[test]
fn what_a_repository_has_is_fetched_and_then_only_what_changed() {
    let (dir, repository) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    if !git(repository.path(), &["init", "--quiet"]) {
        return println!("skipped: there is no git");
    }
    let commit = |name: &str, text: &str| {
        std::fs::write(repository.path().join(name), text).unwrap();
        assert!(git(repository.path(), &["add", "."]) && git(repository.path(), &["commit", "--quiet", "-m", name]));
    };
    commit("a.json", &osv("X-1", "a", "2", 1));
    let origin = Origin::Git(repository.path().display().to_string());
    let source = Source { name: "s".to_owned(), origin };
    let first = run(dir.path(), &source, 0);
    assert_eq!(taken(&first), Some(1), "{first:?}");
    assert!(matches!(run(dir.path(), &source, 1), Synced::Unchanged));
    commit("b.json", &osv("X-2", "a", "2", 1));
    match run(dir.path(), &source, 2) {
        Synced::Imported(line) => assert_eq!((line.taken, line.documents), (1, 1), "{line:?}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_list_that_is_wrong_says_where() {
    let read =
        sources("[[source]]\nname = \"a\"\npath = \"/x\"\n[[source]]\nname = \"b\"\nurl = \"https://example.org\"\n");
    assert_eq!(read.unwrap().len(), 2);
    for (text, why) in [
        ("[[source]]\nname = \"a\"\n", "say one of"),
        ("[[source]]\nname = \"../a\"\npath = \"x\"\n", "a name has"),
        ("[[source]]\nname = \"a\"\npath = \"x\"\n[[source]]\nname = \"a\"\npath = \"y\"\n", "twice"),
        ("[[source]]\nname = \"a\"\nurl = \"ftp://x\"\n", "https://"),
        ("[[source]]\nnme = \"a\"\n", "line 2"),
    ] {
        let error = sources(text).unwrap_err().to_string();
        assert!(error.contains(why), "{text}: {error}");
    }
}
