//! Which system packages are needed, on which system, for what. Installs nothing: see `install`.

use std::collections::BTreeSet;

use crate::machine::Installer;

/// A purpose for which packages are needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To compile at all: SQLite is C.
    Build,
    /// To compile the window and the tray.
    Desktop,
    /// To run the tests: a virtual display, a browser, and what looks at the store from outside.
    Tests,
    /// To fetch the model as a Python package.
    Python,
    /// To build for systems that are not this one.
    Foreign,
    /// To link for Windows and to run that.
    Wine,
    /// To make installable packages.
    Bundle,
    /// To try them in a clean root.
    CleanRoot,
}

impl Purpose {
    /// Returns the reason in words.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Build => "C compiler for SQLite",
            Self::Desktop => "window and tray",
            Self::Tests => "display, browser and tools for the tests",
            Self::Python => "Python's package installer, to fetch the model",
            Self::Foreign => "a compiler for other systems",
            Self::Wine => "a linker for Windows, and Wine",
            Self::Bundle => "Node's package installer, for the Tauri CLI",
            Self::CleanRoot => "a clean root and a virtual display",
        }
    }
}

/// One need and what satisfies it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Package {
    /// Names of the package, best first: releases of one system differ.
    pub(crate) names: &'static [&'static str],
    /// Programs which show, when one is on PATH, that the package is not needed.
    pub(crate) commands: &'static [&'static str],
}

const fn package(names: &'static [&'static str]) -> Package {
    Package {
        names,
        commands: &[],
    }
}

const fn tool(names: &'static [&'static str], commands: &'static [&'static str]) -> Package {
    Package { names, commands }
}

/// Programs that the tests can use as a browser, best first.
pub(crate) const BROWSERS: &[&str] = &[
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
];

/// Returns what `purpose` needs where `installer` is the system's own.
pub(crate) fn needed(installer: Installer, purpose: Purpose) -> &'static [Package] {
    match installer {
        Installer::Apt => apt(purpose),
        Installer::Dnf => dnf(purpose),
        Installer::Pacman => pacman(purpose),
        Installer::Brew => brew(purpose),
    }
}

fn apt(purpose: Purpose) -> &'static [Package] {
    match purpose {
        Purpose::Build => const { &[tool(&["build-essential"], &["cc"])] },
        Purpose::Desktop => {
            const {
                &[
                    package(&["libwebkit2gtk-4.1-dev"]),
                    package(&["libgtk-3-dev"]),
                    package(&["libayatana-appindicator3-dev"]),
                    package(&["librsvg2-dev"]),
                    package(&["libxdo-dev"]),
                    tool(&["pkg-config"], &["pkg-config"]),
                    tool(&["file"], &["file"]),
                ]
            }
        }
        Purpose::Tests => {
            const {
                &[
                    tool(&["chromium", "chromium-browser"], BROWSERS),
                    tool(
                        &["chromium-driver", "chromium-chromedriver"],
                        &["chromedriver"],
                    ),
                    tool(&["xvfb"], &["Xvfb"]),
                    tool(&["dbus"], &["dbus-daemon"]),
                    tool(&["dbus-x11"], &["dbus-launch"]),
                    tool(&["webkit2gtk-driver"], &["WebKitWebDriver"]),
                    tool(&["sqlite3"], &["sqlite3"]),
                    tool(&["bindfs"], &["bindfs"]),
                    // A file system without modes and second names, for kernels that do not have it.
                    tool(&["exfatprogs"], &["mkfs.exfat"]),
                    tool(&["exfat-fuse"], &["mount.exfat-fuse"]),
                    tool(&["python3"], &["python3"]),
                    package(&["python3-venv"]),
                    tool(&["python3-pip"], &["pip3"]),
                    tool(&["nodejs"], &["node"]),
                    tool(&["npm"], &["npm"]),
                ]
            }
        }
        Purpose::Python => const { &[tool(&["python3"], &["python3"]), package(&["python3-pip"])] },
        // The compiler is asked for by its package: another one on PATH has no sources of its library.
        Purpose::Foreign => {
            const {
                &[
                    package(&["rustc-web"]),
                    package(&["cargo-web"]),
                    package(&["rust-web-src"]),
                ]
            }
        }
        Purpose::Wine => {
            const {
                &[
                    tool(
                        &["gcc-mingw-w64-x86-64-posix"],
                        &["x86_64-w64-mingw32-gcc-posix"],
                    ),
                    package(&["wine"]),
                    package(&["wine64"]),
                ]
            }
        }
        Purpose::Bundle => const { &[tool(&["nodejs"], &["node"]), tool(&["npm"], &["npm"])] },
        Purpose::CleanRoot => {
            const {
                &[
                    tool(&["debootstrap"], &["debootstrap"]),
                    tool(&["xvfb"], &["Xvfb"]),
                ]
            }
        }
    }
}

