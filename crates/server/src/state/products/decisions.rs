//! Decisions on vulnerabilities: what people decided for which products, and how findings stand by them.
//!
//! Not the rule among decisions (`yagura_psirt::vex::rule`). A decision is never changed: it ends, or it is undone, and both stay readable.
//! Invariant: whenever a decision begins, ends or is undone, or a product's line changes, every finding that it may concern is ruled anew in
//! the same transaction. Cost: that of the findings of one vulnerability.

use super::super::database::{Tx, sql};
use super::super::people::{Person, note};
use super::super::{State, StateError};
use super::findings::{self, FindingRow, select_finding};
use super::id_of;
use crate::auth::hex;
use crate::psirt::{FindingState, Found, Subjected, hold, status_code, status_of};
use crate::tenant::Tenant;
use sqlx::FromRow;
use yagura_model::UnixMicros;
use yagura_psirt::Instant;
use yagura_psirt::advisory::Versions;
use yagura_psirt::vex::words::CISA;
use yagura_psirt::vex::{Decision, Range, Scope, Status, Subject};

const DECIDED: i64 = 3;
const ENDED: i64 = 4;
/// The most findings whose decisions end in one round.
const ENDED_MAX: i64 = 1_000;

/// A decision as it is kept.
#[derive(Clone, Debug, Eq, FromRow, PartialEq)]
pub struct DecisionRow {
    /// 32 bytes.
    pub decision_id: Vec<u8>,
    /// On which vulnerability.
    pub vulnerability: String,
    /// 0 this version, 1 product, 2 line, 3 portfolio.
    pub scope: i64,
    /// The product of scopes 0 and 1.
    pub product_id: Option<Vec<u8>>,
    /// The version of scope 0.
    pub release: Option<String>,
    /// The line of scope 2.
    pub line: Option<String>,
    /// The component, by a name or package URL without version.
    pub component: Option<String>,
    /// Its versions.
    pub versions: Option<String>,
    /// See `psirt::status_of`.
    pub status: i64,
    /// In the words of OpenVEX.
    pub justification: Option<String>,
    /// Why, in words.
    pub reason: String,
    /// Who decided.
    pub user_name: String,
    /// When, µs.
    pub made_us: i64,
    /// From when it holds no more, µs.
    pub until_us: Option<i64>,
    /// When it was undone, µs.
    pub undone_us: Option<i64>,
    /// By whom.
    pub undone_by: Option<String>,
}

/// What somebody decides on a finding.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NewDecision {
    /// 0 this version, 1 product, 2 line, 3 portfolio.
    pub scope: i64,
    /// On the finding's component alone.
    pub component: Option<String>,
    /// On these of its versions.
    pub versions: Option<String>,
    /// What.
    pub status: Status,
    /// In the words of OpenVEX.
    pub justification: Option<String>,
    /// Why, in words.
    pub reason: String,
    /// From when it holds no more.
    pub until: Option<UnixMicros>,
}

/// How a finding stands by decisions.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Standing {
    pub(super) status: Status,
    pub(super) state: FindingState,
    pub(super) decision: Option<Vec<u8>>,
    pub(super) because: String,
    pub(super) until_us: Option<i64>,
}

macro_rules! select_decision {
    () => {
        "SELECT decision_id, vulnerability, scope, product_id, release, line, component, versions, status, justification, reason,
            user_name, made_us, until_us, undone_us, undone_by FROM decisions"
    };
}

impl DecisionRow {
    /// The same as the rule takes it.
    #[must_use]
    pub fn decision(&self) -> Decision {
        let product = || self.product_id.as_deref().map(hex).unwrap_or_default();
        Decision {
            id: hex(&self.decision_id),
            vulnerability: vec![self.vulnerability.clone()],
            scope: match self.scope {
                0 => Scope::Release { product: product(), version: self.release.clone().unwrap_or_default() },
                1 => Scope::Product(product()),
                2 => Scope::Line(self.line.clone().unwrap_or_default()),
                _ => Scope::Portfolio,
            },
            component: self.component.as_deref().map(Subject::named),
            versions: self.versions.clone().map_or(Range::All, |text| Range::Within(Versions::Notation(text))),
            status: status_of(self.status),
            justification: self.justification.as_deref().and_then(|word| CISA.justification(word)),
            reason: self.reason.clone(),
            by: self.user_name.clone(),
            made: Instant(self.made_us),
            until: self.until_us.map(Instant),
        }
    }
}

/// Decisions of a tenant that were not undone, and a product version that they are asked for.
pub(super) struct Book {
    rows: Vec<DecisionRow>,
    decisions: Vec<Decision>,
    product: String,
    release: String,
    line: String,
}

