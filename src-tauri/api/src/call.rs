//! The calls of a client: what to send to a host, and how to read its answer. Whoever has a connection carries them.

use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::about::{CheckBegun, Health, PageAddress};
use crate::backups::{BackupRequest, BackupRunning, Backups};
use crate::connections::{ConnectionDone, ConnectionRequest, Connections};
use crate::locks::{LocksReport, Settle, Settled};
use crate::logs::LogPage;
use crate::memories::{
    MemoryDraft, MemoryIds, MemoryList, MemoryRecord, MemoryResults, MemoryStored, SearchMode,
    SearchResults,
};
use crate::query::{ListQuery, LogQuery, MemoryFilter, SearchQuery, TagMatch};
use crate::redactions::{RedactionList, RedactionShown};
use crate::settings::{SettingsChange, SettingsReport};
use crate::statistics::{History, Incidents};
use crate::status::Status;
use crate::{PauseAnswer, PauseRequest, Refusal};

/// The query of an address while it is written.
type Pairs = form_urlencoded::Serializer<'static, String>;

/// A request to a host whose answer is a `T`. Needs the admin token.
#[derive(Debug, Clone)]
pub struct Call<T> {
    /// Its method, such as `GET`.
    pub method: &'static str,
    /// Path and query.
    pub path: String,
    /// Its body as JSON; None if it has none.
    pub body: Option<Vec<u8>>,
    answer: PhantomData<fn() -> T>,
}

/// Why an answer is not what was asked for.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum AnswerError {
    /// The host refused.
    #[error(transparent)]
    Refused(Refusal),
    /// The answer cannot be understood.
    #[error("the answer cannot be understood ({reason}), with status {status}")]
    NotUnderstood {
        /// Status of HTTP.
        status: u16,
        /// What is wrong with it.
        reason: String,
    },
}

impl<T: DeserializeOwned> Call<T> {
    fn new(method: &'static str, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            body: None,
            answer: PhantomData,
        }
    }

    fn with(mut self, body: &impl Serialize) -> Self {
        let body = serde_json::to_vec(body);
        self.body = Some(body.expect("requests have a form in JSON"));
        self
    }

    /// Reads the answer of the host.
    ///
    /// # Errors
    /// [`AnswerError`].
    pub fn read(&self, status: u16, body: &[u8]) -> Result<T, AnswerError> {
        let not_understood = |reason: String| AnswerError::NotUnderstood { status, reason };
        if !(200..300).contains(&status) {
            let refusal = Refusal::read(body);
            return Err(
                refusal.map_or_else(|| not_understood(start_of(body)), AnswerError::Refused)
            );
        }
        serde_json::from_slice(body).map_err(|error| not_understood(error.to_string()))
    }
}

fn start_of(body: &[u8]) -> String {
    let start: String = String::from_utf8_lossy(body).chars().take(120).collect();
    format!("`{start}`")
}

/// Asks for the status.
#[must_use]
pub fn status() -> Call<Status> {
    Call::new("GET", "/api/status")
}

/// Asks who the host is.
#[must_use]
pub fn health() -> Call<Health> {
    Call::new("GET", "/api/health")
}

/// Asks for the last seconds, from 1 to 3600.
#[must_use]
pub fn history(seconds: u32) -> Call<History> {
    Call::new("GET", format!("/api/history?seconds={seconds}"))
}

/// Asks for slow holds, slow waits and failures, from 1 to 1000.
#[must_use]
pub fn incidents(limit: u32) -> Call<Incidents> {
    Call::new("GET", format!("/api/slow?limit={limit}"))
}

/// Asks for the locks.
#[must_use]
pub fn locks() -> Call<LocksReport> {
    Call::new("GET", "/api/locks")
}

/// Settles a lock; takes some seconds.
#[must_use]
pub fn settle(asked: &Settle) -> Call<Settled> {
    Call::new("POST", "/api/locks/settle").with(asked)
}

/// Asks for the settings.
#[must_use]
pub fn settings() -> Call<SettingsReport> {
    Call::new("GET", "/api/settings")
}

