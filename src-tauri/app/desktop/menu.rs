//! What the menus and the icon say: pure functions of what is known of the host.

use commonplace_api::locks::SettleAct;
use commonplace_api::status::OverallState;

use super::action::Action;
use super::panel::NoTray;
use super::summary::{HostSummary, LocksSummary, StuckHolder, Unavailable};
use super::text::{counts, one_line, sentence, some_of, wrapped};
use crate::words::counted;

/// What the tooltip and the menu say while the host stops.
pub(super) const ENDING: &str = "finishing accepted writes, then quitting";

/// Most clients that are named; the others are counted.
const CLIENTS_SHOWN_MAX: usize = 12;

/// One line of a menu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// Tells something; cannot be chosen.
    Line(String),
    /// Does something.
    Act(Action, String),
    /// Would do something, if there were a reason to.
    Idle(Action, String),
    /// Is on or off, and changes when chosen.
    Check(Action, String, bool),
    /// Opens entries of its own.
    Sub(String, Vec<Entry>),
    /// Sets groups apart.
    Separator,
}

/// What the menus depend on.
#[derive(Clone, Copy, Debug)]
pub(super) struct MenuState<'a> {
    /// What is to be seen of the host.
    pub(super) seen: Result<&'a HostSummary, &'a Unavailable>,
    /// What the locks need of a person.
    pub(super) locks: &'a LocksSummary,
    /// True while an act on a lock is under way.
    pub(super) is_settling: bool,
    /// Whether a login starts this program; None if that is not known.
    pub(super) starts_at_login: Option<bool>,
    /// False if the host is another process.
    pub(super) is_local_host: bool,
    /// Why there is no tray icon, if there is none.
    pub(super) no_tray: Option<&'a NoTray>,
}

/// Returns the entries of the tray's menu.
pub(super) fn menu(menu_state: &MenuState<'_>) -> Vec<Entry> {
    let open = [
        Entry::Act(Action::Open, "Open dashboard".into()),
        Entry::Separator,
    ];
    let mut entries = Vec::from(open);
    entries.extend(state(menu_state));
    entries.push(Entry::Separator);
    entries.extend(writes(menu_state));
    entries.push(Entry::Separator);
    entries.extend(program(menu_state));
    entries.push(Entry::Separator);
    entries.push(Entry::Act(Action::Quit, quit_label(menu_state)));
    entries
}

/// Returns the entries of the window's menu: those of the tray, and why there is no tray.
pub(super) fn window_menu(menu_state: &MenuState<'_>) -> Vec<Entry> {
    let mut entries = menu(menu_state);
    if let Some(reason) = menu_state.no_tray {
        let line = one_line(&format!("No tray icon: {reason}"));
        entries.splice(0..0, [Entry::Line(line), Entry::Separator]);
    }
    entries
}

/// Returns the menu while the host stops.
pub(super) fn ending() -> Vec<Entry> {
    vec![Entry::Line(ENDING.into())]
}

/// Chooses the icon. A stuck holder counts as a long wait before anybody has waited for long.
pub(super) fn icon(seen: Result<&HostSummary, &Unavailable>, locks: &LocksSummary) -> OverallState {
    match seen.map(|summary| summary.state) {
        Ok(OverallState::Ok | OverallState::Busy) if locks.stuck.is_some() => OverallState::Waiting,
        Ok(state) => state,
        Err(_) => OverallState::Error,
    }
}

/// What there is to see: the status line, the numbers, whose host it is, who is connected.
fn state(menu_state: &MenuState<'_>) -> Vec<Entry> {
    let mut entries = lines(&sentence(menu_state.seen));
    let Ok(summary) = menu_state.seen else {
        return entries;
    };
    entries.push(Entry::Line(counts(summary).join(", ")));
    if !menu_state.is_local_host {
        entries.push(Entry::Line("Attached to a host in another process".into()));
    }
    if !summary.clients.is_empty() {
        entries.push(clients(&summary.clients));
    }
    entries
}

/// A text over as many lines as it needs.
fn lines(text: &str) -> Vec<Entry> {
    wrapped(text).into_iter().map(Entry::Line).collect()
}

