//! What of the process environment decides whether and how a window can be shown.

use std::process::Command;

#[cfg(target_os = "linux")]
use std::ffi::OsString;

use super::DesktopError;

/// The renderer that leaves windows blank with some graphics drivers; "1" turns it off.
#[cfg(target_os = "linux")]
const RENDERER: &str = "WEBKIT_DISABLE_DMABUF_RENDERER";
/// Says that the variable above is ours, so that the program is started again only once.
#[cfg(target_os = "linux")]
const MARKER: &str = "COMMONPLACE_WEBKIT_ENVIRONMENT";

/// Starts this program again with what WebKit needs in its environment; returns if nothing is to be done.
///
/// With some graphics drivers WebKitGTK shows a blank window unless WEBKIT_DISABLE_DMABUF_RENDERER is 1. A
/// value that the person set is left alone. The process keeps its id, arguments and open files; call this
/// first of all, because other threads and what they hold are lost. Does nothing without a display and on
/// other systems. May be called twice.
pub(crate) fn with_webkit_environment() {
    #[cfg(target_os = "linux")]
    if is_restart_needed(|name| std::env::var_os(name)) {
        use std::os::unix::process::CommandExt;

        let mut arguments = std::env::args_os();
        let name = arguments.next();
        let Ok(program) = std::env::current_exe() else {
            return;
        };
        let mut command = Command::new(program);
        command.args(arguments).env(RENDERER, "1").env(MARKER, "1");
        if let Some(name) = name {
            command.arg0(name);
        }
        // Returns only if it failed; then the window may stay blank, and all else works.
        let error = command.exec();
        tracing::warn!(%error, "could not set {RENDERER} for the window");
    }
}

/// Takes from a child's environment what only this program needs.
pub(super) fn clear_for_child(command: &mut Command) {
    #[cfg(target_os = "linux")]
    if std::env::var_os(MARKER).is_some() {
        command.env_remove(RENDERER).env_remove(MARKER);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = command;
}

/// Checks that there is a display that this process may use.
///
/// # Errors
/// [`DesktopError::NoDisplay`]; without this check the window system would end the process.
pub(super) fn check_display() -> Result<(), DesktopError> {
    #[cfg(target_os = "linux")]
    if gtk::init().is_err() {
        let shown = |name: &str| match std::env::var(name) {
            Ok(value) => format!("`{value}`"),
            Err(_) => "not set".to_owned(),
        };
        return Err(DesktopError::NoDisplay {
            x11: shown("DISPLAY"),
            wayland: shown("WAYLAND_DISPLAY"),
        });
    }
    Ok(())
}

#[cfg(target_os = "linux")]
fn is_restart_needed(variable: impl Fn(&str) -> Option<OsString>) -> bool {
    let is_set = |name| variable(name).is_some_and(|value| !value.is_empty());
    let has_display = is_set("DISPLAY") || is_set("WAYLAND_DISPLAY");
    has_display && variable(RENDERER).is_none() && variable(MARKER).is_none()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_program_starts_again_once_and_only_where_a_window_is_possible() {
        let cases: [(&[(&str, &str)], bool); 7] = [
            (&[], false),
            (&[("DISPLAY", ":0")], true),
            (&[("WAYLAND_DISPLAY", "wayland-0")], true),
            (&[("DISPLAY", "")], false),
            (&[("DISPLAY", ":0"), (RENDERER, "0")], false),
            (&[("DISPLAY", ":0"), (RENDERER, "")], false),
            (&[("DISPLAY", ":0"), (MARKER, "1")], false),
        ];
        for (environment, expected) in cases {
            let variable = |name: &str| {
                let found = environment.iter().find(|(key, _)| *key == name);
                found.map(|(_, value)| OsString::from(value))
            };
            assert_eq!(is_restart_needed(variable), expected, "{environment:?}");
        }
    }
}