impl Book {
    async fn of(tx: &mut Tx, tenant: &Tenant) -> Result<Self, StateError> {
        let query =
            sql(concat!(select_decision!(), " WHERE tenant = $1 AND undone_us IS NULL ORDER BY made_us, decision_id"));
        let rows: Vec<DecisionRow> = query.bind(tenant.as_str()).all(tx).await?;
        let decisions = rows.iter().map(DecisionRow::decision).collect();
        Ok(Self { rows, decisions, product: String::new(), release: String::new(), line: String::new() })
    }

    /// For a product version.
    pub(super) async fn of_release(tx: &mut Tx, tenant: &Tenant, release: &[u8]) -> Result<Self, StateError> {
        let book = Self::of(tx, tenant).await?;
        let query = sql("SELECT p.product_id, r.version, p.line FROM releases r
             JOIN products p ON p.tenant = r.tenant AND p.product_id = r.product_id
             WHERE r.tenant = $1 AND r.release_id = $2");
        let (product, release, line): (Vec<u8>, String, String) =
            query.bind(tenant.as_str()).bind(release).one(tx).await?;
        Ok(Self { product: hex(&product), release, line, ..book })
    }

    /// How what a match found stands.
    pub(super) fn standing(&self, found: &Found, now: UnixMicros) -> Standing {
        let about = Subjected {
            names: &found.names,
            product: &self.product,
            release: &self.release,
            line: &self.line,
            name: &found.component.name,
            purl: found.component.purl.as_deref(),
            version: found.component.version.as_deref(),
            settled: found.settled.as_ref().map(|(status, why)| (*status, why.as_str())),
        };
        self.held(&about, now)
    }

    /// How a kept finding stands.
    fn standing_of(&self, row: &FindingRow, now: UnixMicros) -> Standing {
        let names: Vec<String> = row.names.lines().map(str::to_owned).collect();
        let product = hex(&row.product_id);
        let about = Subjected {
            names: &names,
            product: &product,
            release: &row.release_version,
            line: &row.product_line,
            name: &row.name,
            purl: row.purl.as_deref(),
            version: row.version.as_deref(),
            settled: row.said_status.map(|status| (status_of(status), row.said_because.as_deref().unwrap_or_default())),
        };
        self.held(&about, now)
    }

    fn held(&self, about: &Subjected<'_>, now: UnixMicros) -> Standing {
        let held = hold(&self.decisions, about, now);
        let row = held.decision.and_then(|at| self.rows.get(at));
        Standing {
            status: held.status,
            state: held.state,
            decision: row.map(|row| row.decision_id.clone()),
            because: held.because,
            until_us: row.and_then(|row| row.until_us),
        }
    }

    /// Rules kept findings anew; what changes is told.
    async fn rule(
        &self,
        tx: &mut Tx,
        (tenant, user, now): (&Tenant, &str, UnixMicros),
        (rows, kind): (Vec<FindingRow>, i64),
    ) -> Result<(), StateError> {
        let mut events = Vec::new();
        for row in rows {
            let standing = self.standing_of(&row, now);
            let is_same = row.decision_id == standing.decision
                && row.state == standing.state.code()
                && row.because == standing.because
                && row.until_us == standing.until_us;
            if is_same {
                continue;
            }
            sql("UPDATE findings SET status = $3, state = $4, decision_id = $5, because = $6, until_us = $7, touched_us = $8
                 WHERE tenant = $1 AND finding_id = $2")
            .bind(tenant.as_str())
            .bind(row.finding_id.as_slice())
            .bind(status_code(standing.status))
            .bind(standing.state.code())
            .bind(standing.decision.as_deref())
            .bind(standing.because.as_str())
            .bind(standing.until_us)
            .bind(now.0)
            .execute(&mut *tx)
            .await?;
            events.push((row.finding_id, kind, standing.because));
        }
        findings::tell(tx, (tenant, user, now), &events).await
    }
}

/// Findings that are not gone and have this id.
async fn named(tx: &mut Tx, tenant: &Tenant, vulnerability: &str) -> Result<Vec<FindingRow>, StateError> {
    let query = sql(concat!(
        select_finding!(),
        " WHERE f.tenant = $1 AND f.state < 4
           AND f.finding_id IN (SELECT n.finding_id FROM finding_names n WHERE n.tenant = $1 AND n.name = $2)"
    ));
    query.bind(tenant.as_str()).bind(vulnerability).all(tx).await
}

/// Rules all findings of a product anew.
pub(super) async fn rule_product(
    tx: &mut Tx,
    tenant: &Tenant,
    product: &[u8],
    now: UnixMicros,
) -> Result<(), StateError> {
    let query = sql(concat!(select_finding!(), " WHERE f.tenant = $1 AND f.state < 4 AND p.product_id = $2"));
    let rows = query.bind(tenant.as_str()).bind(product).all(&mut *tx).await?;
    Book::of(tx, tenant).await?.rule(tx, (tenant, "", now), (rows, DECIDED)).await
}

/// Rules findings anew whose decisions have ended.
pub(super) async fn rule_ended(tx: &mut Tx, tenant: &Tenant, now: UnixMicros) -> Result<(), StateError> {
    let query = sql(concat!(select_finding!(), " WHERE f.tenant = $1 AND f.state < 4 AND f.until_us <= $2 LIMIT $3"));
    let rows = query.bind(tenant.as_str()).bind(now.0).bind(ENDED_MAX).all(&mut *tx).await?;
    Book::of(tx, tenant).await?.rule(tx, (tenant, "", now), (rows, ENDED)).await
}

impl State {
    /// Decides on a finding, for as wide as is said; `None` if there is no such finding.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn decide(
        &self,
        person: &Person,
        (finding, new): (&[u8], &NewDecision),
        now: UnixMicros,
    ) -> Result<Option<[u8; 32]>, StateError> {
        let tenant = &person.tenant;
        let Some(on) = self.finding(tenant, finding).await? else { return Ok(None) };
        let id = id_of("decision", tenant, &[finding, &new.scope.to_be_bytes(), &now.0.to_be_bytes()]);
        let (product, release, line) = match new.scope {
            0 => (Some(on.product_id.as_slice()), Some(on.release_version.as_str()), None),
            1 => (Some(on.product_id.as_slice()), None, None),
            2 => (None, None, Some(on.product_line.as_str())),
            _ => (None, None, None),
        };
        let mut tx = self.begin().await?;
        sql("INSERT INTO decisions (tenant, decision_id, vulnerability, scope, product_id, release, line, component, versions,
                status, justification, reason, user_name, made_us, until_us)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)")
        .bind(tenant.as_str())
        .bind(id.as_slice())
        .bind(on.vulnerability.as_str())
        .bind(new.scope)
        .bind(product)
        .bind(release)
        .bind(line)
        .bind(new.component.as_deref())
        .bind(new.versions.as_deref())
        .bind(status_code(new.status))
        .bind(new.justification.as_deref())
        .bind(new.reason.as_str())
        .bind(person.user.as_str())
        .bind(now.0)
        .bind(new.until.map(|until| until.0))
        .execute(&mut tx)
        .await?;
        let rows = named(&mut tx, tenant, &on.vulnerability).await?;
        let book = Book::of(&mut tx, tenant).await?;
        book.rule(&mut tx, (tenant, &person.user, now), (rows, DECIDED)).await?;
        note(&mut tx, person, now, ("decision", &hex(&id), &on.vulnerability)).await?;
        tx.commit().await?;
        Ok(Some(id))
    }

