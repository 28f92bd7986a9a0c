//! Finds out who asks, from what a request carries.
//!
//! Nothing here is proof: a client may write what it likes. It says to whom a wait or a memory belongs; it grants
//! nothing.

mod codex;
pub(crate) mod session;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use commonplace_api::Transport;
use commonplace_engine::Origin;
use http::{HeaderMap, HeaderName};
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use crate::percent::decode;
use crate::project::{Project, of_folder, project};

/// Names the client behind the bridge: `name/version`, percent-encoded.
pub(crate) const HEADER_CLIENT: HeaderName = HeaderName::from_static("x-commonplace-client");
/// Names the project that the client works in, percent-encoded. From the bridge it is the name of the project; another
/// client may write a path here.
pub(crate) const HEADER_PROJECT: HeaderName = HeaderName::from_static("x-commonplace-project");
/// Names the linked worktree that the client behind the bridge works in, percent-encoded.
pub(crate) const HEADER_WORKTREE: HeaderName = HeaderName::from_static("x-commonplace-worktree");
/// Names the client's session, percent-encoded.
pub const HEADER_SESSION: HeaderName = HeaderName::from_static("x-commonplace-session");
/// Names the client's process on this machine: from the bridge its parent, else what the host found out by itself.
pub(crate) const HEADER_PID: HeaderName = HeaderName::from_static("x-commonplace-pid");
/// Tells how the client is connected; `stdio` from the bridge.
pub(crate) const HEADER_TRANSPORT: HeaderName = HeaderName::from_static("x-commonplace-transport");
/// Names the version of the bridge; it is not always the host's, after an update.
pub(crate) const HEADER_BRIDGE: HeaderName = HeaderName::from_static("x-commonplace-bridge");
/// Names the client's time zone, such as `Europe/Vienna`.
pub(crate) const HEADER_TIME_ZONE: HeaderName = HeaderName::from_static("x-commonplace-time-zone");

/// Finds the folder that a process works in; None if the system does not tell.
pub type FolderOf = Arc<dyn Fn(u32) -> Option<PathBuf> + Send + Sync>;

/// Where projects are looked for.
#[derive(Clone)]
pub(crate) struct Places {
    /// The person's home directory.
    pub(crate) home: Option<PathBuf>,
    pub(crate) folder_of: FolderOf,
}

impl fmt::Debug for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Places")
            .field("home", &self.home)
            .finish_non_exhaustive()
    }
}

/// Who asks, from where, in which time zone.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) origin: Origin,
    /// The linked worktree that it works in.
    pub(crate) worktree: Option<String>,
    /// Version of the bridge that it is behind.
    pub(crate) bridge: Option<String>,
    /// None if it names none that is known here.
    pub(crate) time_zone: Option<TimeZone>,
}

/// Reads who asks from the client's own words (`client_info`, name and version; `meta`, what it sends beside the arguments)
/// and the headers of its request.
///
/// Clients of the newer protocol say who they are in each request. The older protocol says it once, at a handshake: the
/// bridge repeats it in a header, others repeat the session that the handshake gave them ([`session`]). The project is what
/// Codex says of each call, else what a header says, else the folder that the client's process works in.
///
/// May read the file system, if the client is not behind the bridge.
pub(crate) fn caller(
    client_info: Option<(String, String)>,
    meta: &Map<String, Value>,
    headers: &HeaderMap,
    places: &Places,
) -> Caller {
    let header = |name: &HeaderName| headers.get(name).and_then(decode);
    let is_bridge = headers
        .get(&HEADER_TRANSPORT)
        .is_some_and(|value| value == "stdio");
    let transport = match is_bridge {
        true => Transport::Stdio,
        false => Transport::Http,
    };
    let shaken = session::of(headers);
    let (name, version) = client_info
        .filter(|(name, _)| !name.trim().is_empty())
        .map(|(name, version)| (name, Some(version)))
        .or_else(|| header(&HEADER_CLIENT).map(|product| name_and_version(&product)))
        .or_else(|| {
            let product = shaken.as_ref()?.client.as_deref()?;
            Some(name_and_version(product))
        })
        .or_else(|| user_agent(headers))
        .unwrap_or_default();
    let codex = codex::read(meta);
    let session = header(&HEADER_SESSION)
        .or(codex.session)
        .or(shaken.map(|shaken| shaken.id));
    let pid = pid(headers);
    let home = places.home.as_deref();
    let found = codex
        .workspace
        .and_then(|path| project(&path, home))
        .or_else(|| match (header(&HEADER_PROJECT)?, is_bridge) {
            // It has looked already, and may live in a container whose files are not ours.
            (name, true) => Some(Project {
                name,
                worktree: header(&HEADER_WORKTREE),
            }),
            (said, false) => project(&said, home),
        })
        .or_else(|| of_folder(&(places.folder_of)(pid.filter(|_| !is_bridge)?)?, home));
    let (project, worktree) =
        found.map_or((None, None), |found| (Some(found.name), found.worktree));
    let origin = Origin::new(&name, transport)
        .with_details(version.as_deref(), session.as_deref(), project.as_deref())
        .with_pid(pid);
    Caller {
        origin,
        worktree,
        bridge: header(&HEADER_BRIDGE),
        time_zone: header(&HEADER_TIME_ZONE).and_then(|name| TimeZone::get(&name).ok()),
    }
}

/// The name and version with which the User-Agent begins.
fn user_agent(headers: &HeaderMap) -> Option<(String, Option<String>)> {
    let agent = headers.get(http::header::USER_AGENT)?.to_str().ok()?;
    Some(name_and_version(agent.split_whitespace().next()?))
}

