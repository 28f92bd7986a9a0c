//! Small windows with a few sentences of our own and at most two answers.
//!
//! A notice is a page without scripts that this program serves to itself; an answer is a link whose target is
//! reported to the controller instead of being loaded.

use std::path::{Path, PathBuf};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tauri::http::{Response, header};
use tauri::webview::NewWindowResponse;
use tauri::{AppHandle, Manager, Url, WebviewUrl, WebviewWindowBuilder};

use super::action::Answer;
use super::event::{Event, send};
use super::text::some_of;
use crate::words::{counted, html_escaped};

/// Scheme of the notices' address.
pub(super) const SCHEME: &str = "notice";

/// Tauri's name of the window.
pub(super) const LABEL: &str = "notice";

/// Most clients that a question names: it has to stay in its window.
const CLIENTS_SHOWN_MAX: usize = 3;
const SIZE: (f64, f64) = (520.0, 250.0);
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";
const STYLE: &str = "
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { margin: 0; padding: 24px 28px; background: Canvas; color: CanvasText; }
h1 { font-size: 18px; margin: 0 0 12px; }
p, pre { margin: 0 0 14px; overflow-wrap: anywhere; }
pre { white-space: pre-wrap; padding: 10px 12px; border: 1px solid #8886;
  border-radius: 6px; font: 13px/1.5 ui-monospace, monospace; user-select: all; -webkit-user-select: all; }
a { display: inline-block; margin: 4px 10px 0 0; padding: 7px 14px; border: 1px solid #8889; border-radius: 6px;
  color: inherit; text-decoration: none; }
a:first-of-type { background: #14706d; border-color: #14706d; color: #fff; }
a:focus-visible { outline: 2px solid #2b9c92; outline-offset: 2px; }
";

/// A few sentences and what may be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Notice {
    title: String,
    text: String,
    /// Something to select and copy.
    code: Option<String>,
    answers: Vec<(Answer, &'static str)>,
}

impl Notice {
    /// Says something that can only be closed.
    pub(super) fn new(title: &str, text: impl Into<String>) -> Self {
        let answers = vec![(Answer::Understood, "Close")];
        Self {
            title: title.into(),
            text: text.into(),
            code: None,
            answers,
        }
    }

    /// Says where the program went when its window closed.
    pub(super) fn went_to_tray(is_local_host: bool) -> Self {
        let what = if is_local_host {
            "The host keeps serving"
        } else {
            "The icon stays"
        };
        let text =
            format!("{what}; click the icon in the tray for the window. Quit is in its menu.");
        Self::new("Commonplace is still running", text)
    }

    /// Asks whether to quit although clients would lose their host.
    pub(super) fn quit_with(clients: &[String]) -> Self {
        let (count, are, they) = match clients.len() {
            1 => ("1 client".into(), "is", "it"),
            many => (counted(many as u64, "client", "clients"), "are", "they"),
        };
        let text = format!(
            "{}. Quitting finishes the writes that were accepted; after that {they} can neither store nor find \
             memories until Commonplace starts again.",
            some_of(clients, CLIENTS_SHOWN_MAX).join("; ")
        );
        let answers = vec![(Answer::Quit, "Quit"), (Answer::Understood, "Keep running")];
        Self {
            answers,
            ..Self::new(&format!("{count} {are} connected. Quit?"), text)
        }
    }

    /// Asks what closing the window means on a desktop without a tray.
    pub(super) fn no_tray_to_close_to(clients: usize) -> Self {
        let who = match clients {
            0 => "No client is connected now.".into(),
            1 => "1 client is connected.".into(),
            _ => format!("{clients} clients are connected."),
        };
        let text = format!(
            "This desktop shows no tray icon, so nothing would tell you that the host keeps serving. {who} \
             Start Commonplace again to get the window back."
        );
        let answers = vec![
            (Answer::KeepServing, "Keep serving without a window"),
            (Answer::Quit, "Quit"),
        ];
        Self {
            answers,
            ..Self::new("Close the window and keep serving?", text)
        }
    }

    /// Says why there is no page to show.
    pub(super) fn no_dashboard(reason: &str) -> Self {
        Self::new("The dashboard cannot be shown", format!("{reason}."))
    }

    /// Shows the command that could not be put on the clipboard.
    pub(super) fn connect_line(line: String) -> Self {
        let text = "The clipboard could not be reached. This command connects Claude Code:";
        Self {
            code: Some(line),
            ..Self::new("Connect Claude Code", text)
        }
    }

    /// Shows the folder that could not be opened.
    pub(super) fn logs(folder: &Path) -> Self {
        let text = "No program that shows folders was found. The logs are here:";
        Self {
            code: Some(folder.display().to_string()),
            ..Self::new("Logs", text)
        }
    }

    /// Says which program this is, and on which store.
    pub(super) fn about(data_dir: &Path) -> Self {
        let version = env!("CARGO_PKG_VERSION");
        let text = format!(
            "Version {version}, {}. One long-term memory for every Claude Code instance on this machine. The store:",
            env!("CARGO_PKG_LICENSE")
        );
        Self {
            code: Some(data_dir.display().to_string()),
            ..Self::new("Commonplace", text)
        }
    }

    /// Returns the headline.
    pub(super) fn title(&self) -> &str {
        &self.title
    }

    /// Returns the sentences.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    fn html(&self) -> String {
        let code = self
            .code
            .as_ref()
            .map(|code| format!("<pre>{}</pre>", html_escaped(code)))
            .unwrap_or_default();
        // The first answer has the keyboard: Enter gives it, Tab goes to the next.
        let link = |(place, (answer, label)): (usize, &(Answer, &str))| {
            let focus = if place == 0 { " autofocus" } else { "" };
            let path = answer.path();
            format!("<a href=\"{path}\"{focus}>{}</a>", html_escaped(label))
        };
        let answers: String = self.answers.iter().enumerate().map(link).collect();
        format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title><style>{STYLE}</style>\
             <h1>{title}</h1><p>{text}</p>{code}{answers}</html>",
            title = html_escaped(&self.title),
            text = html_escaped(&self.text),
        )
    }
}

