//! `restore`, `compact`, `rebuild`: work on a whole store, which nobody else may have open meanwhile.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use commonplace_engine::{
    BACKUPS_DIR, BackupKind, Kept, Rebuilt, RestoreStep, Restored, Upkeep, kept_backups,
    live_instances,
};
use serde_json::json;

use super::{CommandError, Context, output, words};
use crate::system::identity::identity;

/// Longest time to wait for other instances, in seconds: an hour.
const WAIT_S_MAX: u64 = 3600;

/// How long to wait.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Waiting {
    /// Longest time to wait until all hosts and commands have closed the store, 0 to 3600
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(..=WAIT_S_MAX))]
    wait: u64,
}

/// Replace the store with a backup.
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The backup: a file, or the name of one in `backups` in the store directory
    #[arg(required_unless_present = "list")]
    file: Option<PathBuf>,
    /// List the backups that are in the store directory instead
    #[arg(long, conflicts_with_all = ["file", "yes"])]
    list: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    waiting: Waiting,
}

pub(crate) fn restore(context: &Context, restore: Restore) -> Result<ExitCode, CommandError> {
    context.log_quietly();
    let Some(file) = restore.file else {
        return list(context);
    };
    let file = found(context, &file);
    if !restore.yes {
        confirm(context, &file)?;
    }
    let upkeep = open(context, restore.waiting)?;
    let restored = upkeep.restore(&file, &mut |step| {
        if step == RestoreStep::Checked {
            tell_who_is_waited_for(context, restore.waiting);
        }
    })?;
    output::result(context.json, &json!(restored), &restored_text(&restored));
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn compact(context: &Context, waiting: Waiting) -> Result<ExitCode, CommandError> {
    context.log_quietly();
    let upkeep = open(context, waiting)?;
    tell_who_is_waited_for(context, waiting);
    let done = upkeep.compact()?;
    let text = format!(
        "compacted from {} to {}",
        words::bytes(done.bytes_before),
        words::bytes(done.bytes_after)
    );
    output::result(context.json, &json!(done), &text);
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn rebuild(context: &Context, waiting: Waiting) -> Result<ExitCode, CommandError> {
    context.log_quietly();
    let upkeep = open(context, waiting)?;
    tell_who_is_waited_for(context, waiting);
    let found = upkeep.rebuild()?;
    output::result(context.json, &json!(found), &rebuilt_text(&found));
    Ok(ExitCode::SUCCESS)
}

pub(super) fn open(context: &Context, waiting: Waiting) -> Result<Upkeep, CommandError> {
    let role = context.options.role;
    let by = crate::system::processes::audit_party(role);
    let dir = context.options.data_dir.path();
    let wait = Duration::from_secs(waiting.wait);
    Ok(Upkeep::open(dir, identity(role), by, wait)?)
}

/// Returns the file as it is named, or the backup of that name in the store directory.
pub(super) fn found(context: &Context, file: &Path) -> PathBuf {
    let kept = backups_dir(context).join(file);
    if !file.exists() && file.components().count() == 1 && kept.exists() {
        return kept;
    }
    file.to_owned()
}

/// Where earlier programs put backups of a database that is a link: beside the file it leads to.
fn dir_beside_linked(context: &Context) -> Option<PathBuf> {
    let dir = context.options.data_dir.path();
    let real = dir.join("commonplace.db").canonicalize().ok()?;
    let beside = real.parent()?.join(BACKUPS_DIR).canonicalize().ok()?;
    let own = backups_dir(context).canonicalize().ok();
    (own.as_ref() != Some(&beside)).then_some(beside)
}

fn backups_dir(context: &Context) -> PathBuf {
    context.options.data_dir.path().join(BACKUPS_DIR)
}

/// Asks on a terminal; elsewhere the answer must have been given.
fn confirm(context: &Context, file: &Path) -> Result<(), CommandError> {
    let dir = context.options.data_dir.path().display();
    if context.json || !std::io::stdin().is_terminal() {
        return Err(CommandError::Usage(format!(
            "this replaces the store in `{dir}`: add --yes to confirm (the current store is backed up first)"
        )));
    }
    let question = format!(
        "Replace the store in `{dir}` with `{}`? The current store is backed up first.",
        file.display()
    );
    match super::is_confirmed(&question)? {
        true => Ok(()),
        false => Err(CommandError::Failed("nothing was changed".to_owned())),
    }
}

/// Says which programs have to close the store before the work can begin.
pub(super) fn tell_who_is_waited_for(context: &Context, waiting: Waiting) {
    let others = live_instances(&context.options.data_dir.locks()).unwrap_or_default();
    let own = std::process::id();
    let names: Vec<String> = others
        .iter()
        .map(|other| &other.identity)
        .filter(|other| other.pid != own)
        .map(|other| format!("{} (pid {})", other.role, other.pid))
        .collect();
    if !names.is_empty() && waiting.wait > 0 {
        output::note(&format!(
            "waiting up to {} s for {} to close the store",
            waiting.wait,
            names.join(", ")
        ));
    }
}

fn list(context: &Context) -> Result<ExitCode, CommandError> {
    let folder = backups_dir(context);
    let mut backups = kept_backups(&folder).map_err(|error| {
        CommandError::Failed(format!("could not list `{}`: {error}", folder.display()))
    })?;
    if let Some(beside) = dir_beside_linked(context) {
        backups.extend(kept_backups(&beside).unwrap_or_default());
        backups.sort_by_key(|backup| std::cmp::Reverse(backup.made_ms));
    }
    let now_ms = jiff::Timestamp::now().as_millisecond();
    let lines = backups.iter().map(|backup| {
        let ahead = match backup.made_ms > now_ms {
            true => "  (its time is wrong: the clock was ahead)",
            false => "",
        };
        let why = match backup.kind {
            BackupKind::Made => "",
            BackupKind::BeforeRestore => "  (before a restore)",
            BackupKind::BeforeMigration => "  (before a newer program changed the schema)",
            BackupKind::SetAside => "  (set aside: it was damaged, or had gone back in time)",
            BackupKind::Rescued => "  (rescued from files that had been moved or removed)",
        };
        format!(
            "{}  {:>9}  {}{why}{ahead}",
            words::local_time(backup.made_ms),
            words::bytes(backup.bytes),
            backup.path.display()
        )
    });
    let mut text = lines.collect::<Vec<_>>().join("\n");
    if text.is_empty() {
        text = format!(
            "there are no backups in `{}`: `commonplace backup` makes one",
            folder.display()
        );
    }
    output::result(
        context.json,
        &json!({ "folder": folder, "backups": backups }),
        &text,
    );
    Ok(ExitCode::SUCCESS)
}

fn restored_text(restored: &Restored) -> String {
    let before = match &restored.before {
        Kept::Nothing => String::new(),
        Kept::Backup(path) => format!("\nwhat was there is backed up in {}", path.display()),
        Kept::SetAside(path) => format!(
            "\nwhat was there is damaged and could not be backed up; it was set aside as {}, with its write-ahead log beside it",
            path.display()
        ),
    };
    let migrated = match restored.migrated_from {
        Some(version) => format!("\nits schema was version {version} and was migrated"),
        None => String::new(),
    };
    format!(
        "restored {} from {}{before}{migrated}",
        words::memories(restored.contents.memories),
        restored.from.display()
    )
}

fn rebuilt_text(found: &Rebuilt) -> String {
    let mut lines = vec![format!(
        "rebuilt: the word index of {}, the vector index of {}",
        words::memories(found.memories),
        words::counted(found.vectors, "vector", "vectors")
    )];
    if found.was_right() {
        lines.push("both were correct before".to_owned());
    }
    lines.extend(found.wrong_words());
    lines.join("\n")
}
