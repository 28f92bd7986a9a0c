//! The tools, one file each.
//!
//! A tool is a file with the trait [`tool::Tool`] and one line in [`TOOLS`]. `check` and what shapes an answer are pure,
//! so that tables can test them.

mod by_hash;
mod get_concurrent_access_stats;
mod memory_delete;
pub(crate) mod memory_health;
pub(crate) mod memory_list;
mod memory_search;
mod memory_store;
mod memory_update;
mod old_name;
mod project_argument;
mod taken_out;
#[cfg(test)]
pub(crate) mod tests;
mod tool;
mod write_options;

use std::time::Duration;

use commonplace_engine::{Engine, RequestError};
use jiff::Zoned;
use serde_json::{Map, Value, json};

use crate::answer::{Answer, Finished};
use crate::arguments::{self, ArgumentError, Arguments};
use crate::nearest::nearest;
use tool::Checked;
pub(crate) use tool::{Context, Entry};

/// The advertised tools, always in the same order.
pub(crate) const TOOLS: Tools = Tools(&[
    Entry::of::<memory_store::MemoryStore>(),
    Entry::of::<memory_search::MemorySearch>(),
    Entry::of::<memory_list::MemoryList>(),
    Entry::of::<memory_update::MemoryUpdate>(),
    Entry::of::<memory_delete::MemoryDelete>(),
    Entry::of::<memory_health::MemoryHealth>(),
    Entry::of::<get_concurrent_access_stats::GetConcurrentAccessStats>(),
]);

/// A list of tools.
#[derive(Clone, Copy)]
pub(crate) struct Tools(&'static [Entry]);

/// Tells that no tool has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown tool `{name}`{hint}")]
pub(crate) struct UnknownTool {
    name: String,
    hint: String,
}

/// A tool, sentences that its answer must say, and its arguments, none of which is an old one.
type Translated = (&'static Entry, Vec<String>, Map<String, Value>);

impl Tools {
    /// Returns the tools in their order.
    pub(crate) fn iter(self) -> impl Iterator<Item = &'static Entry> {
        self.0.iter()
    }

    /// Finds the tool that `name` means, under its own or an old name.
    pub(crate) fn find(self, name: &str) -> Result<&'static Entry, UnknownTool> {
        let has_name =
            |tool: &&Entry| tool.name == name || tool.old_names.iter().any(|old| old.name == name);
        self.iter().find(has_name).ok_or_else(|| self.unknown(name))
    }

    fn unknown(self, name: &str) -> UnknownTool {
        let old_names = self.iter().flat_map(|tool| tool.old_names);
        let names = self.iter().map(|tool| tool.name);
        let near = nearest(name, names.chain(old_names.map(|old| old.name)));
        let name = commonplace_engine::clean::clean_line(name);
        UnknownTool {
            name: name.chars().take(60).collect(),
            hint: near.map_or_else(String::new, |near| format!("; did you mean `{near}`?")),
        }
    }

    /// Brings the arguments of a call under any name into those of its tool.
    fn translated(
        self,
        name: &str,
        mut given: Map<String, Value>,
        now: &Zoned,
    ) -> Result<Translated, CheckError> {
        let tool = self.find(name)?;
        let notes = arguments::translate(tool.arguments, &mut given);
        let old_name = tool.old_names.iter().find(|old| old.name == name);
        if let Some(old_name) = old_name {
            old_name.bring_up(&mut given, now)?;
        }
        Ok((tool, notes, given))
    }

    /// Checks a call; returns the request and sentences that its answer must say.
    pub(crate) fn check(
        self,
        name: &str,
        given: Map<String, Value>,
        context: &Context,
    ) -> Result<(Checked, Vec<String>), CheckError> {
        let (tool, mut notes, given) = self.translated(name, given, &context.now)?;
        let arguments = Arguments::new(tool.name, given, tool.arguments)?;
        let checked = (tool.check)(&arguments, context)?;
        notes.extend(arguments.into_notes());
        Ok((checked, notes))
    }

    /// Carries out one call.
    ///
    /// Dropping the future gives the call up, if its commit has not begun.
    pub(crate) async fn call(
        self,
        engine: &Engine,
        name: &str,
        mut given: Map<String, Value>,
        context: &Context,
    ) -> Result<Finished, UnknownTool> {
        project_argument::resolve(&mut given, context).await;
        let answer = match self.check(name, given, context) {
            Ok((request, notes)) => request(engine, context).await.with_notes(notes),
            Err(CheckError::UnknownTool(error)) => return Err(error),
            Err(CheckError::Argument(error)) => refusal(&error),
        };
        let forms = context.reach().forms();
        Ok(Finished {
            forms,
            ..answer.finish()
        })
    }
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

/// Answers a call whose arguments cannot be used.
pub(crate) fn refusal(error: &ArgumentError) -> Answer {
    Answer::error(format!("Error: {error}"), "invalid_argument")
}

/// Answers a call that the engine did not carry out; `doing` is what was tried, such as `storing memory`.
fn failure(doing: &str, error: &RequestError) -> Answer {
    let answer = Answer::error(format!("Error {doing}: {error}"), error.code());
    let seconds = |waited: &Duration| (waited.as_secs_f64() * 1000.0).round() / 1000.0;
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
            "waited_s": seconds(waited),
            "holder": in_the_way.holder,
            "queue_length": in_the_way.queue_length,
        })),
        RequestError::Paused { pause, waited } => answer.with_facts(json!({
            "paused_since_ms": pause.since_ms,
            "paused_by": pause.by,
            "waited_s": seconds(waited),
        })),
        RequestError::Unknown { .. }
        | RequestError::TakenOver { .. }
        | RequestError::Refused(_)
        | RequestError::ShuttingDown
        | RequestError::Store { .. } => answer,
    }
}
