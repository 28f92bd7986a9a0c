//! A real store.

use std::path::Path;
use std::sync::Arc;

use commonplace_api::settings::Limits;
use commonplace_engine::{Engine, EngineConfig, ModelUse, NoProcesses};

/// Opens the store in `dir`, without a model.
pub(crate) fn open_engine(dir: &Path) -> Engine {
    let config = EngineConfig {
        data_dir: dir.to_owned(),
        model_dir: dir.join("no-model"),
        limits: Limits::default(),
        model_use: ModelUse::None,
        processes: Arc::new(NoProcesses),
    };
    Engine::open(config, commonplace_testing::identity("test")).expect("a store opens")
}
