//! When a session was in a project last.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::paths::DataDir;
use crate::system::{files, private_file};

/// Age after which nobody is told what has changed since.
const LIFE: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Returns when a session began or ended last in a project, in milliseconds since 1970; None if there was none.
pub(super) fn last(data_dir: &DataDir, project: &str) -> Result<Option<i64>, String> {
    let path = path(data_dir, project);
    let text = files::read(&path).map_err(|error| format!("`{}`: {error}", path.display()))?;
    Ok(text.and_then(|text| text.trim().parse().ok()))
}

/// Notes that a session is there now. The end of one counts, and its beginning if it is killed.
pub(super) fn note(data_dir: &DataDir, project: &str, now_ms: i64) -> Result<(), String> {
    let dir = data_dir.hook_projects();
    private_file::make_dir(&dir).map_err(|error| error.to_string())?;
    files::remove_older(&dir, LIFE, SystemTime::now()).map_err(|error| error.to_string())?;
    let noted = private_file::replace(&path(data_dir, project), &format!("{now_ms}\n"));
    noted.map_err(|error| error.to_string())
}

fn path(data_dir: &DataDir, project: &str) -> PathBuf {
    data_dir
        .hook_projects()
        .join(format!("{:016x}", fnv(project)))
}

/// A number for a text that is the same in every version of this program (FNV-1a): a path may be too long for a file name.
fn fnv(text: &str) -> u64 {
    let start = 0xcbf2_9ce4_8422_2325;
    text.bytes().fold(start, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_project_has_a_last_visit_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let store = DataDir::find(Some(dir.path().to_owned())).unwrap();
        assert_eq!(last(&store, "/a"), Ok(None));
        note(&store, "/a", 1).unwrap();
        note(&store, "/a", 2).unwrap();
        note(&store, "/b", 3).unwrap();
        assert_eq!(
            (last(&store, "/a"), last(&store, "/b")),
            (Ok(Some(2)), Ok(Some(3)))
        );
    }

    #[test]
    fn the_name_of_a_file_stays_the_same() {
        assert_eq!(fnv(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv("a"), 0xaf63_dc4c_8601_ec8c);
    }
}
