//! `memory_delete`: deletes memories, and brings them back.

use commonplace_engine::{
    Acknowledged, ByHash, CommitSeq, ContentHash, Engine, Mention, TagMatch, WriteOp, WriteOptions,
    WriteOutcome,
};
use serde_json::json;

use super::old_name::OldName;
use super::tool::{Context, Effect, Tool};
use super::{by_hash, write_options};
use crate::answer::Answer;
use crate::arguments::{Argument, ArgumentError, Arguments, Integer, List, Table, Truth};
use crate::filters::{self, OnDoubt, Selection};

const CONTENT_HASH: Argument<List<ContentHash>> = Argument::new(
    "content_hash",
    List(by_hash::HASH),
    "Hash of the memory to delete, or its first digits (6 or more); several with commas. If several projects have the text, that of `project` is deleted; without it the one of the project you work in",
);
const ACT: Argument<Integer> = Argument::new(
    "act",
    Integer::from(1),
    "With restore: bring back everything that one delete removed; its answer names the act",
);
const DRY_RUN: Argument<Truth> = Argument::new("dry_run", Truth, "Only say what would be deleted");
const RESTORE: Argument<Truth> = Argument::new(
    "restore",
    Truth,
    "Bring back the deleted memories with this content_hash, or those of this act",
);

/// What a delete of everything is answered with.
const NO_FILTER: &str = "At least one filter required (content_hash, tags, memory_type, time_expr, before, or after); \
    a project alone is not enough";

/// Hashes that a dry run lists.
const HASHES_SHOWN: usize = 5;

/// The tool.
///
/// It does not carry `anthropic/requiresUserInteraction`: what it deletes can be restored for at least 30 days by the same
/// tool, so a question to the user at every single call would cost more than a wrong call does. What cannot be undone,
/// such as a purge, is not offered here. The client still sees `destructiveHint`.
pub(super) struct MemoryDelete;

impl Tool for MemoryDelete {
    const NAME: &'static str = "memory_delete";
    const TITLE: &'static str = "Delete memories";
    const DESCRIPTION: &'static str = "Use this to remove memories that are wrong or no longer wanted: one by its hash, or all \
        that match tags or time. At least one of content_hash, tags, memory_type, time_expr, before, after is needed, and \
        a memory must match all that are given. Try dry_run first when deleting by tags or time. Deleted memories can be restored \
        for at least 30 days with restore. To correct a memory, use memory_update.";
    const EFFECT: Effect = Effect::Changes;
    const ARGUMENTS: Table = &[
        &[&CONTENT_HASH, &ACT, &DRY_RUN, &RESTORE],
        write_options::ARGUMENTS,
        filters::ARGUMENTS,
    ];
    const OLD_NAMES: &'static [OldName] = &[
        OldName::new("delete_memory"),
        OldName::new("delete_by_tag").implying(|| json!({ "tag_match": "any" })),
        OldName::new("delete_by_tags").implying(|| json!({ "tag_match": "any" })),
        OldName::new("delete_by_all_tags").implying(|| json!({ "tag_match": "all" })),
        OldName::new("delete_by_timeframe").with_time_frame(),
        OldName::new("delete_before_date").renaming(&[("before_date", "before")]),
    ];

    type Request = Request;

    fn check(arguments: &Arguments, context: &Context) -> Result<Request, ArgumentError> {
        let hashes = CONTENT_HASH.read(arguments)?;
        let options = write_options::read(arguments)?;
        let whose = by_hash::whose(filters::PROJECT.read(arguments)?, context);
        if RESTORE.read(arguments)? {
            let what = match ACT.read(arguments)? {
                Some(act) => WriteOp::UndoDelete(CommitSeq(act)),
                None if hashes.is_empty() => {
                    return Err(ArgumentError::Refused(
                        "content_hash is required to restore: name what to bring back".to_owned(),
                    ));
                }
                None => WriteOp::Undelete(ByHash { hashes, whose }),
            };
            let what = Box::new(what);
            return Ok(Request::Restore { what, options });
        }
        if ACT.read(arguments)?.is_some() {
            let text = "`act` names a delete to bring back and needs `restore`: true; it does not say what to delete";
            return Err(ArgumentError::Refused(text.to_owned()));
        }
        let mut selection = filters::read(arguments, &context.now, OnDoubt::Refuse)?;
        if hashes.is_empty() && !selection.is_narrow {
            return Err(ArgumentError::Refused(NO_FILTER.to_owned()));
        }
        if !hashes.is_empty() {
            let hashes = hashes.clone();
            selection.filter = selection.filter.with_named(ByHash { hashes, whose });
        }
        Ok(Request::Delete {
            selection: Box::new(selection),
            hashes,
            is_dry_run: DRY_RUN.read(arguments)?,
            options,
        })
    }

    async fn run(engine: &Engine, request: Request, context: &Context) -> Answer {
        match request {
            Request::Restore { what, options } => restore(engine, *what, options, context).await,
            Request::Delete {
                selection,
                hashes,
                is_dry_run: true,
                ..
            } => count(engine, &selection, &hashes, context).await,
            Request::Delete {
                selection,
                hashes,
                is_dry_run: false,
                options,
            } => delete(engine, &selection, &hashes, options, context).await,
        }
    }
}

