//! What a person sees and changes of a host: its state, backups, checks, pauses, settings, locks, start at login, clients.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::IntoResponse;
use commonplace_api::about::{CheckBegun, Health, LoginRequest, LoginStatus};
use commonplace_api::backups::{BackupRequest, BackupRunning, Backups};
use commonplace_api::connections::{ConnectionDone, ConnectionRequest, Connections};
use commonplace_api::locks::{LocksReport, Settle, Settled};
use commonplace_api::settings::{SettingsChange, SettingsReport};
use commonplace_api::status::{IntegrityStatus, Status};
use commonplace_api::{PauseAnswer, PauseRequest, Refusal};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};

use super::asked::{object, optional};
use super::json;
use crate::admission::guard::bearer_token;
use crate::answers::refusal::Answer;
use crate::state::App;

/// Who paused, by default.
const PAUSED_BY_DEFAULT: &str = "the dashboard";

pub(crate) async fn status(State(app): State<App>) -> Json<Status> {
    Json(app.site.status.status())
}

pub(crate) async fn health(State(app): State<App>) -> Json<Health> {
    let status = app.site.status.status();
    let about = &app.site.about;
    let revisions = about.mcp_revisions.iter().map(ToString::to_string);
    Json(Health {
        state: status.state,
        diagnosis: status.diagnosis,
        version: status.host.version,
        pid: status.host.pid,
        instance: status.host.instance,
        data_dir: status.host.data_dir,
        started_ms: status.host.started_ms,
        mcp_revisions: revisions.collect(),
        command: about.command.clone(),
        connections_closed: app.refusals.closed(),
    })
}

pub(crate) async fn openapi() -> impl IntoResponse {
    let kind = "application/json";
    ([(CONTENT_TYPE, kind)], commonplace_api::OPENAPI)
}

pub(crate) async fn backups(State(app): State<App>) -> Answer<Json<Backups>> {
    json(move || app.site.host.backups()).await
}

/// Answers at once; `GET` tells how far it is and how it ended.
///
/// `path` is for `commonplace backup --to`, which asks the host so that two backups do not run at the same time. Whoever
/// has the admin token may write such a file anyway; a page may not, because another program may run what it puts
/// somewhere.
pub(crate) async fn start_backup(
    State(app): State<App>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer<(StatusCode, Json<BackupRunning>)> {
    let asked: BackupRequest = optional(&body, "{\"path\": \"…\", \"replace\": false}")?;
    if let Some(path) = &asked.path {
        // Clients do not know the working directory of the host.
        if !path.is_absolute() {
            let problem = format!("`path` is `{}`, but must be absolute", path.display());
            return Err(Refusal::bad_request(problem).into());
        }
        if !bearer_token(&headers).is_some_and(|token| app.site.access.is_admin_token(token)) {
            return Err(Refusal::SessionToken.into());
        }
    }
    let running = json(move || app.site.host.start_backup(&asked)).await?;
    Ok((StatusCode::ACCEPTED, running))
}

/// Answers at once; the status tells how it ended.
pub(crate) async fn start_check(State(app): State<App>) -> Answer<(StatusCode, Json<CheckBegun>)> {
    let integrity = IntegrityStatus::Checking;
    let begun = json(move || {
        app.site.host.start_check()?;
        Ok(CheckBegun { integrity })
    });
    Ok((StatusCode::ACCEPTED, begun.await?))
}

pub(crate) async fn pause(State(app): State<App>, body: Bytes) -> Answer<Json<PauseAnswer>> {
    let asked: PauseRequest = optional(&body, "{\"by\": \"…\"}")?;
    json(move || {
        let by = asked.by.as_deref().unwrap_or(PAUSED_BY_DEFAULT);
        let pause = Some(app.site.host.pause(by)?);
        Ok(PauseAnswer { pause })
    })
    .await
}

pub(crate) async fn resume(State(app): State<App>) -> Answer<Json<PauseAnswer>> {
    json(move || {
        let pause = app.site.host.resume()?;
        Ok(PauseAnswer { pause })
    })
    .await
}

pub(crate) async fn settings(State(app): State<App>) -> Answer<Json<SettingsReport>> {
    json(move || app.site.host.settings()).await
}

/// Changes all of the settings that the body names, or none.
pub(crate) async fn change_settings(
    State(app): State<App>,
    body: Bytes,
) -> Answer<Json<SettingsReport>> {
    let asked: SettingsChange = object(&body, "{\"key\": value, …}, where null sets the default")?;
    json(move || app.site.host.change_settings(&asked)).await
}

pub(crate) async fn autostart(State(app): State<App>) -> Answer<Json<LoginStatus>> {
    json(move || app.site.login.status()).await
}

pub(crate) async fn set_autostart(
    State(app): State<App>,
    body: Bytes,
) -> Answer<Json<LoginStatus>> {
    let asked: LoginRequest = object(&body, "{\"start_at_login\": true}, or false")?;
    json(move || app.site.login.set(asked.start_at_login)).await
}

pub(crate) async fn connections(State(app): State<App>) -> Answer<Json<Connections>> {
    json(move || app.site.clients.list(&app.site.status.status().clients)).await
}

pub(crate) async fn connection(
    State(app): State<App>,
    body: Bytes,
) -> Answer<Json<ConnectionDone>> {
    let shape = "{\"client\": \"codex\", \"act\": \"connect\"}, or `disconnect` or `verify`";
    let asked: ConnectionRequest = object(&body, shape)?;
    json(move || {
        let seen = app.site.status.status().clients;
        app.site.clients.act(&asked, &seen)
    })
    .await
}

pub(crate) async fn locks(State(app): State<App>) -> Answer<Json<LocksReport>> {
    json(move || app.site.host.locks()).await
}

pub(crate) async fn settle(State(app): State<App>, body: Bytes) -> Answer<Json<Settled>> {
    let shape = "{\"act\": \"clear_leftovers\"}, or `take_over` or `terminate`, with \"holder\": {\"instance\": …, \
                 \"since_ms\": …} as the table of locks shows it";
    let asked: Settle = optional(&body, shape)?;
    json(move || app.site.host.settle(&asked)).await
}
