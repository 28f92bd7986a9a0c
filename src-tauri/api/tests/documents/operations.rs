//! Every route of a host: what it takes, what it answers, and what else it may say.

use commonplace_api::about::{
    CheckBegun, Health, LoginRequest, LoginStatus, PageAddress, Proof, ProofRequest, Session,
    SessionRequest,
};
use commonplace_api::backups::{BackupRequest, BackupRunning, Backups};
use commonplace_api::charts::Chart;
use commonplace_api::connections::{ConnectionDone, ConnectionRequest, Connections};
use commonplace_api::locks::{LocksReport, Settle, Settled};
use commonplace_api::logs::LogPage;
use commonplace_api::memories::{
    Facets, MemoryChanged, MemoryDraft, MemoryIds, MemoryList, MemoryPatch, MemoryRecord,
    MemoryResults, MemoryStored, SearchResults,
};
use commonplace_api::query::{
    ChartQuery, FacetsQuery, HistoryQuery, IncidentsQuery, ListQuery, LogQuery, SearchQuery,
};
use commonplace_api::redactions::{RedactionList, RedactionShown};
use commonplace_api::settings::{SettingsChange, SettingsReport};
use commonplace_api::statistics::{History, Incidents};
use commonplace_api::status::Status;
use commonplace_api::{PauseAnswer, PauseRequest};
use schemars::{JsonSchema, Schema, SchemaGenerator};

/// Describes a type with a generator, which keeps what it refers to.
pub(crate) type Described = fn(&mut SchemaGenerator) -> Schema;

fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// What an answer has in it.
#[derive(Clone, Copy)]
pub(crate) enum Content {
    Nothing,
    Json(Described),
    Text(&'static str),
    /// A chart in one of its forms.
    Chart,
    /// Any JSON object.
    Object,
}

/// Who may use a route.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Security {
    Admin,
    Nobody,
}

/// One route with one method.
pub(crate) struct Operation {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) query: Option<Described>,
    /// Its body, and whether it must be there.
    pub(crate) body: Option<(Described, bool)>,
    pub(crate) answers: Vec<(u16, &'static str, Content)>,
    /// Codes of refusals beside those that every route may answer with.
    pub(crate) refuses: Vec<&'static str>,
    pub(crate) security: Security,
}

fn get(path: &'static str, summary: &'static str) -> Operation {
    Operation {
        method: "get",
        path,
        summary,
        query: None,
        body: None,
        answers: Vec::new(),
        refuses: Vec::new(),
        security: Security::Admin,
    }
}

/// A change: it may have a body, which must be JSON.
fn change(method: &'static str, path: &'static str, summary: &'static str) -> Operation {
    Operation {
        method,
        refuses: vec!["not_json"],
        ..get(path, summary)
    }
}

fn post(path: &'static str, summary: &'static str) -> Operation {
    change("post", path, summary)
}

impl Operation {
    fn query<T: JsonSchema>(mut self) -> Self {
        self.query = Some(of::<T>);
        self.refuses.push("bad_request");
        self
    }

    fn body<T: JsonSchema>(mut self) -> Self {
        self.body = Some((of::<T>, true));
        self.refuses.extend(["bad_request", "body_broken"]);
        self
    }

    fn optional_body<T: JsonSchema>(self) -> Self {
        let mut operation = self.body::<T>();
        operation.body = Some((of::<T>, false));
        operation
    }

    fn answers<T: JsonSchema>(self, status: u16, description: &'static str) -> Self {
        self.answers_with(status, description, Content::Json(of::<T>))
    }

    fn answers_with(mut self, status: u16, description: &'static str, content: Content) -> Self {
        self.answers.push((status, description, content));
        self
    }

