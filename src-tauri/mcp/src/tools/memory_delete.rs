//! `memory_delete`: deletes memories, and brings them back.

use commonplace_engine::{ContentHash, Engine, TagMatch, WriteOp, WriteOptions, WriteOutcome};
use serde_json::{Value, json};

use super::spec::{Effect, ToolSpec, object_schema};
use super::{Context, failure, write_options};
use crate::answer::Answer;
use crate::arguments::{ArgumentError, Arguments};
use crate::filters::{self, Selection};

pub(crate) const NAME: &str = "memory_delete";
pub(super) const ARGUMENTS: [&str; 12] = [
    "content_hash",
    "dry_run",
    "restore",
    "op_id",
    "deadline_s",
    "tags",
    "tag_match",
    "memory_type",
    "project",
    "time_expr",
    "after",
    "before",
];

/// Hashes that a dry run lists.
const HASHES_SHOWN: usize = 5;

/// Describes the tool.
///
/// It does not carry `anthropic/requiresUserInteraction`: what it deletes can be brought back for 30 days by the same
/// tool, so a question to the user at every single call would cost more than a wrong call does. What cannot be undone,
/// such as a purge, is not offered here. The client still sees `destructiveHint`.
pub(super) fn spec() -> ToolSpec {
    let own = [
        (
            "content_hash",
            json!({"type": "string", "description": "Hash of the memory to delete; several with commas"}),
        ),
        (
            "dry_run",
            json!({"type": "boolean", "default": false, "description": "Only say what would be deleted"}),
        ),
        (
            "restore",
            json!({"type": "boolean", "default": false, "description": "Bring back the deleted memories with this content_hash"}),
        ),
    ];
    ToolSpec {
        name: NAME,
        title: "Delete memories",
        description: "Use this to remove memories that are wrong or no longer wanted: one by its hash, or all that match \
            tags or time. At least one of content_hash, tags, memory_type, time_expr, before, after is needed, and all that \
            are given must hold. Try dry_run first when deleting by tags or time. Deleted memories can be brought back for \
            30 days with restore. To correct a memory, use memory_update.",
        input_schema: object_schema(
            own.into_iter()
                .chain(filters::schema())
                .chain(write_options::schema()),
            &[],
        ),
        effect: Effect::Changes,
        is_always_loaded: false,
    }
}

/// A checked call.
#[derive(Debug)]
pub(crate) enum Request {
    /// Delete, or only count, what passes.
    Delete {
        selection: Box<Selection>,
        hashes: Vec<ContentHash>,
        is_dry_run: bool,
        options: WriteOptions,
    },
    /// Bring back.
    Restore {
        hashes: Vec<ContentHash>,
        options: WriteOptions,
    },
}

/// Checks the arguments.
pub(super) fn check(arguments: &Arguments, context: &Context) -> Result<Request, ArgumentError> {
    let hashes = hashes(arguments)?;
    let options = write_options::read(arguments)?;
    if arguments.truth("restore")?.unwrap_or(false) {
        if hashes.is_empty() {
            return Err(ArgumentError::Refused(
                "content_hash is required to restore: name what to bring back".to_owned(),
            ));
        }
        return Ok(Request::Restore { hashes, options });
    }
    let mut selection = filters::read(arguments, &context.now)?;
    if hashes.is_empty() && !selection.is_narrow {
        let text = "At least one filter required (content_hash, tags, before, or after)";
        return Err(ArgumentError::Refused(text.to_owned()));
    }
    if !hashes.is_empty() {
        selection.filter = selection.filter.with_hashes(hashes.clone());
    }
    let is_dry_run = arguments.truth("dry_run")?.unwrap_or(false);
    Ok(Request::Delete {
        selection: Box::new(selection),
        hashes,
        is_dry_run,
        options,
    })
}

fn hashes(arguments: &Arguments) -> Result<Vec<ContentHash>, ArgumentError> {
    let wrong = |given: String| {
        ArgumentError::wrong(
            "content_hash",
            "the hash of a memory",
            &Value::String(given),
        )
    };
    let given = arguments.words("content_hash")?;
    given
        .into_iter()
        .map(|hash| ContentHash::parse(&hash).ok_or_else(|| wrong(hash)))
        .collect()
}

