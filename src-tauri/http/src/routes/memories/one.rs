//! `POST /api/memories`: stores one. `GET /api/memories/{id}`: one with its history. `PATCH /api/memories/{id}`: changes it.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use commonplace_engine::{
    Changes, ContentHash, Edit, MemoryDraft, MemoryId, NewMemory, Record, WriteOp, WriteOutcome,
};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{body, refused, unexpected, written};
use crate::gate::App;
use crate::refusal::Refusal;

/// Fields are missing or null for what is not given.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Draft {
    text: String,
    tags: Option<Vec<String>>,
    #[serde(rename = "type")]
    memory_type: Option<String>,
    project: Option<String>,
    metadata: Option<Map<String, Value>>,
}

#[derive(Serialize)]
pub(crate) struct Stored {
    id: MemoryId,
    content_hash: ContentHash,
    /// False if the same text was there already.
    is_new: bool,
    redacted: Vec<&'static str>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Patch {
    /// As the memory was when it was read.
    updated_ms: i64,
    text: Option<String>,
    tags: Option<Vec<String>>,
    #[serde(rename = "type")]
    memory_type: Option<String>,
    project: Option<String>,
    metadata: Option<Map<String, Value>>,
}

#[derive(Serialize)]
pub(crate) struct Changed {
    #[serde(flatten)]
    record: Record,
    redacted: Vec<&'static str>,
}

/// Replaces secrets, and keeps the kinds that were found, each once.
struct Redacting<'a> {
    app: &'a App,
    found: Vec<&'static str>,
}

impl Redacting<'_> {
    fn text(&mut self, text: &str) -> String {
        let (text, found) = self.app.memories.redact(text);
        self.note(found);
        text
    }

    fn metadata(&mut self, metadata: Option<Map<String, Value>>) -> Option<Map<String, Value>> {
        let mut metadata = metadata?;
        let found = self.app.memories.redact_metadata(&mut metadata);
        self.note(found);
        Some(metadata)
    }

    fn note(&mut self, found: Vec<&'static str>) {
        let new = found.into_iter();
        let known = self.found.clone();
        self.found.extend(new.filter(|kind| !known.contains(kind)));
    }
}

pub(crate) async fn store(
    State(app): State<App>,
    bytes: Bytes,
) -> Result<(StatusCode, Json<Stored>), Refusal> {
    const SHAPE: &str =
        "{\"text\": \"…\", \"tags\": […], \"type\": …, \"project\": …, \"metadata\": {…}}";
    let draft: Draft = body(&bytes, SHAPE)?;
    let mut redacting = Redacting {
        app: &app,
        found: Vec::new(),
    };
    let memory = NewMemory::parse(MemoryDraft {
        text: redacting.text(&draft.text),
        tags: draft.tags.unwrap_or_default(),
        memory_type: draft.memory_type,
        project: draft.project.unwrap_or_default(),
        metadata: redacting.metadata(draft.metadata).unwrap_or_default(),
        ..MemoryDraft::default()
    })
    .map_err(refused)?;
    let redacted = redacting.found;
    let outcome = written(&app, WriteOp::Store(memory)).await?.applied.outcome;
    let (id, content_hash, is_new) = match outcome {
        WriteOutcome::Stored { id, content_hash } => (id, content_hash, true),
        WriteOutcome::AlreadyStored {
            id, content_hash, ..
        } => (id, content_hash, false),
        other => return Err(unexpected(&other)),
    };
    let status = if is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let stored = Stored {
        id,
        content_hash,
        is_new,
        redacted,
    };
    Ok((status, Json(stored)))
}

pub(crate) async fn show(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Record>, Refusal> {
    Ok(Json(record(&app, parse_id(&id)?).await?))
}

pub(crate) async fn change(
    State(app): State<App>,
    Path(id): Path<String>,
    bytes: Bytes,
) -> Result<Json<Changed>, Refusal> {
    const SHAPE: &str =
        "{\"updated_ms\": …} with what changes: `text`, `tags`, `type`, `project`, `metadata`";
    let id = parse_id(&id)?;
    let patch: Patch = body(&bytes, SHAPE)?;
    let mut redacting = Redacting {
        app: &app,
        found: Vec::new(),
    };
    let seen_ms = Some(patch.updated_ms);
    let changes = changes(patch, &mut redacting)?;
    if changes.is_empty() {
        return Err(Refusal::BadRequest(format!(
            "nothing is to change: the body must be `{SHAPE}`"
        )));
    }
    let redacted = redacting.found;
    let edit = Edit {
        id,
        seen_ms,
        changes,
    };
    written(&app, WriteOp::Edit(edit)).await?;
    let record = record(&app, id).await?;
    Ok(Json(Changed { record, redacted }))
}

fn changes(patch: Patch, redacting: &mut Redacting<'_>) -> Result<Changes, Refusal> {
    let mut changes = Changes::default();
    if let Some(text) = &patch.text {
        changes = changes.with_text(&redacting.text(text)).map_err(refused)?;
    }
    if let Some(tags) = &patch.tags {
        changes = changes.with_tags(tags).map_err(refused)?;
    }
    if let Some(memory_type) = &patch.memory_type {
        changes = changes.with_type(memory_type).map_err(refused)?;
    }
    if let Some(project) = &patch.project {
        changes = changes.with_project(project).map_err(refused)?;
    }
    if let Some(metadata) = redacting.metadata(patch.metadata) {
        changes = changes.with_metadata(metadata).map_err(refused)?;
    }
    Ok(changes)
}

async fn record(app: &App, id: MemoryId) -> Result<Record, Refusal> {
    let record = app.memories.record(id).await?;
    record.ok_or_else(|| Refusal::NoMemory(format!("there is no memory {id}")))
}

fn parse_id(given: &str) -> Result<MemoryId, Refusal> {
    let given: String = given.chars().take(40).collect();
    let wrong = || {
        Refusal::BadRequest(format!(
            "`{given}` is not the id of a memory: a whole number"
        ))
    };
    given.parse().map(MemoryId).map_err(|_| wrong())
}
