//! The front of the layer: one value that all threads share.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::bert::Bert;
use crate::cache::QueryCache;
use crate::config::Config;
use crate::error::{EmbedError, LoadError};
use crate::files::{CONFIG, TOKENIZER, WEIGHTS};
use crate::lanes::Lanes;
use crate::tensors::Tensors;
use crate::tokens::{Tokens, WordPiece};
use crate::vector::{Embedded, Vector};

/// Tokens that go through the model together. More is not faster on one thread, but takes memory
/// (about 14 kB each) and makes a batch longer to wait for.
const BATCH_TOKENS_MAX: usize = 512;

/// How a model is loaded and used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EmbedOptions {
    /// Threads that a lone query is spread over, and queries that run side by side with one thread
    /// each: 1 to 8. The number of cores is a good one.
    pub threads: usize,
    /// Queries whose vectors are kept; 0 keeps none.
    pub query_cache_entries: usize,
    /// Compare the SHA-256 sums too, which takes 0.1 to 0.2 s; sizes and headers are always compared.
    pub verify: bool,
}

impl Default for EmbedOptions {
    fn default() -> Self {
        Self {
            threads: 2,
            query_cache_entries: 256,
            verify: false,
        }
    }
}

/// A loaded model, shared by all threads.
///
/// Takes about 105 MB after loading, nearly all of it weights, held once; about 130 MB under load.
pub struct Embedder {
    bert: Bert,
    word_piece: WordPiece,
    lanes: Lanes,
    /// Protects only the map; no text is embedded while it is held.
    cache: Mutex<QueryCache>,
}

impl Embedder {
    /// Loads the model files in `dir` and starts the threads of the model.
    ///
    /// Blocks for about 0.1 s; [`ModelSlot`](crate::ModelSlot) does it in the background.
    ///
    /// # Errors
    /// [`LoadError::Missing`] and [`LoadError::Damaged`] name the file; a caller goes on without
    /// the model and searches by words.
    pub fn load(dir: &Path, options: EmbedOptions) -> Result<Self, LoadError> {
        let weights = WEIGHTS.open(dir, options.verify)?;
        let tokenizer = TOKENIZER.open(dir, options.verify)?;
        let config = Config::read(&CONFIG.open(dir, options.verify)?)?;
        Ok(Self {
            word_piece: WordPiece::read(&tokenizer)?,
            bert: Bert::read(&mut Tensors::open(weights)?, &config)?,
            lanes: Lanes::start(options.threads)?,
            cache: Mutex::new(QueryCache::new(options.query_cache_entries)),
        })
    }

    /// Embeds one text for which somebody waits.
    ///
    /// Text beyond 256 tokens is cut, not refused; [`Embedded::was_cut`] tells. An empty text gives
    /// a valid vector. Measured on two idle cores: 2 ms with 12 tokens, 32 ms with 256; on one of
    /// them 3.5 ms and 54 ms. Call it from a worker, never from a request task.
    ///
    /// # Errors
    /// Only if the model files do not fit this program; never because of the text.
    pub fn embed(&self, text: &str) -> Result<Embedded, EmbedError> {
        let tokens = self.word_piece.split(text)?;
        let rows = self.lanes.run_query(|| self.bert.forward(&[&tokens.ids]))?;
        embedded(rows.into_iter().next().unwrap_or_default(), &tokens)
    }

    /// Embeds like [`Embedder::embed`], and remembers the vectors of the last queries.
    ///
    /// # Errors
    /// As [`Embedder::embed`].
    pub fn embed_query(&self, text: &str) -> Result<Embedded, EmbedError> {
        if let Some(known) = self.cache().get(text) {
            return Ok(known);
        }
        let fresh = self.embed(text)?;
        self.cache().put(text, &fresh);
        Ok(fresh)
    }

    /// Embeds many texts for which nobody waits; results are in the order of `texts`.
    ///
    /// Runs on one thread of low priority, so that queries keep the processor. Texts go through
    /// the model a few at a time and without padding; batches of several callers take turns.
    ///
    /// # Errors
    /// As [`Embedder::embed`]; then no result is given for any text.
    pub fn embed_batch(&self, texts: &[&str]) -> Result<Vec<Embedded>, EmbedError> {
        let split = texts
            .iter()
            .map(|text| self.word_piece.split(text))
            .collect::<Result<Vec<_>, _>>()?;
        let mut found = Vec::with_capacity(texts.len());
        let mut rest = split.as_slice();
        while !rest.is_empty() {
            let (batch, after) = rest.split_at(batch_len(rest));
            let ids: Vec<&[u32]> = batch.iter().map(|tokens| tokens.ids.as_slice()).collect();
            let rows = self.lanes.run_background(|| self.bert.forward(&ids))?;
            for (row, tokens) in rows.into_iter().zip(batch) {
                found.push(embedded(row, tokens)?);
            }
            rest = after;
        }
        Ok(found)
    }

    fn cache(&self) -> MutexGuard<'_, QueryCache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Embedder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Embedder")
            .field("model", &crate::MODEL_NAME)
            .finish_non_exhaustive()
    }
}

fn embedded(row: Vec<f32>, tokens: &Tokens) -> Result<Embedded, EmbedError> {
    Ok(Embedded {
        vector: Vector::from_unit(row)?,
        tokens: tokens.ids.len(),
        was_cut: tokens.was_cut,
    })
}

/// How many of the texts fit into one pass, at least one.
fn batch_len(texts: &[Tokens]) -> usize {
    let mut tokens = 0;
    let fits = |text: &&Tokens| {
        tokens += text.ids.len();
        tokens <= BATCH_TOKENS_MAX
    };
    texts.iter().take_while(fits).count().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(tokens: usize) -> Tokens {
        Tokens {
            ids: vec![0; tokens],
            was_cut: false,
        }
    }

    #[test]
    fn a_batch_takes_what_fits_and_at_least_one() {
        assert_eq!(batch_len(&[text(256), text(256), text(2)]), 2);
        assert_eq!(batch_len(&[text(256), text(257), text(2)]), 1);
        assert_eq!(batch_len(&[text(BATCH_TOKENS_MAX + 1)]), 1);
        assert_eq!(batch_len(&[text(2)]), 1);
    }

    #[test]
    fn the_embedder_is_shared_by_threads() {
        fn shared<T: Send + Sync + 'static>() {}
        shared::<Embedder>();
    }
}
