//! Whether there is a second store with memories that nobody sees.

use commonplace_engine::InstanceRecord;

use super::Asked;
use super::finding::{Finding, Findings, Verdict};
use crate::claude_code::own_command;
use crate::other_stores::{Homes, OtherStore, beside, holds};
use crate::paths::DataDir;

/// Looks where programs with other directories would have made one. Whoever has named a store has others on purpose.
pub(super) fn check_stores(findings: &mut Findings, asked: &Asked<'_>, hosts: &[InstanceRecord]) {
    if !asked.is_usual {
        return;
    }
    let used = Used {
        dir: asked.data_dir.path().display().to_string(),
        holds: holds(asked.data_dir.path()),
        host: hosts.first().map(|host| host.identity.pid),
    };
    let others = beside(asked.data_dir.path(), &Homes::find());
    findings
        .0
        .extend(others.iter().filter_map(|other| about(&used, other)));
}

/// The store that commands use here.
struct Used {
    dir: String,
    holds: Option<String>,
    host: Option<u32>,
}

fn about(used: &Used, other: &OtherStore) -> Option<Finding> {
    let text = format!(
        "there are two stores: `{}` with {} ({}), which commands use here, and `{}` with {} ({}); clients of one do not see \
         the memories of the other",
        used.dir,
        used.holds.as_deref().unwrap_or("no memories"),
        served(used.host),
        other.dir.display(),
        other.holds,
        served(other.host)
    );
    let command = own_command(&DataDir::find(Some(other.dir.clone()))?);
    let repair = format!(
        "to use the second one everywhere, name it in each client: `{command} connect claude --replace`, or \
         COMMONPLACE_DATA_DIR={}; to use the first one, name that in the client that made the second: `--data-dir {}`. The \
         memories of two stores cannot be joined yet",
        other.dir.display(),
        used.dir
    );
    Some(Finding::new("stores", Verdict::Problem, text).repaired_by(repair))
}

fn served(host: Option<u32>) -> String {
    match host {
        Some(pid) => format!("served by pid {pid}"),
        None => "no host serves it".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_stores_are_named_with_what_they_hold_and_who_serves_them() {
        let used = Used {
            dir: "/h/.local/share/commonplace".to_owned(),
            holds: None,
            host: None,
        };
        let other = OtherStore {
            dir: "/h/snap/code/current/.local/share/commonplace".into(),
            holds: "12 memories".to_owned(),
            host: Some(7),
        };
        let found = about(&used, &other).unwrap();
        for said in [
            "`/h/.local/share/commonplace` with no memories (no host serves it)",
            "/h/snap/code/current/.local/share/commonplace` with 12 memories (served by pid 7)",
        ] {
            assert!(found.text.contains(said), "{found:?}");
        }
        let repair = found.repair.unwrap();
        assert!(
            repair.contains("--data-dir") && repair.contains("cannot be joined yet"),
            "{repair}"
        );
    }
}
