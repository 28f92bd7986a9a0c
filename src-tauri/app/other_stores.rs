//! Stores that this user has without knowing: a client from a package with directories of its own, or one that drops the
//! environment, starts the program with another data directory, and the program makes a second, empty store there.

use std::path::{Path, PathBuf};

use commonplace_engine::{count_memories, live_instances};

use crate::claude_code::own_command;
use crate::client_files::is_same_dir;
use crate::paths::DataDir;
use crate::system::store_dir;
use crate::words;

/// Name of the store directory in a directory of data.
const NAME: &str = "commonplace";

/// Packages whose directories are looked into.
const PACKAGES_MAX: usize = 500;

/// Where directories of data may be.
#[derive(Debug, Clone, Default)]
pub(crate) struct Homes {
    /// Home directories: the one of the environment, the one of the user database, the real one inside a Snap.
    pub(crate) homes: Vec<PathBuf>,
    /// Directories of data that variables name.
    pub(crate) data: Vec<PathBuf>,
}

impl Homes {
    /// Reads them from the environment and the user database.
    pub(crate) fn find() -> Self {
        let variable = |name| std::env::var_os(name).map(PathBuf::from);
        let dirs = directories::BaseDirs::new();
        let homes = [
            dirs.as_ref().map(|dirs| dirs.home_dir().to_owned()),
            crate::system::identity::home_of_user(),
            variable("SNAP_REAL_HOME"),
        ];
        let snap = |name| Some(variable(name)?.join(".local/share"));
        let data = [
            dirs.as_ref().map(|dirs| dirs.data_dir().to_owned()),
            snap("SNAP_USER_DATA"),
            snap("SNAP_USER_COMMON"),
        ];
        Self {
            homes: homes.into_iter().flatten().collect(),
            data: data.into_iter().flatten().collect(),
        }
    }

    /// The directories in which a store may be, each once.
    fn stores(&self) -> Vec<PathBuf> {
        let below = self.homes.iter().flat_map(|home| data_below(home));
        let all = self.data.iter().cloned().chain(below);
        let mut stores: Vec<PathBuf> = Vec::new();
        for store in all.map(|data| data.join(NAME)) {
            if store.is_absolute() && stores.iter().all(|known| !is_same_dir(known, &store)) {
                stores.push(store);
            }
        }
        stores
    }
}

/// The directories of data that programs of a user may have: the usual one, and those of packages.
fn data_below(home: &Path) -> Vec<PathBuf> {
    let usual = if cfg!(target_os = "macos") {
        "Library/Application Support"
    } else if cfg!(windows) {
        "AppData/Roaming"
    } else {
        ".local/share"
    };
    let mut found = vec![home.join(usual)];
    for package in entries(&home.join("snap")) {
        // The others are copies of earlier versions of the package.
        for version in ["current", "common"] {
            found.push(package.join(version).join(".local/share"));
        }
    }
    let flatpaks = entries(&home.join(".var/app")).into_iter();
    found.extend(flatpaks.map(|package| package.join("data")));
    found
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries
        .take(PACKAGES_MAX)
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    paths
}

/// A store that is not the one in use here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OtherStore {
    pub(crate) dir: PathBuf,
    /// How much it holds, in words.
    pub(crate) holds: String,
    /// The process of the host that serves it.
    pub(crate) host: Option<u32>,
}

/// Finds the stores with memories beside the one in `used`.
pub(crate) fn beside(used: &Path, homes: &Homes) -> Vec<OtherStore> {
    let others = homes
        .stores()
        .into_iter()
        .filter(|dir| !is_same_dir(dir, used));
    let found = others.filter_map(|dir| {
        let holds = holds(&dir)?;
        let host = host(&dir);
        Some(OtherStore { dir, holds, host })
    });
    found.collect()
}

/// Says how much a store holds; None if that is nothing.
pub(crate) fn holds(dir: &Path) -> Option<String> {
    let bytes = std::fs::metadata(dir.join("commonplace.db")).ok()?.len();
    let unread = || format!("{}, which could not be counted", words::bytes(bytes));
    // What others may have changed is not opened.
    if store_dir::check(dir).is_err() {
        return (bytes > 0).then(unread);
    }
    match count_memories(dir) {
        Ok(Some(0) | None) => None,
        Ok(Some(count)) => Some(words::memories(count)),
        Err(_) => (bytes > 0).then(unread),
    }
}

fn host(dir: &Path) -> Option<u32> {
    let locks = DataDir::find(Some(dir.to_owned()))?.locks();
    let hosts = live_instances(&locks).unwrap_or_default();
    let mut hosts = hosts.into_iter().filter(|host| host.url.is_some());
    hosts.next().map(|host| host.identity.pid)
}

/// What a bridge says when it starts on a usual store that is empty while another one is not; None if that is not so.
pub(crate) fn warning(used: &DataDir, homes: &Homes) -> Option<String> {
    let usual = DataDir::find(None)?;
    if usual.path() != used.path() || holds(used.path()).is_some() {
        return None;
    }
    let other = beside(used.path(), homes).into_iter().next()?;
    let command = own_command(&DataDir::find(Some(other.dir.clone()))?);
    Some(format!(
        "this store, `{}`, is empty, and there is another one, `{}`, with {}: this client was started with another data \
         directory than the program that wrote those. To use them here, let the client start `{command} mcp`; `commonplace \
         doctor` says more",
        used.path().display(),
        other.dir.display(),
        other.holds
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn the_directories_of_snaps_and_flatpaks_are_looked_into_once() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path();
        for dir in [
            "snap/code/current",
            "snap/code/120",
            ".var/app/dev.zed.Zed/data",
        ] {
            std::fs::create_dir_all(home.join(dir)).unwrap();
        }
        let homes = Homes {
            homes: vec![home.to_owned(), home.join(".")],
            data: vec![home.join(".local/share"), home.join("xdg")],
        };
        let stores = homes.stores();
        let wanted = [
            ".local/share/commonplace",
            "xdg/commonplace",
            "snap/code/current/.local/share/commonplace",
            "snap/code/common/.local/share/commonplace",
            ".var/app/dev.zed.Zed/data/commonplace",
        ];
        assert_eq!(stores, wanted.map(|dir| home.join(dir)));
    }

    #[test]
    fn a_directory_without_a_store_holds_nothing() {
        let dir = tempfile::tempdir().unwrap();
        crate::system::platform::make_private_dir(&dir.path().join("s")).unwrap();
        assert_eq!(holds(&dir.path().join("s")), None);
        std::fs::write(dir.path().join("s/commonplace.db"), "what is this").unwrap();
        let said = holds(&dir.path().join("s")).unwrap();
        assert!(said.starts_with("12 B"), "{said}");
    }
}
