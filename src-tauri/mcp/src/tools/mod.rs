//! The tools, one file each.
//!
//! Every file has the same verbs: `spec` describes the tool for clients, `check` turns arguments into a checked request,
//! `run` asks the engine, `answer` shapes what came back. `check` and `answer` are pure, so that tables can test them.

mod by_hash;
pub(crate) mod get_concurrent_access_stats;
pub(crate) mod memory_delete;
pub(crate) mod memory_health;
pub(crate) mod memory_list;
pub(crate) mod memory_search;
pub(crate) mod memory_store;
pub(crate) mod memory_update;
mod spec;
#[cfg(test)]
pub(crate) mod tests;
mod write_options;

use commonplace_engine::{Engine, Origin, RequestError};
use jiff::Zoned;
use serde_json::{Map, Value, json};

use crate::aliases;
use crate::answer::{Answer, Finished};
use crate::arguments::{ArgumentError, Arguments};
use crate::legacy_arguments;
use crate::nearest::nearest;
pub(crate) use spec::ToolSpec;

/// What a tool knows about a call besides its arguments.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    /// The moment of the call, in the user's time zone.
    pub(crate) now: Zoned,
    /// Who asks.
    pub(crate) origin: Origin,
    /// Whether secrets are taken out of what is stored.
    pub(crate) redacts: bool,
}

impl Context {
    /// The moment of the call, in milliseconds since 1970.
    pub(crate) fn now_ms(&self) -> i64 {
        self.now.timestamp().as_millisecond()
    }
}

/// Tells that no tool has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown tool `{name}`{hint}")]
pub(crate) struct UnknownTool {
    name: String,
    hint: String,
}

/// Describes the advertised tools, always in the same order.
pub(crate) fn specs() -> Vec<ToolSpec> {
    vec![
        memory_store::spec(),
        memory_search::spec(),
        memory_list::spec(),
        memory_update::spec(),
        memory_delete::spec(),
        memory_health::spec(),
        get_concurrent_access_stats::spec(),
    ]
}

/// One of the tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    Store,
    Search,
    List,
    Update,
    Delete,
    Health,
    Stats,
}

impl Tool {
    /// Finds an advertised tool by name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            memory_store::NAME => Self::Store,
            memory_search::NAME => Self::Search,
            memory_list::NAME => Self::List,
            memory_update::NAME => Self::Update,
            memory_delete::NAME => Self::Delete,
            memory_health::NAME => Self::Health,
            get_concurrent_access_stats::NAME => Self::Stats,
            _ => return None,
        })
    }

    /// Returns its name and the arguments it reads, those of old clients included.
    fn shape(self) -> (&'static str, &'static [&'static str]) {
        match self {
            Self::Store => (memory_store::NAME, &memory_store::ARGUMENTS),
            Self::Search => (memory_search::NAME, &memory_search::ARGUMENTS),
            Self::List => (memory_list::NAME, &memory_list::ARGUMENTS),
            Self::Update => (memory_update::NAME, &memory_update::ARGUMENTS),
            Self::Delete => (memory_delete::NAME, &memory_delete::ARGUMENTS),
            Self::Health => (memory_health::NAME, &[]),
            Self::Stats => (get_concurrent_access_stats::NAME, &[]),
        }
    }

    /// Says whether it changes the store.
    pub(crate) fn writes(self) -> bool {
        match self {
            Self::Store | Self::Update | Self::Delete => true,
            Self::Search | Self::List | Self::Health | Self::Stats => false,
        }
    }
}

/// A call whose arguments have been checked.
#[derive(Debug)]
pub(crate) enum Request {
    Store(memory_store::Request),
    Search(memory_search::Request),
    List(memory_list::Request),
    Update(memory_update::Request),
    Delete(memory_delete::Request),
    Health,
    Stats,
}

/// Finds the tool that `name` means, under its own or an old name.
pub(crate) fn find(name: &str) -> Result<Tool, UnknownTool> {
    Tool::parse(name)
        .or_else(|| aliases::tool(name))
        .ok_or_else(|| {
            let advertised = specs();
            let names = advertised
                .iter()
                .map(|spec| spec.name)
                .chain(aliases::names());
            let hint = nearest(name, names).map(|near| format!("; did you mean `{near}`?"));
            let name = commonplace_engine::clean::clean_line(name)
                .chars()
                .take(60)
                .collect();
            UnknownTool {
                name,
                hint: hint.unwrap_or_default(),
            }
        })
}