/// The notice that is shown; shared between the controller, which writes, and the web view, which reads.
#[derive(Clone)]
pub(super) struct Board {
    notice: Arc<Mutex<Option<Notice>>>,
    profile: PathBuf,
}

impl Board {
    /// Makes an empty board; `profile` is the folder of the web views.
    pub(super) fn new(profile: PathBuf) -> Self {
        let notice = Arc::default();
        Self { notice, profile }
    }

    /// Returns the folder for what the web views keep.
    pub(super) fn profile(&self) -> &Path {
        &self.profile
    }

    fn put(&self, notice: Notice) {
        *self.notice() = Some(notice);
    }

    fn notice(&self) -> MutexGuard<'_, Option<Notice>> {
        self.notice.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the page of the latest notice, whatever the address.
    pub(super) fn response(&self) -> Response<Vec<u8>> {
        let page = self.notice().as_ref().map(Notice::html).unwrap_or_default();
        let mut response = Response::new(page.into_bytes());
        let headers = response.headers_mut();
        let text = header::HeaderValue::from_static;
        headers.insert(header::CONTENT_TYPE, text("text/html; charset=utf-8"));
        headers.insert(header::CONTENT_SECURITY_POLICY, text(POLICY));
        headers.insert(header::CACHE_CONTROL, text("no-store"));
        response
    }
}

/// Shows a notice, in place of the one that may be open.
pub(super) fn show(
    app: &AppHandle,
    board: &Board,
    notice: Notice,
    events: SyncSender<Event>,
) -> tauri::Result<()> {
    let title = notice.title.clone();
    board.put(notice);
    let address: Url = format!("{SCHEME}://localhost/")
        .parse()
        .map_err(tauri::Error::InvalidUrl)?;
    if let Some(window) = app.get_webview_window(LABEL) {
        window.set_title(&title)?;
        window.reload()?;
        window.show()?;
        return window.set_focus();
    }
    let window = WebviewWindowBuilder::new(app, LABEL, WebviewUrl::CustomProtocol(address))
        .title(&title)
        .inner_size(SIZE.0, SIZE.1)
        .center()
        .on_navigation(move |target| may_go(target, &events))
        .on_new_window(|_, _| NewWindowResponse::Deny)
        .data_directory(board.profile.clone())
        .devtools(false)
        .build()?;
    window.set_focus()
}

