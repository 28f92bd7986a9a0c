//! A store in a temporary directory, an engine on it, and somebody else who holds its lock.

use std::path::PathBuf;
use std::time::Duration;

use commonplace_api::Transport;
use commonplace_api::settings::Limits;
use commonplace_engine::{
    Acknowledged, Engine, EngineConfig, Filter, LOCKS_DIR, ListQuery, MemoryDraft, ModelUse,
    NewMemory, Origin, RequestError, WriteOp, WriteOptions,
};
use commonplace_lock::{Locks, Wait, WriteLock};
use commonplace_testing::{identity, purpose};
use tempfile::TempDir;
use tokio::task::JoinHandle;

/// Ends a test that hangs; nothing waits for it otherwise.
pub(crate) const HANG: Duration = Duration::from_secs(30);

pub(crate) fn config(dir: &TempDir, limits: Limits) -> EngineConfig {
    EngineConfig {
        data_dir: dir.path().to_owned(),
        model_dir: dir.path().join("no-model"),
        limits,
        model_use: ModelUse::None,
        processes: std::sync::Arc::new(commonplace_engine::NoProcesses),
    }
}

pub(crate) fn open_with(dir: &TempDir, limits: Limits) -> Engine {
    Engine::open(config(dir, limits), identity("test")).expect("a fresh store opens")
}

pub(crate) fn open(dir: &TempDir) -> Engine {
    open_with(dir, Limits::default())
}

/// An engine on a fresh store.
pub(crate) fn opened() -> (TempDir, Engine) {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(&dir);
    (dir, engine)
}

pub(crate) fn locks_dir(dir: &TempDir) -> PathBuf {
    dir.path().join(LOCKS_DIR)
}

/// Another instance, which holds the write lock.
pub(crate) fn hold_lock(dir: &TempDir) -> (Locks, WriteLock) {
    let locks = Locks::open(&locks_dir(dir), identity("another")).unwrap();
    let lock = locks
        .acquire_write(&purpose("somebody"), Wait::up_to(HANG))
        .unwrap();
    (locks, lock)
}

/// What somebody else wants the write lock for.
pub(crate) fn origin() -> Origin {
    Origin::new("test-client", Transport::Http)
}

pub(crate) fn store(text: &str) -> WriteOp {
    WriteOp::Store(
        NewMemory::parse(MemoryDraft {
            text: text.to_owned(),
            ..MemoryDraft::default()
        })
        .unwrap(),
    )
}

pub(crate) fn within(deadline: Duration) -> WriteOptions {
    WriteOptions {
        op_id: None,
        deadline: Some(deadline),
    }
}

/// Carries out one write of [`origin`].
pub(crate) async fn write(engine: &Engine, op: WriteOp) -> Result<Acknowledged, RequestError> {
    engine.write(&origin(), op, WriteOptions::default()).await
}

/// A write that was asked for.
pub(crate) type Asked = JoinHandle<Result<Acknowledged, RequestError>>;

/// Asks for one write of [`origin`]; does not wait for it.
pub(crate) fn ask(engine: &Engine, op: WriteOp) -> Asked {
    let engine = engine.clone();
    tokio::spawn(async move { write(&engine, op).await })
}

/// Asks for `count` writes at once; returns when all are in the queue.
pub(crate) async fn ask_many(engine: &Engine, count: usize) -> Vec<Asked> {
    ask_many_as(engine, &origin(), count).await
}

/// Does the same for another client.
pub(crate) async fn ask_many_as(engine: &Engine, client: &Origin, count: usize) -> Vec<Asked> {
    let before = engine.status().queue.length;
    let ask = |number| {
        let (engine, client) = (engine.clone(), client.clone());
        tokio::spawn(async move {
            let op = store(&format!("fact {number} of {}", client.client));
            engine.write(&client, op, WriteOptions::default()).await
        })
    };
    let asked = (0..count).map(ask).collect();
    while engine.status().queue.length < before + count {
        tokio::task::yield_now().await;
    }
    asked
}

pub(crate) async fn total(engine: &Engine) -> u64 {
    engine
        .list(
            &origin(),
            ListQuery::parse(Filter::default(), 1, 1, false).unwrap(),
        )
        .await
        .unwrap()
        .total
}
