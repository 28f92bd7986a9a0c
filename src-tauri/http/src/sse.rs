//! Live events: the status at once, and again whenever it may have changed.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use commonplace_api::status::OverallState;
use futures_util::stream;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, sleep_until};

use crate::access::Bearer;
use crate::gate::App;
use crate::source::StatusSource;

/// Shortest time between two events: four a second are more than an eye reads.
const PAUSE_MIN: Duration = Duration::from_millis(250);
/// Longest time between two events while something waits: the words may change although nothing happens.
const REFRESH: Duration = Duration::from_secs(1);
/// Longest silence; a page that hears nothing for much longer knows that the host is gone.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// The status as it went out last. However many pages are open, it is put together and written down once.
#[derive(Debug, Default)]
pub(crate) struct Latest(Mutex<Option<Told>>);

/// One status, as text.
#[derive(Debug, Clone)]
struct Told {
    /// The tick that was the last one when it was read.
    tick: u64,
    at: Instant,
    state: OverallState,
    text: Arc<str>,
}

impl Latest {
    /// Returns the status, read anew if there was a tick since the last one, or if that one is too old to be shown again.
    fn get(&self, tick: u64, source: &dyn StatusSource) -> Option<Told> {
        // Whoever comes second waits for the first, some milliseconds at most, and takes what that one read.
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_fresh = |told: &&Told| told.tick == tick && told.at.elapsed() < PAUSE_MIN;
        if let Some(told) = latest.as_ref().filter(is_fresh) {
            return Some(told.clone());
        }
        let status = source.status();
        let told = Told {
            tick,
            at: Instant::now(),
            state: status.state,
            text: serde_json::to_string(&status).ok()?.into(),
        };
        Some(latest.insert(told).clone())
    }
}

/// Answers with a stream that lives until the reader goes, the host shuts down, or `token` opens nothing any more.
/// Each event counts as a use of it.
pub(crate) fn answer(app: &App, token: String, permit: OwnedSemaphorePermit) -> Response {
    let feed = Feed {
        token,
        changes: app.status.changes(),
        closing: app.closing.subscribe(),
        rotations: app.access.rotations(),
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
        if self.app.access.identify(&self.token) != Bearer::Admin {
            return None;
        }
        let tick = *self.changes.borrow_and_update();
        let told = self.app.latest.get(tick, self.app.status.as_ref())?;
        self.last = Some((Instant::now(), told.state));
        Some(Event::default().event("status").data(&*told.text))
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
