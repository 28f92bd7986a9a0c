//! `delete`, `undo` and `purge`: memories that are deleted, restored, and removed permanently.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use commonplace_engine::{
    Acknowledged, ByHash, CommitSeq, ContentHash, Engine, Mention, ModelUse, PartsProgress,
    Passing, Refusal, RequestError, Whose, WriteOp, WriteOutcome,
};
use serde::Serialize;
use serde_json::{Value, json};

use super::memories::{Once, origin, refuse_if_paused, with_engine};
use super::which::{Which, given};
use super::{CommandError, Context, output, words};
use crate::projects;

/// Hashes that hit nothing and are looked for elsewhere.
const MISSED_SHOWN: usize = 3;
/// Exit code of a program that was ended with Ctrl-C, as shells know it.
const INTERRUPTED: i32 = 130;

/// Delete memories.
#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// Hash of a memory, as `list` and `search` show it, or its first digits, at least six; may be given several times
    hash: Vec<String>,
    #[command(flatten)]
    which: Which,
    /// Only print what would be deleted
    #[arg(long)]
    dry_run: bool,
    /// Restore deleted memories with these hashes instead
    #[arg(long, conflicts_with_all = ["dry_run", "tag", "memory_type", "when", "after", "before"])]
    undo: bool,
    #[command(flatten)]
    once: Once,
}

/// Restore deleted memories.
#[derive(Debug, Args)]
pub(crate) struct Undo {
    /// Hash of a deleted memory, as `list --deleted` shows it, or its first digits, at least six; may be given several times
    #[arg(required_unless_present = "act")]
    hash: Vec<String>,
    /// Restore everything that one delete removed, by the number that it printed
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["hash", "project"])]
    act: Option<i64>,
    /// Project of the memories, where several have the same text; '' for those without one
    #[arg(long)]
    project: Option<String>,
    #[command(flatten)]
    once: Once,
}

/// Remove deleted memories permanently.
#[derive(Debug, Args)]
pub(crate) struct Purge {
    /// Whole hash of a deleted memory, as `list --deleted` shows it; may be given several times
    #[arg(required = true)]
    hash: Vec<String>,
    /// Project of the memories, where several have the same text; '' for those without one
    #[arg(long)]
    project: Option<String>,
    /// Confirm that this cannot be undone
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    once: Once,
}

pub(crate) fn delete(context: &Context, delete: Delete) -> Result<ExitCode, CommandError> {
    let named = named(&delete.hash, delete.which.project())?;
    let (mut filter, time) = delete.which.filter_to_delete()?;
    if !named.hashes.is_empty() {
        filter = filter.with_named(named.clone());
    }
    if filter.is_open() {
        return Err(CommandError::Usage(
            "say what to delete: a hash, or --tag, --type, --project, --when, --after or --before"
                .to_owned(),
        ));
    }
    if delete.dry_run {
        let (value, text) = with_engine(context, ModelUse::None, async |engine| {
            let counted = engine.count(&origin(), filter).await;
            Ok(would_delete(&counted.map_err(unclear)?, time.as_deref()))
        })?;
        output::result(context.json, &value, &text);
        return Ok(ExitCode::SUCCESS);
    }
    let op = if delete.undo {
        WriteOp::Undelete(named.clone())
    } else {
        WriteOp::Delete(filter)
    };
    change(context, op, &delete.once, &named)
}

pub(crate) fn undo(context: &Context, undo: Undo) -> Result<ExitCode, CommandError> {
    let named = named(&undo.hash, given(&undo.project))?;
    let op = match undo.act {
        Some(act) => WriteOp::UndoDelete(CommitSeq(act)),
        None => WriteOp::Undelete(named.clone()),
    };
    change(context, op, &undo.once, &named)
}

pub(crate) fn purge(context: &Context, purge: Purge) -> Result<ExitCode, CommandError> {
    let named = named(&purge.hash, given(&purge.project))?;
    if !purge.yes {
        return Err(CommandError::Usage(
            "a purge cannot be undone, and nothing was done: add --yes to confirm".to_owned(),
        ));
    }
    let op = WriteOp::Purge(named.clone());
    change(context, op, &purge.once, &named)
}

