//! The real program, started as a person or a client starts it.
//!
//! Cases live in the layers; here is the wiring: processes, files, ports, signals.

mod backups;
mod bridge;
mod commands;
mod control;
mod crash;
mod health;
mod history;
mod hosts;
mod icons;
mod layers;
mod sessions;
mod settling;
mod start;
mod statistics;
mod support;
#[cfg(all(target_os = "linux", feature = "desktop"))]
mod tray;
mod trouble;
