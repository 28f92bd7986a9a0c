//! What `doctor` has found: each thing with a verdict, the line that repairs it, and what `--fix` would do.

use std::path::PathBuf;

use serde::Serialize;

use crate::client_files::change::Replacement;
use crate::client_files::lenient::Format;

/// How one check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    Ok,
    Note,
    Problem,
    Fixed,
}

impl Verdict {
    fn mark(self) -> &'static str {
        match self {
            Self::Ok => "ok     ",
            Self::Note => "note   ",
            Self::Problem => "PROBLEM",
            Self::Fixed => "fixed  ",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    pub(super) what: &'static str,
    pub(super) verdict: Verdict,
    pub(super) text: String,
    /// The line that repairs it, where the text does not say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) repair: Option<String>,
    #[serde(skip)]
    pub(super) fix: Option<Fix>,
}

impl Finding {
    pub(super) fn new(what: &'static str, verdict: Verdict, text: impl Into<String>) -> Self {
        Self {
            what,
            verdict,
            text: text.into(),
            repair: None,
            fix: None,
        }
    }

    pub(super) fn repaired_by(self, line: impl Into<String>) -> Self {
        let repair = Some(line.into());
        Self { repair, ..self }
    }
}

/// One value in the configuration of a client.
pub(super) struct Fix {
    pub(super) path: PathBuf,
    pub(super) format: Format,
    pub(super) replacement: Replacement,
    /// What is done by it, in words.
    pub(super) says: &'static str,
}

impl std::fmt::Debug for Fix {
    /// Leaves out the values, which may be secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fix")
            .field("path", &self.path)
            .field("says", &self.says)
            .finish_non_exhaustive()
    }
}

/// All that was found, in the order in which it was looked at.
#[derive(Debug, Default)]
pub(super) struct Findings(pub(super) Vec<Finding>);

impl Findings {
    pub(super) fn add(&mut self, what: &'static str, verdict: Verdict, text: impl Into<String>) {
        self.0.push(Finding::new(what, verdict, text));
    }

    pub(super) fn check(&mut self, what: &'static str, result: Result<String, String>) {
        match result {
            Ok(text) => self.add(what, Verdict::Ok, text),
            Err(text) => self.add(what, Verdict::Problem, text),
        }
    }

    pub(super) fn has_problem(&self) -> bool {
        self.0
            .iter()
            .any(|finding| finding.verdict == Verdict::Problem)
    }

    /// All of them as text, and what they come to.
    pub(super) fn told(&self) -> String {
        let mut text = String::new();
        for finding in &self.0 {
            let (mark, what) = (finding.verdict.mark(), finding.what);
            text.push_str(&format!("{mark}  {what:<9} {}\n", finding.text));
            if let Some(repair) = &finding.repair {
                text.push_str(&format!("{:19} repair: {repair}\n", ""));
            }
        }
        text.push_str(if self.has_problem() {
            "something needs attention"
        } else {
            "no problem found"
        });
        text
    }
}
