//! Commonplace: one long-term memory for every Claude Code instance on a machine.
//!
//! This package is the app, and thin: it reads the command line (`cli/`), the environment and the settings, makes the parts
//! of a host and connects them (`host/`), is the client of a host in another process (`client/`), changes the
//! configurations of programs that use us (`clients/`, `plugin/`), and shows tray and window (`desktop/`).

mod autostart;
mod claude_code;
mod cli;
mod client;
mod client_files;
mod clients;
mod connections;
mod context;
#[cfg(feature = "desktop")]
mod desktop;
#[cfg(feature = "failpoints")]
mod fail_points;
mod host;
mod lock_files;
mod logging;
mod logs;
mod model;
mod other_stores;
mod output;
mod own_command;
mod paths;
mod plugin;
mod projects;
mod runtime;
mod settings;
mod system;
mod tokens;
mod words;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    #[cfg(feature = "failpoints")]
    fail_points::install();
    cli::run(cli::Cli::parse())
}
