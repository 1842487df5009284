//! An inventory as SPDX 3.0.1 JSON-LD.
//!
//! Not every profile: core, software, simple licensing and security are what the model can fill. See [`super`].

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Header, Unsaid, Written, algorithm, dependencies, kind, object, unsaid, written};
use crate::component::{Component, Inventory};
use crate::vex::{Justification, Statement, Status, Subject};

/// A graph that grows, and the identifiers of what others refer to.
struct Writer<'a> {
    namespace: &'a str,
    graph: Vec<Value>,
    agents: BTreeMap<&'a str, String>,
    licences: BTreeMap<&'a str, String>,
    vulnerabilities: BTreeMap<&'a str, String>,
    relationships: usize,
    unsaid: Vec<Unsaid>,
}

/// Writes SPDX 3.0.1.
#[must_use]
pub fn spdx3(inventory: &Inventory, header: &Header) -> Written {
    let namespace = header.namespace.as_str();
    let mut writer = Writer {
        namespace,
        graph: Vec::new(),
        agents: BTreeMap::new(),
        licences: BTreeMap::new(),
        vulnerabilities: BTreeMap::new(),
        relationships: 0,
        unsaid: Vec::new(),
    };
    let tool = format!("{namespace}#tool");
    writer.graph.push(json!({
        "type": "CreationInfo", "@id": "_:creation", "specVersion": "3.0.1", "created": header.created.text(),
        "createdBy": [tool],
    }));
    writer
        .graph
        .push(json!({ "type": "SoftwareAgent", "spdxId": tool, "creationInfo": "_:creation", "name": header.tool }));
    let roots: Vec<String> = inventory.components.first().map(|root| writer.id(&root.reference)).into_iter().collect();
    writer.graph.push(object([
        ("type", json!("SpdxDocument")),
        ("spdxId", json!(format!("{namespace}#document"))),
        ("creationInfo", json!("_:creation")),
        ("name", json!(header.name)),
        ("profileConformance", json!(["core", "software", "simpleLicensing", "security"])),
        ("rootElement", json!(roots)),
    ]));
    for component in &inventory.components {
        writer.component(component);
    }
    for (from, to) in dependencies(inventory, &mut writer.unsaid) {
        let (from, to) = (writer.id(from), to.into_iter().map(|to| writer.id(to)).collect());
        writer.relationship("Relationship", &from, "dependsOn", to, Vec::new());
    }
    for statement in &inventory.statements {
        writer.statement(statement);
    }
    let document = json!({ "@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": writer.graph });
    written(&document, writer.unsaid)
}

impl<'a> Writer<'a> {
    /// An IRI for a reference: itself if it is one already.
    fn id(&self, reference: &str) -> String {
        let is_iri = reference.contains("://") || reference.starts_with("urn:");
        if is_iri { reference.to_owned() } else { format!("{}#{}", self.namespace, reference.replace(' ', "%20")) }
    }

    fn relationship(&mut self, class: &str, from: &str, kind: &str, to: Vec<String>, more: Vec<(&str, Value)>) {
        self.relationships = self.relationships.saturating_add(1);
        let mut value = object([
            ("type", json!(class)),
            ("spdxId", json!(format!("{}#relationship-{}", self.namespace, self.relationships))),
            ("creationInfo", json!("_:creation")),
            ("from", json!(from)),
            ("relationshipType", json!(kind)),
            ("to", json!(to)),
        ]);
        if let Some(members) = value.as_object_mut() {
            members.extend(
                more.into_iter().filter(|(_, value)| !value.is_null()).map(|(key, value)| (key.to_owned(), value)),
            );
        }
        self.graph.push(value);
    }

    /// The element for a name, made when it is first needed.
    fn element(
        &mut self,
        table: fn(&mut Self) -> &mut BTreeMap<&'a str, String>,
        name: &'a str,
        make: impl Fn(&str) -> Value,
    ) -> String {
        if let Some(id) = table(self).get(name) {
            return id.clone();
        }
        let id = format!("{}#element-{}", self.namespace, self.graph.len());
        self.graph.push(make(&id));
        table(self).insert(name, id.clone());
        id
    }

    fn component(&mut self, component: &'a Component) {
        let of = component.reference.as_str();
        let id = self.id(of);
        let supplier = component.supplier.as_deref().map(|name| {
            self.element(
                |writer| &mut writer.agents,
                name,
                |id| json!({ "type": "Organization", "spdxId": id, "creationInfo": "_:creation", "name": name }),
            )
        });
        if component.group.is_some() {
            unsaid(&mut self.unsaid, of, "the group");
        }
        if component.sources.len() > 1 {
            unsaid(&mut self.unsaid, of, "further places of its source");
        }
        if !component.patches.is_empty() {
            unsaid(&mut self.unsaid, of, "its patches");
        }
        let package = object([
            ("type", json!("software_Package")),
            ("spdxId", json!(id)),
            ("creationInfo", json!("_:creation")),
            ("name", json!(component.name)),
            ("software_packageVersion", json!(component.version)),
            ("software_packageUrl", json!(component.purls.first())),
            ("software_downloadLocation", json!(component.sources.first())),
            ("software_primaryPurpose", json!(kind(component.kind).2)),
            ("software_sourceInfo", self.source_info(component)),
            ("suppliedBy", json!(supplier)),
            ("externalIdentifier", identifiers(component)),
            ("verifiedUsing", self.hashes(component)),
        ]);
        self.graph.push(package);
        for (index, licence) in component.licences.iter().enumerate() {
            let to = self.element(
                |writer| &mut writer.licences,
                licence,
                |id| {
                    json!({
                        "type": "simplelicensing_LicenseExpression", "spdxId": id, "creationInfo": "_:creation",
                        "simplelicensing_licenseExpression": licence,
                    })
                },
            );
            let kind = if index == 0 { "hasDeclaredLicense" } else { "hasConcludedLicense" };
            self.relationship("Relationship", &id, kind, vec![to], Vec::new());
        }
    }

