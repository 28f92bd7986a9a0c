//! Tray and window: the face of the program where there is a display.
//!
//! Knows the host only through [`Face`], so it looks the same whether the host runs in this process or in
//! another one. Shows the host's own page and decides nothing about memories, queue or lock.
//!
//! Who runs where: the main thread belongs to the event loop and never waits; one thread, the [`desk`], owns
//! all that changes and does everything that may take time. Menu, tray and windows reach it as [`desk::Wish`]es
//! over a bounded channel.
//!
//! The window shows a page from the network (if only from this machine), therefore it has no Tauri command,
//! no capability and no way to another origin.

mod desk;
mod environment;
mod menu;
mod notice;
mod panel;
mod remembered;
mod single;
mod tray;
mod window;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Once};

use tauri::{RunEvent, WindowEvent};

use desk::{Desk, Wish};
use menu::Action;

pub(crate) use environment::with_webkit_environment;
pub(crate) use single::{AppLock, FirstApp, Start, claim};

/// Wishes that may wait for the desk; a person cannot click faster, and one more is dropped without harm.
const WISHES_MAX: usize = 64;

/// What the tray and the window need of the host, whether it runs in this process or another.
pub(crate) trait Face: Send + Sync + 'static {
    /// Reads the state for icon, tooltip and status line.
    ///
    /// Blocks for at most some hundred milliseconds. None: the host is gone.
    fn glance(&self) -> Option<Glance>;

    /// Returns the address of the page with a fresh one-time code (`http://127.0.0.1:PORT/#code=...`).
    ///
    /// # Errors
    /// A sentence for the person at the screen, such as that the host does not answer.
    fn page_url(&self) -> Result<String, String>;

    /// Returns the command that connects Claude Code.
    fn connect_line(&self) -> String;

    /// Tells whether the host runs in this process; false if this app is attached to another host.
    fn is_own_host(&self) -> bool;

    /// Finishes accepted writes and stops the host; has no effect when attached.
    ///
    /// Blocks for up to about 10 s. Called once.
    fn stop(&self);

    /// Tells whether somebody outside asked the program to end, such as by a signal; it quits as by the menu then.
    ///
    /// Asked four times a second: must not block.
    fn is_asked_to_quit(&self) -> bool {
        false
    }

    /// Returns the folder with the logs.
    fn log_dir(&self) -> PathBuf;

    /// Returns the store directory.
    fn data_dir(&self) -> PathBuf;
}

/// What is to be seen of a host at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Glance {
    /// The state in one word; chooses the icon.
    pub(crate) state: State,
    /// The state in one sentence; becomes the status line.
    pub(crate) sentence: String,
    /// Requests in the write queue.
    pub(crate) queue_length: usize,
    /// Instances that wait for the write lock.
    pub(crate) waiters: usize,
    /// Connected clients.
    pub(crate) clients: usize,
    /// Memories in the store.
    pub(crate) memories: u64,
    /// Memories whose vector is still to be made.
    pub(crate) backlog: u64,
}

/// The state of a host in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Nothing waits.
    Ok,
    /// Requests are being worked on.
    Busy,
    /// Somebody waits for longer than is usual.
    Waiting,
    /// The host cannot do its work, or is gone.
    Error,
}

/// How the app starts.
#[derive(Debug, Default)]
pub(crate) struct DesktopOptions {
    /// Only the tray icon appears; for a start at login.
    pub(crate) hidden: bool,
    /// Proof that this is the only app on its store, through which later starts ask for the window.
    ///
    /// None: later starts are not heard.
    pub(crate) lock: Option<AppLock>,
}

