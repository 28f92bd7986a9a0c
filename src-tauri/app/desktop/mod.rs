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

mod action;
mod alerts;
mod awake;
mod console;
mod desk;
mod environment;
mod face;
mod live_menu;
mod menu;
mod notice;
mod panel;
mod remembered;
mod single;
mod tray;
mod window;
mod words;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Once};

use tauri::{RunEvent, WindowEvent};

use action::Action;
use desk::{Desk, Wish};
use notice::Notice;

pub(crate) use console::has_left_console;
pub(crate) use environment::with_webkit_environment;
pub(crate) use face::{Absent, Face, Glance, Locks, State, Stuck};
pub(crate) use single::{AppLock, FirstApp, Start, claim};

/// Wishes that may wait for the desk; a person cannot click faster, and one more is dropped without harm.
const WISHES_MAX: usize = 64;

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

/// Shows why the host could not start, until the person closes the window or the program is asked to end: who started it
/// from a menu has no terminal to read. Must be called on the main thread, which it keeps; where no window can be had, it
/// returns at once.
pub(crate) fn show_failure(face: Arc<dyn Face>, reason: &str) {
    if environment::check_display().is_err() {
        return;
    }
    let (wishes, inbox) = sync_channel(WISHES_MAX);
    let board = notice::Board::new(single::app_dir(&face.data_dir()).join("webview"));
    let app = match build(&board, wishes.clone()) {
        Ok(app) => app,
        Err(error) => return tracing::warn!(%error, "no window could tell it"),
    };
    // The one answer is to close; the last window that goes ends the loop as well.
    let handle = app.handle().clone();
    std::thread::spawn(move || {
        while inbox.recv_timeout(desk::TICK) == Err(RecvTimeoutError::Timeout) {
            if face.is_asked_to_quit() {
                break;
            }
        }
        handle.exit(0);
    });
    let notice = Notice::no_start(reason);
    app.run_return(move |app, event| {
        if let RunEvent::Ready = event
            && let Err(error) = notice::show(app, &board, notice.clone(), wishes.clone())
        {
            tracing::warn!(%error, "no window could tell it");
            app.exit(0);
        }
    });
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
