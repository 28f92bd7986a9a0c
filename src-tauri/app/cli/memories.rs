//! `store`, `search`, `list`, `delete`, `undo`, `purge`: the memories from the command line.
//!
//! Each command opens the store itself, as one more instance under the same write lock, so it works with and without a
//! running host.

use std::io::Read;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use commonplace_api::Transport;
use commonplace_engine::{
    Engine, Hit, LIMIT_MAX, ListAnswer, ListQuery, Memory, MemoryDraft, ModelUse, NewMemory, OpId,
    Origin, Query, SearchAnswer, SearchMode, TEXT_BYTES_MAX, WriteOp, WriteOptions, WriteOutcome,
};
use commonplace_mcp::redact::{Redactor, told};
use serde_json::json;

use super::which::{Which, given, tags, usage, within};
use super::{CommandError, Context, output, small_runtime, words};
use crate::host::compose::open_engine;
use crate::projects::named;

/// How long a command waits for the model before it searches by words only.
const MODEL_WAIT_MAX: Duration = Duration::from_secs(10);
/// How long a finished command waits for its threads.
const CLOSE_TIME_MAX: Duration = Duration::from_secs(5);
/// Hits of a search that does not say how many.
const LIMIT: i64 = 10;
/// Memories on a page of a list that does not say how many.
const PAGE_SIZE: i64 = 20;
/// Longest text read from stdin: enough to see that it is too long.
const STDIN_BYTES_MAX: u64 = 16 * TEXT_BYTES_MAX as u64;

/// Store a memory.
#[derive(Debug, Args)]
pub(crate) struct Store {
    /// The text; `-` reads it from stdin
    text: String,
    /// A tag; may be given several times, or several separated by commas
    #[arg(long, short, visible_alias = "tags")]
    tag: Vec<String>,
    /// Kind of memory, such as `decision`
    #[arg(long = "type", value_name = "TYPE")]
    memory_type: Option<String>,
    /// Project it belongs to: a name, or a folder such as `.`
    #[arg(long, default_value = "")]
    project: String,
    #[command(flatten)]
    once: Once,
}

/// How a write is made safe to repeat.
#[derive(Debug, Args)]
pub(crate) struct Once {
    /// Any name for this write; repeating it under the same name has no further effect
    #[arg(long, value_name = "ID")]
    op_id: Option<String>,
}

impl Once {
    pub(super) fn options(&self) -> Result<WriteOptions, CommandError> {
        let parse = |given: &String| {
            OpId::parse(given).ok_or_else(|| {
                let given = words::one_line(given, 40);
                CommandError::Usage(format!(
                    "`{given}` is not an op-id: 1 to 128 visible ASCII characters"
                ))
            })
        };
        Ok(WriteOptions {
            op_id: self.op_id.as_ref().map(parse).transpose()?,
            ..WriteOptions::default()
        })
    }
}

/// Search memories.
#[derive(Debug, Args)]
pub(crate) struct Search {
    /// What to look for
    query: String,
    /// How to compare
    #[arg(long, value_enum, default_value = "hybrid")]
    mode: Mode,
    /// Most hits, 1 to 100
    #[arg(long, short = 'n', default_value_t = LIMIT, allow_negative_numbers = true)]
    limit: i64,
    #[command(flatten)]
    which: Which,
}

/// How a search compares.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Mode {
    /// Words and meaning
    Hybrid,
    /// Meaning only
    Semantic,
    /// Words only
    Keyword,
    /// The text contains the query
    Exact,
}

/// List memories.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Page, counted from 1
    #[arg(long, default_value_t = 1, allow_negative_numbers = true)]
    page: i64,
    /// Memories on a page, 1 to 100
    #[arg(long, default_value_t = PAGE_SIZE, allow_negative_numbers = true)]
    page_size: i64,
    /// List deleted memories that can be restored
    #[arg(long)]
    deleted: bool,
    #[command(flatten)]
    which: Which,
}

pub(super) fn origin() -> Origin {
    Origin::new("commonplace", Transport::Cli).with_details(
        Some(env!("CARGO_PKG_VERSION")),
        None,
        None,
    )
}

/// Does not let a person wait for a pause that somebody else has to end.
pub(super) fn refuse_if_paused(engine: &Engine) -> Result<(), CommandError> {
    engine
        .paused()
        .map_or(Ok(()), |pause| Err(CommandError::Paused(pause)))
}

/// Opens the store, runs `work`, and closes the store.
pub(super) fn with_engine<T>(
    context: &Context,
    model_use: ModelUse,
    work: impl AsyncFnOnce(&Engine) -> Result<T, CommandError>,
) -> Result<T, CommandError> {
    context.log_quietly();
    let runtime = small_runtime()?;
    let engine = open_engine(&context.options, &context.settings, model_use)?;
    let result = runtime.block_on(work(&engine));
    runtime.block_on(engine.shutdown(CLOSE_TIME_MAX));
    result
}

/// Does the same for what only reads. Where there is no store yet, none is made, and the answer is `nothing`.
pub(super) fn with_what_is_there<T>(
    context: &Context,
    model_use: ModelUse,
    nothing: T,
    work: impl AsyncFnOnce(&Engine) -> Result<T, CommandError>,
) -> Result<T, CommandError> {
    let dir = context.options.data_dir.path();
    if let Ok(false) = dir.try_exists() {
        output::note(&format!("note: there is no store `{}` yet", dir.display()));
        return Ok(nothing);
    }
    with_engine(context, model_use, work)
}

