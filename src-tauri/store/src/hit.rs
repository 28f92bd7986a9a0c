//! What a search found.

use serde::Serialize;

use crate::memory::Memory;

/// One found memory, and why it was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hit {
    /// The memory.
    pub memory: Memory,
    /// How well it fits, from 0 to 1; comparable within one search only.
    pub score: f32,
    /// Its place among the hits by words, counted from 1; None if its words did not match.
    pub keyword_rank: Option<u32>,
    /// Its place among the hits by meaning, counted from 1.
    pub semantic_rank: Option<u32>,
    /// Cosine between query and its best chunk, from -1 to 1; None if meaning was not compared.
    pub cosine: Option<f32>,
}