fn dnf(purpose: Purpose) -> &'static [Package] {
    match purpose {
        Purpose::Build => const { &[tool(&["gcc"], &["cc"])] },
        Purpose::Desktop => {
            const {
                &[
                    package(&["webkit2gtk4.1-devel"]),
                    package(&["gtk3-devel"]),
                    package(&["libappindicator-gtk3-devel"]),
                    package(&["librsvg2-devel"]),
                    package(&["libxdo-devel"]),
                    tool(&["pkgconf-pkg-config"], &["pkg-config"]),
                    tool(&["file"], &["file"]),
                ]
            }
        }
        Purpose::Tests => {
            const {
                &[
                    tool(&["chromium"], BROWSERS),
                    tool(&["chromedriver"], &["chromedriver"]),
                    tool(&["xorg-x11-server-Xvfb"], &["Xvfb"]),
                    tool(&["dbus-daemon"], &["dbus-daemon"]),
                    tool(&["dbus-x11"], &["dbus-launch"]),
                    tool(&["webkitgtk6.0"], &["WebKitWebDriver"]),
                    tool(&["sqlite"], &["sqlite3"]),
                    tool(&["python3"], &["python3"]),
                    tool(&["python3-pip"], &["pip3"]),
                    tool(&["nodejs"], &["node"]),
                    tool(&["npm"], &["npm"]),
                ]
            }
        }
        Purpose::Python => const { &[package(&["python3-pip"])] },
        Purpose::Bundle => const { &[tool(&["nodejs-npm"], &["npm"])] },
        Purpose::Foreign | Purpose::Wine | Purpose::CleanRoot => &[],
    }
}

fn pacman(purpose: Purpose) -> &'static [Package] {
    match purpose {
        Purpose::Build => const { &[tool(&["gcc"], &["cc"])] },
        Purpose::Desktop => {
            const {
                &[
                    package(&["webkit2gtk-4.1"]),
                    package(&["gtk3"]),
                    package(&["libayatana-appindicator"]),
                    package(&["librsvg"]),
                    package(&["xdotool"]),
                    tool(&["pkgconf"], &["pkg-config"]),
                    tool(&["file"], &["file"]),
                ]
            }
        }
        Purpose::Tests => {
            const {
                &[
                    tool(&["chromium"], &["chromedriver"]),
                    tool(&["xorg-server-xvfb"], &["Xvfb"]),
                    tool(&["dbus"], &["dbus-launch"]),
                    tool(&["webkitgtk-6.0"], &["WebKitWebDriver"]),
                    tool(&["sqlite"], &["sqlite3"]),
                    tool(&["python"], &["python3"]),
                    tool(&["python-pip"], &["pip3"]),
                    tool(&["nodejs"], &["node"]),
                    tool(&["npm"], &["npm"]),
                ]
            }
        }
        Purpose::Python => const { &[package(&["python-pip"])] },
        Purpose::Bundle => const { &[tool(&["npm"], &["npm"])] },
        Purpose::Foreign | Purpose::Wine | Purpose::CleanRoot => &[],
    }
}

/// Window and tray need nothing there, and a linked xtask proves that the C tools are.
fn brew(purpose: Purpose) -> &'static [Package] {
    match purpose {
        Purpose::Build
        | Purpose::Desktop
        | Purpose::Foreign
        | Purpose::Wine
        | Purpose::CleanRoot => &[],
        Purpose::Bundle => const { &[tool(&["node"], &["npm"])] },
        Purpose::Tests => {
            const {
                &[
                    tool(&["sqlite"], &["sqlite3"]),
                    tool(&["python"], &["python3"]),
                    tool(&["node"], &["node"]),
                ]
            }
        }
        Purpose::Python => const { &[tool(&["python"], &["pip3"])] },
    }
}

