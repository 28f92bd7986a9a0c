//! The derived table `memory_vector_bits`: the sign of each dimension of the vectors of living memories.
//!
//! A rough sieve for the search by meaning. sqlite-vec keeps the bits, 1,024 vectors to a block, and is asked to add and
//! to remove. Searching is done here, on its blocks: its own search sorts so slowly that a hundred candidates cost more
//! than looking at ten thousand vectors, and it cannot weigh the numbers of the question.
//!
//! The tables `_chunks` and `_vector_chunks00` are those of sqlite-vec 0.1.9 (ARCHITECTURE.md of its repository); the
//! version is pinned, and a test compares the two searches.

use rusqlite::Connection;

use super::vector_id::{DIM, VectorId};
use crate::memory::MemoryId;

/// Bytes of the bits of one vector.
const BITS_LEN: usize = DIM / 8;

/// Adds the bits of a vector.
pub(super) fn add(connection: &Connection, id: VectorId, vector: &[u8]) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO memory_vector_bits (rowid, bits) VALUES (?1, vec_quantize_binary(?2))",
        )?
        .execute((id.0, vector))?;
    Ok(())
}

/// Removes the bits of a vector.
pub(super) fn remove(connection: &Connection, id: VectorId) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM memory_vector_bits WHERE rowid = ?1")?
        .execute([id.0])?;
    Ok(())
}

/// Finds about the `count` vectors nearest to `question` among the memories that pass, in no order.
pub(super) fn nearest(
    connection: &Connection,
    question: &[f32],
    passes: impl Fn(MemoryId) -> bool,
    count: usize,
) -> rusqlite::Result<Vec<VectorId>> {
    let weights = Weights::of(question);
    let mut found: Vec<(f32, VectorId)> = Vec::new();
    let mut statement = connection.prepare_cached(
        "SELECT c.validity, c.rowids, v.vectors
         FROM memory_vector_bits_chunks c
         JOIN memory_vector_bits_vector_chunks00 v ON v.rowid = c.chunk_id",
    )?;
    let mut blocks = statement.query([])?;
    while let Some(block) = blocks.next()? {
        let block = Block {
            validity: block.get_ref(0)?.as_blob()?,
            ids: block.get_ref(1)?.as_blob()?.as_chunks::<8>().0,
            bits: block.get_ref(2)?.as_blob()?.as_chunks::<BITS_LEN>().0,
        };
        for (id, bits) in block.vectors() {
            if passes(id.memory()) {
                found.push((weights.similarity(bits), id));
            }
        }
    }
    if found.len() > count {
        found.select_nth_unstable_by(count, |a, b| b.0.total_cmp(&a.0));
        found.truncate(count);
    }
    Ok(found.into_iter().map(|(_, id)| id).collect())
}

/// One block of sqlite-vec: places for vectors, of which some are in use.
struct Block<'a> {
    /// One bit for each place, the lowest first: set if the place is in use.
    validity: &'a [u8],
    /// The id of the vector in each place.
    ids: &'a [[u8; 8]],
    /// Its bits.
    bits: &'a [[u8; BITS_LEN]],
}

impl<'a> Block<'a> {
    fn vectors(&self) -> impl Iterator<Item = (VectorId, &'a [u8; BITS_LEN])> {
        let validity = self.validity;
        self.ids
            .iter()
            .zip(self.bits)
            .enumerate()
            .filter(move |(place, _)| {
                validity
                    .get(place / 8)
                    .is_some_and(|byte| byte >> (place % 8) & 1 == 1)
            })
            .map(|(_, (id, bits))| (VectorId(i64::from_le_bytes(*id)), bits))
    }
}

/// The numbers of a question, summed up for each value that a byte of bits can have.
///
/// A number counts as it is where the bit is set, and negatively where it is not. Against bits of the question this
/// finds about a third more of the true neighbours with the same number of candidates.
struct Weights(Vec<[f32; 256]>);

