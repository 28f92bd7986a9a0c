//! `POST /api/session`: a session for a one-time code. `DELETE /api/session`: its end. `POST /api/session/proof`: this host
//! proves that it knows a session, before its page sends the token to whoever listens here after a connection was lost.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};

use crate::codes::Redeemed;
use crate::gate::App;
use crate::guard::bearer_token;
use crate::refusal::Refusal;
use crate::routes::{changed, object};
use crate::sessions::SESSION_IDLE_MAX;
use crate::tokens::{hex, unhex};

#[derive(Deserialize)]
struct Presented {
    code: String,
}

#[derive(Serialize)]
pub(crate) struct Session {
    token: String,
    idle_max_s: u64,
}

pub(crate) async fn begin(State(app): State<App>, body: Bytes) -> Result<Json<Session>, Refusal> {
    let presented: Presented = object(&body)
        .map_err(|_| Refusal::BadRequest("the body must be `{\"code\": \"…\"}`".to_owned()))?;
    match app.access.redeem(&presented.code) {
        Ok(token) => {
            keep(app).await?;
            Ok(Json(Session {
                token: token.reveal().to_owned(),
                idle_max_s: SESSION_IDLE_MAX.as_secs(),
            }))
        }
        Err(Redeemed::TooMany(wait)) => Err(Refusal::TooManyCodes(wait)),
        Err(Redeemed::Wrong | Redeemed::Good) => Err(Refusal::WrongCode),
    }
}

/// Ends the session whose token was sent. The admin token itself is no session and stays good.
pub(crate) async fn end(State(app): State<App>, headers: HeaderMap) -> Result<StatusCode, Refusal> {
    if bearer_token(&headers).is_some_and(|token| app.access.end_session(token)) {
        keep(app).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
struct Asked {
    /// SHA-256 of the SHA-256 of the session's token.
    session: String,
    /// 32 bytes that the page has made up for this question.
    nonce: String,
}

#[derive(Serialize)]
pub(crate) struct Proof {
    proof: String,
}

pub(crate) async fn prove(State(app): State<App>, body: Bytes) -> Result<Json<Proof>, Refusal> {
    let wrong = || {
        let form = "the body must be `{\"session\": \"…\", \"nonce\": \"…\"}` with 64 hexadecimal digits each";
        Refusal::BadRequest(form.to_owned())
    };
    let asked: Asked = object(&body).map_err(|_| wrong())?;
    let name = unhex(&asked.session).ok_or_else(wrong)?;
    let nonce = unhex(&asked.nonce).ok_or_else(wrong)?;
    let proof = app.access.prove_session(&name, &nonce);
    let proof = hex(&proof.ok_or(Refusal::UnknownToken)?);
    Ok(Json(Proof { proof }))
}

/// Lets the next host know before the page does: what has begun goes on there, and what has ended stays so.
async fn keep(app: App) -> Result<(), Refusal> {
    let save = move || {
        app.access.save_sessions();
        Ok(())
    };
    changed(save).await
}