/// Returns those of `needed` for which neither a package nor a program is there.
pub(crate) fn missing(
    needed: &[Package],
    installed: &BTreeSet<String>,
    has_command: impl Fn(&str) -> bool,
) -> Vec<Package> {
    let is_there = |package: &Package| {
        package.names.iter().any(|name| installed.contains(*name))
            || package.commands.iter().any(|command| has_command(command))
    };
    needed
        .iter()
        .filter(|package| !is_there(package))
        .copied()
        .collect()
}

/// Chooses for each package the first name that the installer knows; names without a choice come second.
pub(crate) fn choose(
    missing: &[Package],
    known: &BTreeSet<String>,
) -> (Vec<&'static str>, Vec<&'static str>) {
    let mut chosen = Vec::new();
    let mut unknown = Vec::new();
    for package in missing {
        match package.names.iter().find(|name| known.contains(**name)) {
            Some(name) => chosen.push(*name),
            None => unknown.push(package.names[0]),
        }
    }
    (chosen, unknown)
}

/// Reads the answer of `dpkg-query -W -f '${Package} ${db:Status-Status}\n'`.
pub(crate) fn installed_by_dpkg(answer: &str) -> BTreeSet<String> {
    let lines = answer
        .lines()
        .filter_map(|line| line.strip_suffix(" installed"));
    lines.map(str::to_owned).collect()
}

/// Reads an answer that has one package name on each line; other lines do no harm.
pub(crate) fn listed(answer: &str) -> BTreeSet<String> {
    answer.lines().map(|line| line.trim().to_owned()).collect()
}

/// Reads the names out of the answer of `apt-cache show --no-all-versions`.
pub(crate) fn known_to_apt(answer: &str) -> BTreeSet<String> {
    let names = answer
        .lines()
        .filter_map(|line| line.strip_prefix("Package: "));
    names.map(|name| name.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(packages: &[Package]) -> Vec<&'static str> {
        packages.iter().map(|package| package.names[0]).collect()
    }

    #[test]
    fn a_package_that_was_removed_but_left_its_settings_is_missing() {
        let installed = installed_by_dpkg(
            "libgtk-3-dev installed\nlibwebkit2gtk-4.1-dev config-files\nxvfb not-installed\n",
        );
        assert_eq!(installed, BTreeSet::from(["libgtk-3-dev".to_owned()]));
    }

    #[test]
    fn only_what_is_missing_is_asked_for() {
        let installed = installed_by_dpkg("libgtk-3-dev installed\nlibrsvg2-dev installed\n");
        let missing = missing(apt(Purpose::Desktop), &installed, |command| {
            command == "pkg-config"
        });
        assert_eq!(
            names(&missing),
            [
                "libwebkit2gtk-4.1-dev",
                "libayatana-appindicator3-dev",
                "libxdo-dev",
                "file"
            ]
        );
    }

    #[test]
    fn a_c_compiler_of_any_origin_is_enough() {
        let nothing = BTreeSet::new();
        assert!(missing(apt(Purpose::Build), &nothing, |command| command == "cc").is_empty());
        assert_eq!(
            names(&missing(apt(Purpose::Build), &nothing, |_| false)),
            ["build-essential"]
        );
    }

    #[test]
    fn another_browser_serves_as_well() {
        let installed = BTreeSet::new();
        let missing = missing(apt(Purpose::Tests), &installed, |command| {
            command == "google-chrome" || command == "chromedriver"
        });
        assert!(
            !names(&missing)
                .iter()
                .any(|name| name.starts_with("chromium"))
        );
    }

    #[test]
    fn where_a_release_names_a_package_differently_that_name_is_chosen() {
        let known =
            known_to_apt("Package: xvfb\nVersion: 2\n\nPackage: chromium-browser\nVersion: 1\n");
        let missing = [
            tool(&["chromium", "chromium-browser"], &[]),
            package(&["xvfb"]),
            package(&["libwebkit2gtk-4.1-dev"]),
        ];
        let (chosen, unknown) = choose(&missing, &known);
        assert_eq!(chosen, ["chromium-browser", "xvfb"]);
        assert_eq!(
            unknown,
            ["libwebkit2gtk-4.1-dev"],
            "an old release has no such package"
        );
    }

    #[test]
    fn rpm_lines_about_missing_packages_do_no_harm() {
        let installed = listed("gcc\npackage gtk3-devel is not installed\n");
        assert!(installed.contains("gcc") && !installed.contains("gtk3-devel"));
    }
}