/// Changes settings.
#[must_use]
pub fn change_settings(change: &SettingsChange) -> Call<SettingsReport> {
    Call::new("PATCH", "/api/settings").with(change)
}

/// Asks for the clients of this machine and whether each uses the store.
#[must_use]
pub fn connections() -> Call<Connections> {
    Call::new("GET", "/api/connections")
}

/// Connects, disconnects or checks a client; a check takes up to 20 s.
#[must_use]
pub fn connection(asked: &ConnectionRequest) -> Call<ConnectionDone> {
    Call::new("POST", "/api/connections").with(asked)
}

/// Asks for the backups.
#[must_use]
pub fn backups() -> Call<Backups> {
    Call::new("GET", "/api/backups")
}

/// Begins a backup.
#[must_use]
pub fn start_backup(asked: &BackupRequest) -> Call<BackupRunning> {
    Call::new("POST", "/api/backups").with(asked)
}

/// Begins a check of the store.
#[must_use]
pub fn start_check() -> Call<CheckBegun> {
    Call::new("POST", "/api/integrity").with(&json!({}))
}

/// Pauses writes.
#[must_use]
pub fn pause(asked: &PauseRequest) -> Call<PauseAnswer> {
    Call::new("POST", "/api/pause").with(asked)
}

/// Resumes writes.
#[must_use]
pub fn resume() -> Call<PauseAnswer> {
    Call::new("POST", "/api/resume").with(&json!({}))
}

/// Asks for an address that opens the page once.
#[must_use]
pub fn page_address() -> Call<PageAddress> {
    Call::new("POST", "/api/codes").with(&json!({}))
}

/// Asks for lines of the log.
#[must_use]
pub fn logs(query: &LogQuery) -> Call<LogPage> {
    let mut pairs = Pairs::new(String::new());
    let level = query.level.map(|level| level.to_string());
    let limit = query.limit.map(|limit| limit.to_string());
    let given = [
        ("level", level.as_deref()),
        ("contains", query.contains.as_deref()),
        ("limit", limit.as_deref()),
        ("before", query.before.as_deref()),
    ];
    append(&mut pairs, &given);
    Call::new("GET", format!("/api/logs?{}", pairs.finish()))
}

/// Stores a memory.
#[must_use]
pub fn store(draft: &MemoryDraft) -> Call<MemoryStored> {
    Call::new("POST", "/api/memories").with(draft)
}

/// Asks for a part of the list of memories.
#[must_use]
pub fn list(query: &ListQuery) -> Call<MemoryList> {
    let mut pairs = filter_pairs(&query.filter);
    let limit = query.limit.map(|limit| limit.to_string());
    let deleted = query.deleted.then_some("true");
    let given = [
        ("contains", query.contains.as_deref()),
        ("deleted", deleted),
        ("cursor", query.cursor.as_deref()),
        ("limit", limit.as_deref()),
    ];
    append(&mut pairs, &given);
    Call::new("GET", format!("/api/memories?{}", pairs.finish()))
}

/// Searches memories.
#[must_use]
pub fn search(query: &SearchQuery) -> Call<SearchResults> {
    let mut pairs = filter_pairs(&query.filter);
    let limit = query.limit.map(|limit| limit.to_string());
    let mode = query.mode.map(|mode| match mode {
        SearchMode::Hybrid => "hybrid",
        SearchMode::Semantic => "semantic",
        SearchMode::Keyword => "keyword",
        SearchMode::Exact => "exact",
    });
    let given = [
        ("q", Some(query.q.as_str())),
        ("mode", mode),
        ("limit", limit.as_deref()),
    ];
    append(&mut pairs, &given);
    Call::new("GET", format!("/api/memories/search?{}", pairs.finish()))
}

