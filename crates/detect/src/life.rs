//! The life of a rule beside what it detects: its stage, who answers for it, and exceptions with a reason and an end (ADR-0035).
//!
//! Not part of what a rule detects: stage, owner and reason change no digest, so neither the id of an alert nor the state of a correlation.
//! When an exception ends does: it is judged by the time of the event, so that the same events give the same alerts whenever they are
//! judged. Invariant: what is written in a place where it means nothing is refused.

use crate::detection::{Located, at, type_error};
use crate::document::text;
use crate::error::RuleErrorKind;
use crate::pool::{Comparison, Expr, Number, Pool, Test};
use crate::yaml::Node;
use chrono::{Days, NaiveDate, NaiveTime};
use yagura_model::UnixMicros;

/// The longest owner, in characters.
const OWNER_CHARS_MAX: usize = 128;
/// The longest reason, in characters.
const REASON_CHARS_MAX: usize = 2_000;
/// The column that holds the time of an event.
const TIME: &str = "time";

/// Whether people hear of what a rule finds.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub enum Stage {
    /// Its alerts are kept with a mark and shown to who asks for them.
    Shadow,
    /// Its alerts are alerts.
    #[default]
    Live,
}

/// A Sigma filter, as people answer for it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Exception {
    /// Sigma's `id`; without one its `name`, without that its title.
    pub id: String,
    /// One line.
    pub title: String,
    /// Why it is right not to hear of it.
    pub reason: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Events from this time on are not excepted.
    pub expires: Option<UnixMicros>,
    /// Ids of the rules that it narrows.
    pub rules: Vec<String>,
    /// The file it came from.
    pub path: String,
    /// Its own YAML document.
    pub source: String,
}

/// What the custom field `yagura` of a filter says.
pub(crate) struct Terms {
    pub(crate) reason: Option<String>,
    pub(crate) expires: Option<UnixMicros>,
}

/// How many matches an exception hid from people of one tenant.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Hidden {
    /// Id of the exception.
    pub exception: String,
    /// Whose fleet.
    pub tenant: String,
    /// The day, UTC, on which the events were received: its first instant.
    pub day: UnixMicros,
    /// Pairs of rule and event.
    pub matches: u64,
}

/// The stage of a rule; `extra` is the custom field `yagura`.
pub(crate) fn stage(extra: Option<&Node>) -> Result<Stage, Located> {
    let Some(node) = extra.and_then(|extra| extra.get("stage")) else { return Ok(Stage::Live) };
    match node.scalar_text().as_deref() {
        Some("live") => Ok(Stage::Live),
        Some("shadow") => Ok(Stage::Shadow),
        _ => Err(at(node, type_error("yagura.stage", "live or shadow"))),
    }
}

/// Who answers for a rule or an exception.
pub(crate) fn owner(extra: Option<&Node>) -> Result<Option<String>, Located> {
    let Some(extra) = extra else { return Ok(None) };
    let owner = text(extra, "owner")?;
    let fits = |owner: &String| owner.chars().count() <= OWNER_CHARS_MAX && !owner.chars().any(char::is_control);
    match (owner.as_ref().is_none_or(|owner| !owner.is_empty() && fits(owner)), extra.get("owner")) {
        (false, Some(node)) => Err(at(node, type_error("yagura.owner", "a team or an address, 1 to 128 characters"))),
        _ => Ok(owner),
    }
}

/// Refuses what only filters say.
pub(crate) fn no_terms(extra: Option<&Node>) -> Result<(), Located> {
    let Some(extra) = extra else { return Ok(()) };
    match (extra.get("expires"), extra.get("reason")) {
        (Some(node), _) => Err(at(node, type_error("yagura.expires", "absent: only a filter expires"))),
        (None, Some(node)) => Err(at(node, type_error("yagura.reason", "absent: only a filter has a reason"))),
        (None, None) => Ok(()),
    }
}

/// The terms of a filter. One that says anything in `yagura` says why.
pub(crate) fn terms(extra: Option<&Node>) -> Result<Terms, Located> {
    let Some(extra) = extra else { return Ok(Terms { reason: None, expires: None }) };
    if let Some(stage) = extra.get("stage") {
        return Err(at(stage, type_error("yagura.stage", "absent: a filter has no stage")));
    }
    let reason = text(extra, "reason")?.filter(|reason| !reason.is_empty());
    let reason = reason.ok_or_else(|| at(extra, RuleErrorKind::Missing("yagura.reason")))?;
    if reason.chars().count() > REASON_CHARS_MAX {
        let (value, max) = (reason.chars().count() as u64, REASON_CHARS_MAX as u64);
        return Err(at(extra, RuleErrorKind::Limit { what: "length in characters of yagura.reason", value, max }));
    }
    let expires = match extra.get("expires") {
        None => None,
        Some(node) => {
            let end = node.scalar_text().and_then(|text| end(&text));
            let expected =
                "a day such as 2027-01-31, which it ends with (UTC), or an instant such as 2027-01-31T12:00:00Z";
            Some(end.ok_or_else(|| at(node, type_error("yagura.expires", expected)))?)
        }
    };
    Ok(Terms { reason: Some(reason), expires })
}

/// The first instant that is not excepted any more.
fn end(text: &str) -> Option<UnixMicros> {
    let text = text.trim();
    if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        let next = day.checked_add_days(Days::new(1))?;
        return Some(UnixMicros(next.and_time(NaiveTime::MIN).and_utc().timestamp_micros()));
    }
    let instant = chrono::DateTime::parse_from_rfc3339(text).ok()?;
    Some(UnixMicros(instant.timestamp_micros()))
}

/// What lets an event pass a filter that ends. An event without a time is excepted.
pub(crate) fn until(filter: Expr, expires: UnixMicros, pool: &mut Pool) -> Expr {
    #[expect(clippy::cast_precision_loss, reason = "microseconds of the years until 2255 are below 2^53")]
    let bound = Number::new(expires.0 as f64);
    let over = pool.predicate(TIME, vec![Test::Compare(Comparison::GreaterOrEqual, bound)]);
    // Said with `not`, so that the time does not stand among what the rule asked about.
    let hidden = Expr::All(vec![Expr::Not(Box::new(filter)), Expr::Not(Box::new(Expr::Predicate(over)))]);
    Expr::Not(Box::new(hidden)).simplified()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_ends_with_it_and_an_instant_at_once() {
        let micros = |text: &str| end(text).map(|end| end.0);
        assert_eq!(micros("2027-01-31"), Some(1_801_440_000_000_000));
        assert_eq!(micros("2027-01-31T12:00:00Z"), Some(1_801_396_800_000_000));
        assert_eq!(micros("2027-01-31T12:00:00+09:00"), Some(1_801_364_400_000_000));
        assert_eq!((micros("31.1.2027"), micros("2027-02-30"), micros("soon")), (None, None, None));
    }
}
