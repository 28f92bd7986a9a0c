//! What is purged leaves the files of the database, also where something is in the way at first.

use std::path::Path;
use std::time::Instant;

use commonplace_api::settings::Limits;
use commonplace_engine::{
    Engine, EngineConfig, IdAct, Ids, LOCKS_DIR, MemoryId, ModelUse, WriteOp, WriteOutcome,
};
use commonplace_lock::Locks;
use commonplace_store::{Backend, Reader, SqliteStore};
use commonplace_testing::identity;
use tempfile::TempDir;

use crate::support::{HANG, config, locks_dir, opened, store, write};

const SECRET: &str = "shamefulsecret";

/// Stores the secret and deletes it.
async fn deleted_secret(engine: &Engine) -> MemoryId {
    let written = write(engine, store(SECRET)).await.unwrap();
    let WriteOutcome::Stored { id, .. } = written.applied.outcome else {
        panic!("{:?}", written.applied.outcome)
    };
    act(engine, IdAct::Delete, id).await;
    id
}

async fn act(engine: &Engine, act: IdAct, id: MemoryId) {
    let op = WriteOp::ByIds(act, Ids::parse(vec![id]).unwrap());
    write(engine, op).await.unwrap();
}

/// Says whether a file of the database holds the secret.
fn is_there(dir: &Path) -> bool {
    let all = std::fs::read_dir(dir).unwrap();
    all.map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().contains("commonplace.db"))
        .any(|path| {
            let bytes = std::fs::read(path).unwrap();
            let mut windows = bytes.windows(SECRET.len());
            windows.any(|window| window == SECRET.as_bytes())
        })
}

/// Waits until the secret is gone, and fails if it stays.
async fn must_go(dir: &Path) {
    let until = Instant::now() + HANG;
    while is_there(dir) {
        assert!(Instant::now() < until, "the secret stays in the files");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// An engine as a host has it.
fn host(dir: &TempDir) -> Engine {
    let config = EngineConfig {
        model_use: ModelUse::Indexing,
        ..config(dir, Limits::default())
    };
    Engine::open(config, identity("serve")).unwrap()
}

/// Another instance with the store open, which can read beside the engine.
fn other_store(dir: &TempDir) -> SqliteStore {
    let locks = Locks::open(&locks_dir(dir), identity("another")).unwrap();
    SqliteStore::open(dir.path(), &locks, 0).unwrap()
}

/// Purges the secret while a reader, which is returned, keeps the log from being emptied.
async fn purged_behind_a_reader<'a>(
    engine: &Engine,
    other: &'a SqliteStore,
) -> Box<dyn Reader + 'a> {
    let id = deleted_secret(engine).await;
    let mut reader = other.reader().unwrap();
    reader.totals().unwrap();
    act(engine, IdAct::Purge, id).await;
    reader
}

#[tokio::test]
async fn what_was_purged_is_in_no_file_of_the_database_while_the_host_runs() {
    let (dir, engine) = opened();
    let id = deleted_secret(&engine).await;
    assert!(is_there(dir.path()), "what was deleted can be restored");
    act(&engine, IdAct::Purge, id).await;
    assert!(!is_there(dir.path()));
}

// A reader that was open during a purge kept the purged text in the log for as long as the host ran: nobody tried again.
#[tokio::test]
async fn a_reader_that_is_in_the_way_of_a_purge_delays_it_only() {
    let (dir, engine) = opened();
    let other = other_store(&dir);
    let reader = purged_behind_a_reader(&engine, &other).await;
    assert!(is_there(dir.path()), "the reader was to be in the way");
    drop(reader);
    must_go(dir.path()).await;
}

// A command that purged ended at once, and the host knew nothing of what was left in the log.
#[tokio::test]
async fn an_instance_that_ends_after_a_purge_takes_the_text_with_it() {
    let (dir, engine) = opened();
    let other = other_store(&dir);
    let reader = purged_behind_a_reader(&engine, &other).await;
    let ending = tokio::spawn(async move { engine.shutdown(HANG).await });
    drop(reader);
    assert!(ending.await.unwrap());
    assert!(!is_there(dir.path()), "`other` still has the store open");
}

// A host that died between the commit of a purge and the emptying of the log left the text there until its next clean end.
#[tokio::test]
async fn the_next_host_takes_out_what_a_dead_one_had_purged() {
    let (dir, engine) = opened();
    let other = other_store(&dir);
    let _reader = purged_behind_a_reader(&engine, &other).await;
    // What a death at this moment leaves behind: the database and its log.
    let left = tempfile::tempdir().unwrap();
    for name in ["commonplace.db", "commonplace.db-wal"] {
        std::fs::copy(dir.path().join(name), left.path().join(name)).unwrap();
    }
    assert!(is_there(left.path()));
    let _next = host(&left);
    must_go(left.path()).await;
    assert!(left.path().join(LOCKS_DIR).is_dir());
}
