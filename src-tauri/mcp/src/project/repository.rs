//! The repository around a folder, from the files that gitrepository-layout(5) and git-worktree(1) describe.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Longest path that a file of a repository may hold, in bytes.
const PATH_BYTES_MAX: u64 = 16 * 1024;

/// A repository, seen from one of its worktrees.
pub(super) struct Repository {
    /// Its main worktree; of a bare repository the directory of the repository itself.
    pub(super) main: PathBuf,
    /// The worktree that was asked from.
    pub(super) worktree: PathBuf,
}

/// Finds the repository whose worktree holds `folder`, a resolved path. One whose worktree is `home` is passed over: it
/// keeps a person's settings, and what lies below is not one project.
pub(super) fn around(folder: &Path, home: Option<&Path>) -> Option<Repository> {
    let mut holders = folder.ancestors().filter(|holder| Some(*holder) != home);
    holders.find_map(of_worktree)
}

fn of_worktree(worktree: &Path) -> Option<Repository> {
    let entry = worktree.join(".git");
    let kind = std::fs::metadata(&entry).ok()?;
    let main = if kind.is_dir() {
        // An empty directory of this name makes no repository.
        entry.join("HEAD").exists().then(|| worktree.to_owned())?
    } else {
        let text = line_of(&entry)?;
        let git_dir = worktree.join(text.strip_prefix("gitdir:")?.trim());
        match line_of(&git_dir.join("commondir")) {
            Some(common) => main_of(&git_dir.join(common)),
            // A submodule, or a repository that keeps its files elsewhere: this is its only or its main worktree.
            None => worktree.to_owned(),
        }
    };
    Some(Repository {
        main,
        worktree: worktree.to_owned(),
    })
}

/// Returns the main worktree of the repository whose files are in `common`.
fn main_of(common: &Path) -> PathBuf {
    let common = std::fs::canonicalize(common).unwrap_or_else(|_| common.to_owned());
    let holds_files_only = common.file_name().is_some_and(|name| name == ".git");
    match common.parent() {
        Some(main) if holds_files_only => main.to_owned(),
        _ => common,
    }
}

fn line_of(file: &Path) -> Option<String> {
    let mut text = String::new();
    let opened = File::open(file).ok()?;
    opened.take(PATH_BYTES_MAX).read_to_string(&mut text).ok()?;
    Some(text.lines().next()?.trim().to_owned()).filter(|line| !line.is_empty())
}
