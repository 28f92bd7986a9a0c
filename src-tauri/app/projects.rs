//! Names of projects in a store: gives memories of a project that is written in another way the name that it has now.
//!
//! Earlier versions took a client's folder for its project as it was written: worktrees of one repository, a slash at
//! the end and a link each made another project. What is to be moved is written down before anything is moved, so that all
//! of it can be undone, also after a crash in between.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use commonplace_api::Transport;
use commonplace_engine::{
    Browse, Changes, Edit, Engine, FACET_NAMES_MAX, Filter, Memory, MemoryId, Origin, RequestError,
    WriteOp, WriteOptions, count_memories,
};
use commonplace_mcp::project::{Project, of_folder, project};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::paths::DataDir;
use crate::system::private_file::{self, PrivateFileError};

/// Memories read at once, and written at once: as many as share a commit.
const AT_ONCE: i64 = 64;
/// Key of the metadata that names the worktree of a memory, as `memory_store` writes it.
const WORKTREE: &str = "worktree";

/// A name of a project that should be another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Renaming {
    pub(crate) from: String,
    pub(crate) to: Project,
    /// Living memories that have the old name.
    pub(crate) memories: u64,
}

/// A memory that is moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Move {
    pub(crate) id: i64,
    pub(crate) from: String,
    pub(crate) to: String,
}

/// What a run has moved, as it is kept in the store directory; the last run comes last.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Record {
    runs: Vec<Run>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Run {
    at_ms: i64,
    moves: Vec<Move>,
}

/// What became of the memories of a run.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Done {
    pub(crate) moved: u64,
    /// Memories that stayed, each with the reason, such as that its text is in the other project already.
    pub(crate) left: Vec<Left>,
}

/// A memory that stayed.
#[derive(Debug, Serialize)]
pub(crate) struct Left {
    pub(crate) id: i64,
    pub(crate) reason: String,
}

/// Tells why names could not be changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProjectsError {
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error("could not write down what is moved, so nothing was moved: {0}")]
    File(#[from] PrivateFileError),
    #[error("`{}` cannot be read ({reason}): without it nothing can be undone", .path.display())]
    Unreadable { path: PathBuf, reason: String },
    #[error("nothing is left to undo: no memory was moved, or all of them were moved back")]
    NothingToUndo,
}

/// The project of a client that started this process.
pub(crate) struct ClientProject {
    pub(crate) project: Option<Project>,
    /// Whether the client named it; else it is the one around the folder it works in.
    pub(crate) is_said: bool,
}

/// Finds the project of the client that started this process and works in `folder`: the bridge and the hooks of a session
/// mean the same one.
pub(crate) fn of_client(folder: Option<&Path>) -> ClientProject {
    let home = crate::paths::home();
    let said = std::env::var("CLAUDE_PROJECT_DIR").ok();
    of_client_who_says(said.as_deref(), folder, home.as_deref())
}

fn of_client_who_says(
    said: Option<&str>,
    folder: Option<&Path>,
    home: Option<&Path>,
) -> ClientProject {
    let said = said.and_then(|said| project(said, home));
    let is_said = said.is_some();
    let around = || of_folder(folder?, home);
    ClientProject {
        project: said.or_else(around),
        is_said,
    }
}

/// Returns the name of the project that a person means: of a path, also a relative one, the project there; else the word.
pub(crate) fn named(given: &str) -> String {
    let is_path = given.starts_with(['.', '~']) || Path::new(given).is_absolute();
    if !is_path {
        return given.to_owned();
    }
    let absolute = match given.strip_prefix('~') {
        Some(_) => None,
        None => std::path::absolute(given).ok(),
    };
    let said = absolute.map_or_else(|| given.to_owned(), |path| path.display().to_string());
    let home = crate::paths::home();
    project(&said, home.as_deref()).map_or_else(|| given.to_owned(), |found| found.name)
}

