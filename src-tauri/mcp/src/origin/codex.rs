//! What Codex says beside the arguments of each call, over stdio and HTTP: its session and the repositories it works in
//! (seen with 0.171; a text of JSON in some versions, an object in others).

use serde_json::{Map, Value};

const KEY: &str = "x-codex-turn-metadata";

/// What it says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Codex {
    pub(super) session: Option<String>,
    /// A path; the first one if there are several.
    pub(super) workspace: Option<String>,
}

/// Reads it; another client says nothing here.
pub(super) fn read(meta: &Map<String, Value>) -> Codex {
    let parsed;
    let told = match meta.get(KEY) {
        Some(Value::String(text)) => {
            parsed = serde_json::from_str(text).unwrap_or_default();
            &parsed
        }
        Some(value) => value,
        None => return Codex::default(),
    };
    let session = told.get("session_id").or_else(|| told.get("thread_id"));
    let workspaces = told.get("workspaces").and_then(Value::as_object);
    Codex {
        session: session.and_then(Value::as_str).map(str::to_owned),
        workspace: workspaces.and_then(|all| all.keys().next().cloned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn session_and_repository_are_read_from_text_and_object() {
        let told =
            json!({ "session_id": "s", "workspaces": { "/home/me/api": { "has_changes": true } } });
        let wanted = Codex {
            session: Some("s".to_owned()),
            workspace: Some("/home/me/api".to_owned()),
        };
        for told in [told.clone(), json!(told.to_string())] {
            let meta = Map::from_iter([(KEY.to_owned(), told)]);
            assert_eq!(read(&meta), wanted);
        }
        for told in [json!("no JSON"), json!({ "workspaces": [] }), json!(7)] {
            let meta = Map::from_iter([(KEY.to_owned(), told)]);
            assert_eq!(read(&meta), Codex::default());
        }
    }
}
