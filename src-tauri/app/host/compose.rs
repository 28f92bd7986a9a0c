//! Where the parts are made and connected, and nowhere else.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant, SystemTime};

use commonplace_engine::{Engine, EngineConfig, ModelUse, Served};
use commonplace_http::{
    About, Access, Door, FindCaller, HostMemories, Site, SiteLimits, Surroundings, TcpDoor, Tokens,
};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::oneshot;

use crate::autostart::LoginEntry;
use crate::claude_code::own_command;
use crate::client::serving;
use crate::connections::ConnectedClients;
use crate::context::Options;
use crate::host::kept_sessions::KeptSessions;
use crate::host::local_host::LocalHost;
use crate::host::mcp_mount::{self, REDACTION};
use crate::host::opening;
use crate::paths::DataDir;
use crate::projects::tidy_once;
use crate::runtime::small_runtime;
use crate::settings::{Fixed, LiveSettings, Settings, SettingsFile};
use crate::system::identity::identity;
use crate::system::local_socket;
use crate::system::port_owner::{Peers, port_owner};
use crate::system::processes::SystemProcesses;
use crate::system::random::random_bytes;
use crate::system::store_dir::{self, StoreDirError};
use crate::tokens::{self, TokenFileError, TokenTexts};

/// How long accepted writes may take to finish when the host stops.
const SHUTDOWN_TIME_MAX: Duration = Duration::from_secs(15);

/// How long a command that has finished waits for the threads of its engine.
const CLOSE_TIME_MAX: Duration = Duration::from_secs(5);

/// How long answers that are ready may take to reach their clients when the host stops.
const ANSWERS_TIME_MAX: Duration = Duration::from_secs(1);

/// How often files are looked at that change while the host runs.
const WATCH_EVERY: Duration = Duration::from_secs(1);

/// Connections that may come at once before the host has taken up the first: with the 128 that std has, one of some hundred
/// was dropped and came back after the second that TCP waits (RFC 6298, 2.1).
const BACKLOG: u32 = 1024;

/// Tells why a host could not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error(transparent)]
    Dir(#[from] StoreDirError),
    #[error(transparent)]
    Engine(#[from] commonplace_engine::OpenError),
    #[error(transparent)]
    Tokens(#[from] TokenFileError),
    #[error("port {port} on 127.0.0.1 is taken{}; stop that program, or choose another port with --port (0 = any)", by(.owner))]
    PortTaken { port: u16, owner: Option<String> },
    #[error("could not listen on 127.0.0.1:{port}: {source}")]
    Listen { port: u16, source: std::io::Error },
    #[error("could not write `{path}`: {source}")]
    File {
        path: PathBuf,
        source: std::io::Error,
    },
}

fn by(owner: &Option<String>) -> String {
    match owner {
        Some(owner) => format!(" by {owner}"),
        None => format!(
            " by another program ({})",
            crate::system::platform::PORT_OWNER_COMMAND
        ),
    }
}

/// A host that runs in this process.
pub(crate) struct RunningHost {
    pub(crate) engine: Engine,
    /// The same, as the tray asks it.
    #[cfg_attr(
        not(feature = "desktop"),
        expect(dead_code, reason = "only a tray asks the host in its own process")
    )]
    pub(crate) local: LocalHost,
    pub(crate) url: String,
    pub(crate) mcp_url: String,
    mcp_server: commonplace_mcp::Server,
    stop: oneshot::Sender<()>,
    serving: tokio::task::JoinHandle<commonplace_http::Finished>,
    /// Compiles the rules that find secrets, so that the first memory does not wait for them.
    compiling: tokio::task::JoinHandle<()>,
    /// Looks after files that change while the host runs.
    watches: [tokio::task::JoinHandle<()>; 3],
}

/// Opens the engine of a store for a command or a host. Blocks.
pub(crate) fn open_engine(
    options: &Options,
    settings: &Settings,
    model_use: ModelUse,
) -> Result<Engine, StartError> {
    store_dir::check(options.data_dir.path())?;
    let config = EngineConfig {
        data_dir: options.data_dir.path().to_owned(),
        model_dir: options.model_dir(settings),
        limits: settings.limits,
        model_use,
        processes: Arc::new(SystemProcesses),
    };
    Ok(Engine::open(config, identity(options.role))?)
}

/// Closes the engine of a command, so that it leaves nothing behind. Waits for its threads for up to 5 s.
pub(crate) fn close_engine(engine: Engine) {
    match small_runtime() {
        Ok(runtime) => drop(runtime.block_on(engine.shutdown(CLOSE_TIME_MAX))),
        Err(error) => tracing::warn!(%error, "the store was not closed in order"),
    }
}