/// Finds the names that should be other ones, of the [`FACET_NAMES_MAX`] most frequent. Reads the file system.
pub(crate) async fn plan(
    engine: &Engine,
    home: Option<PathBuf>,
) -> Result<Vec<Renaming>, RequestError> {
    let facets = engine.facets(&origin(), false, FACET_NAMES_MAX).await?;
    let names = facets.projects.top;
    let found = tokio::task::spawn_blocking(move || {
        let renamings = names.into_iter().filter_map(|named| {
            let to = renamed(&named.name, home.as_deref())?;
            Some(Renaming {
                from: named.name,
                to,
                memories: named.count,
            })
        });
        renamings.collect()
    });
    Ok(found.await.expect("looking for repositories does not fail"))
}

/// Returns the project that a stored name means now; None if it has that name, or is no path and no unreplaced variable.
fn renamed(name: &str, home: Option<&Path>) -> Option<Project> {
    if name.is_empty() {
        return None;
    }
    let to = project(name, home).unwrap_or(Project {
        name: String::new(),
        worktree: None,
    });
    // `.` and `..` say nothing, but somebody may have chosen them.
    let is_chosen = to.name.is_empty() && name.starts_with('.');
    (to.name != name && !is_chosen).then_some(to)
}

/// Moves the memories, after writing down which.
pub(crate) async fn carry_out(
    engine: &Engine,
    data_dir: &DataDir,
    renamings: &[Renaming],
) -> Result<Done, ProjectsError> {
    let mut moves = Vec::new();
    let mut edits = Vec::new();
    for renaming in renamings {
        for memory in of_project(engine, &renaming.from).await? {
            moves.push(Move {
                id: memory.id.0,
                from: renaming.from.clone(),
                to: renaming.to.name.clone(),
            });
            edits.push(edit(&memory, &renaming.to));
        }
    }
    let mut record = read_record(data_dir)?;
    record.runs.push(Run {
        at_ms: engine.now_ms(),
        moves,
    });
    write_record(data_dir, &record)?;
    Ok(write_all(engine, edits).await)
}

/// Does [`plan`] and [`carry_out`] once in the life of a store, when a host starts. Problems are for the log: the names can
/// be changed by the command later.
pub(crate) async fn tidy_once(engine: Engine, data_dir: DataDir) {
    if record_path(&data_dir).exists() || engine.paused().is_some() {
        return;
    }
    let tidied = async {
        // A new store is not searched: that would be counted. One that cannot be counted says so in other places.
        let renamings = match count_memories(data_dir.path()) {
            Ok(Some(1..)) => plan(&engine, crate::paths::home()).await?,
            _ => Vec::new(),
        };
        carry_out(&engine, &data_dir, &renamings).await
    };
    match tidied.await {
        Ok(done) if done.moved > 0 || !done.left.is_empty() => tracing::info!(
            moved = done.moved,
            left = done.left.len(),
            "memories of one project under several names have one name now; `commonplace projects undo` takes it back"
        ),
        Ok(_) => {}
        Err(error) => {
            let error: &ProjectsError = &error;
            tracing::warn!(%error, "names of projects stay as they are");
        }
    }
}

/// Moves the memories of the last run back that are where it moved them.
pub(crate) async fn undo(engine: &Engine, data_dir: &DataDir) -> Result<Done, ProjectsError> {
    let mut record = read_record(data_dir)?;
    // The first start of a host leaves one even if there was nothing to move.
    let moved_some = |run: &Run| !run.moves.is_empty();
    let last = record.runs.iter().rposition(moved_some);
    let run = record
        .runs
        .remove(last.ok_or(ProjectsError::NothingToUndo)?);
    let mut edits = Vec::new();
    for moved in run.moves {
        let found = engine.record(&origin(), MemoryId(moved.id)).await?;
        let is_there = |memory: &Memory| memory.project == moved.to && memory.deleted_ms.is_none();
        if let Some(found) = found.filter(|found| is_there(&found.memory)) {
            let back = Project {
                name: moved.from,
                worktree: None,
            };
            edits.push(edit(&found.memory, &back));
        }
    }
    let done = write_all(engine, edits).await;
    write_record(data_dir, &record)?;
    Ok(done)
}

fn origin() -> Origin {
    Origin::new("commonplace projects", Transport::Cli)
}

