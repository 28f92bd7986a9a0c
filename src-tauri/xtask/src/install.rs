//! Installs the system packages that `packages` finds missing.

use std::collections::BTreeSet;
use std::process::Command;

use crate::commands::{self, CommandError, program};
use crate::machine::{Installer, Machine, System};
use crate::packages::{self, Package, Purpose};
use crate::report;

/// The system's packages could not be made complete.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InstallError {
    /// Something is missing and this account may not install it.
    #[error(
        "system packages are missing and this account cannot install them; run this, then the same command \
         again:\n\n    {line}\n"
    )]
    NeedsRoot { line: String },
    /// The package lists of this system do not have what is needed.
    #[error(
        "apt knows no package named {}; Commonplace with a window needs Debian 12, Ubuntu 22.04 or later; \
         without a window: `cargo xtask run --headless`; if apt could not reach its servers, it says so above",
        .names.join(", ")
    )]
    Unknown { names: Vec<&'static str> },
    /// The package installer itself failed.
    #[error(transparent)]
    Command(#[from] CommandError),
}

/// How this account becomes root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Privilege {
    Root,
    /// sudo that asks nothing.
    Sudo,
    /// sudo that asks for a password, and somebody is there to type it.
    SudoAsks,
    None,
}

/// Makes sure that the packages for `purposes` are installed; says what is missing and why.
///
/// Needs no network and no rights when nothing is missing. May be called again at any time.
///
/// # Errors
/// `NeedsRoot` with the exact line to type, `Unknown` on a system that is too old, `Command` if the
/// installer fails.
pub(crate) fn ensure(machine: &Machine, purposes: &[Purpose]) -> Result<(), InstallError> {
    let Some(installer) = machine.installer else {
        report::note(no_installer_text(machine.system));
        return Ok(());
    };
    let mut missing: Vec<Package> = Vec::new();
    for &purpose in purposes {
        let found = missing_for(machine, installer, purpose)?;
        if !found.is_empty() {
            let names: Vec<_> = found.iter().map(|package| package.names[0]).collect();
            report::note(&format!(
                "missing for {}: {}",
                purpose.reason(),
                names.join(" ")
            ));
        }
        missing.extend(found);
    }
    if missing.is_empty() {
        report::note("everything is there");
        return Ok(());
    }
    install(machine, installer, &missing)
}

fn no_installer_text(system: System) -> &'static str {
    match system {
        System::Linux => {
            "no apt-get, dnf or pacman found: going on with what is there (needed: a C compiler; for the \
             window also WebKitGTK 4.1, GTK 3, Ayatana AppIndicator 3, librsvg 2, libxdo)"
        }
        System::MacOs => {
            "nothing to install: the C tools are there, or xtask could not have been linked"
        }
        System::Windows => {
            "nothing to install: the C tools are there, or xtask could not have been linked; the window \
             uses WebView2, which is part of Windows 11"
        }
    }
}

fn missing_for(
    machine: &Machine,
    installer: Installer,
    purpose: Purpose,
) -> Result<Vec<Package>, CommandError> {
    let needed = packages::needed(installer, purpose);
    if needed.is_empty() {
        return Ok(Vec::new());
    }
    let installed = installed(installer, needed)?;
    Ok(packages::missing(needed, &installed, |name| {
        machine.has_command(name)
    }))
}

/// Asks the system's package database, once for all names.
fn installed(installer: Installer, needed: &[Package]) -> Result<BTreeSet<String>, CommandError> {
    let names = needed.iter().flat_map(|package| package.names);
    let (name, arguments): (_, &[&str]) = match installer {
        Installer::Apt => (
            "dpkg-query",
            &["-W", "-f", "${Package} ${db:Status-Status}\\n"],
        ),
        Installer::Dnf => ("rpm", &["-q", "--qf", "%{NAME}\\n"]),
        Installer::Pacman => ("pacman", &["-Qq"]),
        Installer::Brew => ("brew", &["list", "--formula", "-1"]),
    };
    let mut command = program(name);
    command.args(arguments);
    if installer != Installer::Brew {
        command.args(names);
    }
    let answer = commands::answer(&mut command)?;
    Ok(match installer {
        Installer::Apt => packages::installed_by_dpkg(&answer),
        Installer::Dnf | Installer::Pacman | Installer::Brew => packages::listed(&answer),
    })
}

