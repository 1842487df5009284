//! The API's words about people in charge, products, their versions and components.

use super::{SeverityName, Time};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A language that people are written to in.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Japanese.
    Ja,
}

/// Somebody in charge of products or components.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct Owner {
    /// 64 hexadecimal digits; not needed to add somebody.
    #[serde(default)]
    pub id: String,
    /// Their name.
    pub name: String,
    /// Where they are written to; it names one person.
    pub email: String,
    /// In which language.
    #[serde(default)]
    pub language: Language,
    /// Their teams.
    #[serde(default)]
    pub teams: Vec<String>,
    /// Who is told if they do not answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Who is in charge of components.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct Route {
    /// The beginning of their package URLs: `pkg:deb/debian/openssl`. Empty: whatever nobody else is in charge of.
    pub pattern: String,
    /// Who; absent takes the route back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
}

/// People in charge, and of which components.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct OwnerList {
    /// The people, by name.
    pub people: Vec<Owner>,
    /// The routes; the longest that fits a component holds.
    pub routes: Vec<Route>,
}

/// What kind of product.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProductKind {
    /// A vehicle line.
    VehicleLine,
    /// An electronic control unit.
    Ecu,
    /// Software.
    Software,
}

/// What is said of a product. Its name tells whether it is a new one.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct SetProduct {
    /// Its name.
    pub name: String,
    /// What kind.
    pub kind: ProductKind,
    /// The product line that it belongs to: decisions may hold for a line.
    #[serde(default)]
    pub line: String,
    /// Who is in charge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Vehicle models that have it.
    #[serde(default)]
    pub models: Vec<String>,
}

/// How many findings wait for somebody.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct OpenFindings {
    /// By severity; `informational` has those whose severity nobody says.
    pub by_severity: BTreeMap<String, u64>,
    /// How many of them are known to be exploited.
    pub exploited: u64,
}

/// A product.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct Product {
    /// 64 hexadecimal digits.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What kind.
    pub kind: ProductKind,
    /// The product line that it belongs to; empty if none.
    pub line: String,
    /// Who is in charge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Vehicle models that have it.
    pub models: Vec<String>,
    /// How many versions it has.
    pub versions: u64,
    /// The newest one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest: Option<String>,
    /// Vehicles that run any of its versions.
    pub vehicles: u64,
    /// What waits for somebody, over all versions.
    pub open: OpenFindings,
}

/// The portfolio.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct ProductList {
    /// The products, by name.
    pub products: Vec<Product>,
    /// How many segments of advisories are known; 0: products are matched with nothing.
    pub advisory_segments: u64,
}

/// What is said of a version.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct SetVersion {
    /// The version.
    pub version: String,
    /// Vehicles that run it.
    #[serde(default)]
    pub vehicles: u32,
}

/// A version of a product.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct ProductVersion {
    /// 64 hexadecimal digits.
    pub id: String,
    /// The product's id.
    pub product: String,
    /// The version.
    pub version: String,
    /// Vehicles that run it.
    pub vehicles: u64,
    /// When it was added.
    pub added_time: Time,
    /// SHA-256 of its SBOM; absent before the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sbom: Option<String>,
    /// The SBOM's format.
    pub format: String,
    /// Components.
    pub components: u64,
    /// Components that nothing is known of.
    pub unidentified: u64,
    /// Components without a version: no range could be compared.
    pub unversioned: u64,
    /// When it was last matched with advisories.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matched_time: Option<Time>,
    /// What waits for somebody.
    pub open: OpenFindings,
}

/// A product with its versions.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct ProductDetail {
    /// The product.
    pub product: Product,
    /// Its versions, the newest first.
    pub versions: Vec<ProductVersion>,
}

/// Something in an SBOM that is not as its format says.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct SbomAnomaly {
    /// Where.
    pub place: String,
    /// What.
    pub what: String,
}

/// A component that nothing is known of.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct Unidentified {
    /// Its name.
    pub name: String,
    /// Its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What was tried in vain.
    pub tried: Vec<String>,
}

/// A version with what is known of its SBOM.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct VersionDetail {
    /// The product.
    pub product: Product,
    /// The version.
    pub version: ProductVersion,
    /// What is wrong with its SBOM.
    pub anomalies: Vec<SbomAnomaly>,
    /// Components that nothing is known of, at most 500.
    pub unidentified: Vec<Unidentified>,
}

/// A component of a product version.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct HeldComponent {
    /// Its name.
    pub name: String,
    /// Its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Its package URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purl: Option<String>,
    /// Whether advisories can be found for it.
    pub identified: bool,
    /// Who is in charge of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Which version of which product.
    pub held_by: VersionName,
}

/// A product version by name.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct VersionName {
    /// The version's id.
    pub id: String,
    /// The product's id.
    pub product: String,
    /// The product's name.
    pub product_name: String,
    /// The version.
    pub version: String,
    /// Vehicles that run it.
    pub vehicles: u64,
}

/// Components, and who holds them.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct ComponentList {
    /// At most 500.
    pub components: Vec<HeldComponent>,
}

/// The gravest finding of each severity is told by these names.
pub(crate) const SEVERITIES: [SeverityName; 5] =
    [SeverityName::Informational, SeverityName::Low, SeverityName::Medium, SeverityName::High, SeverityName::Critical];
