//! `POST /api/memories`: stores one. `GET /api/memories/{id}`: one with its history. `PATCH /api/memories/{id}`: changes it.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use commonplace_api::Refusal;
use commonplace_api::memories as api;
use commonplace_api::memories::{MemoryPatch, Redactions, Replaced};
use commonplace_engine::{
    Changes, Edit, MemoryDraft, MemoryId, NewMemory, Record, TakenOut, WriteOp, WriteOutcome,
};
use http::StatusCode;
use serde_json::{Map, Value};

use super::{refused, rows, unexpected, written_redacted};
use crate::answers::refusal::Answer;
use crate::routes::asked::object;
use crate::site::memories::Memories;
use crate::state::App;

/// Replaces secrets in the parts of a memory, and remembers which were found where.
struct Redacting<'a> {
    /// None leaves everything as it is.
    memories: Option<&'a dyn Memories>,
    replaced: Vec<Replaced>,
}

impl<'a> Redacting<'a> {
    fn new(app: &'a App) -> Self {
        Self {
            memories: Some(&*app.site.memories),
            replaced: Vec::new(),
        }
    }

    /// One that replaces nothing.
    fn off() -> Self {
        Self {
            memories: None,
            replaced: Vec::new(),
        }
    }

    fn text(&mut self, place: &str, text: &str) -> String {
        let Some(memories) = self.memories else {
            return text.to_owned();
        };
        let (text, kinds) = memories.redact(text);
        for kind in kinds {
            let place = place.to_owned();
            self.note(Replaced { kind, place });
        }
        text
    }

    fn tags(&mut self, tags: &[String]) -> Vec<String> {
        tags.iter().map(|tag| self.text("tags", tag)).collect()
    }

    fn metadata(&mut self, mut metadata: Map<String, Value>) -> Map<String, Value> {
        let Some(memories) = self.memories else {
            return metadata;
        };
        for replaced in memories.redact_metadata(&mut metadata) {
            self.note(replaced);
        }
        metadata
    }

    /// A key with null is to be removed, and stays as it is.
    fn metadata_changes(&mut self, changes: Map<String, Value>) -> Map<String, Value> {
        let (removed, kept): (Map<_, _>, Map<_, _>) =
            changes.into_iter().partition(|(_, value)| value.is_null());
        let mut changes = self.metadata(kept);
        changes.extend(removed);
        changes
    }

    fn note(&mut self, replaced: Replaced) {
        if !self.replaced.contains(&replaced) {
            self.replaced.push(replaced);
        }
    }

    fn finish(self) -> Redactions {
        let mut redacted: Vec<String> = Vec::new();
        for Replaced { kind, .. } in &self.replaced {
            if !redacted.contains(kind) {
                redacted.push(kind.clone());
            }
        }
        Redactions {
            redacted,
            replaced: self.replaced,
        }
    }
}

pub(crate) async fn store(
    State(app): State<App>,
    bytes: Bytes,
) -> Answer<(StatusCode, Json<api::MemoryStored>)> {
    const SHAPE: &str =
        "{\"text\": \"…\", \"tags\": […], \"type\": …, \"project\": …, \"metadata\": {…}}";
    let draft: api::MemoryDraft = object(&bytes, SHAPE)?;
    let mut redacting = Redacting::new(&app);
    let memory = new_memory(draft.clone(), &mut redacting)?;
    let redactions = redacting.finish();
    let taken = taken_out(&redactions, &Changes::from(&memory), || {
        new_memory(draft, &mut Redacting::off()).map(|meant| Changes::from(&meant))
    });
    let done = written_redacted(&app, WriteOp::Store(memory), taken).await?;
    let outcome = done.applied.outcome;
    let (id, content_hash, is_new) = match outcome {
        WriteOutcome::Stored { id, content_hash } => (id, content_hash, true),
        WriteOutcome::AlreadyStored {
            id, content_hash, ..
        } => (id, content_hash, false),
        other => return Err(unexpected(&other).into()),
    };
    let status = if is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let stored = api::MemoryStored {
        id: id.0,
        content_hash: content_hash.to_string(),
        is_new,
        redactions,
    };
    Ok((status, Json(stored)))
}

