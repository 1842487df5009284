//! Which ways lead to which keys, how sure; and what leads nowhere.

use crate::Instant;
use crate::advisory::{Advisory, Affected, Package, Source, Versions};
use crate::component::Component;
use crate::index::{Builder, Database, mapping};
use crate::vex::Status;

use super::{Method, Resolved, resolve};

const MAPPING: &str = r#"{"purls":["pkg:github/madler/zlib","pkg:deb/debian/zlib"],"cpe_products":["cpe:2.3:a:zlib:zlib"]}
{"purls":["pkg:github/curl/curl","pkg:deb/debian/curl"],"cpe_products":["cpe:2.3:a:haxx:curl","cpe:2.3:a:haxx:libcurl"]}"#;

fn resolved(component: &Component) -> Resolved {
    let about = |package: Package| Affected {
        packages: vec![package],
        ranges: vec![(Versions::All, Status::Affected)],
        otherwise: None,
        running_on: Vec::new(),
        parts: Vec::new(),
        by: String::new(),
    };
    let cpe = |name: &str| about(Package::Cpe(format!("cpe:2.3:a:{name}:*:*:*:*:*:*:*:*")));
    let distro = |name: &str| about(Package::Ecosystem { ecosystem: "Debian:12".to_owned(), name: name.to_owned() });
    let affected = vec![
        cpe("busybox:busybox"),
        cpe("a:several"),
        cpe("b:several"),
        cpe("x:server"),
        cpe("openssl:openssl"),
        cpe("solo:uncommon"),
        distro("curl"),
    ];
    let mut builder = Builder::new(Instant(1));
    builder.add(&Advisory { affected, ..Advisory::new("X", Source::Cve) });
    let (bytes, (same, _)) = (builder.finish().unwrap(), mapping(MAPPING, Instant(1)).unwrap());
    resolve(&Database::open(&[&bytes, &same], Instant(9)).unwrap(), component).unwrap()
}

fn with(purls: &[&str], cpes: &[&str], name: &str, version: &str) -> Component {
    let own = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    Component {
        name: name.to_owned(),
        version: Some(version.to_owned()),
        purls: own(purls),
        cpes: own(cpes),
        ..Component::default()
    }
}

/// Key, version, method of each identity.
fn ways(resolved: &Resolved) -> Vec<(&str, &str, Method)> {
    let version = |identity: &'_ super::Identity| identity.version.clone().unwrap_or_default();
    resolved
        .identities
        .iter()
        .map(|identity| (identity.key.as_str(), &*version(identity).leak(), identity.method))
        .collect()
}

#[test]
fn a_package_url_is_exact_and_the_mapping_adds_to_it() {
    let found = resolved(&with(&["pkg:github/madler/zlib@v1.2.13"], &[], "zlib", "1.2.13"));
    assert_eq!(
        ways(&found),
        [("git/github.com/madler/zlib", "1.2.13", Method::Purl), ("cpe/a/zlib/zlib", "1.2.13", Method::Mapping)]
    );
    assert!(found.is_identified);
}

#[test]
fn where_a_distribution_speaks_upstream_is_not_asked() {
    let found = resolved(&with(
        &["pkg:deb/debian/libcurl4@7.88.1-10?upstream=curl&distro=debian-12"],
        &[],
        "libcurl4",
        "7.88.1-10",
    ));
    assert_eq!(
        ways(&found),
        [("deb/debian/libcurl4", "7.88.1-10", Method::Purl), ("deb/debian/curl", "7.88.1-10", Method::SourcePackage)]
    );
    assert_eq!(found.identities[1].release.as_deref(), Some("12"));
    // Of zlib no Debian data is loaded: upstream's ranges are all there is, and are said to be unsure.
    let found = resolved(&with(&["pkg:deb/debian/zlib@1:1.2.13.dfsg-1"], &[], "zlib", "1:1.2.13.dfsg-1"));
    assert_eq!(ways(&found)[1], ("cpe/a/zlib/zlib", "1.2.13.dfsg", Method::Mapping));
    assert_eq!(found.identities[1].confidence.word(), "name");
}

#[test]
fn what_embedded_builds_write_is_identified() {
    for (component, expected) in [
        (
            with(&["pkg:generic/zlib@1.3.1"], &["cpe:2.3:*:*:zlib:1.3.1:*:*:*:*:*:*:*"], "zlib", "1.3.1"),
            "cpe/a/zlib/zlib",
        ),
        (with(&["pkg:yocto/core/lib32-zlib@1.3.1"], &[], "lib32-zlib", "1.3.1"), "cpe/a/zlib/zlib"),
        (with(&["pkg:yocto/core/busybox@1.36.1"], &[], "busybox", "1.36.1"), "cpe/a/busybox/busybox"),
        (with(&["pkg:generic/openssl/openssl@3.0.1"], &[], "openssl", "3.0.1"), "cpe/a/openssl/openssl"),
        (
            with(&[], &["cpe:2.3:*:*:linux_kernel:6.12.38:*:*:*:*:*:*:*"], "kernel-image", "6.12.38+git"),
            "cpe/o/linux/linux_kernel",
        ),
        (
            with(&["pkg:yocto/core/linux-yocto@6.6.21+git0"], &[], "linux-yocto", "6.6.21+git0"),
            "cpe/o/linux/linux_kernel",
        ),
        (with(&[], &[], "curl-8.12.1.tar.xz", "8.12.1"), "cpe/a/haxx/curl"),
        (with(&[], &["cpe:2.3:*:*:netbase:6.4:*:*:*:*:*:*:*"], "netbase", "6.4"), "cpe/*/*/netbase"),
        (with(&["pkg:yocto/core/busybox3@1.36.1"], &[], "busybox3", "1.36.1"), "cpe/a/busybox/busybox"),
        (with(&[], &[], "busybox-native-source-1", "1.36.1"), "cpe/a/busybox/busybox"),
        (with(&["pkg:conan/zlib@1.3"], &[], "zlib", "1.3"), "conan/zlib"),
    ] {
        let found = resolved(&component);
        assert!(found.is_identified, "{}", component.name);
        assert!(ways(&found).iter().any(|(key, _, _)| *key == expected), "{}: {:?}", component.name, ways(&found));
    }
    let kernel = resolved(&with(&["pkg:yocto/core/linux-yocto@6.6.21+git0"], &[], "linux-yocto", "6.6.21+git0"));
    let version = kernel.identities.iter().find(|identity| identity.key.as_str() == crate::identity::KERNEL);
    assert_eq!(version.unwrap().version.as_deref(), Some("6.6.21"));
}

#[test]
fn a_name_alone_is_no_identity_unless_it_is_rare() {
    for name in ["several", "server", "nx", "linux-libc-headers", "somebody-s-own"] {
        let found = resolved(&with(&[], &[], name, "1"));
        assert!(!found.is_identified && !found.tried.is_empty(), "{name}: {found:?}");
    }
    let found = resolved(&with(&[], &[], "uncommon", "1"));
    assert_eq!((found.identities[0].confidence.word(), found.identities[0].method), ("name", Method::Name));
}

#[test]
fn what_cannot_be_read_is_said() {
    let found = resolved(&with(&["pkg:"], &["cpe:2.3:a:x"], "zz", "1"));
    assert!(!found.is_identified);
    assert_eq!(found.tried.len(), 3, "{:?}", found.tried);
}
