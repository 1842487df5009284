//! Findings: what concerns a product version, how it stands, and what changed when.
//!
//! Not the match and not the rule among decisions (`crate::psirt`). A finding is a vulnerability of a component of a product version; its id
//! follows from these, so the same match gives the same findings. Invariants: a finding is never deleted, it is gone; what changed is an
//! event in the same transaction; a probability that moves is no event. Cost: ~10,000 findings a second.

use super::super::database::{Tx, Value, sql};
use super::super::rows::Many;
use super::super::{State, StateError};
use super::decisions::{self, Standing};
use super::id_of;
use crate::psirt::{FindingState, Found, Said, status_code};
use crate::tenant::Tenant;
use sqlx::FromRow;
use std::collections::HashMap;
use yagura_model::UnixMicros;

/// The most events that one question gives.
const EVENTS_MAX: i64 = 1_000;

/// Kinds of [`FindingEventRow`].
pub(super) const APPEARED: i64 = 0;
const GONE: i64 = 1;
const CHANGED: i64 = 2;

/// A finding as it is kept, with its product.
#[derive(Clone, Debug, Eq, FromRow, PartialEq)]
pub struct FindingRow {
    /// 32 bytes.
    pub finding_id: Vec<u8>,
    /// Of which product version.
    pub release_id: Vec<u8>,
    /// The component.
    pub name: String,
    /// Its version.
    pub version: Option<String>,
    /// Its package URL.
    pub purl: Option<String>,
    /// The id that all sources share.
    pub vulnerability: String,
    /// All its ids, one a line.
    pub names: String,
    /// One line.
    pub title: String,
    /// The package that led there.
    pub identity: String,
    /// By which way.
    pub method: String,
    /// Percent.
    pub confidence: i64,
    /// 1 none or not said .. 5 critical.
    pub severity: i64,
    /// CVSS, tenths; 0 if not said.
    pub score: i64,
    /// 1: known to be exploited.
    pub exploited: i64,
    /// Probability of exploitation, millionths.
    pub epss: i64,
    /// What to look at first.
    pub rank: i64,
    /// The first version known to hold a fix.
    pub fixed: Option<String>,
    /// The range in words.
    pub affected: String,
    /// Why.
    pub reason: String,
    /// What each source says: JSON of [`Said`].
    pub sources: String,
    /// What the SBOM or a patch settles.
    pub said_status: Option<i64>,
    /// Why.
    pub said_because: Option<String>,
    /// See `psirt::status_of`.
    pub status: i64,
    /// See [`FindingState`].
    pub state: i64,
    /// The decision that holds.
    pub decision_id: Option<Vec<u8>>,
    /// Why the state is what it is.
    pub because: String,
    /// When the decision ends, µs.
    pub until_us: Option<i64>,
    /// When it was first found, µs.
    pub first_us: i64,
    /// When it last changed, µs.
    pub touched_us: i64,
    /// Its product.
    pub product_id: Vec<u8>,
    /// The product's name.
    pub product_name: String,
    /// The product's owner.
    pub product_owner: Option<Vec<u8>>,
    /// The product's line.
    pub product_line: String,
    /// The product's version.
    pub release_version: String,
    /// Vehicles that run it.
    pub vehicles: i64,
}

/// Something that changed.
#[derive(Clone, Debug, Eq, FromRow, PartialEq)]
pub struct FindingEventRow {
    /// Its number.
    pub id: i64,
    /// Which finding.
    pub finding_id: Vec<u8>,
    /// When, µs.
    pub time_us: i64,
    /// 0 appeared, 1 gone, 2 changed, 3 decided, 4 decision ended.
    pub kind: i64,
    /// Who; empty: the server.
    pub user_name: String,
    /// What.
    pub detail: String,
}

/// How many findings of a product version wait for somebody.
#[derive(Clone, Debug, Eq, FromRow, PartialEq)]
pub struct OpenCount {
    /// Which version.
    pub release_id: Vec<u8>,
    /// Of this severity.
    pub severity: i64,
    /// How many.
    pub findings: i64,
    /// How many of these are known to be exploited.
    pub exploited: i64,
}

