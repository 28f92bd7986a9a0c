//! What leaves a process of Commonplace: types, refusals, the table of settings, and the calls of a client.
//!
//! Everything that a host answers, that a command prints with `--json`, and that the page, the tray and the tests read is one
//! of these types. Each can be written and read, and describes itself: the OpenAPI document and the types of the page are
//! generated from them.
//!
//! This layer knows no store, no lock and no engine: those turn what they know into these types. It opens no connection; a
//! [`call::Call`] is what to send and how to read the answer, whoever carries it.
//!
//! # Compatibility
//!
//! An older host and a newer command understand each other, and the other way round. A field that is added has a default;
//! a word that is added to an enum that has `Unknown` is read as that by older programs (levels of the log, modes of search
//! and charts have none: they are a closed list); a refusal of another version keeps its code and its sentence
//! ([`Refusal::Other`]). `tests/stored` holds answers of earlier versions, which are read for ever.
//!
//! All times ending in `_ms` are milliseconds; instants are milliseconds since 1970.

pub mod about;
pub mod backups;
pub mod call;
pub mod charts;
pub mod connections;
pub mod locks;
pub mod logs;
pub mod mcp;
pub mod memories;
pub mod oauth;

mod host;
mod known;
mod origin;
mod pause;
mod process;
pub mod query;
pub mod redactions;
mod refusal;
pub mod settings;
pub mod statistics;
pub mod status;

pub use host::Host;
pub use origin::Transport;
pub use pause::{Pause, PauseAnswer, PauseRequest};
pub use process::ProcessState;
pub use refusal::{RPC_REFUSED, Refusal, RefusalBody, RpcRefusal, SaidRefusal};

/// What a host answers, as an OpenAPI 3.1 document. Generated from these types; a test keeps them equal.
pub const OPENAPI: &str = include_str!("../openapi.json");