    fn source_info(&mut self, component: &Component) -> Value {
        let mut info = Value::Null;
        for (name, value) in &component.properties {
            match name.as_str() {
                "sourceInfo" => info = json!(value),
                "swhid" | "gitoid" => {}
                // The reader draws it from the identifier.
                "recipe" if component.reference.contains("/spdxdocs/") => {}
                other => unsaid(&mut self.unsaid, &component.reference, format!("the property '{other}'")),
            }
        }
        info
    }

    fn hashes(&mut self, component: &Component) -> Value {
        let hashes = component.digests.iter().filter_map(|digest| {
            let names = algorithm(&digest.algorithm);
            if names.is_none() {
                unsaid(&mut self.unsaid, &component.reference, format!("a digest by {}", digest.algorithm));
            }
            Some(json!({ "type": "Hash", "algorithm": names?.2, "hashValue": digest.hex }))
        });
        hashes.collect()
    }

    fn statement(&mut self, statement: &'a Statement) {
        let Some(name) = statement.vulnerability.first() else { return };
        let names = &statement.vulnerability;
        let vulnerability = self.element(
            |writer| &mut writer.vulnerabilities,
            name,
            |id| {
                let kind = |name: &String| if name.starts_with("CVE-") { "cve" } else { "securityOther" };
                let identifiers = names.iter().map(|name| {
                json!({ "type": "ExternalIdentifier", "externalIdentifierType": kind(name), "identifier": name })
            });
                object([
                    ("type", json!("security_Vulnerability")),
                    ("spdxId", json!(id)),
                    ("creationInfo", json!("_:creation")),
                    ("externalIdentifier", identifiers.collect()),
                ])
            },
        );
        let elements = |subjects: &[Subject], writer: &mut Self| {
            let mut ids = Vec::new();
            for subject in subjects {
                match subject {
                    Subject::Reference(reference) => ids.push(writer.id(reference)),
                    Subject::Purl(other) | Subject::Cpe(other) | Subject::Name(other) => {
                        let what = format!("a statement on '{other}', which is not of this document");
                        unsaid(&mut writer.unsaid, name, what);
                    }
                }
            }
            ids
        };
        let (to, within) = (elements(&statement.subjects, self), elements(&statement.within, self));
        if statement.author.is_some() {
            unsaid(&mut self.unsaid, name, "who made the statement");
        }
        let (class, kind) = match statement.status {
            Status::Affected => ("Affected", "affects"),
            Status::NotAffected => ("NotAffected", "doesNotAffect"),
            Status::Fixed => ("Fixed", "fixedIn"),
            Status::UnderInvestigation => ("UnderInvestigation", "underInvestigationFor"),
        };
        let not_affected = statement.status == Status::NotAffected;
        let affected = statement.status == Status::Affected;
        if !affected && statement.action.is_some() {
            unsaid(&mut self.unsaid, name, "what is to be done, which SPDX says of the affected only");
        }
        let more = vec![
            ("security_assessedElement", json!(within.first())),
            ("security_justificationType", json!(statement.justification.filter(|_| not_affected).map(justification))),
            // Without a word of its own the reason is a note.
            (if not_affected { "security_impactStatement" } else { "security_statusNotes" }, json!(statement.impact)),
            ("security_actionStatement", json!(statement.action.as_ref().filter(|_| affected))),
            ("security_modifiedTime", json!(statement.since.map(crate::Instant::text))),
        ];
        self.relationship(&format!("security_Vex{class}VulnAssessmentRelationship"), &vulnerability, kind, to, more);
    }
}

fn identifiers(component: &Component) -> Value {
    let identifier = |kind: &str, value: &String| json!({ "type": "ExternalIdentifier", "externalIdentifierType": kind, "identifier": value });
    let purls = component.purls.iter().skip(1).map(|purl| identifier("packageUrl", purl));
    let cpes =
        component.cpes.iter().map(|cpe| identifier(if cpe.starts_with("cpe:2.3:") { "cpe23" } else { "cpe22" }, cpe));
    let swids = component.swids.iter().map(|tag| identifier("swid", tag));
    let persistent = component.properties.iter().filter(|(name, _)| name == "swhid" || name == "gitoid");
    let persistent = persistent.map(|(name, value)| identifier(name, value));
    purls.chain(cpes).chain(swids).chain(persistent).collect()
}

fn justification(why: Justification) -> &'static str {
    match why {
        Justification::ComponentNotPresent => "componentNotPresent",
        Justification::CodeNotPresent => "vulnerableCodeNotPresent",
        Justification::CodeNotInExecutePath => "vulnerableCodeNotInExecutePath",
        Justification::CodeNotControllable => "vulnerableCodeCannotBeControlledByAdversary",
        Justification::Mitigated => "inlineMitigationsAlreadyExist",
    }
}
