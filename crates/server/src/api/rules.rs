//! The rules that are active, with what became of their alerts and what they cost.
//!
//! Not a way to change them: files are the truth (ADR-0033). Invariants: numbers about alerts are of the session's tenant alone; a
//! precision never stands without its n. Cost: three indexed reads; the alerts of the days that are asked for are counted.

use super::input::{Asked, Named};
use super::time::Time;
use super::types::{
    Cost, ExceptionView, NotJudged, Pause, Precision, Problem, RuleDetail, RuleList, RuleSummary, StageName, TestFile,
};
use super::{ApiError, App, views};
use crate::auth::Session;
use crate::clock;
use crate::pipeline::{Paused, RuleBook, RuleCosts, RuleFacts, RuleTest};
use crate::state::{PauseRow, RuleAlertsRow};
use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use std::collections::HashMap;
use yagura_detect::{Exception, explain};
use yagura_model::UnixMicros;

/// The most days that are counted.
pub const DAYS_MAX: u32 = 366;
const DAYS: u32 = 30;
const DAY_US: i64 = 86_400_000_000;
/// What another process did not judge so lately rests there still: a minute.
const LATELY_US: i64 = 60_000_000;

/// What is counted.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct RulesQuery {
    /// So many days back, 1 to 366; 30 if absent.
    days: Option<u32>,
}

/// What the state knows of the rules of a tenant.
struct Known {
    days: u32,
    now: UnixMicros,
    alerts: HashMap<String, RuleAlertsRow>,
    pauses: Vec<PauseRow>,
    hidden: HashMap<String, u64>,
    costs: RuleCosts,
    paused: Vec<Paused>,
    /// For each rule the exceptions that narrow it.
    narrowed: HashMap<String, Vec<String>>,
}

