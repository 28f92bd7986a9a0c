//! What the menus, the tooltip and the icon say: pure functions of what is known of the host.

use super::panel::NoTray;
use super::{Glance, State};

/// Longest line in a menu, in characters: the sentence may hold names that clients chose.
const LINE_CHARS_MAX: usize = 90;

/// What the tooltip and the menu say while the host stops.
pub(super) const ENDING: &str = "finishing accepted writes, then quitting";

/// What an entry does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Shows the window with the dashboard.
    Open,
    /// Puts the command that connects Claude Code on the clipboard.
    CopyConnectLine,
    /// Opens the folder with the logs.
    OpenLogs,
    /// Finishes accepted writes and ends the program.
    Quit,
}

impl Action {
    const ALL: [Self; 4] = [
        Self::Open,
        Self::CopyConnectLine,
        Self::OpenLogs,
        Self::Quit,
    ];

    /// Returns the name by which the window system reports the entry.
    pub(super) fn id(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::CopyConnectLine => "copy-connect-line",
            Self::OpenLogs => "open-logs",
            Self::Quit => "quit",
        }
    }

    /// Returns the action with this name; None for entries that only tell something.
    pub(super) fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.id() == id)
    }
}

/// One line of a menu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// Tells something; cannot be chosen.
    Line(String),
    /// Does something.
    Act(Action, String),
    /// Sets groups apart.
    Separator,
}

/// What the menus depend on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Situation<'a> {
    /// What is to be seen of the host; None if it is gone.
    pub(super) glance: Option<&'a Glance>,
    /// False if the host is another process.
    pub(super) is_own_host: bool,
    /// Why there is no tray icon, if there is none.
    pub(super) no_tray: Option<&'a NoTray>,
}

/// Returns the entries of the tray's menu.
pub(super) fn menu(situation: &Situation<'_>) -> Vec<Entry> {
    let mut entries = vec![
        Entry::Act(Action::Open, "Open dashboard".into()),
        Entry::Separator,
        Entry::Line(one_line(sentence(situation.glance))),
    ];
    entries.extend(
        situation
            .glance
            .map(|glance| Entry::Line(counts(glance).join(", "))),
    );
    if !situation.is_own_host {
        entries.push(Entry::Line("Attached to a host that runs by itself".into()));
    }
    entries.extend([
        Entry::Separator,
        Entry::Act(
            Action::CopyConnectLine,
            "Copy the Claude Code command".into(),
        ),
        Entry::Act(Action::OpenLogs, "Open log folder".into()),
        Entry::Separator,
        Entry::Act(Action::Quit, quit_label(situation)),
    ]);
    entries
}

/// Returns the entries of the window's menu: those of the tray, and why there is no tray.
pub(super) fn window_menu(situation: &Situation<'_>) -> Vec<Entry> {
    let mut entries = menu(situation);
    if let Some(reason) = situation.no_tray {
        let line = one_line(&format!("No tray icon: {reason}"));
        entries.splice(0..0, [Entry::Line(line), Entry::Separator]);
    }
    entries
}

/// Returns the menu while the host stops.
pub(super) fn ending() -> Vec<Entry> {
    vec![Entry::Line(ENDING.into())]
}

/// Chooses the icon.
pub(super) fn icon(glance: Option<&Glance>) -> State {
    glance.map_or(State::Error, |glance| glance.state)
}

/// Returns the text that appears when the pointer rests on the icon, below or after the program's name.
pub(super) fn tooltip(glance: Option<&Glance>) -> String {
    let mut lines = vec![one_line(sentence(glance))];
    lines.extend(glance.map(|glance| counts(glance).join(", ")));
    lines.join("\n")
}

fn sentence(glance: Option<&Glance>) -> &str {
    glance.map_or("the host is gone", |glance| glance.sentence.as_str())
}

/// Returns the numbers worth telling: clients and memories always, the others when they are not zero.
fn counts(glance: &Glance) -> Vec<String> {
    let mut counts = vec![
        counted(glance.clients as u64, "client", "clients"),
        counted(glance.memories, "memory", "memories"),
    ];
    let waiting = [
        (glance.queue_length as u64, "in the write queue"),
        (glance.waiters as u64, "waiting for the write lock"),
        (glance.backlog, "to index"),
    ];
    let waiting = waiting.into_iter().filter(|(number, _)| *number > 0);
    counts.extend(waiting.map(|(number, what)| format!("{} {what}", with_separators(number))));
    counts
}

fn quit_label(situation: &Situation<'_>) -> String {
    let clients = situation.glance.map_or(0, |glance| glance.clients as u64);
    if !situation.is_own_host {
        "Quit (the host goes on)".into()
    } else if clients > 0 {
        format!(
            "Quit and stop serving {}",
            counted(clients, "client", "clients")
        )
    } else {
        "Quit".into()
    }
}

fn counted(number: u64, one: &str, many: &str) -> String {
    format!(
        "{} {}",
        with_separators(number),
        if number == 1 { one } else { many }
    )
}

fn with_separators(number: u64) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev();
    let groups: Vec<_> = groups.map(|group| String::from_utf8_lossy(group)).collect();
    groups.join(",")
}

