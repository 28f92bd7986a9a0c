//! The command line: what can be asked, and how it ends.

pub(crate) mod autostart;
pub(crate) mod backup;
pub(crate) mod connect;
pub(crate) mod deleting;
pub(crate) mod doctor;
pub(crate) mod grafana;
pub(crate) mod hook;
pub(crate) mod host;
pub(crate) mod locks;
pub(crate) mod memories;
pub(crate) mod model;
pub(crate) mod open;
pub(crate) mod pause;
pub(crate) mod plugin;
pub(crate) mod projects;
pub(crate) mod repair;
pub(crate) mod settings;
pub(crate) mod status;
pub(crate) mod token;
pub(crate) mod upkeep;
pub(crate) mod verify;
mod which;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use commonplace_api::{Pause, Refusal};
use commonplace_engine::{BackupError, RequestError, UpkeepError};

use crate::client::ClientError;
use crate::client::bridge::{self, BridgeError};
use crate::connections::ConnectError;
use crate::context::{Context, Options};
use crate::host::compose::StartError;
use crate::output;
use crate::paths::DataDir;
use crate::plugin::PluginError;
use crate::runtime::{RuntimeError, small_runtime};
use crate::settings::{Reading, Settings};
use crate::tokens::TokenFileError;
use crate::words;

/// One long-term memory for every Claude Code instance on this machine.
///
/// Without a command, this starts the tray application; a build without it says so.
/// Exit codes: 0 done, 1 failed, 2 usage, 3 busy or timeout, 4 no host is running.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 110)]
pub(crate) struct Cli {
    /// Store directory [env: COMMONPLACE_DATA_DIR] [default: `commonplace` in the platform's data directory]
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Print JSON instead of text
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start the tray application with the host in it
    App {
        /// Start without showing the window
        #[arg(long)]
        hidden: bool,
        #[command(flatten)]
        listen: Listen,
    },
    /// Serve the store without a display
    Serve {
        #[command(flatten)]
        listen: Listen,
        /// Take any port if that one is taken: for hosts that bridges start, which reach them by their socket
        #[arg(long, hide = true)]
        or_any_port: bool,
    },
    /// Speak MCP on stdin and stdout, forwarding to the host; starts one if none runs
    Mcp,
    /// Show what the host is doing: lock holder, queue, waiting times, clients
    Status,
    /// Show the concurrent access statistics of the store, also while no host is running
    Stats(status::StatsCommand),
    /// Pause writes to the store, in all its hosts and commands, until `resume`; searches still work
    Pause,
    /// Resume writes after `pause`
    Resume,
    /// Show or change the settings; a running host applies a change at once
    Settings(settings::SettingsCommand),
    /// Show every lock: who holds it, who waits for it, for how long, what is left over, and what can be done
    Locks,
    /// Settle a lock that is left over or stuck; refuses where that is not safe
    Unlock(locks::Unlock),
    /// Store a memory
    Store(memories::Store),
    /// Search memories
    Search(memories::Search),
    /// List memories, the newest first
    List(memories::List),
    /// Delete memories; they can be restored for at least 30 days
    Delete(deleting::Delete),
    /// Restore deleted memories
    Undo(deleting::Undo),
    /// Remove deleted memories permanently: text, index, vectors and history
    Purge(deleting::Purge),
    /// List projects, or give each of them one name
    Projects(projects::ProjectsCommand),
    /// Back up the store while it is in use
    Backup(backup::Backup),
    /// Replace the store with a backup; the current store is backed up first
    Restore(upkeep::Restore),
    /// Return the space that deleted memories took to the disk
    Compact(upkeep::Waiting),
    /// Rebuild the search indexes from the memories and report what was wrong with them
    Rebuild(upkeep::Waiting),
    /// Repair a damaged store: keep what is intact, take the rest from the backups
    Repair(repair::Repair),
    /// Fetch the model's files, which search by meaning needs, or look at them
    Model(model::ModelCommand),
    /// Print the token for MCP, or make new tokens
    Token(token::Token),
    /// Connect a client to this store; without a client, list them
    Connect(connect::Connect),
    /// Write the plugin for Claude Code into a folder: tools, recall with each prompt, and a skill that says what to store
    Plugin(plugin::Plugin),
    /// Answer an event of a client's session: brief, recall, capture; never an error, and nothing without a host
    Hook(hook::Hook),
    /// Open the dashboard in the browser
    Open {
        /// Only print the address (valid once, for one minute), to a terminal or with --json
        #[arg(long)]
        print: bool,
    },
    /// Show or change whether the program starts at login
    Autostart(autostart::AutostartCommand),
    /// Print a Grafana dashboard for `/metrics`
    Grafana,
    /// Check for problems and say what to do about each
    Doctor(doctor::Doctor),
    /// Prove that concurrent writes are safe on this machine, with real client processes and a scratch store
    Verify(verify::Verify),
    /// One client process of `verify`
    #[command(hide = true)]
    VerifyClient(verify::Client),
}