fn clients(names: &[String]) -> Entry {
    let lines = some_of(names, CLIENTS_SHOWN_MAX);
    Entry::Sub(
        "Clients".into(),
        lines.into_iter().map(Entry::Line).collect(),
    )
}

/// What can be done about the writes: settle, start the host, pause, clear.
fn writes(menu_state: &MenuState<'_>) -> Vec<Entry> {
    let mut entries = Vec::new();
    if menu_state.is_settling {
        entries.push(Entry::Line(
            "Settling a lock; this takes a few seconds".into(),
        ));
    } else if let Some(stuck) = &menu_state.locks.stuck {
        entries.push(settle(stuck));
    }
    entries.push(match menu_state.seen {
        Err(Unavailable::Gone) => Entry::Act(Action::StartHost, "Start the host again".into()),
        Ok(summary) if summary.state == OverallState::Paused => {
            Entry::Act(Action::Resume, "Resume writes".into())
        }
        Ok(_) | Err(Unavailable::Silent { .. }) => Entry::Act(Action::Pause, "Pause writes".into()),
    });
    entries.push(clear(menu_state));
    entries
}

/// The way to settle a stuck holder: evidence, consequence, and only then the act.
fn settle(stuck: &StuckHolder) -> Entry {
    let (title, consequence, act) = match stuck.act {
        SettleAct::Terminate => (
            "Stuck with the store",
            "Ending it rolls back what it has not committed, and its clients lose their host. It is ended only if its \
             identity is certain.",
            "End that program now",
        ),
        SettleAct::TakeOver | SettleAct::ClearLeftovers => (
            "Stuck with the write lock",
            "Taking over lets others write. Its pending writes are refused when it wakes; it continues with new ones.",
            "Take over the write lock now",
        ),
    };
    let mut entries = lines(&stuck.evidence);
    entries.push(Entry::Separator);
    entries.extend(lines(consequence));
    entries.extend([
        Entry::Act(Action::Settle(stuck.act), act.into()),
        Entry::Separator,
        Entry::Act(Action::OpenLocks, "Show the locks in the dashboard".into()),
    ]);
    Entry::Sub(one_line(&format!("{title}: {}", stuck.who)), entries)
}

fn clear(menu_state: &MenuState<'_>) -> Entry {
    let action = Action::Settle(SettleAct::ClearLeftovers);
    match menu_state.locks.leftovers {
        0 => Entry::Idle(action, "Clear leftover locks".into()),
        _ if menu_state.is_settling => Entry::Idle(action, "Clear leftover locks".into()),
        count => Entry::Act(action, format!("Clear leftover locks ({count})")),
    }
}

/// What concerns the program and not the store.
fn program(menu_state: &MenuState<'_>) -> Vec<Entry> {
    let mut entries = vec![
        Entry::Act(Action::OpenClients, "Connect clients…".into()),
        Entry::Act(
            Action::CopyConnectLine,
            "Copy the Claude Code command".into(),
        ),
    ];
    let login = |is_on| Entry::Check(Action::StartAtLogin, "Start at login".into(), is_on);
    entries.extend(menu_state.starts_at_login.map(login));
    entries.extend([
        Entry::Act(Action::OpenLogs, "Open log folder".into()),
        Entry::Act(Action::About, "About Commonplace".into()),
    ]);
    entries
}

fn quit_label(menu_state: &MenuState<'_>) -> String {
    let clients = menu_state.seen.map_or(0, |summary| summary.clients.len());
    if !menu_state.is_local_host {
        "Quit (the host keeps running)".into()
    } else if clients > 0 {
        let clients = counted(clients as u64, "client", "clients");
        format!("Quit and stop serving {clients}")
    } else {
        "Quit".into()
    }
}

#[cfg(test)]
mod tests {
    use super::super::summary::tests::{calm, stuck_holder};
    use super::*;

    const QUIET: LocksSummary = LocksSummary {
        leftovers: 0,
        stuck: None,
    };

