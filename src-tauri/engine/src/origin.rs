//! Who asks: what is known about the client behind a request.

use serde::Serialize;

/// Way on which a request came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// MCP over HTTP.
    Http,
    /// MCP over the stdio bridge.
    Stdio,
    /// A command of this program.
    Cli,
    /// The dashboard.
    Page,
    /// The engine itself, such as its indexer.
    Internal,
}

/// The client behind a request, as far as it told us. Nothing here is proof of anything.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Origin {
    /// Name of the program, such as `claude-code`; at most 64 visible characters.
    pub client: String,
    /// Its version, if it told one.
    pub version: Option<String>,
    /// Its session, if it told one.
    pub session: Option<String>,
    /// Project that its memories belong to by default; None over plain HTTP, where nobody tells.
    pub project: Option<String>,
    /// How the request came.
    pub transport: Transport,
}

impl Origin {
    /// Makes an origin from names as a client wrote them: control characters dropped, at most 64 characters each.
    pub fn new(client: &str, transport: Transport) -> Self {
        let client = clean(client).unwrap_or_else(|| "unknown".to_owned());
        Self {
            client,
            version: None,
            session: None,
            project: None,
            transport,
        }
    }

    /// Adds what else the client told; empty values count as not told.
    pub fn with_details(
        mut self,
        version: Option<&str>,
        session: Option<&str>,
        project: Option<&str>,
    ) -> Self {
        self.version = version.and_then(clean);
        self.session = session.and_then(clean);
        self.project = project
            .map(str::trim)
            .filter(|p| !p.is_empty() && p.len() <= 200)
            .map(str::to_owned);
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

/// Keeps the printable part of a name, at most 64 characters; None if nothing is left.
fn clean(given: &str) -> Option<String> {
    let kept: String = given
        .trim()
        .chars()
        .filter(|c| !c.is_control())
        .take(64)
        .collect();
    (!kept.is_empty()).then_some(kept)
}
