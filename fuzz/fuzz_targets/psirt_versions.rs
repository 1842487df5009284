//! Versions and ranges from anyone: keys agree with comparing, and a range survives its byte form.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yagura_psirt::advisory::Versions;
use yagura_psirt::version::{Scheme, Vers, VersionRange, compare, from_native, key_or_fallback, stated};

fuzz_target!(|texts: (&str, &str)| {
    let (a, b) = texts;
    for scheme in Scheme::all() {
        if let (Ok(forth), Ok(back)) = (compare(scheme, a, b), compare(scheme, b, a)) {
            assert_eq!(forth, back.reverse());
        }
        let Ok((key, _)) = key_or_fallback(scheme, a) else { continue };
        if let Ok(native) = from_native(scheme, b) {
            check(&native.range);
            let _ = native.range.contains(&key);
        }
        if let Ok(stated) = stated(&Versions::Exactly(vec![b.to_owned()]), Some(scheme)) {
            check(&stated.range);
        }
    }
    if let Ok((vers, _)) = Vers::read(b)
        && let Ok(range) = vers.range()
    {
        check(&range);
    }
});

fn check(range: &VersionRange) {
    assert_eq!(VersionRange::from_bytes(&range.to_bytes()).as_ref(), Some(range));
}
