//! `POST /api/memories`: stores one. `GET /api/memories/{id}`: one with its history. `PATCH /api/memories/{id}`: changes it.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use commonplace_api::Refusal;
use commonplace_api::memories as api;
use commonplace_api::memories::{MemoryPatch, Redactions, Replaced};
use commonplace_engine::{Changes, Edit, MemoryDraft, MemoryId, NewMemory, WriteOp, WriteOutcome};
use http::StatusCode;
use serde_json::{Map, Value};

use super::{refused, rows, unexpected, written};
use crate::answers::refusal::Answer;
use crate::routes::asked::object;
use crate::state::App;

/// Replaces secrets in the parts of a memory, and remembers which were found where.
struct Redacting<'a> {
    app: &'a App,
    replaced: Vec<Replaced>,
}

impl<'a> Redacting<'a> {
    fn new(app: &'a App) -> Self {
        Self {
            app,
            replaced: Vec::new(),
        }
    }

    fn text(&mut self, place: &str, text: &str) -> String {
        let (text, kinds) = self.app.site.memories.redact(text);
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
        for replaced in self.app.site.memories.redact_metadata(&mut metadata) {
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
    let memory = NewMemory::parse(MemoryDraft {
        text: redacting.text("text", &draft.text),
        tags: redacting.tags(&draft.tags.unwrap_or_default()),
        memory_type: draft
            .memory_type
            .map(|given| redacting.text("type", &given)),
        project: redacting.text("project", &draft.project.unwrap_or_default()),
        metadata: redacting.metadata(draft.metadata.unwrap_or_default()),
        ..MemoryDraft::default()
    })
    .map_err(refused)?;
    let redactions = redacting.finish();
    let outcome = written(&app, WriteOp::Store(memory)).await?.applied.outcome;
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

pub(crate) async fn show(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Answer<Json<api::MemoryRecord>> {
    Ok(Json(record(&app, parse_id(&id)?).await?))
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
    let changes = changes(patch, &mut redacting)?;
    if changes.is_empty() {
        let problem = format!("there is nothing to change: the body must be `{SHAPE}`");
        return Err(Refusal::bad_request(problem).into());
    }
    let redactions = redacting.finish();
    let edit = Edit {
        id,
        seen_ms,
        changes,
    };
    written(&app, WriteOp::Edit(edit)).await?;
    let record = record(&app, id).await?;
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

async fn record(app: &App, id: MemoryId) -> Answer<api::MemoryRecord> {
    let record = app.site.memories.record(id).await?;
    let record = record.ok_or(Refusal::NoMemory { id: id.0 })?;
    Ok(rows::record(record))
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
