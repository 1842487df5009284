//! A CSAF document as its tests look at it: places by pattern, products, groups, branches.
//!
//! Not a typed model: a test must see what is there even if it is wrong. Cost: one pass for products and references, made once.

use serde_json::Value;
use std::collections::HashMap;
use std::fmt;

/// A step of a JSON pointer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Step<'v> {
    Key(&'v str),
    Index(usize),
}

/// A JSON pointer.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Place<'v>(pub(crate) Vec<Step<'v>>);

impl<'v> Place<'v> {
    pub(crate) fn key(&self, key: &'v str) -> Self {
        let mut steps = self.0.clone();
        steps.push(Step::Key(key));
        Self(steps)
    }

    pub(crate) fn index(&self, index: usize) -> Self {
        let mut steps = self.0.clone();
        steps.push(Step::Index(index));
        Self(steps)
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.0 {
            match step {
                Step::Key(key) => write!(f, "/{}", key.replace('~', "~0").replace('/', "~1"))?,
                Step::Index(index) => write!(f, "/{index}")?,
            }
        }
        Ok(())
    }
}

/// A value with its place.
pub(crate) type Placed<'v> = (Place<'v>, &'v Value);

/// The values below `value` that a pattern names: keys between `/`, `*` for each element of an array.
pub(crate) fn select<'v>(value: &'v Value, at: &Place<'v>, pattern: &'v str) -> Vec<Placed<'v>> {
    let mut found = vec![(at.clone(), value)];
    for step in pattern.split('/') {
        let mut next = Vec::new();
        for (place, value) in found {
            if step == "*" {
                for (index, element) in value.as_array().into_iter().flatten().enumerate() {
                    next.push((place.index(index), element));
                }
            } else if let Some(member) = value.get(step) {
                next.push((place.key(step), member));
            }
        }
        found = next;
    }
    found
}

/// The text under a key.
pub(crate) fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key).and_then(Value::as_str)
}

/// The texts of an array under a key.
pub(crate) fn texts<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = &'v str> {
    value.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// A product as the tree defines it.
pub(crate) struct Product<'v> {
    /// The place of its `full_product_name_t`.
    pub(crate) place: Place<'v>,
    /// That object.
    pub(crate) value: &'v Value,
    /// Its id.
    pub(crate) id: &'v str,
    /// Category and name of the branches above it, from the root.
    pub(crate) branches: Vec<(&'v str, &'v str)>,
    /// Where it is defined.
    pub(crate) kind: Kind,
}

/// Where a product is defined.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Branch,
    Name,
    /// A relationship (2.0) or product path (2.1), by its index.
    Relation(usize),
}

/// A document with what most tests need of it.
pub(crate) struct Document<'v> {
    /// The whole.
    pub(crate) root: &'v Value,
    /// Its text, if there is one.
    pub(crate) bytes: Option<&'v [u8]>,
    /// Whether it says that it is CSAF 2.1.
    pub(crate) is_2_1: bool,
    /// Products in order of definition; an id may be there twice.
    pub(crate) products: Vec<Product<'v>>,
    /// All branches.
    pub(crate) branches: Vec<Placed<'v>>,
    /// Members of product groups.
    pub(crate) groups: HashMap<&'v str, Vec<&'v str>>,
}

/// Branches do not lie deeper in each other. The schema sets no bound, the standard's tests use 30.
const DEPTH_MAX: usize = 100;

impl<'v> Document<'v> {
    pub(crate) fn new(root: &'v Value, bytes: Option<&'v [u8]>) -> Self {
        let is_2_1 = root.pointer("/document/csaf_version").and_then(Value::as_str) == Some("2.1");
        let mut document =
            Self { root, bytes, is_2_1, products: Vec::new(), branches: Vec::new(), groups: HashMap::new() };
        for (place, tree) in select(root, &Place::default(), "product_tree") {
            document.descend(tree, &place, &mut Vec::new());
            for (place, value) in select(tree, &place, "full_product_names/*") {
                document.product(place, value, &[], Kind::Name);
            }
            for list in ["relationships", "product_paths"] {
                let elements =
                    select(tree, &place, list).into_iter().flat_map(|(place, list)| select(list, &place, "*"));
                for (index, (place, value)) in elements.enumerate() {
                    for (place, value) in select(value, &place, "full_product_name") {
                        document.product(place, value, &[], Kind::Relation(index));
                    }
                }
            }
            for (_, group) in select(tree, &place, "product_groups/*") {
                if let Some(id) = text(group, "group_id") {
                    document.groups.entry(id).or_default().extend(texts(group, "product_ids"));
                }
            }
        }
        document
    }

