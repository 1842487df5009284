//! What the owner of the first partition does for products: matches written under its epoch, decisions that ended.
//!
//! Not when, and not the match (`crate::psirt`). Invariants: whoever was replaced writes nothing, because each write begins by moving the
//! keeper's row to its epoch; a match of an SBOM that was replaced meanwhile is dropped.

use super::super::database::{Tx, sql};
use super::super::people::tenant_of_row;
use super::super::{Partition, State, StateError};
use super::{decisions, sboms};
use crate::psirt::Matched;
use crate::tenant::Tenant;
use std::collections::BTreeSet;
use yagura_model::UnixMicros;

/// How many words are looked up at once.
const WORDS: usize = 256;

/// A match to be written.
#[derive(Clone, Copy, Debug)]
pub struct Rematched<'m> {
    /// Of which product version.
    pub release: &'m [u8],
    /// Of which SBOM.
    pub sbom: &'m [u8],
    /// What it means now.
    pub matched: &'m Matched,
    /// By which advisories.
    pub mark: &'m str,
}

impl Partition {
    async fn fence_products(&self, tx: &mut Tx) -> Result<(), StateError> {
        let fence = sql("INSERT INTO incident_keeper (id, epoch) VALUES (1, $1)
             ON CONFLICT (id) DO UPDATE SET epoch = excluded.epoch WHERE incident_keeper.epoch <= excluded.epoch");
        if fence.bind(self.epoch()).execute(tx).await? == 0 { Err(self.fenced()) } else { Ok(()) }
    }

    /// Writes what newer advisories make of a product version's SBOM.
    ///
    /// # Errors
    /// [`StateError`], among them [`StateError::Fenced`]; then nothing is kept.
    pub async fn rematch(&self, tenant: &Tenant, new: Rematched<'_>, now: UnixMicros) -> Result<(), StateError> {
        let mut tx = self.state().begin().await?;
        self.fence_products(&mut tx).await?;
        let held = sql("UPDATE releases SET matched_us = $4 WHERE tenant = $1 AND release_id = $2 AND sbom = $3");
        let held = held.bind(tenant.as_str()).bind(new.release).bind(new.sbom).bind(now.0).execute(&mut tx).await?;
        if held == 0 {
            return Ok(());
        }
        sboms::write(&mut tx, (tenant, new.release), (new.matched, new.mark), now).await?;
        tx.commit().await
    }

    /// Notes that newer advisories do not concern a product version.
    ///
    /// # Errors
    /// As [`Self::rematch`].
    pub async fn unconcerned(
        &self,
        tenant: &Tenant,
        release: &[u8],
        (before, mark): (&str, &str),
    ) -> Result<(), StateError> {
        let mut tx = self.state().begin().await?;
        self.fence_products(&mut tx).await?;
        sql("UPDATE releases SET matched_by = $4 WHERE tenant = $1 AND release_id = $2 AND matched_by = $3")
            .bind(tenant.as_str())
            .bind(release)
            .bind(before)
            .bind(mark)
            .execute(&mut tx)
            .await?;
        tx.commit().await
    }

    /// Lets findings stand as they do without decisions that have ended.
    ///
    /// # Errors
    /// As [`Self::rematch`].
    pub async fn end_decisions(&self, now: UnixMicros) -> Result<(), StateError> {
        let query = sql("SELECT DISTINCT tenant FROM findings WHERE until_us <= $1 AND state < 4");
        let tenants: Vec<(String,)> = query.bind(now.0).all(self.state().read()).await?;
        for (tenant,) in tenants {
            let mut tx = self.state().begin().await?;
            self.fence_products(&mut tx).await?;
            decisions::rule_ended(&mut tx, &tenant_of_row(&tenant)?, now).await?;
            tx.commit().await?;
        }
        Ok(())
    }
}

impl State {
    /// Keeps which segments a mark stands for.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn note_mark(&self, mark: &str, segments: &[&str]) -> Result<(), StateError> {
        let list = segments.join("\n");
        let query = sql("INSERT INTO advisory_marks (mark, segments) VALUES ($1, $2) ON CONFLICT (mark) DO NOTHING");
        query.bind(mark).bind(list.as_str()).execute(self.write()).await?;
        Ok(())
    }

    /// The segments that a mark stands for; `None` if nobody noted it.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn mark(&self, mark: &str) -> Result<Option<Vec<String>>, StateError> {
        let query = sql("SELECT segments FROM advisory_marks WHERE mark = $1").bind(mark);
        let row: Option<(String,)> = query.optional(self.read()).await?;
        Ok(row.map(|(list,)| list.lines().map(str::to_owned).collect()))
    }

    /// Product versions of all tenants that carry one of these words.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn releases_with(&self, words: &BTreeSet<String>) -> Result<BTreeSet<(String, Vec<u8>)>, StateError> {
        let (mut found, words): (BTreeSet<_>, Vec<&str>) =
            (BTreeSet::new(), words.iter().map(String::as_str).collect());
        for some in words.chunks(WORDS) {
            let places: Vec<String> = (1..=some.len()).map(|number| format!("${number}")).collect();
            let text =
                format!("SELECT DISTINCT tenant, release_id FROM release_words WHERE word IN ({})", places.join(", "));
            let values = some.iter().map(|word| (*word).into()).collect();
            let rows: Vec<(String, Vec<u8>)> = super::super::database::Sql::made(text, values).all(self.read()).await?;
            found.extend(rows);
        }
        Ok(found)
    }
}
