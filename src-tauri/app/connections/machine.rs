//! What of this machine and its user counts for clients: where they are, and how they start this program.

use std::path::PathBuf;

use super::error::ConnectError;
use super::program::Program;
use crate::claude_code::own_command;
use crate::clients::Places;
use crate::own_command::OwnCommand;
use crate::paths::DataDir;

/// This user's clients, and the store that they are connected to.
#[derive(Debug, Clone)]
pub(crate) struct Machine {
    pub(crate) data_dir: DataDir,
    /// How a client starts this program.
    pub(crate) own: OwnCommand,
    pub(crate) places: Places,
    /// The folder that the command runs in.
    pub(super) folder: Option<PathBuf>,
    /// The directories in which programs are looked for.
    programs: Vec<PathBuf>,
}

impl Machine {
    /// Reads the environment.
    ///
    /// # Errors
    /// If this user has no home directory, or the system does not say where this program is.
    pub(crate) fn of(data_dir: &DataDir) -> Result<Self, ConnectError> {
        let places = Places::find().ok_or(ConnectError::NoHome)?;
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut programs: Vec<PathBuf> = std::env::split_paths(&path).collect();
        // What a login starts often has a shorter PATH than a terminal; clients install themselves there.
        programs.push(places.home.join(".local").join("bin"));
        Ok(Self {
            data_dir: data_dir.clone(),
            own: OwnCommand::of(data_dir).map_err(ConnectError::NoProgram)?,
            places,
            folder: std::env::current_dir().ok(),
            programs,
        })
    }

    /// How a person begins a command for this store.
    pub(super) fn command(&self) -> String {
        own_command(&self.data_dir)
    }

    /// How an entry for another store is removed, as the end of a sentence. `client` is its name on the command line.
    pub(super) fn removing_other(&self, client: &str, store: &str) -> String {
        let other = DataDir::find(Some(store.into()));
        let other = other.map_or_else(|| self.command(), |other| own_command(&other));
        format!(
            "uses another store, `{store}`, which was left so: `{other} connect {client} --remove` removes that, or `{} connect \
             {client} --remove --replace`",
            self.command()
        )
    }

    /// Finds the file that starts a client.
    pub(crate) fn program(&self, program: Program) -> Option<PathBuf> {
        let ends: &[&str] = match cfg!(windows) {
            true => &[".exe", ".cmd", ".bat"],
            false => &[""],
        };
        let name = |end: &&str| format!("{}{end}", program.file_name());
        let in_dir = |dir: &PathBuf| {
            let mut files = ends.iter().map(|end| dir.join(name(end)));
            files.find(|file| file.is_file())
        };
        self.programs.iter().find_map(in_dir)
    }
}
