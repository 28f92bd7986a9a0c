//! Who wrote last, and which lock file is in force.

use rusqlite::{Connection, OptionalExtension as _};

/// What a transaction must know before it writes.
pub(super) struct Meta {
    pub(super) epoch: u64,
    /// Of the lock file that is in force.
    pub(super) generation: u64,
    /// Instance that committed last; empty after a take-over.
    pub(super) holder: String,
    /// Instance that the lock was taken over from last; empty if it never was.
    pub(super) taken_from: String,
}

pub(super) fn read_meta(connection: &Connection) -> rusqlite::Result<Meta> {
    let row = connection
        .prepare_cached(
            "SELECT epoch, generation, holder, taken_from FROM store_meta WHERE id = 1",
        )?
        .query_row([], |row| {
            let (epoch, generation) = (row.get::<_, i64>(0)?, row.get::<_, i64>(1)?);
            Ok(Meta {
                epoch: epoch as u64,
                generation: generation as u64,
                holder: row.get(2)?,
                taken_from: row.get(3)?,
            })
        })
        .optional()?;
    row.ok_or(rusqlite::Error::QueryReturnedNoRows)
}
