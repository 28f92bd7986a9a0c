//! Whether a login starts the program.

use serde::Serialize;

use crate::control::ControlError;

/// What this layer can ask of the system about the next login. Both calls may block while the system is asked.
pub trait StartAtLogin: Send + Sync + 'static {
    /// Tells whether a login starts the program.
    ///
    /// # Errors
    /// [`ControlError::Failed`] if the system does not say.
    fn status(&self) -> Result<LoginStatus, ControlError>;

    /// Lets a login start the program, or not, and tells how it is then. Takes effect at the next login; what is so
    /// already stays so.
    ///
    /// # Errors
    /// [`ControlError::Failed`] if the system refuses, and nothing was changed; or if it does not say how it is now.
    fn set(&self, is_on: bool) -> Result<LoginStatus, ControlError>;
}

/// What a login does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LoginStatus {
    /// Whether it starts the program.
    pub start_at_login: bool,
    /// The file or the value in the registry that says so, or would.
    pub place: String,
}
