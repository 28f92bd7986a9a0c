//! Names of the files in the lock directory, each written down once.

use std::io;
use std::path::{Path, PathBuf};

use crate::error::PathError;
use crate::identity::{Generation, InstanceId};

/// Ending of a life lock; the part before it is the instance id.
pub(crate) const LIFE_LOCK: &str = ".lock";
/// Ending of a life lock that its instance has not locked yet.
pub(crate) const LIFE_LOCK_NEW: &str = ".new";
/// Ending of records.
pub(crate) const RECORD: &str = ".json";
/// Directory of the instances' files.
pub(crate) const INSTANCES: &str = "instances";
/// Ending of the local socket of an instance that serves.
const SOCKET: &str = ".sock";
/// Digits of the instance id in the name of its socket: the whole id would make the path too long for some systems, which
/// take 104 bytes (unix(4)).
const SOCKET_ID_LEN: usize = 16;
/// What the name of a record ends with in addition while it is being written.
const TEMPORARY: &str = "tmp";
/// Ending of a place in the line for the write lock.
const TICKET: &str = ".ticket";
/// Ending of a ticket that its instance has not locked yet.
const TICKET_NEW: &str = ".new";

/// Knows where each file of one lock directory is.
#[derive(Debug, Clone)]
pub(crate) struct Paths {
    dir: PathBuf,
}

