//! Test 6.2.42: an identification helper says the same as the branches above its product.
//!
//! Not name matching: texts are compared without case and with `_` for a space, as far as the helper can say what the branch says.

use crate::csaf::document::{Document, Kind, Product, select};
use crate::csaf::schema::short;
use crate::csaf::{Findings, In, Surroundings, Test, test};

pub(super) const TESTS: &[Test] = &[test("6.2.42", In::V21, inconsistent)];

fn inconsistent(document: &Document<'_>, _: &Surroundings<'_>, findings: &mut Findings) {
    for product in document.products.iter().filter(|product| product.kind == Kind::Branch) {
        cpe(product, findings);
        purls(product, findings);
    }
}

fn branch<'v>(product: &Product<'v>, category: &str) -> Option<&'v str> {
    product.branches.iter().find(|(other, _)| *other == category).map(|(_, name)| *name)
}

fn plain(text: &str) -> String {
    text.to_lowercase().replace('_', " ").replace('\\', "")
}

fn cpe(product: &Product<'_>, findings: &mut Findings) {
    // Attribute of CPE 2.3 by position, and the branch that says the same.
    const ATTRIBUTES: [(usize, &str); 6] = [
        (3, "vendor"),
        (4, "product_name"),
        (5, "product_version"),
        (6, "service_pack"),
        (8, "language"),
        (11, "architecture"),
    ];
    for (place, cpe) in select(product.value, &product.place, "product_identification_helper/cpe") {
        let parts: Vec<_> = cpe.as_str().unwrap_or_default().split(':').collect();
        if parts.first() != Some(&"cpe") || parts.get(1) != Some(&"2.3") {
            continue;
        }
        for (position, category) in ATTRIBUTES {
            let value = parts.get(position).copied().unwrap_or("*");
            let is_any = matches!(value, "*" | "-");
            let ranged = category == "product_version" && branch(product, "product_version_range").is_some();
            match branch(product, category) {
                Some(name) if !is_any && !plain(name).contains(&plain(value)) => {
                    findings.add(
                        &place,
                        format!("the CPE says `{}`, the branch {category} `{}`", short(value), short(name)),
                    );
                }
                None if !(is_any || ranged) => {
                    findings.add(&place, format!("the CPE says `{}`, but there is no branch {category}", short(value)));
                }
                _ => {}
            }
        }
    }
}

fn purls(product: &Product<'_>, findings: &mut Findings) {
    for (place, purl) in select(product.value, &product.place, "product_identification_helper/purls/*") {
        let path = purl.as_str().unwrap_or_default().split(['?', '#']).next().unwrap_or_default();
        let (path, version) = path.rsplit_once('@').unwrap_or((path, ""));
        let name = path.rsplit('/').next().unwrap_or_default();
        if branch(product, "product_name")
            .is_some_and(|branch| !plain(branch).contains(&plain(name)) && !plain(name).contains(&plain(branch)))
        {
            findings.add(&place, format!("the purl names `{}`, the branch another product", short(name)));
        }
        let decoded = version.replace("%2B", "+").replace("%2b", "+").replace("%3A", ":").replace("%3a", ":");
        if branch(product, "product_version").is_some_and(|branch| !version.is_empty() && branch != decoded) {
            findings.add(&place, format!("the purl says version `{}`, the branch another", short(version)));
        }
        if branch(product, "product_version").is_some() && version.is_empty() {
            findings.add(&place, "the branch says a version, the purl none");
        }
    }
}
