//! `memory_health`: says whether the store works, and its figures.

use commonplace_api::status::{IntegrityStatus, ModelStatus, OverallState, Status};
use commonplace_engine::Engine;
use commonplace_engine::clean::clean_line;
use serde_json::{Value, json};

use super::old_name::OldName;
use super::tool::{Context, Effect, Tool};
use crate::answer::Answer;
use crate::arguments::{ArgumentError, Arguments, Ignored, Table};

/// The arguments of a tool that takes none: some clients send this one to it.
pub(super) const NO_ARGUMENTS: Table = &[&[&Ignored::silently("random_string")]];

pub(super) struct MemoryHealth;

impl Tool for MemoryHealth {
    const NAME: &'static str = "memory_health";
    const TITLE: &'static str = "Check the store";
    const DESCRIPTION: &'static str = "Use this when a memory tool fails or answers slowly, or when the user asks about the \
        state of the memory: it says whether the store is healthy, how many memories it holds, whether search works by \
        meaning, and what is waiting.";
    const EFFECT: Effect = Effect::Reads;
    const ARGUMENTS: Table = NO_ARGUMENTS;
    const OLD_NAMES: &'static [OldName] = &[OldName::new("check_database_health")];

    type Request = ();

    fn check(_: &Arguments, _: &Context) -> Result<(), ArgumentError> {
        Ok(())
    }

    async fn run(engine: &Engine, (): (), context: &Context) -> Answer {
        let status = engine.status();
        let note = about_versions(&status.host.version, context.bridge.as_deref());
        answer(&status).with_notes(note)
    }
}

/// Says that bridge and host are of two versions, and how that ends; None if they are of one.
fn about_versions(host: &str, bridge: Option<&str>) -> Option<String> {
    let bridge = bridge.filter(|bridge| *bridge != host)?;
    let bridge = clean_line(bridge);
    Some(format!(
        "this client's bridge is version {bridge} and the host is version {host}: they understand each other. To have one \
         version, restart the client (a new bridge) or quit and start Commonplace (a new host)"
    ))
}

/// Says whether the store can be used, and the same in a sentence.
pub(super) fn validation(status: &Status) -> (&'static str, String) {
    match (&status.files.integrity, status.state) {
        (IntegrityStatus::Damaged(what), _) => {
            ("unhealthy", format!("the database is damaged: {what}"))
        }
        (_, OverallState::Error) => ("unhealthy", status.diagnosis.clone()),
        _ => ("healthy", status.diagnosis.clone()),
    }
}

/// Shapes the answer.
fn answer(status: &Status) -> Answer {
    Answer::report("Database Health Check Results:", report(status))
}

/// The report, with the keys of the Python service where there is something to say.
pub(crate) fn report(status: &Status) -> Value {
    let (state, message) = validation(status);
    let files = &status.files;
    let size_mb = (files.database_bytes as f64 / 1_048_576.0 * 100.0).round() / 100.0;
    json!({
        "version": status.host.version,
        "validation": { "status": state, "message": message },
        "statistics": {
            "status": state,
            "total_memories": status.memories.total,
            "deleted_memories": status.memories.deleted,
            "storage": { "path": files.database, "size_bytes": files.database_bytes, "size_mb": size_mb },
        },
        "integrity": &files.integrity,
        "search": search(status),
        "performance": {
            "storage": { "backend": "sqlite", "sqlite_version": files.sqlite_version, "schema_version": files.schema_version },
            "server": {
                "average_query_time_ms": status.stats.search_total.average_ms,
                "total_queries": status.stats.searches,
                "storage_type": "sqlite",
            },
        },
        "write_queue": { "length": status.queue.length, "limit": status.queue.limit, "oldest_ms": status.queue.oldest_ms },
        "host": { "pid": status.host.pid, "role": status.host.role, "started": crate::answer::iso(status.host.started_ms) },
        "instances": status.instances.len(),
    })
}

fn search(status: &Status) -> Value {
    let by_meaning = status.index.model == ModelStatus::Ready;
    let mut value = json!({
        "by_meaning": by_meaning,
        "model": status.index.model,
        "not_yet_indexed": status.index.backlog,
        "indexed": status.index.indexed,
    });
    if let Some(reason) = &status.index.reason {
        value["reason"] = json!(reason);
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_versions_are_named_and_one_is_not() {
        assert_eq!(about_versions("1.2.0", None), None);
        assert_eq!(about_versions("1.2.0", Some("1.2.0")), None);
        let said = about_versions("1.2.0", Some("1.1.0")).unwrap();
        assert!(
            said.contains("bridge is version 1.1.0 and the host is version 1.2.0"),
            "{said}"
        );
    }
    use crate::tools::tests::status;

    #[test]
    fn the_report_begins_as_users_know_it_and_is_json() {
        let finished = answer(&status()).finish();
        let json = finished
            .text
            .strip_prefix("Database Health Check Results:\n")
            .unwrap();
        assert_eq!(
            serde_json::from_str::<Value>(json).unwrap(),
            finished.structured
        );
        assert_eq!(finished.structured["validation"]["status"], "healthy");
        assert_eq!(finished.structured["statistics"]["total_memories"], 42);
        assert_eq!(finished.structured["statistics"]["storage"]["size_mb"], 2.0);
        assert_eq!(finished.structured["host"]["pid"], 812);
        assert_eq!(finished.structured["search"]["by_meaning"], false);
    }

    #[test]
    fn a_damaged_or_unwritable_store_is_unhealthy() {
        let mut damaged = status();
        damaged.files.integrity = IntegrityStatus::Damaged("page 7".to_owned());
        assert_eq!(validation(&damaged).0, "unhealthy");
        let mut broken = status();
        broken.state = OverallState::Error;
        assert_eq!(
            validation(&broken),
            ("unhealthy", "nothing waits".to_owned())
        );
        let mut waiting = status();
        waiting.state = OverallState::Waiting;
        assert_eq!(
            validation(&waiting).0,
            "healthy",
            "waiting is not an illness"
        );
    }
}
