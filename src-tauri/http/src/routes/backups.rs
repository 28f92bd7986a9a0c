//! `GET /api/backups`: the backups of the store. `POST /api/backups`: begins one.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use commonplace_api::Refusal;
use commonplace_api::backups::{BackupRequest, BackupRunning, Backups};
use http::{HeaderMap, StatusCode};

use crate::gate::App;
use crate::guard::bearer_token;
use crate::refusal::Answer;
use crate::routes::{changed, optional};

pub(crate) async fn show(State(app): State<App>) -> Answer<Json<Backups>> {
    Ok(Json(changed(move || app.host.backups()).await?))
}

/// Answers at once; `GET` tells how far it is and how it ended.
///
/// Another file is for `commonplace backup --to`, which asks the host so that two do not work at once. Whoever has the
/// admin token may write such a file anyway; a page may not, because what it puts somewhere, another program may run.
pub(crate) async fn begin(
    State(app): State<App>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer<(StatusCode, Json<BackupRunning>)> {
    let asked: BackupRequest = optional(&body, "{\"path\": \"…\", \"replace\": false}")?;
    if let Some(path) = &asked.path {
        // The working directory of the host is nobody's business.
        if !path.is_absolute() {
            let problem = format!("`path` is `{}`, but must be absolute", path.display());
            return Err(Refusal::bad_request(problem).into());
        }
        if !bearer_token(&headers).is_some_and(|token| app.access.is_admin_token(token)) {
            return Err(Refusal::SessionToken.into());
        }
    }
    let running = changed(move || app.host.start_backup(&asked)).await?;
    Ok((StatusCode::ACCEPTED, Json(running)))
}