/// Checks a call; returns the request and sentences that its answer must say.
pub(crate) fn check(
    name: &str,
    mut given: Map<String, Value>,
    context: &Context,
) -> Result<(Request, Vec<String>), CheckError> {
    let tool = find(name)?;
    if Tool::parse(name).is_none() {
        given = aliases::rewrite(name, given, &context.now)?;
    }
    let (canonical, known) = tool.shape();
    let notes = legacy_arguments::translate(canonical, &mut given);
    let arguments = Arguments::new(canonical, given, known)?;
    let request = match tool {
        Tool::Store => Request::Store(memory_store::check(&arguments, context)?),
        Tool::Search => Request::Search(memory_search::check(&arguments, context)?),
        Tool::List => Request::List(memory_list::check(&arguments, context)?),
        Tool::Update => Request::Update(memory_update::check(&arguments, context)?),
        Tool::Delete => Request::Delete(memory_delete::check(&arguments, context)?),
        Tool::Health => Request::Health,
        Tool::Stats => Request::Stats,
    };
    Ok((request, notes))
}

/// Tells why a call was not even asked of the engine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CheckError {
    /// There is no such tool: an error of the protocol.
    #[error(transparent)]
    UnknownTool(#[from] UnknownTool),
    /// The arguments cannot be used: told in the answer, so that a model can repair its call.
    #[error(transparent)]
    Argument(#[from] ArgumentError),
}

/// Carries out one call.
///
/// Dropping the future gives the call up, if its commit has not begun.
pub(crate) async fn call(
    engine: &Engine,
    name: &str,
    given: Map<String, Value>,
    context: &Context,
) -> Result<Finished, UnknownTool> {
    let (request, notes) = match check(name, given, context) {
        Ok(checked) => checked,
        Err(CheckError::UnknownTool(error)) => return Err(error),
        Err(CheckError::Argument(error)) => return Ok(refusal(&error).finish()),
    };
    let answer = match request {
        Request::Store(request) => memory_store::run(engine, request, context).await,
        Request::Search(request) => memory_search::run(engine, request, context).await,
        Request::List(request) => memory_list::run(engine, request, context).await,
        Request::Update(request) => memory_update::run(engine, request, context).await,
        Request::Delete(request) => memory_delete::run(engine, request, context).await,
        Request::Health => memory_health::answer(&engine.status()),
        Request::Stats => get_concurrent_access_stats::answer(&engine.status(), &context.now),
    };
    Ok(answer.with_notes(notes).finish())
}

/// Answers a call whose arguments cannot be used.
pub(crate) fn refusal(error: &ArgumentError) -> Answer {
    Answer::error(format!("Error: {error}"), "invalid_argument")
}

/// Answers a call that the engine did not carry out; `doing` is what was tried, such as `storing memory`.
fn failure(doing: &str, error: &RequestError) -> Answer {
    let answer = Answer::error(format!("Error {doing}: {error}"), error.code());
    match error {
        RequestError::QueueFull {
            length,
            own,
            limit,
            retry_after,
        } => answer.with_facts(json!({
            "queue_length": length,
            "queue_own": own,
            "queue_limit": limit,
            "retry_after_s": retry_after.as_secs().max(1),
        })),
        RequestError::TimedOut {
            request,
            waited,
            in_the_way,
            ..
        } => answer.with_facts(json!({
            "request": request,
            "waited_s": (waited.as_secs_f64() * 1000.0).round() / 1000.0,
            "holder": in_the_way.holder,
            "queue_length": in_the_way.queue_length,
        })),
        RequestError::Paused { pause, waited } => answer.with_facts(json!({
            "paused_since_ms": pause.since_ms,
            "paused_by": pause.by,
            "waited_s": (waited.as_secs_f64() * 1000.0).round() / 1000.0,
        })),
        RequestError::Unknown { .. }
        | RequestError::TakenOver { .. }
        | RequestError::Refused(_)
        | RequestError::ShuttingDown
        | RequestError::Store { .. } => answer,
    }
}
