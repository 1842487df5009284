//! The rules that are active now, and how a change of their files becomes active without a restart.
//!
//! Not the rules and not the engine: whoever works by them asks for the newest before each piece of work. Invariants: a set becomes active
//! whole or not at all; faulty files leave the set before active, and a person is told file and line until they are mended. Cost: the
//! names and times of all their files every [`LOOK_EVERY`]; their text only when one changed.

use super::costs::RuleCosts;
use super::indicator_files::{directory_beside, set_files};
use super::rule_files::rule_files;
use super::rules::{RulePlaces, Rules, RulesError};
use crate::api::Health;
use crate::happenings::{RulesChanged, RulesRefused, chain, emit};
use crate::stop::stopped;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use yagura_detect::Facts;

/// How often it is looked whether a file of rules or of an indicator set changed. A change is taken up when a second look finds no further one.
pub const LOOK_EVERY: Duration = Duration::from_secs(2);
const KIND: &str = "rules";
const NEXT_STEP: &str = "Mend the file that is named, or put the old one back; `yagura rule lint` checks a directory before it is given \
                         to a server. The rules before the change stay active.";

/// The rules that are active now, and what they cost. Cheap to clone; each clone knows what it has seen.
#[derive(Clone, Debug)]
pub struct ActiveRules {
    newest: watch::Receiver<Arc<Rules>>,
    costs: RuleCosts,
}

impl ActiveRules {
    /// Rules that do not change.
    #[must_use]
    pub fn fixed(rules: Rules) -> Self {
        Self { newest: watch::channel(Arc::new(rules)).1, costs: RuleCosts::default() }
    }

    /// The rules of these places, looked at until told to stop; what is built in does not change.
    #[must_use]
    pub fn attended(rules: Rules, places: RulePlaces, health: Health, stop: watch::Receiver<bool>) -> Self {
        let (sender, receiver) = watch::channel(Arc::new(rules));
        if places != RulePlaces::default() {
            let facts = sender.borrow().set.surroundings().facts.clone();
            tokio::spawn(attend((places, facts), sender, health, stop));
        }
        Self { newest: receiver, costs: RuleCosts::default() }
    }

    /// The same, of which each may cost so many nanoseconds an event.
    #[must_use]
    pub fn with_budget(self, budget_ns: u64) -> Self {
        Self { costs: RuleCosts::with_budget(budget_ns), ..self }
    }

    /// What they cost in this process.
    #[must_use]
    pub const fn costs(&self) -> &RuleCosts {
        &self.costs
    }

    /// The newest.
    #[must_use]
    pub fn now(&self) -> Arc<Rules> {
        self.newest.borrow().clone()
    }

    /// The newest, if they changed since this clone was made or asked last.
    pub fn renewed(&mut self) -> Option<Arc<Rules>> {
        // Whose sender is gone does not change any more.
        self.newest.has_changed().unwrap_or(false).then(|| self.newest.borrow_and_update().clone())
    }

    /// Completes when they have changed; never, if they cannot.
    pub async fn changed(&mut self) {
        if self.newest.changed().await.is_err() {
            std::future::pending().await
        }
    }
}

/// Path, length and time of change of every file of rules and indicator sets.
type Look = Vec<(PathBuf, u64, Option<SystemTime>)>;

fn look(places: &RulePlaces) -> Result<Look, RulesError> {
    let mut files = match &places.rules {
        Some(dir) => rule_files(dir)?,
        None => Vec::new(),
    };
    let beside = places.rules.as_deref().and_then(directory_beside);
    for dir in beside.iter().chain(&places.indicators) {
        files.extend(set_files(dir)?);
    }
    let mut look = Vec::new();
    for path in files {
        let about = std::fs::metadata(&path).map_err(|source| RulesError::File { path: path.clone(), source })?;
        look.push((path, about.len(), about.modified().ok()));
    }
    look.sort();
    Ok(look)
}

async fn attend(
    (places, facts): (RulePlaces, Facts),
    active: watch::Sender<Arc<Rules>>,
    health: Health,
    stop: watch::Receiver<bool>,
) {
    let places = Arc::new(places);
    let look_again = || {
        let places = Arc::clone(&places);
        async move { spawn_blocking(move || look(&places)).await }
    };
    let Ok(first) = look_again().await else { return };
    let (mut taken, mut seen) = (first.ok(), None);
    loop {
        tokio::select! {
            () = stopped(stop.clone()) => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        let Ok(now) = look_again().await else { return };
        let now = now.ok();
        if now == taken {
            seen = None;
            continue;
        }
        // Files may be written at this moment; they are taken up when they rest.
        if seen.as_ref() != Some(&now) {
            seen = Some(now);
            continue;
        }
        let places = Arc::clone(&places);
        let Ok(loaded) = spawn_blocking(move || Rules::load(&places)).await else { return };
        match loaded {
            Ok(rules) => {
                emit(&RulesChanged { rules: rules.book.len() });
                active.send_replace(Arc::new(rules.with_facts(facts.clone())));
                health.heals(KIND);
            }
            Err(error) => {
                emit(&RulesRefused { cause: &error });
                // The newest fault is the one to mend.
                health.heals(KIND);
                health.ails(KIND, &chain(&error), NEXT_STEP);
            }
        }
        (taken, seen) = (now, None);
    }
}
