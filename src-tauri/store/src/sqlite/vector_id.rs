//! Names of vectors, and their length.

use crate::memory::MemoryId;

/// Dimensions of a vector.
pub(super) const DIM: usize = 384;

/// Most chunks of a memory: the longest text has fewer tokens than 256 times this.
const CHUNKS_MAX: i64 = 4_096;

/// Names a vector: memory and chunk in one number, so that neither has to be looked up for the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct VectorId(pub(super) i64);

impl VectorId {
    pub(super) fn new(memory: MemoryId, chunk: usize) -> Self {
        Self(memory.0 * CHUNKS_MAX + chunk as i64)
    }

    /// Returns the first and the last id that the vectors of `memory` can have.
    pub(super) fn range(memory: MemoryId) -> (i64, i64) {
        let first = memory.0 * CHUNKS_MAX;
        (first, first + CHUNKS_MAX - 1)
    }

    /// Returns the memory that the vector belongs to.
    pub(super) fn memory(self) -> MemoryId {
        MemoryId(self.0 / CHUNKS_MAX)
    }
}