fn install(
    machine: &Machine,
    installer: Installer,
    missing: &[Package],
) -> Result<(), InstallError> {
    let names: Vec<_> = missing.iter().map(|package| package.names[0]).collect();
    let privilege = privilege(machine, installer);
    if privilege == Privilege::None {
        return Err(InstallError::NeedsRoot {
            line: typed_line(installer, &names),
        });
    }
    if installer != Installer::Apt {
        return Ok(commands::run(&mut as_root(
            privilege,
            &install_words(installer, &names),
        ))?);
    }
    if let Err(error) = commands::run(&mut as_root(privilege, &["apt-get", "update", "-q"])) {
        // One broken source among several is common, and the packages may be in the others.
        report::note(&format!(
            "{error}; trying with the package lists that are here"
        ));
    }
    let (chosen, unknown) = packages::choose(missing, &known_to_apt(missing)?);
    if !unknown.is_empty() {
        return Err(InstallError::Unknown { names: unknown });
    }
    Ok(commands::run(&mut as_root(
        privilege,
        &install_words(installer, &chosen),
    ))?)
}

fn known_to_apt(missing: &[Package]) -> Result<BTreeSet<String>, CommandError> {
    let mut command = program("apt-cache");
    command.args(["show", "--no-all-versions"]);
    command.args(missing.iter().flat_map(|package| package.names));
    Ok(packages::known_to_apt(&commands::answer(&mut command)?))
}

fn install_words<'a>(installer: Installer, names: &[&'a str]) -> Vec<&'a str> {
    let mut words: Vec<&str> = match installer {
        Installer::Apt => vec!["apt-get", "install", "-y", "-q", "--no-install-recommends"],
        Installer::Dnf => vec!["dnf", "install", "-y"],
        Installer::Pacman => vec!["pacman", "-S", "--needed", "--noconfirm"],
        Installer::Brew => vec!["brew", "install"],
    };
    words.extend(names);
    words
}

/// The line that a person with the right to do so can paste.
fn typed_line(installer: Installer, names: &[&str]) -> String {
    let install = install_words(installer, names).join(" ");
    match installer {
        Installer::Apt => format!("sudo apt-get update && sudo {install}"),
        Installer::Dnf | Installer::Pacman => format!("sudo {install}"),
        Installer::Brew => install,
    }
}

/// sudo is used for apt only: on other systems the line is printed, because it was never tried there.
fn privilege(machine: &Machine, installer: Installer) -> Privilege {
    if installer == Installer::Brew || is_root() {
        return Privilege::Root;
    }
    if installer != Installer::Apt || !machine.has_command("sudo") {
        return Privilege::None;
    }
    if commands::succeeds(program("sudo").args(["-n", "true"])) {
        return Privilege::Sudo;
    }
    if machine.has_keyboard && !machine.is_ci {
        Privilege::SudoAsks
    } else {
        Privilege::None
    }
}

fn is_root() -> bool {
    commands::output(program("id").arg("-u")).is_ok_and(|answer| answer.trim() == "0")
}

fn as_root(privilege: Privilege, words: &[&str]) -> Command {
    // sudo drops the environment, so the setting travels as an argument.
    let quiet = ["env", "DEBIAN_FRONTEND=noninteractive"];
    let prefix: &[&str] = match privilege {
        Privilege::Root | Privilege::None => &[],
        Privilege::Sudo => &["sudo", "-n"],
        Privilege::SudoAsks => &["sudo"],
    };
    let mut all = prefix.iter().chain(&quiet).chain(words);
    let mut command = program(all.next().expect("`env` is always there"));
    command.args(all);
    // stdout belongs to the program that `run` starts at the end.
    command.stdout(std::io::stderr());
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_to_type_is_complete() {
        let line = typed_line(Installer::Apt, &["xvfb", "file"]);
        assert_eq!(
            line,
            "sudo apt-get update && sudo apt-get install -y -q --no-install-recommends xvfb file"
        );
        assert_eq!(
            typed_line(Installer::Pacman, &["gtk3"]),
            "sudo pacman -S --needed --noconfirm gtk3"
        );
        assert_eq!(typed_line(Installer::Brew, &["node"]), "brew install node");
    }

    #[test]
    fn no_question_is_asked_in_the_middle() {
        let line = commands::line(&as_root(Privilege::Sudo, &["apt-get", "update"]));
        assert_eq!(
            line,
            "sudo -n env DEBIAN_FRONTEND=noninteractive apt-get update"
        );
        let line = commands::line(&as_root(Privilege::Root, &["apt-get", "update"]));
        assert_eq!(line, "env DEBIAN_FRONTEND=noninteractive apt-get update");
    }
}
