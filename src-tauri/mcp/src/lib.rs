//! MCP: what Claude Code and other clients see of the store.
//!
//! [`Server`] answers `/mcp` over HTTP, in both generations of the protocol and without sessions: a request says
//! everything itself, so a restart of the host loses nothing. [`bridge`] is for clients that start a command and speak
//! over its stdin and stdout.
//!
//! # What this layer promises
//!
//! - Names, arguments and texts that users of the Python "MCP Memory Service" know are understood and given
//!   (`tools`, `arguments`).
//! - An error says in words that a model can act on what is wrong: which argument, what was given, what is wanted.
//! - An answer stays below about 2,000 tokens unless more is asked for (`budget`), and always below what the client that
//!   asked shows its model (`readers`); what is left out is said, with the way to it.
//! - Stored text is data: it is cleaned of what cannot be seen, and cannot pass for text of ours
//!   ([`commonplace_engine::clean`]). Secrets are taken out before storing ([`redact`]): a pure function that knows nothing
//!   of MCP, open to other entries; it lives here because every text that a model wrote comes in here.
//! - A client that gives up a request is taken at its word: the request leaves the queue, if its commit has not begun.
//!
//! # What it does not know
//!
//! Neither store nor lock nor HTTP server: it asks the engine, and hands out a service that the app mounts. Tokens, Host
//! and request limits are the guard's business, which stands before it. The library that speaks the protocol is named in
//! one file, `protocol`.

mod answer;
mod arguments;
mod ask;
pub mod bridge;
mod budget;
mod filters;
mod http_service;
mod nearest;
mod origin;
mod percent;
pub mod project;
mod prompts;
mod protocol;
mod readers;
pub mod redact;
mod repair;
mod resources;
mod scope;
mod server;
mod tags;
mod time_phrase;
mod tools;

// How arguments are spelled, for the command line: it takes the same filters.
pub use arguments::{is_word_for_nothing, tags_in};
pub use http_service::{HttpBody, HttpService};
pub use origin::{FolderOf, HEADER_SESSION};
pub use protocol::revisions;
pub use server::{Clock, McpOptions, Server};
pub use time_phrase::{Asked, AskedError, Doubt, Understood, understand};
