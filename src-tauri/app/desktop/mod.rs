//! Tray and window: what the program shows where there is a display.
//!
//! Asks the host through [`store_host::StoreHost`], so it looks the same whether the host runs in this process or in another
//! one. Shows the host's own page and decides nothing about memories, queue or lock.
//!
//! Who runs where: the main thread belongs to the event loop and never waits; one thread, the [`controller`], owns all that
//! changes and does everything that may take time. Menu, tray and windows reach it as [`event::Event`]s over a bounded
//! channel.
//!
//! The window shows a page from the network (if only from this machine), therefore it has no Tauri command,
//! no capability and no way to another origin.

mod action;
mod alerts;
pub(crate) mod app;
mod console;
mod controller;
mod environment;
mod event;
mod live_menu;
mod menu;
mod notice;
mod panel;
mod remembered;
mod single;
mod sleep;
mod store_host;
mod summary;
mod text;
mod tray;
mod window;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Once};

use tauri::{RunEvent, WindowEvent};

use action::Action;
use controller::Controller;
use event::{Event, send};
use notice::Notice;
use single::AppLock;
use store_host::StoreHost;

/// Events that may wait for the controller; a person cannot click faster, and one more is dropped without harm.
const EVENTS_MAX: usize = 64;

/// Why tray and window could not be started. The host is not touched: it can go on without them.
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
    /// The thread of the controller could not be started.
    #[error("could not start the thread behind tray and window")]
    Thread(#[source] std::io::Error),
}

/// Runs tray and window until the person quits; the host is stopped when this returns without an error.
///
/// Must be called on the main thread, which the event loop keeps; returns after [`StoreHost::stop`] did. `lock` proves that
/// this is the only app on its store; without it, later starts are not heard. With `is_hidden` only the tray icon appears.
///
/// # Errors
/// All of [`DesktopError`], before anything is shown. The host still runs then.
fn run(host: Arc<StoreHost>, is_hidden: bool, lock: Option<AppLock>) -> Result<(), DesktopError> {
    environment::check_display()?;
    let (events, inbox) = sync_channel(EVENTS_MAX);
    let profile = single::app_dir(host.store().path()).join("webview");
    let board = notice::Board::new(profile);
    let app = build(&board, events.clone())?;
    let shutdown = Arc::new(Shutdown::new(host.clone()));
    let controller = Controller::new(
        app.handle().clone(),
        host,
        board,
        shutdown.clone(),
        is_hidden,
        lock,
        events.clone(),
    );
    let thread = std::thread::Builder::new()
        .name("controller".into())
        .spawn(move || controller.run(&inbox))
        .map_err(DesktopError::Thread)?;
    let on_loop = shutdown.clone();
    app.run_return(move |_, event| on_event(&event, &events, &on_loop));
    // Where the system ended the loop, the controller may wait for a loop that will not turn again; it is left behind.
    if shutdown.is_from_controller() && thread.join().is_err() {
        tracing::error!("the controller thread panicked");
    }
    Ok(())
}

/// Shows why the host could not start, until the person closes the window or the program is asked to end: who started it
/// from a menu has no terminal to read. Must be called on the main thread, which it keeps; where no window can be opened, it
/// returns at once.
fn show_failure(host: Arc<StoreHost>, reason: &str) {
    if environment::check_display().is_err() {
        return;
    }
    let (events, inbox) = sync_channel(EVENTS_MAX);
    let board = notice::Board::new(single::app_dir(host.store().path()).join("webview"));
    let app = match build(&board, events.clone()) {
        Ok(app) => app,
        Err(error) => return tracing::warn!(%error, "could not show the reason in a window"),
    };
    // The one answer is to close; the last window that goes ends the loop as well.
    let handle = app.handle().clone();
    std::thread::spawn(move || {
        while inbox.recv_timeout(controller::TICK) == Err(RecvTimeoutError::Timeout) {
            if host.is_asked_to_quit() {
                break;
            }
        }
        handle.exit(0);
    });
    let notice = Notice::new("Commonplace could not start", reason);
    app.run_return(move |app, event| {
        if let RunEvent::Ready = event
            && let Err(error) = notice::show(app, &board, notice.clone(), events.clone())
        {
            tracing::warn!(%error, "could not show the reason in a window");
            app.exit(0);
        }
    });
}

/// Stops the host once, whoever asks first.
struct Shutdown {
    host: Arc<StoreHost>,
    once: Once,
    from_controller: AtomicBool,
}

impl Shutdown {
    fn new(host: Arc<StoreHost>) -> Self {
        Self {
            host,
            once: Once::new(),
            from_controller: AtomicBool::new(false),
        }
    }

    /// Stops the host and tells that the controller will end the event loop.
    fn stop_from_controller(&self) {
        self.stop_host();
        self.from_controller.store(true, Ordering::Release);
    }

    fn is_from_controller(&self) -> bool {
        self.from_controller.load(Ordering::Acquire)
    }

    /// Returns when the host is stopped, also when another thread is at it.
    fn stop_host(&self) {
        self.once.call_once(|| self.host.stop());
    }
}

fn build(board: &notice::Board, events: SyncSender<Event>) -> Result<tauri::App, DesktopError> {
    let pages = board.clone();
    let app = tauri::Builder::default()
        .register_uri_scheme_protocol(notice::SCHEME, move |_, _| pages.response())
        .on_menu_event(move |_, event| {
            if let Some(action) = Action::from_id(event.id().as_ref()) {
                send(&events, Event::Chosen(action));
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

/// Turns what the window system reports into events; runs on the main thread and must not wait.
fn on_event(event: &RunEvent, events: &SyncSender<Event>, shutdown: &Shutdown) {
    match event {
        RunEvent::Ready => {
            send(events, Event::Ready);
        }
        // The last window went; the app lives on in the tray. Only Quit ends it, with a code.
        RunEvent::ExitRequested {
            code: None, api, ..
        } => api.prevent_exit(),
        RunEvent::WindowEvent {
            label,
            event: WindowEvent::CloseRequested { api, .. },
            ..
        } if label == window::LABEL && send(events, Event::CloseRequested) => {
            api.prevent_close();
        }
        #[cfg(target_os = "macos")]
        RunEvent::Reopen { .. } => {
            send(events, Event::Chosen(Action::Open));
        }
        // Reached without Quit where the system itself ends programs, such as Cmd+Q on macOS.
        RunEvent::Exit => shutdown.stop_host(),
        _ => {}
    }
}
