//! The table `memory_vectors` and the derived table `memory_vector_bits`: meaning.
//!
//! The vectors are the truth. The bits, one for each dimension, are compared first because that is several times faster
//! than comparing the vectors (vec0 keeps a sorted list of candidates, so a small k counts more than the rows); the best
//! candidates are then compared exactly. With few memories to look at, all of them are compared exactly.

use std::collections::HashMap;

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::filter::Condition;
use crate::memory::MemoryId;
use crate::ops::IndexedMemory;

/// Dimensions of a vector.
const DIM: usize = 384;

/// Up to this many memories that pass a filter are compared exactly.
const EXACT_MEMORIES_MAX: usize = 2_000;

/// Candidates by bits for each hit that is wanted; measured with `cargo xtask bench search`.
const CANDIDATES_PER_HIT: usize = 4;
/// Fewest and most candidates (vec0 takes at most 4,096).
const CANDIDATES: std::ops::RangeInclusive<usize> = 100..=1_000;

/// Keeps the vectors of a memory, if its text is still the one that was embedded. Returns whether it did.
pub(super) fn put(connection: &Connection, indexed: &IndexedMemory) -> rusqlite::Result<bool> {
    let is_same_text = connection
        .prepare_cached(
            "SELECT 1 FROM memories WHERE id = ?1 AND content_hash = ?2 AND deleted_ms IS NULL",
        )?
        .exists((indexed.id.0, indexed.content_hash.as_str()))?;
    if !is_same_text {
        return Ok(false);
    }
    remove(connection, indexed.id)?;
    for (chunk, vector) in indexed.vectors.iter().enumerate() {
        connection
            .prepare_cached(
                "INSERT INTO memory_vectors (memory_id, chunk, vector) VALUES (?1, ?2, ?3)",
            )?
            .execute((indexed.id.0, chunk as i64, vector))?;
        add_bits(connection, connection.last_insert_rowid(), vector)?;
    }
    connection
        .prepare_cached("UPDATE memories SET chunks_indexed = ?2 WHERE id = ?1")?
        .execute((indexed.id.0, indexed.vectors.len() as i64))?;
    Ok(true)
}

/// Forgets the vectors of a memory.
pub(super) fn remove(connection: &Connection, id: MemoryId) -> rusqlite::Result<()> {
    hide(connection, id)?;
    connection
        .prepare_cached("DELETE FROM memory_vectors WHERE memory_id = ?1")?
        .execute([id.0])?;
    Ok(())
}

/// Keeps the vectors of a memory but takes them out of the search.
pub(super) fn hide(connection: &Connection, id: MemoryId) -> rusqlite::Result<()> {
    let rows: Vec<i64> = connection
        .prepare_cached("SELECT id FROM memory_vectors WHERE memory_id = ?1")?
        .query_map([id.0], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for row in rows {
        connection
            .prepare_cached("DELETE FROM memory_vector_bits WHERE rowid = ?1")?
            .execute([row])?;
    }
    Ok(())
}

/// Brings hidden vectors back into the search.
pub(super) fn show(connection: &Connection, id: MemoryId) -> rusqlite::Result<()> {
    let rows: Vec<(i64, Vec<u8>)> = connection
        .prepare_cached("SELECT id, vector FROM memory_vectors WHERE memory_id = ?1")?
        .query_map([id.0], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    for (row, vector) in rows {
        add_bits(connection, row, &vector)?;
    }
    Ok(())
}

fn add_bits(connection: &Connection, row: i64, vector: &[u8]) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO memory_vector_bits (rowid, bits) VALUES (?1, vec_quantize_binary(?2))",
        )?
        .execute((row, vector))?;
    Ok(())
}

/// Finds the memories whose best chunk is nearest to `vector`, best first with its cosine.
pub(super) fn find(
    connection: &Connection,
    vector: &[f32],
    condition: Option<&Condition>,
    limit: usize,
) -> rusqlite::Result<Vec<(MemoryId, f32)>> {
    let best = match condition {
        None => nearest_by_bits(connection, vector, None, limit)?,
        Some(condition) if passes_few(connection, condition)? => {
            exact(connection, vector, condition)?
        }
        Some(condition) => nearest_by_bits(connection, vector, Some(condition), limit)?,
    };
    let mut found: Vec<(MemoryId, f32)> = best.into_iter().collect();
    found.sort_by(|a, b| b.1.total_cmp(&a.1).then(b.0.cmp(&a.0)));
    found.truncate(limit);
    Ok(found)
}

