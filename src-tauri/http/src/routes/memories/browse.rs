//! `GET /api/memories`: memories in parts, the newest first. `GET /api/memories/facets`: what there is to filter by.

use axum::Json;
use axum::extract::State;
use commonplace_engine::{Browse, FACET_NAMES_MAX, Facets};
use serde::Serialize;

use super::Row;
use super::given::{Given, Pairs};
use crate::gate::App;
use crate::refusal::Refusal;

/// Memories in an answer, if nobody says.
const LIMIT_DEFAULT: i64 = 50;
/// Names of each kind, if nobody says.
const NAMES_DEFAULT: usize = 30;

const DELETED: [(&str, bool); 2] = [("true", true), ("false", false)];

#[derive(Serialize)]
pub(crate) struct List {
    memories: Vec<Row>,
    next: Option<String>,
    total: Option<u64>,
}

pub(crate) async fn list(State(app): State<App>, pairs: Pairs) -> Result<Json<List>, Refusal> {
    let mut given = Given::parse(pairs)?;
    let mut filter = given.take_filter()?;
    if let Some(words) = given.take("contains")? {
        filter = filter.with_contained(&words);
    }
    let words: Vec<String> = filter
        .contained()
        .iter()
        .map(|w| w.to_ascii_lowercase())
        .collect();
    let deleted = given.take_choice("deleted", &DELETED)?;
    let after = given.take_as("cursor", "what the part before answered as `next`")?;
    let limit = given.take_as("limit", "a whole number")?;
    given.done()?;
    let browse = Browse::parse(
        filter,
        deleted.unwrap_or_default(),
        after,
        limit.unwrap_or(LIMIT_DEFAULT),
    )?;
    let page = app.memories.browse(browse).await?;
    let rows = page.memories.into_iter();
    Ok(Json(List {
        memories: rows.map(|memory| Row::around(memory, &words)).collect(),
        next: page.next.map(|cursor| cursor.to_string()),
        total: page.total,
    }))
}

pub(crate) async fn facets(State(app): State<App>, pairs: Pairs) -> Result<Json<Facets>, Refusal> {
    let mut given = Given::parse(pairs)?;
    let deleted = given.take_choice("deleted", &DELETED)?;
    let top = given.take_as("limit", "a whole number")?;
    given.done()?;
    let top = top.unwrap_or(NAMES_DEFAULT);
    if !(1..=FACET_NAMES_MAX).contains(&top) {
        return Err(Refusal::BadRequest(format!(
            "`limit` is `{top}`, but must be from 1 to {FACET_NAMES_MAX}"
        )));
    }
    let facets = app.memories.facets(deleted.unwrap_or_default(), top);
    Ok(Json(facets.await?))
}
