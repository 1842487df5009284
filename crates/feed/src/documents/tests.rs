//! Archives in one another, damaged ones, hidden entries, and what unpacks without end.

use super::*;
use std::io::Write as _;

/// What was visited: `place: first line`, or `place: !` with the error.
#[derive(Default)]
struct Seen(Vec<String>);

impl Visitor for Seen {
    fn document(&mut self, place: &str, bytes: &mut dyn BufRead) -> io::Result<()> {
        let mut text = String::new();
        bytes.read_to_string(&mut text)?;
        self.0.push(format!("{place}: {text}"));
        Ok(())
    }

    fn trouble(&mut self, place: &str, error: &io::Error) {
        self.0.push(format!("{place}: ! {error}"));
    }
}

fn tarred(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_cksum();
        archive.append_data(&mut header, name, *content).unwrap();
    }
    archive.into_inner().unwrap()
}

fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        archive.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(content).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

fn seen_of(bytes: &[u8]) -> Vec<String> {
    let mut seen = Seen::default();
    visit_stream("-", bytes, &mut seen);
    seen.0
}

#[test]
fn a_plain_document_is_itself_however_it_is_packed() {
    assert_eq!(seen_of(b"{}"), ["-: {}"]);
    assert_eq!(seen_of(b""), ["-: "]);
    assert_eq!(seen_of(&gzipped(b"{}")), ["-: {}"]);
    assert_eq!(seen_of(&zstd::encode_all(&b"{}"[..], 1).unwrap()), ["-: {}"]);
}

#[test]
fn archives_within_archives_are_opened_and_their_documents_named() {
    let inner = gzipped(&tarred(&[("b/two.json", b"2")]));
    let outer = zipped(&[("one.json", b"1"), ("more.tgz", &inner), ("three.json.gz", &gzipped(b"3"))]);
    assert_eq!(seen_of(&outer), ["-!one.json: 1", "-!more.tgz!b/two.json: 2", "-!three.json.gz: 3"]);
    let tar_of_zip = zstd::encode_all(&tarred(&[("x.zip", &outer)])[..], 1).unwrap();
    assert_eq!(seen_of(&tar_of_zip)[0], "-!x.zip!one.json: 1");
}

#[test]
fn archives_too_deep_in_one_another_are_named_and_passed_over() {
    let mut bytes = tarred(&[("x", b"1")]);
    for _ in 0..=ARCHIVE_DEPTH_MAX {
        bytes = tarred(&[("x", &bytes), ("y", b"2")]);
    }
    let seen = seen_of(&bytes);
    assert!(seen[0].contains("more than 3 deep"), "{seen:?}");
    assert_eq!(seen.last().map(String::as_str), Some("-!y: 2"));
}

#[test]
fn a_damaged_document_does_not_hide_the_next() {
    let mut bad = gzipped(&[b'x'; 100_000]);
    bad.truncate(bad.len() - 10);
    let seen = seen_of(&tarred(&[("bad.gz", &bad), ("good", b"1")]));
    assert!(seen[0].starts_with("-!bad.gz: !"), "{seen:?}");
    assert_eq!(seen[1], "-!good: 1");
    let whole = tarred(&[("a", &[b'x'; 5000]), ("b", b"2")]);
    let cut = seen_of(&whole[..2000]);
    assert!(cut[0].contains("bytes before this document does"), "{cut:?}");
}

#[test]
fn directories_are_walked_in_order_without_hidden_ones() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("b/.git")).unwrap();
    std::fs::write(dir.path().join("b/.git/config"), "no").unwrap();
    std::fs::write(dir.path().join("b/2.json"), "2").unwrap();
    std::fs::write(dir.path().join("a.json"), "1").unwrap();
    std::fs::write(dir.path().join("c.zip"), zipped(&[("3", b"3")])).unwrap();
    let mut seen = Seen::default();
    visit(dir.path(), &mut seen);
    let root = dir.path().display();
    assert_eq!(seen.0, [format!("{root}/a.json: 1"), format!("{root}/b/2.json: 2"), format!("{root}/c.zip!3: 3")]);
    let mut none = Seen::default();
    visit(&dir.path().join("absent"), &mut none);
    assert!(none.0[0].contains("absent: !"), "{:?}", none.0);
}

#[test]
fn what_unpacks_without_end_is_stopped() {
    let mut bounded = Bounded { read: io::repeat(0), left: 1000 };
    let mut all = Vec::new();
    let error = bounded.read_to_end(&mut all).unwrap_err();
    assert!(error.to_string().contains("unpacks to more than"), "{error}");
}
