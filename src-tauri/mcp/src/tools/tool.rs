//! What a tool is, and the entry that a list of tools holds for each.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;

use commonplace_engine::{Engine, Origin};
use jiff::Zoned;
use serde_json::{Value, json};

use super::old_name::OldName;
use crate::answer::Answer;
use crate::arguments::{ArgumentError, Arguments, Table, input_schema};
use crate::readers::{RESULT_CHARS_MAX, Reach};

/// What a tool knows about a call besides its arguments.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    /// The moment of the call, in the user's time zone.
    pub(crate) now: Zoned,
    /// Who asks.
    pub(crate) origin: Origin,
    /// The person's home directory.
    pub(crate) home: Option<PathBuf>,
    /// The linked worktree of its project that it works in; None in the main one.
    pub(crate) worktree: Option<String>,
    /// Version of the bridge that the client is behind; None over HTTP.
    pub(crate) bridge: Option<String>,
    /// Whether secrets are taken out of what is stored.
    pub(crate) redacts: bool,
}

impl Context {
    /// The moment of the call, in milliseconds since 1970.
    pub(crate) fn now_ms(&self) -> i64 {
        self.now.timestamp().as_millisecond()
    }

    /// How much of an answer the client shows.
    pub(crate) fn reach(&self) -> Reach {
        Reach::of(&self.origin.client)
    }
}

/// A tool. To add one, write a file with this trait and a line in [`super::TOOLS`].
pub(crate) trait Tool: 'static {
    /// Name that clients call it by.
    const NAME: &'static str;
    /// Name that people see.
    const TITLE: &'static str;
    /// When to use it, then what it does; clients cut it at 2 KB.
    const DESCRIPTION: &'static str;
    /// What it does to the store.
    const EFFECT: Effect;
    /// Whether clients should load it at start and not only when they search for tools.
    const IS_ALWAYS_LOADED: bool = false;
    /// Whether its answers may fill the room that a client has.
    const IS_LONG: bool = false;
    /// The arguments that it takes; the schema and the check are made from this table.
    const ARGUMENTS: Table = &[];
    /// Names under which old clients call it.
    const OLD_NAMES: &'static [OldName] = &[];

    /// A call whose arguments have been checked.
    type Request: Send;

    /// Turns arguments into a request; pure.
    ///
    /// # Errors
    /// If the arguments cannot be used.
    fn check(arguments: &Arguments, context: &Context) -> Result<Self::Request, ArgumentError>;

    /// Asks the engine, and shapes the answer. Dropping the future cancels the call, if its commit has not begun.
    fn run(
        engine: &Engine,
        request: Self::Request,
        context: &Context,
    ) -> impl Future<Output = Answer> + Send;
}

/// What a tool does to the store, as the protocol's annotations say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Changes nothing.
    Reads,
    /// Only adds; twice is the same as once.
    Adds,
    /// Changes or removes what is there; twice is the same as once.
    Changes,
}

/// A call of any tool whose arguments have been checked: it only needs an engine.
pub(super) type Checked = Box<
    dyn for<'a> FnOnce(&'a Engine, &'a Context) -> Pin<Box<dyn Future<Output = Answer> + Send + 'a>>
        + Send,
>;

/// A tool in a list: what [`Tool`] says, without its types.
pub(crate) struct Entry {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) description: &'static str,
    pub(super) effect: Effect,
    pub(super) is_always_loaded: bool,
    pub(super) is_long: bool,
    pub(super) arguments: Table,
    pub(super) old_names: &'static [OldName],
    pub(super) check: fn(&Arguments, &Context) -> Result<Checked, ArgumentError>,
}

impl Entry {
    /// Makes the entry of a tool.
    pub(super) const fn of<T: Tool>() -> Self {
        Self {
            name: T::NAME,
            title: T::TITLE,
            description: T::DESCRIPTION,
            effect: T::EFFECT,
            is_always_loaded: T::IS_ALWAYS_LOADED,
            is_long: T::IS_LONG,
            arguments: T::ARGUMENTS,
            old_names: T::OLD_NAMES,
            check: checked::<T>,
        }
    }

    /// Says whether it changes the store.
    pub(crate) fn writes(&self) -> bool {
        self.effect != Effect::Reads
    }

    /// Describes it as JSON, in the form of `tools/list`.
    pub(crate) fn to_json(&self) -> Value {
        let mut value = json!({
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "inputSchema": input_schema(self.arguments),
            "annotations": {
                "title": self.title,
                "readOnlyHint": !self.writes(),
                "destructiveHint": self.effect == Effect::Changes,
                "idempotentHint": true,
                "openWorldHint": false,
            },
        });
        if self.is_always_loaded {
            value["_meta"]["anthropic/alwaysLoad"] = json!(true);
        }
        if self.is_long {
            value["_meta"]["anthropic/maxResultSizeChars"] = json!(RESULT_CHARS_MAX);
        }
        value
    }
}

fn checked<T: Tool>(arguments: &Arguments, context: &Context) -> Result<Checked, ArgumentError> {
    let request = T::check(arguments, context)?;
    Ok(Box::new(move |engine, context| {
        Box::pin(T::run(engine, request, context))
    }))
}
