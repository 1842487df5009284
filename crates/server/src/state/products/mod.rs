//! Products, their versions, and who is in charge, as people read and change them (ADR-0041).
//!
//! Not what an SBOM means (`crate::psirt`) and not its findings (`findings`). Ids are SHA-256 over tenant and name, so whoever says the same
//! twice says it once. Invariants: every change has its audit line in the same transaction; nothing of a tenant is read without it.

mod decisions;
mod findings;
mod owners;
mod sboms;
mod upkeep;

pub use decisions::{DecisionRow, NewDecision};
pub use findings::{FindingEventRow, FindingFilter, FindingRow, OpenCount};
pub use owners::{OwnerRow, RouteRow};
pub use sboms::{ComponentRow, NewSbom};
pub use upkeep::Rematched;

use super::database::{On, sql};
use super::people::{Person, note};
use super::{State, StateError};
use crate::auth::hex;
use crate::tenant::Tenant;
use sha2::{Digest, Sha256};
use sqlx::FromRow;
use yagura_model::UnixMicros;

/// The most products of a tenant, and versions of a product.
pub const PRODUCTS_MAX: i64 = 10_000;

/// A product as it is kept.
#[derive(Clone, Debug, Eq, FromRow, PartialEq)]
pub struct ProductRow {
    /// 32 bytes.
    pub product_id: Vec<u8>,
    /// Its name.
    pub name: String,
    /// 0 vehicle line, 1 control unit, 2 software.
    pub kind: i64,
    /// The line that it belongs to; empty if none.
    pub line: String,
    /// Who is in charge.
    pub owner_id: Option<Vec<u8>>,
    /// Vehicle models that have it, one a line.
    pub models: String,
}

/// A version of a product as it is kept.
#[derive(Clone, Debug, Eq, FromRow, PartialEq)]
pub struct ReleaseRow {
    /// 32 bytes.
    pub release_id: Vec<u8>,
    /// Of which product.
    pub product_id: Vec<u8>,
    /// The version.
    pub version: String,
    /// Vehicles that run it.
    pub vehicles: i64,
    /// When it was added, µs.
    pub added_us: i64,
    /// SHA-256 of its SBOM.
    pub sbom: Option<Vec<u8>>,
    /// The SBOM's format.
    pub format: String,
    /// Components.
    pub components: i64,
    /// Those that nothing is known of.
    pub unidentified: i64,
    /// Those without a version.
    pub unversioned: i64,
    /// What is wrong with the SBOM, one a line: place, tab, what.
    pub anomalies: String,
    /// The advisories that it was matched with; empty: never.
    pub matched_by: String,
    /// When, µs.
    pub matched_us: i64,
}

/// What is said of a product.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NewProduct {
    /// Its name.
    pub name: String,
    /// 0 vehicle line, 1 control unit, 2 software.
    pub kind: i64,
    /// Its line; empty if none.
    pub line: String,
    /// Who is in charge.
    pub owner: Option<Vec<u8>>,
    /// Vehicle models that have it.
    pub models: Vec<String>,
}

macro_rules! select_product {
    () => {
        "p.product_id, p.name, p.kind, p.line, p.owner_id, p.models"
    };
}
macro_rules! select_release {
    () => {
        "r.release_id, r.product_id, r.version, r.vehicles, r.added_us, r.sbom, r.format, r.components, r.unidentified,
         r.unversioned, r.anomalies, r.matched_by, r.matched_us"
    };
}
pub(super) use select_release;

/// The id of what has these names.
pub(super) fn id_of(kind: &str, tenant: &Tenant, names: &[&[u8]]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for part in [kind.as_bytes(), tenant.as_str().as_bytes()].into_iter().chain(names.iter().copied()) {
        digest.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        digest.update(part);
    }
    digest.finalize().into()
}

pub(super) async fn release(
    on: impl Into<On<'_>>,
    tenant: &Tenant,
    id: &[u8],
) -> Result<Option<ReleaseRow>, StateError> {
    let query =
        sql(concat!("SELECT ", select_release!(), " FROM releases r WHERE r.tenant = $1 AND r.release_id = $2"));
    query.bind(tenant.as_str()).bind(id).optional(on).await
}

