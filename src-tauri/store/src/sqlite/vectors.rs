//! The table `memory_vectors`: meaning, and the search by it.
//!
//! The vectors are the truth. Where many memories are to be looked at, the derived bits ([`super::vector_bits`]) choose
//! candidates, which are then compared exactly. Where few pass a filter, all of them are compared exactly.

use std::collections::HashMap;

use rusqlite::Connection;

use super::passing::Passing;
use super::vector_bits;
use super::vector_id::VectorId;
use crate::memory::MemoryId;
use crate::ops::IndexedMemory;

/// Up to this many memories that pass a filter are compared exactly.
const EXACT_MEMORIES_MAX: usize = 2_000;

/// Candidates by bits for each hit that is wanted; `benches/store.rs` prints how many of the nearest they hold.
const CANDIDATES_PER_HIT: usize = 10;
/// Fewest and most candidates; each one costs a look at its vector.
const CANDIDATES: std::ops::RangeInclusive<usize> = 300..=1_000;

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
        let id = VectorId::new(indexed.id, chunk);
        connection
            .prepare_cached(
                "INSERT INTO memory_vectors (id, memory_id, chunk, vector) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute((id.0, indexed.id.0, chunk as i64, vector))?;
        vector_bits::add(connection, id, vector)?;
    }
    connection
        .prepare_cached("UPDATE memories SET chunks_indexed = ?2 WHERE id = ?1")?
        .execute((indexed.id.0, indexed.vectors.len() as i64))?;
    Ok(true)
}

/// Forgets the vectors of a memory.
pub(super) fn remove(connection: &Connection, memory: MemoryId) -> rusqlite::Result<()> {
    hide(connection, memory)?;
    connection
        .prepare_cached("DELETE FROM memory_vectors WHERE memory_id = ?1")?
        .execute([memory.0])?;
    Ok(())
}

/// Keeps the vectors of a memory but takes them out of the search.
pub(super) fn hide(connection: &Connection, memory: MemoryId) -> rusqlite::Result<()> {
    for (id, _) in of_memory(connection, memory)? {
        vector_bits::remove(connection, id)?;
    }
    Ok(())
}

/// Brings hidden vectors back into the search.
pub(super) fn show(connection: &Connection, memory: MemoryId) -> rusqlite::Result<()> {
    for (id, vector) in of_memory(connection, memory)? {
        vector_bits::add(connection, id, &vector)?;
    }
    Ok(())
}

fn of_memory(
    connection: &Connection,
    memory: MemoryId,
) -> rusqlite::Result<Vec<(VectorId, Vec<u8>)>> {
    connection
        .prepare_cached("SELECT id, vector FROM memory_vectors WHERE id BETWEEN ?1 AND ?2")?
        .query_map(VectorId::range(memory), |row| {
            Ok((VectorId(row.get(0)?), row.get(1)?))
        })?
        .collect()
}

/// Finds the memories whose best chunk is nearest to `question`, best first with its cosine; None lets all pass.
pub(super) fn find(
    connection: &Connection,
    question: &[f32],
    passing: Option<&Passing>,
    limit: usize,
) -> rusqlite::Result<Vec<(MemoryId, f32)>> {
    let best = match passing {
        Some(passing) if passing.all().len() <= EXACT_MEMORIES_MAX => {
            compare_all(connection, question, passing.all())?
        }
        _ => {
            let count = (limit * CANDIDATES_PER_HIT).clamp(*CANDIDATES.start(), *CANDIDATES.end());
            let passes = |memory| passing.is_none_or(|passing| passing.has(memory));
            let candidates = vector_bits::nearest(connection, question, passes, count)?;
            compare_each(connection, question, &candidates)?
        }
    };
    let mut found: Vec<(MemoryId, f32)> = best.into_iter().collect();
    found.sort_by(|a, b| b.1.total_cmp(&a.1).then(b.0.cmp(&a.0)));
    found.truncate(limit);
    Ok(found)
}

/// Best cosine of each memory.
type Best = HashMap<MemoryId, f32>;

/// Compares every vector of these memories.
fn compare_all(
    connection: &Connection,
    question: &[f32],
    memories: &[MemoryId],
) -> rusqlite::Result<Best> {
    let mut best = Best::new();
    let mut lookup = connection
        .prepare_cached("SELECT vector FROM memory_vectors WHERE id BETWEEN ?1 AND ?2")?;
    for memory in memories {
        let mut vectors = lookup.query(VectorId::range(*memory))?;
        while let Some(row) = vectors.next()? {
            keep_best(&mut best, *memory, question, row.get_ref(0)?.as_blob()?);
        }
    }
    Ok(best)
}

/// Compares these vectors.
fn compare_each(
    connection: &Connection,
    question: &[f32],
    candidates: &[VectorId],
) -> rusqlite::Result<Best> {
    let mut best = Best::new();
    let mut lookup =
        connection.prepare_cached("SELECT vector FROM memory_vectors WHERE id = ?1")?;
    for id in candidates {
        // Bits are derived; if they name a vector that is not there, the search goes on.
        let mut vectors = lookup.query([id.0])?;
        if let Some(row) = vectors.next()? {
            keep_best(&mut best, id.memory(), question, row.get_ref(0)?.as_blob()?);
        }
    }
    Ok(best)
}

fn keep_best(best: &mut Best, memory: MemoryId, question: &[f32], stored: &[u8]) {
    let cosine = dot(question, stored);
    // NaN would sort before everything.
    if !cosine.is_finite() {
        return;
    }
    best.entry(memory)
        .and_modify(|known| *known = known.max(cosine))
        .or_insert(cosine);
}

/// Multiplies a question with a stored vector; both have unit length, so this is the cosine.
///
/// Sums up in eight lanes: the compiler may not change the order of a sum, and one lane would wait for itself.
fn dot(question: &[f32], stored: &[u8]) -> f32 {
    let mut lanes = [0.0_f32; 8];
    let (numbers, stored) = (question.as_chunks::<8>().0, stored.as_chunks::<32>().0);
    for (numbers, bytes) in numbers.iter().zip(stored) {
        let bytes = bytes.as_chunks::<4>().0;
        for ((lane, number), bytes) in lanes.iter_mut().zip(numbers).zip(bytes) {
            *lane += number * f32::from_le_bytes(*bytes);
        }
    }
    lanes.iter().sum()
}
