//! `GET /api/backups`: the backups of the store. `POST /api/backups`: begins one.

use std::path::PathBuf;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use commonplace_engine::{BackupRunning, BackupTo, BackupsStatus};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use crate::gate::App;
use crate::guard::bearer_token;
use crate::refusal::Refusal;
use crate::routes::{changed, object};

#[derive(Deserialize, Default)]
struct Asked {
    /// None: the directory of backups.
    path: Option<PathBuf>,
    #[serde(default)]
    replace: bool,
}

pub(crate) async fn show(State(app): State<App>) -> Result<Json<BackupsStatus>, Refusal> {
    Ok(Json(changed(move || Ok(app.control.backups())).await?))
}

/// Answers at once; `GET` tells how far it is and how it ended.
///
/// Another file is for `commonplace backup --to`, which asks the host so that two do not work at once. Whoever has the
/// admin token may write such a file anyway; a page may not, because what it puts somewhere, another program may run.
pub(crate) async fn begin(
    State(app): State<App>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<BackupRunning>), Refusal> {
    let asked = parse(&body)?;
    let is_page = || !bearer_token(&headers).is_some_and(|token| app.access.is_admin_token(token));
    if asked.is_some() && is_page() {
        return Err(Refusal::SessionToken);
    }
    let running = changed(move || app.control.start_backup(asked)).await?;
    Ok((StatusCode::ACCEPTED, Json(running)))
}

fn parse(body: &[u8]) -> Result<Option<BackupTo>, Refusal> {
    if body.is_empty() {
        return Ok(None);
    }
    let asked: Asked = object(body).map_err(|_| {
        let text = "the body must be empty or `{\"path\": \"…\", \"replace\": false}`";
        Refusal::BadRequest(text.to_owned())
    })?;
    let Some(path) = asked.path else {
        return Ok(None);
    };
    // The working directory of the host is nobody's business.
    if !path.is_absolute() {
        return Err(Refusal::BadRequest(format!(
            "`path` is `{}`, but must be absolute",
            path.display()
        )));
    }
    Ok(Some(BackupTo::File {
        path,
        replace: asked.replace,
    }))
}