    fn descend(&mut self, value: &'v Value, at: &Place<'v>, above: &mut Vec<(&'v str, &'v str)>) {
        if above.len() > DEPTH_MAX {
            return;
        }
        for (place, branch) in select(value, at, "branches/*") {
            above.push((text(branch, "category").unwrap_or_default(), text(branch, "name").unwrap_or_default()));
            self.branches.push((place.clone(), branch));
            for (place, product) in select(branch, &place, "product") {
                self.product(place, product, above, Kind::Branch);
            }
            self.descend(branch, &place, above);
            above.pop();
        }
    }

    fn product(&mut self, place: Place<'v>, value: &'v Value, above: &[(&'v str, &'v str)], kind: Kind) {
        if let Some(id) = text(value, "product_id") {
            self.products.push(Product { place, value, id, branches: above.to_vec(), kind });
        }
    }

    /// The values that a pattern names.
    pub(crate) fn all(&self, pattern: &'v str) -> Vec<Placed<'v>> {
        select(self.root, &Place::default(), pattern)
    }

    /// The text at a pointer.
    pub(crate) fn text(&self, pointer: &str) -> Option<&'v str> {
        self.root.pointer(pointer).and_then(Value::as_str)
    }

    /// The category of the document.
    pub(crate) fn category(&self) -> &'v str {
        self.text("/document/category").unwrap_or_default()
    }

    /// Whether the document is `final` or `interim`.
    pub(crate) fn is_released(&self) -> bool {
        matches!(self.text("/document/tracking/status"), Some("final" | "interim"))
    }

    /// The vulnerabilities.
    pub(crate) fn vulnerabilities(&self) -> Vec<Placed<'v>> {
        self.all("vulnerabilities/*")
    }

    /// The products that an object names by `product_ids` and `group_ids`.
    pub(crate) fn named(&self, value: &'v Value) -> Vec<&'v str> {
        let groups = texts(value, "group_ids").filter_map(|id| self.groups.get(id)).flatten().copied();
        texts(value, "product_ids").chain(groups).collect()
    }

    /// Each id of a product that is used, not defined.
    pub(crate) fn references(&self) -> Vec<(Place<'v>, &'v str)> {
        let mut found = Vec::new();
        for pattern in [
            "product_tree/relationships/*/product_reference",
            "product_tree/relationships/*/relates_to_product_reference",
            "product_tree/product_paths/*/beginning_product_reference",
            "product_tree/product_paths/*/subpaths/*/next_product_reference",
            "product_tree/product_groups/*/product_ids/*",
            "vulnerabilities/*/scores/*/products/*",
            "vulnerabilities/*/metrics/*/products/*",
        ] {
            found.extend(self.all(pattern));
        }
        for (place, vulnerability) in self.vulnerabilities() {
            for (place, status) in select(vulnerability, &place, "product_status") {
                for (key, list) in status.as_object().into_iter().flatten() {
                    found.extend(select(list, &place.key(key), "*"));
                }
            }
        }
        for (place, holder) in self.holders() {
            found.extend(select(holder, &place, "product_ids/*"));
        }
        found.into_iter().filter_map(|(place, value)| Some((place, value.as_str()?))).collect()
    }

    /// Each id of a group that is used.
    pub(crate) fn group_references(&self) -> Vec<(Place<'v>, &'v str)> {
        let found = self.holders().into_iter().flat_map(|(place, holder)| select(holder, &place, "group_ids/*"));
        found.filter_map(|(place, value)| Some((place, value.as_str()?))).collect()
    }

    /// Objects that name products by `product_ids` and `group_ids`.
    fn holders(&self) -> Vec<Placed<'v>> {
        let mut found = self.all("document/notes/*");
        for pattern in [
            "flags/*",
            "ids/*",
            "involvements/*",
            "notes/*",
            "remediations/*",
            "threats/*",
            "first_known_exploitation_dates/*",
        ] {
            for (place, vulnerability) in self.vulnerabilities() {
                found.extend(select(vulnerability, &place, pattern));
            }
        }
        found
    }

    /// The scores: objects that hold `cvss_v3` and the like, with the object that names products and source.
    pub(crate) fn contents(&self, place: &Place<'v>, vulnerability: &'v Value) -> Vec<(Placed<'v>, &'v Value)> {
        let mut found = Vec::new();
        for (place, score) in select(vulnerability, place, "scores/*") {
            found.push(((place, score), score));
        }
        for (place, metric) in select(vulnerability, place, "metrics/*") {
            if let Some(content) = metric.get("content") {
                found.push(((place.key("content"), content), metric));
            }
        }
        found
    }
}