/// Deletes, counts or brings back.
pub(super) async fn run(engine: &Engine, request: Request, context: &Context) -> Answer {
    match request {
        Request::Restore { hashes, options } => {
            match engine
                .write(&context.origin, WriteOp::Undelete(hashes), options)
                .await
            {
                Ok(done) => restored(&done.applied.outcome),
                Err(error) => failure("restoring memories", &error),
            }
        }
        Request::Delete {
            selection,
            hashes,
            is_dry_run: true,
            ..
        } => {
            match engine
                .count(&context.origin, selection.filter.clone())
                .await
            {
                Ok((count, found)) => would_delete(&selection, &hashes, count, &found),
                Err(error) => failure("deleting memories", &error),
            }
        }
        Request::Delete {
            selection,
            hashes,
            is_dry_run: false,
            options,
        } => {
            match engine
                .write(
                    &context.origin,
                    WriteOp::Delete(selection.filter.clone()),
                    options,
                )
                .await
            {
                Ok(done) => deleted(&selection, &hashes, &done.applied.outcome),
                Err(error) => failure("deleting memories", &error),
            }
        }
    }
}

/// Shapes the answer of a delete.
fn deleted(selection: &Selection, asked: &[ContentHash], outcome: &WriteOutcome) -> Answer {
    let (count, hashes) = match outcome {
        WriteOutcome::Deleted { count, hashes } => (*count, hashes.as_slice()),
        _ => (0, &[][..]),
    };
    let tags = selection.tags.join(", ");
    let message = match (asked, count, tags.is_empty(), selection.tag_match) {
        ([hash], 0, ..) => format!("No memory found with hash {hash}"),
        ([hash], 1, ..) => format!("Successfully deleted memory with hash {hash}"),
        (_, 0, true, _) => "No memories found matching the criteria".to_owned(),
        (_, 0, false, TagMatch::Any) => format!("No memories found with tag(s): {tags}"),
        (_, 0, false, TagMatch::All) => format!("No memories found containing ALL tags: {tags}"),
        (_, _, true, _) => format!("Successfully deleted {count} memories"),
        (_, _, false, TagMatch::Any) => {
            format!("Successfully deleted {count} memories with tag(s): {tags}")
        }
        (_, _, false, TagMatch::All) => {
            format!("Successfully deleted {count} memories containing ALL tags: {tags}")
        }
    };
    let structured =
        json!({ "deleted": count, "dry_run": false, "hashes": hashes, "message": message });
    let undo = "they can be brought back for 30 days: memory_delete with content_hash and restore";
    Answer::text(format!("{message}\n\nDeleted {count} memories"), structured)
        .with_notes((count > 0).then(|| undo.to_owned()))
}

/// Shapes the answer of a dry run.
fn would_delete(
    selection: &Selection,
    asked: &[ContentHash],
    count: u64,
    found: &[ContentHash],
) -> Answer {
    let tags = selection.tags.join(", ");
    let message = match (asked, tags.is_empty()) {
        ([hash], _) => format!("Would delete {count} memory with hash: {hash}"),
        (_, true) => format!("Would delete {count} memories"),
        (_, false) => format!("Would delete {count} memories with tag(s): {tags}"),
    };
    let mut text = format!("{message}\n\nWould delete {count} memories");
    if !found.is_empty() {
        let shown: Vec<&str> = found
            .iter()
            .take(HASHES_SHOWN)
            .map(ContentHash::as_str)
            .collect();
        text.push_str(&format!("\nHashes: {}", shown.join(", ")));
        let more = count.saturating_sub(shown.len() as u64);
        if more > 0 {
            text.push_str(&format!(" ... and {more} more"));
        }
    }
    Answer::text(
        text,
        json!({ "would_delete": count, "dry_run": true, "hashes": found, "message": message }),
    )
}

