//! Keeps Windows from showing a console when the tray application is started from the start menu.
//!
//! The program is one for the console: its commands print to the terminal they are typed into, and a shell waits for them.
//! Windows opens a console for such a program where there is none. From Windows 11 24H2 on it does not, because the
//! manifest (`bundle/windows.manifest`) says so; on earlier ones the program gets out of it by itself.

use std::io::IsTerminal;
use std::process::{Command, Stdio};

use sysinfo::{Pid, ProcessesToUpdate, System};

use crate::system::platform;

/// The program behind start menu, desktop and task bar; it also starts what is to start at login.
const SHELL: &str = "explorer.exe";

/// Starts this program again without a console, if Windows opened one only for it; true if this process is to end now.
///
/// The console is to be seen for a moment. In a terminal nothing happens. Call this before anything is opened or locked;
/// false on other systems.
pub(crate) fn has_left_console() -> bool {
    cfg!(windows)
        && is_only_for_us(std::io::stdout().is_terminal(), starter().as_deref())
        && is_started_without()
}

/// Tells whether a console is there because of this program and nobody else uses it.
fn is_only_for_us(is_console: bool, starter: Option<&str>) -> bool {
    is_console && starter.is_some_and(|name| name.eq_ignore_ascii_case(SHELL))
}

/// Returns the file name of the program that started this one.
fn starter() -> Option<String> {
    let pid = Pid::from_u32(platform::parent_pid()?);
    let mut system = System::new();
    system.refresh_processes(ProcessesToUpdate::Some(&[pid]), false);
    Some(system.process(pid)?.name().to_string_lossy().into_owned())
}

fn is_started_without() -> bool {
    let started = std::env::current_exe().and_then(|program| {
        let mut command = Command::new(program);
        command.args(std::env::args_os().skip(1));
        command.stdin(Stdio::null()).stdout(Stdio::null());
        platform::detach(command.stderr(Stdio::null()));
        command.spawn()
    });
    if let Err(error) = &started {
        tracing::warn!(%error, "could not start again without a console; it stays");
    }
    started.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_console_that_the_start_menu_caused_is_left() {
        let cases = [
            (true, Some("explorer.exe"), true),
            (true, Some("Explorer.EXE"), true),
            (true, Some("cmd.exe"), false),
            (true, Some("WindowsTerminal.exe"), false),
            (true, None, false),
            (false, Some("explorer.exe"), false),
        ];
        for (is_console, starter, expected) in cases {
            let is_left = is_only_for_us(is_console, starter);
            assert_eq!(is_left, expected, "{is_console}, {starter:?}");
        }
    }

    #[test]
    fn the_starter_has_a_name() {
        assert!(starter().is_some_and(|name| !name.is_empty()));
    }
}
