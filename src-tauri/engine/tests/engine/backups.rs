//! Backups beside writes, and work on the whole store.

use std::path::Path;
use std::time::Duration;

use commonplace_api::backups::{BackupFinished, BackupStep};
use commonplace_api::settings::Limits;
use commonplace_engine::{
    AuditParty, BackupError, BackupTo, Engine, LOCKS_DIR, Upkeep, UpkeepError,
};
use commonplace_lock::{AuditAct, AuditStage, read_audit};
use commonplace_testing::identity;
use tempfile::TempDir;

use crate::support::{HANG, opened, store, write};

/// Waits for the end of the backup with this number.
async fn ended(engine: &Engine, number: u64) -> BackupFinished {
    let mut changes = engine.changes();
    let look = async {
        loop {
            let finished = engine.backups().finished;
            if let Some(found) = finished.into_iter().find(|backup| backup.number == number) {
                return found;
            }
            changes.changed().await.unwrap();
        }
    };
    tokio::time::timeout(HANG, look).await.expect("it ends")
}

async fn stored(engine: &Engine, text: &str) {
    write(engine, store(text)).await.unwrap();
}

fn upkeep(dir: &TempDir) -> Upkeep {
    let by = AuditParty {
        user: "ada".to_owned(),
        pid: 1,
        role: "cli restore".to_owned(),
        host_name: "desk".to_owned(),
    };
    Upkeep::open(dir.path(), identity("cli restore"), by, Duration::ZERO).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_made_beside_the_writes_and_one_at_a_time() {
    let (_dir, engine) = opened();
    stored(&engine, "before the backup").await;
    assert_eq!(engine.status().files.last_backup_ms, None);
    let running = engine.start_backup(None).unwrap();
    let second = engine.start_backup(None);
    assert!(matches!(second, Err(BackupError::UnderWay)), "{second:?}");
    for n in 0..50 {
        stored(&engine, &format!("beside the backup {n}")).await;
    }
    let ended = ended(&engine, running.number).await;
    let made = ended.made.unwrap_or_else(|| panic!("{:?}", ended.error));
    assert!((1..=51).contains(&made.contents.memories), "{made:?}");
    let known = engine.backups();
    assert_eq!(known.kept[0].path, made.path);
    assert_eq!(known.last_backup_ms, Some(made.made_ms));
    assert!(known.running.is_none());
    let again = engine.start_backup(None).unwrap();
    assert_eq!(again.number, 2, "there is room again");
}

#[tokio::test]
async fn as_many_backups_stay_as_the_limit_says() {
    let (_dir, engine) = opened();
    let limits = Limits {
        backups_kept: 2,
        ..Limits::default()
    };
    engine.set_limits(limits).unwrap();
    for _ in 0..3 {
        engine.make_backup(None, &mut |_| ()).unwrap();
    }
    assert_eq!(engine.backups().kept.len(), 2);
    let refused = engine.set_limits(Limits {
        backups_kept: 0,
        ..limits
    });
    assert!(refused.is_err(), "at least one stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_fails_says_why() {
    let (dir, engine) = opened();
    let to = BackupTo::File {
        path: dir.path().join("nowhere/x.db"),
        replace: false,
    };
    let running = engine.start_backup(Some(to)).unwrap();
    let ended = ended(&engine, running.number).await;
    assert!(ended.made.is_none());
    let error = ended.error.unwrap();
    assert!(error.contains("there is no directory"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_ends_a_backup_and_leaves_no_half_of_it() {
    let (_dir, engine) = opened();
    stored(&engine, "a fact").await;
    engine.start_backup(None).unwrap();
    assert!(engine.shutdown(HANG).await, "it does not wait for long");
    let backups = engine.backups();
    assert!(backups.running.is_none() && backups.finished.len() == 1);
    let names = std::fs::read_dir(&backups.folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let half: Vec<_> = names.filter(|name| name.starts_with('.')).collect();
    assert_eq!(half, [""; 0]);
    assert!(engine.start_backup(None).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn work_on_the_whole_store_is_refused_while_it_is_open_and_written_down() {
    let (dir, engine) = opened();
    stored(&engine, "a fact").await;
    let mut steps = Vec::new();
    let made = engine
        .make_backup(None, &mut |step| steps.push(step))
        .unwrap();
    assert_eq!(steps.last(), Some(&BackupStep::Finishing));
    stored(&engine, "after the backup").await;
    let refused = upkeep(&dir).restore(&made.path, &mut |_| ()).unwrap_err();
    assert!(refused.is_busy(), "{refused:?}");
    let refused = upkeep(&dir).compact().unwrap_err();
    assert!(refused.is_busy(), "{refused:?}");
    assert!(engine.shutdown(HANG).await);
    drop(engine);

    let restored = upkeep(&dir).restore(&made.path, &mut |_| ()).unwrap();
    assert_eq!(restored.contents.memories, 1);
    upkeep(&dir).compact().unwrap();
    assert!(upkeep(&dir).rebuild().unwrap().was_right());
    let wrong = upkeep(&dir).restore(Path::new("/nowhere"), &mut |_| ());
    assert!(matches!(wrong, Err(UpkeepError::Restore(_))), "{wrong:?}");

    let mut entries = read_audit(&dir.path().join(LOCKS_DIR), 99).unwrap();
    entries.reverse();
    let acts: Vec<_> = entries
        .iter()
        .map(|entry| (entry.act, entry.stage))
        .collect();
    use AuditAct::{Compact, Rebuild, Restore};
    use AuditStage::{Begun, Done, Refused};
    assert_eq!(
        acts,
        [
            (Restore, Begun),
            (Restore, Refused),
            (Compact, Begun),
            (Compact, Refused),
            (Restore, Begun),
            (Restore, Done),
            (Compact, Begun),
            (Compact, Done),
            (Rebuild, Begun),
            (Rebuild, Done),
            (Restore, Begun),
            (Restore, Refused),
        ]
    );
    assert!(entries[5].done.contains("restored 1 memories at epoch"));
    assert_eq!(entries[5].by.user, "ada");
}
