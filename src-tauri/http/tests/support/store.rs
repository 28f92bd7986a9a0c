//! A real store.

use std::path::Path;
use std::sync::Arc;

use commonplace_api::settings::Limits;
use commonplace_engine::{Engine, EngineConfig, Identity, InstanceId, ModelUse, NoProcesses};

/// Opens the store in `dir`, without a model.
pub(crate) fn open_engine(dir: &Path) -> Engine {
    let config = EngineConfig {
        data_dir: dir.to_owned(),
        model_dir: dir.join("no-model"),
        limits: Limits::default(),
        model_use: ModelUse::None,
        processes: Arc::new(NoProcesses),
    };
    let identity = Identity {
        instance: InstanceId::random(),
        pid: std::process::id(),
        start_time: None,
        boot_id: None,
        pid_namespace: None,
        user: None,
        host_name: "desk".to_owned(),
        program: "commonplace".to_owned(),
        version: "0.0.0".to_owned(),
        role: "test".to_owned(),
    };
    Engine::open(config, identity).expect("a store opens")
}
