//! `projects`: which projects there are, and one name for each.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use commonplace_engine::{FACET_NAMES_MAX, ModelUse, Named};
use serde_json::json;

use super::memories::{origin, refuse_if_paused, with_engine, with_what_is_there};
use super::{CommandError, Context, output, words};
use crate::projects::{self, Done, ProjectsError, Renaming};

/// List projects, or give each of them one name.
#[derive(Debug, Args)]
pub(crate) struct ProjectsCommand {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the projects and how many memories each has [default]
    List,
    /// Move memories whose project is written in another way than clients are given it now: worktrees of one repository,
    /// slashes at the end, links
    Tidy {
        /// Only print what would be moved
        #[arg(long)]
        dry_run: bool,
    },
    /// Move the memories back that the last `tidy` moved
    Undo,
}

pub(crate) fn run(context: &Context, command: ProjectsCommand) -> Result<ExitCode, CommandError> {
    match command.action.unwrap_or(Action::List) {
        Action::List => list(context),
        Action::Tidy { dry_run } => tidy(context, dry_run),
        Action::Undo => undo(context),
    }
}

fn list(context: &Context) -> Result<ExitCode, CommandError> {
    let nothing = Default::default();
    let found = with_what_is_there(context, ModelUse::None, nothing, async |engine| {
        let facets = engine.facets(&origin(), false, FACET_NAMES_MAX).await?;
        Ok(facets.projects)
    })?;
    let lines: Vec<String> = found.top.iter().map(project_line).collect();
    let mut text = match lines.is_empty() {
        true => "no memories yet".to_owned(),
        false => lines.join("\n"),
    };
    if found.more > 0 {
        text.push_str(&format!("\nand {} more", found.more));
    }
    output::result(context.json, &json!(found), &text);
    Ok(ExitCode::SUCCESS)
}

fn project_line(named: &Named) -> String {
    format!("{:>7}  {}", named.count, shown(&named.name))
}

fn shown(name: &str) -> String {
    match name {
        "" => "(no project)".to_owned(),
        name => words::one_line(name, 200),
    }
}

fn tidy(context: &Context, is_dry: bool) -> Result<ExitCode, CommandError> {
    let home = crate::paths::home();
    let (plan, done) = with_engine(context, ModelUse::None, async |engine| {
        let plan = projects::plan(engine, home).await?;
        if is_dry || plan.is_empty() {
            return Ok((plan, None));
        }
        refuse_if_paused(engine)?;
        let done = projects::carry_out(engine, &context.options.data_dir, &plan).await;
        Ok((plan, Some(done.map_err(failed)?)))
    })?;
    let mut lines: Vec<String> = plan.iter().map(renaming_line).collect();
    lines.push(match &done {
        None if plan.is_empty() => "each project has one name; nothing to move".to_owned(),
        None => "nothing was moved; without --dry-run it is".to_owned(),
        Some(done) => format!(
            "{}; `commonplace projects undo` takes it back",
            done_text(done)
        ),
    });
    let value =
        json!({ "renamings": plan.iter().map(renaming_value).collect::<Vec<_>>(), "done": done });
    output::result(context.json, &value, &lines.join("\n"));
    Ok(ExitCode::SUCCESS)
}

fn renaming_line(renaming: &Renaming) -> String {
    let Renaming { from, to, memories } = renaming;
    format!("{memories:>7}  {} -> {}", shown(from), shown(&to.name))
}

fn renaming_value(renaming: &Renaming) -> serde_json::Value {
    let Renaming { from, to, memories } = renaming;
    json!({ "from": from, "to": to.name, "worktree": to.worktree, "memories": memories })
}

fn undo(context: &Context) -> Result<ExitCode, CommandError> {
    let done = with_engine(context, ModelUse::None, async |engine| {
        refuse_if_paused(engine)?;
        let undone = projects::undo(engine, &context.options.data_dir).await;
        undone.map_err(failed)
    })?;
    output::result(context.json, &json!(done), &done_text(&done));
    Ok(ExitCode::SUCCESS)
}

fn done_text(done: &Done) -> String {
    let mut text = format!("moved {}", words::memories(done.moved));
    for left in &done.left {
        text.push_str(&format!("\nnot moved, {}: {}", left.id, left.reason));
    }
    text
}

fn failed(error: ProjectsError) -> CommandError {
    match error {
        ProjectsError::Request(error) => error.into(),
        error => CommandError::Failed(words::with_causes(&error)),
    }
}
