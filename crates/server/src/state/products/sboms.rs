//! SBOMs of product versions: the bytes as they came, and what a match made of them.
//!
//! Not the match (`crate::psirt::match_sbom`). Invariants: bytes, components, findings and events of an SBOM are one transaction; the bytes of
//! every SBOM that was ever uploaded stay, by their digest. Cost: ~20,000 components a second.

use super::super::database::{Tx, sql};
use super::super::number::int;
use super::super::people::{Person, note};
use super::super::rows::Many;
use super::super::{State, StateError};
use super::{ReleaseRow, findings, release, select_release};
use crate::auth::hex;
use crate::psirt::Matched;
use crate::tenant::Tenant;
use sqlx::FromRow;
use yagura_model::UnixMicros;

/// How many bytes of an SBOM a row holds.
const PIECE_BYTES: usize = 1 << 20;
/// The most components that one question gives.
const SHOWN_MAX: i64 = 500;

/// An SBOM that somebody uploads.
#[derive(Clone, Copy, Debug)]
pub struct NewSbom<'a> {
    /// Its bytes.
    pub bytes: &'a [u8],
    /// Their SHA-256.
    pub digest: &'a [u8; 32],
    /// What it means.
    pub matched: &'a Matched,
    /// By which advisories.
    pub mark: &'a str,
}

/// A component with the product version that holds it.
#[derive(Clone, Debug, Eq, FromRow, PartialEq)]
pub struct ComponentRow {
    /// Which version of which product.
    pub release_id: Vec<u8>,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Option<String>,
    /// Its package URL.
    pub purl: Option<String>,
    /// What was tried in vain, one a line; `None` if it is identified.
    pub tried: Option<String>,
}

impl State {
    /// Keeps an SBOM of a product version and what it means; `None` if there is no such version.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn put_sbom(
        &self,
        person: &Person,
        id: &[u8],
        sbom: NewSbom<'_>,
        now: UnixMicros,
    ) -> Result<Option<ReleaseRow>, StateError> {
        let tenant = &person.tenant;
        let mut tx = self.begin().await?;
        // The row is locked until the end: matches of one version follow each other.
        let found = sql("UPDATE releases SET sbom = $3 WHERE tenant = $1 AND release_id = $2");
        if found.bind(tenant.as_str()).bind(id).bind(sbom.digest.as_slice()).execute(&mut tx).await? == 0 {
            return Ok(None);
        }
        let digest = sbom.digest.as_slice();
        sql("INSERT INTO sboms (tenant, release_id, digest, time_us, user_name, bytes) VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (tenant, release_id, digest) DO UPDATE SET time_us = excluded.time_us, user_name = excluded.user_name")
        .bind(tenant.as_str())
        .bind(id)
        .bind(digest)
        .bind(now.0)
        .bind(person.user.as_str())
        .bind(int(sbom.bytes.len() as u64))
        .execute(&mut tx)
        .await?;
        const PIECES: Many = Many {
            before: "INSERT INTO sbom_pieces (tenant, digest, piece, bytes)",
            after: "ON CONFLICT (tenant, digest, piece) DO NOTHING",
        };
        for (number, piece) in (0_i64..).zip(sbom.bytes.chunks(PIECE_BYTES)) {
            let row = [tenant.as_str().into(), digest.into(), number.into(), piece.into()];
            PIECES.execute(&mut tx, vec![row]).await?;
        }
        write(&mut tx, (tenant, id), (sbom.matched, sbom.mark), now).await?;
        note(&mut tx, person, now, ("sbom", &hex(id), &hex(digest))).await?;
        let row = release(&mut tx, tenant, id).await?;
        tx.commit().await?;
        Ok(row)
    }

    /// The bytes of an SBOM; empty if there is none.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn sbom_bytes(&self, tenant: &Tenant, digest: &[u8]) -> Result<Vec<u8>, StateError> {
        let query = sql("SELECT bytes FROM sbom_pieces WHERE tenant = $1 AND digest = $2 ORDER BY piece");
        let pieces: Vec<(Vec<u8>,)> = query.bind(tenant.as_str()).bind(digest).all(self.read()).await?;
        Ok(pieces.into_iter().flat_map(|(bytes,)| bytes).collect())
    }

    /// Components of a product version that nothing is known of, at most 500.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn unidentified(&self, tenant: &Tenant, id: &[u8]) -> Result<Vec<ComponentRow>, StateError> {
        let query = sql("SELECT release_id, name, version, purl, tried FROM components
             WHERE tenant = $1 AND release_id = $2 AND tried IS NOT NULL ORDER BY position LIMIT $3");
        query.bind(tenant.as_str()).bind(id).bind(SHOWN_MAX).all(self.read()).await
    }

    /// Components whose package URL begins so, or whose name is this, with the product versions that hold them; at most 500.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn components(
        &self,
        tenant: &Tenant,
        (purl, name): (Option<&str>, Option<&str>),
    ) -> Result<Vec<ComponentRow>, StateError> {
        let end = purl.map(|purl| format!("{purl}\u{10FFFF}"));
        let query = sql("SELECT release_id, name, version, purl, tried FROM components
             WHERE tenant = $1 AND ($2 IS NULL OR (purl >= $2 AND purl < $3)) AND ($4 IS NULL OR name = $4)
             ORDER BY purl, name, release_id, position LIMIT $5");
        let query = query.bind(tenant.as_str()).bind(purl).bind(end.as_deref()).bind(name).bind(SHOWN_MAX);
        query.all(self.read()).await
    }

    /// Product versions of all tenants that were matched with other advisories than these, at most `limit`.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn releases_behind(&self, mark: &str, limit: i64) -> Result<Vec<(String, ReleaseRow)>, StateError> {
        #[derive(FromRow)]
        struct Behind {
            tenant: String,
            #[sqlx(flatten)]
            row: ReleaseRow,
        }
        let query = sql(concat!(
            "SELECT r.tenant, ",
            select_release!(),
            " FROM releases r WHERE r.sbom IS NOT NULL AND r.matched_by <> $1 ORDER BY r.matched_by, r.tenant, r.release_id LIMIT $2"
        ));
        let rows: Vec<Behind> = query.bind(mark).bind(limit).all(self.read()).await?;
        Ok(rows.into_iter().map(|it| (it.tenant, it.row)).collect())
    }
}

