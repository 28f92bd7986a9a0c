//! When a message tells the person of trouble, and in which words: once for each event, and not for one that passes at once.

use std::time::{Duration, Instant};

use commonplace_api::status::OverallState;

use super::action::Action;
use super::panel::Message;
use super::summary::{HostSummary, StuckHolder, Unavailable};
use super::text::{one_line, sentence};

/// Trouble must last for this long before it is told: in the moment between taking a lock and saying so, every holder looks
/// stuck, and a host on a busy machine may be late with one answer.
const STEADY: Duration = Duration::from_secs(2);
/// Waits shorter than this are nobody's business, whatever counts as slow.
const WAIT_MIN: Duration = Duration::from_secs(5);

/// A message that stays until the person closes it, with what it offers to do.
fn alert(title: String, text: String, action: Action, label: &'static str) -> Message {
    Message {
        title,
        text,
        offer: Some((action, label)),
        stays_ms: 0,
    }
}

/// Passes a stuck holder on once it has looked stuck for some time.
#[derive(Debug, Default)]
pub(super) struct Debounce {
    since: Option<(String, Instant)>,
}

impl Debounce {
    /// Returns `stuck` if the same one was seen [`STEADY`] ago and at each call since.
    pub(super) fn pass(&mut self, stuck: Option<StuckHolder>, now: Instant) -> Option<StuckHolder> {
        let Some(stuck) = stuck else {
            self.since = None;
            return None;
        };
        let since = match &self.since {
            Some((event, since)) if *event == stuck.event => *since,
            _ => now,
        };
        self.since = Some((stuck.event.clone(), since));
        (now.duration_since(since) >= STEADY).then_some(stuck)
    }

    /// Says whether one looks stuck, if only since a moment ago.
    pub(super) fn is_suspicious(&self) -> bool {
        self.since.is_some()
    }
}

/// What the person was told already.
#[derive(Debug, Default)]
pub(super) struct Alerts {
    stuck: Option<String>,
    is_wait_told: bool,
    error_since: Option<Instant>,
    is_error_told: bool,
    /// None: no sleep is known of.
    woke: Option<Instant>,
}

impl Alerts {
    /// Restarts the clock of what lasts: a wait or an error from before a sleep has not lasted while everybody slept.
    pub(super) fn woke(&mut self, now: Instant) {
        self.woke = Some(now);
        self.error_since = None;
    }

    /// Returns what to tell now, if there is something new.
    ///
    /// `tell_after` says how long a wait may be; it is asked only if somebody waits.
    pub(super) fn look(
        &mut self,
        seen: Result<&HostSummary, &Unavailable>,
        stuck: Option<&StuckHolder>,
        now: Instant,
        tell_after: impl FnOnce() -> Duration,
    ) -> Option<Message> {
        let of_holder = self.stuck_holder(stuck);
        let of_error = self.error(seen, now);
        let of_wait = self.wait(seen, now, tell_after);
        // The holder is why the others wait: one message for both.
        of_holder
            .or(of_error)
            .or(of_wait.filter(|_| stuck.is_none()))
    }

    fn stuck_holder(&mut self, stuck: Option<&StuckHolder>) -> Option<Message> {
        let event = stuck.map(|stuck| stuck.event.clone());
        if self.stuck == event {
            return None;
        }
        self.stuck = event;
        let stuck = stuck?;
        let title = one_line(&format!("{} is stuck holding a lock", stuck.who));
        let evidence = &stuck.evidence;
        let text = format!("{evidence}. The tray's menu and the dashboard can settle it.");
        Some(alert(title, text, Action::OpenLocks, "Show the lock"))
    }

