//! What `doctor --fix` does by itself: it replaces values in the configurations of clients, and keeps each file as it was.
//! No memory and no store is touched.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::finding::{Findings, Verdict};
use crate::client_files::change::{Replacement, change};
use crate::client_files::lenient::Format;

/// Does what can be done, a file at a time, and says so in the findings.
pub(super) fn apply(findings: &mut Findings) {
    let mut files: BTreeMap<PathBuf, (Format, Vec<Replacement>)> = BTreeMap::new();
    for fix in findings.0.iter().filter_map(|finding| finding.fix.as_ref()) {
        let (_, all) = files
            .entry(fix.path.clone())
            .or_insert((fix.format, Vec::new()));
        if !all.contains(&fix.replacement) {
            all.push(fix.replacement.clone());
        }
    }
    let changed: BTreeMap<_, _> = files
        .into_iter()
        .map(|(path, (format, replacements))| (path.clone(), change(&path, format, &replacements)))
        .collect();
    for finding in &mut findings.0 {
        let Some(fix) = finding.fix.take() else {
            continue;
        };
        match changed.get(&fix.path) {
            Some(Ok(copy)) => {
                finding.verdict = Verdict::Fixed;
                finding.repair = None;
                let copy = copy.display();
                finding
                    .text
                    .push_str(&format!("; {}; the file as it was: `{copy}`", fix.says));
            }
            Some(Err(error)) => finding
                .text
                .push_str(&format!("; nothing was changed: {error}")),
            None => {}
        }
    }
}
