//! `GET /api/health`: the shortest answer to "are you well, and are you who I think you are".

use axum::Json;
use axum::extract::State;
use commonplace_engine::{OverallState, Status};
use serde::Serialize;

use crate::gate::{About, App};
use crate::refusal::{Closed, Refusals};

#[derive(Debug, Serialize, PartialEq, Eq)]
pub(crate) struct Health {
    state: OverallState,
    diagnosis: String,
    version: String,
    pid: u32,
    instance: String,
    data_dir: String,
    started_ms: i64,
    /// The newest first.
    mcp_revisions: Vec<&'static str>,
    /// How commands for this store begin.
    command: String,
    connections_closed: Closed,
}

pub(crate) async fn show(State(app): State<App>) -> Json<Health> {
    Json(Health::of(app.status.status(), &app.about, &app.refusals))
}

impl Health {
    fn of(status: Status, about: &About, refusals: &Refusals) -> Self {
        Self {
            state: status.state,
            diagnosis: status.diagnosis,
            version: status.host.version,
            pid: status.host.pid,
            instance: status.host.instance,
            data_dir: status.host.data_dir,
            started_ms: status.host.started_ms,
            mcp_revisions: about.mcp_revisions.clone(),
            command: about.command.clone(),
            connections_closed: refusals.closed(),
        }
    }
}
