//! Alerts and incidents that other processes raise or people of another console change, handed to those who look here.
//!
//! Not a queue: the state is asked again and again. Invariants: an alert is sent within [`LOOK_EVERY`] and one read of when it was
//! committed; the same alert unchanged is sent once; a look reads at most [`PAGE`] rows, and a page that is full is more than a reader's
//! queue holds, so that whoever missed a row is told to read the lists again. Cost: two indexed reads a look, whoever looks.

use super::live::{Health, LIVE_ALERTS_MAX, Live};
use super::{incident_view, views};
use crate::clock;
use crate::happenings::{AlertsNotFollowed, chain, emit};
use crate::state::{AlertRow, IncidentRow, State, StateError};
use crate::tenant::Tenant;
use std::collections::HashMap;
use std::future::Future;
use std::marker::PhantomData;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};
use yagura_model::UnixMicros;

/// How often the state is asked.
pub const LOOK_EVERY: Duration = Duration::from_millis(500);
/// The most rows of a look.
const PAGE: usize = 2 * LIVE_ALERTS_MAX;
/// How much later than another's a commit may become visible, though it names an earlier time: owners have clocks of their own.
const OVERLAP_US: i64 = 30_000_000;
const KIND: &str = "live";

/// Follows the state until `stopped` completes.
pub async fn follow(state: State, live: Live, health: Health, stopped: impl Future<Output = ()> + Send) {
    let mut stopped = std::pin::pin!(stopped);
    let mut looks = interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let now = clock::now();
    let (mut alerts, mut incidents) = (Shown::since(now), Shown::since(now));
    loop {
        tokio::select! {
            () = &mut stopped => return,
            _ = looks.tick() => {}
        }
        match look(&state, &live, &mut alerts, &mut incidents).await {
            Ok(()) => drop(health.heals(KIND)),
            Err(error) => {
                let detail = format!("Alerts are not shown as they come: {}", chain(&error));
                let next_step = "Bring the state database back; lists and streams go on by themselves.";
                if health.ails(KIND, &detail, next_step) {
                    emit(&AlertsNotFollowed { cause: &error });
                }
            }
        }
    }
}

async fn look(
    state: &State,
    live: &Live,
    alerts: &mut Shown<AlertRow>,
    incidents: &mut Shown<IncidentRow>,
) -> Result<(), StateError> {
    let limit = u32::try_from(PAGE).unwrap_or(u32::MAX);
    let news = alerts.news(state.alerts_raised_since(alerts.from, limit).await?);
    news.iter().for_each(|(tenant, row)| live.alert(*tenant, views::alert(row)));
    let news = incidents.news(state.incidents_touched_since(incidents.from, limit).await?);
    let listed = news.iter().filter(|(_, row)| row.listed == 1);
    listed.for_each(|(tenant, row)| live.incident(*tenant, incident_view(row)));
    Ok(())
}

/// A row that is followed.
trait Followed {
    fn id(&self) -> &[u8];
    /// What of it changes, besides when it was touched.
    fn version(&self) -> (i64, i64);
}

impl Followed for AlertRow {
    fn id(&self) -> &[u8] {
        &self.alert_id
    }

    fn version(&self) -> (i64, i64) {
        (self.count, self.status)
    }
}

impl Followed for IncidentRow {
    fn id(&self) -> &[u8] {
        &self.incident_id
    }

    fn version(&self) -> (i64, i64) {
        (self.alerts, self.status)
    }
}

/// A version of a row: when it was touched, and what changes.
type Version = (UnixMicros, (i64, i64));

/// What was shown last, of the rows that the next look finds again.
#[derive(Debug)]
struct Shown<R> {
    /// From when on the state is asked.
    from: UnixMicros,
    versions: HashMap<(Tenant, Vec<u8>), Version>,
    rows: PhantomData<R>,
}

impl<R: Followed> Shown<R> {
    fn since(now: UnixMicros) -> Self {
        Self { from: now.plus(-OVERLAP_US), versions: HashMap::new(), rows: PhantomData }
    }

    /// What is new in what a look found.
    fn news(&mut self, rows: Vec<(Tenant, R, UnixMicros)>) -> Vec<(Tenant, R)> {
        let full = rows.len() >= PAGE;
        let newest = rows.last().map(|(_, _, touched)| *touched);
        let mut news = Vec::new();
        for (tenant, row, touched) in rows {
            let version = (touched, row.version());
            if self.versions.insert((tenant, row.id().to_vec()), version) != Some(version) {
                news.push((tenant, row));
            }
        }
        self.from = match newest {
            // So many at one instant are not read in pieces: the readers' queues are over.
            Some(newest) if full && newest == self.from => newest.plus(1),
            Some(newest) if full => newest,
            Some(newest) => self.from.max(newest.plus(-OVERLAP_US)),
            None => self.from,
        };
        let from = self.from;
        self.versions.retain(|_, (touched, _)| *touched >= from);
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(number: u64, count: i64, touched: i64) -> (Tenant, AlertRow, UnixMicros) {
        let row = AlertRow {
            alert_id: number.to_be_bytes().to_vec(),
            rule_id: "r".to_owned(),
            title_en: String::new(),
            title_ja: String::new(),
            severity: 3,
            status: 0,
            vehicle: None,
            vehicles: 1,
            technique: None,
            group_json: "[]".to_owned(),
            match_json: "[]".to_owned(),
            first_us: 0,
            last_us: 0,
            count,
            raised_us: 0,
            late_us: None,
            shadow: 0,
            disposition: None,
        };
        (Tenant::named(yagura_model::Name::new("acme").unwrap()), row, UnixMicros(touched))
    }

    #[test]
    fn an_alert_is_news_once_a_version_and_a_late_commit_is_not_missed() {
        let mut shown = Shown::since(UnixMicros(100_000_000));
        assert_eq!(shown.news(vec![row(1, 1, 100_000_000)]).len(), 1);
        assert_eq!(shown.news(vec![row(1, 1, 100_000_000)]).len(), 0);
        // Another owner's clock is behind, its commit came later.
        assert_eq!(shown.news(vec![row(2, 1, 95_000_000), row(1, 1, 100_000_000)]).len(), 1);
        assert_eq!(shown.news(vec![row(2, 1, 95_000_000), row(1, 2, 101_000_000)]).len(), 1);
        assert!(shown.from < UnixMicros(95_000_000));
    }

    #[test]
    fn a_storm_is_read_in_bounded_steps_that_always_go_on() {
        let all: Vec<_> = (0..10_000).map(|n| row(n, 1, if n < 5_000 { 7 } else { n as i64 })).collect();
        let mut shown = Shown::since(UnixMicros(0));
        let mut looks = 0;
        loop {
            let found = all.iter().filter(|it| it.2 >= shown.from).take(PAGE).cloned().collect::<Vec<_>>();
            let full = found.len() >= PAGE;
            shown.news(found);
            looks += 1;
            assert!(shown.versions.len() <= PAGE && looks < 20);
            if !full {
                break;
            }
        }
    }
}
