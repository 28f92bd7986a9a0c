//! Signing in: `POST /api/codes`, an address that opens the page once; `POST /api/session`, a session for a one-time code;
//! `DELETE /api/session`, its end. `POST /api/session/proof`: this host proves that it knows a session, before its page
//! sends the token to whoever listens here after a connection was lost.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use commonplace_api::Refusal;
use commonplace_api::about::{PageAddress, Proof, ProofRequest, Session, SessionRequest};
use http::{HeaderMap, StatusCode};

use super::asked::object;
use super::blocking;
use crate::admission::codes::Redeemed;
use crate::admission::guard::bearer_token;
use crate::admission::sessions::SESSION_IDLE_MAX;
use crate::admission::tokens::read_digest;
use crate::answers::refusal::Answer;
use crate::state::App;

pub(crate) async fn code(State(app): State<App>) -> Json<PageAddress> {
    Json(app.site.access.page_address(app.site.port))
}

pub(crate) async fn begin(State(app): State<App>, body: Bytes) -> Answer<Json<Session>> {
    let presented: SessionRequest = object(&body, "{\"code\": \"…\"}")?;
    match app.site.access.redeem(&presented.code) {
        Ok(token) => {
            keep(app).await?;
            Ok(Json(Session {
                token: token.reveal().to_owned(),
                idle_max_s: SESSION_IDLE_MAX.as_secs(),
            }))
        }
        Err(Redeemed::TooMany(wait)) => Err(Refusal::TooManyCodes {
            retry_after_s: wait.as_secs().max(1),
        }
        .into()),
        Err(Redeemed::Wrong | Redeemed::Valid) => Err(Refusal::WrongCode.into()),
    }
}

/// Ends the session whose token was sent. The admin token itself is no session and stays valid.
pub(crate) async fn end(State(app): State<App>, headers: HeaderMap) -> Answer<StatusCode> {
    if bearer_token(&headers).is_some_and(|token| app.site.access.end_session(token)) {
        keep(app).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn prove(State(app): State<App>, body: Bytes) -> Answer<Json<Proof>> {
    let shape = "{\"session\": \"…\", \"nonce\": \"…\"} with 64 hexadecimal digits each";
    let wrong = || Refusal::bad_request(format!("the body must be `{shape}`"));
    let asked: ProofRequest = object(&body, shape)?;
    let name = read_digest(&asked.session).ok_or_else(wrong)?;
    let nonce = read_digest(&asked.nonce).ok_or_else(wrong)?;
    let proof = app.site.access.prove_session(&name, &nonce);
    let proof = hex::encode(proof.ok_or(Refusal::UnknownToken)?);
    Ok(Json(Proof { proof }))
}

/// Saves the sessions before the page has its answer: with the next host, what has begun goes on and what has ended stays
/// ended.
async fn keep(app: App) -> Answer<()> {
    blocking(move || {
        app.site.access.save_sessions();
        Ok(())
    })
    .await
}
