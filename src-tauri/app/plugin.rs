//! The plugin for Claude Code: the files that it consists of, and the folder that holds them.
//!
//! A folder is ours if its manifest says so; no other is written to. Removing takes away what was written and nothing that
//! somebody has put beside it.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::claude_code::SERVER;
use crate::own_command::OwnCommand;
use crate::system::files;

/// Name of the plugin.
pub(crate) const NAME: &str = "commonplace";
/// Name of the marketplace that consists of this plugin alone, for an installation by one command.
const MARKETPLACE: &str = "commonplace-local";
const AUTHOR: &str = "Commonplace";
const MANIFEST: &str = ".claude-plugin/plugin.json";
const SUMMARY: &str = "Long-term memory for all sessions on this machine: recalls notes that fit a prompt, and keeps what a session marks";
/// The events that are answered, in the order of a session.
const EVENTS: [&str; 4] = [
    "SessionStart",
    "UserPromptSubmit",
    "PreCompact",
    "SessionEnd",
];
/// Seconds after which Claude Code ends a hook. Hooks end by themselves long before.
const HOOK_TIME_MAX_S: u32 = 5;

/// Tells why the folder of a plugin could not be written or removed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PluginError {
    #[error(
        "`{0}` is not empty and no plugin of ours: name another folder, or empty this one; nothing was changed"
    )]
    NotOurs(PathBuf),
    #[error("could not {operation} `{path}`: {source}; check that this user may write there")]
    Io {
        operation: &'static str,
        path: PathBuf,
        source: std::io::Error,
    },
}

impl PluginError {
    fn of(operation: &'static str, path: &Path) -> impl Fn(std::io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Io {
            operation,
            path: path.clone(),
            source,
        }
    }
}

/// A file of the plugin.
struct PluginFile {
    /// Its place below the folder, with `/` between the names.
    path: &'static str,
    bytes: Vec<u8>,
}

/// Writes the plugin into `dir`, which may hold an earlier one. Returns whether anything changed.
///
/// # Errors
/// [`PluginError::NotOurs`] if something else is there; nothing was changed then.
pub(crate) fn write(dir: &Path, own: &OwnCommand) -> Result<bool, PluginError> {
    if !is_ours(dir)? && !is_empty(dir)? {
        return Err(PluginError::NotOurs(dir.to_owned()));
    }
    let mut is_changed = false;
    // The manifest, by which the folder is known for ours, comes first: a writing that was cut can be repeated.
    for file in all(own) {
        let path = dir.join(file.path);
        if fs::read(&path).is_ok_and(|there| there == file.bytes) {
            continue;
        }
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(PluginError::of("make", parent))?;
        }
        files::replace(&path, &file.bytes).map_err(PluginError::of("write", &path))?;
        is_changed = true;
    }
    Ok(is_changed)
}

/// Removes the plugin from `dir`; false if there is none of ours. What somebody has added stays, with its folders.
pub(crate) fn remove(dir: &Path) -> Result<bool, PluginError> {
    if !is_ours(dir)? {
        return Ok(false);
    }
    let nobody = OwnCommand {
        program: String::new(),
        options: Vec::new(),
    };
    // The manifest goes last: until then the folder is known for ours, and a removal that was cut can be repeated.
    for file in all(&nobody).iter().rev() {
        let path = dir.join(file.path);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(PluginError::of("remove", &path)(error));
            }
            _ => {}
        }
        let folders = Path::new(file.path).ancestors().skip(1);
        for folder in folders {
            // Not empty yet, or with something in it that is not ours.
            let _ = fs::remove_dir(dir.join(folder));
        }
    }
    Ok(true)
}

/// Says whether there is a plugin of ours.
pub(crate) fn is_ours(dir: &Path) -> Result<bool, PluginError> {
    let path = dir.join(MANIFEST);
    let text = files::read(&path).map_err(PluginError::of("read", &path))?;
    let manifest = text.and_then(|text| serde_json::from_str::<Whose>(&text).ok());
    Ok(manifest.is_some_and(|manifest| manifest.name == NAME && manifest.author.name == AUTHOR))
}

#[derive(Deserialize)]
struct Whose {
    name: String,
    author: Named,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

fn is_empty(dir: &Path) -> Result<bool, PluginError> {
    match fs::read_dir(dir) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(true),
        Err(error) => Err(PluginError::of("read", dir)(error)),
    }
}

/// All files, the manifest first.
fn all(own: &OwnCommand) -> Vec<PluginFile> {
    let file = |path, bytes: &[u8]| PluginFile {
        path,
        bytes: bytes.to_owned(),
    };
    vec![
        file(MANIFEST, &manifest()),
        file(".claude-plugin/marketplace.json", &marketplace()),
        file(
            ".claude-plugin/icon.png",
            include_bytes!("../../icons/icon.png"),
        ),
        file(".mcp.json", &servers(own)),
        file("hooks/hooks.json", &hooks(own)),
        file(
            "skills/remember/SKILL.md",
            include_bytes!("plugin/SKILL.md"),
        ),
        file("README.md", include_bytes!("plugin/README.md")),
        file("LICENSE", include_bytes!("../../LICENSE")),
    ]
}