/// Writes, in parts if it is much, and tells what was done.
fn change(
    context: &Context,
    op: WriteOp,
    once: &Once,
    named: &ByHash,
) -> Result<ExitCode, CommandError> {
    let options = once.options()?;
    let mut progress = output::Progress::new(context.json);
    let kind = op.kind();
    let undone = match &op {
        WriteOp::UndoDelete(act) => Some(*act),
        _ => None,
    };
    let (done, beside) = with_engine(context, ModelUse::None, async |engine| {
        refuse_if_paused(engine)?;
        let ended = interrupted();
        let mut told = |at: PartsProgress| {
            progress.tell(&progress_text(kind, at));
            !ended.load(Ordering::Relaxed)
        };
        let origin = origin();
        let written = engine.write_in_parts(&origin, op, options, &mut told);
        let done = written.await.map_err(unclear)?;
        let has_hit = !done.applied.mentions.is_empty() || done.applied.is_repeat;
        let elsewhere = match has_hit {
            true => String::new(),
            false => elsewhere(engine, named).await,
        };
        let still_deleted = match undone {
            Some(act) if done.unfinished.is_none() => engine.still_deleted(act).await.ok(),
            _ => None,
        };
        let beside = Beside {
            elsewhere,
            still_deleted: still_deleted.filter(|count| *count > 0),
        };
        Ok((done, beside))
    })?;
    drop(progress);
    Ok(tell(context, &done, &beside))
}

/// What is printed beside what was done.
struct Beside {
    /// Lines about memories that may have been meant.
    elsewhere: String,
    /// How many memories a delete has left deleted after it was undone.
    still_deleted: Option<u64>,
}

/// What the line on a terminal says after each part.
fn progress_text(kind: &str, at: PartsProgress) -> String {
    let doing = match kind {
        "delete" => "deleting",
        "undelete" => "restoring",
        "purge" => "removing permanently",
        other => other,
    };
    format!(
        "{doing}: {} memories; Ctrl-C stops after the current part",
        words::how_far(at.done, Some(at.of))
    )
}

/// What was done, for programs.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    outcome: &'a WriteOutcome,
    memories: &'a [Mention],
    act: CommitSeq,
    #[serde(skip_serializing_if = "Option::is_none")]
    still_deleted: Option<u64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    repeated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    unfinished: Option<Rest>,
}

/// How far a write in parts came before it ended.
#[derive(Serialize)]
struct Rest {
    done: u64,
    of: u64,
    reason: String,
}

/// Lays out what was done for programs and for people; it is a failure if something is left to do.
fn tell(context: &Context, done: &Acknowledged, beside: &Beside) -> ExitCode {
    let applied = &done.applied;
    let mut text = what_was_done(done) + &mention_lines(&applied.mentions, counted(done));
    text.push_str(&beside.elsewhere);
    if let Some(count) = beside.still_deleted {
        text.push_str(&format!(
            "\n{} of that delete stay deleted: their text has been stored again since",
            words::memories(count)
        ));
    }
    if applied.is_repeat {
        text.push_str("\nthis op_id was carried out before; nothing was done now");
    }
    if let Some(rest) = &done.unfinished {
        text.push_str(&format!("\nnot finished: {rest}"));
    }
    let rest = done.unfinished.as_ref().map(|rest| Rest {
        done: rest.progress.done,
        of: rest.progress.of,
        reason: rest.why.to_string(),
    });
    let told = Told {
        outcome: &applied.outcome,
        memories: &applied.mentions,
        act: done.act(),
        still_deleted: beside.still_deleted,
        repeated: applied.is_repeat,
        unfinished: rest,
    };
    output::result(context.json, &told, &text);
    match done.unfinished {
        Some(_) => ExitCode::FAILURE,
        None => ExitCode::SUCCESS,
    }
}

/// How many memories a write has deleted, restored or removed.
fn counted(done: &Acknowledged) -> u64 {
    match &done.applied.outcome {
        WriteOutcome::Deleted { count, .. }
        | WriteOutcome::Undeleted { count, .. }
        | WriteOutcome::Purged { count, .. } => *count,
        _ => 0,
    }
}

/// Becomes true with the first Ctrl-C: then the current part is finished and reported. The second one ends the program
/// at once; what was reported is in the store.
fn interrupted() -> Arc<AtomicBool> {
    let flag = Arc::new(AtomicBool::new(false));
    let ended = Arc::clone(&flag);
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            ended.store(true, Ordering::Relaxed);
            output::note("\nstopping after the current part; Ctrl-C again stops at once");
        }
        if tokio::signal::ctrl_c().await.is_ok() {
            std::process::exit(INTERRUPTED);
        }
    });
    flag
}

/// Adds to the refusal of an ambiguous hash what to type.
fn unclear(error: RequestError) -> CommandError {
    match error {
        RequestError::Refused(refusal @ Refusal::Ambiguous { .. }) => {
            CommandError::Usage(format!("{refusal}, with --project ('' for no project)"))
        }
        RequestError::Refused(refusal @ Refusal::SeveralBegin { .. }) => {
            CommandError::Usage(refusal.to_string())
        }
        other => other.into(),
    }
}

