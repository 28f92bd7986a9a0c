//! What a store holds and who it is, read in one statement, so that two of them can be compared.

use rusqlite::Connection;

use crate::maintenance::Contents;

/// Identity and contents of a store at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Snapshot {
    pub(super) contents: Contents,
    /// Number of the last write; equal to the number of writes, unless rows are missing.
    pub(super) last_seq: u64,
    pub(super) store_uuid: String,
    pub(super) incarnation: String,
    pub(super) epoch: u64,
    pub(super) generation: u64,
}

impl Snapshot {
    pub(super) fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let sql = "SELECT s.store_uuid, s.incarnation, s.epoch, s.generation,
                          (SELECT count(*) FROM memories WHERE deleted_ms IS NULL),
                          (SELECT count(*) FROM memories WHERE deleted_ms IS NOT NULL),
                          (SELECT count(*) FROM memory_vectors),
                          (SELECT count(*) FROM commit_log),
                          (SELECT coalesce(max(seq), 0) FROM commit_log)
                   FROM store_meta s
                   WHERE s.id = 1";
        connection.query_row(sql, [], |row| {
            let number = |at: usize| row.get::<_, i64>(at).map(|n| n as u64);
            Ok(Self {
                store_uuid: row.get(0)?,
                incarnation: row.get(1)?,
                epoch: number(2)?,
                generation: number(3)?,
                contents: Contents {
                    memories: number(4)?,
                    deleted: number(5)?,
                    vectors: number(6)?,
                    commits: number(7)?,
                },
                last_seq: number(8)?,
            })
        })
    }

    /// Reads only who the store is and where it stands; nothing is counted. For a store that may be damaged elsewhere.
    pub(super) fn read_identity(connection: &Connection) -> rusqlite::Result<Self> {
        let sql = "SELECT store_uuid, incarnation, epoch, generation FROM store_meta WHERE id = 1";
        connection.query_row(sql, [], |row| {
            let number = |at: usize| row.get::<_, i64>(at).map(|n| n as u64);
            Ok(Self {
                contents: Contents::default(),
                last_seq: 0,
                store_uuid: row.get(0)?,
                incarnation: row.get(1)?,
                epoch: number(2)?,
                generation: number(3)?,
            })
        })
    }

    /// Says what is wrong with a copy that was made of the store between two moments, if anything is.
    pub(super) fn refuse_between(&self, before: &Self, after: &Self) -> Result<(), String> {
        if (&self.store_uuid, &self.incarnation) != (&before.store_uuid, &before.incarnation) {
            return Err("it is of another store".to_owned());
        }
        self.refuse_gaps()?;
        if !(before.last_seq..=after.last_seq).contains(&self.last_seq) {
            return Err(format!(
                "it ends with write {}, and the store went from {} to {}",
                self.last_seq, before.last_seq, after.last_seq
            ));
        }
        for moment in [before, after] {
            if moment.last_seq == self.last_seq && moment.contents != self.contents {
                return Err(format!(
                    "it holds {:?}, and the store {:?}",
                    self.contents, moment.contents
                ));
            }
        }
        Ok(())
    }

    /// Says whether writes are missing from the log.
    pub(super) fn refuse_gaps(&self) -> Result<(), String> {
        if self.contents.commits == self.last_seq {
            return Ok(());
        }
        Err(format!(
            "its log has {} writes, and the last one is number {}",
            self.contents.commits, self.last_seq
        ))
    }
}

/// Says whether the disk or the system failed, which says nothing about what lies on the disk.
pub(super) fn is_failure_of_disk(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode as Code;
    matches!(
        error.sqlite_error_code(),
        Some(
            Code::SystemIoFailure
                | Code::DiskFull
                | Code::CannotOpen
                | Code::PermissionDenied
                | Code::ReadOnly
                | Code::OutOfMemory
                | Code::DatabaseBusy
                | Code::DatabaseLocked
        )
    )
}
