//! The list of routes: one table for the router, the guard, the OpenAPI document and the tests.

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::handler::Handler;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use commonplace_api::Refusal;
use http::{Method, Request};

use super::oauth;
use crate::admission::guard::Admits;
use crate::answers::refusal::{Refused, with_allow};
use crate::answers::static_files;
use crate::routes::memories::{browse, one, search, several};
use crate::routes::{charts, events, host, metrics, past, redactions, session};
use crate::state::App;

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
    let entries = table().into_iter().map(|(entry, _)| entry);
    entries.chain([mcp]).collect()
}

type Route = (RouteEntry, MethodRouter<App>);

fn table() -> Vec<Route> {
    vec![
        admin("GET /api/status", host::status),
        admin("GET /api/health", host::health),
        admin("GET /api/openapi.json", host::openapi),
        admin("GET /api/history", past::history),
        admin("GET /api/slow", past::slow),
        admin("GET /api/logs", past::logs),
        admin("GET /api/charts/{chart}", charts::show),
        admin("GET /api/backups", host::backups),
        admin("POST /api/backups", host::start_backup),
        admin("POST /api/integrity", host::start_check),
        admin("POST /api/pause", host::pause),
        admin("POST /api/resume", host::resume),
        admin("GET /api/settings", host::settings),
        admin("PATCH /api/settings", host::change_settings),
        admin("GET /api/autostart", host::autostart),
        admin("PUT /api/autostart", host::set_autostart),
        admin("GET /api/connections", host::connections),
        admin("POST /api/connections", host::connection),
        admin("GET /api/locks", host::locks),
        admin("POST /api/locks/settle", host::settle),
        admin("GET /api/memories", browse::list),
        admin("POST /api/memories", one::store),
        admin("GET /api/memories/search", search::search),
        admin("GET /api/memories/facets", browse::facets),
        admin("GET /api/memories/{id}", one::show),
        admin("PATCH /api/memories/{id}", one::change),
        admin("POST /api/memories/delete", several::delete),
        admin("POST /api/memories/undo", several::undo),
        admin("POST /api/memories/purge", several::purge),
        admin("GET /api/redactions", redactions::list),
        admin("GET /api/redactions/{number}", redactions::show),
        admin("DELETE /api/redactions/{number}", redactions::forget),
        admin(
            "POST /api/redactions/{number}/put-back",
            redactions::put_back,
        ),
        admin("POST /api/codes", session::code),
        admin("DELETE /api/session", session::end),
        route("POST /api/session", Admits::CodeHolder, session::begin),
        route("POST /api/session/proof", Admits::Anybody, session::prove),
        admin("GET /events", events::stream),
        admin("GET /metrics", metrics::show),
    ]
}

fn admin<T: 'static>(line: &'static str, handler: impl Handler<T, App>) -> Route {
    route(line, Admits::Admin, handler)
}

/// Makes a route of its method and path, such as `GET /metrics`.
fn route<T: 'static>(line: &'static str, admits: Admits, handler: impl Handler<T, App>) -> Route {
    let (method, path) = line.split_once(' ').expect("a method and a path");
    let method: Method = method.parse().expect("a method of HTTP");
    let filter = MethodFilter::try_from(method.clone()).expect("a method that axum routes");
    let entry = RouteEntry {
        method: Some(method),
        path,
        admits,
    };
    (entry, on(filter, handler))
}

/// Says who may send this request. What is neither a file of the page nor in the table needs the admin token, so that a
/// route that is forgotten here is closed.
pub(crate) fn admits(method: &Method, path: &str) -> Admits {
    match path {
        MCP_PATH => Admits::Agent,
        "/api/session" if method == Method::POST => Admits::CodeHolder,
        "/api/session/proof" if method == Method::POST => Admits::Anybody,
        _ if static_files::is_file(path) => Admits::Anybody,
        _ => Admits::Admin,
    }
}

/// Says whether there is a route at this path, for any method.
pub(crate) fn is_route(path: &str) -> bool {
    routes().iter().any(|entry| matches(entry.path, path))
}

/// Compares a path with that of a route, in which `{name}` stands for any part.
fn matches(route: &str, path: &str) -> bool {
    let (mut ours, mut asked) = (route.split('/'), path.split('/'));
    loop {
        match (ours.next(), asked.next()) {
            (None, None) => return true,
            (Some(part), Some(given)) if part == given || part.starts_with('{') => {}
            _ => return false,
        }
    }
}

/// Builds the router. The guard stands before it.
pub(crate) fn build(app: App) -> Router {
    let mcp = app.site.mcp.clone();
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
    if oauth::is_probe(path) {
        return oauth::answer();
    }
    if !static_files::is_file(path) {
        return Refused(Refusal::NotFound).into_response();
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return with_allow(Refused(Refusal::WrongMethod).into_response(), "GET, HEAD");
    }
    static_files::answer(&app.files, path, request.headers())
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
    fn paths_of_routes_are_told_from_others() {
        for entry in routes() {
            assert!(is_route(entry.path), "{}", entry.path);
        }
        let table = [
            ("/api/memories/7", true),
            ("/api/charts/waits.svg", true),
            ("/api/memories/7/8", false),
            ("/api/status/", false),
            ("/api", false),
            ("/mcp/x", false),
            ("/x", false),
        ];
        for (path, wanted) in table {
            assert_eq!(is_route(path), wanted, "{path}");
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