impl Weights {
    fn of(question: &[f32]) -> Self {
        let table = |numbers: &[f32]| {
            let mut table = [0.0; 256];
            for (value, sum) in table.iter_mut().enumerate() {
                *sum = numbers
                    .iter()
                    .enumerate()
                    .map(|(bit, number)| {
                        if value >> bit & 1 == 1 {
                            *number
                        } else {
                            -number
                        }
                    })
                    .sum();
            }
            table
        };
        Self(question.chunks(8).take(BITS_LEN).map(table).collect())
    }

    /// Grows with the cosine, as far as bits can tell.
    fn similarity(&self, bits: &[u8; BITS_LEN]) -> f32 {
        self.0
            .iter()
            .zip(bits)
            .map(|(table, byte)| table[usize::from(*byte)])
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rusqlite::Connection;

    use super::super::vec_extension;
    use super::*;

    /// Fills a table over several blocks, with holes where vectors were removed.
    fn filled(count: i64) -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        vec_extension::register(&connection).unwrap();
        connection
            .execute_batch("CREATE VIRTUAL TABLE memory_vector_bits USING vec0 (bits bit[384])")
            .unwrap();
        for n in 0..count {
            let vector = numbers(n as u32);
            let bytes: Vec<u8> = vector.iter().flat_map(|n| n.to_le_bytes()).collect();
            add(&connection, VectorId(n * 4_096), &bytes).unwrap();
        }
        for n in (0..count).filter(|n| n % 7 == 3) {
            remove(&connection, VectorId(n * 4_096)).unwrap();
        }
        connection
    }

    /// Returns numbers that look random and are all 1 or -1: then weights and plain bits agree.
    fn numbers(seed: u32) -> Vec<f32> {
        let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            if state & 64 == 0 { 1.0 } else { -1.0 }
        };
        (0..DIM).map(|_| next()).collect()
    }

    // Built with MinGW, sqlite-vec 0.1.9 looks at 32 of each 64 bits: it counts with a function for `long`.
    #[cfg(not(all(windows, target_env = "gnu")))]
    #[test]
    fn our_search_agrees_with_that_of_sqlite_vec() {
        let connection = filled(2_500);
        for seed in 9_000..9_005 {
            let question = numbers(seed);
            let bytes: Vec<u8> = question.iter().flat_map(|n| n.to_le_bytes()).collect();
            let mut theirs = connection
                .prepare(
                    "SELECT rowid, distance FROM memory_vector_bits
                     WHERE bits MATCH vec_quantize_binary(?1) AND k = 60 ORDER BY distance",
                )
                .unwrap();
            let theirs: Vec<(i64, f64)> = theirs
                .query_map([bytes], |row| Ok((row.get(0)?, row.get(1)?)))
                .unwrap()
                .collect::<Result<_, _>>()
                .unwrap();
            // The last distance may be shared by some that are in and some that are not.
            let last = theirs[59].1;
            let sure: BTreeSet<i64> = theirs
                .iter()
                .filter(|found| found.1 < last)
                .map(|found| found.0)
                .collect();
            let ours = nearest(&connection, &question, |_| true, 60).unwrap();
            let ours: BTreeSet<i64> = ours.into_iter().map(|id| id.0).collect();
            assert_eq!(ours.len(), 60);
            assert!(ours.is_superset(&sure), "seed {seed}");
        }
    }

    #[test]
    fn only_memories_that_pass_are_found_and_none_is_forgotten() {
        let connection = filled(2_500);
        let found = |passes: fn(MemoryId) -> bool| -> BTreeSet<i64> {
            let found = nearest(&connection, &numbers(1), passes, 10_000).unwrap();
            found.into_iter().map(|id| id.memory().0).collect()
        };
        assert_eq!(found(|_| true), (0..2_500).filter(|n| n % 7 != 3).collect());
        assert_eq!(
            found(|id| id.0 < 20),
            (0..20).filter(|n| n % 7 != 3).collect()
        );
        assert!(found(|_| false).is_empty());
    }
}
