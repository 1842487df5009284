//! CSAF documents with the profile `csaf_vex` as statements, and back (as CSAF 2.0).
//!
//! Not the validator (room `csaf`), which what is written here passes; not the reader of advisories. A relationship is a component inside a
//! product. One statement is made for each product and status.

use crate::Instant;
use crate::csaf::document::{Document, Kind, select};
use crate::vex::documents::{Head, Lost, Read, Written, foreign, list, products, put, text};
use crate::vex::words::CISA;
use crate::vex::{Statement, Status, Subject};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashSet};

/// The lists of `product_status`; the first of a status is the one that is written.
const LISTS: [(&str, Status); 9] = [
    ("known_affected", Status::Affected),
    ("known_not_affected", Status::NotAffected),
    ("fixed", Status::Fixed),
    ("under_investigation", Status::UnderInvestigation),
    ("first_affected", Status::Affected),
    ("last_affected", Status::Affected),
    ("first_fixed", Status::Fixed),
    ("recommended", Status::Fixed),
    ("unknown", Status::UnderInvestigation),
];
/// Relationships do not lead further than this.
const HOPS_MAX: usize = 32;

pub(super) fn read(value: &Value, taken: &mut Read) {
    let document = Document::new(value, None);
    let author = document.text("/document/publisher/name").map(str::to_owned);
    let issued = document.text("/document/tracking/current_release_date").and_then(Instant::parse);
    for (place, vulnerability) in document.vulnerabilities() {
        let cve = text(vulnerability, "cve");
        let ids = list(vulnerability, "ids").iter().filter_map(|id| text(id, "text"));
        let ids: Vec<_> = cve.into_iter().chain(ids).collect();
        if ids.is_empty() {
            taken.wrong(place.to_string(), "a vulnerability without `cve` and `ids`: left out");
            continue;
        }
        let status = vulnerability.get("product_status").unwrap_or(&Value::Null);
        for (key, stands) in LISTS {
            for (index, id) in list(status, key).iter().enumerate() {
                let Some(id) = id.as_str() else { continue };
                let mut said = Statement::new("", Subject::Name(String::new()), stands);
                said.vulnerability.clone_from(&ids);
                (said.subjects, said.within) = names(&document, id, 0);
                if said.subjects.is_empty() {
                    taken.wrong(
                        format!("{place}/product_status/{key}/{index}"),
                        format!("the product `{id}` is not defined: kept as a name"),
                    );
                    said.subjects = vec![Subject::Name(id.to_owned())];
                }
                said.author.clone_from(&author);
                if LISTS.iter().find(|(_, other)| *other == stands).is_some_and(|(first, _)| *first != key) {
                    said.beyond.push(("csaf.product_status".to_owned(), key.to_owned()));
                }
                reasons(&document, vulnerability, id, &mut said);
                said.since = said.since.or(issued);
                taken.statements.push(said);
            }
        }
    }
}

/// What flags, threats and remediations say of a product.
fn reasons<'v>(document: &Document<'v>, vulnerability: &'v Value, id: &str, said: &mut Statement) {
    let place = crate::csaf::document::Place::default();
    let of = |pattern| {
        select(vulnerability, &place, pattern)
            .into_iter()
            .map(|(_, value)| value)
            .filter(|value| document.named(value).contains(&id))
            .collect::<Vec<_>>()
    };
    let date = |value: &Value| text(value, "date").and_then(|text| Instant::parse(&text));
    for flag in of("flags/*") {
        said.justification =
            said.justification.or_else(|| text(flag, "label").and_then(|label| CISA.justification(&label)));
        said.since = said.since.or_else(|| date(flag));
    }
    for threat in of("threats/*") {
        if text(threat, "category").as_deref() == Some("impact") && said.impact.is_none() {
            said.impact = text(threat, "details");
            said.since = said.since.or_else(|| date(threat));
        } else if let (Some(category), Some(details)) = (text(threat, "category"), text(threat, "details")) {
            said.beyond.push((format!("csaf.threat.{category}"), details));
        }
    }
    for remediation in of("remediations/*") {
        let (category, details) = (text(remediation, "category").unwrap_or_default(), text(remediation, "details"));
        said.since = said.since.or_else(|| date(remediation));
        if said.action.is_none() {
            said.action = details;
            said.beyond.push(("csaf.remediation".to_owned(), category));
        } else if let Some(details) = details {
            said.beyond.push((format!("csaf.remediation.{category}"), details));
        }
    }
}