/// Makes a text fit for a menu: one line of bounded length, without control or direction characters.
fn one_line(text: &str) -> String {
    let is_shown = |character: &char| {
        !character.is_control()
            && !matches!(character, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
    };
    let words: Vec<&str> = text.split_whitespace().collect();
    let shown: Vec<char> = words.join(" ").chars().filter(is_shown).collect();
    if shown.len() <= LINE_CHARS_MAX {
        return shown.into_iter().collect();
    }
    let cut: String = shown[..LINE_CHARS_MAX - 1].iter().collect();
    format!("{}…", cut.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calm() -> Glance {
        Glance {
            state: State::Ok,
            sentence: "nothing waits".into(),
            queue_length: 0,
            waiters: 0,
            clients: 0,
            memories: 0,
            backlog: 0,
        }
    }

    fn own(glance: Option<&Glance>) -> Situation<'_> {
        Situation {
            glance,
            is_own_host: true,
            no_tray: None,
        }
    }

    fn text(entries: &[Entry]) -> Vec<String> {
        let line = |entry: &Entry| match entry {
            Entry::Line(text) => format!("({text})"),
            Entry::Act(action, label) => format!("{label} [{}]", action.id()),
            Entry::Separator => "--".into(),
        };
        entries.iter().map(line).collect()
    }

    #[test]
    fn a_calm_host_shows_every_action_and_its_state() {
        let glance = Glance {
            clients: 2,
            memories: 1204,
            ..calm()
        };
        assert_eq!(
            text(&menu(&own(Some(&glance)))),
            [
                "Open dashboard [open]",
                "--",
                "(nothing waits)",
                "(2 clients, 1,204 memories)",
                "--",
                "Copy the Claude Code command [copy-connect-line]",
                "Open log folder [open-logs]",
                "--",
                "Quit and stop serving 2 clients [quit]",
            ]
        );
    }

    #[test]
    fn quit_says_what_it_ends() {
        let cases = [
            (0, true, "Quit"),
            (1, true, "Quit and stop serving 1 client"),
            (1200, true, "Quit and stop serving 1,200 clients"),
            (0, false, "Quit (the host goes on)"),
            (3, false, "Quit (the host goes on)"),
        ];
        for (clients, is_own_host, label) in cases {
            let glance = Glance { clients, ..calm() };
            let situation = Situation {
                glance: Some(&glance),
                is_own_host,
                no_tray: None,
            };
            let last = menu(&situation).pop();
            assert_eq!(
                last,
                Some(Entry::Act(Action::Quit, label.into())),
                "{clients} clients, own host: {is_own_host}"
            );
        }
    }

    #[test]
    fn an_attached_app_says_that_the_host_is_not_its_own() {
        let glance = calm();
        let situation = Situation {
            glance: Some(&glance),
            is_own_host: false,
            no_tray: None,
        };
        let lines = text(&menu(&situation));
        assert!(
            lines.contains(&"(Attached to a host that runs by itself)".to_owned()),
            "{lines:?}"
        );
    }

    #[test]
    fn a_host_that_is_gone_is_an_error_and_quit_still_works() {
        let lines = text(&menu(&own(None)));
        assert_eq!(lines[2], "(the host is gone)");
        assert_eq!(lines.last().map(String::as_str), Some("Quit [quit]"));
        assert_eq!(icon(None), State::Error);
        assert_eq!(tooltip(None), "the host is gone");
    }

    #[test]
    fn the_window_says_why_there_is_no_tray_and_the_tray_does_not() {
        let glance = calm();
        let reason = NoTray::NoWatcher;
        let situation = Situation {
            no_tray: Some(&reason),
            ..own(Some(&glance))
        };
        let lines = text(&window_menu(&situation));
        assert!(lines[0].starts_with("(No tray icon: "), "{lines:?}");
        assert_eq!(
            lines[2..],
            text(&menu(&situation)),
            "the rest is the same menu"
        );
        assert_eq!(window_menu(&own(Some(&glance))), menu(&own(Some(&glance))));
    }

    #[test]
    fn the_tooltip_has_the_numbers_that_are_not_zero() {
        let cases = [
            (calm(), "0 clients, 0 memories"),
            (
                Glance {
                    clients: 1,
                    memories: 1,
                    ..calm()
                },
                "1 client, 1 memory",
            ),
            (
                Glance {
                    queue_length: 12,
                    waiters: 3,
                    backlog: 45_000,
                    ..calm()
                },
                "0 clients, 0 memories, 12 in the write queue, 3 waiting for the write lock, 45,000 to index",
            ),
        ];
        for (glance, numbers) in cases {
            let expected = format!("nothing waits\n{numbers}");
            assert_eq!(tooltip(Some(&glance)), expected);
        }
    }

    #[test]
    fn the_icon_is_the_state_of_the_host() {
        for state in [State::Ok, State::Busy, State::Waiting, State::Error] {
            assert_eq!(icon(Some(&Glance { state, ..calm() })), state);
        }
    }

    #[test]
    fn a_hostile_client_name_stays_one_short_line() {
        let name = format!("a\u{202E}b\nc\u{1b}[31m{}", "x".repeat(500));
        let glance = Glance {
            sentence: format!("`{name}` waits"),
            ..calm()
        };
        let Entry::Line(line) = &menu(&own(Some(&glance)))[2] else {
            panic!("the third entry is the status line");
        };
        assert_eq!(line.chars().count(), LINE_CHARS_MAX);
        assert!(
            line.starts_with("`ab c[31mxxx") && line.ends_with('…'),
            "{line}"
        );
    }

    #[test]
    fn every_action_is_found_by_its_id() {
        for action in Action::ALL {
            assert_eq!(Action::from_id(action.id()), Some(action));
        }
        assert_eq!(Action::from_id("line-2"), None);
    }

    #[test]
    fn thousands_are_set_apart() {
        let cases = [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (1_234_567, "1,234,567"),
        ];
        for (number, expected) in cases {
            assert_eq!(with_separators(number), expected);
        }
    }
}
