//! Whether a login starts the program.

use commonplace_api::Refusal;
use commonplace_api::about::LoginStatus;

/// What this layer can ask of the system about the next login. Both calls may block while the system is asked.
pub trait StartAtLogin: Send + Sync + 'static {
    /// Tells whether a login starts the program.
    ///
    /// # Errors
    /// [`Refusal::Failed`] if the system does not say.
    fn status(&self) -> Result<LoginStatus, Refusal>;

    /// Sets whether a login starts the program, and returns the new status. Takes effect at the next login; setting what is
    /// set already changes nothing.
    ///
    /// # Errors
    /// [`Refusal::Failed`] if the system refuses, and nothing was changed; or if it does not tell the new status.
    fn set(&self, is_on: bool) -> Result<LoginStatus, Refusal>;
}
