//! The tray icon, which follows the state of the host.

use std::sync::mpsc::{SyncSender, channel};

use tauri::image::Image;
use tauri::menu::Menu;
use tauri::tray::{MouseButton, MouseButtonState, TrayIconBuilder, TrayIconEvent};
use tauri::{AppHandle, Wry};

use super::action::Action;
use super::desk::{self, Wish};
use super::face::State;
use super::live_menu::LiveMenu;
use super::menu::Entry;
use super::panel::NoTray;

/// Name of the icon on the session bus and inside Tauri.
const ID: &str = "commonplace";

/// The icon in the tray; there may be none yet.
pub(super) struct Tray {
    wishes: SyncSender<Wish>,
    live: Option<Live>,
    wanted: Look,
}

/// What the icon shows.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Look {
    state: State,
    tooltip: String,
    entries: Vec<Entry>,
}

struct Live {
    menu: LiveMenu,
    shown: Look,
}

impl Tray {
    /// Makes a tray without an icon; each left click on the later icon is sent as a wish to open.
    pub(super) fn new(wishes: SyncSender<Wish>) -> Self {
        let wanted = Look {
            state: State::Ok,
            tooltip: String::new(),
            entries: Vec::new(),
        };
        Self {
            wishes,
            live: None,
            wanted,
        }
    }

    /// Puts the icon up unless it is there already; it comes back by itself when a panel restarts.
    pub(super) fn put_up(&mut self, app: &AppHandle) -> Result<(), NoTray> {
        if self.live.is_some() {
            return Ok(());
        }
        let refused = |error: tauri::Error| NoTray::Refused(error.to_string());
        let mut menu = LiveMenu::for_tray(app).map_err(refused)?;
        menu.show(app, &self.wanted.entries);
        let root = menu.root();
        let look = self.wanted.clone();
        let wishes = self.wishes.clone();
        on_main(app, move |app| build(app, &root, &look, wishes))
            .and_then(|built| built)
            .map_err(refused)?;
        self.live = Some(Live {
            menu,
            shown: self.wanted.clone(),
        });
        Ok(())
    }

    /// Brings icon, tooltip and menu up to date; does nothing for what has not changed.
    pub(super) fn show(&mut self, app: &AppHandle, state: State, tooltip: &str, entries: &[Entry]) {
        self.wanted = Look {
            state,
            tooltip: tooltip.to_owned(),
            entries: entries.to_vec(),
        };
        let Some(live) = &mut self.live else {
            return;
        };
        if live.shown == self.wanted {
            return;
        }
        live.menu.show(app, entries);
        let (before, after) = (live.shown.clone(), self.wanted.clone());
        let updated =
            on_main(app, move |app| update(app, &before, &after)).and_then(|updated| updated);
        match updated {
            Ok(()) => live.shown = self.wanted.clone(),
            Err(error) => tracing::warn!(%error, "could not bring the tray icon up to date"),
        }
    }

    /// Builds the menu anew at the next look.
    pub(super) fn distrust_menu(&mut self) {
        if let Some(live) = &mut self.live {
            live.menu.distrust();
            live.shown.entries.clear();
        }
    }
}

fn build(
    app: &AppHandle,
    menu: &Menu<Wry>,
    look: &Look,
    wishes: SyncSender<Wish>,
) -> tauri::Result<()> {
    let mut builder = TrayIconBuilder::with_id(ID)
        .menu(menu)
        .icon(picture(look.state)?)
        .icon_as_template(cfg!(target_os = "macos"))
        .tooltip(named(&look.tooltip))
        // On macOS the menu is what a click opens; elsewhere it is the right button's.
        .show_menu_on_left_click(cfg!(target_os = "macos"))
        .on_tray_icon_event(move |_, event| {
            if opens(&event) {
                desk::send(&wishes, Wish::Do(Action::Open));
            }
        });
    if cfg!(target_os = "linux") {
        // Elsewhere the title would be written beside the icon.
        builder = builder.title("Commonplace");
    }
    builder.build(app).map(drop)
}

fn update(app: &AppHandle, before: &Look, after: &Look) -> tauri::Result<()> {
    let Some(icon) = app.tray_by_id(ID) else {
        return Ok(());
    };
    if before.state != after.state {
        icon.set_icon_with_as_template(Some(picture(after.state)?), cfg!(target_os = "macos"))?;
    }
    if before.tooltip != after.tooltip {
        icon.set_tooltip(Some(named(&after.tooltip)))?;
    }
    Ok(())
}

/// Puts the program's name before a tooltip, except where the panel shows it as a headline anyway.
fn named(tooltip: &str) -> String {
    if cfg!(target_os = "linux") {
        tooltip.to_owned()
    } else {
        format!("Commonplace: {tooltip}")
    }
}

/// Tells whether a click means "show me": the left or middle button, except where the left one opens the menu.
fn opens(event: &TrayIconEvent) -> bool {
    let TrayIconEvent::Click {
        button,
        button_state: MouseButtonState::Up,
        ..
    } = event
    else {
        return false;
    };
    match button {
        MouseButton::Left => !cfg!(target_os = "macos"),
        MouseButton::Middle => true,
        MouseButton::Right => false,
    }
}

/// Returns the picture of a state: in colour, or in one ink where the menu bar chooses the colour.
fn picture(state: State) -> tauri::Result<Image<'static>> {
    macro_rules! file {
        ($name:literal) => {
            include_bytes!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/icons/tray/",
                $name,
                ".png"
            ))
            .as_slice()
        };
    }
    let is_template = cfg!(target_os = "macos");
    Image::from_bytes(match (state, is_template) {
        (State::Ok, false) => file!("ok"),
        (State::Ok, true) => file!("ok-template"),
        (State::Busy, false) => file!("busy"),
        (State::Busy, true) => file!("busy-template"),
        (State::Waiting, false) => file!("waiting"),
        (State::Waiting, true) => file!("waiting-template"),
        (State::Paused, false) => file!("paused"),
        (State::Paused, true) => file!("paused-template"),
        (State::Error, false) => file!("error"),
        (State::Error, true) => file!("error-template"),
    })
}

/// Runs something on the main thread, where icons live, and waits for it.
fn on_main<T: Send + 'static>(
    app: &AppHandle,
    act: impl FnOnce(&AppHandle) -> T + Send + 'static,
) -> tauri::Result<T> {
    let (done, result) = channel();
    let handle = app.clone();
    app.run_on_main_thread(move || {
        // Nobody listens any more only if the desk ended, and then the result does not matter.
        let _ = done.send(act(&handle));
    })?;
    result
        .recv()
        .map_err(|_| tauri::Error::FailedToReceiveMessage)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_has_its_own_picture() {
        let states = [
            State::Ok,
            State::Busy,
            State::Waiting,
            State::Paused,
            State::Error,
        ];
        let pictures: Vec<_> = states
            .iter()
            .map(|state| picture(*state).unwrap())
            .collect();
        for (index, picture) in pictures.iter().enumerate() {
            assert!(picture.width() >= 44 && picture.width() == picture.height());
            let is_new = pictures[..index]
                .iter()
                .all(|earlier| earlier.rgba() != picture.rgba());
            assert!(is_new, "{:?} looks like an earlier state", states[index]);
        }
    }
}