/// Writes what a match made of a product version's SBOM.
pub(super) async fn write(
    tx: &mut Tx,
    (tenant, id): (&Tenant, &[u8]),
    (matched, mark): (&Matched, &str),
    now: UnixMicros,
) -> Result<(), StateError> {
    const COMPONENTS: Many =
        Many { before: "INSERT INTO components (tenant, release_id, position, name, version, purl, tried)", after: "" };
    const WORDS: Many = Many { before: "INSERT INTO release_words (tenant, word, release_id)", after: "" };
    for table in ["components", "release_words"] {
        let text = format!("DELETE FROM {table} WHERE tenant = $1 AND release_id = $2");
        let gone = super::super::database::Sql::made(text, vec![tenant.as_str().into(), id.into()]);
        gone.execute(&mut *tx).await?;
    }
    let tried: Vec<Option<String>> =
        matched.components.iter().map(|it| it.tried.as_ref().map(|tried| tried.join("\n"))).collect();
    let components = matched.components.iter().zip(&tried).zip(0_i64..).map(|((it, tried), position)| {
        [
            tenant.as_str().into(),
            id.into(),
            position.into(),
            it.name.as_str().into(),
            it.version.as_deref().into(),
            it.purl.as_deref().into(),
            tried.as_deref().into(),
        ]
    });
    COMPONENTS.execute(&mut *tx, components.collect()).await?;
    let words = matched.words.iter().map(|word| [tenant.as_str().into(), word.as_str().into(), id.into()]);
    WORDS.execute(&mut *tx, words.collect()).await?;
    let anomalies: Vec<String> =
        matched.anomalies.iter().map(|(place, what)| format!("{place}\t{}", one_line(what))).collect();
    let anomalies = anomalies.join("\n");
    let unidentified = tried.iter().filter(|tried| tried.is_some()).count();
    sql("UPDATE releases SET format = $3, components = $4, unidentified = $5, unversioned = $6, anomalies = $7,
            matched_by = $8, matched_us = $9 WHERE tenant = $1 AND release_id = $2")
    .bind(tenant.as_str())
    .bind(id)
    .bind(matched.format.as_str())
    .bind(int(matched.components.len() as u64))
    .bind(int(unidentified as u64))
    .bind(int(matched.unversioned as u64))
    .bind(anomalies.as_str())
    .bind(mark)
    .bind(now.0)
    .execute(&mut *tx)
    .await?;
    findings::write(tx, (tenant, id), &matched.found, now).await
}

fn one_line(text: &str) -> String {
    text.replace(['\n', '\t'], " ")
}
