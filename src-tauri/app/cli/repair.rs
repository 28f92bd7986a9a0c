//! `repair`: repairs a damaged store with everything that is intact, and what the backups have of the rest.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use commonplace_engine::{CheckStep, Mended, MendedMemory, RepairStep, Repaired};
use serde_json::json;

use super::upkeep::{Waiting, found, open, tell_who_is_waited_for};
use super::{CommandError, Context, output, words};

/// Memories that are told one by one; `--json` tells all.
const TOLD_MAX: usize = 50;

/// Repair a damaged store.
#[derive(Debug, Args)]
pub(crate) struct Repair {
    /// Take rows from this backup only [default: all in `backups` in the store directory, the newest first]
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    #[command(flatten)]
    waiting: Waiting,
}

pub(crate) fn run(context: &Context, repair: &Repair) -> Result<ExitCode, CommandError> {
    context.log_quietly();
    let from = repair.from.as_ref().map(|file| found(context, file));
    let upkeep = open(context, repair.waiting)?;
    tell_who_is_waited_for(context, repair.waiting);
    let mut progress = output::Progress::new(context.json);
    let repaired = upkeep.repair(from.as_deref(), &mut |step| progress.tell(&step_text(step)))?;
    drop(progress);
    output::result(context.json, &json!(repaired), &text(&repaired));
    // What is lost must not look like success to a script.
    let is_all_there = repaired.cut_tables.is_empty()
        && repaired.aside.is_none()
        && repaired.memories.iter().all(|memory| !is_missing(memory));
    Ok(ExitCode::from(u8::from(!is_all_there)))
}

fn is_missing(memory: &MendedMemory) -> bool {
    matches!(memory.how, Mended::PutAside | Mended::Gone)
}

/// Says where a check stands.
pub(super) fn check_text(step: CheckStep) -> String {
    match step {
        CheckStep::Pages => "checking pages and indexes".to_owned(),
        CheckStep::Rows {
            rows,
            rows_expected,
        } => format!(
            "comparing rows with their checksums: {} of {}",
            words::thousands(rows),
            words::thousands(rows_expected)
        ),
        CheckStep::Indexes => "comparing the search indexes with the memories".to_owned(),
    }
}

fn step_text(step: RepairStep) -> String {
    match step {
        RepairStep::Alone => "the store is closed everywhere".to_owned(),
        RepairStep::Looking(step) => check_text(step),
        RepairStep::Pages {
            pages,
            pages_expected,
        } => format!(
            "reading every page by itself: {} of {}",
            words::thousands(pages),
            words::thousands(pages_expected)
        ),
        RepairStep::Rows {
            table,
            rows,
            rows_expected,
        } => format!(
            "copying intact rows into a new store: {} of {} rows of {table}",
            words::thousands(rows),
            words::thousands(rows_expected)
        ),
        RepairStep::Indexes => "building the indexes".to_owned(),
        RepairStep::Checked => "the new store is intact".to_owned(),
        RepairStep::Switched => "it is in place".to_owned(),
    }
}

fn text(repaired: &Repaired) -> String {
    let Some(found) = &repaired.found else {
        return "nothing is damaged: nothing was done".to_owned();
    };
    let mut lines = vec![format!("it was damaged: {}", found.what())];
    let told = repaired.memories.iter().take(TOLD_MAX);
    lines.extend(told.map(memory_line));
    let more = repaired.memories.len().saturating_sub(TOLD_MAX);
    if more > 0 {
        lines.push(format!(
            "and {} more; --json lists them all",
            words::memories(more as u64)
        ));
    }
    if repaired.other_rows > 0 {
        lines.push(format!(
            "{} of history, commit log and vectors: repaired, to be rebuilt, or set aside",
            words::counted(repaired.other_rows, "damaged row", "damaged rows")
        ));
    }
    if repaired.salvaged_rows > 0 {
        lines.push(format!(
            "{} found on pages that no table led to any more; they are intact",
            words::counted(repaired.salvaged_rows, "row was", "rows were")
        ));
    }
    if !repaired.cut_tables.is_empty() {
        lines.push(format!(
            "not all of {} could be read: what was written there after the newest backup may be missing",
            repaired.cut_tables.join(", ")
        ));
    }
    if let Some(aside) = &repaired.aside {
        lines.push(format!(
            "what no backup has intact is in {}",
            aside.display()
        ));
    }
    if let Some(damaged) = &repaired.damaged {
        lines.push(format!(
            "the damaged database is kept as {}, with its write-ahead log beside it",
            damaged.display()
        ));
    }
    lines.push(format!(
        "the store is intact: {}",
        words::memories(repaired.contents.memories)
    ));
    lines.join("\n")
}

fn memory_line(memory: &MendedMemory) -> String {
    let start = memory.start.as_ref();
    let start = start.map_or_else(String::new, |start| format!(" `{start}`"));
    let how = match &memory.how {
        Mended::FromBackup(backup) => format!("as it was, from {}", backup.display()),
        Mended::OlderFromBackup(backup) => {
            format!("an earlier state, from {}", backup.display())
        }
        Mended::ChecksumWasWrong => "intact; only its checksum was wrong".to_owned(),
        Mended::KeptByHash => {
            "kept: its text has its hash; look at upper and lower case, tags and times".to_owned()
        }
        Mended::PutAside => "set aside: no backup has it intact".to_owned(),
        Mended::Gone => "lost: no backup has it".to_owned(),
    };
    format!("memory {}{start}: {how}", memory.id)
}