/// Shapes the answer of bringing back.
fn restored(outcome: &WriteOutcome) -> Answer {
    let count = match outcome {
        WriteOutcome::Undeleted { count } => *count,
        _ => 0,
    };
    let text = match count {
        0 => "No deleted memories found with that hash\n\nRestored 0 memories".to_owned(),
        count => format!("Successfully restored\n\nRestored {count} memories"),
    };
    Answer::text(text.clone(), json!({ "restored": count, "message": text }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::tests::{arguments, context};

    fn checked(given: Value) -> Result<Request, String> {
        check(&arguments(NAME, given, &ARGUMENTS), &context()).map_err(|error| error.to_string())
    }

    fn selection(given: Value) -> (Box<Selection>, Vec<ContentHash>) {
        match checked(given).unwrap() {
            Request::Delete {
                selection, hashes, ..
            } => (selection, hashes),
            Request::Restore { .. } => panic!("a delete"),
        }
    }

    #[test]
    fn nothing_is_deleted_without_a_filter() {
        let table = [
            json!({}),
            json!({"tags": []}),
            json!({"tags": "", "content_hash": " "}),
            json!({"tags": ["\u{0}"]}),
            json!({"project": "x"}),
            json!({"tag_match": "all", "dry_run": true}),
        ];
        for given in table {
            let error = checked(given.clone()).unwrap_err();
            assert_eq!(
                error, "At least one filter required (content_hash, tags, before, or after)",
                "given {given}"
            );
        }
    }

    #[test]
    fn answers_have_the_known_texts() {
        let hash = |n: u8| ContentHash::parse(&format!("{n:064x}")).unwrap();
        let deleted_text = |given: Value, count: u64| {
            let (selection, hashes) = selection(given);
            deleted(
                &selection,
                &hashes,
                &WriteOutcome::Deleted {
                    count,
                    hashes: vec![],
                },
            )
            .finish()
            .text
        };
        let undo = "\nNote: they can be brought back for 30 days: memory_delete with content_hash and restore";
        let table = [
            (
                json!({"content_hash": "ab"}),
                1,
                format!("Successfully deleted memory with hash ab\n\nDeleted 1 memories{undo}"),
            ),
            (
                json!({"content_hash": "ab"}),
                0,
                "No memory found with hash ab\n\nDeleted 0 memories".to_owned(),
            ),
            (
                json!({"tags": "a,b"}),
                3,
                format!(
                    "Successfully deleted 3 memories with tag(s): a, b\n\nDeleted 3 memories{undo}"
                ),
            ),
            (
                json!({"tags": "a", "tag_match": "all"}),
                0,
                "No memories found containing ALL tags: a\n\nDeleted 0 memories".to_owned(),
            ),
            (
                json!({"before": "2024-01-01"}),
                2,
                format!("Successfully deleted 2 memories\n\nDeleted 2 memories{undo}"),
            ),
        ];
        for (given, count, wanted) in table {
            assert_eq!(deleted_text(given.clone(), count), wanted, "given {given}");
        }
        let (tagged, none) = selection(json!({"tags": "a", "dry_run": true}));
        let found: Vec<_> = (1..=7).map(hash).collect();
        let first: Vec<_> = found[..5].iter().map(ContentHash::as_str).collect();
        let text = would_delete(&tagged, &none, 7, &found).finish().text;
        let wanted = format!(
            "\n\nWould delete 7 memories\nHashes: {} ... and 2 more",
            first.join(", ")
        );
        assert!(text.ends_with(&wanted), "{text}");
        assert_eq!(
            would_delete(&tagged, &none, 0, &[]).finish().text,
            "Would delete 0 memories with tag(s): a\n\nWould delete 0 memories"
        );
    }

    #[test]
    fn restore_needs_to_know_what() {
        assert!(
            checked(json!({"restore": true}))
                .unwrap_err()
                .contains("content_hash is required to restore")
        );
        let Request::Restore { hashes, .. } =
            checked(json!({"restore": "true", "content_hash": "aa, bb"})).unwrap()
        else {
            panic!("a restore")
        };
        assert_eq!(hashes.len(), 2);
        assert!(
            restored(&WriteOutcome::Undeleted { count: 2 })
                .finish()
                .text
                .ends_with("Restored 2 memories")
        );
    }
}