/// A checked call.
#[derive(Debug)]
pub(super) enum Request {
    /// Delete, or only count, what passes.
    Delete {
        selection: Box<Selection>,
        hashes: Vec<ContentHash>,
        is_dry_run: bool,
        options: WriteOptions,
    },
    /// Bring back.
    Restore {
        what: Box<WriteOp>,
        options: WriteOptions,
    },
}

async fn delete(
    engine: &Engine,
    selection: &Selection,
    hashes: &[ContentHash],
    options: WriteOptions,
    context: &Context,
) -> Answer {
    let op = WriteOp::Delete(selection.filter.clone());
    let done = match engine.write(&context.origin, op, options).await {
        Ok(done) => done,
        Err(error) => return by_hash::failed("deleting memories", &error),
    };
    let hit = match &done.applied.outcome {
        WriteOutcome::Deleted { count, hashes, .. } => {
            Hit::new(*count, hashes, &done.applied.mentions)
        }
        _ => Hit::default(),
    };
    let answer = with_time(deleted(selection, hashes, &hit), selection, context);
    let answer = with_rest(answer, &done);
    // What is left was not missed.
    let hashes = if done.unfinished.is_some() {
        &[]
    } else {
        hashes
    };
    with_named(answer, "deleted", hashes, &hit, engine, context).await
}

async fn count(
    engine: &Engine,
    selection: &Selection,
    hashes: &[ContentHash],
    context: &Context,
) -> Answer {
    let counted = engine.count(&context.origin, selection.filter.clone());
    let passing = match counted.await {
        Ok(passing) => passing,
        Err(error) => return by_hash::failed("deleting memories", &error),
    };
    let hit = Hit::new(passing.count, &passing.hashes, &passing.mentions);
    let answer = would_delete(selection, hashes, &hit);
    let answer = with_time(answer, selection, context);
    with_named(answer, "would delete", hashes, &hit, engine, context).await
}

async fn restore(
    engine: &Engine,
    what: WriteOp,
    options: WriteOptions,
    context: &Context,
) -> Answer {
    let (hashes, undone) = match &what {
        WriteOp::Undelete(named) => (named.hashes.clone(), None),
        WriteOp::UndoDelete(act) => (Vec::new(), Some(*act)),
        _ => (Vec::new(), None),
    };
    let done = match engine.write(&context.origin, what, options).await {
        Ok(done) => done,
        Err(error) => return by_hash::failed("restoring memories", &error),
    };
    let count = match done.applied.outcome {
        WriteOutcome::Undeleted { count, .. } => count,
        _ => 0,
    };
    let mentions = &done.applied.mentions;
    let found = mentions.iter().map(|mention| mention.content_hash.clone());
    let found: Vec<_> = found.collect();
    let hit = Hit::new(count, &found, mentions);
    // What is left was not missed.
    let hashes = if done.unfinished.is_some() {
        Vec::new()
    } else {
        hashes
    };
    let answer = with_rest(restored(count), &done);
    let answer = match undone {
        Some(act) if done.unfinished.is_none() => with_still_deleted(answer, engine, act).await,
        _ => answer,
    };
    with_named(answer, "restored", &hashes, &hit, engine, context).await
}

/// Adds how many memories a delete has left deleted after it was undone.
async fn with_still_deleted(answer: Answer, engine: &Engine, act: CommitSeq) -> Answer {
    match engine.still_deleted(act).await {
        Ok(count) if count > 0 => {
            let words = format!(
                "{count} of that delete stay deleted: their text has been stored again since"
            );
            answer
                .with_facts(json!({ "still_deleted": count }))
                .with_notes([words])
        }
        _ => answer,
    }
}

/// Adds by what a delete is undone as a whole, and what is left and why, if it was done in parts.
fn with_rest(answer: Answer, done: &Acknowledged) -> Answer {
    let answer = answer
        .with_facts(json!({ "act": done.act() }))
        .with_notes(write_options::repeated(done));
    let Some(part) = done.applied.outcome.part() else {
        return answer;
    };
    let undo = matches!(done.applied.outcome, WriteOutcome::Deleted { .. })
        .then(|| format!("restore with act {} undoes the whole delete", part.act.0));
    let answer = answer.with_notes(undo);
    let Some(rest) = &done.unfinished else {
        return answer;
    };
    let left = rest.progress.of.saturating_sub(rest.progress.done);
    let facts = json!({ "done": rest.progress.done, "of": rest.progress.of, "left": left, "reason": rest.why.to_string() });
    answer
        .with_facts(json!({ "unfinished": facts }))
        .with_notes([rest.to_string()])
}

