//! A display and a session bus that belong to one test, and the app on them.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use commonplace_api::status::Status;
use x11rb::connection::Connection as _;
use x11rb::protocol::xproto::{
    AtomEnum, ClientMessageEvent, ConnectionExt, EventMask, ImageFormat, InputFocus,
    KEY_PRESS_EVENT, KEY_RELEASE_EVENT, Window,
};
use x11rb::protocol::xtest::ConnectionExt as _;
use x11rb::rust_connection::RustConnection;

use crate::support::{HANG, command, status};

/// A bus that starts no services: what is on it is what the test put there.
const BUS: &str = r#"<busconfig>
  <type>session</type><listen>unix:tmpdir=/tmp</listen><auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
  </policy>
</busconfig>"#;

/// How often is looked whether something has happened. Each look is a call to the app, which has work to do.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Longest answer to one call over the bus.
const CALL_MAX: Duration = Duration::from_secs(20);

/// Colour of a notice's first answer.
const ANSWER_BGR: [u8; 3] = [0x6d, 0x70, 0x14];

/// Looks again and again until there is something, and fails the test if there never is.
pub(super) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < HANG, "never happened: {what}");
        std::thread::sleep(LOOK_EVERY);
    }
}

/// A process that ends with the test.
pub(super) struct Process(pub(super) Child);

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A display, a session bus, and a home for one person.
pub(super) struct Desktop {
    home: tempfile::TempDir,
    display: String,
    bus: String,
    _processes: [Process; 2],
}

impl Desktop {
    pub(super) fn start() -> Self {
        let home = tempfile::tempdir().unwrap();
        let config = home.path().join("bus.conf");
        std::fs::write(&config, BUS).unwrap();
        let (bus, address) = say_first_line(Command::new("dbus-daemon").args([
            "--nofork",
            "--print-address",
            "--config-file",
            config.to_str().unwrap(),
        ]));
        let (display, number) = say_first_line(
            Command::new("Xvfb")
                .args("-displayfd 1 -screen 0 1280x800x24 -nolisten tcp -noreset".split(' ')),
        );
        let desktop = Self {
            home,
            display: format!(":{number}"),
            bus: address,
            _processes: [bus, display],
        };
        desktop.play_file_manager();
        desktop
    }

    /// Connects to the bus.
    pub(super) fn connect(&self) -> zbus::blocking::Connection {
        zbus::blocking::connection::Builder::address(self.bus.as_str())
            .and_then(|builder| builder.method_timeout(CALL_MAX).build())
            .expect("the bus takes connections")
    }

    /// The store directory.
    pub(super) fn store(&self) -> PathBuf {
        self.home.path().join("store")
    }

