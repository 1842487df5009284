//! Names of packages as strangers write them: package URLs, CPE names, ecosystems, repositories. No input is a panic; what is canonical
//! stays as it is.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yagura_psirt::identity::{Cpe, PackageKey, Purl, canonical_purl, from_ecosystem, release, repository};

fuzz_target!(|text: &str| {
    if let Ok(once) = canonical_purl(text) {
        assert_eq!(canonical_purl(&once).as_ref(), Ok(&once));
    }
    if let Ok(purl) = Purl::read(text) {
        let _ = PackageKey::of_purl(&purl);
    }
    if let Ok(name) = Cpe::parse(text) {
        assert_eq!(Cpe::parse(&name.to_string()).as_ref(), Ok(&name));
        let _ = (PackageKey::of_cpe(&name), name.relation(&name), name.uri());
    }
    let (ecosystem, name) = text.split_once('\n').unwrap_or((text, "name"));
    let _ = (from_ecosystem(ecosystem, name), repository(text), release(ecosystem, name));
});
