//! What the disk itself takes: no acknowledged write can be quicker than one sync.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::time::Instant;

use super::samples::Samples;

const APPENDS: usize = 100;
/// One page of a database.
const PAGE: [u8; 4096] = [7; 4096];

/// Measures appending 4 kB to a file in `dir` and waiting until the disk has them (`fsync`).
///
/// # Errors
/// If the file cannot be written.
pub(crate) fn measure(dir: &Path) -> io::Result<Samples> {
    let path = dir.join("floor");
    let mut file = File::create(&path)?;
    let mut times = Vec::with_capacity(APPENDS);
    for _ in 0..APPENDS {
        let started = Instant::now();
        file.write_all(&PAGE)?;
        file.sync_all()?;
        times.push(started.elapsed());
    }
    drop(file);
    std::fs::remove_file(&path)?;
    Ok(times.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_floor_leaves_nothing_behind() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let floor = measure(dir.path()).expect("the directory can be written");
        assert!(floor.p50().is_some());
        assert_eq!(std::fs::read_dir(dir.path()).expect("readable").count(), 0);
    }
}
