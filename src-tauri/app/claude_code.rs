//! The commands that connect Claude Code to a store, and how commands for a store begin.

use serde_json::json;

use crate::own_command::OwnCommand;
use crate::paths::DataDir;

/// Name of the server in Claude Code: allow-lists written for the Python service name it so.
pub(crate) const SERVER: &str = "memory";

/// How this program is called.
const PROGRAM: &str = "commonplace";

/// Returns the command that connects Claude Code to a store, for the tray.
#[cfg(feature = "desktop")]
pub(crate) fn connect_line(data_dir: &DataDir) -> String {
    // The command finds the program by itself, or says why not.
    OwnCommand::of(data_dir).map_or_else(
        |_| format!("{} connect claude", own_command(data_dir)),
        |own| shell_line(&stdio_arguments(&own)),
    )
}

/// An entry whose header comes from a command that Claude Code runs whenever it connects.
pub(crate) fn http_arguments(own: &OwnCommand, url: &str) -> Vec<String> {
    let helper = token_helper(own);
    let entry = json!({ "type": "http", "url": url, "headersHelper": helper }).to_string();
    let arguments = ["mcp", "add-json", "--scope", "user", SERVER, &entry];
    arguments.map(str::to_owned).to_vec()
}

/// The command that tells Claude Code the token.
pub(crate) fn token_helper(own: &OwnCommand) -> String {
    let helper = own.words(&["token", "--header"]);
    line_of(&helper[0], &helper[1..])
}

/// An entry that starts a bridge for each client.
pub(crate) fn stdio_arguments(own: &OwnCommand) -> Vec<String> {
    let mut arguments = ["mcp", "add", "--scope", "user", SERVER, "--"]
        .map(str::to_owned)
        .to_vec();
    arguments.extend(own.words(&["mcp"]));
    arguments
}

/// Returns how a command for this store begins: the store is named if it is not the usual one.
pub(crate) fn own_command(data_dir: &DataDir) -> String {
    let usual = DataDir::find(None);
    if usual.is_some_and(|usual| usual.path() == data_dir.path()) {
        return PROGRAM.to_owned();
    }
    let dir = data_dir.path().display().to_string();
    line_of(PROGRAM, &["--data-dir".to_owned(), dir])
}

/// Writes a call of `claude` so that a shell takes it apart as it was.
pub(crate) fn shell_line(arguments: &[String]) -> String {
    line_of("claude", arguments)
}

/// Writes a command so that a shell takes it apart as it was.
fn line_of(program: &str, arguments: &[String]) -> String {
    let mut line = program.to_owned();
    for argument in arguments {
        line.push(' ');
        let is_plain = argument
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_./:=,@".contains(c));
        if is_plain && !argument.is_empty() {
            line.push_str(argument);
        } else if cfg!(windows) {
            line.push_str(&format!("\"{}\"", argument.replace('"', "\\\"")));
        } else {
            line.push_str(&format!("'{}'", argument.replace('\'', "'\\''")));
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(unix)]
    use crate::paths::own_program;

    #[test]
    fn a_command_names_the_store_if_it_is_not_the_usual_one() {
        let usual = DataDir::find(None);
        assert!(usual.is_none_or(|usual| own_command(&usual) == "commonplace"));
        let other = DataDir::find(Some("/my stores/x".into())).unwrap();
        let quote = if cfg!(windows) { '"' } else { '\'' };
        let dir = other.path().display();
        assert_eq!(
            own_command(&other),
            format!("commonplace --data-dir {quote}{dir}{quote}")
        );
    }

    #[cfg(unix)]
    #[test]
    fn the_printed_command_can_be_pasted() {
        let store = DataDir::find(Some("/my stores/x".into())).unwrap();
        let program = own_program().unwrap();
        let program = program.display();
        let own = OwnCommand::of(&store).unwrap();
        assert_eq!(
            shell_line(&stdio_arguments(&own)),
            format!(
                "claude mcp add --scope user memory -- {program} --data-dir '/my stores/x' mcp"
            )
        );
        // Two shells take it apart: the one it is pasted into, and the one that Claude Code runs the helper in.
        let line = shell_line(&http_arguments(&own, "http://127.0.0.1:7311/mcp"));
        let taken = std::process::Command::new("sh")
            .args([
                "-c",
                &format!("claude() {{ printf '%s\\n' \"$@\"; }}\n{line}"),
            ])
            .output();
        let taken = String::from_utf8(taken.unwrap().stdout).unwrap();
        let (words, entry) = taken.trim_end().rsplit_once('\n').unwrap();
        assert_eq!(words, "mcp\nadd-json\n--scope\nuser\nmemory");
        let entry: serde_json::Value = serde_json::from_str(entry).unwrap();
        assert_eq!(entry["url"], "http://127.0.0.1:7311/mcp");
        assert_eq!(
            entry["headersHelper"],
            format!("{program} --data-dir '/my stores/x' token --header")
        );
    }
}
