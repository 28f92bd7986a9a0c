//! One search: candidates by words and by meaning, fused, read.

use rusqlite::Connection;

use super::filter::{Among, Condition, condition};
use super::fusion::{Fused, Fusion, fuse};
use super::passing::Passing;
use super::{memories, vectors, words};
use crate::hit::Hit;
use crate::memory::Memory;
use crate::query::{Query, SearchMode};

/// Length of each list that is fused, for each hit that is wanted, and its least length.
const LIST_PER_HIT: usize = 3;
const LIST_LEN_MIN: usize = 30;

/// Answers `query`; without `vector`, meaning is left out.
pub(super) fn search(
    connection: &Connection,
    fusion: Fusion,
    query: &Query,
    vector: Option<&[f32]>,
) -> rusqlite::Result<Vec<Hit>> {
    let everything = query.filter.is_open();
    let condition = condition(&query.filter, Among::Living);
    if query.text.is_empty() {
        return Ok(unranked(memories::select(
            connection,
            &condition,
            query.limit as i64,
        )?));
    }
    if query.mode == SearchMode::Exact {
        return exact(connection, query, condition);
    }
    let passing = if everything {
        None
    } else {
        Some(Passing::look_up(connection, &condition)?)
    };
    let passing = passing.as_ref();
    let list_len = (query.limit * LIST_PER_HIT).max(LIST_LEN_MIN);
    let by_words = match (query.mode, vector) {
        (SearchMode::Semantic, Some(_)) => None,
        _ => Some(words::find(connection, &query.text, passing, list_len)?),
    };
    let by_meaning = match (query.mode, vector) {
        (SearchMode::Keyword, _) | (_, None) => None,
        (_, Some(vector)) => Some(vectors::find(connection, vector, passing, list_len)?),
    };
    let fused = fuse(fusion, by_words.as_deref(), by_meaning.as_deref());
    read_hits(connection, fused, query.limit)
}

fn read_hits(
    connection: &Connection,
    fused: Vec<Fused>,
    limit: usize,
) -> rusqlite::Result<Vec<Hit>> {
    let mut hits = Vec::with_capacity(limit);
    for found in fused {
        if hits.len() == limit {
            break;
        }
        if let Some(memory) = memories::living(connection, found.id)? {
            hits.push(Hit {
                memory,
                score: found.score,
                keyword_rank: found.keyword_rank,
                semantic_rank: found.semantic_rank,
                cosine: found.cosine,
            });
        }
    }
    Ok(hits)
}

/// Finds memories whose text contains the query as it is.
fn exact(
    connection: &Connection,
    query: &Query,
    mut condition: Condition,
) -> rusqlite::Result<Vec<Hit>> {
    condition.add_contained(&query.text);
    Ok(unranked(memories::select(
        connection,
        &condition,
        query.limit as i64,
    )?))
}

fn unranked(memories: Vec<Memory>) -> Vec<Hit> {
    let hit = |memory| Hit {
        memory,
        score: 1.0,
        keyword_rank: None,
        semantic_rank: None,
        cosine: None,
    };
    memories.into_iter().map(hit).collect()
}