/// Lines about memories that may have been meant by hashes that hit nothing.
async fn elsewhere(engine: &Engine, named: &ByHash) -> String {
    let mut lines = String::new();
    for hash in named.hashes.iter().take(MISSED_SHOWN) {
        let candidates = engine.candidates(hash.clone()).await;
        for candidate in candidates.unwrap_or_default() {
            let state = candidate
                .deleted_ms
                .map_or("  (not deleted)", |_| "  (deleted)");
            let line = mention_line(&candidate);
            lines.push_str(&format!(
                "{line}{state}\n    hash {}",
                candidate.content_hash
            ));
        }
    }
    match lines.as_str() {
        "" => lines,
        lines => format!("\npossible matches:{lines}"),
    }
}

/// Which memories the hashes mean: those of `project` if it is given. A command is in no project of its own.
fn named(given: &[String], project: Option<&String>) -> Result<ByHash, CommandError> {
    let hashes = given.iter().map(|hash| parse_hash(hash));
    Ok(ByHash {
        hashes: hashes.collect::<Result<_, _>>()?,
        whose: project.map_or(Whose::TheOnly, |project| {
            Whose::Of(projects::named(project))
        }),
    })
}

fn parse_hash(given: &str) -> Result<ContentHash, CommandError> {
    ContentHash::parse(given).ok_or_else(|| {
        CommandError::Usage(format!(
            "`{}` is not a hash: copy one from `commonplace list`",
            words::one_line(given, 40)
        ))
    })
}

/// Lays out what a delete would take, and in which time it was looked for.
fn would_delete(passing: &Passing, time: Option<&str>) -> (Value, String) {
    let value = json!({
        "would_delete": passing.count,
        "hashes": passing.hashes,
        "memories": passing.mentions,
        "time": time,
    });
    let mut text = format!("would delete {}", words::memories(passing.count));
    if let Some(time) = time {
        text.push_str(&format!(", stored {time}"));
    }
    (
        value,
        text + &mention_lines(&passing.mentions, passing.count),
    )
}

/// Names what was hit, a line for each memory.
fn mention_lines(mentions: &[Mention], count: u64) -> String {
    let mut lines: String = mentions.iter().map(mention_line).collect();
    let more = count.saturating_sub(mentions.len() as u64);
    if more > 0 && !mentions.is_empty() {
        lines.push_str(&format!("\n  and {more} more"));
    }
    lines
}

fn mention_line(mention: &Mention) -> String {
    format!(
        "\n  {}  {}  \"{}\"",
        words::local_time(mention.created_ms),
        in_project(&mention.project),
        words::one_line(&mention.start, 100)
    )
}

fn in_project(project: &str) -> String {
    match project {
        "" => "no project".to_owned(),
        project => format!("project {}", words::one_line(project, 200)),
    }
}

fn what_was_done(done: &Acknowledged) -> String {
    match &done.applied.outcome {
        WriteOutcome::Deleted { count: 0, .. } => {
            "nothing to delete: no memory matches".to_owned()
        }
        WriteOutcome::Deleted { count, .. } => format!(
            "deleted {}; `{}` restores {}, for at least 30 days",
            words::memories(*count),
            format_args!("commonplace undo --act {}", done.act().0),
            if *count == 1 { "it" } else { "them" }
        ),
        WriteOutcome::Undeleted { count: 0, .. } => {
            "nothing to restore: no deleted memory matches, or its text was stored again".to_owned()
        }
        WriteOutcome::Undeleted { count, .. } => {
            format!(
                "restored {}",
                words::counted(*count, "deleted memory", "deleted memories")
            )
        }
        WriteOutcome::Purged { count: 0, .. } => {
            "nothing to purge: no deleted memory matches; a memory has to be deleted before it can be purged".to_owned()
        }
        WriteOutcome::Purged { count, .. } => format!(
            "removed {} permanently; earlier backups still contain what was removed",
            words::memories(*count)
        ),
        other => format!("{other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_told_after_each_part_how_far_it_is() {
        let at = PartsProgress {
            done: 12_000,
            of: 100_000,
        };
        assert_eq!(
            progress_text("delete", at),
            "deleting: 12,000 of 100,000 memories; Ctrl-C stops after the current part"
        );
        assert!(progress_text("purge", at).starts_with("removing permanently: 12,000"));
        assert!(progress_text("undelete", at).starts_with("restoring: 12,000"));
    }
}