    fn refuses(mut self, codes: &[&'static str]) -> Self {
        self.refuses.extend(codes);
        self
    }

    fn open(mut self) -> Self {
        self.security = Security::Nobody;
        self
    }

    /// A write of the store.
    fn writes(self) -> Self {
        self.reads().refuses(&[
            "paused",
            "queue_full",
            "timed_out",
            "taken_over",
            "unknown_outcome",
        ])
    }

    /// A read of the store.
    fn reads(self) -> Self {
        self.refuses(&["failed", "not_written", "shutting_down"])
    }
}

/// All routes but `/mcp`, whose bodies are those of MCP.
pub(crate) fn operations() -> Vec<Operation> {
    let mut all = host();
    all.extend(changes());
    all.extend(memories());
    all.extend(redactions());
    all.extend(pages());
    all
}

fn host() -> Vec<Operation> {
    vec![
        get("/api/status", "Everything the dashboard shows.").answers::<Status>(200, "The state of this host."),
        get(
            "/api/history",
            "Samples of the past, the oldest first: one for each of the last seconds, or any part of the history that is kept.",
        )
        .query::<HistoryQuery>()
        .answers::<History>(200, "The samples. Without `from`, the last one is the second that has begun."),
        get("/api/slow", "Slow holds, slow waits and failures of all instances, the newest first.")
            .query::<IncidentsQuery>()
            .answers::<Incidents>(200, "The incidents."),
        get("/api/health", "The shortest answer to: are you well, and who are you?")
            .answers::<Health>(200, "This host."),
        get("/api/charts/{chart}", "A chart: drawn to stand alone, for our page, or as a table.")
            .query::<ChartQuery>()
            .answers_with(
                200,
                "The chart. As SVG with its title and background, up to seven days of it; as JSON with its figures, its \
                 drawing without title and background, and the places of its points in the drawing; as CSV with a line \
                 for each point.",
                Content::Chart,
            ),
        get("/api/logs", "The log of the store's hosts, from its end.")
            .query::<LogQuery>()
            .answers::<LogPage>(200, "The lines.")
            .refuses(&["failed"]),
        get("/events", "The status as server-sent events: at once, and whenever it may have changed, at most four times a second.")
            .answers_with(
                200,
                "Events named `status`; their data is the JSON of `/api/status`. A comment every 15 s when nothing happens.",
                Content::Text("text/event-stream"),
            )
            .refuses(&["too_many_streams"]),
        get("/metrics", "Figures for Prometheus.").answers_with(
            200,
            "The text format 0.0.4.",
            Content::Text("text/plain; version=0.0.4; charset=utf-8"),
        ),
        get("/api/openapi.json", "This document.").answers_with(200, "This document.", Content::Object),
    ]
}

fn changes() -> Vec<Operation> {
    vec![
        get("/api/backups", "The backups of the store, and how far the one under way is.")
            .answers::<Backups>(200, "The backups."),
        post("/api/backups", "Begins a backup while writes go on, and answers at once.")
            .optional_body::<BackupRequest>()
            .answers::<BackupRunning>(202, "It has begun; `GET` tells how far it is and how it ended.")
            .refuses(&["busy", "failed", "session_token"]),
        post(
            "/api/integrity",
            "Begins to check the store for damage while reads and writes go on, and answers at once.",
        )
        .answers::<CheckBegun>(202, "It has begun; the status tells how it ended.")
        .refuses(&["busy", "failed"]),
        post("/api/pause", "Pauses the writes of the store, in all its instances, until somebody resumes.")
            .optional_body::<PauseRequest>()
            .answers::<PauseAnswer>(200, "The pause in force; an earlier one stays.")
            .refuses(&["failed"]),
        post("/api/resume", "Resumes writes.")
            .answers::<PauseAnswer>(200, "The pause that ended; null if writes were not paused.")
            .refuses(&["failed"]),
        get("/api/settings", "Every setting with its value in force.")
            .answers::<SettingsReport>(200, "The settings.")
            .refuses(&["failed"]),
        change("patch", "/api/settings", "Changes settings, all or none, and keeps them; null sets the default.")
            .body::<SettingsChange>()
            .answers::<SettingsReport>(200, "The settings after the change.")
            .refuses(&["bad_setting", "overridden", "failed"]),
        get("/api/autostart", "Whether a login starts the program.")
            .answers::<LoginStatus>(200, "What a login does.")
            .refuses(&["failed"]),
        change("put", "/api/autostart", "Lets a login start the program, or not; takes effect at the next login.")
            .body::<LoginRequest>()
            .answers::<LoginStatus>(200, "What a login does from now on.")
            .refuses(&["failed"]),
        get(
            "/api/connections",
            "Clients of this machine: which are installed, and whether each uses this store. Starts none of them.",
        )
        .answers::<Connections>(200, "The clients.")
        .refuses(&["failed"]),
        post(
            "/api/connections",
            "Connects a client to this store, disconnects it, or checks its entry. A check takes up to 20 s.",
        )
        .body::<ConnectionRequest>()
        .answers::<ConnectionDone>(200, "What was done, and the client as it is now.")
        .refuses(&["by_hand", "busy", "failed"]),
        get(
            "/api/locks",
            "The table of locks: holders, waiters, leftovers, the evidence, what may be done, and the audit log.",
        )
        .answers::<LocksReport>(200, "The locks of the store.")
        .refuses(&["failed"]),
        post(
            "/api/locks/settle",
            "Settles a lock that is left over or stuck, and records it in the audit log. May take some seconds: a holder \
             is watched before it is taken over. Without a body, leftovers are cleared.",
        )
        .optional_body::<Settle>()
        .answers::<Settled>(200, "What was found and done.")
        .refuses(&["not_safe", "failed"]),
    ]
}

fn memories() -> Vec<Operation> {
    vec![
        get(
            "/api/memories",
            "Memories in parts, the newest first. Each part names where the next one begins.",
        )
        .query::<ListQuery>()
        .answers::<MemoryList>(200, "A part of the list.")
        .reads(),
        post(
            "/api/memories",
            "Stores a memory. The same text in the same project is not stored again.",
        )
        .body::<MemoryDraft>()
        .answers::<MemoryStored>(201, "It was stored.")
        .answers::<MemoryStored>(200, "It was there already.")
        .writes(),
        get(
            "/api/memories/search",
            "Searches as the tools do, and tells how each score came about.",
        )
        .query::<SearchQuery>()
        .answers::<SearchResults>(200, "The hits, the best first.")
        .reads(),
        get(
            "/api/memories/facets",
            "What living memories, or deleted ones, can be filtered by, with counts.",
        )
        .query::<FacetsQuery>()
        .answers::<Facets>(200, "The most frequent names.")
        .reads(),
        get(
            "/api/memories/{id}",
            "A memory, living or deleted, with its history.",
        )
        .answers::<MemoryRecord>(200, "The memory.")
        .refuses(&["bad_request", "no_memory"])
        .reads(),
        change(
            "patch",
            "/api/memories/{id}",
            "Changes a memory, if it is still as it was read.",
        )
        .body::<MemoryPatch>()
        .answers::<MemoryChanged>(200, "The memory as it is now.")
        .refuses(&["no_memory", "changed", "text_taken"])
        .writes(),
        several(
            "/api/memories/delete",
            "Deletes memories; they can be restored for at least 30 days. At most 500 at once.",
        ),
        several(
            "/api/memories/undo",
            "Restores deleted memories. At most 500 at once.",
        ),
        several(
            "/api/memories/purge",
            "Deletes deleted memories permanently: text, index, vectors and history. Cannot be undone; backups made before \
             still have them. At most 500 at once.",
        ),
    ]
}

fn redactions() -> Vec<Operation> {
    vec![
        get(
            "/api/redactions",
            "Writes in which secrets were replaced and can still be put back: for eight hours, in the memory of this host \
             only. Never the secrets.",
        )
        .answers::<RedactionList>(200, "The redactions."),
        get(
            "/api/redactions/{number}",
            "A redaction with what it replaced.",
        )
        .answers::<RedactionShown>(200, "The redaction with the parts as they were meant.")
        .refuses(&["bad_request", "no_redaction"]),
        post(
            "/api/redactions/{number}/put-back",
            "Puts what was replaced back into its memory, which all clients read from then on, if the memory is still what \
             was stored.",
        )
        .answers::<MemoryRecord>(200, "The memory as it is now.")
        .refuses(&[
            "bad_request",
            "no_redaction",
            "no_memory",
            "changed",
            "changed_since",
            "text_taken",
        ])
        .writes(),
        change(
            "delete",
            "/api/redactions/{number}",
            "Confirms that it was a secret: the host forgets what it replaced.",
        )
        .answers::<RedactionList>(200, "The redactions that are left.")
        .refuses(&["bad_request", "no_redaction"]),
    ]
}

fn several(path: &'static str, summary: &'static str) -> Operation {
    post(path, summary)
        .body::<MemoryIds>()
        .answers::<MemoryResults>(200, "What became of each.")
        .writes()
}

fn pages() -> Vec<Operation> {
    vec![
        post(
            "/api/codes",
            "Makes an address that opens the page once within 60 s.",
        )
        .answers::<PageAddress>(200, "The address."),
        post("/api/session", "Begins a session for a one-time code.")
            .body::<SessionRequest>()
            .answers::<Session>(200, "The session.")
            .refuses(&["wrong_code", "too_many_codes"])
            .open(),
        change(
            "delete",
            "/api/session",
            "Ends the session whose token was sent.",
        )
        .answers_with(204, "It has ended, or there was none.", Content::Nothing),
        post(
            "/api/session/proof",
            "Proves that this host knows a session, without its token.",
        )
        .body::<ProofRequest>()
        .answers::<Proof>(200, "The proof.")
        .open(),
    ]
}

/// Describes a chart as JSON.
pub(crate) fn chart(generator: &mut SchemaGenerator) -> Schema {
    of::<Chart>(generator)
}
