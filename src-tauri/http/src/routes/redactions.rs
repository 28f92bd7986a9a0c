//! `GET /api/redactions` and what a person does with one: look at it, put it back, or confirm that it was a secret.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use commonplace_api::Refusal;
use commonplace_api::memories::MemoryRecord;
use commonplace_api::redactions::{RedactionList, RedactionShown};
use commonplace_engine::{Redaction, WriteOp};

use crate::answers::refusal::Answer;
use crate::routes::memories::one::record;
use crate::routes::memories::{rows, written};
use crate::state::App;

pub(crate) async fn list(State(app): State<App>) -> Json<RedactionList> {
    Json(those_of(&app))
}

pub(crate) async fn show(
    State(app): State<App>,
    Path(number): Path<String>,
) -> Answer<Json<RedactionShown>> {
    let redaction = find(&app, &number)?;
    Ok(Json(RedactionShown {
        redaction: redaction.described(),
        parts: redaction.shown(),
    }))
}

pub(crate) async fn put_back(
    State(app): State<App>,
    Path(number): Path<String>,
) -> Answer<Json<MemoryRecord>> {
    let redaction = find(&app, &number)?;
    let id = redaction.memory();
    let memory = record(&app, id).await?.memory;
    if memory.deleted_ms.is_some() {
        return Err(Refusal::NoMemory { id: id.0 }.into());
    }
    let changed = Refusal::ChangedSince { id: id.0 };
    let edit = redaction.edit(&memory).ok_or(changed)?;
    written(&app, WriteOp::Edit(edit)).await?;
    app.site.memories.forget_redaction(redaction.number());
    Ok(Json(rows::record(record(&app, id).await?)))
}

pub(crate) async fn forget(
    State(app): State<App>,
    Path(number): Path<String>,
) -> Answer<Json<RedactionList>> {
    let number = parse(&number)?;
    if !app.site.memories.forget_redaction(number) {
        return Err(Refusal::NoRedaction { number }.into());
    }
    Ok(Json(those_of(&app)))
}

fn those_of(app: &App) -> RedactionList {
    let kept = app.site.memories.redactions();
    RedactionList {
        redactions: kept.iter().map(|kept| kept.described()).collect(),
    }
}

fn find(app: &App, number: &str) -> Result<Arc<Redaction>, Refusal> {
    let number = parse(number)?;
    let found = app.site.memories.redaction(number);
    found.ok_or(Refusal::NoRedaction { number })
}

fn parse(given: &str) -> Result<i64, Refusal> {
    given.parse().map_err(|_| {
        let given: String = given.chars().take(40).collect();
        Refusal::bad_request(format!(
            "`{given}` is not the number of a redaction, which is a whole number"
        ))
    })
}
