//! Answers MCP clients that look for a login.
//!
//! A client without a token, or with a wrong one, asks at these addresses how to log in, and tries to register itself. There
//! is no OAuth here: it needs one of our tokens. So all are told in the form of OAuth, which clients show to people.

use axum::Json;
use axum::response::{IntoResponse, Response};
use commonplace_api::Refusal;
use commonplace_api::oauth::NoOAuth;
use http::StatusCode;

use crate::answers::refusal::Reason;

const PLACES: [&str; 3] = [
    "/.well-known/oauth-protected-resource",
    "/.well-known/oauth-authorization-server",
    "/.well-known/openid-configuration",
];
/// Where a client goes if nothing tells it another place.
const ENDPOINTS: [&str; 3] = ["/register", "/authorize", "/token"];

/// Says whether a client asks here for a login. The path of `/mcp` may stand before or behind.
pub(crate) fn is_probe(path: &str) -> bool {
    let path = path.strip_suffix('/').unwrap_or(path);
    let bare = path
        .strip_prefix("/mcp")
        .filter(|rest| rest.starts_with('/'))
        .or_else(|| path.strip_suffix("/mcp"))
        .unwrap_or(path);
    PLACES.contains(&bare) || ENDPOINTS.contains(&bare)
}

/// Says that there is none, and what to do.
pub(crate) fn answer() -> Response {
    let mut response = (StatusCode::NOT_FOUND, Json(NoOAuth::default())).into_response();
    if let Some(reason) = Reason::of(&Refusal::NotFound) {
        response.extensions_mut().insert(reason);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_are_known_with_and_without_the_path_of_mcp() {
        let table = [
            ("/.well-known/oauth-protected-resource", true),
            ("/.well-known/oauth-protected-resource/mcp", true),
            ("/.well-known/oauth-protected-resource/mcp/", true),
            ("/.well-known/oauth-authorization-server/mcp", true),
            ("/mcp/.well-known/openid-configuration", true),
            ("/register", true),
            ("/mcp/register", true),
            ("/token", true),
            ("/authorize", true),
            ("/mcp", false),
            ("/mcp/", false),
            ("/", false),
            ("/.well-known/", false),
            ("/api/token", false),
            ("/mcptoken", false),
            ("/.well-known/oauth-protected-resource/api", false),
        ];
        for (path, wanted) in table {
            assert_eq!(is_probe(path), wanted, "{path}");
        }
    }
}