/// Where a host listens.
#[derive(Debug, Clone, Args)]
pub(crate) struct Listen {
    /// Port on 127.0.0.1, 0 = any [default: 7311]
    #[arg(long, env = "COMMONPLACE_PORT")]
    port: Option<u16>,
    /// Directory with the files of the model [default: `models/all-MiniLM-L6-v2` in the store directory]
    #[arg(long, value_name = "DIR", env = "COMMONPLACE_MODEL_DIR")]
    model_dir: Option<PathBuf>,
}

/// Tells why a command failed, and with which exit code.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Tokens(#[from] TokenFileError),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error("writes are paused {0}; nothing was changed: `commonplace resume` resumes them")]
    Paused(Pause),
    #[error(transparent)]
    Backup(#[from] BackupError),
    #[error(transparent)]
    Upkeep(#[from] UpkeepError),
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    #[error(transparent)]
    Bridge(#[from] BridgeError),
    #[error(transparent)]
    Plugin(#[from] PluginError),
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[cfg(feature = "desktop")]
    #[error(transparent)]
    App(#[from] crate::desktop::app::AppError),
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    Busy(String),
    #[error("{0}")]
    Failed(String),
}

impl CommandError {
    /// Returns the exit code: 1 failed, 2 usage, 3 busy or timeout, 4 not running.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Request(
                RequestError::QueueFull { .. }
                | RequestError::TimedOut { .. }
                | RequestError::Paused { .. },
            ) => 3,
            Self::Busy(_) | Self::Paused(_) | Self::Backup(BackupError::UnderWay) => 3,
            Self::Upkeep(error) if error.is_busy() => 3,
            Self::Refused(refusal) | Self::Client(ClientError::Refused(refusal)) => {
                exit_code_of(refusal)
            }
            Self::Client(ClientError::Stopped { .. }) => 3,
            Self::Client(ClientError::NotRunning(_)) => 4,
            _ => 1,
        }
    }
}

fn exit_code_of(refusal: &Refusal) -> u8 {
    // By the code, which hosts of all versions have.
    match refusal.code() {
        "bad_request" | "bad_setting" => 2,
        "busy" | "paused" | "queue_full" | "timed_out" => 3,
        _ => 1,
    }
}

/// Runs one command line to its end.
pub(crate) fn run(cli: Cli) -> ExitCode {
    // Before anything that can fail: exit code 2 of a hook would keep a prompt from being sent.
    if let Some(Command::Hook(hook)) = &cli.command {
        return hook::run(cli.data_dir, hook);
    }
    let json = cli.json;
    match dispatch(cli) {
        Ok(code) => code,
        Err(error) => {
            output::error(&words::with_causes(&error), error.exit_code(), json);
            ExitCode::from(error.exit_code())
        }
    }
}

fn dispatch(cli: Cli) -> Result<ExitCode, CommandError> {
    let data_dir = DataDir::asked(cli.data_dir).ok_or_else(|| {
        CommandError::Usage(
            "this user has no home directory: name a store directory with --data-dir".to_owned(),
        )
    })?;
    let json = cli.json;
    let command = cli.command.unwrap_or(Command::App {
        hidden: false,
        listen: Listen {
            port: None,
            model_dir: None,
        },
    });
    if needs_good_dir(&command) {
        crate::system::store_dir::check(data_dir.path()).map_err(StartError::Dir)?;
    }
    let read = Reading::at(&data_dir.settings(), &Settings::default());
    let options = |role, listen: Option<Listen>| Options {
        data_dir: data_dir.clone(),
        port: listen.as_ref().and_then(|listen| listen.port),
        model_dir: listen
            .and_then(|listen| listen.model_dir)
            .or_else(|| std::env::var_os("COMMONPLACE_MODEL_DIR").map(PathBuf::from)),
        role,
        or_any_port: false,
    };
    if let Command::Doctor(doctor) = &command {
        return doctor.run(&options("cli doctor", None), &read, json);
    }
    // No command ends because of a line in a file; `settings` reports the problem in its answer.
    let problem = read.problem(&data_dir.settings());
    if let Some(problem) = problem.filter(|_| !matches!(command, Command::Settings(_))) {
        output::note(&format!("note: {problem}"));
    }
    let settings = read.settings;
    let context = |role, listen| Context {
        options: options(role, listen),
        settings: settings.clone(),
        json,
    };
    match command {
        Command::App { hidden, listen } => host::app(context("app", Some(listen)), hidden),
        Command::Serve {
            listen,
            or_any_port,
        } => {
            let mut context = context("serve", Some(listen));
            context.options.or_any_port = or_any_port;
            host::serve(context)
        }
        Command::Mcp => {
            bridge::run(&context("mcp", None))?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Status => status::status(&context("cli status", None)),
        Command::Locks => locks::locks(&context("cli locks", None)),
        Command::Unlock(unlock) => locks::unlock(&context("cli unlock", None), &unlock),
        Command::Stats(stats) => status::stats(&context("cli stats", None), &stats),
        Command::Pause => pause::pause(&context("cli pause", None)),
        Command::Resume => pause::resume(&context("cli resume", None)),
        Command::Settings(command) => settings::run(&context("cli settings", None), command),
        Command::Store(store) => memories::store(&context("cli store", None), store),
        Command::Search(search) => memories::search(&context("cli search", None), search),
        Command::List(list) => memories::list(&context("cli list", None), list),
        Command::Delete(delete) => deleting::delete(&context("cli delete", None), delete),
        Command::Undo(undo) => deleting::undo(&context("cli undo", None), undo),
        Command::Purge(purge) => deleting::purge(&context("cli purge", None), purge),
        Command::Projects(command) => projects::run(&context("cli projects", None), command),
        Command::Backup(backup) => backup::run(&context("cli backup", None), backup),
        Command::Restore(restore) => upkeep::restore(&context("cli restore", None), restore),
        Command::Compact(waiting) => upkeep::compact(&context("cli compact", None), waiting),
        Command::Rebuild(waiting) => upkeep::rebuild(&context("cli rebuild", None), waiting),
        Command::Repair(repair) => repair::run(&context("cli repair", None), &repair),
        Command::Model(command) => model::run(&context("cli model", None), command),
        Command::Token(token) => token::run(&context("cli token", None), token),
        Command::Connect(connect) => connect::run(&context("cli connect", None), &connect),
        Command::Plugin(plugin) => plugin::run(&context("cli plugin", None), &plugin),
        Command::Open { print } => open::run(&context("cli open", None), print),
        Command::Autostart(command) => autostart::run(&context("cli autostart", None), &command),
        Command::Grafana => Ok(grafana::run()),
        Command::Doctor(_) => {
            unreachable!("handled above, because it reports damaged settings itself")
        }
        Command::Hook(_) => unreachable!("handled before, because it fails with no exit code"),
        Command::Verify(verify) => verify::run(&context("cli verify", None), &verify),
        Command::VerifyClient(client) => verify::run_client(&context("cli verify", None), &client),
    }
}

/// Tells whether a command must not touch a directory that is not this user's alone. Of the others, `doctor` says what is
/// wrong with it, the bridge tells its client, the application tells in a window, `model` looks itself where it writes, and some open no store.
fn needs_good_dir(command: &Command) -> bool {
    !matches!(
        command,
        Command::App { .. }
            | Command::Doctor(_)
            | Command::Mcp
            | Command::Model(_)
            | Command::Grafana
            | Command::VerifyClient(_)
    )
}

/// Asks the person at the terminal a question, to which everything but yes means no.
fn is_confirmed(question: &str) -> Result<bool, CommandError> {
    output::note(&format!("{question} [y/N]"));
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer);
    read.map_err(|error| CommandError::Failed(format!("could not read the answer: {error}")))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
