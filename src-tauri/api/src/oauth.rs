//! What a client is told that looks for OAuth.

use serde::Serialize;

/// An error in the form of RFC 6749, section 5.2, which clients of OAuth read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NoOAuth {
    /// Its code.
    pub error: &'static str,
    /// The sentence, for people.
    pub error_description: &'static str,
}

impl Default for NoOAuth {
    fn default() -> Self {
        Self {
            error: "invalid_request",
            error_description: "this server has no OAuth: it takes a fixed token, `Authorization: Bearer TOKEN`; \
                `commonplace token` prints it, and `commonplace connect` sets a client up with it",
        }
    }
}
