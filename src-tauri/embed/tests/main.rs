//! The embed layer with its real model files.
//!
//! The files are looked for in COMMONPLACE_MODEL_DIR, else in target/models/all-MiniLM-L6-v2 of the
//! workspace. Without them these tests fail; `cargo xtask model` fetches them.

mod damaged;
mod files;
mod reference;
mod slot;
mod texts;
mod threads;
