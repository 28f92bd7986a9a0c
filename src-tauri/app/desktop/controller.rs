//! The thread that owns tray, window and notices, and handles events one after the other.

mod actions;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant, SystemTime};

use tauri::AppHandle;

use super::action::{Action, Answer};
use super::alerts::{Alerts, Debounce};
use super::event::Event;
use super::live_menu::LiveMenu;
use super::menu::{self, MenuState};
use super::notice::{self, Board};
use super::panel::{NoTray, Panel};
use super::remembered::Remembered;
use super::single::AppLock;
use super::sleep::SleepDetector;
use super::store_host::StoreHost;
use super::summary::{HostSummary, LocksSummary, Unavailable};
use super::tray::Tray;
use super::{Shutdown, text, window};

/// How often a later start is listened for: its person looks at the screen.
pub(super) const TICK: Duration = Duration::from_millis(250);
/// How often the host is asked for its status.
const STATUS_EVERY: Duration = Duration::from_secs(1);
/// How often the locks are read while nothing seems wrong.
const LOCKS_EVERY: Duration = Duration::from_secs(5);
/// How often the start at login is looked up: where the registry has it, each time starts a process.
const LOGIN_EVERY: Duration = Duration::from_secs(60);
/// How often the desktop is asked for a tray: it may come up after us, or restart.
const PANEL_EVERY: Duration = Duration::from_secs(2);

/// Tray, window, notices and what is known of the host.
pub(super) struct Controller {
    app: AppHandle,
    host: Arc<StoreHost>,
    board: Board,
    shutdown: Arc<Shutdown>,
    events: SyncSender<Event>,
    is_hidden_start: bool,
    lock: Option<AppLock>,
    remembered: Remembered,
    panel: Panel,
    tray: Tray,
    window_menu: Option<LiveMenu>,
    home: window::Home,
    clipboard: Option<arboard::Clipboard>,
    seen: Result<HostSummary, Unavailable>,
    locks: LocksSummary,
    sleep: SleepDetector,
    debounce: Debounce,
    alerts: Alerts,
    starts_at_login: Option<bool>,
    is_looking_at_locks: bool,
    is_settling: bool,
    no_tray: Option<NoTray>,
    next_status: Instant,
    next_locks: Instant,
    next_login: Instant,
    next_panel: Instant,
}

impl Controller {
    /// Prepares it; nothing is shown before the first [`Event::Ready`].
    pub(super) fn new(
        app: AppHandle,
        host: Arc<StoreHost>,
        board: Board,
        shutdown: Arc<Shutdown>,
        is_hidden_start: bool,
        lock: Option<AppLock>,
        events: SyncSender<Event>,
    ) -> Self {
        let remembered = Remembered::load(host.store().path());
        let now = Instant::now();
        Self {
            tray: Tray::new(events.clone()),
            panel: Panel::new(events.clone()),
            app,
            host,
            board,
            shutdown,
            events,
            is_hidden_start,
            lock,
            remembered,
            window_menu: None,
            home: window::Home::default(),
            clipboard: None,
            seen: Err(Unavailable::Gone),
            locks: LocksSummary::default(),
            sleep: SleepDetector::default(),
            debounce: Debounce::default(),
            alerts: Alerts::default(),
            starts_at_login: None,
            is_looking_at_locks: false,
            is_settling: false,
            no_tray: None,
            next_status: now,
            next_locks: now,
            next_login: now,
            next_panel: now,
        }
    }

    /// Handles events until one of them is to quit.
    pub(super) fn run(mut self, inbox: &Receiver<Event>) {
        loop {
            let flow = match inbox.recv_timeout(TICK) {
                Ok(event) => self.handle(event),
                Err(RecvTimeoutError::Timeout) => self.tick(),
                Err(RecvTimeoutError::Disconnected) => ControlFlow::Break(()),
            };
            if flow.is_break() {
                break;
            }
        }
        self.quit();
    }

    fn handle(&mut self, event: Event) -> ControlFlow<()> {
        match event {
            Event::Ready => self.start(),
            Event::Chosen(Action::Quit) => return self.quit_or_ask(),
            Event::Answered(Answer::Quit) => return ControlFlow::Break(()),
            Event::Chosen(action) => self.act(action),
            Event::CloseRequested => return self.close(),
            Event::Answered(Answer::KeepServing) => {
                window::close(&self.app, notice::LABEL);
                window::close(&self.app, window::LABEL);
                self.window_menu = None;
            }
            Event::Answered(Answer::Understood) => window::close(&self.app, notice::LABEL),
            Event::LocksRead(locks) => {
                self.saw_locks(locks);
                return ControlFlow::Continue(());
            }
            Event::Settled(result) => self.settled(result),
        }
        self.look_at_host();
        ControlFlow::Continue(())
    }

