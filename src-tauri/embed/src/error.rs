//! What can go wrong while loading the model and while using it.

use std::io;
use std::path::{Path, PathBuf};

use rten_gemm::GemmError;

use crate::vector::VectorError;

/// Why a model could not be loaded. Search by words does not need the model.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A model file does not exist.
    #[error(
        "the model file `{}` is missing: `commonplace model get` fetches it, or put model.safetensors, tokenizer.json and \
         config.json of sentence-transformers/all-MiniLM-L6-v2 into its directory; until then search is by words only",
        path.display()
    )]
    Missing {
        /// The first file that was looked for and not found.
        path: PathBuf,
    },
    /// A model file exists but is not what it should be, for example half downloaded.
    #[error(
        "the model file `{}` is damaged: {reason}; `commonplace model get` puts an intact one in its place; until then \
         search is by words only",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A model file exists but the operating system does not let us read it.
    #[error("could not read the model file `{}`; check that this user may read it", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The threads that run the model could not be started.
    #[error(
        "could not start the threads of the model; close other programs or lower the number of threads"
    )]
    Runtime {
        /// The error of the thread pool.
        #[from]
        source: rayon::ThreadPoolBuildError,
    },
}

impl LoadError {
    pub(crate) fn damaged(path: &Path, reason: impl ToString) -> Self {
        Self::Damaged {
            path: path.to_owned(),
            reason: reason.to_string(),
        }
    }

    /// Missing if there is no such file, unreadable otherwise.
    pub(crate) fn from_io(path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::NotFound => Self::Missing {
                path: path.to_owned(),
            },
            io::ErrorKind::UnexpectedEof => Self::damaged(path, "the file is cut off"),
            _ => Self::Unreadable {
                path: path.to_owned(),
                source,
            },
        }
    }
}

/// Why a text could not be embedded by a model that was loaded.
///
/// None of these depends on the length or language of the text: any text can be embedded. They
/// mean that the model files fit neither each other nor this program.
#[derive(Debug, thiserror::Error)]
pub enum EmbedError {
    /// The tokenizer refused the text.
    #[error(
        "could not split the text into tokens: {reason}; the file tokenizer.json does not fit this program"
    )]
    Tokenizer {
        /// What the tokenizer said.
        reason: String,
    },
    /// The forward pass failed.
    #[error("could not run the model")]
    Runtime {
        /// What failed.
        #[from]
        source: ForwardError,
    },
    /// The model gave numbers that are not a vector.
    #[error("the model gave no usable vector; the file model.safetensors is damaged")]
    Vector {
        /// What is wrong with the numbers.
        #[from]
        source: VectorError,
    },
}

/// Why the forward pass failed. With files that passed the checks it does not.
#[derive(Debug, thiserror::Error)]
pub enum ForwardError {
    /// The tokenizer gave a token that the model does not have.
    #[error(
        "the model has no token {id}: tokenizer.json and model.safetensors do not belong together"
    )]
    UnknownToken {
        /// The number of the token.
        id: u32,
    },
    /// The text has more tokens than the model has positions.
    #[error("a text of {tokens} tokens does not fit into the model")]
    TooLong {
        /// Tokens of the text.
        tokens: usize,
    },
    /// A matrix product was refused.
    #[error("a matrix product failed: {0}")]
    Product(#[from] GemmError),
}
