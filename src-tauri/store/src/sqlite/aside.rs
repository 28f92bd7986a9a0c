//! Rows that no backup has whole: written into a file, a line of JSON for each, instead of being thrown away.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::backup_folder;
use super::raw_row::RawRow;
use super::sums::Summed;
use crate::platform;

/// The file, which is made with its first line.
pub(super) struct Aside {
    folder: PathBuf,
    now_ms: i64,
    file: Option<(PathBuf, BufWriter<File>)>,
    failed: Option<io::Error>,
}

impl Aside {
    pub(super) fn new(folder: &Path, now_ms: i64) -> Self {
        Self {
            folder: folder.to_owned(),
            now_ms,
            file: None,
            failed: None,
        }
    }

    /// Keeps a row, and why it is not in the store. A failure is told by [`Aside::finish`].
    pub(super) fn keep(&mut self, table: &Summed, row: &RawRow, why: &str) {
        let line = json!({ "table": table.name, "why": why, "row": row.json(table) });
        let written = self.file().and_then(|file| writeln!(file, "{line}"));
        if let Err(error) = written {
            self.failed.get_or_insert(error);
        }
    }

    fn file(&mut self) -> io::Result<&mut BufWriter<File>> {
        if self.file.is_none() {
            platform::make_private_dir(&self.folder)?;
            let path = backup_folder::new_aside(&self.folder, self.now_ms);
            let file = platform::create_private_file(&path)?;
            self.file = Some((path, BufWriter::new(file)));
        }
        let (_, file) = self.file.as_mut().expect("it was made above");
        Ok(file)
    }

    /// Makes the file durable and returns where it is; None if there was nothing to keep.
    pub(super) fn finish(self) -> io::Result<Option<PathBuf>> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let Some((path, mut file)) = self.file else {
            return Ok(None);
        };
        file.flush()?;
        file.get_ref().sync_all()?;
        Ok(Some(path))
    }
}
