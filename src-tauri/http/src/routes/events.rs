//! `GET /events`: the status at once, and again whenever it may have changed, as server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use commonplace_api::Refusal;
use commonplace_api::status::OverallState;
use futures_util::stream;
use http::HeaderMap;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, sleep_until};

use crate::admission::access::Bearer;
use crate::admission::guard::bearer_token;
use crate::answers::refusal::Refused;
use crate::state::App;
use crate::state::latest::PAUSE_MIN;

/// Longest time between two events while something waits: the words may change although nothing happens.
const REFRESH: Duration = Duration::from_secs(1);
/// Longest silence; a page that hears nothing for much longer knows that the host is gone.
const HEARTBEAT: Duration = Duration::from_secs(15);

pub(crate) async fn stream(State(app): State<App>, headers: HeaderMap) -> Response {
    let token = bearer_token(&headers).unwrap_or_default().to_owned();
    match Arc::clone(&app.streams).try_acquire_owned() {
        Ok(permit) => answer(&app, token, permit),
        Err(_) => {
            let limit = app.site.limits.streams_max;
            Refused(Refusal::TooManyStreams { limit }).into_response()
        }
    }
}

/// Answers with a stream that lives until the reader goes, the host shuts down, or `token` opens nothing any more.
/// Each event counts as a use of it.
fn answer(app: &App, token: String, permit: OwnedSemaphorePermit) -> Response {
    let feed = Feed {
        token,
        changes: app.site.status.changes(),
        closing: app.closing.subscribe(),
        rotations: app.site.access.rotations(),
        last: None,
        app: Arc::clone(app),
        _permit: permit,
    };
    let events = stream::unfold(feed, |mut feed| async {
        let event = feed.next().await?;
        Some((Ok::<_, Infallible>(event), feed))
    });
    let heartbeat = KeepAlive::new().interval(HEARTBEAT).text("still here");
    Sse::new(events).keep_alive(heartbeat).into_response()
}

struct Feed {
    app: App,
    /// What the reader presented.
    token: String,
    changes: watch::Receiver<u64>,
    closing: watch::Receiver<bool>,
    rotations: watch::Receiver<u64>,
    /// When the last event went out, and whether anything was waiting then.
    last: Option<(Instant, OverallState)>,
    _permit: OwnedSemaphorePermit,
}

impl Feed {
    /// Waits for the next event; None ends the stream.
    async fn next(&mut self) -> Option<Event> {
        if let Some((sent, state)) = self.last {
            self.wait_for_news(sent, state).await?;
        }
        if *self.closing.borrow() || self.rotations.has_changed().unwrap_or(true) {
            return None;
        }
        // A session may have ended since the last event, which no rotation tells.
        if self.app.site.access.identify(&self.token) != Bearer::Admin {
            return None;
        }
        let tick = *self.changes.borrow_and_update();
        let snapshot = self.app.latest.get(tick, self.app.site.status.as_ref())?;
        self.last = Some((Instant::now(), snapshot.state));
        Some(Event::default().event("status").data(&*snapshot.json))
    }

    async fn wait_for_news(&mut self, sent: Instant, state: OverallState) -> Option<()> {
        let is_calm = state == OverallState::Ok;
        let changes = &mut self.changes;
        let news = async {
            tokio::select! {
                changed = changes.changed() => changed.ok()?,
                () = sleep_until(sent + REFRESH), if !is_calm => {}
            }
            sleep_until(sent + PAUSE_MIN).await;
            Some(())
        };
        tokio::select! {
            _ = self.closing.wait_for(|is_closing| *is_closing) => None,
            _ = self.rotations.changed() => None,
            news = news => news,
        }
    }
}
