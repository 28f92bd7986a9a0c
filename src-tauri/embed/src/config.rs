//! The shape of the network, read from config.json and held against what this program can run.

use std::path::Path;

use serde::Deserialize;

use crate::checked::CheckedFile;
use crate::error::LoadError;
use crate::{DIM, TOKENS_MAX};

/// Sizes of the network. All are checked: a different model is refused, not run by chance.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Config {
    pub(crate) hidden_size: usize,
    pub(crate) intermediate_size: usize,
    pub(crate) num_attention_heads: usize,
    pub(crate) num_hidden_layers: usize,
    pub(crate) vocab_size: usize,
    pub(crate) max_position_embeddings: usize,
    pub(crate) type_vocab_size: usize,
    pub(crate) layer_norm_eps: f32,
    hidden_act: String,
    model_type: String,
}

impl Config {
    pub(crate) fn read(file: &CheckedFile) -> Result<Self, LoadError> {
        Self::parse(&file.path, &file.read_all()?)
    }

    /// Reads the JSON of the file at `path`.
    pub(crate) fn parse(path: &Path, json: &[u8]) -> Result<Self, LoadError> {
        let config: Self = serde_json::from_slice(json)
            .map_err(|error| LoadError::damaged(path, format!("its JSON does not fit: {error}")))?;
        match config.first_difference() {
            None => Ok(config),
            Some(name) => Err(LoadError::damaged(
                path,
                format!(
                    "`{name}` is not that of {}, so this is another model",
                    crate::MODEL_NAME
                ),
            )),
        }
    }

    /// Names the first entry that this program cannot run.
    fn first_difference(&self) -> Option<&'static str> {
        let rules = [
            ("model_type", self.model_type == "bert"),
            ("hidden_act", self.hidden_act == "gelu"),
            ("hidden_size", self.hidden_size == DIM),
            ("intermediate_size", self.intermediate_size == 1536),
            ("num_attention_heads", self.num_attention_heads == 12),
            ("num_hidden_layers", self.num_hidden_layers == 6),
            ("vocab_size", self.vocab_size == 30_522),
            (
                "max_position_embeddings",
                (TOKENS_MAX..=4096).contains(&self.max_position_embeddings),
            ),
            ("type_vocab_size", self.type_vocab_size == 2),
            (
                "layer_norm_eps",
                self.layer_norm_eps > 0.0 && self.layer_norm_eps < 1e-3,
            ),
        ];
        rules
            .iter()
            .find(|(_, holds)| !holds)
            .map(|(name, _)| *name)
    }
}