    fn start(&mut self) {
        self.look_at_host();
        self.look_at_panel();
        if !self.is_hidden_start {
            self.open(None);
        }
    }

    fn tick(&mut self) -> ControlFlow<()> {
        if self.host.is_asked_to_quit() {
            return ControlFlow::Break(());
        }
        let now = Instant::now();
        if self.lock.as_ref().is_some_and(AppLock::take_request) {
            tracing::info!("a later start asked for the window");
            self.open(None);
        }
        if now >= self.next_panel {
            self.look_at_panel();
        }
        if now >= self.next_status {
            self.look_at_host();
        }
        ControlFlow::Continue(())
    }

    fn look_at_host(&mut self) {
        let now = Instant::now();
        self.next_status = now + STATUS_EVERY;
        if let Some(slept) = self.sleep.slept(now, SystemTime::now()) {
            tracing::info!(?slept, "awake again");
            self.debounce = Debounce::default();
            self.alerts.woke(now);
        }
        self.seen = self.host.status().map(|status| HostSummary::of(&status));
        if now >= self.next_locks || self.is_suspicious() {
            self.look_at_locks();
        }
        if now >= self.next_login {
            self.next_login = now + LOGIN_EVERY;
            self.starts_at_login = self.host.starts_at_login();
        }
        self.show_state();
        self.alert();
    }

    /// Says whether the locks may be the reason for what is seen.
    fn is_suspicious(&self) -> bool {
        let is_held_up = match &self.seen {
            Ok(summary) => !summary.longest_wait.is_zero(),
            Err(_) => true,
        };
        is_held_up || self.debounce.is_suspicious()
    }

    /// Looks at the locks on a thread of its own: who has the store alone may let that wait for seconds.
    fn look_at_locks(&mut self) {
        if self.is_looking_at_locks {
            return;
        }
        self.is_looking_at_locks = true;
        self.next_locks = Instant::now() + LOCKS_EVERY;
        let (host, events) = (Arc::clone(&self.host), self.events.clone());
        std::thread::spawn(move || {
            // Nobody listens any more only if the program ends.
            let report = host.locks();
            let summary = report.as_ref().map(LocksSummary::of);
            let _ = events.send(Event::LocksRead(summary.unwrap_or_default()));
        });
    }

    fn saw_locks(&mut self, locks: LocksSummary) {
        self.is_looking_at_locks = false;
        self.locks = LocksSummary {
            stuck: self.debounce.pass(locks.stuck, Instant::now()),
            ..locks
        };
        self.show_state();
        self.alert();
    }

    /// Tells of new trouble, the way the desktop does; where it has no such way, icon and tooltip tell it.
    fn alert(&mut self) {
        let host = &self.host;
        let seen = self.seen.as_ref();
        let stuck = self.locks.stuck.as_ref();
        let alert = self
            .alerts
            .look(seen, stuck, Instant::now(), || host.slow_wait());
        let Some(alert) = alert else {
            return;
        };
        tracing::warn!(text = alert.text, "{}", alert.title);
        self.panel.announce(&alert);
    }

    /// Puts the icon up as soon as the desktop has a place for it, and says once why it has none.
    fn look_at_panel(&mut self) {
        self.next_panel = Instant::now() + PANEL_EVERY;
        let found = self
            .panel
            .look()
            .and_then(|()| self.tray.show_icon(&self.app));
        let no_tray = found.err();
        let kind = |reason: &Option<NoTray>| reason.as_ref().map(std::mem::discriminant);
        if kind(&no_tray) == kind(&self.no_tray) {
            return;
        }
        match &no_tray {
            Some(reason) => tracing::warn!("no tray icon: {reason}; the window has the same menu"),
            None => tracing::info!("the tray icon is there"),
        }
        self.no_tray = no_tray;
        self.show_state();
    }

    fn show_state(&mut self) {
        let seen = self.seen.as_ref();
        let menu_state = MenuState {
            seen,
            locks: &self.locks,
            is_settling: self.is_settling,
            starts_at_login: self.starts_at_login,
            is_local_host: self.host.is_local(),
            no_tray: self.no_tray.as_ref(),
        };
        let icon = menu::icon(seen, &self.locks);
        let entries = menu::menu(&menu_state);
        self.tray
            .show(&self.app, icon, &text::tooltip(seen), &entries);
        if let Some(window_menu) = &mut self.window_menu {
            window_menu.show(&self.app, &menu::window_menu(&menu_state));
        }
    }

    fn quit(mut self) {
        tracing::info!(own_host = self.host.is_local(), "quitting");
        window::close(&self.app, notice::LABEL);
        window::close(&self.app, window::LABEL);
        let icon = menu::icon(self.seen.as_ref(), &self.locks);
        self.tray
            .show(&self.app, icon, menu::ENDING, &menu::ending());
        self.shutdown.stop_from_controller();
        self.app.exit(0);
    }
}