fn new_memory(
    draft: api::MemoryDraft,
    redacting: &mut Redacting<'_>,
) -> Result<NewMemory, Refusal> {
    let draft = MemoryDraft {
        text: redacting.text("text", &draft.text),
        tags: redacting.tags(&draft.tags.unwrap_or_default()),
        memory_type: draft
            .memory_type
            .map(|given| redacting.text("type", &given)),
        project: redacting.text("project", &draft.project.unwrap_or_default()),
        metadata: redacting.metadata(draft.metadata.unwrap_or_default()),
        ..MemoryDraft::default()
    };
    NewMemory::parse(draft).map_err(refused)
}

/// What redaction takes out of a write; `meant` reads the request again, without redaction. None if nothing was replaced, or
/// if no memory could hold what was meant.
fn taken_out(
    redactions: &Redactions,
    written: &Changes,
    meant: impl FnOnce() -> Result<Changes, Refusal>,
) -> Option<TakenOut> {
    let replaced = redactions.replaced.clone();
    if replaced.is_empty() {
        return None;
    }
    TakenOut::new(replaced, &meant().ok()?, written)
}

pub(crate) async fn show(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Answer<Json<api::MemoryRecord>> {
    let record = record(&app, parse_id(&id)?).await?;
    Ok(Json(rows::record(record)))
}

pub(crate) async fn change(
    State(app): State<App>,
    Path(id): Path<String>,
    bytes: Bytes,
) -> Answer<Json<api::MemoryChanged>> {
    const SHAPE: &str =
        "{\"updated_ms\": …} with what changes: `text`, `tags`, `type`, `project`, `metadata`";
    let id = parse_id(&id)?;
    let patch: MemoryPatch = object(&bytes, SHAPE)?;
    let mut redacting = Redacting::new(&app);
    let seen_ms = Some(patch.updated_ms);
    let changed = changes(patch.clone(), &mut redacting)?;
    if changed.is_empty() {
        let problem = format!("there is nothing to change: the body must be `{SHAPE}`");
        return Err(Refusal::bad_request(problem).into());
    }
    let redactions = redacting.finish();
    let taken = taken_out(&redactions, &changed, || {
        changes(patch, &mut Redacting::off())
    });
    let edit = Edit {
        id,
        seen_ms,
        changes: changed,
    };
    written_redacted(&app, WriteOp::Edit(edit), taken).await?;
    let record = rows::record(record(&app, id).await?);
    Ok(Json(api::MemoryChanged { record, redactions }))
}

fn changes(patch: MemoryPatch, redacting: &mut Redacting<'_>) -> Result<Changes, Refusal> {
    let mut changes = Changes::default();
    if let Some(text) = &patch.text {
        let text = redacting.text("text", text);
        changes = changes.with_text(&text).map_err(refused)?;
    }
    if let Some(tags) = &patch.tags {
        let tags = redacting.tags(tags);
        changes = changes.with_tags(&tags).map_err(refused)?;
    }
    if let Some(memory_type) = &patch.memory_type {
        let memory_type = redacting.text("type", memory_type);
        changes = changes.with_type(&memory_type).map_err(refused)?;
    }
    if let Some(project) = &patch.project {
        let project = redacting.text("project", project);
        changes = changes.with_project(&project).map_err(refused)?;
    }
    if let Some(metadata) = patch.metadata {
        let metadata = redacting.metadata_changes(metadata);
        changes = changes.with_metadata(metadata).map_err(refused)?;
    }
    Ok(changes)
}

/// Reads a memory, living or deleted, with its history.
pub(crate) async fn record(app: &App, id: MemoryId) -> Answer<Record> {
    let record = app.site.memories.record(id).await?;
    Ok(record.ok_or(Refusal::NoMemory { id: id.0 })?)
}

fn parse_id(given: &str) -> Result<MemoryId, Refusal> {
    let given: String = given.chars().take(40).collect();
    let wrong = || {
        Refusal::bad_request(format!(
            "`{given}` is not the id of a memory, which is a whole number"
        ))
    };
    given.parse().map(MemoryId).map_err(|_| wrong())
}