    /// Waits until a line of the log contains all of `words`.
    pub(super) fn until_logged(&self, words: &[&str]) {
        until(&format!("the log says {words:?}"), || {
            let logs = std::fs::read_dir(self.store().join("logs")).ok()?;
            let mut texts =
                logs.map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap());
            let is_it = |line: &str| words.iter().all(|word| line.contains(word));
            texts.any(|text| text.lines().any(is_it)).then_some(())
        });
    }

    /// The folder with what starts at login.
    pub(super) fn autostart(&self) -> PathBuf {
        self.home.path().join("config/autostart")
    }

    /// Starts the app without its window.
    pub(super) fn app(&self) -> App {
        self.start_app(&mut self.app_command(&["--hidden"]))
    }

    /// The command that starts the app here.
    pub(super) fn app_command(&self, arguments: &[&str]) -> Command {
        let mut command = command(&self.store(), &["app", "--port", "0"]);
        self.settle_in(&mut command);
        command.args(arguments);
        command
    }

    /// Lets a command belong to this desktop.
    pub(super) fn settle_in(&self, command: &mut Command) {
        let home = self.home.path();
        let path = format!(
            "{}:{}",
            home.join("bin").display(),
            std::env::var("PATH").unwrap_or_default()
        );
        command
            .env("DISPLAY", &self.display)
            .env("DBUS_SESSION_BUS_ADDRESS", &self.bus)
            .env("HOME", home)
            .env("XDG_CONFIG_HOME", home.join("config"))
            .env("XDG_DATA_HOME", home.join("data"))
            .env("XDG_CACHE_HOME", home.join("cache"))
            .env("XDG_STATE_HOME", home.join("state"))
            .env("XDG_RUNTIME_DIR", home)
            .env("PATH", path)
            .env("NO_AT_BRIDGE", "1")
            .env_remove("WAYLAND_DISPLAY");
    }

    pub(super) fn start_app(&self, command: &mut Command) -> App {
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the app starts");
        let mut err = child.stderr.take().expect("stderr is piped");
        // Somebody must read its log, or the pipe fills.
        std::thread::spawn(move || drop(err.read_to_end(&mut Vec::new())));
        App {
            process: Process(child),
            store: self.store(),
        }
    }

    /// Returns the windows with this title.
    pub(super) fn windows(&self, title: &str) -> Vec<Window> {
        let (x, screen) =
            RustConnection::connect(Some(&self.display)).expect("the display is there");
        let root = x.setup().roots[screen].root;
        let tree = x.query_tree(root).unwrap().reply().unwrap();
        let is_it = |window: &Window| {
            let name = x.get_property(false, *window, AtomEnum::WM_NAME, AtomEnum::ANY, 0, 1024);
            let name = name.ok().and_then(|asked| asked.reply().ok());
            let shown = x.get_window_attributes(*window).ok();
            let is_shown = shown
                .and_then(|asked| asked.reply().ok())
                .is_some_and(|shown| {
                    shown.map_state == x11rb::protocol::xproto::MapState::VIEWABLE
                });
            is_shown && name.is_some_and(|name| name.value == title.as_bytes())
        };
        tree.children.into_iter().filter(is_it).collect()
    }

    /// Closes a window as its button does.
    pub(super) fn close_window(&self, window: Window) {
        let (x, _) = RustConnection::connect(Some(&self.display)).expect("the display is there");
        let atom = |name: &str| {
            let asked = x.intern_atom(false, name.as_bytes()).unwrap();
            asked.reply().unwrap().atom
        };
        let wish = [atom("WM_DELETE_WINDOW"), 0, 0, 0, 0];
        let event = ClientMessageEvent::new(32, window, atom("WM_PROTOCOLS"), wish);
        x.send_event(false, window, EventMask::NO_EVENT, event)
            .unwrap()
            .check()
            .unwrap();
    }

    /// Waits for a notice with this headline, answers it by keyboard, and waits until it has gone.
    pub(super) fn answer(&self, title: &str, keys: &[Key]) {
        let (x, _) = RustConnection::connect(Some(&self.display)).expect("the display is there");
        until(&format!("`{title}` can be answered"), || {
            let window = *self.windows(title).first()?;
            has_answers(&x, window)?;
            // As the window manager gives it the keyboard.
            let given = x.set_input_focus(InputFocus::PARENT, window, x11rb::CURRENT_TIME);
            given.unwrap().check().ok()
        });
        keys.iter().for_each(|key| press(&x, *key));
        until(&format!("`{title}` has gone"), || {
            self.windows(title).is_empty().then_some(())
        });
    }

    /// Waits for the window of the dashboard.
    pub(super) fn dashboard(&self) -> Window {
        until("the dashboard's window opens", || {
            self.windows("Commonplace").first().copied()
        })
    }

    /// Returns what was opened in the file manager last.
    pub(super) fn opened(&self) -> Option<String> {
        let opened = std::fs::read_to_string(self.home.path().join("opened"));
        opened.ok().filter(|path| !path.is_empty())
    }

    fn play_file_manager(&self) {
        let bin = self.home.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        let program = bin.join("xdg-open");
        let opened = self.home.path().join("opened");
        let text = format!("#!/bin/sh\nprintf %s \"$1\" > '{}'\n", opened.display());
        std::fs::write(&program, text).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
}

/// The app of a test; killed when dropped.
pub(super) struct App {
    process: Process,
    store: PathBuf,
}

impl App {
    pub(super) fn pid(&self) -> u32 {
        self.process.0.id()
    }

    /// Reads the status of the store's host, once there is one.
    pub(super) fn status(&self) -> Status {
        until("the host answers", || status(&self.store))
    }