/// The names of a product, and those of the component inside it if it is a relationship.
fn names(document: &Document<'_>, id: &str, hops: usize) -> (Vec<Subject>, Vec<Subject>) {
    let Some(product) = document.products.iter().find(|product| product.id == id).filter(|_| hops < HOPS_MAX) else {
        return (Vec::new(), Vec::new());
    };
    if let Kind::Relation(index) = product.kind {
        let relation = document
            .all("product_tree/relationships/*")
            .into_iter()
            .chain(document.all("product_tree/product_paths/*"))
            .nth(index);
        if let Some((place, relation)) = relation {
            let last = select(relation, &place, "subpaths/*")
                .last()
                .and_then(|(_, step)| text(step, "next_product_reference"));
            let component =
                text(relation, "product_reference").or_else(|| text(relation, "beginning_product_reference"));
            let host = text(relation, "relates_to_product_reference").or(last);
            if let (Some(component), Some(host)) = (component, host) {
                return (
                    names(document, &host, hops.saturating_add(1)).0,
                    names(document, &component, hops.saturating_add(1)).0,
                );
            }
        }
    }
    let helper = product.value.get("product_identification_helper").unwrap_or(&Value::Null);
    let purls = list(helper, "purls").iter().filter_map(Value::as_str).map(str::to_owned).chain(text(helper, "purl"));
    let mut all: Vec<_> = purls.map(Subject::Purl).chain(text(helper, "cpe").map(Subject::Cpe)).collect();
    if all.is_empty() {
        all.extend(text(product.value, "name").map(Subject::Name));
    }
    (all, Vec::new())
}

/// A document in the making.
#[derive(Default)]
struct Tree {
    /// Names → product id, in order.
    ids: Vec<(Vec<Subject>, String)>,
    relationships: Vec<Value>,
    related: HashSet<String>,
}

impl Tree {
    fn id(&mut self, names: &[&Subject]) -> String {
        if let Some((_, id)) = self.ids.iter().find(|(known, _)| known.iter().eq(names.iter().copied())) {
            return id.clone();
        }
        let id = format!("CSAFPID-{:04}", self.ids.len().saturating_add(1));
        self.ids.push((names.iter().map(|name| (*name).clone()).collect(), id.clone()));
        id
    }

    /// The product that is a component inside a host.
    fn inside(&mut self, component: &[&Subject], host: &str) -> String {
        let of = self.id(component);
        let id = format!("{host}:{of}");
        if self.related.insert(id.clone()) {
            let name = format!("{} in {host}", component.first().map_or("", |name| name.text()));
            self.relationships.push(json!({
                "category": "default_component_of",
                "full_product_name": { "name": name, "product_id": id },
                "product_reference": of,
                "relates_to_product_reference": host,
            }));
        }
        id
    }

    /// The products that a statement is about.
    fn of(&mut self, statement: &Statement) -> Vec<String> {
        let mut of = Vec::new();
        for names in products(&statement.subjects) {
            let host = self.id(&names);
            let components = products(&statement.within);
            if components.is_empty() {
                of.push(host);
                continue;
            }
            for component in components {
                of.push(self.inside(&component, &host));
            }
        }
        of
    }

    fn products(&self) -> Vec<Value> {
        let of = |(names, id): &(Vec<Subject>, String)| {
            let mut product = json!({ "name": names.first().map_or("", |name| name.text()), "product_id": id });
            let mut helper = json!({});
            for name in names {
                match name {
                    Subject::Purl(purl) => put(&mut helper, "purl", Some(purl)),
                    Subject::Cpe(cpe) => put(&mut helper, "cpe", Some(cpe)),
                    Subject::Name(_) | Subject::Reference(_) => {}
                }
            }
            if let (Value::Object(members), true) =
                (&mut product, helper.as_object().is_some_and(|members| !members.is_empty()))
            {
                members.insert("product_identification_helper".to_owned(), helper);
            }
            product
        };
        self.ids.iter().map(of).collect()
    }
}

pub(super) fn write(statements: &[Statement], head: &Head) -> Written {
    let mut lost: Vec<_> = foreign(statements, "csaf.").collect();
    let mut tree = Tree::default();
    let mut groups: BTreeMap<Vec<String>, Vec<(usize, &Statement)>> = BTreeMap::new();
    for (index, statement) in statements.iter().enumerate() {
        groups.entry(statement.vulnerability.clone()).or_default().push((index, statement));
        let dated = statement.justification.is_some() || statement.impact.is_some() || statement.action.is_some();
        if statement.since.is_some_and(|since| since != head.issued) && !dated {
            lost.push(Lost { statement: index, what: "since when it holds".to_owned() });
        }
        if statement.author.as_ref().is_some_and(|author| *author != head.author) {
            lost.push(Lost {
                statement: index,
                what: format!("that {} says so", statement.author.as_deref().unwrap_or_default()),
            });
        }
    }
    if head.version > 1 {
        lost.push(Lost {
            statement: 0,
            what: format!("that this is version {}: CSAF wants the history of all", head.version),
        });
    }
    let vulnerabilities: Vec<_> =
        groups.iter().map(|(ids, group)| vulnerability(ids, group, &mut tree, &mut lost)).collect();
    let issued = head.issued.text();
    let mut product_tree = json!({ "full_product_names": tree.products() });
    if let (Value::Object(members), false) = (&mut product_tree, tree.relationships.is_empty()) {
        members.insert("relationships".to_owned(), json!(tree.relationships));
    }
    let document = json!({
        "document": {
            "category": "csaf_vex",
            "csaf_version": "2.0",
            "publisher": { "category": "vendor", "name": head.author, "namespace": head.namespace },
            "title": head.title,
            "tracking": {
                "current_release_date": issued,
                "id": head.id,
                "initial_release_date": issued,
                "revision_history": [{ "date": issued, "number": "1", "summary": "Issued." }],
                "status": "final",
                "version": "1",
            },
        },
        "product_tree": product_tree,
        "vulnerabilities": vulnerabilities,
    });
    Written { document, lost }
}

