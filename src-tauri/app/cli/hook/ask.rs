//! What a hook asks a running host. None is started: a memory that is not there costs nothing.

use std::sync::Arc;

use commonplace_api::call;
use commonplace_api::memories::{MemoryRow, SearchResults};
use commonplace_api::query::{ListQuery, MemoryFilter, SearchQuery};
use serde_json::json;
use tokio::task::JoinSet;

use super::event::CAPTURE_TIME_MAX;
use super::transcript::Marked;
use crate::client::mcp_client::McpClient;
use crate::client::{ClientError, HostClient};
use crate::paths::DataDir;
use crate::runtime::small_runtime;
use crate::tokens::TokenTexts;

/// Hits to choose from, of the project and of those without one.
const HITS: u32 = 8;
/// Memories to choose from, of each kind.
const ROWS: u32 = 20;
/// Memories that are looked at for changes: those stored last.
const ROWS_CHANGED: u32 = 100;

/// Types and tags of what is decided.
const DECISIONS: &[&str] = &["decision"];
/// Types and tags of what is still to be done.
const OPEN: &[&str] = &["todo", "open"];

/// Memories that are stored at once: one commit takes them all, and others keep their turn.
const STORES_AT_ONCE: usize = 16;

/// How the host names who asks.
const NAME: &str = "claude-code-hook";

/// A running host.
pub(super) struct Host {
    client: HostClient,
    agent: String,
}

/// Memories that tell where a project stands.
#[derive(Debug, Default)]
pub(super) struct Standing {
    pub(super) decisions: Vec<MemoryRow>,
    pub(super) open: Vec<MemoryRow>,
    /// The newest; older and newer than the last session.
    pub(super) changed: Vec<MemoryRow>,
}

/// Asks a running host of the store; Err says in words why there is no answer.
pub(super) fn ask<T>(
    data_dir: &DataDir,
    asking: impl AsyncFnOnce(&Host) -> Result<T, ClientError>,
) -> Result<T, String> {
    let host = Host::find(data_dir).map_err(|error| error.to_string())?;
    let runtime = small_runtime().map_err(|error| error.to_string())?;
    let asked = runtime.block_on(asking(&host));
    asked.map_err(|error| error.to_string())
}

impl Host {
    fn find(data_dir: &DataDir) -> Result<Self, ClientError> {
        Ok(Self {
            client: HostClient::find(data_dir)?,
            agent: TokenTexts::read(data_dir.path())?.agent,
        })
    }

    /// Searches the memories of a project and those without one.
    pub(super) async fn search(
        &self,
        question: &str,
        project: &str,
    ) -> Result<Vec<SearchResults>, ClientError> {
        let query = |project: &str| SearchQuery {
            q: question.to_owned(),
            limit: Some(HITS),
            filter: of_project(project),
            ..SearchQuery::default()
        };
        let mut found = vec![self.client.ask(call::search(&query(project))).await?];
        // Not at once: the second search finds the question embedded, which is most of the work.
        if !project.is_empty() {
            found.push(self.client.ask(call::search(&query(""))).await?);
        }
        Ok(found)
    }

    /// Reads what tells where a project stands; changes only if there is a time to count them from.
    pub(super) async fn standing(
        &self,
        project: &str,
        last_visit: Option<i64>,
    ) -> Result<Standing, ClientError> {
        let changed = async {
            match last_visit {
                Some(_) => self.list(of_project(project), ROWS_CHANGED).await,
                None => Ok(Vec::new()),
            }
        };
        let decisions = self.of_kind(project, DECISIONS);
        let open = self.of_kind(project, OPEN);
        let (decisions, open, changed) = tokio::try_join!(decisions, open, changed)?;
        Ok(Standing {
            decisions,
            open,
            changed,
        })
    }

    /// Lists the memories of a kind, which is their type or one of their tags.
    async fn of_kind(&self, project: &str, kinds: &[&str]) -> Result<Vec<MemoryRow>, ClientError> {
        let tagged = MemoryFilter {
            tag: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
            ..of_project(project)
        };
        let typed = MemoryFilter {
            memory_type: Some(kinds[0].to_owned()),
            ..of_project(project)
        };
        let (mut rows, typed) = tokio::try_join!(self.list(tagged, ROWS), self.list(typed, ROWS))?;
        rows.extend(typed);
        Ok(rows)
    }

    async fn list(&self, filter: MemoryFilter, limit: u32) -> Result<Vec<MemoryRow>, ClientError> {
        let query = ListQuery {
            filter,
            limit: Some(limit),
            ..ListQuery::default()
        };
        Ok(self.client.ask(call::list(&query)).await?.memories)
    }

    /// Stores what a session marked, all at once, so that one commit takes them all.
    pub(super) async fn store(
        &self,
        marked: Vec<Marked>,
        session: &str,
        project: &str,
    ) -> Result<(), ClientError> {
        let host = self.client.host();
        let client = McpClient::new(host, &self.agent, NAME, CAPTURE_TIME_MAX).in_session(session);
        let client = Arc::new(client);
        let mut waiting = marked.into_iter();
        let mut stores = JoinSet::new();
        loop {
            while stores.len() < STORES_AT_ONCE
                && let Some(marked) = waiting.next()
            {
                stores.spawn(store_one(Arc::clone(&client), marked, project.to_owned()));
            }
            let Some(stored) = stores.join_next().await else {
                break;
            };
            if let Err(why) = stored.map_err(|error| error.to_string()).flatten() {
                tracing::debug!(%why, "a mark was not stored");
            }
        }
        Ok(())
    }
}

/// Stores one mark; Err says in words why not.
async fn store_one(client: Arc<McpClient>, marked: Marked, project: String) -> Result<(), String> {
    let Marked { mark, op_id } = marked;
    let arguments = json!({
        "content": mark.text, "memory_type": mark.memory_type, "project": project, "op_id": op_id,
    });
    let answer = client.call_tool("memory_store", &arguments).await?;
    if answer.is_error {
        Err(answer.text)
    } else {
        Ok(())
    }
}

fn of_project(project: &str) -> MemoryFilter {
    MemoryFilter {
        project: Some(project.to_owned()),
        ..MemoryFilter::default()
    }
}
