//! Why a configuration was not changed.

/// Tells why a configuration was not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EditError {
    /// Also if it has comments: they cannot be kept by a program that reads plain JSON.
    #[error("it is no plain {format} ({reason})")]
    Unreadable {
        format: &'static str,
        reason: String,
    },
    #[error("`{0}` in it is no table")]
    NoTable(String),
    #[error("the entry cannot be told from what is around it")]
    Entangled,
}