/// The rules that are active, how often each was right, what it costs, and the exceptions.
#[utoipa::path(
    get, path = "/api/v1/rules", params(RulesQuery),
    responses(
        (status = 200, description = "The rules", body = RuleList),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn rules(
    State(app): State<App>,
    session: Session,
    Asked(asked): Asked<RulesQuery>,
) -> Result<Json<RuleList>, ApiError> {
    let rules = app.rules.now();
    let book = &rules.book;
    let known = known(&app, &session, book, &asked).await?;
    Ok(Json(RuleList {
        days: known.days,
        budget_ns: known.costs.budget_ns,
        rules: book.all().map(|facts| known.summary(facts)).collect(),
        exceptions: book.exceptions().iter().map(|it| known.exception(it)).collect(),
    }))
}

/// One rule, with its text and its tests.
#[utoipa::path(
    get, path = "/api/v1/rules/{id}", params(("id" = String, Path, description = "Rule"), RulesQuery),
    responses(
        (status = 200, description = "The rule", body = RuleDetail),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn rule(
    State(app): State<App>,
    session: Session,
    Named(id): Named<String>,
    Asked(asked): Asked<RulesQuery>,
) -> Result<Json<RuleDetail>, ApiError> {
    let rules = app.rules.now();
    let facts = rules.book.get(&id).ok_or(ApiError::NotFound("rule"))?;
    let known = known(&app, &session, &rules.book, &asked).await?;
    let rule = known.summary(facts);
    let explained = rules.set.rule(&id).map(|rule| explain(&rules.set, rule));
    let (needs, slow) = explained.map(|it| (it.words, it.slow)).unwrap_or_default();
    let narrows = |it: &&Exception| rule.exceptions.contains(&it.id);
    let exceptions = rules.book.exceptions().iter().filter(narrows).map(|it| known.exception(it)).collect();
    let test = |test: &RuleTest| TestFile { path: test.path.clone(), source: test.text.clone() };
    Ok(Json(RuleDetail {
        description: facts.description.clone(),
        what_to_do: facts.what_to_do.clone(),
        falsepositives: facts.falsepositives.clone(),
        needs,
        slow,
        not_judged: known.pauses.iter().filter(|row| row.rule_id == id).map(not_judged).collect(),
        exceptions,
        source: facts.source.clone(),
        tests: facts.tests.iter().map(test).collect(),
        rule,
    }))
}

async fn known(app: &App, session: &Session, book: &RuleBook, asked: &RulesQuery) -> Result<Known, ApiError> {
    let days = asked.days.unwrap_or(DAYS);
    if days == 0 || days > DAYS_MAX {
        return Err(ApiError::BadInput { what: "days", why: format!("{days} is not between 1 and {DAYS_MAX}") });
    }
    let (now, tenant) = (clock::now(), session.tenant());
    let since = now.plus(-i64::from(days) * DAY_US);
    let alerts = app.state.rule_alerts(tenant, since).await?;
    let hidden = app.state.exception_hits(tenant, since).await?;
    let costs = app.rules.costs().clone();
    let mut narrowed: HashMap<String, Vec<String>> = HashMap::new();
    for exception in book.exceptions() {
        for rule in &exception.rules {
            narrowed.entry(rule.clone()).or_default().push(exception.id.clone());
        }
    }
    Ok(Known {
        days,
        now,
        alerts: alerts.into_iter().map(|row| (row.rule_id.clone(), row)).collect(),
        pauses: app.state.rule_pauses(tenant, since).await?,
        hidden: hidden.into_iter().map(|(id, matches)| (id, views::count(matches))).collect(),
        paused: costs.paused(),
        costs,
        narrowed,
    })
}

impl Known {
    fn summary(&self, facts: &RuleFacts) -> RuleSummary {
        let alerts = self.alerts.get(&facts.id);
        let cost = self.costs.of(&facts.id).map(|it| Cost { ns: it.ns, share: it.share, events: it.events });
        let not_judged = self.pauses.iter().filter(|row| row.rule_id == facts.id).map(|row| views::count(row.events));
        RuleSummary {
            id: facts.id.clone(),
            title: facts.title.clone(),
            level: facts.level,
            stage: stage(facts.stage),
            owner: facts.owner.clone(),
            correlation: facts.is_correlation,
            alerts: facts.alerts,
            digest: facts.digest.clone(),
            path: facts.path.clone(),
            tactics: attack_names(&facts.tags).filter(|name| !is_technique(name)).collect(),
            techniques: attack_names(&facts.tags)
                .filter(|name| is_technique(name))
                .map(|name| name.to_ascii_uppercase())
                .collect(),
            alerts_raised: alerts.map_or(0, |row| views::count(row.live)),
            alerts_shadow: alerts.map_or(0, |row| views::count(row.shadow)),
            last_raised: alerts.map(|row| views::time(row.raised_us)),
            precision: alerts.map(precision).unwrap_or_default(),
            cost,
            paused: self
                .paused
                .iter()
                .find(|it| it.rule == facts.id)
                .map(pause)
                .or_else(|| self.paused_elsewhere(facts)),
            events_not_judged: not_judged.sum(),
            exceptions: self.narrowed.get(&facts.id).cloned().unwrap_or_default(),
        }
    }

    /// A process that does not judge knows of a pause by what was not judged lately.
    fn paused_elsewhere(&self, facts: &RuleFacts) -> Option<Pause> {
        let of_rule = |row: &&PauseRow| row.rule_id == facts.id;
        let row = self.pauses.iter().find(of_rule).filter(|_| self.costs.of(&facts.id).is_none())?;
        let lately = self.now.0.saturating_sub(row.last_us) <= LATELY_US;
        let (cause, cost_ns, since) = (row.cause.clone(), views::count(row.cost_ns), views::time(row.since_us));
        lately.then_some(Pause { cause, cost_ns, since, until: None })
    }

    fn exception(&self, exception: &Exception) -> ExceptionView {
        let Exception { id, title, reason, owner, expires, rules, path, .. } = exception.clone();
        ExceptionView {
            hidden: self.hidden.get(&id).copied().unwrap_or(0),
            expired: expires.is_some_and(|end| end <= self.now),
            expires: expires.map(Time),
            id,
            title,
            reason,
            owner,
            rules,
            path,
        }
    }
}

/// The stage as the API names it.
pub(crate) const fn stage(stage: yagura_detect::Stage) -> StageName {
    match stage {
        yagura_detect::Stage::Live => StageName::Live,
        yagura_detect::Stage::Shadow => StageName::Shadow,
    }
}

fn pause(paused: &Paused) -> Pause {
    let Paused { cause, cost_ns, since, until, .. } = paused.clone();
    Pause { cause, cost_ns, since: Time(since), until: Some(Time(until)) }
}

fn not_judged(row: &PauseRow) -> NotJudged {
    NotJudged {
        cause: row.cause.clone(),
        cost_ns: views::count(row.cost_ns),
        first: views::time(row.first_us),
        last: views::time(row.last_us),
        events: views::count(row.events),
    }
}

fn precision(row: &RuleAlertsRow) -> Precision {
    let (right, wrong) = (views::count(row.true_positive), views::count(row.false_positive));
    let n = right.saturating_add(wrong);
    Precision {
        true_positive: right,
        false_positive: wrong,
        benign: views::count(row.benign),
        insufficient_data: views::count(row.insufficient_data),
        n,
        value: (n > 0).then(|| right as f64 / n as f64),
    }
}

/// The ATT&CK names among tags: techniques (`t0855`) and tactics (`initial-access`).
fn attack_names(tags: &[String]) -> impl Iterator<Item = String> {
    tags.iter().filter_map(|tag| Some(tag.to_ascii_lowercase().strip_prefix("attack.")?.to_owned()))
}

fn is_technique(name: &str) -> bool {
    name.strip_prefix('t').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}