pub(crate) fn store(context: &Context, store: Store) -> Result<ExitCode, CommandError> {
    let text = if store.text == "-" {
        read_stdin()?
    } else {
        store.text
    };
    let project = Some(store.project);
    let project = given(&project).cloned().unwrap_or_default();
    let mut redactor = Redactor::new(context.settings.redact_secrets);
    let draft = MemoryDraft {
        text: redactor.text("text", text),
        tags: redactor.texts("tags", tags(&store.tag)),
        memory_type: given(&store.memory_type).map(|given| redactor.text("type", given.clone())),
        project: redactor.text("project", named(&project)),
        ..MemoryDraft::default()
    };
    tell_replaced(redactor);
    let memory = NewMemory::parse(draft).map_err(usage)?;
    let options = store.once.options()?;
    let outcome = with_engine(context, ModelUse::None, async |engine| {
        refuse_if_paused(engine)?;
        let written = engine
            .write(&origin(), WriteOp::Store(memory), options)
            .await?;
        Ok(written.applied.outcome)
    })?;
    let text = match &outcome {
        WriteOutcome::AlreadyStored {
            content_hash,
            created_ms,
            ..
        } => {
            format!(
                "already stored on {}, nothing changed (hash: {content_hash})",
                words::local_time(*created_ms)
            )
        }
        WriteOutcome::Stored { content_hash, .. } => format!("stored (hash: {content_hash})"),
        other => format!("{other:?}"),
    };
    output::result(context.json, &json!(outcome), &text);
    Ok(ExitCode::SUCCESS)
}

/// Says which secrets were replaced where, as the tools do.
fn tell_replaced(redactor: Redactor) {
    let replaced = redactor.finish();
    if !replaced.is_empty() {
        output::note(&format!("replaced before storing: {}", told(&replaced)));
    }
}

fn read_stdin() -> Result<String, CommandError> {
    let mut bytes = Vec::new();
    let read = std::io::stdin()
        .take(STDIN_BYTES_MAX)
        .read_to_end(&mut bytes);
    read.map_err(|error| CommandError::Failed(format!("could not read stdin: {error}")))?;
    String::from_utf8(bytes).map_err(|error| {
        CommandError::Usage(format!("the text is not UTF-8 ({error}): convert it first"))
    })
}

pub(crate) fn search(context: &Context, search: Search) -> Result<ExitCode, CommandError> {
    let mode = match search.mode {
        Mode::Hybrid => SearchMode::Hybrid,
        Mode::Semantic => SearchMode::Semantic,
        Mode::Keyword => SearchMode::Keyword,
        Mode::Exact => SearchMode::Exact,
    };
    let limit = within("limit", search.limit, LIMIT, LIMIT_MAX);
    let query = Query::parse(&search.query, mode, search.which.filter()?, limit).map_err(usage)?;
    let model_use = if query.needs_vector() {
        ModelUse::Queries
    } else {
        ModelUse::None
    };
    let nothing = SearchAnswer {
        hits: Vec::new(),
        words_only: None,
        index_backlog: 0,
    };
    let answer = with_what_is_there(context, model_use, nothing, async |engine| {
        if model_use == ModelUse::Queries {
            engine.wait_model(MODEL_WAIT_MAX);
        }
        Ok(engine.search(&origin(), query).await?)
    })?;
    let mut text: String = answer.hits.iter().map(hit_lines).collect();
    if answer.hits.is_empty() {
        text = "no memories found\n".to_owned();
    }
    if let Some(reason) = &answer.words_only {
        output::note(&format!("searched by words only: {reason}"));
    }
    let value = json!({ "hits": answer.hits, "words_only": answer.words_only, "index_backlog": answer.index_backlog });
    output::result(context.json, &value, &text);
    Ok(ExitCode::SUCCESS)
}

fn hit_lines(hit: &Hit) -> String {
    format!(
        "{:.2}  {}",
        hit.score,
        memory_lines(&hit.memory).trim_start()
    )
}

fn memory_lines(memory: &Memory) -> String {
    let tags = if memory.tags.is_empty() {
        String::new()
    } else {
        format!("  [{}]", memory.tags.join(", "))
    };
    let project = match memory.project.as_str() {
        "" => String::new(),
        project => format!("  project {}", words::one_line(project, 200)),
    };
    let damaged = if memory.is_damaged {
        "  DAMAGED: it does not match its checksum; see `commonplace doctor`"
    } else {
        ""
    };
    format!(
        "      {}\n      {}  {}{tags}{project}{damaged}\n",
        words::one_line(&memory.text, 300),
        words::local_time(memory.created_ms),
        memory.content_hash
    )
}

pub(crate) fn list(context: &Context, list: List) -> Result<ExitCode, CommandError> {
    let page_size = within("page-size", list.page_size, PAGE_SIZE, LIMIT_MAX);
    let page = if list.page == 0 { 1 } else { list.page };
    let filter = list.which.filter()?;
    let query = ListQuery::parse(filter, page, page_size, list.deleted).map_err(usage)?;
    let nothing = ListAnswer {
        memories: Vec::new(),
        page: query.page(),
        page_size: query.page_size(),
        total: 0,
    };
    let answer = with_what_is_there(context, ModelUse::None, nothing, async |engine| {
        Ok(engine.list(&origin(), query).await?)
    })?;
    let mut text: String = answer.memories.iter().map(memory_lines).collect();
    let pages = answer.total.div_ceil(answer.page_size).max(1);
    text.push_str(&format!(
        "page {} of {pages}, {}",
        answer.page,
        words::memories(answer.total)
    ));
    output::result(context.json, &json!(answer), &text);
    Ok(ExitCode::SUCCESS)
}
