//! What this computer has: system, package installer, display, terminal.

use std::env;
use std::ffi::OsString;
use std::io::IsTerminal;

use crate::commands;

/// The operating systems that are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum System {
    /// Linux, and whatever else is like it.
    Linux,
    /// macOS.
    MacOs,
    /// Windows.
    Windows,
}

impl System {
    /// Returns the name for messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Linux => "Linux",
            Self::MacOs => "macOS",
            Self::Windows => "Windows",
        }
    }
}

/// The program that installs system packages here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Installer {
    /// Debian, Ubuntu and relatives.
    Apt,
    /// Fedora and relatives.
    Dnf,
    /// Arch and relatives.
    Pacman,
    /// Homebrew on macOS.
    Brew,
}

/// What was found once, at start; the only place besides `commands` and `workspace` that reads the environment.
#[derive(Debug)]
pub(crate) struct Machine {
    /// The operating system.
    pub(crate) system: System,
    /// None where no known package installer is on PATH.
    pub(crate) installer: Option<Installer>,
    /// An X11 or Wayland display is announced; always true on macOS and Windows.
    pub(crate) has_display: bool,
    /// Somebody can type an answer, such as a password for sudo.
    pub(crate) has_keyboard: bool,
    /// The value of PATH.
    pub(crate) path: OsString,
    /// The run is automatic (CI is set).
    pub(crate) is_ci: bool,
    /// The private half of the key that signs updates is in the environment, where the Tauri CLI reads it.
    pub(crate) has_update_key: bool,
    /// Variables that are set to nothing: a workflow without a secret hands over such a one in its place.
    pub(crate) empty_variables: Vec<OsString>,
    /// `COMMONPLACE_MODEL_DIR`, if set and not empty.
    pub(crate) model_dir: Option<OsString>,
}

impl Machine {
    /// Looks at the environment and PATH; starts no program.
    pub(crate) fn detect() -> Self {
        let system = match env::consts::OS {
            "macos" => System::MacOs,
            "windows" => System::Windows,
            _ => System::Linux,
        };
        let path = env::var_os("PATH").unwrap_or_default();
        Self {
            system,
            installer: installer(system, |name| commands::find(name, &path).is_some()),
            has_display: system != System::Linux
                || set("DISPLAY").or(set("WAYLAND_DISPLAY")).is_some(),
            has_keyboard: std::io::stdin().is_terminal(),
            is_ci: set("CI").is_some(),
            has_update_key: set("TAURI_SIGNING_PRIVATE_KEY").is_some(),
            empty_variables: empty(env::vars_os()),
            model_dir: set("COMMONPLACE_MODEL_DIR"),
            path,
        }
    }

    /// Tells whether a program of this name is on PATH.
    pub(crate) fn has_command(&self, name: &str) -> bool {
        commands::find(name, &self.path).is_some()
    }
}

fn set(key: &str) -> Option<OsString> {
    env::var_os(key).filter(|value| !value.is_empty())
}

fn empty(variables: impl Iterator<Item = (OsString, OsString)>) -> Vec<OsString> {
    variables
        .filter(|(_, value)| value.is_empty())
        .map(|(name, _)| name)
        .collect()
}

/// Chooses by system first: a brew on Linux or a dnf in a container of another system is not the system's own.
fn installer(system: System, has: impl Fn(&str) -> bool) -> Option<Installer> {
    let candidates: &[(&str, Installer)] = match system {
        System::Linux => &[
            ("apt-get", Installer::Apt),
            ("dnf", Installer::Dnf),
            ("pacman", Installer::Pacman),
        ],
        System::MacOs => &[("brew", Installer::Brew)],
        System::Windows => &[],
    };
    candidates
        .iter()
        .find(|(name, _)| has(name))
        .map(|&(_, installer)| installer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_is_not_there_is_an_empty_variable() {
        let variables = [("A", "1"), ("B", "")].map(|(name, value)| (name.into(), value.into()));
        assert_eq!(empty(variables.into_iter()), ["B"]);
    }

    #[test]
    fn the_systems_own_installer_is_chosen() {
        assert_eq!(
            installer(System::Linux, |name| name == "apt-get"),
            Some(Installer::Apt)
        );
        assert_eq!(
            installer(System::Linux, |name| name == "pacman"),
            Some(Installer::Pacman)
        );
        assert_eq!(
            installer(System::Linux, |name| name == "brew"),
            None,
            "brew is not Linux's own"
        );
        assert_eq!(installer(System::MacOs, |_| true), Some(Installer::Brew));
        assert_eq!(installer(System::Windows, |_| true), None);
    }
}
