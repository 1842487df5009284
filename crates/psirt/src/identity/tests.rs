//! What readers of identities promise: round trips, one key per package, no panic on garbage, the relation of names.

use proptest::prelude::*;

use super::{Cpe, PackageKey, Purl, Relation, canonical_purl, distribution, from_ecosystem, release, repository};

fn key(purl: &str) -> String {
    PackageKey::of_purl(&Purl::read(purl).unwrap()).key.to_string()
}

#[test]
fn spellings_of_one_package_have_one_key() {
    for (purl, expected) in [
        ("pkg:pypi/Django_Package.x@1", "pypi/django-package-x"),
        ("pkg:npm/%40angular/core@1", "npm/@angular/core"),
        ("pkg:npm/@angular/core@1", "npm/@angular/core"),
        ("pkg:maven/org.apache/io@1", "maven/org.apache/io"),
        ("pkg:golang/github.com/Masterminds/semver@v3.1.0#v3", "golang/github.com/masterminds/semver/v3"),
        ("pkg:golang/github.com/Masterminds/semver/v3@v3.1.0", "golang/github.com/masterminds/semver/v3"),
        ("pkg:cargo/serde_json@1", "cargo/serde-json"),
        ("pkg:github/madler/Zlib@v1.2.13", "git/github.com/madler/zlib"),
        ("pkg:deb/debian/openssl@1?distro=debian-12", "deb/debian/openssl"),
        ("pkg:alpine/musl@1", "apk/alpine/musl"),
        ("pkg:deb/openssl@1?distro=debian-12", "deb/debian/openssl"),
        ("pkg:rpm/rhel/openssl@1?distro=rhel-8.4", "rpm/redhat/openssl"),
        ("pkg:conan/openssl.org/openssl@3.0.3", "conan/openssl"),
    ] {
        assert_eq!(key(purl), expected, "{purl}");
    }
}

#[test]
fn ecosystems_lead_to_the_keys_of_package_urls() {
    for (ecosystem, name, expected, release) in [
        ("PyPI", "Django", "pypi/django", None),
        ("Maven", "org.apache:io", "maven/org.apache/io", None),
        ("Go", "github.com/Foo/bar/v2", "golang/github.com/foo/bar/v2", None),
        ("Debian:12", "openssl", "deb/debian/openssl", Some("12")),
        ("Alpine:v3.19", "musl", "apk/alpine/musl", Some("3.19")),
        ("Ubuntu:22.04:LTS", "openssl", "deb/ubuntu/openssl", Some("22.04")),
        ("Ubuntu:Pro:18.04:LTS", "openssl", "deb/ubuntu/openssl", Some("18.04")),
        ("Red Hat:enterprise_linux:8::baseos", "openssl", "rpm/redhat/openssl", Some("8")),
        ("SUSE:Linux Enterprise Server 15 SP3", "openssl", "rpm/suse/openssl", Some("15.3")),
        ("openSUSE:Leap 15.4", "openssl", "rpm/opensuse/openssl", Some("15.4")),
        ("Rocky Linux:9", "openssl", "rpm/rocky/openssl", Some("9")),
        ("Linux", "Kernel", "cpe/o/linux/linux_kernel", None),
        ("Tomorrow's", "thing", "tomorrow's/thing", None),
    ] {
        let keyed = from_ecosystem(ecosystem, name);
        assert_eq!((keyed.key.as_str(), keyed.release.as_deref()), (expected, release), "{ecosystem}");
    }
}

#[test]
fn releases_are_read_whatever_their_spelling() {
    for (distro, text, expected) in [
        ("debian", "debian-10.13", Some("10")),
        ("debian", "bookworm", Some("12")),
        ("ubuntu", "ubuntu-22.04", Some("22.04")),
        ("ubuntu", "jammy", Some("22.04")),
        ("alpine", "alpine-3.19.1", Some("3.19")),
        ("alpine", "v3.19", Some("3.19")),
        ("redhat", "rhel-8.4", Some("8")),
        ("redhat", "el9", Some("9")),
        ("debian", "", None),
    ] {
        assert_eq!(release(distro, text).as_deref(), expected, "{text}");
    }
    assert_eq!(distribution("RHEL"), "redhat");
}

#[test]
fn addresses_of_one_repository_are_one() {
    for text in [
        "https://github.com/madler/zlib",
        "https://github.com/Madler/zlib.git",
        "git+https://github.com/madler/zlib.git@cacf7f1d4e3d44d871b605da3b647f07d718623f",
        "git@github.com:madler/zlib.git",
        "git://github.com/madler/zlib",
        "https://github.com/madler/zlib/archive/refs/tags/v1.2.13.tar.gz",
        "ssh://git@github.com:22/madler/zlib.git#v1",
        "github.com/madler/zlib",
    ] {
        assert_eq!(repository(text).as_deref(), Some("github.com/madler/zlib"), "{text}");
    }
    for text in ["", "zlib", "file:///tmp/x", "a/b", "NOASSERTION"] {
        assert_eq!(repository(text), None, "{text}");
    }
}

