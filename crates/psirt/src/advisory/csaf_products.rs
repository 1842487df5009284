//! The product tree of a CSAF document → what each product id means: names, versions, what it runs on.
//!
//! Not a resolver: products keep the names that the document gives them. A relationship (`installed_on`, `default_component_of`, …) makes a
//! product of a component whose context is the other product. Limits: depth [`DEPTH_MAX`].

use crate::advisory::context::{At, Context, add, brief};
use crate::advisory::wording::{self, Wording, single};
use crate::advisory::{Package, Versions, cpe_match};
use crate::vex::Status;
use serde_json::Value;
use std::collections::HashMap;

/// Branches and relationships do not nest deeper. The standard's own tests reach 30.
const DEPTH_MAX: usize = 64;

/// What a product id means.
#[derive(Clone, Debug, Default)]
pub(crate) struct Product {
    /// Its names, without versions.
    pub(crate) packages: Vec<Package>,
    /// Its versions; none if the document sets none apart.
    pub(crate) versions: Vec<Versions>,
    /// Whether the document says that versions are meant without saying which.
    pub(crate) vague: bool,
    /// What it is part of or installed on.
    pub(crate) running_on: Vec<Package>,
    /// Architectures, languages and the like, as (kind, name).
    pub(crate) parts: Vec<(String, String)>,
    /// Its names with versions, for whoever runs on it.
    pub(crate) as_context: Vec<Package>,
}

/// The products of a document.
pub(crate) struct Products {
    by_id: HashMap<String, Product>,
}

/// What lies above a product in the tree.
#[derive(Clone, Default)]
struct Above<'v> {
    vendor: Option<&'v str>,
    family: Option<&'v str>,
    product: Option<&'v str>,
    version: Option<(&'v str, bool)>,
    patches: Vec<&'v str>,
    parts: Vec<(String, String)>,
}

impl Products {
    /// Reads `product_tree` of `document`.
    pub(crate) fn read(context: &mut Context<'_>, document: &Value, at: &At<'_>) -> Self {
        let mut products = Self { by_id: HashMap::new() };
        let Some(tree) = document.get("product_tree") else { return products };
        let at = at.key("product_tree");
        products.branches(context, tree, &at, &Above::default(), 0);
        let names = context.list(tree, "full_product_names", &at);
        for (index, name) in names.iter().enumerate() {
            products.product(context, name, &at.key("full_product_names").index(index), &Above::default());
        }
        products.relationships(context, tree, &at);
        products
    }

    /// What `id` means.
    pub(crate) fn get(&self, id: &str) -> Option<&Product> {
        self.by_id.get(id)
    }

    fn branches<'v>(
        &mut self,
        context: &mut Context<'_>,
        value: &'v Value,
        at: &At<'_>,
        above: &Above<'v>,
        depth: usize,
    ) {
        let branches = context.list(value, "branches", at);
        let place = at.key("branches");
        if depth > DEPTH_MAX && !branches.is_empty() {
            context.wrong(&place, "more than 64 branches in each other: what is below is left out");
            return;
        }
        for (index, branch) in branches.iter().enumerate() {
            let at = place.index(index);
            let mut below = above.clone();
            let name = branch.get("name").and_then(Value::as_str).unwrap_or_default();
            match branch.get("category").and_then(Value::as_str).unwrap_or_default() {
                "vendor" => below.vendor = Some(name),
                "product_family" => below.family = Some(name),
                "product_name" => below.product = Some(name),
                "product_version" => below.version = Some((name, false)),
                "product_version_range" => below.version = Some((name, true)),
                "service_pack" | "patch_level" => below.patches.push(name),
                other => below.parts.push((other.to_owned(), name.to_owned())),
            }
            if let Some(product) = branch.get("product") {
                self.product(context, product, &at.key("product"), &below);
            }
            self.branches(context, branch, &at, &below, depth.saturating_add(1));
        }
    }

    fn product(&mut self, context: &mut Context<'_>, value: &Value, at: &At<'_>, above: &Above<'_>) {
        let Some(id) = context.owned(value, "product_id", at) else {
            context.wrong(at, "a product without `product_id`: left out");
            return;
        };
        let mut product = Product { parts: above.parts.clone(), ..Product::default() };
        let mut exact = Vec::new();
        if let Some(helper) = value.get("product_identification_helper") {
            helpers(context, helper, &at.key("product_identification_helper"), &mut product, &mut exact);
        }
        let name =
            above.product.or(above.family).or_else(|| value.get("name").and_then(Value::as_str)).unwrap_or_default();
        let named = Package::Product { vendor: above.vendor.unwrap_or_default().to_owned(), product: name.to_owned() };
        product.as_context.push(named.clone());
        product.packages.push(named);
        product.versions = match above.version {
            _ if !exact.is_empty() => vec![Versions::Exactly(exact)],
            Some((text, is_range)) => said(context, text, is_range, above, at, &mut product.vague),
            None => Vec::new(),
        };
        if self.by_id.contains_key(&id) {
            context
                .wrong(&at.key("product_id"), format!("`{}` is defined a second time: the first stands", brief(&id)));
            return;
        }
        self.by_id.insert(id, product);
    }

    /// A relationship may refer to one that follows it: they are gone through until nothing new is found.
    fn relationships(&mut self, context: &mut Context<'_>, tree: &Value, at: &At<'_>) {
        // CSAF 2.1 renamed relationships to product_paths.
        let mut open: Vec<(usize, &Value)> = context.list(tree, "relationships", at).iter().enumerate().collect();
        for _ in 0..DEPTH_MAX {
            let before = open.len();
            open.retain(|(_, relationship)| !self.relationship(relationship));
            if open.is_empty() || open.len() == before {
                break;
            }
        }
        let place = at.key("relationships");
        for (index, _) in open {
            context.wrong(
                &place.index(index),
                "a relationship between products that are not defined, or that refers to itself: left out",
            );
        }
        for path in context.list(tree, "product_paths", at) {
            self.path(path);
        }
    }

    fn relationship(&mut self, value: &Value) -> bool {
        let text = |key: &str| value.get(key).and_then(Value::as_str);
        let id = value.pointer("/full_product_name/product_id").and_then(Value::as_str);
        let (Some(id), Some(of), Some(to)) = (id, text("product_reference"), text("relates_to_product_reference"))
        else {
            return false;
        };
        let (Some(component), Some(host)) = (self.by_id.get(of), self.by_id.get(to)) else { return false };
        let product = component.within(host);
        self.by_id.entry(id.to_owned()).or_insert(product);
        true
    }

    /// `beginning_product_reference` and `subpaths`: each next product is what the former belongs to.
    fn path(&mut self, value: &Value) {
        let id = value.pointer("/full_product_name/product_id").and_then(Value::as_str);
        let begin = value.get("beginning_product_reference").and_then(Value::as_str).and_then(|id| self.by_id.get(id));
        let (Some(id), Some(begin)) = (id, begin) else { return };
        let mut product = begin.clone();
        for step in value.get("subpaths").and_then(Value::as_array).into_iter().flatten() {
            let next = step.get("next_product_reference").and_then(Value::as_str);
            if let Some(host) = next.and_then(|id| self.by_id.get(id)) {
                product = product.within(host);
            }
        }
        self.by_id.entry(id.to_owned()).or_insert(product);
    }
}

