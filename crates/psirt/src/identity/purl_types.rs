//! The facts of the registered package URL types, as the specification's machine-readable definitions give them.
//!
//! Not a parser. Source: `types/*-definition.json` of package-url/purl-spec, commit 16f3d0e (2026-08-21), MIT; one row per definition.
//! What the definitions say in prose only (CPAN, MLflow, pub) stands in `purl.rs`. Types that are not registered have no facts.

/// Whether a namespace is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Namespace {
    Required,
    Optional,
    Prohibited,
}

/// What is folded to lower case.
#[derive(Clone, Copy, Debug)]
pub(super) struct Folded {
    pub(super) namespace: bool,
    pub(super) name: bool,
    pub(super) version: bool,
}

/// One registered type.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) kind: &'static str,
    pub(super) namespace: Namespace,
    pub(super) folded: Folded,
    pub(super) required_qualifiers: &'static [&'static str],
}

/// The facts of a type.
pub(super) fn facts(kind: &str) -> Option<&'static Facts> {
    TYPES.binary_search_by(|facts| facts.kind.cmp(kind)).ok().and_then(|at| TYPES.get(at))
}

const fn row(
    kind: &'static str,
    namespace: Namespace,
    folded: [bool; 3],
    required_qualifiers: &'static [&'static str],
) -> Facts {
    let [namespace_folded, name, version] = folded;
    Facts { kind, namespace, folded: Folded { namespace: namespace_folded, name, version }, required_qualifiers }
}

/// In alphabetic order.
static TYPES: &[Facts] = &[
    row("alpm", Namespace::Required, [true, true, false], &[]),
    row("apk", Namespace::Required, [true, true, false], &[]),
    row("bazel", Namespace::Prohibited, [false, false, false], &[]),
    row("bitbucket", Namespace::Required, [true, true, false], &[]),
    row("bitnami", Namespace::Prohibited, [false, true, false], &[]),
    row("brew", Namespace::Optional, [true, true, false], &[]),
    row("cargo", Namespace::Prohibited, [false, false, false], &[]),
    row("chrome-extension", Namespace::Prohibited, [false, true, false], &[]),
    row("cocoapods", Namespace::Prohibited, [false, false, false], &[]),
    row("composer", Namespace::Required, [true, true, false], &[]),
    row("conan", Namespace::Optional, [false, false, false], &[]),
    row("conda", Namespace::Prohibited, [false, false, false], &[]),
    row("cpan", Namespace::Optional, [false, false, false], &[]),
    row("cran", Namespace::Prohibited, [false, false, false], &[]),
    row("deb", Namespace::Required, [true, true, false], &[]),
    row("docker", Namespace::Optional, [false, false, false], &[]),
    row("gem", Namespace::Prohibited, [false, false, false], &[]),
    row("generic", Namespace::Optional, [false, false, false], &[]),
    row("git", Namespace::Required, [false, false, false], &[]),
    row("github", Namespace::Required, [true, true, false], &[]),
    row("golang", Namespace::Required, [false, false, false], &[]),
    row("hackage", Namespace::Prohibited, [false, false, false], &[]),
    row("hex", Namespace::Optional, [true, true, false], &[]),
    row("huggingface", Namespace::Required, [false, false, true], &[]),
    row("julia", Namespace::Prohibited, [false, false, false], &["uuid"]),
    row("luarocks", Namespace::Optional, [true, true, false], &[]),
    row("maven", Namespace::Required, [false, false, false], &[]),
    row("mlflow", Namespace::Prohibited, [false, false, false], &[]),
    row("npm", Namespace::Optional, [false, false, false], &[]),
    row("nuget", Namespace::Prohibited, [false, false, false], &[]),
    row("oci", Namespace::Prohibited, [false, true, true], &[]),
    row("opam", Namespace::Prohibited, [false, false, false], &[]),
    row("otp", Namespace::Prohibited, [false, true, false], &[]),
    row("pub", Namespace::Prohibited, [false, true, false], &[]),
    row("pypi", Namespace::Prohibited, [false, true, true], &[]),
    row("qpkg", Namespace::Required, [true, false, false], &[]),
    row("rpm", Namespace::Required, [true, false, false], &[]),
    row("swid", Namespace::Optional, [false, false, false], &["tag_id"]),
    row("swift", Namespace::Required, [false, false, false], &[]),
    row("vcpkg", Namespace::Prohibited, [false, false, false], &[]),
    row("vscode-extension", Namespace::Required, [true, true, true], &[]),
    row("yocto", Namespace::Optional, [true, false, false], &[]),
];

#[cfg(test)]
mod tests {
    use super::TYPES;

    #[test]
    fn types_are_in_order() {
        assert!(TYPES.is_sorted_by(|a, b| a.kind < b.kind));
    }
}
