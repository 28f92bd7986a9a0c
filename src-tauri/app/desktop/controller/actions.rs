//! What the controller does when an entry of a menu is chosen or a window closes.

use std::ops::ControlFlow;
use std::process::Command;
use std::sync::Arc;

use commonplace_api::locks::{MeantHolder, SettleAct};

use super::super::action::{Action, Answer};
use super::super::environment;
use super::super::event::Event;
use super::super::live_menu::LiveMenu;
use super::super::notice::{self, Notice};
use super::super::panel::Message;
use super::super::summary::LocksSummary;
use super::super::window::{self, Closing};
use super::Controller;

/// How long a message about something done stays, where the desktop honours it.
const DONE_MS: i32 = 10_000;

const NOT_SETTLED: &str = "The lock was not settled";

impl Controller {
    pub(super) fn act(&mut self, action: Action) {
        match action {
            Action::Open => self.open(None),
            Action::OpenLocks => self.open(Some("locks")),
            Action::Pause => self.report("Writes could not be paused", self.host.pause()),
            Action::Resume => self.report("Writes could not be resumed", self.host.resume()),
            Action::Settle(act) => self.settle(act),
            Action::StartHost => self.start_host(),
            Action::OpenClients => self.open(Some("clients")),
            Action::CopyConnectLine => self.copy_connect_line(),
            Action::StartAtLogin => self.change_start_at_login(),
            Action::OpenLogs => self.open_logs(),
            Action::About => {
                self.notify(Notice::about(self.host.store().path()));
            }
            // Taken out before it comes here: it may end the loop of events.
            Action::Quit => {}
        }
    }

    /// Shows the window, at a page of the dashboard if one is named.
    pub(super) fn open(&mut self, page: Option<&str>) {
        let is_open = window::bring_forward(&self.app);
        if is_open && page.is_none() {
            return;
        }
        let part = page.map_or(String::new(), |page| format!("&page={page}"));
        let url = self.host.page_url().map(|url| format!("{url}{part}"));
        let opened = url.and_then(|url| {
            if is_open {
                window::go(&self.app, &url, &self.home)
            } else {
                self.open_new(&url)
            }
        });
        if let Err(reason) = opened {
            tracing::warn!("could not open the dashboard: {reason}");
            self.notify(Notice::no_dashboard(&reason));
        }
    }

    fn open_new(&mut self, url: &str) -> Result<(), String> {
        let window_menu = LiveMenu::for_window(&self.app);
        let profile = self.board.profile();
        window::open(&self.app, url, &self.home, profile, window_menu.as_ref())?;
        self.window_menu = window_menu;
        self.show_state();
        Ok(())
    }

    pub(super) fn close(&mut self) -> ControlFlow<()> {
        match window::closing(self.no_tray.is_none(), self.host.is_local()) {
            Closing::ToTray => {
                window::close(&self.app, window::LABEL);
                self.window_menu = None;
                self.tell_about_tray();
            }
            Closing::Ask => {
                let clients = self
                    .seen
                    .as_ref()
                    .map_or(0, |summary| summary.clients.len());
                self.notify(Notice::no_tray_to_close_to(clients));
            }
            Closing::Quit => return ControlFlow::Break(()),
        }
        ControlFlow::Continue(())
    }

