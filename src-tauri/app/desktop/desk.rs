//! The thread that owns tray, window and notices, and fulfils wishes one after the other.

use std::ops::ControlFlow;
use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use tauri::AppHandle;

use super::menu::{self, Action, Situation};
use super::notice::{self, Answer, Board, Notice};
use super::panel::{NoTray, Panel};
use super::remembered::Remembered;
use super::single::AppLock;
use super::tray::{LiveMenu, Tray};
use super::window::{self, Closing};
use super::{DesktopOptions, End, Face, Glance, environment};

/// How often a later start is listened for: its person looks at the screen.
const TICK: Duration = Duration::from_millis(250);
/// How often the host is looked at.
const GLANCE_EVERY: Duration = Duration::from_secs(1);
/// How often the desktop is asked for a tray: it may come up after us, or restart.
const PANEL_EVERY: Duration = Duration::from_secs(2);

/// What somebody wants of the desk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// The event loop runs: show what is to be shown.
    Start,
    /// An entry of a menu was chosen.
    Do(Action),
    /// The person closes the window with the page.
    Close,
    /// The person answers a notice.
    Answer(Answer),
}

/// Hands over a wish without waiting; false if nobody is there to take it.
pub(super) fn send(wishes: &SyncSender<Wish>, wish: Wish) -> bool {
    let sent = wishes.try_send(wish);
    if let Err(error) = &sent {
        tracing::warn!(?wish, %error, "tray and window do not keep up; a wish was dropped");
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
    clipboard: Option<arboard::Clipboard>,
    glance: Option<Glance>,
    no_tray: Option<NoTray>,
    next_glance: Instant,
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
            app,
            face,
            board,
            end,
            wishes,
            is_hidden_start: options.hidden,
            lock: options.lock,
            remembered,
            panel: Panel::default(),
            window_menu: None,
            clipboard: None,
            glance: None,
            no_tray: None,
            next_glance: now,
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
            Wish::Do(Action::Open) => self.open(),
            Wish::Do(Action::CopyConnectLine) => self.copy_connect_line(),
            Wish::Do(Action::OpenLogs) => self.open_logs(),
            Wish::Do(Action::Quit) | Wish::Answer(Answer::Quit) => return ControlFlow::Break(()),
            Wish::Close => return self.close(),
            Wish::Answer(Answer::KeepServing) => {
                notice::close(&self.app);
                window::close(&self.app);
                self.window_menu = None;
            }
            Wish::Answer(Answer::Understood) => notice::close(&self.app),
        }
        self.look_at_host();
        ControlFlow::Continue(())
    }

    fn start(&mut self) {
        self.look_at_host();
        self.look_at_panel();
        if !self.is_hidden_start {
            self.open();
        }
    }

    fn tick(&mut self) -> ControlFlow<()> {
        if self.face.is_asked_to_quit() {
            return ControlFlow::Break(());
        }
        let now = Instant::now();
        if self.lock.as_ref().is_some_and(AppLock::take_request) {
            tracing::info!("a later start asked for the window");
            self.open();
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
        self.next_glance = Instant::now() + GLANCE_EVERY;
        self.glance = self.face.glance();
        self.show_state();
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
        let glance = self.glance.as_ref();
        let situation = Situation {
            glance,
            is_own_host: self.face.is_own_host(),
            no_tray: self.no_tray.as_ref(),
        };
        let entries = menu::menu(&situation);
        self.tray.show(
            &self.app,
            menu::icon(glance),
            &menu::tooltip(glance),
            &entries,
        );
        if let Some(window_menu) = &mut self.window_menu {
            window_menu.show(&self.app, &menu::window_menu(&situation));
        }
    }

    fn open(&mut self) {
        if window::bring_forward(&self.app) {
            return;
        }
        let window_menu = LiveMenu::for_window(&self.app);
        let opened = self.face.page_url().and_then(|url| {
            window::open(&self.app, &url, self.board.profile(), window_menu.as_ref())
        });
        match opened {
            Ok(()) => {
                self.window_menu = window_menu;
                self.show_state();
            }
            Err(reason) => {
                tracing::warn!("could not open the dashboard: {reason}");
                self.notify(Notice::no_dashboard(&reason));
            }
        }
    }

    fn close(&mut self) -> ControlFlow<()> {
        match window::closing(self.no_tray.is_none(), self.face.is_own_host()) {
            Closing::ToTray => {
                window::close(&self.app);
                self.window_menu = None;
                self.tell_about_tray();
            }
            Closing::Ask => {
                let clients = self.glance.as_ref().map_or(0, |glance| glance.clients);
                self.notify(Notice::no_tray_to_close_to(clients));
            }
            Closing::Quit => return ControlFlow::Break(()),
        }
        ControlFlow::Continue(())
    }

    /// Says the first time where the program went.
    fn tell_about_tray(&mut self) {
        if self.remembered.was_told_about_tray() {
            return;
        }
        let words = Notice::went_to_tray(self.face.is_own_host());
        if !self.panel.announce(words.title(), words.text()) {
            self.notify(words);
        }
        if let Err(error) = self.remembered.told_about_tray() {
            tracing::warn!(%error, "the notice about the tray will be shown again");
        }
    }

    /// Keeps the clipboard open, because on X11 and Wayland its content lives as long as its owner.
    fn copy_connect_line(&mut self) {
        let line = self.face.connect_line();
        let copied = match self
            .clipboard
            .take()
            .map_or_else(arboard::Clipboard::new, Ok)
        {
            Ok(mut clipboard) => {
                let copied = clipboard.set_text(&line);
                self.clipboard = Some(clipboard);
                copied
            }
            Err(error) => Err(error),
        };
        if let Err(error) = copied {
            tracing::warn!(%error, "could not reach the clipboard; the command is shown instead");
            self.clipboard = None;
            self.notify(Notice::connect_line(line));
        }
    }

    fn open_logs(&mut self) {
        let folder = self.face.log_dir();
        let opener = match std::env::consts::OS {
            "macos" => "open",
            "windows" => "explorer",
            _ => "xdg-open",
        };
        let mut command = Command::new(opener);
        environment::clear_for_child(&mut command);
        match command.arg(&folder).spawn() {
            // Waited for only so that it leaves no zombie; some file managers run as long as their window.
            Ok(mut child) => drop(std::thread::spawn(move || child.wait())),
            Err(error) => {
                tracing::warn!(%error, opener, "could not open the folder with the logs");
                self.notify(Notice::logs(&folder));
            }
        }
    }

    fn notify(&self, notice: Notice) {
        if let Err(error) = notice::show(&self.app, &self.board, notice, self.wishes.clone()) {
            tracing::warn!(%error, "could not show a notice");
        }
    }

    fn quit(mut self) {
        tracing::info!(own_host = self.face.is_own_host(), "quitting");
        notice::close(&self.app);
        window::close(&self.app);
        let entries = menu::ending();
        self.tray.show(
            &self.app,
            menu::icon(self.glance.as_ref()),
            menu::ENDING,
            &entries,
        );
        self.end.stop_from_desk();
        self.app.exit(0);
    }
}