/// What a vulnerability says beside its status lists.
#[derive(Default)]
struct Reasons {
    flags: Vec<Value>,
    threats: Vec<Value>,
    remediations: Vec<Value>,
}

impl Reasons {
    fn add(&mut self, statement: &Statement, of: &[String]) {
        let date = statement.since.map(Instant::text);
        let dated = |mut value: Value| {
            put(&mut value, "date", date.as_deref());
            value
        };
        if let Some(justification) = statement.justification {
            let label = CISA.justification_word(justification);
            self.flags.push(dated(json!({ "label": label, "product_ids": of })));
        }
        let unexplained = statement.status == Status::NotAffected && statement.justification.is_none();
        if let Some(impact) = statement.impact.as_deref().or(unexplained.then_some("No reason is given.")) {
            self.threats.push(dated(json!({ "category": "impact", "details": impact, "product_ids": of })));
        }
        let category = statement.beyond("csaf.remediation").next().unwrap_or("mitigation");
        match &statement.action {
            Some(action) => {
                let remediation = json!({ "category": category, "details": action, "product_ids": of });
                self.remediations.push(dated(remediation));
            }
            None if statement.status == Status::Affected => {
                let none =
                    json!({ "category": "none_available", "details": "No action is known yet.", "product_ids": of });
                self.remediations.push(dated(none));
            }
            None => {}
        }
        for (name, details) in &statement.beyond {
            if let Some(category) = name.strip_prefix("csaf.threat.") {
                self.threats.push(json!({ "category": category, "details": details, "product_ids": of }));
            } else if let Some(category) = name.strip_prefix("csaf.remediation.") {
                self.remediations.push(json!({ "category": category, "details": details, "product_ids": of }));
            }
        }
    }
}

fn vulnerability(ids: &[String], group: &[(usize, &Statement)], tree: &mut Tree, lost: &mut Vec<Lost>) -> Value {
    let cve = ids.iter().find(|id| is_cve(id));
    let others = ids.iter().filter(|id| Some(*id) != cve);
    let others: Vec<_> =
        others.map(|id| json!({ "system_name": id.split('-').next().unwrap_or(id), "text": id })).collect();
    let note = format!("How products stand to {}.", ids.join(", "));
    let mut written = json!({ "notes": [{ "category": "description", "text": note }] });
    put(&mut written, "cve", cve.map(String::as_str));
    let mut lists: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut reasons = Reasons::default();
    let mut known: HashSet<String> = HashSet::new();
    for (index, statement) in group {
        let mut of = tree.of(statement);
        of.retain(|id| {
            let first = known.insert(id.clone());
            if !first {
                let what = format!("all of it: {id} has a status by an earlier statement");
                lost.push(Lost { statement: *index, what });
            }
            first
        });
        if !of.is_empty() {
            lists.entry(list_for(statement)).or_default().extend(of.iter().cloned());
            reasons.add(statement, &of);
        }
    }
    if let Value::Object(members) = &mut written {
        members.insert("product_status".to_owned(), json!(lists));
        let Reasons { flags, threats, remediations } = reasons;
        for (key, list) in [("ids", others), ("flags", flags), ("threats", threats), ("remediations", remediations)] {
            if !list.is_empty() {
                members.insert(key.to_owned(), Value::Array(list));
            }
        }
    }
    written
}

fn is_cve(id: &str) -> bool {
    let numbers = id.strip_prefix("CVE-").and_then(|rest| rest.split_once('-'));
    let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    numbers.is_some_and(|(year, number)| year.len() == 4 && number.len() >= 4 && digits(year) && digits(number))
}

/// The list of `product_status` that a statement was in, or belongs in.
fn list_for(statement: &Statement) -> &'static str {
    let was = |list: &str| statement.beyond("csaf.product_status").any(|word| word == list);
    let named = LISTS.iter().find(|(list, _)| was(list));
    let usual = LISTS.iter().find(|(_, status)| *status == statement.status);
    named.or(usual).map_or("under_investigation", |(list, _)| list)
}
