//! Who asks: what is known about the client behind a request.

use commonplace_api::Transport;
use serde::Serialize;

use crate::clean::clean_line;

/// The client behind a request, as it describes itself. Nothing here is proof of anything.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Origin {
    /// Name of the program, such as `claude-code`; at most 64 visible characters.
    pub client: String,
    /// Its version, if it named one.
    pub version: Option<String>,
    /// Its session, if it named one.
    pub session: Option<String>,
    /// Project that its memories belong to by default; None over plain HTTP, which names none.
    pub project: Option<String>,
    /// Its process on this machine, where that is known.
    pub pid: Option<u32>,
    /// How the request came.
    pub transport: Transport,
}

impl Origin {
    /// Makes an origin from names as a client wrote them: what cannot be seen dropped, at most 64 characters each.
    pub fn new(client: &str, transport: Transport) -> Self {
        let client = clean(client).unwrap_or_else(|| "unknown".to_owned());
        Self {
            client,
            version: None,
            session: None,
            project: None,
            pid: None,
            transport,
        }
    }

    /// Adds what else the client said of itself; empty values count as nothing.
    pub fn with_details(
        mut self,
        version: Option<&str>,
        session: Option<&str>,
        project: Option<&str>,
    ) -> Self {
        self.version = version.and_then(clean);
        self.session = session.and_then(clean);
        self.project = project
            .map(visible)
            .filter(|p| !p.is_empty() && p.len() <= 200);
        self
    }

    /// Adds the process behind the client; two processes are two clients.
    #[must_use]
    pub fn with_pid(mut self, pid: Option<u32>) -> Self {
        self.pid = pid;
        self
    }

    /// Returns what a memory keeps about who stored it.
    pub(crate) fn provenance(&self, host_name: &str) -> commonplace_store::Provenance {
        commonplace_store::Provenance {
            client: self.client.clone(),
            client_version: self.version.clone(),
            session: self.session.clone(),
            host_name: Some(host_name.to_owned()),
        }
    }
}

/// Keeps the visible part of a name, at most 64 characters; None if nothing is left.
fn clean(given: &str) -> Option<String> {
    let kept: String = visible(given).chars().take(64).collect();
    (!kept.is_empty()).then_some(kept)
}

/// Drops what cannot be seen: a name is shown in tables, logs and menus, and must neither repaint them nor look like
/// another one.
fn visible(given: &str) -> String {
    clean_line(given).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_repaints_a_terminal_or_turns_a_line_around() {
        let hostile = " \u{202e}gnp\u{1b}[31m\u{2066}\u{0}.exe\n ";
        let origin = Origin::new(hostile, Transport::Http).with_details(
            Some(hostile),
            Some(hostile),
            Some(hostile),
        );
        assert_eq!(origin.client, "gnp.exe");
        for name in [origin.version, origin.session, origin.project] {
            assert_eq!(name.as_deref(), Some("gnp.exe"));
        }
    }

    // Only the marks of direction were dropped: a name could have a twin with a letter that nobody sees, and a line
    // separator within.
    #[test]
    fn no_name_has_a_twin_that_looks_the_same() {
        let hidden = "gn\u{200b}p\u{2028}\u{e0041}\u{feff}";
        assert_eq!(Origin::new(hidden, Transport::Http).client, "gnp");
    }

    #[test]
    fn a_name_of_nothing_visible_is_unknown() {
        let origin =
            Origin::new("\u{200f}\u{7}", Transport::Http).with_details(None, None, Some("\u{1b}"));
        assert_eq!((origin.client.as_str(), origin.project), ("unknown", None));
    }
}
