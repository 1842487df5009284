//! How much an incident weighs, from 0 to 100, and why: four parts, each with its reasons and their points.
//!
//! Not the points themselves (those are `weights`) and not the words (`words`). Cost: O(r log r) for r rules of the incident, however many
//! alerts they raised. Invariant: an incident that gets one more rule never weighs less (property test).

use super::link::Kind;
use super::tactic::{Tactic, technique};
use super::weights::{Domain, WEIGHTS};
use std::collections::BTreeSet;
use yagura_columns::Text;
use yagura_model::{Severity, UnixMicros};

/// What one rule adds to an incident.
#[derive(Clone, Debug, PartialEq)]
pub struct Share {
    /// Title of the rule.
    pub title: Text,
    /// Its level.
    pub level: Severity,
    /// Its ATT&CK technique.
    pub technique: Option<String>,
    /// What it looks at.
    pub domain: Domain,
    /// How bad its events are by the catalogue, if that is known.
    pub event: Option<Severity>,
    /// Whether a vehicle moved at its events; `None` if nobody knows.
    pub moving: Option<bool>,
    /// The largest number of vehicles that it counted itself.
    pub vehicles_counted: u64,
    /// How many of a hundred of its alerts were right so far, if people said so.
    pub precision_percent: Option<u8>,
    /// Time of its first event.
    pub first: UnixMicros,
    /// Time of its last event.
    pub last: UnixMicros,
    /// How many alerts.
    pub alerts: u64,
}

impl Share {
    /// The tactic of its technique.
    #[must_use]
    pub fn tactic(&self) -> Option<Tactic> {
        self.technique.as_deref().and_then(technique).map(|known| known.tactic)
    }

    fn acts(&self) -> bool {
        self.technique.as_deref().and_then(technique).is_some_and(|known| known.acts)
    }
}

/// What is known of an incident.
#[derive(Clone, Debug)]
pub struct Summary<'a> {
    /// What kind.
    pub kind: Kind,
    /// What each rule adds, in the order of their ids.
    pub shares: &'a [Share],
    /// Vehicles that its alerts name.
    pub vehicles: u64,
    /// Models of these vehicles.
    pub models: u64,
}

impl Summary<'_> {
    /// Vehicles, as far as anybody knows: those named, or as many as a rule counted.
    #[must_use]
    pub fn vehicles(&self) -> u64 {
        self.shares.iter().map(|share| share.vehicles_counted).fold(self.vehicles, u64::max)
    }

    /// The share that weighs most by itself.
    #[must_use]
    pub fn gravest(&self) -> Option<&Share> {
        self.shares.iter().max_by_key(|share| impact(share).0)
    }

    /// The tactics that follow each other in the order of attacks: the longest such row by first events.
    #[must_use]
    pub fn steps(&self) -> Vec<Tactic> {
        let mut seen: Vec<(UnixMicros, Tactic)> =
            self.shares.iter().filter_map(|share| Some((share.first, share.tactic()?))).collect();
        seen.sort_unstable();
        let mut rows: Vec<Vec<Tactic>> = Vec::new();
        for (_, tactic) in seen {
            let before = rows.iter().filter(|row| row.last().is_some_and(|last| *last < tactic));
            let mut row = before.max_by_key(|row| row.len()).cloned().unwrap_or_default();
            row.push(tactic);
            rows.push(row);
        }
        rows.into_iter().max_by_key(Vec::len).unwrap_or_default()
    }
}

/// One of the four things that are weighed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum WeighedPart {
    /// What the events touch.
    Impact,
    /// How sure it is.
    Confidence,
    /// How many vehicles.
    Spread,
    /// What the vehicles were doing.
    State,
}

/// Why a part has points.
#[derive(Clone, Debug, PartialEq)]
pub enum Reason {
    /// The gravest rule: its title, what it looks at, its level; and whether its technique changes what control units do.
    Touches {
        /// Title of the rule.
        title: Text,
        /// What it looks at.
        domain: Domain,
        /// Its level.
        level: Severity,
        /// Whether its technique changes what control units do or run.
        acts: bool,
    },
    /// How bad the events are by the catalogue.
    Event(Severity),
    /// So few of a hundred alerts of the gravest rule were right: its points are fewer.
    Precision(u8),
    /// So many different rules fired.
    Rules(u64),
    /// So many different domains saw something.
    Observers(u64),
    /// Tactics followed each other.
    Steps(Vec<Tactic>),
    /// Nothing else confirms it.
    Alone,
    /// So many vehicles.
    Vehicles(u64),
    /// Vehicles of so many models.
    Models(u64),
    /// A vehicle was moving.
    Moving,
    /// No vehicle was moving.
    Standing,
    /// Nobody knows whether a vehicle was moving.
    StateUnknown,
    /// It is about no vehicle.
    NoVehicle,
}

/// A part and its points.
#[derive(Clone, Debug, PartialEq)]
pub struct Weighed {
    /// Which.
    pub part: WeighedPart,
    /// What it got.
    pub points: u8,
    /// The most that it can get.
    pub most: u8,
    /// Why, each with its points; less than nothing where something speaks against it.
    pub reasons: Vec<(Reason, i8)>,
}

/// How much an incident weighs, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Assessment {
    /// 0 to 100: the points of the parts.
    pub score: u8,
    /// How bad that is.
    pub severity: Severity,
    /// Impact, confidence, spread, state.
    pub parts: [Weighed; 4],
}

