//! Memories as the page shows and changes them.

pub(crate) mod browse;
mod given;
pub(crate) mod one;
pub(super) mod rows;
pub(crate) mod search;
pub(crate) mod several;

use commonplace_api::Refusal;
use commonplace_engine::{Acknowledged, DraftError, TakenOut, WriteOp, WriteOutcome};

use crate::answers::refusal::Answer;
use crate::state::App;

/// Carries out a write that a person asked for. Does not wait for the end of a pause: a page says that there is one.
pub(super) async fn written(app: &App, op: WriteOp) -> Answer<Acknowledged> {
    written_redacted(app, op, None).await
}

/// Does the same with a write out of which secrets were taken.
async fn written_redacted(app: &App, op: WriteOp, taken: Option<TakenOut>) -> Answer<Acknowledged> {
    if let Some(pause) = app.site.memories.paused() {
        let waited_ms = None;
        return Err(Refusal::Paused { pause, waited_ms }.into());
    }
    Ok(app.site.memories.write(op, taken).await?)
}

/// A store answers a write with the outcome of its kind; another one is a bug.
fn unexpected(outcome: &WriteOutcome) -> Refusal {
    Refusal::failed(format!(
        "the store answered with an unexpected outcome: {outcome:?}"
    ))
}

fn refused(error: DraftError) -> Refusal {
    Refusal::bad_request(error.to_string())
}
