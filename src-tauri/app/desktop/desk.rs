//! The thread that owns tray, window and notices, and fulfils wishes one after the other.

mod deeds;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant, SystemTime};

use tauri::AppHandle;

use super::action::Action;
use super::alerts::{Alerts, Steady};
use super::awake::Awake;
use super::face::{Absent, Face, Glance, Locks};
use super::live_menu::LiveMenu;
use super::menu::{self, Situation};
use super::notice::{self, Answer, Board};
use super::panel::{Message, NoTray, Panel};
use super::remembered::Remembered;
use super::single::AppLock;
use super::tray::Tray;
use super::{DesktopOptions, End, window, words};

/// How often a later start is listened for: its person looks at the screen.
pub(super) const TICK: Duration = Duration::from_millis(250);
/// How often the host is looked at.
const GLANCE_EVERY: Duration = Duration::from_secs(1);
/// How often the locks are looked at while nothing seems wrong.
const LOCKS_EVERY: Duration = Duration::from_secs(5);
/// How often is looked whether a login starts this program: where the registry says it, each look is a process.
const LOGIN_EVERY: Duration = Duration::from_secs(60);
/// How often the desktop is asked for a tray: it may come up after us, or restart.
const PANEL_EVERY: Duration = Duration::from_secs(2);

/// What somebody wants of the desk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// The event loop runs: show what is to be shown.
    Start,
    /// An entry of a menu was chosen.
    Do(Action),
    /// The person closes the window with the page.
    Close,
    /// The person answers a notice.
    Answer(Answer),
    /// The locks were looked at.
    Seen(Locks),
    /// An act on a lock has ended: what was done, or why not.
    Settled(Result<String, String>),
}

/// Hands over a wish without waiting; false if nobody is there to take it.
pub(super) fn send(wishes: &SyncSender<Wish>, wish: Wish) -> bool {
    let sent = wishes.try_send(wish);
    if let Err(error) = &sent {
        tracing::warn!(%error, "tray and window do not keep up; a wish was dropped");
    }
    sent.is_ok()
}

/// Tray, window, notices and what is known of the host.
pub(super) struct Desk {
    app: AppHandle,
    face: Arc<dyn Face>,
    board: Board,
    end: Arc<End>,
    wishes: SyncSender<Wish>,
    is_hidden_start: bool,
    lock: Option<AppLock>,
    remembered: Remembered,
    panel: Panel,
    tray: Tray,
    window_menu: Option<LiveMenu>,
    home: window::Home,
    clipboard: Option<arboard::Clipboard>,
    seen: Result<Glance, Absent>,
    locks: Locks,
    awake: Awake,
    steady: Steady,
    alerts: Alerts,
    starts_at_login: Option<bool>,
    is_looking_at_locks: bool,
    is_settling: bool,
    no_tray: Option<NoTray>,
    next_glance: Instant,
    next_locks: Instant,
    next_login: Instant,
    next_panel: Instant,
}

impl Desk {
    /// Prepares the desk; nothing is shown before the first [`Wish::Start`].
    pub(super) fn new(
        app: AppHandle,
        face: Arc<dyn Face>,
        board: Board,
        end: Arc<End>,
        options: DesktopOptions,
        wishes: SyncSender<Wish>,
    ) -> Self {
        let remembered = Remembered::load(&face.data_dir());
        let now = Instant::now();
        Self {
            tray: Tray::new(wishes.clone()),
            panel: Panel::new(wishes.clone()),
            app,
            face,
            board,
            end,
            wishes,
            is_hidden_start: options.hidden,
            lock: options.lock,
            remembered,
            window_menu: None,
            home: window::Home::default(),
            clipboard: None,
            seen: Err(Absent::Gone),
            locks: Locks::default(),
            awake: Awake::default(),
            steady: Steady::default(),
            alerts: Alerts::default(),
            starts_at_login: None,
            is_looking_at_locks: false,
            is_settling: false,
            no_tray: None,
            next_glance: now,
            next_locks: now,
            next_login: now,
            next_panel: now,
        }
    }

    /// Fulfils wishes until one of them is to quit.
    pub(super) fn run(mut self, inbox: &Receiver<Wish>) {
        loop {
            let flow = match inbox.recv_timeout(TICK) {
                Ok(wish) => self.fulfil(wish),
                Err(RecvTimeoutError::Timeout) => self.tick(),
                Err(RecvTimeoutError::Disconnected) => ControlFlow::Break(()),
            };
            if flow.is_break() {
                break;
            }
        }
        self.quit();
    }

