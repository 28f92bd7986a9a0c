//! Where the model files are, and directories with changed copies of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use commonplace_embed::{EmbedOptions, Embedder, MODEL_FILES, MODEL_NAME};
use tempfile::TempDir;

/// The directory with the model files; the test fails if they are not there.
pub(crate) fn model_dir() -> PathBuf {
    let dir = std::env::var_os("COMMONPLACE_MODEL_DIR").map_or_else(
        || {
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("../../target/models")
                .join(MODEL_NAME)
        },
        PathBuf::from,
    );
    for file in MODEL_FILES {
        let path = dir.join(file.name);
        assert!(
            path.is_file(),
            "`{}` is missing: run `cargo xtask model`, which fetches the model",
            path.display()
        );
    }
    dir
}

/// One embedder for all tests that only read from it; loading takes longer than most of them.
pub(crate) fn embedder() -> &'static Embedder {
    static EMBEDDER: OnceLock<Embedder> = OnceLock::new();
    EMBEDDER.get_or_init(|| {
        Embedder::load(&model_dir(), EmbedOptions::default()).expect("the model files are good")
    })
}

/// A directory with links to the model files, of which some may be replaced.
pub(crate) fn linked_model() -> TempDir {
    let (dir, files) = (TempDir::new().unwrap(), model_dir().canonicalize().unwrap());
    for file in MODEL_FILES {
        let (from, to) = (files.join(file.name), dir.path().join(file.name));
        if fs::hard_link(&from, &to).is_err() {
            fs::copy(&from, &to).unwrap();
        }
    }
    dir
}

/// Puts other content in the place of a file; never writes into the linked original.
pub(crate) fn replace(dir: &TempDir, name: &str, content: &[u8]) {
    let path = dir.path().join(name);
    fs::remove_file(&path).unwrap();
    fs::write(path, content).unwrap();
}