/// Weighs an incident.
#[must_use]
pub fn assess(summary: &Summary<'_>) -> Assessment {
    let [most_impact, most_confidence, most_spread, most_state] = WEIGHTS.most;
    let impact = summary.gravest().map(|share| impact(share).1).unwrap_or_default();
    let parts = [
        weighed(WeighedPart::Impact, most_impact, impact),
        weighed(WeighedPart::Confidence, most_confidence, confidence(summary)),
        weighed(WeighedPart::Spread, most_spread, spread(summary)),
        weighed(WeighedPart::State, most_state, state(summary)),
    ];
    let score = parts.iter().fold(0, |sum: u8, part| sum.saturating_add(part.points)).min(100);
    Assessment { score, severity: WEIGHTS.severity(score), parts }
}

fn weighed(part: WeighedPart, most: u8, reasons: Vec<(Reason, i8)>) -> Weighed {
    let points = reasons.iter().fold(0_i16, |sum, (_, points)| sum.saturating_add(i16::from(*points)));
    let points = u8::try_from(points.clamp(0, i16::from(most))).unwrap_or(most);
    Weighed { part, points, most, reasons }
}

fn impact(share: &Share) -> (i16, Vec<(Reason, i8)>) {
    let acts = share.acts();
    let bonus = if acts { WEIGHTS.acts } else { 0 };
    let whole = u16::from((WEIGHTS.domain)(share.domain)).saturating_add(u16::from(bonus));
    let touches = percent(whole, (WEIGHTS.level_percent)(share.level));
    let (title, domain, level) = (share.title.clone(), share.domain, share.level);
    let mut reasons = vec![(Reason::Touches { title, domain, level, acts }, touches)];
    if let Some(event) = share.event {
        reasons.push((Reason::Event(event), points((WEIGHTS.event)(event))));
    }
    if let Some(precision) = share.precision_percent.filter(|precision| *precision < 100) {
        // A rule that was never right still counts for half of its points: somebody has to look.
        let lost = percent(u16::try_from(touches).unwrap_or(0), 100_u8.saturating_sub(precision)).checked_div(2);
        reasons.push((Reason::Precision(precision), lost.unwrap_or(0).saturating_neg()));
    }
    let sum = reasons.iter().fold(0_i16, |sum, (_, points)| sum.saturating_add(i16::from(*points)));
    (sum, reasons)
}

fn percent(of: u16, percent: u8) -> i8 {
    let share = of.saturating_mul(u16::from(percent)).checked_div(100).unwrap_or(0);
    i8::try_from(share).unwrap_or(i8::MAX)
}

fn points(points: u8) -> i8 {
    i8::try_from(points).unwrap_or(i8::MAX)
}

/// Points for each one beyond the first.
fn further(count: usize, each: u8, most: u8) -> i8 {
    let further = u8::try_from(count.saturating_sub(1)).unwrap_or(u8::MAX);
    points(further.saturating_mul(each).min(most))
}

fn confidence(summary: &Summary<'_>) -> Vec<(Reason, i8)> {
    let rules = summary.shares.len();
    let domains = summary.shares.iter().map(|share| share.domain).collect::<BTreeSet<_>>().len();
    let steps = summary.steps();
    let mut reasons = Vec::new();
    if rules > 1 {
        let count = u64::try_from(rules).unwrap_or(u64::MAX);
        reasons.push((Reason::Rules(count), further(rules, WEIGHTS.rule, WEIGHTS.rules_most)));
    }
    if domains > 1 {
        let count = u64::try_from(domains).unwrap_or(u64::MAX);
        reasons.push((Reason::Observers(count), further(domains, WEIGHTS.observer, WEIGHTS.observers_most)));
    }
    if steps.len() > 1 {
        let gained = further(steps.len(), WEIGHTS.step, WEIGHTS.steps_most);
        reasons.push((Reason::Steps(steps), gained));
    }
    if reasons.is_empty() {
        reasons.push((Reason::Alone, 0));
    }
    reasons
}

fn spread(summary: &Summary<'_>) -> Vec<(Reason, i8)> {
    let vehicles = summary.vehicles();
    let reached = WEIGHTS.vehicles.iter().rev().find(|(least, _)| vehicles >= *least);
    let mut reasons = vec![(Reason::Vehicles(vehicles), reached.map_or(0, |(_, gained)| points(*gained)))];
    if summary.models > 1 {
        reasons.push((Reason::Models(summary.models), points(WEIGHTS.models)));
    }
    reasons
}

fn state(summary: &Summary<'_>) -> Vec<(Reason, i8)> {
    if summary.vehicles() == 0 {
        return vec![(Reason::NoVehicle, 0)];
    }
    let states = || summary.shares.iter().filter_map(|share| share.moving);
    let (reason, gained) = match (states().any(|moving| moving), states().next()) {
        (true, _) => (Reason::Moving, WEIGHTS.moving),
        (false, Some(_)) if summary.shares.iter().all(|share| share.moving.is_some()) => {
            (Reason::Standing, WEIGHTS.standing)
        }
        // Some rules know that it stood, of others nobody knows: it may have moved.
        _ => (Reason::StateUnknown, WEIGHTS.unknown),
    };
    vec![(reason, points(gained))]
}
