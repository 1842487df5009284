//! The one component model that every SBOM format is read into.
//!
//! Not an identity: purls, CPEs and the rest are kept as the document writes them; the resolver reads them. Readers hand components to a
//! [`Sink`] one by one, so that a document of any size takes the memory of its largest component (ADR-0038).

use std::collections::HashMap;

use crate::vex::Statement;

/// What a component is, in the words of CycloneDX 1.6 and SPDX 3.0.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Kind {
    /// An application.
    Application,
    /// A framework.
    Framework,
    /// A library: what a component is if the document does not say.
    #[default]
    Library,
    /// A container image.
    Container,
    /// A platform or runtime.
    Platform,
    /// An operating system, with its kernel or not.
    OperatingSystem,
    /// A device: an electronic control unit, a board, a chip.
    Device,
    /// A driver of a device.
    Driver,
    /// Firmware.
    Firmware,
    /// A single file.
    File,
    /// A machine-learning model.
    Model,
    /// Data or configuration.
    Data,
    /// Source code or what a build needs (SPDX 3.0 `source`, Yocto recipes).
    Source,
    /// Something that is called over a network (CycloneDX `services`).
    Service,
}

/// A digest of a component's content.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Digest {
    /// Lower case without punctuation: `sha256`, `sha512`, `md5`, `blake2b256`.
    pub algorithm: String,
    /// Lower-case hexadecimal.
    pub hex: String,
}

/// A patch that somebody applied (CycloneDX `pedigree.patches`, Yocto `CVE:` tags).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Patch {
    /// `backport`, `cherry-pick`, `unofficial`, `monkey`.
    pub kind: String,
    /// The vulnerabilities that it resolves.
    pub resolves: Vec<String>,
}

/// One component as its document describes it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Component {
    /// The document's own name for it: `bom-ref`, `SPDXID`, `spdxId`; if it has none, its place as a JSON pointer. Unique within the
    /// document, or there is an anomaly.
    pub reference: String,
    /// What it is.
    pub kind: Kind,
    /// Its group or namespace, if the document keeps it apart from the name.
    pub group: Option<String>,
    /// Its name.
    pub name: String,
    /// Its version, if there is one that says something (`NOASSERTION` is none).
    pub version: Option<String>,
    /// Who supplies it.
    pub supplier: Option<String>,
    /// Package URLs, in order of appearance.
    pub purls: Vec<String>,
    /// CPE names, 2.2 URIs or 2.3 formatted strings.
    pub cpes: Vec<String>,
    /// SWID tag identifiers.
    pub swids: Vec<String>,
    /// Digests of its content.
    pub digests: Vec<Digest>,
    /// Where its source is kept: repository URLs, with `@` and the commit if it is known.
    pub sources: Vec<String>,
    /// Licence expressions.
    pub licences: Vec<String>,
    /// Patches applied to it.
    pub patches: Vec<Patch>,
    /// What else its document says that an identity can be drawn from: (name, value), such as Yocto's recipe or a layer.
    pub properties: Vec<(String, String)>,
}

/// Something in a document that is not as its format says. Reading goes on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Anomaly {
    /// Where: a JSON pointer, or `line L, column C`.
    pub place: String,
    /// What is wrong, with the value and what was expected.
    pub what: String,
}

/// Whoever takes what a reader finds. Each call may come in any order; references may point forward.
pub trait Sink {
    /// A component.
    fn component(&mut self, component: Component);
    /// A licence that the document states apart from the component (SPDX 3.0 relationships).
    fn licence(&mut self, of: &str, expression: &str);
    /// `from` contains, depends on, or is made of `to`; both are references.
    fn dependency(&mut self, from: &str, to: &str);
    /// The document carries VEX itself.
    fn statement(&mut self, statement: Statement);
    /// Something is wrong.
    fn anomaly(&mut self, anomaly: Anomaly);
}

/// A whole document in memory: for documents that are compared or written again.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Inventory {
    /// Components in order of appearance.
    pub components: Vec<Component>,
    /// (from, to) pairs of references.
    pub dependencies: Vec<(String, String)>,
    /// VEX statements of the document.
    pub statements: Vec<Statement>,
    /// What is wrong with it.
    pub anomalies: Vec<Anomaly>,
    /// Licences that were stated apart, until [`Inventory::settle`] puts them where they belong.
    pub licences: Vec<(String, String)>,
}

impl Inventory {
    /// Gives components the licences that were stated apart from them. To be called when the document has ended.
    pub fn settle(&mut self) {
        let mut apart: HashMap<String, Vec<String>> = HashMap::new();
        for (of, expression) in std::mem::take(&mut self.licences) {
            apart.entry(of).or_default().push(expression);
        }
        for component in &mut self.components {
            for expression in apart.remove(&component.reference).unwrap_or_default() {
                if !component.licences.contains(&expression) {
                    component.licences.push(expression);
                }
            }
        }
    }
}

impl Sink for Inventory {
    fn component(&mut self, component: Component) {
        self.components.push(component);
    }

    fn licence(&mut self, of: &str, expression: &str) {
        self.licences.push((of.to_owned(), expression.to_owned()));
    }

    fn dependency(&mut self, from: &str, to: &str) {
        self.dependencies.push((from.to_owned(), to.to_owned()));
    }

    fn statement(&mut self, statement: Statement) {
        self.statements.push(statement);
    }

    fn anomaly(&mut self, anomaly: Anomaly) {
        self.anomalies.push(anomaly);
    }
}
