//! How many memories a store has, for whoever looks at one that he does not use.

use std::path::Path;

use super::connection;
use super::paths::DATABASE;
use super::version::open_error;
use crate::error::OpenError;

/// Counts the memories of the store in `dir` that are not deleted; None if it has no database.
///
/// Opens no store: it takes no lock, makes no file of ours and leaves database and log as they are. A store of another version
/// is counted too.
///
/// # Errors
/// [`OpenError`] if the database cannot be read, or is none of ours.
pub fn count_memories(dir: &Path) -> Result<Option<u64>, OpenError> {
    let path = dir.join(DATABASE);
    if !path.is_file() {
        return Ok(None);
    }
    let counted = connection::open_looking(&path).and_then(|connection| {
        let sql = "SELECT count(*) FROM memories WHERE deleted_ms IS NULL";
        connection.query_row(sql, [], |row| row.get::<_, i64>(0))
    });
    let counted = counted.map_err(|error| open_error(&path, error))?;
    Ok(Some(counted as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_store_is_told_from_one_that_cannot_be_read_and_nothing_is_made() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(count_memories(dir.path()).unwrap(), None);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        std::fs::write(dir.path().join(DATABASE), "no database").unwrap();
        assert!(count_memories(dir.path()).is_err());
    }
}
