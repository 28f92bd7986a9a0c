//! `GET /api/memories`: memories in parts, the newest first. `GET /api/memories/facets`: what there is to filter by.

use axum::Json;
use axum::extract::State;
use commonplace_api::memories::{Facets, MemoryList};
use commonplace_engine::{Browse, FACET_NAMES_MAX};

use super::given::Given;
use super::rows;
use crate::answers::refusal::Answer;
use crate::routes::asked::{Asked, within};
use crate::state::App;

/// Memories in an answer, by default.
const LIMIT_DEFAULT: i64 = 50;
/// Names of each kind, by default.
const NAMES_DEFAULT: usize = 30;

const DELETED: [(&str, bool); 2] = [("true", true), ("false", false)];

pub(crate) async fn list(
    State(app): State<App>,
    Asked(mut given): Asked<Given>,
) -> Answer<Json<MemoryList>> {
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
    let page = app.site.memories.browse(browse).await?;
    let memories = page.memories.into_iter();
    Ok(Json(MemoryList {
        memories: memories.map(|memory| rows::row(memory, &words)).collect(),
        next: page.next.map(|cursor| cursor.to_string()),
        total: page.total,
    }))
}

pub(crate) async fn facets(
    State(app): State<App>,
    Asked(mut given): Asked<Given>,
) -> Answer<Json<Facets>> {
    let deleted = given.take_choice("deleted", &DELETED)?;
    let top = given.take_as("limit", "a whole number")?;
    given.done()?;
    let top = within("limit", top, NAMES_DEFAULT, (1, FACET_NAMES_MAX))?;
    let facets = app.site.memories.facets(deleted.unwrap_or_default(), top);
    Ok(Json(rows::facets(facets.await?)))
}