    /// Waits for the end and returns the exit code.
    pub(super) fn end(&mut self) -> Option<i32> {
        until("the app ends", || self.process.0.try_wait().unwrap()).code()
    }

    /// Counts the processes of web views.
    pub(super) fn web_views(&self) -> usize {
        web_views(self.pid())
    }

    /// Returns the parts of graphics drivers in its memory: they may take more of it than all the rest.
    pub(super) fn graphics_drivers(&self) -> Vec<String> {
        let maps = std::fs::read_to_string(format!("/proc/{}/maps", self.pid())).unwrap();
        let is_driver = |line: &&str| {
            ["_dri.so", "libgallium", "libLLVM"]
                .iter()
                .any(|part| line.contains(part))
        };
        maps.lines().filter(is_driver).map(str::to_owned).collect()
    }
}

/// A key, by the number that X11 gives to what is on it.
#[derive(Clone, Copy)]
pub(super) enum Key {
    Tab = 0xff09,
    Enter = 0xff0d,
}

fn press(x: &RustConnection, key: Key) {
    let code = keycode(x, key);
    for event in [KEY_PRESS_EVENT, KEY_RELEASE_EVENT] {
        let pressed = x.xtest_fake_input(event, code, 0, x11rb::NONE, 0, 0, 0);
        pressed.unwrap().check().unwrap();
    }
}

/// Says whether the first answer of a notice is painted: before that, its page does not hear the keyboard.
fn has_answers(x: &RustConnection, window: Window) -> Option<()> {
    let place = x.get_geometry(window).ok()?.reply().ok()?;
    let (width, height) = (place.width, place.height);
    let asked = x.get_image(ImageFormat::Z_PIXMAP, window, 0, 0, width, height, !0);
    let pixels = asked.ok()?.reply().ok()?.data;
    let mut pixels = pixels.chunks(4);
    pixels.any(|pixel| pixel[..3] == ANSWER_BGR).then_some(())
}

/// Finds the place of a key on this keyboard.
fn keycode(x: &RustConnection, key: Key) -> u8 {
    let (first, last) = (x.setup().min_keycode, x.setup().max_keycode);
    let asked = x.get_keyboard_mapping(first, last - first + 1).unwrap();
    let mapping = asked.reply().unwrap();
    let each = usize::from(mapping.keysyms_per_keycode);
    let mut codes = (first..=last).zip(mapping.keysyms.chunks(each));
    let found = codes.find(|(_, symbols)| symbols[0] == key as u32);
    found.expect("the keyboard has it").0
}

/// Counts the processes of web views that a process has.
pub(super) fn web_views(pid: u32) -> usize {
    children(pid)
        .iter()
        .filter(|name| name.starts_with("WebKitWebProces"))
        .count()
}

/// Says whether a process runs: one that has ended and waits for its parent does not.
pub(super) fn is_running(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

/// Returns the names of a process's children.
fn children(pid: u32) -> Vec<String> {
    let is_child = |path: &Path| {
        let stat = std::fs::read_to_string(path.join("stat")).ok()?;
        let (before, after) = stat.rsplit_once(") ")?;
        let parent: u32 = after.split(' ').nth(1)?.parse().ok()?;
        let (_, name) = before.split_once('(')?;
        (parent == pid).then(|| name.to_owned())
    };
    let processes = std::fs::read_dir("/proc").unwrap();
    processes
        .flatten()
        .filter_map(|entry| is_child(&entry.path()))
        .collect()
}

/// Fails the test because a program it needs cannot be started.
pub(super) fn missing<T>(command: &Command, error: &std::io::Error) -> T {
    panic!("{command:?}: {error}; `cargo xtask test --only packages` installs it")
}

/// Starts a program that says where it is to be found.
fn say_first_line(command: &mut Command) -> (Process, String) {
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut child = child.unwrap_or_else(|error| missing(command, &error));
    let mut line = String::new();
    let out = child.stdout.take().expect("stdout is piped");
    BufReader::new(out).read_line(&mut line).unwrap();
    (Process(child), line.trim().to_owned())
}
