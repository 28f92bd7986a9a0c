//! Changes of memories that are named by their ids, as somebody does who sees them in a list.

use super::memories::{Change, few, living, living_with_text};
use super::memory_row::any;
use super::stop::Stop;
use crate::memory::{Memory, MemoryId};
use crate::ops::{Edit, IdAct, Ids, Missed, Refusal, WHOLE_MEMORIES_MAX, WriteOutcome};

impl Change<'_> {
    /// Changes a living memory, if it is still what whoever asks has seen.
    pub(super) fn edit(&self, edit: &Edit) -> Result<WriteOutcome, Stop> {
        let id = edit.id;
        let old = living(self.connection, id)?;
        let Some(old) = old else {
            return Err(Refusal::NoMemory { id }.into());
        };
        let updated_ms = old.updated_ms;
        if edit.seen_ms.is_some_and(|seen_ms| seen_ms != updated_ms) {
            return Err(Refusal::Changed { id, updated_ms }.into());
        }
        self.replace(&old, &edit.changes)
    }

    /// Does `act` with each memory, and tells with which it could not.
    pub(super) fn by_ids(&self, act: IdAct, ids: &Ids) -> Result<WriteOutcome, Stop> {
        let ids = ids.as_slice();
        if ids.len() > WHOLE_MEMORIES_MAX {
            return Err(Refusal::TooMany.into());
        }
        let found = ids.iter().map(|id| any(self.connection, *id));
        let found: Vec<_> = found.collect::<rusqlite::Result<_>>()?;
        few(found.into_iter().flatten().collect())?;
        let (mut done, mut missed) = (Vec::new(), Vec::new());
        for id in ids {
            match self.one(act, *id)? {
                Ok(()) => done.push(*id),
                Err(why) => missed.push((*id, why)),
            }
        }
        Ok(WriteOutcome::ByIds {
            act,
            done: done.into(),
            missed: missed.into(),
            part: None,
        })
    }

    pub(super) fn one(&self, act: IdAct, id: MemoryId) -> rusqlite::Result<Result<(), Missed>> {
        let Some(memory) = any(self.connection, id)? else {
            return Ok(Err(Missed::NotFound));
        };
        match (act, memory.deleted_ms.is_some()) {
            (IdAct::Delete, true) => return Ok(Err(Missed::AlreadyDeleted)),
            (IdAct::Undelete | IdAct::Purge, false) => return Ok(Err(Missed::NotDeleted)),
            (IdAct::Delete, false) => self.delete_one(&memory)?,
            (IdAct::Purge, true) => self.purge_one(id)?,
            (IdAct::Undelete, true) if self.is_text_taken(&memory)? => {
                return Ok(Err(Missed::TextTaken));
            }
            (IdAct::Undelete, true) => self.undelete_one(&memory)?,
        }
        Ok(Ok(()))
    }

    /// Says whether a living memory of the same project has the text of a deleted one.
    pub(super) fn is_text_taken(&self, memory: &Memory) -> rusqlite::Result<bool> {
        let living = living_with_text(self.connection, &memory.project, &memory.content_hash)?;
        Ok(living.is_some())
    }
}