async fn of_project(engine: &Engine, name: &str) -> Result<Vec<Memory>, RequestError> {
    // It was read from the store.
    let filter = Filter::default().with_project(name);
    let filter = filter.expect("a stored name is a name");
    let mut memories = Vec::new();
    let mut after = None;
    loop {
        let browse = Browse::parse(filter.clone(), false, after, AT_ONCE);
        let page = engine
            .browse(&origin(), browse.expect("a limit within the limits"))
            .await?;
        memories.extend(page.memories);
        after = page.next;
        if after.is_none() {
            return Ok(memories);
        }
    }
}

fn edit(memory: &Memory, to: &Project) -> Edit {
    let changes = Changes::default().with_project(&to.name);
    let mut changes = changes.expect("a project's name is short enough");
    if let Some(worktree) = &to.worktree
        && !memory.metadata.contains_key(WORKTREE)
    {
        let added = [(WORKTREE.to_owned(), worktree.clone().into())];
        let merged = changes.with_metadata(added.into_iter().collect());
        changes = merged.expect("a path is small metadata");
    }
    Edit {
        id: memory.id,
        seen_ms: None,
        changes,
    }
}

async fn write_all(engine: &Engine, edits: Vec<Edit>) -> Done {
    let origin = Arc::new(origin());
    let mut done = Done::default();
    let mut edits = edits.into_iter();
    let mut under_way = JoinSet::new();
    loop {
        while under_way.len() < AT_ONCE as usize
            && let Some(edit) = edits.next()
        {
            let (engine, origin) = (engine.clone(), Arc::clone(&origin));
            under_way.spawn(async move {
                let id = edit.id.0;
                let op = WriteOp::Edit(edit);
                let written = engine.write(&origin, op, WriteOptions::default()).await;
                written.map(drop).map_err(|error| Left {
                    id,
                    reason: error.to_string(),
                })
            });
        }
        match under_way.join_next().await {
            None => return done,
            Some(Ok(Ok(()))) => done.moved += 1,
            Some(Ok(Err(left))) => done.left.push(left),
            Some(Err(error)) => tracing::error!(%error, "a memory was not moved"),
        }
    }
}

fn record_path(data_dir: &DataDir) -> PathBuf {
    data_dir.path().join("projects-moved.json")
}

fn read_record(data_dir: &DataDir) -> Result<Record, ProjectsError> {
    let path = record_path(data_dir);
    let text = match private_file::read(&path) {
        Ok(text) => text,
        Err(error) if error.is(std::io::ErrorKind::NotFound) => return Ok(Record::default()),
        Err(error) => return Err(error.into()),
    };
    serde_json::from_str(&text).map_err(|error| ProjectsError::Unreadable {
        path,
        reason: error.to_string(),
    })
}

fn write_record(data_dir: &DataDir, record: &Record) -> Result<(), ProjectsError> {
    let text = serde_json::to_string(record).expect("a record has a form in JSON");
    Ok(private_file::replace(&record_path(data_dir), &text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn only_paths_and_variables_that_nobody_replaced_get_another_name() {
        let to = |name: &str| renamed(name, None).map(|to| to.name);
        assert_eq!(to("/gone/api/"), Some("/gone/api".to_owned()));
        assert_eq!(to("${CLAUDE_PROJECT_DIR}"), Some(String::new()));
        for kept in ["", "api", "/gone/api", "team/api", "..", "./x"] {
            assert_eq!(to(kept), None, "given {kept:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_clients_project_is_what_it_says_else_the_one_around_its_folder() {
        let found = |said: Option<&str>, folder: &str| {
            let found =
                of_client_who_says(said, Some(Path::new(folder)), Some(Path::new("/home/me")));
            (found.project.map(|found| found.name), found.is_said)
        };
        let api = Some("/gone/api".to_owned());
        assert_eq!(found(Some("/gone/api/"), "/gone/x"), (api.clone(), true));
        for nothing in [None, Some(" "), Some("${CLAUDE_PROJECT_DIR}")] {
            assert_eq!(found(nothing, "/gone/api"), (api.clone(), false));
        }
        assert_eq!(found(None, "/home/me"), (None, false));
    }

    #[test]
    fn a_person_names_a_project_by_a_word_or_by_a_path() {
        assert_eq!(named("api"), "api");
        assert_eq!(named(""), "");
        let here = std::env::current_dir().unwrap();
        let wanted = project(here.to_str().unwrap(), None).unwrap().name;
        assert_eq!(named("."), wanted);
    }
}