fn pid(headers: &HeaderMap) -> Option<u32> {
    headers.get(&HEADER_PID)?.to_str().ok()?.parse().ok()
}

/// Splits `claude-code/2.1.330` at its first slash.
fn name_and_version(product: &str) -> (String, Option<String>) {
    match product.split_once('/') {
        Some((name, version)) => (name.to_owned(), Some(version.to_owned())),
        None => (product.to_owned(), None),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::percent::encode;

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap()))
            .collect()
    }

    /// No home; the process 7 works in a folder that is gone.
    fn places() -> Places {
        Places {
            home: None,
            folder_of: Arc::new(|pid| (pid == 7).then(|| PathBuf::from("/gone/of-pid"))),
        }
    }

    fn asked(info: Option<(&str, &str)>, headers: &HeaderMap) -> Caller {
        let info = info.map(|(name, version)| (name.to_owned(), version.to_owned()));
        caller(info, &Map::new(), headers, &places())
    }

    #[test]
    fn the_clients_own_word_comes_first_then_the_bridges_then_the_sessions_then_the_user_agent() {
        const CLAUDE: (HeaderName, &str) = (
            http::header::USER_AGENT,
            "claude-code/2.1.330 (external, cli)",
        );
        const NODE: (HeaderName, &str) = (http::header::USER_AGENT, "node");
        const CODEX: (HeaderName, &str) = (HEADER_CLIENT, "codex/1.0");
        const GEMINI: (HeaderName, &str) = (session::HEADER, "0a1b.gemini/0.61");
        let table = [
            (
                Some(("inspector", "2.12")),
                headers(&[CODEX, CLAUDE]),
                ("inspector", Some("2.12")),
            ),
            (None, headers(&[CODEX, GEMINI]), ("codex", Some("1.0"))),
            (None, headers(&[NODE, GEMINI]), ("gemini", Some("0.61"))),
            (None, headers(&[CLAUDE]), ("claude-code", Some("2.1.330"))),
            (None, headers(&[NODE]), ("node", None)),
            (None, HeaderMap::new(), ("unknown", None)),
            (
                Some((" ", "")),
                headers(&[CLAUDE]),
                ("claude-code", Some("2.1.330")),
            ),
        ];
        for (info, headers, wanted) in table {
            let origin = asked(info, &headers).origin;
            assert_eq!((&*origin.client, origin.version.as_deref()), wanted);
        }
    }

    #[test]
    fn the_bridge_tells_project_session_and_time_zone() {
        let mut all = headers(&[
            (HEADER_TRANSPORT, "stdio"),
            (HEADER_TIME_ZONE, "Asia/Tokyo"),
        ]);
        all.insert(HEADER_PROJECT, encode("/home/ä b/100% sure/"));
        all.insert(HEADER_WORKTREE, encode("/home/c"));
        all.insert(HEADER_SESSION, encode("s-1"));
        all.insert(HEADER_PID, HeaderValue::from(7));
        let caller = asked(None, &all);
        let origin = caller.origin;
        assert_eq!(origin.transport, Transport::Stdio);
        assert_eq!(
            origin.project.as_deref(),
            Some("/home/ä b/100% sure/"),
            "it has looked, so nobody looks again"
        );
        assert_eq!(caller.worktree.as_deref(), Some("/home/c"));
        assert_eq!(origin.session.as_deref(), Some("s-1"));
        assert_eq!(origin.pid, Some(7));
        let zone = caller.time_zone.unwrap();
        assert_eq!(zone.iana_name(), Some("Asia/Tokyo"));
        all.insert(HEADER_PID, HeaderValue::from_static("-1"));
        all.insert(HEADER_TIME_ZONE, HeaderValue::from_static("Mars/Olympus"));
        let caller = asked(None, &all);
        assert_eq!((caller.origin.pid, caller.time_zone), (None, None));
    }

    #[cfg(unix)]
    #[test]
    fn over_http_codex_says_the_project_then_a_header_then_the_folder_of_the_process() {
        let workspace =
            serde_json::json!({ "session_id": "c1", "workspaces": { "/gone/codex": {} } });
        let meta = Map::from_iter([("x-codex-turn-metadata".to_owned(), workspace)]);
        let all = headers(&[(HEADER_PROJECT, "/gone/header/"), (HEADER_PID, "7")]);
        let table = [
            (&meta, all.clone(), Some("/gone/codex"), Some("c1")),
            (&Map::new(), all, Some("/gone/header"), None),
            (
                &Map::new(),
                headers(&[(HEADER_PROJECT, "${PWD}"), (HEADER_PID, "7")]),
                Some("/gone/of-pid"),
                None,
            ),
            (&Map::new(), headers(&[(HEADER_PID, "8")]), None, None),
            (&Map::new(), HeaderMap::new(), None, None),
        ];
        for (meta, headers, project, session) in table {
            let origin = caller(None, meta, &headers, &places()).origin;
            assert_eq!(origin.project.as_deref(), project);
            assert_eq!(origin.session.as_deref(), session);
        }
    }

    // A name over 200 bytes was dropped, and cut on the way from the bridge.
    #[test]
    fn the_longest_name_of_a_project_arrives_whole() {
        let named = project(&"é".repeat(500), None).unwrap().name;
        let mut all = headers(&[(HEADER_TRANSPORT, "stdio")]);
        all.insert(HEADER_PROJECT, encode(&named));
        assert_eq!(asked(None, &all).origin.project, Some(named));
    }
}