impl Paths {
    /// Makes `dir` absolute, so that a later change of the working directory changes nothing.
    pub(crate) fn new(dir: &Path) -> Result<Self, PathError> {
        let dir = std::path::absolute(dir).map_err(PathError::of("find", dir))?;
        Ok(Self { dir })
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn write_lock(&self, generation: Generation) -> PathBuf {
        match generation {
            Generation(0) => self.dir.join("write.lock"),
            Generation(n) => self.dir.join(format!("write.{n}.lock")),
        }
    }

    pub(crate) fn write_holder(&self, generation: Generation) -> PathBuf {
        match generation {
            Generation(0) => self.dir.join("write.holder.json"),
            Generation(n) => self.dir.join(format!("write.{n}.holder.json")),
        }
    }

    /// Lists the generations that have a lock file, in order.
    pub(crate) fn generations(&self) -> Result<Vec<Generation>, PathError> {
        let names = file_names(&self.dir)?;
        let mut found: Vec<_> = names
            .iter()
            .filter_map(|name| generation_of(name))
            .collect();
        found.sort();
        Ok(found)
    }

    /// The line of those who wait for the lock of `generation`.
    pub(crate) fn line(&self, generation: Generation) -> PathBuf {
        match generation {
            Generation(0) => self.dir.join("line"),
            Generation(n) => self.dir.join(format!("line.{n}")),
        }
    }

    /// Held while the write lock is taken over from a holder that is stuck.
    pub(crate) fn take_over_lock(&self) -> PathBuf {
        self.dir.join("take-over.lock")
    }

    /// Held exclusively by an instance that waits for exclusive use of the store, so that newcomers wait behind it.
    pub(crate) fn store_gate(&self) -> PathBuf {
        self.dir.join("store.gate.lock")
    }

    pub(crate) fn audit(&self) -> PathBuf {
        self.dir.join("audit.jsonl")
    }

    pub(crate) fn audit_old(&self) -> PathBuf {
        self.dir.join("audit.old.jsonl")
    }

    pub(crate) fn store_lock(&self) -> PathBuf {
        self.dir.join("store.lock")
    }

    pub(crate) fn store_holder(&self) -> PathBuf {
        self.dir.join("store.holder.json")
    }

    pub(crate) fn pause(&self) -> PathBuf {
        self.dir.join(format!("pause{RECORD}"))
    }

    /// A pause that is being written; `id` keeps those apart who pause at the same time.
    pub(crate) fn pause_temporary(&self, id: &InstanceId) -> PathBuf {
        temporary(&self.dir.join(format!("pause-{id}{RECORD}")))
    }

    pub(crate) fn gate_holder(&self) -> PathBuf {
        self.dir.join("store.gate.holder.json")
    }

    pub(crate) fn instances(&self) -> PathBuf {
        self.dir.join(INSTANCES)
    }

    pub(crate) fn life_lock(&self, id: &InstanceId) -> PathBuf {
        self.instances().join(format!("{id}{LIFE_LOCK}"))
    }

    pub(crate) fn life_lock_new(&self, id: &InstanceId) -> PathBuf {
        self.instances().join(format!("{id}{LIFE_LOCK_NEW}"))
    }

    pub(crate) fn instance_record(&self, id: &InstanceId) -> PathBuf {
        self.instances().join(format!("{id}{RECORD}"))
    }

    pub(crate) fn socket(&self, id: &InstanceId) -> PathBuf {
        self.instances().join(socket_name(id))
    }

    pub(crate) fn waiters(&self) -> PathBuf {
        self.dir.join("waiters")
    }

    pub(crate) fn waiter_record(&self, id: &InstanceId, n: u64) -> PathBuf {
        self.waiters().join(format!("{id}-{n}{RECORD}"))
    }
}

/// Names the file that becomes the record at `path` once it is written.
pub(crate) fn temporary(path: &Path) -> PathBuf {
    path.with_added_extension(TEMPORARY)
}

/// Names the local socket of an instance.
pub(crate) fn socket_name(id: &InstanceId) -> String {
    format!("{}{SOCKET}", &id.as_str()[..SOCKET_ID_LEN])
}

/// Reads the generation from the name of a write lock file, `write.lock` or `write.<n>.lock`.
pub(crate) fn generation_of(file_name: &str) -> Option<Generation> {
    if file_name == "write.lock" {
        return Some(Generation(0));
    }
    let n = file_name.strip_prefix("write.")?.strip_suffix(".lock")?;
    n.parse().ok().map(Generation)
}

/// Names a ticket so that names sort in the order of the line: number, then instance.
pub(crate) fn ticket_name(number: u64, id: &InstanceId, n: u64) -> String {
    format!("{number:020}-{id}-{n}{TICKET}")
}

/// Reads number and instance from the name of a ticket.
pub(crate) fn ticket_of(file_name: &str) -> Option<(u64, InstanceId)> {
    let (number, rest) = file_name.strip_suffix(TICKET)?.split_once('-')?;
    let is_number = number.len() == 20 && number.bytes().all(|byte| byte.is_ascii_digit());
    let number = is_number.then(|| number.parse().ok())??;
    Some((number, numbered(rest)?))
}

/// Names a ticket that is being drawn.
pub(crate) fn new_ticket_name(id: &InstanceId, n: u64) -> String {
    format!("{id}-{n}{TICKET_NEW}")
}

/// Reads the instance id from the name of a ticket that is being drawn, `<id>-<n>.new`.
pub(crate) fn instance_of_new_ticket(file_name: &str) -> Option<InstanceId> {
    numbered(file_name.strip_suffix(TICKET_NEW)?)
}

/// Reads the instance id from a file name of the form `<id><ending>`.
pub(crate) fn instance_of(file_name: &str, ending: &str) -> Option<InstanceId> {
    InstanceId::parse(file_name.strip_suffix(ending)?).ok()
}

/// Reads the instance id from a waiter's file name, `<id>-<n>.json` or `<id>-<n>.json.tmp`.
pub(crate) fn instance_of_waiter(file_name: &str) -> Option<InstanceId> {
    let written = file_name
        .strip_suffix(TEMPORARY)
        .and_then(|name| name.strip_suffix('.'));
    numbered(written.unwrap_or(file_name).strip_suffix(RECORD)?)
}

/// Reads the instance id from `<id>-<n>`.
fn numbered(stem: &str) -> Option<InstanceId> {
    let (id, n) = stem.split_once('-')?;
    n.parse::<u64>().ok()?;
    InstanceId::parse(id).ok()
}

/// Lists the file names in `dir` in order; a directory that is missing has none.
pub(crate) fn file_names(dir: &Path) -> Result<Vec<String>, PathError> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(PathError::of("list", dir)(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(PathError::of("list", dir))?;
        names.extend(entry.file_name().into_string());
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generation_is_in_the_file_name() {
        let paths = Paths::new(Path::new("/x")).unwrap();
        assert!(paths.write_lock(Generation(0)).ends_with("write.lock"));
        assert!(paths.write_lock(Generation(7)).ends_with("write.7.lock"));
    }

    #[test]
    fn foreign_file_names_name_no_instance() {
        let id = InstanceId::random();
        assert_eq!(
            instance_of(&format!("{id}.lock"), LIFE_LOCK),
            Some(id.clone())
        );
        for waiter in ["3.json", "3.json.tmp"] {
            let name = format!("{id}-{waiter}");
            assert_eq!(instance_of_waiter(&name), Some(id.clone()), "`{name}`");
        }
        for foreign in ["notes.json", ".json", "-1.json", &format!("{id}-x.json")] {
            assert_eq!(instance_of_waiter(foreign), None, "`{foreign}`");
        }
        assert_eq!(instance_of("write.lock", LIFE_LOCK), None);
    }
}
