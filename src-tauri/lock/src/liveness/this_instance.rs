//! This instance: its life lock, and what it tells others about itself.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::life::{LifeLock, LifeLost};
use crate::clock::Clock;
use crate::error::{OpenError, PathError};
use crate::file::network;
use crate::file::paths::Paths;
use crate::identity::{Identity, InstanceId};
use crate::records::instance::InstanceRecord;

/// One opening of the locks, alive for as long as the value lives.
pub(crate) struct ThisInstance {
    pub(crate) paths: Paths,
    pub(crate) identity: Identity,
    pub(crate) clock: Arc<dyn Clock>,
    /// What we say about ourselves; the mutex also keeps two announcements from mixing on disk.
    record: Mutex<InstanceRecord>,
    /// Kind of the file system, if it is not known whether locks work there.
    doubtful_file_system: Option<String>,
    life: LifeLock,
}

impl ThisInstance {
    /// Takes the life lock and writes the record.
    pub(crate) fn open(
        paths: Paths,
        identity: Identity,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        let doubtful_file_system = network::unknown_kind(paths.dir());
        if let Some(kind) = &doubtful_file_system {
            tracing::warn!(
                target: crate::LOG, dir = %paths.dir().display(), %kind,
                "it is not known whether locks work on this file system; let all programs use one path to the store"
            );
        }
        // Life lock before record: a record without a living owner may be swept.
        let life = LifeLock::take(&paths, &identity.instance, doubtful_file_system.is_some())?;
        let record = InstanceRecord::new(identity.clone(), clock.now_ms());
        record.write(&paths)?;
        Ok(Self {
            paths,
            identity,
            clock,
            record: Mutex::new(record),
            doubtful_file_system,
            life,
        })
    }

    pub(crate) fn id(&self) -> &InstanceId {
        &self.identity.instance
    }

    pub(crate) fn doubtful_file_system(&self) -> Option<&str> {
        self.doubtful_file_system.as_deref()
    }

    /// Checks that others can still see that this instance lives.
    pub(crate) fn check_life(&self) -> Result<(), LifeLost> {
        self.life.check()
    }

    /// Changes what we say about ourselves. If it cannot be written, the old record stays.
    pub(crate) fn change_record(
        &self,
        change: impl FnOnce(&mut InstanceRecord),
    ) -> Result<(), PathError> {
        let mut current = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        let mut record = current.clone();
        change(&mut record);
        record.write(&self.paths)?;
        *current = record;
        Ok(())
    }
}

impl fmt::Debug for ThisInstance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThisInstance")
            .field("dir", &self.paths.dir())
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}