fn passes_few(connection: &Connection, condition: &Condition) -> rusqlite::Result<bool> {
    let sql = format!(
        "SELECT count(*) FROM (SELECT 1 FROM memories m WHERE {} LIMIT {})",
        condition.sql,
        EXACT_MEMORIES_MAX + 1
    );
    let count: i64 = connection
        .prepare_cached(&sql)?
        .query_row(params_from_iter(&condition.values), |row| row.get(0))?;
    Ok(count as usize <= EXACT_MEMORIES_MAX)
}

/// Best cosine of each memory.
type Best = HashMap<MemoryId, f32>;

fn exact(connection: &Connection, vector: &[f32], condition: &Condition) -> rusqlite::Result<Best> {
    let sql = format!(
        "SELECT v.memory_id, v.vector FROM memory_vectors v
         WHERE v.memory_id IN (SELECT m.id FROM memories m WHERE {})",
        condition.sql
    );
    let mut best = Best::new();
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(&condition.values))?;
    while let Some(row) = rows.next()? {
        keep_best(
            &mut best,
            MemoryId(row.get(0)?),
            vector,
            row.get_ref(1)?.as_blob()?,
        );
    }
    Ok(best)
}

fn nearest_by_bits(
    connection: &Connection,
    vector: &[f32],
    condition: Option<&Condition>,
    limit: usize,
) -> rusqlite::Result<Best> {
    let count = (limit * CANDIDATES_PER_HIT).clamp(*CANDIDATES.start(), *CANDIDATES.end());
    let mut values = vec![Value::from(bits(vector)), Value::from(count as i64)];
    let mut sql =
        "SELECT rowid FROM memory_vector_bits WHERE bits MATCH vec_bit(?) AND k = ?".to_owned();
    if let Some(condition) = condition {
        // `rowid IN` is looked at before the k best are chosen (sqlite-vec, "rowid in (...)").
        sql.push_str(&format!(
            " AND rowid IN (SELECT v.id FROM memory_vectors v JOIN memories m ON m.id = v.memory_id WHERE {})",
            condition.sql
        ));
        values.extend(condition.values.iter().cloned());
    }
    let mut statement = connection.prepare_cached(&sql)?;
    let rows: Vec<i64> = statement
        .query_map(params_from_iter(values), |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let mut best = Best::new();
    let mut lookup =
        connection.prepare_cached("SELECT memory_id, vector FROM memory_vectors WHERE id = ?1")?;
    for row in rows {
        lookup.query_row([row], |row| {
            keep_best(
                &mut best,
                MemoryId(row.get(0)?),
                vector,
                row.get_ref(1)?.as_blob()?,
            );
            Ok(())
        })?;
    }
    Ok(best)
}

fn keep_best(best: &mut Best, id: MemoryId, query: &[f32], stored: &[u8]) {
    let cosine = dot(query, stored);
    // NaN would sort before everything.
    if !cosine.is_finite() {
        return;
    }
    best.entry(id)
        .and_modify(|known| *known = known.max(cosine))
        .or_insert(cosine);
}

/// Multiplies a query with a stored vector; both have unit length, so this is the cosine.
fn dot(query: &[f32], stored: &[u8]) -> f32 {
    let numbers = stored
        .as_chunks::<4>()
        .0
        .iter()
        .map(|bytes| f32::from_le_bytes(*bytes));
    query.iter().zip(numbers).map(|(a, b)| a * b).sum()
}

/// One bit for each dimension, set where the vector is positive, the lowest bit first, as `vec_quantize_binary` does it.
fn bits(vector: &[f32]) -> Vec<u8> {
    let mut bits = vec![0u8; DIM / 8];
    for (place, number) in vector.iter().enumerate().take(DIM) {
        if *number > 0.0 {
            bits[place / 8] |= 1 << (place % 8);
        }
    }
    bits
}