impl RunningHost {
    /// Opens the store and listens. The host answers when this returns.
    pub(crate) async fn start(options: &Options, settings: &Settings) -> Result<Self, StartError> {
        let engine = open_engine(options, settings, ModelUse::Indexing)?;
        write_template(options)?;
        let dir = options.data_dir.path();
        TokenTexts::ensure(dir)?;
        // Before they are read: a rotation in between is noticed then.
        let tokens_changed = tokens::changed(dir);
        let tokens = TokenTexts::read(dir)?.checked(dir)?;
        let listener = listen(options, settings).await?;
        let own_address = listener
            .local_addr()
            .map_err(|source| StartError::Listen { port: 0, source })?;
        let port = own_address.port();
        let access = access(&options.data_dir, port, tokens);
        let url = format!("http://127.0.0.1:{port}/");
        let mcp_url = format!("http://127.0.0.1:{port}/mcp");
        let limits = SiteLimits::default();
        let redacts = Arc::new(AtomicBool::new(settings.redact_secrets));
        let (mcp_server, mcp) =
            mcp_mount::mount(&engine, Arc::clone(&redacts), port, limits.body_bytes_max);
        let fixed = Fixed::list(options);
        let file = SettingsFile::new(&options.data_dir, settings, fixed);
        let live = Arc::new(LiveSettings::new(
            file,
            engine.clone(),
            Arc::clone(&redacts),
        ));
        let host = LocalHost {
            engine: engine.clone(),
            settings: Arc::clone(&live),
            data_dir: options.data_dir.clone(),
            access: access.clone(),
            port,
            role: "dashboard",
        };
        let peers = Arc::new(Peers::new());
        let mut doors = doors(listener, own_address, &peers);
        let socket = open_socket(&engine, &mut doors);
        let site = Site {
            port,
            host: Arc::new(host.clone()),
            login: Arc::new(LoginEntry::of(&options.data_dir)),
            clients: Arc::new(ConnectedClients::of(&options.data_dir)),
            access: access.clone(),
            mcp,
            about: About {
                mcp_revisions: commonplace_mcp::revisions(),
                command: own_command(&options.data_dir),
            },
            find_process: Arc::new(move |peer| peers.process_of(peer, own_address)),
            status: Arc::new(engine.clone()),
            memories: Arc::new(HostMemories::new(
                engine.clone(),
                REDACTION,
                Arc::clone(&redacts),
            )),
            limits,
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(commonplace_http::serve(doors, site, async {
            // A dropped sender stops the host as well.
            drop(stopped.await);
        }));
        engine.announce(Served {
            url: url.clone(),
            mcp_url: mcp_url.clone(),
            socket,
            network: local_socket::network(),
        })?;
        let redacts_now = settings.redact_secrets;
        let compiling = tokio::task::spawn_blocking(move || compile_rules(redacts_now));
        let watches = [
            tokio::spawn(watch_tokens(
                options.data_dir.clone(),
                access.clone(),
                tokens_changed,
            )),
            tokio::spawn(watch_settings(live)),
            tokio::spawn(tidy_once(engine.clone(), options.data_dir.clone())),
        ];
        Ok(Self {
            engine,
            local: host,
            url,
            mcp_url,
            mcp_server,
            stop,
            serving,
            compiling,
            watches,
        })
    }

    /// Finishes what was accepted, refuses the rest, and closes the store.
    ///
    /// # Errors
    /// [`Lost`] if that was the end of what had been acknowledged.
    pub(crate) async fn stop(self) -> Result<(), Lost> {
        self.watches.iter().for_each(|watch| watch.abort());
        // New requests are refused while those under way finish.
        let is_finished = self.engine.shutdown(SHUTDOWN_TIME_MAX).await;
        // The server may have ended by itself.
        let _ = self.stop.send(());
        // Requests that have their answer hand it out; streams without an end are ended for them after that.
        let mut serving = self.serving;
        let served = match tokio::time::timeout(ANSWERS_TIME_MAX, &mut serving).await {
            Ok(served) => served,
            Err(_) => {
                self.mcp_server.stop();
                serving.await
            }
        };
        match served {
            Ok(finished) if finished.connections_cut > 0 => {
                tracing::warn!(
                    connections = finished.connections_cut,
                    "connections were cut"
                );
            }
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "the server task failed"),
        }
        // It takes some tenths of a second in all; a panic in it shows with the next text.
        drop(self.compiling.await);
        if !is_finished {
            tracing::error!(
                "some accepted writes were not finished in time; their clients have no answer"
            );
        }
        self.engine
            .not_rescued()
            .map_or(Ok(()), |why| Err(Lost(why)))
    }
}

/// The files of the store had no name any more, and nothing could be written of them when the host closed them.
#[derive(Debug, thiserror::Error)]
#[error(
    "the files of the store had been removed or replaced, and what only this host still had could not be saved: {0}; \
     `commonplace restore --list` shows the backups"
)]
pub(crate) struct Lost(String);

