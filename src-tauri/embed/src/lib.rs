//! Text to unit vector with all-MiniLM-L6-v2, on the processor, in pure Rust.
//!
//! This layer promises:
//! - [`Embedder`] is shared by all threads; a query takes a few milliseconds, and background
//!   batches run on one thread of low priority so that they do not slow queries down.
//! - The same text gives the same vector (to about 1e-6), alone or in a batch.
//! - A missing, half downloaded or damaged model file is an error value, never a panic and never a
//!   wrong vector without a word.
//! - [`ModelSlot`] loads the model beside everything else; nothing waits for it unasked.
//!
//! It refuses to know what a memory is, where vectors are kept, and where model files come from.
//!
//! | file | idea |
//! |---|---|
//! | `embedder.rs` | the front: load, embed one text, a query or a batch |
//! | `slot.rs` | the place where a model may be, loaded in the background |
//! | `bert.rs` | the forward pass on rten's matrix kernels |
//! | `tensors.rs`, `config.rs`, `files.rs` | the model files and their checks |
//! | `tokens.rs` | text to token ids, and where a long text is cut |
//! | `chunks.rs` | a long text to windows that fit the model |
//! | `lanes.rs`, `platform.rs` | which threads do the work, and their priority |
//! | `cache.rs` | vectors of the last queries |
//! | `vector.rs`, `error.rs` | the values that come out |

mod bert;
mod cache;
mod checked;
mod chunks;
mod config;
mod embedder;
mod error;
mod files;
mod lanes;
mod platform;
mod slot;
mod tensors;
mod tokens;
mod vector;

pub use chunks::{CHUNK_BYTES_MAX, CHUNKS_MAX, chunks};
pub use embedder::{EmbedOptions, Embedder};
pub use error::{EmbedError, LoadError};
pub use files::{MODEL_FILES, ModelFile};
pub use platform::lower_this_thread_priority;
pub use slot::{ModelSlot, ModelState};
pub use tokens::TEXT_BYTES_MAX;
pub use vector::{Embedded, Vector, VectorError};

/// Length of every vector.
pub const DIM: usize = 384;

/// Tokens of a text that the model reads, counting the two that mark its start and end.
pub const TOKENS_MAX: usize = 256;

/// Name of the model, also the name of its directory.
pub const MODEL_NAME: &str = "all-MiniLM-L6-v2";