/// Adds the time that was understood, so that a mistake can be seen: before it matters, or in time to restore.
fn with_time(answer: Answer, selection: &Selection, context: &Context) -> Answer {
    let Some(time) = selection.time.shown(&context.now) else {
        return answer;
    };
    let note = format!("the time asked for was understood as {time}");
    answer
        .with_notes([note])
        .with_facts(json!({ "time": time }))
}

/// What an act hit, or would hit.
#[derive(Default)]
struct Hit<'a> {
    count: u64,
    /// Of the first ones.
    hashes: &'a [ContentHash],
    mentions: &'a [Mention],
}

impl<'a> Hit<'a> {
    fn new(count: u64, hashes: &'a [ContentHash], mentions: &'a [Mention]) -> Self {
        Self {
            count,
            hashes,
            mentions,
        }
    }

    /// Returns the hash that was hit, of which `asked` may be the beginning.
    fn whole<'b>(&'b self, asked: &'b ContentHash) -> &'b ContentHash {
        self.hashes.first().unwrap_or(asked)
    }

    /// Returns the hashes that hit nothing; none if that is not known, because not all that were hit are named.
    fn missed<'b>(&self, asked: &'b [ContentHash]) -> Vec<&'b ContentHash> {
        let are_all_named = self.hashes.len() as u64 == self.count;
        let is_hit = |asked: &ContentHash| self.hashes.iter().any(|hit| asked.names(hit.as_str()));
        let missed = asked.iter().filter(|hash| !is_hit(hash));
        missed.take_while(|_| are_all_named).collect()
    }
}

/// Says what was hit, and what may have been meant by hashes that hit nothing.
async fn with_named(
    answer: Answer,
    did: &str,
    asked: &[ContentHash],
    hit: &Hit<'_>,
    engine: &Engine,
    context: &Context,
) -> Answer {
    answer
        .with_notes(by_hash::hit(did, hit.mentions, context))
        .with_notes(by_hash::missed(engine, &hit.missed(asked)).await)
        .with_facts(json!({ "memories": by_hash::facts(hit.mentions) }))
}

