//! What of the process environment decides whether and how a window can be shown.

use std::process::Command;

#[cfg(target_os = "linux")]
use std::ffi::OsString;

use super::DesktopError;

/// The renderer that leaves windows blank with some graphics drivers; "1" turns it off.
#[cfg(target_os = "linux")]
const RENDERER: &str = "WEBKIT_DISABLE_DMABUF_RENDERER";
/// The other use of the graphics driver. Without the renderer above nothing is drawn with it, but GTK loads it when it
/// connects to an X11 display, which costs up to 50 MB before there is a window.
#[cfg(target_os = "linux")]
const DRIVER: &str = "GDK_GL";
/// Names which of the variables above are ours; while it is set, the program is not started again.
#[cfg(target_os = "linux")]
const MARKER: &str = "COMMONPLACE_WEBKIT_ENVIRONMENT";

/// Starts this program again with what WebKit needs in its environment; returns if nothing is to be done.
///
/// With some graphics drivers WebKitGTK shows a blank window unless WEBKIT_DISABLE_DMABUF_RENDERER is 1. If the person
/// set it, nothing is changed; GDK_GL is set only with it, and not over a value of the person. The process keeps its id,
/// arguments and open files; call this first of all, because other threads and what they hold are lost. Does nothing
/// without a display and on other systems. May be called twice.
pub(crate) fn with_webkit_environment() {
    #[cfg(target_os = "linux")]
    if let Some(added) = additions(|name| std::env::var_os(name)) {
        use std::os::unix::process::CommandExt;

        let mut arguments = std::env::args_os();
        let name = arguments.next();
        let Ok(program) = std::env::current_exe() else {
            return;
        };
        let mut command = Command::new(program);
        let names: Vec<_> = added.iter().map(|(name, _)| *name).collect();
        command.args(arguments).envs(added);
        command.env(MARKER, names.join(" "));
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
    if let Ok(ours) = std::env::var(MARKER) {
        for name in ours.split(' ') {
            command.env_remove(name);
        }
        command.env_remove(MARKER);
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

/// Returns what the environment lacks; None if it is to stay as it is.
#[cfg(target_os = "linux")]
fn additions(
    variable: impl Fn(&str) -> Option<OsString>,
) -> Option<Vec<(&'static str, &'static str)>> {
    let is_set = |name| variable(name).is_some_and(|value| !value.is_empty());
    let has_display = is_set("DISPLAY") || is_set("WAYLAND_DISPLAY");
    if !has_display || variable(RENDERER).is_some() || variable(MARKER).is_some() {
        return None;
    }
    let mut added = vec![(RENDERER, "1")];
    if variable(DRIVER).is_none() {
        added.push((DRIVER, "disable"));
    }
    Some(added)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_program_starts_again_once_and_only_where_a_window_is_possible() {
        type Variables = &'static [(&'static str, &'static str)];
        const BOTH: Option<Variables> = Some(&[(RENDERER, "1"), (DRIVER, "disable")]);
        const ONE: Option<Variables> = Some(&[(RENDERER, "1")]);
        let cases: [(Variables, Option<Variables>); 9] = [
            (&[], None),
            (&[("DISPLAY", ":0")], BOTH),
            (&[("WAYLAND_DISPLAY", "wayland-0")], BOTH),
            (&[("DISPLAY", "")], None),
            (&[("DISPLAY", ":0"), (RENDERER, "0")], None),
            (&[("DISPLAY", ":0"), (RENDERER, "")], None),
            (&[("DISPLAY", ":0"), (MARKER, "GDK_GL")], None),
            (&[("DISPLAY", ":0"), (DRIVER, "always")], ONE),
            (&[("DISPLAY", ":0"), (DRIVER, "")], ONE),
        ];
        for (environment, expected) in cases {
            let variable = |name: &str| {
                let found = environment.iter().find(|(key, _)| *key == name);
                found.map(|(_, value)| OsString::from(value))
            };
            assert_eq!(additions(variable).as_deref(), expected, "{environment:?}");
        }
    }
}
