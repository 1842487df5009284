//! The object store's promises, the same for a directory, S3 and Azure; the clouds are real servers (module `services`).

use std::sync::Arc;
use yagura_model::UnixMicros;
use yagura_store::objects::{Locked, Object, Objects, ObjectsError, Put, ensure, open};

fn keys(objects: &dyn Objects, dir: &str) -> Vec<String> {
    objects.list(dir).unwrap().into_iter().map(|object| object.key).collect()
}

/// What every store must keep to. `objects` is empty.
pub(crate) fn keeps_its_promises(objects: &Arc<dyn Objects>) {
    let o = &**objects;
    assert_eq!((o.get("a/b").unwrap(), o.size("a/b").unwrap(), o.get_range("a/b", 0..5).unwrap()), (None, None, None));
    assert_eq!(o.put_if_absent("a/b", b"first").unwrap(), Put::Done);
    assert_eq!(o.put_if_absent("a/b", b"second").unwrap(), Put::Exists);
    assert_eq!(o.get("a/b").unwrap().as_deref(), Some(&b"first"[..]));
    assert_eq!(ensure(o, "a/b", b"first").unwrap(), Put::Exists);
    assert!(matches!(ensure(o, "a/b", b"other"), Err(ObjectsError::Differs { .. })));
    o.put("a/b", b"replaced").unwrap();
    assert_eq!(o.get_range("a/b", 2..5).unwrap().as_deref(), Some(&b"pla"[..]));
    assert_eq!(o.get_range("a/b", 6..50).unwrap().as_deref(), Some(&b"ed"[..]));
    assert_eq!(o.get_range("a/b", 50..60).unwrap().as_deref(), Some(&b""[..]));
    o.put("a/c.d/e", b"").unwrap();
    o.put("ab", b"x").unwrap();
    assert_eq!(keys(o, "a"), ["a/b", "a/c.d/e"]);
    assert_eq!(o.list("").unwrap().last(), Some(&Object { key: "ab".into(), size: 1 }));
    o.delete("a/c.d/e").unwrap();
    o.delete("a/c.d/e").unwrap();
    assert_eq!(keys(o, ""), ["a/b", "ab"]);
    assert!(matches!(o.put("../x", b""), Err(ObjectsError::Key { .. })));
    one_of_many_wins(objects);
    o.delete("a/b").unwrap();
    o.delete("ab").unwrap();
}

fn one_of_many_wins(objects: &Arc<dyn Objects>) {
    let racers: Vec<_> = (0..8_u8)
        .map(|n| {
            let objects = Arc::clone(objects);
            std::thread::spawn(move || objects.put_if_absent("race", &[n]).unwrap())
        })
        .collect();
    let won = racers.into_iter().map(|racer| racer.join().unwrap()).filter(|put| *put == Put::Done).count();
    assert_eq!((won, objects.get("race").unwrap().unwrap().len()), (1, 1));
    objects.delete("race").unwrap();
}

#[test]
fn a_directory_keeps_the_promises_of_an_object_store() {
    let dir = tempfile::tempdir().unwrap();
    let objects = open(dir.path().join("deep/store").to_str().unwrap()).unwrap();
    keeps_its_promises(&objects);
    objects.put("x", b"1").unwrap();
    assert_eq!(objects.lock_until("x", UnixMicros(i64::MAX / 2)).unwrap(), Locked::Unsupported);
}
