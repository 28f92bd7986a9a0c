//! The argument `project` of a call: a model may give a path, as it sees its own folder, where a name is meant.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::Context;
use crate::project::{is_path, project};

/// Name of the argument in every tool that has it.
const NAME: &str = "project";

/// Replaces a path by the name of the project there; `.` and a variable that nobody replaced mean the client's own project.
pub(super) async fn resolve(given: &mut Map<String, Value>, context: &Context) {
    let Some(Value::String(said)) = given.get(NAME) else {
        return;
    };
    if !is_path(said) {
        return;
    }
    let (said, home) = (said.clone(), context.home.clone());
    // It looks at the file system.
    let found = tokio::task::spawn_blocking(move || named(&said, home)).await;
    let own = || context.origin.project.clone().unwrap_or_default();
    let name = found.ok().flatten().unwrap_or_else(own);
    given.insert(NAME.to_owned(), Value::String(name));
}

fn named(said: &str, home: Option<PathBuf>) -> Option<String> {
    Some(project(said, home.as_deref().map(Path::new))?.name)
}
