//! The tray icon, which follows the state of the host.

use std::sync::mpsc::{SyncSender, channel};

use commonplace_api::status::OverallState;
use tauri::image::Image;
use tauri::menu::Menu;
use tauri::tray::{MouseButton, MouseButtonState, TrayIconBuilder, TrayIconEvent};
use tauri::{AppHandle, Wry};

use super::action::Action;
use super::event::{Event, send};
use super::live_menu::LiveMenu;
use super::menu::Entry;
use super::panel::NoTray;

/// Name of the icon on the session bus and inside Tauri.
const ID: &str = "commonplace";

/// The icon in the tray; there may be none yet.
pub(super) struct Tray {
    events: SyncSender<Event>,
    live: Option<Live>,
    wanted: Appearance,
}

/// What the icon shows.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Appearance {
    state: OverallState,
    tooltip: String,
    entries: Vec<Entry>,
}

struct Live {
    menu: LiveMenu,
    shown: Appearance,
}

impl Tray {
    /// Makes a tray without an icon; each left click on the later icon is sent as [`Action::Open`].
    pub(super) fn new(events: SyncSender<Event>) -> Self {
        let wanted = Appearance {
            state: OverallState::Ok,
            tooltip: String::new(),
            entries: Vec::new(),
        };
        Self {
            events,
            live: None,
            wanted,
        }
    }

    /// Shows the icon unless it is there already; it returns by itself when a panel restarts.
    pub(super) fn show_icon(&mut self, app: &AppHandle) -> Result<(), NoTray> {
        if self.live.is_some() {
            return Ok(());
        }
        let refused = |error: tauri::Error| NoTray::Refused(error.to_string());
        let mut menu = LiveMenu::for_tray(app).map_err(refused)?;
        menu.show(app, &self.wanted.entries);
        let root = menu.root();
        let appearance = self.wanted.clone();
        let events = self.events.clone();
        on_main(app, move |app| build(app, &root, &appearance, events))
            .and_then(|built| built)
            .map_err(refused)?;
        self.live = Some(Live {
            menu,
            shown: self.wanted.clone(),
        });
        Ok(())
    }

    /// Brings icon, tooltip and menu up to date; does nothing for what has not changed.
    pub(super) fn show(
        &mut self,
        app: &AppHandle,
        state: OverallState,
        tooltip: &str,
        entries: &[Entry],
    ) {
        self.wanted = Appearance {
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

    /// Has the menu rebuilt at the next call of [`Tray::show`].
    pub(super) fn rebuild_menu(&mut self) {
        if let Some(live) = &mut self.live {
            live.menu.invalidate();
            live.shown.entries.clear();
        }
    }
}

fn build(
    app: &AppHandle,
    menu: &Menu<Wry>,
    appearance: &Appearance,
    events: SyncSender<Event>,
) -> tauri::Result<()> {
    let mut builder = TrayIconBuilder::with_id(ID)
        .menu(menu)
        .icon(picture(appearance.state)?)
        .icon_as_template(cfg!(target_os = "macos"))
        .tooltip(named(&appearance.tooltip))
        // On macOS the menu is what a click opens; elsewhere it is the right button's.
        .show_menu_on_left_click(cfg!(target_os = "macos"))
        .on_tray_icon_event(move |_, event| {
            if opens(&event) {
                send(&events, Event::Chosen(Action::Open));
            }
        });
    if cfg!(target_os = "linux") {
        // Elsewhere the title would be written beside the icon.
        builder = builder.title("Commonplace");
    }
    builder.build(app).map(drop)
}

fn update(app: &AppHandle, before: &Appearance, after: &Appearance) -> tauri::Result<()> {
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
fn picture(state: OverallState) -> tauri::Result<Image<'static>> {
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
        (OverallState::Ok, false) => file!("ok"),
        (OverallState::Ok, true) => file!("ok-template"),
        (OverallState::Busy, false) => file!("busy"),
        (OverallState::Busy, true) => file!("busy-template"),
        (OverallState::Waiting, false) => file!("waiting"),
        (OverallState::Waiting, true) => file!("waiting-template"),
        (OverallState::Paused, false) => file!("paused"),
        (OverallState::Paused, true) => file!("paused-template"),
        (OverallState::Error | OverallState::Unknown, false) => file!("error"),
        (OverallState::Error | OverallState::Unknown, true) => file!("error-template"),
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
        // Nobody listens any more only if the controller ended, and then the result does not matter.
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
            OverallState::Ok,
            OverallState::Busy,
            OverallState::Waiting,
            OverallState::Paused,
            OverallState::Error,
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