#[test]
fn names_are_bound_as_the_standard_says() {
    for (text, formatted, uri) in [
        (
            "cpe:/a:microsoft:internet_explorer:8.%02:sp%01",
            "cpe:2.3:a:microsoft:internet_explorer:8.*:sp?:*:*:*:*:*:*",
            None,
        ),
        (
            "cpe:/a:hp:insight_diagnostics:7.4.0.1570::~~online~win2003~x64~",
            "cpe:2.3:a:hp:insight_diagnostics:7.4.0.1570:*:*:*:online:win2003:x64:*",
            None,
        ),
        ("cpe:/a:foo%5cbar:big%24money_2010%07:x", "", None),
        (
            "cpe:2.3:a:foo\\\\bar:big\\$money:2010:*:*:*:special:ipod_touch:80gb:*",
            "cpe:2.3:a:foo\\\\bar:big\\$money:2010:*:*:*:special:ipod_touch:80gb:*",
            Some("cpe:/a:foo%5cbar:big%24money:2010::~~special~ipod_touch~80gb~"),
        ),
        (
            "cpe:2.3:a:hp:openview_network_manager:7.51:-:*:*:*:linux:*:*",
            "cpe:2.3:a:hp:openview_network_manager:7.51:-:*:*:*:linux:*:*",
            Some("cpe:/a:hp:openview_network_manager:7.51:-:~~~linux~~"),
        ),
        (
            "cpe:2.3:a:Vendor:c++:1+2:*:*:*:*:*:*:*",
            "cpe:2.3:a:vendor:c\\+\\+:1\\+2:*:*:*:*:*:*:*",
            Some("cpe:/a:vendor:c%2b%2b:1%2b2"),
        ),
    ] {
        let read = Cpe::parse(text);
        if formatted.is_empty() {
            assert!(read.is_err(), "{text}");
            continue;
        }
        let name = read.unwrap();
        assert_eq!(name.to_string(), formatted);
        assert_eq!(name.uri(), uri.unwrap_or(text));
        assert_eq!(Cpe::parse(formatted).as_ref(), Ok(&name));
        assert_eq!(Cpe::parse(&name.uri()).as_ref(), Ok(&name));
    }
    for text in [
        "cpe:2.3:a:x",
        "cpe:2.3:b:x:y:*:*:*:*:*:*:*:*",
        "cpe:2.3:a:x:y*z:*:*:*:*:*:*:*:*",
        "cpe:/a:%zz",
        "zlib",
        "cpe:2.3:a::y:*:*:*:*:*:*:*:*",
    ] {
        assert!(Cpe::parse(text).is_err(), "{text}");
    }
}

#[test]
fn names_are_matched_as_the_standard_says() {
    let name = |rest: &str| Cpe::parse(&format!("cpe:2.3:a:{rest}")).unwrap();
    for (source, target, relation) in [
        ("adobe:flash:9.*:*:*:*:*:*:*:*", "adobe:flash:9.3.2:*:*:*:*:*:*:*", Relation::Superset),
        ("adobe:flash:9.3:*:*:*:*:*:*:*", "adobe:flash:9.3:*:*:*:*:*:*:*", Relation::Equal),
        ("adobe:flash:9.3:*:*:*:*:*:*:*", "adobe:flash:*:*:*:*:*:*:*:*", Relation::Subset),
        ("adobe:flash:9.3:*:*:*:*:*:*:*", "adobe:reader:9.3:*:*:*:*:*:*:*", Relation::Disjoint),
        ("adobe:flash:*:-:*:*:*:*:*:*", "adobe:flash:9:sp1:*:*:*:*:*:*", Relation::Disjoint),
        ("adobe:flash:9.3:*:*:*:*:*:*:*", "adobe:flash:9.*:*:*:*:*:*:*:*", Relation::Undefined),
        ("adobe:*:9.3:*:*:*:*:*:*:*", "adobe:flash:*:*:*:*:*:*:*:*", Relation::Undefined),
        ("adobe:flash:1.??:*:*:*:*:*:*:*", "adobe:flash:1.5:*:*:*:*:*:*:*", Relation::Superset),
        ("adobe:flash:1.??:*:*:*:*:*:*:*", "adobe:flash:1.555:*:*:*:*:*:*:*", Relation::Disjoint),
        ("adobe:flash:?aa:*:*:*:*:*:*:*", "adobe:flash:aaa:*:*:*:*:*:*:*", Relation::Superset),
    ] {
        assert_eq!(name(source).relation(&name(target)), relation, "{source} {target}");
    }
    assert!(name("adobe:flash:9.3:*:*:*:*:*:*:*").meets(&name("adobe:flash:9.*:*:*:*:*:*:*:*")));
    assert!(!name("adobe:flash:8.3:*:*:*:*:*:*:*").meets(&name("adobe:flash:9.*:*:*:*:*:*:*:*")));
}

proptest! {
    #[test]
    fn garbage_never_panics(text in "\\PC*", tail in "[a-z@/?#%&=:.*\\\\-]{0,60}") {
        for text in [text.clone(), format!("pkg:{tail}"), format!("cpe:2.3:a:{tail}:*:*:*:*:*:*:*:*"), format!("cpe:/{tail}")] {
            let _ = canonical_purl(&text);
            if let Ok(purl) = Purl::read(&text) {
                let _ = PackageKey::of_purl(&purl);
            }
            if let Ok(cpe) = Cpe::parse(&text) {
                prop_assert_eq!(Cpe::parse(&cpe.to_string()), Ok(cpe.clone()));
                let _ = (PackageKey::of_cpe(&cpe), cpe.relation(&cpe), cpe.uri());
            }
            let _ = (repository(&text), release("debian", &text), from_ecosystem(&text, &tail));
        }
    }

    #[test]
    fn a_canonical_text_stays_as_it_is(tail in "[a-zA-Z0-9@/?#%&=:._+~-]{0,40}") {
        if let Ok(once) = canonical_purl(&format!("pkg:{tail}")) {
            prop_assert_eq!(canonical_purl(&once), Ok(once.clone()));
        }
    }
}
