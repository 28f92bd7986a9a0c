//! Where the project's own files are.

use std::path::{Path, PathBuf};

use crate::commands::{self, CommandError};
use crate::model;

/// Cargo could not say where the project is.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WorkspaceError {
    /// `cargo metadata` failed; usually a mistake in some Cargo.toml.
    #[error("could not ask cargo where the workspace is: {0}")]
    Metadata(#[from] CommandError),
    /// Its answer was not understood.
    #[error("could not understand the answer of `cargo metadata`: {0}")]
    Json(#[from] serde_json::Error),
    /// A field that every cargo has had so far is missing.
    #[error("the answer of `cargo metadata` has no `{field}`; is this cargo older than 1.94?")]
    Field { field: &'static str },
}

/// The project's root and cargo's target directory.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// The directory with the root Cargo.toml.
    pub(crate) root: PathBuf,
    /// Where cargo builds: `target`, or what `CARGO_TARGET_DIR` says.
    pub(crate) target: PathBuf,
}

impl Workspace {
    /// Asks cargo; needs no network.
    ///
    /// # Errors
    /// If cargo cannot read the workspace that contains the current directory.
    pub(crate) fn find() -> Result<Self, WorkspaceError> {
        let mut command = commands::cargo(Path::new("."));
        command.args(["metadata", "--no-deps", "--format-version", "1"]);
        Self::from_metadata(&commands::output(&mut command)?)
    }

    /// The program that the tests start.
    pub(crate) fn debug_program(&self) -> PathBuf {
        self.program("debug")
    }

    /// Where `cargo xtask model` puts the files and where the tests look for them.
    ///
    /// Below `target` of the project, also when cargo builds elsewhere: one download serves all builds.
    pub(crate) fn model_dir(&self) -> PathBuf {
        self.root.join("target").join("models").join(model::NAME)
    }

    /// The program that `cargo build --release` leaves behind.
    pub(crate) fn release_program(&self) -> PathBuf {
        self.program("release")
    }

    fn program(&self, profile: &str) -> PathBuf {
        self.target
            .join(profile)
            .join(format!("commonplace{}", std::env::consts::EXE_SUFFIX))
    }

    fn from_metadata(json: &str) -> Result<Self, WorkspaceError> {
        let metadata: serde_json::Value = serde_json::from_str(json)?;
        let path = |field| {
            metadata[field]
                .as_str()
                .map(PathBuf::from)
                .ok_or(WorkspaceError::Field { field })
        };
        Ok(Self {
            root: path("workspace_root")?,
            target: path("target_directory")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_stays_in_the_project_when_cargo_builds_elsewhere() {
        let json = r#"{"workspace_root":"/src","target_directory":"/fast/target","packages":[]}"#;
        let workspace = Workspace::from_metadata(json).expect("both fields are there");
        assert_eq!(
            workspace.model_dir(),
            Path::new("/src/target/models/all-MiniLM-L6-v2")
        );
        assert!(
            workspace
                .release_program()
                .starts_with("/fast/target/release")
        );
    }

    #[test]
    fn a_missing_field_is_named() {
        let error = Workspace::from_metadata(r#"{"workspace_root":"/src"}"#)
            .expect_err("one field is missing");
        assert!(
            error.to_string().contains("`target_directory`"),
            "unclear: {error}"
        );
    }
}
