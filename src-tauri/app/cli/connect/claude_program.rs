//! Claude Code as a program that is asked.

use std::process::Command;

/// Claude Code as it is installed: on Windows a script that only the shell starts.
pub(super) fn program() -> Command {
    #[cfg(windows)]
    {
        let mut command = Command::new("cmd");
        command.args(["/c", "claude"]);
        command
    }
    #[cfg(not(windows))]
    Command::new("claude")
}