impl State {
    /// Adds a product, or changes the one of this name.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn set_product(
        &self,
        person: &Person,
        product: &NewProduct,
        now: UnixMicros,
    ) -> Result<[u8; 32], StateError> {
        let id = id_of("product", &person.tenant, &[product.name.as_bytes()]);
        let models = product.models.join("\n");
        let mut tx = self.begin().await?;
        sql("INSERT INTO products (tenant, product_id, name, kind, line, owner_id, models, added_us)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (tenant, product_id) DO UPDATE SET kind = excluded.kind, line = excluded.line,
                owner_id = excluded.owner_id, models = excluded.models")
        .bind(person.tenant.as_str())
        .bind(id.as_slice())
        .bind(product.name.as_str())
        .bind(product.kind)
        .bind(product.line.as_str())
        .bind(product.owner.as_deref())
        .bind(models.as_str())
        .bind(now.0)
        .execute(&mut tx)
        .await?;
        note(&mut tx, person, now, ("product", &hex(&id), &product.name)).await?;
        // Its line decides which decisions hold.
        decisions::rule_product(&mut tx, &person.tenant, &id, now).await?;
        tx.commit().await?;
        Ok(id)
    }

    /// The tenant's products by name.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn products(&self, tenant: &Tenant) -> Result<Vec<ProductRow>, StateError> {
        let query =
            sql(concat!("SELECT ", select_product!(), " FROM products p WHERE p.tenant = $1 ORDER BY p.name LIMIT $2"));
        query.bind(tenant.as_str()).bind(PRODUCTS_MAX).all(self.read()).await
    }

    /// One product.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn product(&self, tenant: &Tenant, id: &[u8]) -> Result<Option<ProductRow>, StateError> {
        let query =
            sql(concat!("SELECT ", select_product!(), " FROM products p WHERE p.tenant = $1 AND p.product_id = $2"));
        query.bind(tenant.as_str()).bind(id).optional(self.read()).await
    }

    /// Adds a version of a product, or changes how many vehicles run it; `None` if there is no such product.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn set_release(
        &self,
        person: &Person,
        product: &[u8],
        (version, vehicles): (&str, i64),
        now: UnixMicros,
    ) -> Result<Option<[u8; 32]>, StateError> {
        let id = id_of("release", &person.tenant, &[product, version.as_bytes()]);
        let mut tx = self.begin().await?;
        let added = sql(
            "INSERT INTO releases (tenant, release_id, product_id, version, vehicles, added_us, format, components,
                unidentified, unversioned, anomalies, matched_by, matched_us)
             SELECT $1, $2, p.product_id, $4, $5, $6, '', 0, 0, 0, '', '', 0 FROM products p
              WHERE p.tenant = $1 AND p.product_id = $3
             ON CONFLICT (tenant, release_id) DO UPDATE SET vehicles = excluded.vehicles",
        )
        .bind(person.tenant.as_str())
        .bind(id.as_slice())
        .bind(product)
        .bind(version)
        .bind(vehicles)
        .bind(now.0)
        .execute(&mut tx)
        .await?;
        if added == 0 {
            return Ok(None);
        }
        note(&mut tx, person, now, ("product-version", &hex(&id), version)).await?;
        tx.commit().await?;
        Ok(Some(id))
    }

    /// Versions of a product, or of all products, the newest first.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn releases(&self, tenant: &Tenant, product: Option<&[u8]>) -> Result<Vec<ReleaseRow>, StateError> {
        let query = sql(concat!(
            "SELECT ",
            select_release!(),
            " FROM releases r WHERE r.tenant = $1 AND ($2 IS NULL OR r.product_id = $2)
              ORDER BY r.added_us DESC, r.release_id LIMIT $3"
        ));
        query.bind(tenant.as_str()).bind(product).bind(PRODUCTS_MAX).all(self.read()).await
    }

    /// One version of a product.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn release(&self, tenant: &Tenant, id: &[u8]) -> Result<Option<ReleaseRow>, StateError> {
        release(self.read(), tenant, id).await
    }
}
