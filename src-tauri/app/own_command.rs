//! How a client starts this program for one store.

use std::io;

use crate::paths::{DataDir, own_program};

/// The beginning of every command of this program for one store: the program, and the options that name the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OwnCommand {
    pub(crate) program: String,
    pub(crate) options: Vec<String>,
}

impl OwnCommand {
    /// The command for a store, whose directory is always named: a client may have another environment than we have.
    ///
    /// # Errors
    /// If the system does not say where this program is.
    pub(crate) fn of(data_dir: &DataDir) -> io::Result<Self> {
        let dir = data_dir.path().display().to_string();
        Ok(Self {
            program: own_program()?.display().to_string(),
            options: vec!["--data-dir".to_owned(), dir],
        })
    }

    /// The arguments of a command.
    pub(crate) fn arguments(&self, command: &[&str]) -> Vec<String> {
        let command = command.iter().map(|word| (*word).to_owned());
        self.options.iter().cloned().chain(command).collect()
    }

    /// The program and the arguments of a command.
    pub(crate) fn words(&self, command: &[&str]) -> Vec<String> {
        let mut words = vec![self.program.clone()];
        words.extend(self.arguments(command));
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_names_its_store() {
        let store = DataDir::find(Some("/my stores/x".into())).unwrap();
        let words = OwnCommand::of(&store)
            .unwrap()
            .words(&["hook", "SessionStart"]);
        let dir = store.path().display().to_string();
        assert_eq!(words[1..], ["--data-dir", &dir, "hook", "SessionStart"]);
    }
}