/// Which findings are wanted; a `None` wants all.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct FindingFilter {
    /// Of this product version.
    pub release: Option<[u8; 32]>,
    /// Of this product.
    pub product: Option<[u8; 32]>,
    /// Of a vulnerability, by any of its ids.
    pub vulnerability: Option<String>,
    /// In this state; all but those that are gone if absent.
    pub state: Option<FindingState>,
    /// At least so severe, 1..=5.
    pub severity_min: Option<i64>,
    /// Only those known to be exploited.
    pub exploited: bool,
    /// Those that come after this one in the list.
    pub after: Option<(i64, Vec<u8>)>,
}

macro_rules! select_finding {
    () => {
        "SELECT f.finding_id, f.release_id, f.name, f.version, f.purl, f.vulnerability, f.names, f.title, f.identity, f.method,
            f.confidence, f.severity, f.score, f.exploited, f.epss, f.rank, f.fixed, f.affected, f.reason, f.sources,
            f.said_status, f.said_because, f.status, f.state, f.decision_id, f.because, f.until_us, f.first_us, f.touched_us,
            p.product_id, p.name AS product_name, p.owner_id AS product_owner, p.line AS product_line,
            r.version AS release_version, r.vehicles
         FROM findings f JOIN releases r ON r.tenant = f.tenant AND r.release_id = f.release_id
            JOIN products p ON p.tenant = r.tenant AND p.product_id = r.product_id"
    };
}
pub(super) use select_finding;

impl State {
    /// Findings of the tenant, what to look at first before the rest, at most `limit`.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn findings(
        &self,
        tenant: &Tenant,
        filter: &FindingFilter,
        limit: u32,
    ) -> Result<Vec<FindingRow>, StateError> {
        let query = sql(concat!(
            select_finding!(),
            " WHERE f.tenant = $1 AND ($2 IS NULL OR f.release_id = $2) AND ($3 IS NULL OR p.product_id = $3)
               AND ($4 IS NULL OR f.finding_id IN (SELECT n.finding_id FROM finding_names n WHERE n.tenant = $1 AND n.name = $4))
               AND (($5 IS NULL AND f.state < 4) OR f.state = $5) AND ($6 IS NULL OR f.severity >= $6)
               AND ($7 IS NULL OR f.exploited = $7)
               AND ($8 IS NULL OR f.rank < $8 OR (f.rank = $8 AND f.finding_id > $9))
              ORDER BY f.rank DESC, f.finding_id LIMIT $10"
        ));
        let after = filter.after.as_ref();
        let query = query
            .bind(tenant.as_str())
            .bind(filter.release.as_ref().map(<[u8; 32]>::as_slice))
            .bind(filter.product.as_ref().map(<[u8; 32]>::as_slice))
            .bind(filter.vulnerability.as_deref())
            .bind(filter.state.map(FindingState::code))
            .bind(filter.severity_min)
            .bind(filter.exploited.then_some(1))
            .bind(after.map(|after| after.0))
            .bind(after.map(|after| after.1.as_slice()))
            .bind(i64::from(limit));
        query.all(self.read()).await
    }

    /// One finding.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn finding(&self, tenant: &Tenant, id: &[u8]) -> Result<Option<FindingRow>, StateError> {
        let query = sql(concat!(select_finding!(), " WHERE f.tenant = $1 AND f.finding_id = $2"));
        query.bind(tenant.as_str()).bind(id).optional(self.read()).await
    }

    /// What became of a finding, or of all, since some time; oldest first, at most 1,000.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn finding_events(
        &self,
        tenant: &Tenant,
        finding: Option<&[u8]>,
        since: UnixMicros,
    ) -> Result<Vec<FindingEventRow>, StateError> {
        let query = sql("SELECT id, finding_id, time_us, kind, user_name, detail FROM finding_events
             WHERE tenant = $1 AND ($2 IS NULL OR finding_id = $2) AND time_us >= $3 ORDER BY id LIMIT $4");
        query.bind(tenant.as_str()).bind(finding).bind(since.0).bind(EVENTS_MAX).all(self.read()).await
    }

    /// How many findings of each product version wait for somebody, by severity.
    ///
    /// # Errors
    /// [`StateError`]
    pub async fn findings_open(&self, tenant: &Tenant) -> Result<Vec<OpenCount>, StateError> {
        let query = sql(
            "SELECT release_id, severity, COUNT(*) AS findings, CAST(SUM(exploited) AS BIGINT) AS exploited
             FROM findings WHERE tenant = $1 AND state < 2 GROUP BY release_id, severity ORDER BY release_id, severity",
        );
        query.bind(tenant.as_str()).all(self.read()).await
    }
}

