//! `GET /api/health`: the shortest answer to "are you well, and are you who I think you are".

use axum::Json;
use axum::extract::State;
use commonplace_api::about::Health;

use crate::gate::App;

pub(crate) async fn show(State(app): State<App>) -> Json<Health> {
    let status = app.status.status();
    Json(Health {
        state: status.state,
        diagnosis: status.diagnosis,
        version: status.host.version,
        pid: status.host.pid,
        instance: status.host.instance,
        data_dir: status.host.data_dir,
        started_ms: status.host.started_ms,
        mcp_revisions: app
            .about
            .mcp_revisions
            .iter()
            .map(ToString::to_string)
            .collect(),
        command: app.about.command.clone(),
        connections_closed: app.refusals.closed(),
    })
}
