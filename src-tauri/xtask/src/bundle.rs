//! `cargo xtask bundle`: packages to install, of the kinds that belong to this system.
//!
//! The Tauri CLI makes them; it comes from npm, in one fixed version, into the target directory. Each kind is made on its
//! own, so that one that cannot be made here does not keep the others from being made.

mod clean_root;
mod signing;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::{Args, ValueEnum};

use crate::commands::{self, CommandError, program};
use crate::install::{self, InstallError};
use crate::machine::{Machine, System};
use crate::packages::Purpose;
use crate::report;
use crate::workspace::Workspace;

use clean_root::CleanRootError;
use signing::SigningError;

const CLI: &str = "@tauri-apps/cli";
/// Raise it together with `tauri` in Cargo.toml.
const CLI_VERSION: &str = "2.12.5";

/// What the command takes.
#[derive(Args)]
pub(crate) struct BundleArgs {
    /// Makes this kind only; may be given several times
    #[arg(long, value_name = "KIND")]
    only: Vec<Kind>,
    /// Installs the deb in a clean Debian 12, starts what is in it, and removes it again; needs root and Debian
    #[arg(long = "try")]
    is_tried: bool,
}

/// A kind of package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    Deb,
    Rpm,
    Appimage,
    /// The application as a directory; only its signed archive for updates leaves the machine.
    App,
    Dmg,
    Msi,
    Nsis,
}

impl Kind {
    /// Returns the kinds that can be made on `system`.
    fn of(system: System) -> &'static [Self] {
        match system {
            System::Linux => &[Self::Deb, Self::Rpm, Self::Appimage],
            System::MacOs => &[Self::App, Self::Dmg],
            System::Windows => &[Self::Msi, Self::Nsis],
        }
    }

    /// Returns what the Tauri CLI calls it.
    fn name(self) -> &'static str {
        match self {
            Self::Deb => "deb",
            Self::Rpm => "rpm",
            Self::Appimage => "appimage",
            Self::App => "app",
            Self::Dmg => "dmg",
            Self::Msi => "msi",
            Self::Nsis => "nsis",
        }
    }

    /// Returns the directory into which the Tauri CLI puts it.
    fn dir(self) -> &'static str {
        match self {
            Self::App => "macos",
            other => other.name(),
        }
    }

    /// Returns how the names of finished files end.
    fn endings(self) -> &'static [&'static str] {
        match self {
            Self::Deb => &[".deb", ".deb.sig"],
            Self::Rpm => &[".rpm", ".rpm.sig"],
            Self::Appimage => &[".AppImage", ".AppImage.sig"],
            Self::App => &[".app", ".app.tar.gz", ".app.tar.gz.sig"],
            Self::Dmg => &[".dmg"],
            Self::Msi => &[".msi", ".msi.sig"],
            Self::Nsis => &[".exe", ".exe.sig"],
        }
    }
}

/// Why packages were not made, or are not good.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BundleError {
    /// System packages.
    #[error(transparent)]
    Install(#[from] InstallError),
    /// The CLI could not be installed, or the program not be built.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// Half of the keys for signed updates is there.
    #[error(transparent)]
    Signing(#[from] SigningError),
    /// A kind of another system.
    #[error(
        "{} packages cannot be made on {}; there are: {}", .kind.name(), .system.name(), names(Kind::of(*.system))
    )]
    OtherSystem { kind: Kind, system: System },
    /// Some kinds were not made; the others are there.
    #[error(
        "not made: {}; why is above, at each; the Tauri CLI fetches what it needs to make an AppImage, an msi or an nsis \
         installer from the network and keeps it",
        names(.kinds)
    )]
    NotMade { kinds: Vec<Kind> },
    /// A directory of packages could not be emptied or read.
    #[error("could not read or empty `{}`: {source}", .path.display())]
    Dir {
        path: PathBuf,
        source: std::io::Error,
    },
    /// There is nothing to try.
    #[error("`--try` needs a deb; leave out `--only`, or add `--only deb`")]
    NothingToTry,
    /// The deb was made and is not good.
    #[error(transparent)]
    CleanRoot(#[from] CleanRootError),
}