/// Adds events of findings.
pub(super) async fn tell(
    tx: &mut Tx,
    (tenant, user, now): (&Tenant, &str, UnixMicros),
    events: &[(Vec<u8>, i64, String)],
) -> Result<(), StateError> {
    const EVENTS: Many =
        Many { before: "INSERT INTO finding_events (tenant, finding_id, time_us, kind, user_name, detail)", after: "" };
    let rows = events.iter().map(|(id, kind, detail)| {
        let id = id.as_slice();
        [tenant.as_str().into(), id.into(), now.0.into(), (*kind).into(), user.into(), detail.as_str().into()]
    });
    EVENTS.execute(tx, rows.collect()).await?;
    Ok(())
}

/// A finding that a match found, ready to be kept.
struct New<'f> {
    id: Vec<u8>,
    found: &'f Found,
    first: &'f Said,
    names: String,
    sources: String,
    said: Option<(i64, &'f str)>,
    standing: Standing,
    touched_us: i64,
}

/// Writes what a match found of a product version, and what changed by it.
pub(super) async fn write(
    tx: &mut Tx,
    (tenant, release): (&Tenant, &[u8]),
    found: &[Found],
    now: UnixMicros,
) -> Result<(), StateError> {
    let query = sql(concat!(select_finding!(), " WHERE f.tenant = $1 AND f.release_id = $2"));
    let known: Vec<FindingRow> = query.bind(tenant.as_str()).bind(release).all(&mut *tx).await?;
    let mut known: HashMap<Vec<u8>, FindingRow> = known.into_iter().map(|row| (row.finding_id.clone(), row)).collect();
    let book = decisions::Book::of_release(tx, tenant, release).await?;
    let (mut events, mut news) = (Vec::new(), Vec::new());
    for found in found {
        let Some(first) = found.first() else { continue };
        let (version, purl) = (found.component.version.as_deref(), found.component.purl.as_deref());
        let parts = [found.component.name.as_str(), version.unwrap_or(""), purl.unwrap_or(""), &found.vulnerability];
        let [name, version, purl, vulnerability] = parts.map(str::as_bytes);
        let id = id_of("finding", tenant, &[release, name, version, purl, vulnerability]).to_vec();
        let mut new = New {
            found,
            first,
            names: found.names.join("\n"),
            sources: serde_json::to_string(&found.said).unwrap_or_default(),
            said: found.settled.as_ref().map(|(status, why)| (status_code(*status), why.as_str())),
            standing: book.standing(found, now),
            touched_us: now.0,
            id,
        };
        match known.remove(&new.id) {
            Some(old) if old.state != FindingState::Gone.code() => {
                let changes = changes(&old, &new);
                if changes.is_empty() {
                    new.touched_us = old.touched_us;
                } else {
                    events.push((new.id.clone(), CHANGED, changes.join("; ")));
                }
            }
            Some(_) | None => events.push((new.id.clone(), APPEARED, first.reason.clone())),
        }
        news.push(new);
    }
    put(tx, (tenant, release), &news, now).await?;
    for old in known.into_values().filter(|old| old.state != FindingState::Gone.code()) {
        sql("UPDATE findings SET state = 4, touched_us = $3 WHERE tenant = $1 AND finding_id = $2")
            .bind(tenant.as_str())
            .bind(old.finding_id.as_slice())
            .bind(now.0)
            .execute(&mut *tx)
            .await?;
        events.push((old.finding_id, GONE, String::new()));
    }
    events.sort();
    tell(tx, (tenant, "", now), &events).await
}

