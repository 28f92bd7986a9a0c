//! MCP on a real engine with a store in a temporary folder, without a model.

mod bridge;
mod by_hash;
mod listing;
mod redactions;
mod support;
mod tools;