/// Compiles the rules that find secrets, unless nobody wants them now.
fn compile_rules(redacts: bool) {
    if redacts {
        commonplace_mcp::redact::compile_rules();
        tracing::debug!("the rules that find secrets are compiled");
    }
}

/// Binds the port; a taken one is named with the program that has it.
async fn listen(options: &Options, settings: &Settings) -> Result<TcpListener, StartError> {
    let port = options.port.unwrap_or(settings.port);
    match bind(port) {
        Ok(listener) => Ok(listener),
        Err(error)
            if error.kind() == std::io::ErrorKind::AddrInUse
                && options.or_any_port
                && port != 0 =>
        {
            let owner = port_owner(port).unwrap_or_else(|| "another program".to_owned());
            tracing::warn!(port, owner, "the port is taken; listening on another one");
            bind(0).map_err(|source| StartError::Listen { port: 0, source })
        }
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            let own = serving(&options.data_dir).into_iter().find(|host| {
                host.url
                    .as_deref()
                    .is_some_and(|url| url.ends_with(&format!(":{port}/")))
            });
            let owner = match own {
                Some(host) => Some(format!(
                    "the host of this store (pid {}), which is already running",
                    host.identity.pid
                )),
                None => port_owner(port),
            };
            Err(StartError::PortTaken { port, owner })
        }
        Err(source) => Err(StartError::Listen { port, source }),
    }
}

fn bind(port: u16) -> std::io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    // A port in TIME_WAIT can be bound again, as with std. On Windows the option lets two programs have one port.
    if cfg!(unix) {
        socket.set_reuseaddr(true)?;
    }
    socket.bind(SocketAddr::from(([127, 0, 0, 1], port)))?;
    socket.listen(BACKLOG)
}

/// Where connections come in.
fn doors(listener: TcpListener, own_address: SocketAddr, peers: &Arc<Peers>) -> Vec<Box<dyn Door>> {
    let peers = Arc::clone(peers);
    let find_caller: FindCaller = Arc::new(move |peer| peers.caller(peer, own_address));
    vec![Box::new(TcpDoor::new(listener, find_caller))]
}

/// Opens the way in for programs of ours, which trust no port. Returns how it is recorded; None if there can be none, as on
/// file systems without sockets.
fn open_socket(engine: &Engine, doors: &mut Vec<Box<dyn Door>>) -> Option<String> {
    let path = engine.socket_path();
    match local_socket::listen(&path) {
        Ok((more, recorded)) => {
            doors.extend(more);
            Some(recorded)
        }
        Err(error) => {
            tracing::warn!(
                path = %path.display(), %error,
                "could not open this host's socket; other programs reach it by its port, and only where the system says who listens there"
            );
            None
        }
    }
}

/// Takes new tokens into use when their files are not those that were `known`, and removes pages whose codes are too old.
async fn watch_tokens(
    data_dir: DataDir,
    access: Access,
    mut known: Option<(SystemTime, SystemTime)>,
) {
    let dir = data_dir.path();
    let mut tick = tokio::time::interval(WATCH_EVERY);
    loop {
        tick.tick().await;
        opening::remove_old(&data_dir, SystemTime::now());
        let now = tokens::changed(dir);
        if now == known || now.is_none() {
            continue;
        }
        match TokenTexts::read(dir).and_then(|texts| texts.checked(dir)) {
            Ok(tokens) => {
                access.rotate(tokens);
                known = now;
                tracing::info!("new tokens are in use; the old ones have ended");
            }
            Err(error) => {
                tracing::warn!(%error, "the tokens changed and cannot be read; the old ones stay in use")
            }
        }
    }
}

/// Takes new settings into use when their file changes.
async fn watch_settings(live: Arc<LiveSettings>) {
    let mut tick = tokio::time::interval(WATCH_EVERY);
    loop {
        tick.tick().await;
        live.look();
    }
}

/// Lets in whoever has a token, or a session of an earlier host on this port.
fn access(data_dir: &DataDir, port: u16, tokens: Tokens) -> Access {
    match KeptSessions::open(data_dir, port, SystemTime::now()) {
        Ok(file) => Access::keeping(tokens, surroundings(), Arc::new(file)),
        Err(error) => {
            let dir = data_dir.sessions();
            tracing::warn!(dir = %dir.display(), %error, "could not open the directory of sessions; pages will ask for a key after this host restarts");
            Access::new(tokens, surroundings())
        }
    }
}

fn surroundings() -> Surroundings {
    Surroundings {
        now: Arc::new(Instant::now),
        now_ms: Arc::new(|| jiff::Timestamp::now().as_millisecond()),
        random: Arc::new(random_bytes),
    }
}

/// Puts the commented settings file beside a new store.
fn write_template(options: &Options) -> Result<(), StartError> {
    let path = options.data_dir.settings();
    if path.exists() {
        return Ok(());
    }
    std::fs::write(&path, crate::settings::template())
        .map_err(|source| StartError::File { path, source })
}