/// What somebody wants to know of a finding that was there before.
fn changes(old: &FindingRow, new: &New<'_>) -> Vec<String> {
    let (found, first) = (new.found, new.first);
    let mut changes = Vec::new();
    let mut changed = |what: &str, before: &str, now: &str| {
        if before != now {
            changes.push(format!("{what}: {before} → {now}"));
        }
    };
    changed("range", &old.affected, &first.range);
    changed("fixed in", old.fixed.as_deref().unwrap_or("-"), first.fixed.as_deref().unwrap_or("-"));
    changed("severity", &old.severity.to_string(), &found.severity.to_string());
    changed("exploited", &old.exploited.to_string(), &i64::from(found.is_exploited).to_string());
    changed("state", &old.state.to_string(), &new.standing.state.code().to_string());
    changes
}

async fn put(
    tx: &mut Tx,
    (tenant, release): (&Tenant, &[u8]),
    news: &[New<'_>],
    now: UnixMicros,
) -> Result<(), StateError> {
    const FINDINGS: Many = Many {
        before: "INSERT INTO findings (tenant, finding_id, release_id, name, version, purl, vulnerability, names, title, identity,
            method, confidence, severity, score, exploited, epss, rank, fixed, affected, reason, sources, said_status,
            said_because, status, state, decision_id, because, until_us, first_us, touched_us)",
        after: "ON CONFLICT (tenant, finding_id) DO UPDATE SET names = excluded.names, title = excluded.title,
            identity = excluded.identity, method = excluded.method, confidence = excluded.confidence,
            severity = excluded.severity, score = excluded.score, exploited = excluded.exploited, epss = excluded.epss,
            rank = excluded.rank, fixed = excluded.fixed, affected = excluded.affected, reason = excluded.reason,
            sources = excluded.sources, said_status = excluded.said_status, said_because = excluded.said_because,
            status = excluded.status, state = excluded.state, decision_id = excluded.decision_id,
            because = excluded.because, until_us = excluded.until_us, touched_us = excluded.touched_us",
    };
    const NAMES: Many = Many {
        before: "INSERT INTO finding_names (tenant, name, finding_id)",
        after: "ON CONFLICT (tenant, name, finding_id) DO NOTHING",
    };
    FINDINGS.execute(&mut *tx, news.iter().map(|new| row(tenant, release, new, now)).collect()).await?;
    let names = news.iter().flat_map(|new| {
        new.found.names.iter().map(|name| [tenant.as_str().into(), name.as_str().into(), new.id.as_slice().into()])
    });
    NAMES.execute(tx, names.collect()).await?;
    Ok(())
}

fn row<'r>(tenant: &'r Tenant, release: &'r [u8], new: &'r New<'_>, now: UnixMicros) -> [Value<'r>; 30] {
    let (found, first, standing) = (new.found, new.first, &new.standing);
    [
        tenant.as_str().into(),
        new.id.as_slice().into(),
        release.into(),
        found.component.name.as_str().into(),
        found.component.version.as_deref().into(),
        found.component.purl.as_deref().into(),
        found.vulnerability.as_str().into(),
        new.names.as_str().into(),
        found.title.as_str().into(),
        first.identity.as_str().into(),
        first.method.as_str().into(),
        first.confidence.into(),
        found.severity.into(),
        found.score.into(),
        i64::from(found.is_exploited).into(),
        found.epss.into(),
        found.rank().into(),
        first.fixed.as_deref().into(),
        first.range.as_str().into(),
        first.reason.as_str().into(),
        new.sources.as_str().into(),
        new.said.map(|said| said.0).into(),
        new.said.map(|said| said.1).into(),
        status_code(standing.status).into(),
        standing.state.code().into(),
        standing.decision.as_deref().into(),
        standing.because.as_str().into(),
        standing.until_us.into(),
        now.0.into(),
        new.touched_us.into(),
    ]
}
