//! `PreCompact` and `SessionEnd`: stores what the session marked, before it is summed up or gone.

use super::ask::ask;
use super::input::Input;
use super::transcript;
use crate::paths::DataDir;

/// Stores what was marked. What was stored before under the same name is not stored again, also if it was deleted since.
pub(super) fn run(data_dir: &DataDir, input: &Input, project: &str) -> Result<(), String> {
    let path = input.transcript_path.as_deref();
    let path = path.ok_or("there is no transcript")?;
    let read = transcript::read(path);
    let marked = read.map_err(|error| format!("`{}`: {error}", path.display()))?;
    if marked.is_empty() {
        return Ok(());
    }
    ask(data_dir, async |host| {
        host.store(marked, &input.session_id, project).await
    })
}
