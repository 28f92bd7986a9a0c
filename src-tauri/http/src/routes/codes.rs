//! `POST /api/codes`: an address that opens the page once.

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use crate::codes::CODE_LIFE;
use crate::gate::App;

#[derive(Serialize)]
pub(crate) struct Opening {
    url: String,
    expires_in_s: u64,
}

pub(crate) async fn issue(State(app): State<App>) -> Json<Opening> {
    Json(Opening {
        url: format!(
            "http://127.0.0.1:{}/#code={}",
            app.port,
            app.access.issue_code()
        ),
        expires_in_s: CODE_LIFE.as_secs(),
    })
}