    fn fulfil(&mut self, wish: Wish) -> ControlFlow<()> {
        match wish {
            Wish::Start => self.start(),
            Wish::Do(Action::Quit) => return self.quit_or_ask(),
            Wish::Answer(Answer::Quit) => return ControlFlow::Break(()),
            Wish::Do(action) => self.act(action),
            Wish::Close => return self.close(),
            Wish::Answer(Answer::KeepServing) => {
                notice::close(&self.app);
                window::close(&self.app);
                self.window_menu = None;
            }
            Wish::Answer(Answer::Understood) => notice::close(&self.app),
            Wish::Seen(locks) => {
                self.saw_locks(locks);
                return ControlFlow::Continue(());
            }
            Wish::Settled(result) => self.settled(result),
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
        if self.face.is_asked_to_quit() {
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
        if now >= self.next_glance {
            self.look_at_host();
        }
        ControlFlow::Continue(())
    }

    fn look_at_host(&mut self) {
        let now = Instant::now();
        self.next_glance = now + GLANCE_EVERY;
        if let Some(slept) = self.awake.slept(now, SystemTime::now()) {
            tracing::info!(?slept, "awake again");
            self.steady = Steady::default();
            self.alerts.woke(now);
        }
        self.seen = self.face.glance();
        if now >= self.next_locks || self.is_suspicious() {
            self.look_at_locks();
        }
        if now >= self.next_login {
            self.next_login = now + LOGIN_EVERY;
            self.starts_at_login = self.face.starts_at_login();
        }
        self.show_state();
        self.alert();
    }

    /// Says whether the locks may be the reason for what is seen.
    fn is_suspicious(&self) -> bool {
        let is_held_up = match &self.seen {
            Ok(glance) => !glance.longest_wait.is_zero(),
            Err(_) => true,
        };
        is_held_up || self.steady.is_suspicious()
    }

    /// Looks at the locks on a thread of its own: who has the store alone may let that wait for seconds.
    fn look_at_locks(&mut self) {
        if self.is_looking_at_locks {
            return;
        }
        self.is_looking_at_locks = true;
        self.next_locks = Instant::now() + LOCKS_EVERY;
        let (face, wishes) = (Arc::clone(&self.face), self.wishes.clone());
        std::thread::spawn(move || {
            // Nobody listens any more only if the program ends.
            let _ = wishes.send(Wish::Seen(face.locks()));
        });
    }

    fn saw_locks(&mut self, locks: Locks) {
        self.is_looking_at_locks = false;
        self.locks = Locks {
            stuck: self.steady.pass(locks.stuck, Instant::now()),
            ..locks
        };
        self.show_state();
        self.alert();
    }

    /// Tells of new trouble, the way the desktop does; where it has no such way, icon and tooltip tell it.
    fn alert(&mut self) {
        let face = &self.face;
        let seen = self.seen.as_ref();
        let stuck = self.locks.stuck.as_ref();
        let alert = self
            .alerts
            .look(seen, stuck, Instant::now(), || face.tell_after());
        let Some(alert) = alert else {
            return;
        };
        tracing::warn!(text = alert.text, "{}", alert.title);
        self.panel.announce(&Message {
            title: &alert.title,
            text: &alert.text,
            offer: Some(alert.offer),
            stays_ms: 0,
        });
    }

    /// Puts the icon up as soon as the desktop has a place for it, and says once why it has none.
    fn look_at_panel(&mut self) {
        self.next_panel = Instant::now() + PANEL_EVERY;
        let found = self.panel.look().and_then(|()| self.tray.put_up(&self.app));
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
        let situation = Situation {
            seen,
            locks: &self.locks,
            is_settling: self.is_settling,
            starts_at_login: self.starts_at_login,
            is_own_host: self.face.is_own_host(),
            no_tray: self.no_tray.as_ref(),
        };
        let icon = menu::icon(seen, &self.locks);
        let entries = menu::menu(&situation);
        self.tray
            .show(&self.app, icon, &words::tooltip(seen), &entries);
        if let Some(window_menu) = &mut self.window_menu {
            window_menu.show(&self.app, &menu::window_menu(&situation));
        }
    }

    fn quit(mut self) {
        tracing::info!(own_host = self.face.is_own_host(), "quitting");
        notice::close(&self.app);
        window::close(&self.app);
        let icon = menu::icon(self.seen.as_ref(), &self.locks);
        self.tray
            .show(&self.app, icon, menu::ENDING, &menu::ending());
        self.end.stop_from_desk();
        self.app.exit(0);
    }
}
