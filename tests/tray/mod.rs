//! The tray as a panel sees it: over a session bus of the test's own, on a display of the test's own.
//!
//! Each test plays the panel (watcher), the service that shows messages, and the window manager, and checks what a
//! click does by the program's commands.

mod cases;
mod desktop;
mod item;
mod messages;
mod stuck;
mod trouble;
mod watcher;
mod webdriver;
mod window;