    /// An error is over when the host does its work again.
    fn error(&mut self, seen: Result<&HostSummary, &Unavailable>, now: Instant) -> Option<Message> {
        let is_error = seen.map_or(true, |summary| summary.state == OverallState::Error);
        if !is_error {
            self.error_since = None;
            self.is_error_told = false;
            return None;
        }
        let since = *self.error_since.get_or_insert(now);
        if self.is_error_told || now.duration_since(since) < STEADY {
            return None;
        }
        self.is_error_told = true;
        let (action, label) = match seen {
            Err(Unavailable::Gone) => (Action::StartHost, "Start it again"),
            // It would not show its page either.
            Err(Unavailable::Silent { .. }) => (Action::OpenLogs, "Open the log folder"),
            Ok(_) => (Action::Open, "Open the dashboard"),
        };
        let title = "Memories cannot be stored now".into();
        Some(alert(title, sentence(seen), action, label))
    }

    /// A wait is over when nobody waits long any more; the next one is another event. In a pause everybody is meant to wait.
    fn wait(
        &mut self,
        seen: Result<&HostSummary, &Unavailable>,
        now: Instant,
        tell_after: impl FnOnce() -> Duration,
    ) -> Option<Message> {
        let summary = seen.ok()?;
        let is_long = summary.longest_wait >= WAIT_MIN && summary.state != OverallState::Paused;
        if !is_long {
            self.is_wait_told = false;
            return None;
        }
        let awake = self.woke.map(|woke| now.duration_since(woke));
        let waited = awake.map_or(summary.longest_wait, |awake| {
            awake.min(summary.longest_wait)
        });
        if self.is_wait_told || waited < WAIT_MIN || waited < tell_after() {
            return None;
        }
        self.is_wait_told = true;
        let title = format!("A write has waited for {} s", waited.as_secs());
        let text = summary.sentence.clone();
        Some(alert(
            title,
            text,
            Action::OpenLocks,
            "Show what it waits for",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::super::summary::tests::{calm, stuck_holder};
    use super::*;

    const SLOW: fn() -> Duration = || Duration::from_secs(1);

    fn waiting(seconds: u64) -> HostSummary {
        HostSummary {
            state: OverallState::Waiting,
            longest_wait: Duration::from_secs(seconds),
            ..calm()
        }
    }

    fn titles(alerts: &mut Alerts, summaries: &[HostSummary]) -> Vec<Option<String>> {
        let now = Instant::now();
        let look = |summary: &HostSummary| alerts.look(Ok(summary), None, now, SLOW);
        let told = summaries.iter().map(look);
        told.map(|alert| alert.map(|alert| alert.title)).collect()
    }

    #[test]
    fn a_long_wait_is_told_once_and_the_next_one_again() {
        let summaries = [
            waiting(2),
            waiting(6),
            waiting(7),
            calm(),
            waiting(5),
            waiting(9),
        ];
        let told = |seconds: u64| Some(format!("A write has waited for {seconds} s"));
        assert_eq!(
            titles(&mut Alerts::default(), &summaries),
            [None, told(6), None, None, told(5), None]
        );
    }

    #[test]
    fn a_wait_that_counts_as_usual_here_and_one_in_a_pause_are_not_told() {
        let mut alerts = Alerts::default();
        let patient = || Duration::from_secs(20);
        let now = Instant::now();
        assert_eq!(alerts.look(Ok(&waiting(10)), None, now, patient), None);
        assert!(alerts.look(Ok(&waiting(20)), None, now, patient).is_some());
        let paused = HostSummary {
            state: OverallState::Paused,
            ..waiting(60)
        };
        assert_eq!(titles(&mut Alerts::default(), &[paused]), [None]);
    }

    #[test]
    fn a_stuck_holder_is_told_once_and_stands_for_those_who_wait() {
        let mut alerts = Alerts::default();
        let (first, second) = (
            stuck_holder(),
            StuckHolder {
                event: "another".into(),
                ..stuck_holder()
            },
        );
        let mut told = |stuck: Option<&StuckHolder>, seconds| {
            let alert = alerts.look(Ok(&waiting(seconds)), stuck, Instant::now(), SLOW);
            alert.map(|alert| (alert.title, alert.offer.unwrap().0))
        };
        let expected = Some((
            "serve (pid 812) is stuck holding a lock".to_owned(),
            Action::OpenLocks,
        ));
        assert_eq!(told(Some(&first), 1), expected);
        assert_eq!(told(Some(&first), 10), None, "the wait is its doing");
        assert_eq!(told(Some(&second), 20), expected, "another event");
        assert_eq!(told(None, 0), None);
    }

    #[test]
    fn a_host_that_is_gone_is_told_once_with_the_way_to_start_it() {
        let mut alerts = Alerts::default();
        let start = Instant::now();
        let mut told = |seen: Result<&HostSummary, &Unavailable>, second| {
            let now = start + Duration::from_secs(second);
            let alert = alerts.look(seen, None, now, SLOW);
            alert.map(|alert| (alert.text, alert.offer.unwrap().0))
        };
        let expected = Some(("the host is gone".to_owned(), Action::StartHost));
        assert_eq!(told(Ok(&calm()), 0), None);
        assert_eq!(told(Err(&Unavailable::Gone), 1), None, "it may come back");
        assert_eq!(told(Err(&Unavailable::Gone), 3), expected);
        assert_eq!(told(Err(&Unavailable::Gone), 9), None);
        assert_eq!(told(Ok(&calm()), 10), None);
        assert_eq!(told(Err(&Unavailable::Gone), 11), None);
        assert_eq!(told(Err(&Unavailable::Gone), 13), expected);
    }

    // A write that waited for a second before the machine slept was told the next morning to have waited all night.
    #[test]
    fn a_sleep_is_no_wait_and_no_error_and_what_lasts_after_it_is_told() {
        let mut alerts = Alerts::default();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let silent = Unavailable::Silent { pid: 7 };
        assert_eq!(alerts.look(Ok(&waiting(1)), None, at(0), SLOW), None);
        assert_eq!(alerts.look(Err(&silent), None, at(1), SLOW), None);
        alerts.woke(at(1));
        assert_eq!(alerts.look(Err(&silent), None, at(1), SLOW), None);
        assert_eq!(alerts.look(Err(&silent), None, at(2), SLOW), None);
        assert_eq!(alerts.look(Ok(&waiting(28_803)), None, at(3), SLOW), None);
        let told = alerts.look(Ok(&waiting(28_807)), None, at(7), SLOW);
        let title = told.map(|alert| alert.title);
        assert_eq!(title, Some("A write has waited for 6 s".to_owned()));
        assert_eq!(alerts.look(Ok(&waiting(28_808)), None, at(8), SLOW), None);
        alerts.woke(at(9));
        let told = alerts.look(Ok(&waiting(57_600)), None, at(20), SLOW);
        assert_eq!(told, None, "the same wait, which was told");
    }

    // One answer that came late, as on a busy machine, was told as trouble, and each next one again.
    #[test]
    fn a_host_that_is_late_with_one_answer_is_no_trouble() {
        let mut alerts = Alerts::default();
        let (start, silent) = (Instant::now(), Unavailable::Silent { pid: 7 });
        for second in 0..20 {
            let now = start + Duration::from_secs(second);
            let calm = calm();
            let seen = if second % 3 == 0 {
                Err(&silent)
            } else {
                Ok(&calm)
            };
            assert_eq!(alerts.look(seen, None, now, SLOW), None, "{second}");
        }
    }

    #[test]
    fn a_holder_that_looks_stuck_for_a_moment_is_not_shown() {
        let mut debounce = Debounce::default();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(debounce.pass(Some(stuck_holder()), at(0)), None);
        assert!(debounce.is_suspicious());
        assert_eq!(debounce.pass(None, at(1)), None);
        assert_eq!(
            debounce.pass(Some(stuck_holder()), at(3)),
            None,
            "starts over"
        );
        assert_eq!(
            debounce.pass(Some(stuck_holder()), at(5)),
            Some(stuck_holder())
        );
        let other = StuckHolder {
            event: "another".into(),
            ..stuck_holder()
        };
        assert_eq!(debounce.pass(Some(other), at(6)), None);
    }
}
