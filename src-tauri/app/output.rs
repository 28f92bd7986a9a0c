//! What commands print. Results go to stdout, everything else to stderr.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this module is where commands print"
)]

use serde::Serialize;
use serde_json::json;

/// Prints a result: `text` for a person, `value` for a program.
pub(crate) fn result(json: bool, value: &impl Serialize, text: &str) {
    if json {
        line(&serde_json::to_string_pretty(value).expect("results have a form in JSON"));
    } else {
        line(text.trim_end());
    }
}

/// Prints one line on stdout; a closed pipe ends nothing but the printing.
pub(crate) fn line(text: &str) {
    use std::io::Write;
    drop(writeln!(std::io::stdout(), "{text}"));
}

/// Prints one line on stderr.
pub(crate) fn note(text: &str) {
    eprintln!("{text}");
}

/// One line on stderr that is written over while something works; nothing if nobody sees it.
pub(crate) struct Progress {
    is_shown: bool,
}

impl Progress {
    pub(crate) fn new(json: bool) -> Self {
        use std::io::IsTerminal;
        Self {
            is_shown: !json && std::io::stderr().is_terminal(),
        }
    }

    pub(crate) fn tell(&mut self, text: &str) {
        if self.is_shown {
            eprint!("\r\u{1b}[2K{text}");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.tell("");
    }
}

/// Prints why a command failed.
pub(crate) fn error(text: &str, exit_code: u8, json: bool) {
    if json {
        line(&format!(
            "{:#}",
            json!({ "error": text, "exit_code": exit_code })
        ));
    }
    eprintln!("commonplace: {text}");
}
