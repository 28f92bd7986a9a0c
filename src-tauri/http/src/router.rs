//! The list of routes: one table for the router, the guard, the OpenAPI document and the tests.

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, patch, post, put};
use commonplace_api::Refusal;
use http::{Method, Request};

use crate::gate::App;
use crate::mcp::McpService;
use crate::refusal::{Refused, with_allow};
use crate::routes::{
    autostart, backups, charts, codes, events, health, history, integrity, locks, logs, memories,
    metrics, openapi, pause, session, settings, slow, status,
};
use crate::static_files;

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admits {
    /// Everybody who may connect: the files of the page, which hold no secrets, and the proof that this is the host.
    Anybody,
    /// Who brings a one-time code in the body.
    CodeHolder,
    /// Who has the agents' token or the admin token.
    Agent,
    /// Who has the admin token or an open session.
    Admin,
}

/// One route.
#[derive(Debug, Clone)]
pub struct RouteEntry {
    /// Its method; None means that the service behind it decides.
    pub method: Option<Method>,
    /// Its path.
    pub path: &'static str,
    /// Who may use it.
    pub admits: Admits,
}

pub(crate) const MCP_PATH: &str = "/mcp";

/// Returns every route but the files of the page.
#[must_use]
pub fn routes() -> Vec<RouteEntry> {
    let mcp = RouteEntry {
        method: None,
        path: MCP_PATH,
        admits: Admits::Agent,
    };
    let mut all: Vec<_> = table().into_iter().map(|(entry, _)| entry).collect();
    all.push(mcp);
    all
}

fn table() -> Vec<(RouteEntry, MethodRouter<App>)> {
    use Admits::{Admin, Anybody, CodeHolder};
    vec![
        route(Method::GET, "/api/status", Admin, get(status::show)),
        route(Method::GET, "/api/history", Admin, get(history::show)),
        route(Method::GET, "/api/slow", Admin, get(slow::show)),
        route(Method::GET, "/api/health", Admin, get(health::show)),
        route(Method::GET, "/api/charts/{chart}", Admin, get(charts::show)),
        route(Method::GET, "/api/backups", Admin, get(backups::show)),
        route(Method::POST, "/api/backups", Admin, post(backups::begin)),
        route(
            Method::POST,
            "/api/integrity",
            Admin,
            post(integrity::begin),
        ),
        route(Method::GET, "/api/logs", Admin, get(logs::show)),
        route(Method::POST, "/api/pause", Admin, post(pause::begin)),
        route(Method::POST, "/api/resume", Admin, post(pause::end)),
        route(Method::GET, "/api/settings", Admin, get(settings::show)),
        route(
            Method::PATCH,
            "/api/settings",
            Admin,
            patch(settings::change),
        ),
        route(Method::GET, "/api/autostart", Admin, get(autostart::show)),
        route(Method::PUT, "/api/autostart", Admin, put(autostart::change)),
        route(Method::GET, "/api/locks", Admin, get(locks::show)),
        route(
            Method::POST,
            "/api/locks/settle",
            Admin,
            post(locks::settle),
        ),
        route(
            Method::GET,
            "/api/memories",
            Admin,
            get(memories::browse::list),
        ),
        route(
            Method::POST,
            "/api/memories",
            Admin,
            post(memories::one::store),
        ),
        route(
            Method::GET,
            "/api/memories/search",
            Admin,
            get(memories::search::search),
        ),
        route(
            Method::GET,
            "/api/memories/facets",
            Admin,
            get(memories::browse::facets),
        ),
        route(
            Method::GET,
            "/api/memories/{id}",
            Admin,
            get(memories::one::show),
        ),
        route(
            Method::PATCH,
            "/api/memories/{id}",
            Admin,
            patch(memories::one::change),
        ),
        route(
            Method::POST,
            "/api/memories/delete",
            Admin,
            post(memories::several::delete),
        ),
        route(
            Method::POST,
            "/api/memories/undo",
            Admin,
            post(memories::several::undo),
        ),
        route(
            Method::POST,
            "/api/memories/purge",
            Admin,
            post(memories::several::purge),
        ),
        route(Method::GET, "/api/openapi.json", Admin, get(openapi::show)),
        route(Method::POST, "/api/codes", Admin, post(codes::issue)),
        route(
            Method::POST,
            "/api/session",
            CodeHolder,
            post(session::begin),
        ),
        route(Method::DELETE, "/api/session", Admin, delete(session::end)),
        route(
            Method::POST,
            "/api/session/proof",
            Anybody,
            post(session::prove),
        ),
        route(Method::GET, "/events", Admin, get(events::stream)),
        route(Method::GET, "/metrics", Admin, get(metrics::show)),
    ]
}

fn route(
    method: Method,
    path: &'static str,
    admits: Admits,
    endpoint: MethodRouter<App>,
) -> (RouteEntry, MethodRouter<App>) {
    let method = Some(method);
    (
        RouteEntry {
            method,
            path,
            admits,
        },
        endpoint,
    )
}

/// Says who may send this request. What is neither a file of the page nor in the table needs the admin token, so that a
/// route somebody forgets here is closed.
pub(crate) fn admits(method: &Method, path: &str) -> Admits {
    match path {
        MCP_PATH => Admits::Agent,
        "/api/session" if method == Method::POST => Admits::CodeHolder,
        "/api/session/proof" if method == Method::POST => Admits::Anybody,
        _ if static_files::is_file(path) => Admits::Anybody,
        _ => Admits::Admin,
    }
}

/// Builds the router. The guard stands before it.
pub(crate) fn build(app: App, mcp: McpService) -> Router {
    let mut router = Router::new();
    for (entry, endpoint) in table() {
        router = router.route(entry.path, endpoint);
    }
    router
        .method_not_allowed_fallback(wrong_method)
        .fallback(file_or_nothing)
        .with_state(app)
        .route_service(MCP_PATH, mcp.into_inner())
}

async fn wrong_method() -> Refused {
    Refused(Refusal::WrongMethod)
}

async fn file_or_nothing(State(app): State<App>, request: Request<Body>) -> Response {
    let path = request.uri().path();
    if !static_files::is_file(path) {
        return Refused(Refusal::NotFound).into_response();
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return with_allow(Refused(Refusal::WrongMethod).into_response(), "GET, HEAD");
    }
    static_files::answer(&app.packed, path, request.headers())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guard_and_the_table_agree_on_every_route() {
        for entry in routes() {
            let method = entry.method.clone().unwrap_or(Method::POST);
            assert_eq!(
                admits(&method, entry.path),
                entry.admits,
                "{method} {}",
                entry.path
            );
        }
    }

    #[test]
    fn a_path_that_nobody_thought_of_needs_the_admin_token() {
        for path in [
            "/api",
            "/api/new",
            "/mcp/",
            "/mcp/x",
            "/events/",
            "/api/%73tatus",
            "//",
            "/x",
            "/api/session/",
        ] {
            assert_eq!(admits(&Method::GET, path), Admits::Admin, "{path}");
        }
        assert_eq!(admits(&Method::GET, "/api/session"), Admits::Admin);
    }
}