fn manifest() -> Vec<u8> {
    written(&json!({
        "name": NAME,
        "version": env!("CARGO_PKG_VERSION"),
        "description": SUMMARY,
        "author": { "name": AUTHOR },
        "license": env!("CARGO_PKG_LICENSE"),
        "keywords": ["memory", "mcp", "recall"],
    }))
}

fn marketplace() -> Vec<u8> {
    written(&json!({
        "name": MARKETPLACE,
        "description": "The plugin for the store on this machine",
        "owner": { "name": AUTHOR },
        "plugins": [{ "name": NAME, "source": "./", "description": SUMMARY }],
    }))
}

fn servers(own: &OwnCommand) -> Vec<u8> {
    let server = json!({ "command": own.program, "args": own.arguments(&["mcp"]) });
    written(&json!({ "mcpServers": { SERVER: server } }))
}

/// The hooks, each a program with its arguments: no shell reads them, so nothing in a path can be taken for a command.
fn hooks(own: &OwnCommand) -> Vec<u8> {
    let of = |event: &&str| {
        let hook = json!({
            "type": "command",
            "command": own.program,
            "args": own.arguments(&["hook", event]),
            "timeout": HOOK_TIME_MAX_S,
        });
        ((*event).to_owned(), json!([{ "hooks": [hook] }]))
    };
    let hooks: serde_json::Map<_, _> = EVENTS.iter().map(of).collect();
    written(&json!({ "description": SUMMARY, "hooks": hooks }))
}

fn written(value: &impl Serialize) -> Vec<u8> {
    let mut text = serde_json::to_string_pretty(value).expect("texts have a form in JSON");
    text.push('\n');
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(store: &str) -> OwnCommand {
        OwnCommand {
            program: "/opt/my programs/commonplace".to_owned(),
            options: vec!["--data-dir".to_owned(), store.to_owned()],
        }
    }

    fn names(dir: &Path) -> Vec<String> {
        let entries = fs::read_dir(dir).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_plugin_calls_this_program_for_its_store_without_a_shell() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("new").join("plugin");
        assert!(write(&dir, &own("/my stores/x")).unwrap());
        let read = |path: &str| -> serde_json::Value {
            serde_json::from_slice(&fs::read(dir.join(path)).unwrap()).unwrap()
        };
        let server = json!({ "command": "/opt/my programs/commonplace", "args": ["--data-dir", "/my stores/x", "mcp"] });
        assert_eq!(
            read(".mcp.json"),
            json!({ "mcpServers": { "memory": server } })
        );
        let hooks = read("hooks/hooks.json");
        for event in EVENTS {
            let hook = &hooks["hooks"][event][0]["hooks"][0];
            assert_eq!(hook["command"], "/opt/my programs/commonplace");
            assert_eq!(
                hook["args"],
                json!(["--data-dir", "/my stores/x", "hook", event])
            );
        }
        assert_eq!(read(MANIFEST)["version"], env!("CARGO_PKG_VERSION"));
    }

    #[test]
    fn writing_it_again_changes_only_what_is_different() {
        let dir = tempfile::tempdir().unwrap();
        assert!(write(dir.path(), &own("/x")).unwrap());
        assert!(!write(dir.path(), &own("/x")).unwrap());
        assert!(write(dir.path(), &own("/y")).unwrap(), "another store");
        assert!(!write(dir.path(), &own("/y")).unwrap());
    }

    #[test]
    fn a_folder_that_is_not_ours_stays_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let manifest = dir.path().join(MANIFEST);
        fs::create_dir_all(manifest.parent().unwrap()).unwrap();
        for text in [
            "no JSON",
            r#"{"name":"other","author":{"name":"Commonplace"}}"#,
            r#"{"name":"commonplace","author":{"name":"somebody"}}"#,
            r#"{"name":"commonplace"}"#,
        ] {
            fs::write(&manifest, text).unwrap();
            let refused = write(dir.path(), &own("/x"));
            assert!(matches!(refused, Err(PluginError::NotOurs(_))), "{text}");
            assert!(!remove(dir.path()).unwrap(), "{text}");
            assert_eq!(fs::read_to_string(&manifest).unwrap(), text);
        }
        assert_eq!(names(dir.path()), [".claude-plugin"]);
    }

    #[test]
    fn removing_it_leaves_nothing_but_what_somebody_added() {
        let dir = tempfile::tempdir().unwrap();
        let plugin = dir.path().join("plugin");
        assert!(!remove(&plugin).unwrap(), "there is none");
        write(&plugin, &own("/x")).unwrap();
        assert!(remove(&plugin).unwrap());
        assert!(!plugin.exists());
        write(&plugin, &own("/x")).unwrap();
        fs::write(plugin.join("skills").join("mine.md"), "mine").unwrap();
        assert!(remove(&plugin).unwrap());
        assert_eq!(names(&plugin), ["skills"]);
        assert_eq!(names(&plugin.join("skills")), ["mine.md"]);
    }

    // What a skill costs each session is its description.
    #[test]
    fn the_skill_costs_a_session_little() {
        let skill = include_str!("plugin/SKILL.md");
        let description = skill
            .lines()
            .find_map(|line| line.strip_prefix("description: "));
        assert!(description.unwrap().len() < 200, "about 50 tokens");
    }
}
