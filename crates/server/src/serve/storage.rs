//! Watches whether the vault takes reports, and says so in the overview while it does not.
//!
//! Not the intake's answer to devices (503 with the cause, from the gate). Invariant: the problem appears within [`LOOK_EVERY`] of the
//! first failure and goes when a report became durable after the last failure, or nothing failed for [`QUIET`].

use crate::api::Health;
use crate::gate::{Counted, Counters};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// After how long without a failure the problem counts as gone, though no report came.
const QUIET: Duration = Duration::from_secs(30);
const KIND: &str = "storage";

pub(super) async fn watch(counters: Arc<Counters>, health: Health, stopped: impl Future<Output = ()>) {
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut stopped = std::pin::pin!(stopped);
    let mut seen = (0, 0);
    let mut failed_at = Instant::now();
    loop {
        tokio::select! {
            () = &mut stopped => return,
            _ = ticks.tick() => {}
        }
        let now = (counters.total(Counted::VaultFailed), counters.total(Counted::Accepted));
        if now.0 > seen.0 {
            failed_at = Instant::now();
            let detail = "The vault cannot be written: reports are turned away with 503 and devices keep them.";
            let next_step = "Make room on the disk of the data directory, or give the server the right to write there. \
                             It goes on by itself; the server's log names the file.";
            health.ails(KIND, detail, next_step);
        } else if now.1 > seen.1 || failed_at.elapsed() >= QUIET {
            health.heals(KIND);
        }
        seen = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    #[tokio::test(start_paused = true)]
    async fn a_vault_that_fails_is_a_problem_until_it_takes_reports_again() {
        let (counters, health) = (Arc::new(Counters::default()), Health::default());
        let watching = tokio::spawn(watch(Arc::clone(&counters), health.clone(), std::future::pending()));
        let look = async || {
            advance(LOOK_EVERY).await;
            tokio::task::yield_now().await;
            health.problems().len()
        };
        assert_eq!(look().await, 0);
        counters.count(Counted::VaultFailed);
        assert_eq!(look().await, 1);
        assert_eq!(look().await, 1, "silence alone heals nothing at once");
        counters.count(Counted::Accepted);
        assert_eq!(look().await, 0);
        watching.abort();
    }
}
