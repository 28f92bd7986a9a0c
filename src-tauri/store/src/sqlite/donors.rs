//! Backups that rows are taken from, the newest first.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::contents::Snapshot;
use super::raw_row::{self, RawRow};
use super::sums::Summed;
use super::{backup_folder, connection, header};

/// A backup of this store that can be read.
pub(super) struct Donor {
    connection: Connection,
    store_uuid: String,
    pub(super) path: PathBuf,
}

impl Donor {
    fn open(path: &Path) -> rusqlite::Result<Self> {
        let connection = connection::open_sealed(path)?;
        let store_uuid = Snapshot::read_identity(&connection)?.store_uuid;
        Ok(Self {
            connection,
            store_uuid,
            path: path.to_owned(),
        })
    }

    /// Reads a row. An older schema lacks columns, and a backup may be damaged as well: then it has none.
    fn row(&self, table: &Summed, key: i64) -> Option<RawRow> {
        RawRow::read(&self.connection, table, key).ok().flatten()
    }

    fn is_whole(&self, table: &Summed, key: i64, row: &RawRow) -> bool {
        match raw_row::kept_sum(&self.connection, table, key) {
            Ok(kept) => kept == Some(row.sum),
            // Before there were checksums, a memory had its hash.
            Err(_) => raw_row::is_of_memories(table) && row.has_its_hash(),
        }
    }
}

/// All of them.
pub(super) struct Donors(Vec<Donor>);

impl Donors {
    /// Opens the backups in `folder` that are of the store `uuid`; where that is not known, of the store that the newest
    /// one is of. Those that cannot be read are left out.
    pub(super) fn of(folder: &Path, uuid: Option<&str>) -> Self {
        let kept = backup_folder::kept_backups(folder).unwrap_or_default();
        let readable = kept
            .iter()
            .filter(|backup| header::refuse_unfit(&backup.path).is_ok());
        let donors = readable.filter_map(|backup| Donor::open(&backup.path).ok());
        Self(donors.collect()).only_of(uuid)
    }

    /// Takes rows from this backup only.
    pub(super) fn only(path: &Path, uuid: Option<&str>) -> rusqlite::Result<Self> {
        Ok(Self(vec![Donor::open(path)?]).only_of(uuid))
    }

    fn only_of(mut self, uuid: Option<&str>) -> Self {
        let Some(uuid) = uuid.map(str::to_owned).or(self.store_uuid()) else {
            return self;
        };
        self.0.retain(|donor| donor.store_uuid == uuid);
        self
    }

    /// Returns the store that they are of; None if there are none.
    pub(super) fn store_uuid(&self) -> Option<String> {
        self.0.first().map(|donor| donor.store_uuid.clone())
    }

    /// Finds the row that has this checksum: the very row that was there.
    pub(super) fn exact(&self, table: &Summed, key: i64, sum: i64) -> Option<(RawRow, &Donor)> {
        self.find(table, key, |_, row| row.sum == sum)
    }

    /// Finds the newest state of the row that is whole in its backup.
    pub(super) fn newest_whole(&self, table: &Summed, key: i64) -> Option<(RawRow, &Donor)> {
        self.find(table, key, |donor, row| donor.is_whole(table, key, row))
    }

    fn find(
        &self,
        table: &Summed,
        key: i64,
        fits: impl Fn(&Donor, &RawRow) -> bool,
    ) -> Option<(RawRow, &Donor)> {
        self.0.iter().find_map(|donor| {
            let row = donor.row(table, key)?;
            fits(donor, &row).then_some((row, donor))
        })
    }

    /// Returns all keys that any of them has.
    pub(super) fn keys(&self, table: &Summed) -> BTreeSet<i64> {
        let sql = format!("SELECT {} FROM {}", table.key(), table.name);
        let mut all = BTreeSet::new();
        for donor in &self.0 {
            let keys = donor.connection.prepare(&sql).and_then(|mut keys| {
                keys.query_map([], |row| row.get::<_, i64>(0))?
                    .collect::<rusqlite::Result<Vec<_>>>()
            });
            all.extend(keys.unwrap_or_default());
        }
        all
    }
}