    fn own(summary: &HostSummary) -> MenuState<'_> {
        MenuState {
            seen: Ok(summary),
            locks: &QUIET,
            is_settling: false,
            starts_at_login: Some(false),
            is_local_host: true,
            no_tray: None,
        }
    }

    fn line(entry: &Entry) -> String {
        match entry {
            Entry::Line(text) => format!("({text})"),
            Entry::Act(action, label) => format!("{label} [{}]", action.id()),
            Entry::Idle(action, label) => format!("{label} [{}, idle]", action.id()),
            Entry::Check(action, label, is_on) => format!("{label} [{}, {is_on}]", action.id()),
            Entry::Sub(label, entries) => format!("{label} > {}", text(entries).join("; ")),
            Entry::Separator => "--".into(),
        }
    }

    fn text(entries: &[Entry]) -> Vec<String> {
        entries.iter().map(line).collect()
    }

    #[test]
    fn a_calm_host_shows_every_action_and_its_state() {
        let summary = HostSummary {
            clients: vec!["claude-code 2.1".into(), "claude-code 2.2".into()],
            memories: 1204,
            ..calm()
        };
        assert_eq!(
            text(&menu(&own(&summary))),
            [
                "Open dashboard [open]",
                "--",
                "(nothing waits)",
                "(2 clients, 1,204 memories)",
                "Clients > (claude-code 2.1); (claude-code 2.2)",
                "--",
                "Pause writes [pause]",
                "Clear leftover locks [clear-leftovers, idle]",
                "--",
                "Connect clients… [open-clients]",
                "Copy the Claude Code command [copy-connect-line]",
                "Start at login [start-at-login, false]",
                "Open log folder [open-logs]",
                "About Commonplace [about]",
                "--",
                "Quit and stop serving 2 clients [quit]",
            ]
        );
    }

    /// Returns the lines between the state and what concerns the program.
    fn writes_of(menu_state: &MenuState<'_>) -> Vec<String> {
        text(&writes(menu_state))
    }

    #[test]
    fn what_can_be_done_about_writes_follows_the_state() {
        let (summary, leftovers) = (
            calm(),
            LocksSummary {
                leftovers: 2,
                stuck: None,
            },
        );
        let paused = HostSummary {
            state: OverallState::Paused,
            ..calm()
        };
        let (gone, silent) = (Unavailable::Gone, Unavailable::Silent { pid: 7 });
        let (pause, idle) = (
            "Pause writes [pause]",
            "Clear leftover locks [clear-leftovers, idle]",
        );
        let base = own(&summary);
        let cases = [
            (
                MenuState {
                    seen: Ok(&paused),
                    ..base
                },
                ["Resume writes [resume]", idle],
            ),
            (
                MenuState {
                    locks: &leftovers,
                    ..base
                },
                [pause, "Clear leftover locks (2) [clear-leftovers]"],
            ),
            (
                MenuState {
                    seen: Err(&gone),
                    ..base
                },
                ["Start the host again [start-host]", idle],
            ),
            (
                MenuState {
                    seen: Err(&silent),
                    ..base
                },
                [pause, idle],
            ),
        ];
        for (menu_state, expected) in cases {
            assert_eq!(writes_of(&menu_state), expected, "{menu_state:?}");
        }
    }

    #[test]
    fn a_stuck_holder_is_named_with_its_evidence_before_it_can_be_settled() {
        let summary = calm();
        let locks = |act| LocksSummary {
            leftovers: 0,
            stuck: Some(StuckHolder {
                act,
                ..stuck_holder()
            }),
        };
        for (act, title, way) in [
            (
                SettleAct::TakeOver,
                "Stuck with the write lock: serve (pid 812)",
                "Take over the write lock now [take-over]",
            ),
            (
                SettleAct::Terminate,
                "Stuck with the store: serve (pid 812)",
                "End that program now [terminate]",
            ),
        ] {
            let locks = locks(act);
            let menu_state = MenuState {
                locks: &locks,
                ..own(&summary)
            };
            let first = writes_of(&menu_state).remove(0);
            let evidence = format!("{title} > (its holder's process is stopped); --; (");
            assert!(first.starts_with(&evidence), "{first}");
            let end = format!("{way}; --; Show the locks in the dashboard [open-locks]");
            assert!(first.ends_with(&end), "{first}");
            assert_eq!(icon(Ok(&summary), &locks), OverallState::Waiting);
        }
    }

    #[test]
    fn while_a_lock_is_being_settled_nothing_can_be_settled_twice() {
        let summary = calm();
        let locks = LocksSummary {
            leftovers: 3,
            stuck: Some(stuck_holder()),
        };
        let menu_state = MenuState {
            locks: &locks,
            is_settling: true,
            ..own(&summary)
        };
        assert_eq!(
            writes_of(&menu_state),
            [
                "(Settling a lock; this takes a few seconds)",
                "Pause writes [pause]",
                "Clear leftover locks [clear-leftovers, idle]"
            ]
        );
    }

    #[test]
    fn a_long_status_line_is_broken_and_not_cut() {
        let sentence = "serve (pid 812) has been stopped for 9.3 s while holding the write lock; 2 instances are waiting";
        let summary = HostSummary {
            sentence: sentence.into(),
            ..calm()
        };
        let lines = text(&menu(&own(&summary)));
        let status = format!("{} {}", lines[2], lines[3]);
        assert_eq!(status.replace(") (", " "), format!("({sentence})"));
    }

    #[test]
    fn many_clients_are_counted_and_few_are_named() {
        for (count, last) in [
            (12, "client 11"),
            (13, "and 1 other"),
            (99, "and 87 others"),
        ] {
            let names: Vec<_> = (0..count).map(|n| format!("client {n}")).collect();
            let Entry::Sub(_, lines) = clients(&names) else {
                panic!("clients are a menu of their own");
            };
            assert_eq!(lines.last(), Some(&Entry::Line(last.into())), "{count}");
        }
    }

    #[test]
    fn quit_says_what_it_ends() {
        let cases = [
            (0, true, "Quit"),
            (1, true, "Quit and stop serving 1 client"),
            (1200, true, "Quit and stop serving 1,200 clients"),
            (0, false, "Quit (the host keeps running)"),
            (3, false, "Quit (the host keeps running)"),
        ];
        for (clients, is_local_host, label) in cases {
            let summary = HostSummary {
                clients: vec!["c".into(); clients],
                ..calm()
            };
            let menu_state = MenuState {
                is_local_host,
                ..own(&summary)
            };
            let last = menu(&menu_state).pop();
            assert_eq!(
                last,
                Some(Entry::Act(Action::Quit, label.into())),
                "{clients} clients, own host: {is_local_host}"
            );
        }
    }

    #[test]
    fn an_attached_app_says_that_the_host_is_not_its_own() {
        let summary = calm();
        let menu_state = MenuState {
            is_local_host: false,
            ..own(&summary)
        };
        let lines = text(&menu(&menu_state));
        assert!(
            lines.contains(&"(Attached to a host in another process)".to_owned()),
            "{lines:?}"
        );
    }

    #[test]
    fn a_host_that_is_gone_is_an_error_and_quit_still_works() {
        let (summary, gone) = (calm(), Unavailable::Gone);
        let menu_state = MenuState {
            seen: Err(&gone),
            ..own(&summary)
        };
        let lines = text(&menu(&menu_state));
        assert_eq!(lines[2], "(the host is gone)");
        assert_eq!(lines.last().map(String::as_str), Some("Quit [quit]"));
        assert_eq!(icon(Err(&gone), &QUIET), OverallState::Error);
    }

    #[test]
    fn the_window_says_why_there_is_no_tray_and_the_tray_does_not() {
        let summary = calm();
        let reason = NoTray::NoWatcher;
        let menu_state = MenuState {
            no_tray: Some(&reason),
            ..own(&summary)
        };
        let lines = text(&window_menu(&menu_state));
        assert!(lines[0].starts_with("(No tray icon: "), "{lines:?}");
        assert_eq!(
            lines[2..],
            text(&menu(&menu_state)),
            "the rest is the same menu"
        );
        assert_eq!(window_menu(&own(&summary)), menu(&own(&summary)));
    }

    #[test]
    fn the_icon_is_the_state_of_the_host() {
        let states = [
            OverallState::Ok,
            OverallState::Busy,
            OverallState::Waiting,
            OverallState::Paused,
            OverallState::Error,
        ];
        for state in states {
            assert_eq!(icon(Ok(&HostSummary { state, ..calm() }), &QUIET), state);
        }
    }
}