impl Product {
    fn within(&self, host: &Self) -> Self {
        let mut both = self.clone();
        for package in host.as_context.iter().chain(&host.running_on) {
            add(&mut both.running_on, package.clone());
        }
        both
    }

    /// Its versions with the status of the list that names it.
    pub(crate) fn ranges(&self, status: Status) -> Vec<(Versions, Status)> {
        if self.versions.is_empty() {
            let status = if self.vague && status == Status::Affected { Status::UnderInvestigation } else { status };
            return vec![(Versions::All, status)];
        }
        self.versions.iter().map(|versions| (versions.clone(), status)).collect()
    }
}

fn helpers(context: &mut Context<'_>, helper: &Value, at: &At<'_>, product: &mut Product, exact: &mut Vec<String>) {
    let mut purls = context.texts(helper, "purls", at);
    purls.extend(context.owned(helper, "purl", at));
    for purl in purls {
        let (name, version) = purl_apart(&purl);
        if let Some(version) = version {
            add(exact, version);
        }
        product.as_context.push(Package::Purl(purl.clone()));
        add(&mut product.packages, Package::Purl(name));
    }
    if let Some(cpe) = context.owned(helper, "cpe", at) {
        let (name, version) = cpe_match::apart(&cpe);
        if let Some(version) = version.filter(|version| version != "*" && version != "-") {
            // A purl's version is the finer one.
            if exact.is_empty() {
                exact.push(version);
            }
        }
        product.as_context.push(Package::Cpe(cpe.clone()));
        product.packages.push(Package::Cpe(name.unwrap_or(cpe)));
    }
    for hash in context.list(helper, "hashes", at) {
        for digest in context.list(hash, "file_hashes", at) {
            if let (Some(algorithm), Some(hex)) =
                (context.text(digest, "algorithm", at), context.text(digest, "value", at))
            {
                let algorithm = algorithm.to_lowercase().replace('-', "");
                product.packages.push(Package::Digest(algorithm, hex.to_lowercase()));
            }
        }
    }
    for (key, kind) in
        [("model_numbers", "model"), ("serial_numbers", "serial"), ("skus", "sku"), ("sbom_urls", "sbom")]
    {
        product.parts.extend(context.texts(helper, key, at).into_iter().map(|text| (kind.to_owned(), text)));
    }
}

fn said(
    context: &mut Context<'_>,
    text: &str,
    is_range: bool,
    above: &Above<'_>,
    at: &At<'_>,
    vague: &mut bool,
) -> Vec<Versions> {
    match wording::read(text, None) {
        Wording::Versions(versions) if above.patches.is_empty() => versions,
        Wording::Versions(_) => vec![Versions::Exactly(vec![format!("{text} {}", above.patches.join(" "))])],
        Wording::Unknown => {
            *vague = true;
            Vec::new()
        }
        Wording::Unread => {
            context.wrong(at, format!("the version `{}` cannot be read; kept as it is", brief(text)));
            vec![if is_range { Versions::Notation(text.to_owned()) } else { single(text, None) }]
        }
    }
}

/// A purl without its version, and the version decoded.
fn purl_apart(purl: &str) -> (String, Option<String>) {
    let end = purl.find(['?', '#']).unwrap_or(purl.len());
    let (front, back) = purl.split_at(end);
    match front.rsplit_once('@') {
        Some((name, version)) if !version.is_empty() && !version.contains('/') => {
            (format!("{name}{back}"), Some(decoded(version)))
        }
        _ => (purl.to_owned(), None),
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = (*first == b'%').then(|| after.get(..2)).flatten().and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
