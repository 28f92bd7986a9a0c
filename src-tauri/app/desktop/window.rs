//! The window with the host's page.
//!
//! It is destroyed when closed, not hidden: a web view keeps more than 100 MB.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use tauri::webview::NewWindowResponse;
use tauri::{AppHandle, Manager, Url, WebviewUrl, WebviewWindowBuilder};

use super::live_menu::LiveMenu;

/// Tauri's name of the window.
pub(super) const LABEL: &str = "dashboard";

const SIZE: (f64, f64) = (1120.0, 780.0);
const SIZE_MIN: (f64, f64) = (360.0, 320.0);

/// What closing the window does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closing {
    /// The window goes, the host goes on, the icon shows where it went.
    ToTray,
    /// The person decides: without an icon nothing would show that the host goes on, but clients may need it.
    Ask,
    /// The program ends, and nothing else does: the host is another process.
    Quit,
}

/// Decides what closing the window does.
pub(super) fn closing(has_tray: bool, is_own_host: bool) -> Closing {
    match (has_tray, is_own_host) {
        (true, _) => Closing::ToTray,
        (false, true) => Closing::Ask,
        (false, false) => Closing::Quit,
    }
}

/// Brings the window to the front if there is one; false if there is none.
pub(super) fn bring_forward(app: &AppHandle) -> bool {
    let Some(window) = app.get_webview_window(LABEL) else {
        return false;
    };
    let shown = window
        .unminimize()
        .and_then(|()| window.show())
        .and_then(|()| window.set_focus());
    if let Err(error) = shown {
        tracing::warn!(%error, "could not bring the window to the front");
    }
    true
}

/// Where the page may be: the host that the window shows, which may change while it is open.
#[derive(Clone, Debug, Default)]
pub(super) struct Home(Arc<Mutex<Option<Url>>>);

impl Home {
    /// Moves to the host of `url` and returns the address.
    fn move_to(&self, url: &str) -> Result<Url, String> {
        let page: Url = url
            .parse()
            .map_err(|error| format!("the host gave no address: {error}"))?;
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(page.clone());
        Ok(page)
    }

    /// Tells whether the page may go to `target`.
    fn has(&self, target: &Url) -> bool {
        let home = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        home.as_ref().is_some_and(|home| may_go(home, target))
    }
}

/// Lets the window that is open go to `url`, an address of the host's page.
pub(super) fn go(app: &AppHandle, url: &str, home: &Home) -> Result<(), String> {
    let page = home.move_to(url)?;
    match app.get_webview_window(LABEL) {
        Some(window) => window.navigate(page).map_err(|error| error.to_string()),
        None => Ok(()),
    }
}

/// Opens the window on `url`; its page can go nowhere but to pages of the same origin.
///
/// `profile` is the folder for what the page keeps, private to the owner of the store.
///
/// # Errors
/// A sentence for the person at the screen.
pub(super) fn open(
    app: &AppHandle,
    url: &str,
    home: &Home,
    profile: &Path,
    menu: Option<&LiveMenu>,
) -> Result<(), String> {
    let page = home.move_to(url)?;
    let home = home.clone();
    let mut builder = WebviewWindowBuilder::new(app, LABEL, WebviewUrl::External(page))
        .title("Commonplace")
        .inner_size(SIZE.0, SIZE.1)
        .min_inner_size(SIZE_MIN.0, SIZE_MIN.1)
        .prevent_overflow()
        .on_navigation(move |target| {
            let may_go = home.has(target);
            if !may_go {
                tracing::info!(%target, "the page was not allowed to go elsewhere");
            }
            may_go
        })
        .on_new_window(|target, _| {
            tracing::info!(%target, "the page was not allowed to open another window");
            NewWindowResponse::Deny
        })
        // Not incognito: drivers of WebKit find no window then, and each opening would leave a context behind.
        .data_directory(profile.to_owned())
        .devtools(cfg!(debug_assertions));
    if let Some(menu) = menu {
        builder = builder.menu(menu.root());
    }
    let window = builder.build().map_err(|error| error.to_string())?;
    window.set_focus().map_err(|error| error.to_string())
}

/// Destroys a window if it is open, and with it the memory of its page.
pub(super) fn close(app: &AppHandle, label: &str) {
    if let Some(window) = app.get_webview_window(label)
        && let Err(error) = window.destroy()
    {
        tracing::warn!(%error, label, "could not close a window");
    }
}

/// Tells whether the page may go to `target`: same scheme, host and port.
fn may_go(home: &Url, target: &Url) -> bool {
    let is_home = home.origin() == target.origin() && home.origin().is_tuple();
    if !is_home {
        // Only the origin: the rest may be a secret that a page tried to carry out.
        tracing::warn!(
            origin = target.origin().ascii_serialization(),
            "the page may not leave its host"
        );
    }
    is_home
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_may_go_nowhere_but_home() {
        let home: Url = "http://127.0.0.1:7311/#code=abc".parse().unwrap();
        let cases = [
            ("http://127.0.0.1:7311/", true),
            ("http://127.0.0.1:7311/memories?tag=a#b", true),
            ("http://127.0.0.1:7312/", false),
            ("https://127.0.0.1:7311/", false),
            ("http://localhost:7311/", false),
            ("http://127.0.0.1.example.org:7311/", false),
            ("http://127.0.0.1:7311@example.org/", false),
            ("https://example.org/", false),
            ("file:///etc/passwd", false),
            ("tauri://localhost/", false),
            ("data:text/html,hello", false),
            ("about:blank", false),
            ("javascript:alert(1)", false),
        ];
        for (target, may) in cases {
            assert_eq!(may_go(&home, &target.parse().unwrap()), may, "{target}");
        }
    }

    #[test]
    fn closing_never_leaves_a_host_running_unseen_without_asking() {
        let cases = [
            (true, true, Closing::ToTray),
            (true, false, Closing::ToTray),
            (false, true, Closing::Ask),
            (false, false, Closing::Quit),
        ];
        for (has_tray, is_own_host, expected) in cases {
            assert_eq!(
                closing(has_tray, is_own_host),
                expected,
                "tray: {has_tray}, own host: {is_own_host}"
            );
        }
    }
}