    /// Undoes a decision; `false` if there is none that holds.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn undo_decision(&self, person: &Person, id: &[u8], now: UnixMicros) -> Result<bool, StateError> {
        let tenant = &person.tenant;
        let mut tx = self.begin().await?;
        let query = sql("UPDATE decisions SET undone_us = $3, undone_by = $4
             WHERE tenant = $1 AND decision_id = $2 AND undone_us IS NULL RETURNING vulnerability");
        let query = query.bind(tenant.as_str()).bind(id).bind(now.0).bind(person.user.as_str());
        let Some((vulnerability,)): Option<(String,)> = query.optional(&mut tx).await? else { return Ok(false) };
        let rows = named(&mut tx, tenant, &vulnerability).await?;
        let book = Book::of(&mut tx, tenant).await?;
        book.rule(&mut tx, (tenant, &person.user, now), (rows, DECIDED)).await?;
        note(&mut tx, person, now, ("decision-undone", &hex(id), &vulnerability)).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Decisions on any of these ids of a vulnerability, or all; the newest first.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn decisions(
        &self,
        tenant: &Tenant,
        vulnerability: Option<&str>,
    ) -> Result<Vec<DecisionRow>, StateError> {
        let query = sql(concat!(
            select_decision!(),
            " WHERE tenant = $1 AND ($2 IS NULL OR vulnerability = $2) ORDER BY made_us DESC, decision_id LIMIT 1000"
        ));
        query.bind(tenant.as_str()).bind(vulnerability).all(self.read()).await
    }
}