/// The pairs of an address that say which memories are meant.
fn filter_pairs(filter: &MemoryFilter) -> Pairs {
    let mut pairs = Pairs::new(String::new());
    for tag in &filter.tag {
        pairs.append_pair("tag", tag);
    }
    let tag_match = filter.tag_match.map(|all| match all {
        TagMatch::Any => "any",
        TagMatch::All => "all",
    });
    let after = filter.after.map(|ms| ms.to_string());
    let before = filter.before.map(|ms| ms.to_string());
    let given = [
        ("tag_match", tag_match),
        ("project", filter.project.as_deref()),
        ("type", filter.memory_type.as_deref()),
        ("client", filter.client.as_deref()),
        ("after", after.as_deref()),
        ("before", before.as_deref()),
    ];
    append(&mut pairs, &given);
    pairs
}

fn append(pairs: &mut Pairs, given: &[(&str, Option<&str>)]) {
    for (name, value) in given {
        if let Some(value) = value {
            pairs.append_pair(name, value);
        }
    }
}

/// Asks for a memory with its history.
#[must_use]
pub fn memory(id: i64) -> Call<MemoryRecord> {
    Call::new("GET", format!("/api/memories/{id}"))
}

/// Deletes memories; they can be restored for at least 30 days.
#[must_use]
pub fn delete(ids: &MemoryIds) -> Call<MemoryResults> {
    Call::new("POST", "/api/memories/delete").with(ids)
}

/// Asks for the redactions that can still be taken back.
#[must_use]
pub fn redactions() -> Call<RedactionList> {
    Call::new("GET", "/api/redactions")
}

/// Asks for what a redaction replaced.
#[must_use]
pub fn redaction(number: i64) -> Call<RedactionShown> {
    Call::new("GET", format!("/api/redactions/{number}"))
}

/// Puts what was replaced back into its memory.
#[must_use]
pub fn put_back(number: i64) -> Call<MemoryRecord> {
    Call::new("POST", format!("/api/redactions/{number}/put-back")).with(&json!({}))
}

/// Confirms that it was a secret: the host forgets it.
#[must_use]
pub fn forget_redaction(number: i64) -> Call<RedactionList> {
    Call::new("DELETE", format!("/api/redactions/{number}"))
}

/// Removes deleted memories permanently.
#[must_use]
pub fn purge(ids: &MemoryIds) -> Call<MemoryResults> {
    Call::new("POST", "/api/memories/purge").with(ids)
}

/// Reads the data of an event of `GET /events`.
///
/// # Errors
/// [`AnswerError::NotUnderstood`].
pub fn read_event(data: &str) -> Result<Status, AnswerError> {
    status().read(200, data.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_and_a_list_say_which_memories_are_meant() {
        let filter = MemoryFilter {
            tag: vec!["a b".to_owned(), "c".to_owned()],
            tag_match: Some(TagMatch::All),
            project: Some(String::new()),
            after: Some(7),
            ..MemoryFilter::default()
        };
        let query = SearchQuery {
            q: "what & where?".to_owned(),
            mode: Some(SearchMode::Hybrid),
            limit: Some(3),
            filter: filter.clone(),
        };
        let narrow = "tag=a+b&tag=c&tag_match=all&project=&after=7";
        assert_eq!(
            search(&query).path,
            format!("/api/memories/search?{narrow}&q=what+%26+where%3F&mode=hybrid&limit=3")
        );
        let query = ListQuery {
            filter,
            deleted: true,
            ..ListQuery::default()
        };
        assert_eq!(
            list(&query).path,
            format!("/api/memories?{narrow}&deleted=true")
        );
    }

    #[test]
    fn an_answer_is_what_was_asked_for_or_says_why_not() {
        let asked = page_address();
        let good = br#"{"url":"http://127.0.0.1:1/#code=x","expires_in_s":60,"added_later":1}"#;
        assert_eq!(asked.read(200, good).unwrap().expires_in_s, 60);
        let refused = br#"{"error":{"code":"no_token","message":"..."}}"#;
        assert_eq!(
            asked.read(401, refused),
            Err(AnswerError::Refused(Refusal::NoToken))
        );
        for (status, body) in [(200, "<html>"), (502, "Bad Gateway"), (200, "{}")] {
            let error = asked.read(status, body.as_bytes()).unwrap_err();
            assert!(
                matches!(error, AnswerError::NotUnderstood { .. }),
                "{error}"
            );
        }
    }
}
