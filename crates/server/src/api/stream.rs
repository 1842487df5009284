//! The stream: alerts as they are raised, incidents as they change, and a tick each second, as server-sent events.
//!
//! Not a log: a client that lost the connection reads the lists again. Invariants: at most [`STREAMS_MAX`] streams; a stream ends
//! with its session; a slow reader is told (`event: lagged`) how many it missed. Cost: three small reads a second a stream.

use super::live::News;
use super::types::{Problem, Tick};
use super::{ApiError, App, overview, views};
use crate::auth::Session;
use crate::clock;
use crate::stop::stopped;
use crate::tenant::Tenant;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::stream::{self, Stream};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::time::{Interval, MissedTickBehavior, interval};

/// The most streams open at a time.
pub const STREAMS_MAX: usize = 128;
const TICK: Duration = Duration::from_secs(1);

struct Open {
    app: App,
    session: Session,
    news: Receiver<(Tenant, News)>,
    ticks: Interval,
    _permit: OwnedSemaphorePermit,
}

/// What happens now.
#[utoipa::path(
    get, path = "/api/v1/stream",
    responses(
        (status = 200, content_type = "text/event-stream", body = String,
         description = "`event: alert` with an Alert, `event: incident` with an Incident, `event: tick` with a Tick each second, \
                        `event: lagged` with {\"missed\": n} when this reader was too slow"),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json")
    )
)]
pub(crate) async fn stream(
    State(app): State<App>,
    session: Session,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    let permit = Arc::clone(&app.streams).try_acquire_owned();
    let permit = permit.map_err(|_| ApiError::TooManyStreams { max: STREAMS_MAX })?;
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let open = Open { news: app.live.subscribe(), app, session, ticks, _permit: permit };
    let events = stream::unfold(open, |mut open| async move { open.next().await.map(|event| (Ok(event), open)) });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))))
}

impl Open {
    /// The next event of this reader; `None` ends the stream.
    async fn next(&mut self) -> Option<Event> {
        loop {
            let received = tokio::select! {
                () = stopped(self.app.stop.clone()) => return None,
                _ = self.ticks.tick() => None,
                received = self.news.recv() => Some(received),
            };
            match received {
                None => return self.tick().await,
                Some(Ok((tenant, news))) if tenant == *self.session.tenant() => {
                    return match news {
                        News::Alert(alert) => Event::default().event("alert").json_data(alert).ok(),
                        News::Incident(incident) => Event::default().event("incident").json_data(incident).ok(),
                    };
                }
                Some(Ok(_)) => {}
                Some(Err(RecvError::Lagged(missed))) => {
                    let data = serde_json::json!({ "missed": missed });
                    return Event::default().event("lagged").json_data(data).ok();
                }
                Some(Err(RecvError::Closed)) => return None,
            }
        }
    }

    async fn tick(&self) -> Option<Event> {
        let (app, tenant, now) = (&self.app, self.session.tenant(), clock::now());
        // A session that has ended, or a state that does not answer, ends the stream; the client asks again and is told.
        app.state.session(&self.session.hash, now).await.ok()??;
        let tick = Tick {
            server_time: now.into(),
            events_per_second: overview::rate_now(app, tenant, now).await.ok()?,
            alerts_open: views::alert_counts(app.state.alerts_not_closed(tenant).await.ok()?),
            reporting: app.state.reporting(tenant, now.plus(-app.silent_after_us)).await.ok()?,
        };
        Event::default().event("tick").json_data(tick).ok()
    }
}