/// Says whether a notice is open that may be answered so.
pub(super) fn asks_for(app: &AppHandle, board: &Board, answer: Answer) -> bool {
    let is_asked = |notice: &Notice| notice.answers.iter().any(|(asked, _)| *asked == answer);
    app.get_webview_window(LABEL).is_some() && board.notice().as_ref().is_some_and(is_asked)
}

/// Lets only the notice itself load; an answer becomes an event.
fn may_go(target: &Url, events: &SyncSender<Event>) -> bool {
    if !is_ours(target) {
        return false;
    }
    if let Some(answer) = Answer::from_path(target.path()) {
        send(events, Event::Answered(answer));
    }
    target.path() == "/"
}

/// Tells whether this is our scheme, or the form in which Windows has it (`http://notice.localhost`).
fn is_ours(target: &Url) -> bool {
    target.scheme() == SCHEME || (cfg!(windows) && target.host_str() == Some("notice.localhost"))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use super::*;

    #[test]
    fn a_hostile_reason_is_shown_as_text() {
        let html = Notice::no_dashboard("<img src=x onerror=\"alert(1)\"> & more").html();
        assert!(!html.contains("<img"), "{html}");
        assert!(
            html.contains("&lt;img src=x onerror=&quot;alert(1)&quot;&gt; &amp; more."),
            "{html}"
        );
    }

    #[test]
    fn the_command_can_be_selected_when_it_could_not_be_copied() {
        let html =
            Notice::connect_line("claude mcp add --transport http memory <url>".into()).html();
        assert!(
            html.contains("<pre>claude mcp add --transport http memory &lt;url&gt;</pre>"),
            "{html}"
        );
    }

    #[test]
    fn the_question_about_quitting_counts_the_clients_and_names_some() {
        let names = |count: usize| vec!["claude-code 2.1".to_owned(); count];
        let one = Notice::quit_with(&names(1));
        assert_eq!(one.title(), "1 client is connected. Quit?");
        assert!(one.text().starts_with("claude-code 2.1. Quitting"));
        let many = Notice::quit_with(&names(1200));
        assert_eq!(many.title(), "1,200 clients are connected. Quit?");
        let end = "claude-code 2.1; and 1,197 others. Quitting finishes";
        assert!(many.text().contains(end), "{}", many.text());
        let html = many.html();
        let first = "<a href=\"/answer/quit\" autofocus>Quit</a><a href=\"/answer/understood\">Keep running</a>";
        assert!(html.contains(first), "{html}");
    }

    #[test]
    fn an_answer_becomes_an_event_and_is_not_loaded() {
        let (events, inbox) = sync_channel(8);
        let cases = [
            ("notice://localhost/", true, None),
            ("notice://localhost/answer/quit", false, Some(Answer::Quit)),
            (
                "notice://localhost/answer/keep-serving",
                false,
                Some(Answer::KeepServing),
            ),
            (
                "notice://localhost/answer/understood",
                false,
                Some(Answer::Understood),
            ),
            ("notice://localhost/answer/other", false, None),
            ("https://example.org/answer/quit", false, None),
            ("http://127.0.0.1:7311/answer/quit", false, None),
        ];
        for (target, loads, answer) in cases {
            assert_eq!(may_go(&target.parse().unwrap(), &events), loads, "{target}");
            assert_eq!(
                inbox.try_recv().ok(),
                answer.map(Event::Answered),
                "{target}"
            );
        }
    }

    #[test]
    fn a_notice_runs_no_scripts_and_loads_nothing() {
        let response = Board::new(PathBuf::new()).response();
        let policy = &response.headers()[header::CONTENT_SECURITY_POLICY];
        assert!(
            policy
                .to_str()
                .unwrap()
                .starts_with("default-src 'none'; style-src")
        );
    }

    #[test]
    fn the_latest_notice_is_the_one_that_is_served() {
        let board = Board::new(PathBuf::new());
        board.put(Notice::went_to_tray(true));
        board.put(Notice::no_tray_to_close_to(2));
        let page = String::from_utf8(board.response().into_body()).unwrap();
        assert!(page.contains("2 clients are connected."), "{page}");
        assert!(page.contains("href=\"/answer/keep-serving\""), "{page}");
    }
}