/// Shapes the answer of a delete.
fn deleted(selection: &Selection, asked: &[ContentHash], hit: &Hit<'_>) -> Answer {
    let (count, hashes) = (hit.count, hit.hashes);
    let tags = selection.tags.join(", ");
    let message = match (asked, count, tags.is_empty(), selection.tag_match) {
        ([hash], 0, ..) => format!("No memory found with hash {hash}"),
        ([hash], 1, ..) => {
            let hash = hit.whole(hash);
            format!("Successfully deleted memory with hash {hash}")
        }
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
    let undo =
        "they can be restored for at least 30 days: memory_delete with content_hash and restore";
    Answer::text(format!("{message}\n\nDeleted {count} memories"), structured)
        .with_notes((count > 0).then(|| undo.to_owned()))
}

/// Shapes the answer of a dry run.
fn would_delete(selection: &Selection, asked: &[ContentHash], hit: &Hit<'_>) -> Answer {
    let (count, found) = (hit.count, hit.hashes);
    let tags = selection.tags.join(", ");
    let message = match (asked, tags.is_empty()) {
        ([hash], _) => {
            let hash = hit.whole(hash);
            format!("Would delete {count} memory with hash: {hash}")
        }
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
fn restored(count: u64) -> Answer {
    let text = match count {
        0 => "No deleted memories found with that hash\n\nRestored 0 memories".to_owned(),
        count => format!("Successfully restored\n\nRestored {count} memories"),
    };
    Answer::text(text.clone(), json!({ "restored": count, "message": text }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::tests::{checked_by, context, rows};
    use serde_json::Value;

    fn checked(given: Value) -> Result<Request, String> {
        checked_by::<MemoryDelete>(given)
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
        let given = [
            json!({}),
            json!({"tags": []}),
            json!({"tags": "", "content_hash": " "}),
            json!({"tags": ["\u{0}"]}),
            json!({"project": "x"}),
            json!({"tag_match": "all", "dry_run": true}),
        ];
        let wanted = "At least one filter required (content_hash, tags, memory_type, time_expr, before, or after); \
            a project alone is not enough";
        for given in given {
            assert_eq!(checked(given.clone()).unwrap_err(), wanted, "given {given}");
        }
    }

    /// An act beside a filter was dropped, and what passes the filter was deleted.
    #[test]
    fn an_act_that_is_not_to_be_restored_deletes_nothing() {
        for given in [json!({"act": 999}), json!({"act": 999, "tags": "a"})] {
            let error = checked(given.clone()).unwrap_err();
            assert!(
                error.contains("needs `restore`: true"),
                "given {given}: {error}"
            );
        }
    }

    #[test]
    fn an_unknown_argument_is_named_with_the_nearest_one_before_filters_are_asked_for() {
        let given = json!({"tagz": "a"});
        let given = given.as_object().unwrap().clone();
        let error = Arguments::new(MemoryDelete::NAME, given, MemoryDelete::ARGUMENTS).err();
        let error = error.unwrap().to_string();
        assert!(
            error.starts_with("`memory_delete` has no argument `tagz` (did you mean `tags`?)"),
            "{error}"
        );
    }

    #[test]
    fn answers_have_the_known_texts() {
        let hash = |n: u8| ContentHash::parse(&format!("{n:064x}")).unwrap();
        let deleted_text = |given: Value, count: u64| {
            let (selection, hashes) = selection(given);
            deleted(&selection, &hashes, &Hit::new(count, &[], &[]))
                .finish()
                .text
        };
        let undo = "\nNote: they can be restored for at least 30 days: memory_delete with content_hash and restore";
        let table = r#"
            {"content_hash": "ab"} => 1 Successfully deleted memory with hash ab
            {"content_hash": "ab"} => 0 No memory found with hash ab
            {"tags": "a,b"} => 3 Successfully deleted 3 memories with tag(s): a, b
            {"tags": "a", "tag_match": "all"} => 0 No memories found containing ALL tags: a
            {"before": "2024-01-01"} => 2 Successfully deleted 2 memories
        "#;
        for (given, wanted) in rows(table) {
            let (count, wanted) = wanted.split_once(' ').unwrap();
            let undo = if count == "0" { "" } else { undo };
            let text = deleted_text(serde_json::from_str(given).unwrap(), count.parse().unwrap());
            let wanted = format!("{wanted}\n\nDeleted {count} memories{undo}");
            assert_eq!(text, wanted, "given {given}");
        }
        let (tagged, none) = selection(json!({"tags": "a", "dry_run": true}));
        let found: Vec<_> = (1..=7).map(hash).collect();
        let first: Vec<_> = found[..5].iter().map(ContentHash::as_str).collect();
        let text = would_delete(&tagged, &none, &Hit::new(7, &found, &[]))
            .finish()
            .text;
        let wanted = format!(
            "\n\nWould delete 7 memories\nHashes: {} ... and 2 more",
            first.join(", ")
        );
        assert!(text.ends_with(&wanted), "{text}");
        assert_eq!(
            would_delete(&tagged, &none, &Hit::default()).finish().text,
            "Would delete 0 memories with tag(s): a\n\nWould delete 0 memories"
        );
    }

    #[test]
    fn a_time_that_can_be_read_in_two_ways_deletes_nothing_and_a_clear_one_is_shown() {
        let table = r#"
            {"before": "03/04/2025"} => `before`: `03/04/2025` can be read as 2025-04-03 or as 2025-03-04
            {"time_expr": "older than 6m", "dry_run": true} => `time_expr`: `older than 6m` can be read as before 2025-01-26 or as before 2024-07-25
            {"after": "1/2", "tags": "a"} => `after`: `1/2` can be read as 2024-02-01 or as 2025-01-02
        "#;
        for (given, wanted) in rows(table) {
            let error = checked(serde_json::from_str(given).unwrap()).unwrap_err();
            let wanted = format!("{wanted}, and nothing was done: ");
            assert!(error.starts_with(&wanted), "given {given}: {error}");
        }
        let (selection, none) = selection(json!({"time_expr": "last_week", "dry_run": true}));
        let answer = would_delete(&selection, &none, &Hit::default());
        let finished = with_time(answer, &selection, &context()).finish();
        let shown = "2025-01-13 00:00 to 2025-01-20 00:00 (UTC)";
        assert_eq!(finished.structured["time"], shown);
        let note = format!("Note: the time asked for was understood as {shown}");
        assert!(finished.text.ends_with(&note), "{}", finished.text);
    }

    #[test]
    fn restore_needs_to_know_what() {
        assert!(
            checked(json!({"restore": true}))
                .unwrap_err()
                .contains("content_hash is required to restore")
        );
        let Request::Restore { what, .. } =
            checked(json!({"restore": "true", "content_hash": "aa, bb"})).unwrap()
        else {
            panic!("a restore")
        };
        assert!(matches!(*what, WriteOp::Undelete(named) if named.hashes.len() == 2));
        let Request::Restore { what, .. } = checked(json!({"restore": true, "act": 812})).unwrap()
        else {
            panic!("a restore")
        };
        assert_eq!(*what, WriteOp::UndoDelete(CommitSeq(812)));
        assert!(restored(2).finish().text.ends_with("Restored 2 memories"));
    }
}