fn names(kinds: &[Kind]) -> String {
    let names: Vec<_> = kinds.iter().map(|kind| kind.name()).collect();
    names.join(", ")
}

/// Builds the program for release and makes the packages; prints the path and size of each.
///
/// # Errors
/// `NotMade` after all kinds were tried; the others before anything is made.
pub(crate) fn run(
    machine: &Machine,
    workspace: &Workspace,
    args: &BundleArgs,
) -> Result<(), BundleError> {
    let kinds = choose(machine.system, &args.only)?;
    if args.is_tried && !kinds.contains(&Kind::Deb) {
        return Err(BundleError::NothingToTry);
    }
    let cli = Cli::new(
        machine,
        workspace,
        signing::config(machine, &workspace.root)?,
    );
    let total = kinds.len() + 3 + usize::from(args.is_tried);
    let purposes = [Purpose::Build, Purpose::Desktop, Purpose::Bundle];
    report::step(1, total, "system packages", || {
        install::ensure(machine, &purposes)
    })?;
    report::step(2, total, "the Tauri CLI", || cli.install())?;
    let title = "release build: some minutes the first time";
    report::step(3, total, title, || {
        commands::run(cli.tauri("build").args(["--no-bundle", "--", "--locked"]))
    })?;

    let mut made = Vec::new();
    let mut not_made = Vec::new();
    for (index, &kind) in kinds.iter().enumerate() {
        match report::step(index + 4, total, kind.name(), || cli.make(kind)) {
            Ok(files) => made.extend(files),
            Err(error) => {
                report::note(&error.to_string());
                not_made.push(kind);
            }
        }
    }
    print_sizes(&made);
    if args.is_tried {
        let deb = made.iter().find(|path| has_ending(path, ".deb"));
        let deb = deb.ok_or(BundleError::NothingToTry)?;
        report::step(total, total, "the deb in a clean root", || {
            clean_root::try_deb(machine, workspace, deb)
        })?;
    }
    if not_made.is_empty() {
        return Ok(());
    }
    Err(BundleError::NotMade { kinds: not_made })
}

fn choose(system: System, only: &[Kind]) -> Result<Vec<Kind>, BundleError> {
    let all = Kind::of(system);
    if let Some(&kind) = only.iter().find(|kind| !all.contains(kind)) {
        return Err(BundleError::OtherSystem { kind, system });
    }
    let is_chosen = |kind: &&Kind| only.is_empty() || only.contains(kind);
    Ok(all.iter().filter(is_chosen).copied().collect())
}

/// The Tauri CLI in the target directory.
struct Cli {
    root: PathBuf,
    dir: PathBuf,
    bundles: PathBuf,
    /// What is laid over tauri.conf.json, as JSON.
    config: Option<String>,
    /// Variables that it must not see: to the CLI, an empty certificate is a broken one.
    hidden: Vec<OsString>,
}

impl Cli {
    fn new(machine: &Machine, workspace: &Workspace, config: Option<String>) -> Self {
        Self {
            root: workspace.root.clone(),
            dir: workspace.target.join("tauri-cli"),
            bundles: workspace.target.join("release").join("bundle"),
            config,
            hidden: machine.empty_variables.clone(),
        }
    }

    fn install(&self) -> Result<(), BundleError> {
        let version = commands::output(self.node().arg("--version"));
        if version.is_ok_and(|text| text.trim().ends_with(CLI_VERSION)) {
            report::note("it is there");
            return Ok(());
        }
        // npm looks for a project upwards from here, and must not find ours.
        fs::create_dir_all(&self.dir).map_err(|source| BundleError::Dir {
            path: self.dir.clone(),
            source,
        })?;
        let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
        let mut command = program(npm);
        command
            .args([
                "install",
                "--no-save",
                "--no-audit",
                "--no-fund",
                "--prefix",
            ])
            .arg(&self.dir)
            .arg(format!("{CLI}@{CLI_VERSION}"));
        Ok(commands::run(&mut command)?)
    }