    /// Quits, but asks first while clients are connected to the host that would end.
    ///
    /// Whoever chooses Quit again instead of answering means it, or cannot see the question. Where it cannot be asked, the
    /// program quits: the menu has said what that ends.
    pub(super) fn quit_or_ask(&self) -> ControlFlow<()> {
        let clients = match &self.seen {
            Ok(summary) if self.host.is_local() => summary.clients.as_slice(),
            _ => &[],
        };
        if clients.is_empty() || notice::asks_for(&self.app, &self.board, Answer::Quit) {
            return ControlFlow::Break(());
        }
        if self.notify(Notice::quit_with(clients)) {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    }

    /// Says the first time where the program went.
    fn tell_about_tray(&mut self) {
        if self.remembered.was_told_about_tray() {
            return;
        }
        self.tell(Notice::went_to_tray(self.host.is_local()));
        if let Err(error) = self.remembered.told_about_tray() {
            tracing::warn!(%error, "the notice about the tray will be shown again");
        }
    }

    /// Starts the host; a window that is open has the page of the one that is gone.
    fn start_host(&mut self) {
        let started = self.host.start_again();
        if started.is_ok() && window::bring_forward(&self.app) {
            let shown = self.host.page_url();
            let shown = shown.and_then(|url| window::go(&self.app, &url, &self.home));
            self.report("The dashboard cannot be shown", shown);
        }
        self.report("The host could not be started", started);
    }

    /// Settles a lock on a thread of its own: a holder is watched for some seconds before it is taken over.
    fn settle(&mut self, act: SettleAct) {
        if self.is_settling {
            return;
        }
        let meant = match chosen(&self.locks, act) {
            Ok(meant) => meant,
            Err(reason) => return self.tell(Notice::new(NOT_SETTLED, reason)),
        };
        self.is_settling = true;
        let (host, events) = (Arc::clone(&self.host), self.events.clone());
        std::thread::spawn(move || {
            let result = host.settle(act, meant.as_ref());
            // Nobody listens any more only if the program ends.
            let _ = events.send(Event::Settled(result));
        });
    }

    pub(super) fn settled(&mut self, result: Result<String, String>) {
        self.is_settling = false;
        self.look_at_locks();
        match result {
            Ok(done) => self.tell(Notice::new("The lock is settled", done)),
            Err(reason) => self.tell(Notice::new(NOT_SETTLED, reason)),
        }
    }

    fn report(&mut self, title: &str, result: Result<(), String>) {
        if let Err(reason) = result {
            self.tell(Notice::new(title, reason));
        }
    }

    fn change_start_at_login(&mut self) {
        let is_on = self.starts_at_login.unwrap_or(false);
        let changed = self.host.set_start_at_login(!is_on);
        self.starts_at_login = self.host.starts_at_login();
        self.tray.rebuild_menu();
        if let Some(window_menu) = &mut self.window_menu {
            window_menu.invalidate();
        }
        self.report("Start at login could not be changed", changed);
    }

    /// Keeps the clipboard open, because on X11 and Wayland its content lives as long as its owner.
    fn copy_connect_line(&mut self) {
        let line = self.host.connect_line();
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
        let folder = self.host.log_dir();
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

    /// Says something the way the desktop does, else in a window of our own.
    fn tell(&mut self, notice: Notice) {
        let is_told = self.panel.announce(&Message {
            title: notice.title().to_owned(),
            text: notice.text().to_owned(),
            offer: None,
            stays_ms: DONE_MS,
        });
        if !is_told {
            self.notify(notice);
        }
    }

    /// Shows a window of our own; false if there could be none.
    fn notify(&self, notice: Notice) -> bool {
        let shown = notice::show(&self.app, &self.board, notice, self.events.clone());
        if let Err(error) = &shown {
            tracing::warn!(%error, "could not show a notice");
        }
        shown.is_ok()
    }
}

/// Returns the holder that the menu shows, which is the one that the person means; None if its record cannot be read, and
/// for what concerns no holder.
///
/// # Errors
/// The menu that the person saw is from a moment ago, and nobody is stuck so any more.
fn chosen(locks: &LocksSummary, act: SettleAct) -> Result<Option<MeantHolder>, &'static str> {
    if act == SettleAct::ClearLeftovers {
        return Ok(None);
    }
    let stuck = locks.stuck.as_ref().filter(|stuck| stuck.act == act);
    stuck
        .map(|stuck| stuck.holder.clone())
        .ok_or("No program is stuck in that way any more. Nothing was done.")
}

#[cfg(test)]
mod tests {
    use super::super::super::summary::tests::stuck_holder;
    use super::*;
    use crate::desktop::summary::StuckHolder;

    // A click that came after the holder had gone on settled whoever had the lock by then.
    #[test]
    fn only_the_holder_that_the_menu_shows_is_settled() {
        let holder = MeantHolder {
            instance: "7".into(),
            since_ms: 1,
        };
        let shown = LocksSummary {
            leftovers: 1,
            stuck: Some(StuckHolder {
                holder: Some(holder.clone()),
                ..stuck_holder()
            }),
        };
        assert_eq!(chosen(&shown, SettleAct::TakeOver), Ok(Some(holder)));
        assert!(chosen(&shown, SettleAct::Terminate).is_err());
        assert!(chosen(&LocksSummary::default(), SettleAct::TakeOver).is_err());
        assert_eq!(chosen(&shown, SettleAct::ClearLeftovers), Ok(None));
    }
}