/// Why tray and window could not be had. The host is not touched: it can go on without them.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DesktopError {
    /// There is no display, or this process may not use it.
    #[cfg(target_os = "linux")]
    #[error(
        "could not open a window: no display (DISPLAY is {x11}, WAYLAND_DISPLAY is {wayland}); \
         `commonplace serve` does the same without one"
    )]
    NoDisplay {
        /// The value of DISPLAY, or "not set".
        x11: String,
        /// The value of WAYLAND_DISPLAY, or "not set".
        wayland: String,
    },
    /// The window system refused.
    #[error("could not start tray and window; `commonplace serve` runs without them")]
    Start(#[source] tauri::Error),
    /// The thread for the desk could not be started.
    #[error("could not start the thread behind tray and window")]
    Thread(#[source] std::io::Error),
}

/// Runs tray and window until the person quits; the host is stopped when this returns without an error.
///
/// Must be called on the main thread, which the event loop keeps; returns after [`Face::stop`] did.
///
/// # Errors
/// All of [`DesktopError`], before anything is shown. The host still runs then.
pub(crate) fn run(face: Arc<dyn Face>, options: DesktopOptions) -> Result<(), DesktopError> {
    environment::check_display()?;
    let (wishes, inbox) = sync_channel(WISHES_MAX);
    let profile = single::app_dir(&face.data_dir()).join("webview");
    let board = notice::Board::new(profile);
    let app = build(&board, wishes.clone())?;
    let end = Arc::new(End::new(face.clone()));
    let desk = Desk::new(
        app.handle().clone(),
        face,
        board,
        end.clone(),
        options,
        wishes.clone(),
    );
    let thread = std::thread::Builder::new()
        .name("desk".into())
        .spawn(move || desk.run(&inbox))
        .map_err(DesktopError::Thread)?;
    let on_loop = end.clone();
    app.run_return(move |_, event| on_event(&event, &wishes, &on_loop));
    // Where the system ended the loop, the desk may wait for a loop that will not turn again; it is left behind.
    if end.is_from_desk() && thread.join().is_err() {
        tracing::error!("the thread behind tray and window ended by a panic");
    }
    Ok(())
}

/// Stops the host once, whoever asks first.
struct End {
    face: Arc<dyn Face>,
    once: Once,
    from_desk: AtomicBool,
}

impl End {
    fn new(face: Arc<dyn Face>) -> Self {
        Self {
            face,
            once: Once::new(),
            from_desk: AtomicBool::new(false),
        }
    }

    /// Stops the host and tells that the desk will end the event loop.
    fn stop_from_desk(&self) {
        self.stop_host();
        self.from_desk.store(true, Ordering::Release);
    }

    fn is_from_desk(&self) -> bool {
        self.from_desk.load(Ordering::Acquire)
    }

    /// Returns when the host is stopped, also when another thread is at it.
    fn stop_host(&self) {
        self.once.call_once(|| self.face.stop());
    }
}

fn build(board: &notice::Board, wishes: SyncSender<Wish>) -> Result<tauri::App, DesktopError> {
    let pages = board.clone();
    let app = tauri::Builder::default()
        .register_uri_scheme_protocol(notice::SCHEME, move |_, _| pages.response())
        .on_menu_event(move |_, event| {
            if let Some(action) = Action::from_id(event.id().as_ref()) {
                desk::send(&wishes, Wish::Do(action));
            }
        })
        .build(tauri::generate_context!())
        .map_err(DesktopError::Start)?;
    // The program lives in the menu bar; an icon in the dock would promise a window that is always there.
    #[cfg(target_os = "macos")]
    let app = {
        let mut app = app;
        app.set_activation_policy(tauri::ActivationPolicy::Accessory);
        app
    };
    Ok(app)
}

/// Turns what the window system reports into wishes; runs on the main thread and must not wait.
fn on_event(event: &RunEvent, wishes: &SyncSender<Wish>, end: &End) {
    match event {
        RunEvent::Ready => {
            desk::send(wishes, Wish::Start);
        }
        // The last window went; the app lives on in the tray. Only Quit ends it, with a code.
        RunEvent::ExitRequested {
            code: None, api, ..
        } => api.prevent_exit(),
        RunEvent::WindowEvent {
            label,
            event: WindowEvent::CloseRequested { api, .. },
            ..
        } if label == window::LABEL && desk::send(wishes, Wish::Close) => {
            api.prevent_close();
        }
        #[cfg(target_os = "macos")]
        RunEvent::Reopen { .. } => {
            desk::send(wishes, Wish::Do(Action::Open));
        }
        // Reached without Quit where the system itself ends programs, such as Cmd+Q on macOS.
        RunEvent::Exit => end.stop_host(),
        _ => {}
    }
}
