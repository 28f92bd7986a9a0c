//! Commonplace: one long-term memory for every Claude Code instance on a machine.
//!
//! This package is the app, and thin: it reads the command line, the environment and the settings, makes the parts and
//! connects them (`compose.rs`), and is the client of a host that runs elsewhere (`client.rs`).

mod autostart;
mod bridge;
mod cli;
mod client;
mod compose;
mod control;
#[cfg(feature = "desktop")]
mod desktop;
#[cfg(feature = "failpoints")]
mod fail_points;
mod identity;
mod kept_sessions;
mod local_socket;
mod logging;
mod logs;
mod mcp_client;
mod mcp_mount;
mod model;
mod opening;
mod paths;
mod platform;
mod port_owner;
mod private_file;
mod processes;
mod proved_host;
mod settings;
mod store_dir;
mod tokens;
#[cfg(feature = "desktop")]
mod tray_app;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    #[cfg(feature = "failpoints")]
    fail_points::install();
    cli::run(cli::Cli::parse())
}
