//! Resources: what a client can read without calling a tool.

use commonplace_engine::{Engine, Filter, ListQuery};
use serde_json::json;

use crate::budget::Detail;
use crate::tools::{Context, memory_health, memory_list};

const STATS: &str = "memory://stats";
const RECENT: &str = "memory://recent";
/// How many memories `memory://recent` shows.
const RECENT_COUNT: i64 = 10;

/// One resource that clients can list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ResourceSpec {
    /// Its address.
    pub(crate) uri: &'static str,
    /// Its name.
    pub(crate) name: &'static str,
    /// What it holds.
    pub(crate) description: &'static str,
}

/// Describes the resources; each is JSON.
pub(crate) const SPECS: [ResourceSpec; 2] = [
    ResourceSpec {
        uri: STATS,
        name: "stats",
        description: "State and statistics of the memory store, as JSON",
    },
    ResourceSpec {
        uri: RECENT,
        name: "recent",
        description: "The ten most recently stored memories, as JSON",
    },
];

/// Reads a resource as JSON text; None if there is no such resource.
pub(crate) async fn read(engine: &Engine, uri: &str, context: &Context) -> Option<String> {
    match uri.trim_end_matches('/') {
        STATS => Some(format!("{:#}", memory_health::report(&engine.status()))),
        RECENT => Some(recent(engine, context).await),
        _ => None,
    }
}

async fn recent(engine: &Engine, context: &Context) -> String {
    let query = ListQuery::parse(Filter::default(), 1, RECENT_COUNT, false)
        .expect("ten on the first page is in range");
    match engine.list(&context.origin, query).await {
        Ok(found) => {
            memory_list::numbered(&found, Detail::Short, context.reach())
                .finish()
                .text
        }
        Err(error) => json!({ "error": error.code(), "message": error.to_string() }).to_string(),
    }
}