    /// Its JavaScript part is started by name: the program in `.bin` is another kind of file on Windows.
    fn node(&self) -> Command {
        let mut command = program("node");
        let script = self.dir.join("node_modules").join(CLI).join("tauri.js");
        command.current_dir(&self.root).arg(script);
        for name in &self.hidden {
            command.env_remove(name);
        }
        command
    }

    fn tauri(&self, verb: &str) -> Command {
        let mut command = self.node();
        command.args([verb, "--ci"]);
        if let Some(config) = &self.config {
            command.args(["--config", config]);
        }
        command
    }

    /// Rebuilds one kind, and returns its files.
    fn make(&self, kind: Kind) -> Result<Vec<PathBuf>, BundleError> {
        let dir = self.bundles.join(kind.dir());
        let dir_error = |source| BundleError::Dir {
            path: dir.clone(),
            source,
        };
        if dir.is_dir() {
            fs::remove_dir_all(&dir).map_err(dir_error)?;
        }
        commands::run(self.tauri("bundle").args(["--bundles", kind.name()]))?;
        finished(&dir, kind).map_err(dir_error)
    }
}

/// Lists the finished files; what they were made from lies beside them.
fn finished(dir: &Path, kind: Kind) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if kind
            .endings()
            .iter()
            .any(|ending| has_ending(&path, ending))
        {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn has_ending(path: &Path, ending: &str) -> bool {
    path.to_string_lossy().ends_with(ending)
}

fn print_sizes(files: &[PathBuf]) {
    eprintln!();
    for path in files {
        let bytes = fs::metadata(path).map_or(0, |metadata| metadata.len());
        report::note(&size_line(path, bytes));
    }
}

fn size_line(path: &Path, bytes: u64) -> String {
    format!("{:>6.1} MB  {}", bytes as f64 / 1e6, path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_made_on_one_system_and_named_in_the_configuration() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let text = fs::read_to_string(root.join("tauri.conf.json")).unwrap();
        let config: serde_json::Value = serde_json::from_str(&text).unwrap();
        let targets = config["bundle"]["targets"].as_array().unwrap();
        let systems = [System::Linux, System::MacOs, System::Windows];
        for &kind in Kind::value_variants() {
            let makers = systems.iter().filter(|s| Kind::of(**s).contains(&kind));
            assert_eq!(makers.count(), 1, "{kind:?}");
            assert!(targets.contains(&kind.name().into()), "{kind:?}");
        }
    }

    #[test]
    fn a_kind_of_another_system_is_answered_with_those_of_this_one() {
        let error = choose(System::Linux, &[Kind::Rpm, Kind::Msi]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "msi packages cannot be made on Linux; there are: deb, rpm, appimage"
        );
        let chosen = choose(System::Linux, &[Kind::Rpm]).unwrap();
        assert_eq!(chosen, [Kind::Rpm]);
        assert_eq!(choose(System::MacOs, &[]).unwrap(), Kind::of(System::MacOs));
    }

    #[test]
    fn what_a_package_was_made_from_is_no_package() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["a.AppImage", "a.AppImage.sig", "build.sh"] {
            fs::write(dir.path().join(name), "").unwrap();
        }
        fs::create_dir(dir.path().join("a.AppDir")).unwrap();
        let found = finished(dir.path(), Kind::Appimage).unwrap();
        let expected = ["a.AppImage", "a.AppImage.sig"].map(|name| dir.path().join(name));
        assert_eq!(found, expected);
    }

    #[test]
    fn the_cli_is_of_the_same_version_as_the_library() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let lock = fs::read_to_string(root.join("Cargo.lock")).unwrap();
        let (minor, _) = CLI_VERSION.rsplit_once('.').unwrap();
        let line = format!("name = \"tauri\"\nversion = \"{minor}.");
        assert!(lock.contains(&line), "tauri is not {minor}");
    }
}
