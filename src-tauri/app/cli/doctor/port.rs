//! Whether the port of the settings is free for this store's host.

use super::Asked;
use super::finding::{Finding, Findings, Verdict};
use crate::system::platform::PORT_OWNER_COMMAND;
use crate::system::port_owner::{is_taken, port_owner};

/// The port in the address of a host's page.
pub(super) fn of_url(url: &str) -> Option<u16> {
    url.trim_end_matches('/').rsplit(':').next()?.parse().ok()
}

/// Looks whether somebody else has the port.
pub(super) fn check_port(findings: &mut Findings, asked: &Asked<'_>, clients_over_http: usize) {
    let port = asked.port;
    if port == 0 || asked.ports.contains(&port) || !is_taken(port) {
        return;
    }
    let free = (1..=50)
        .filter_map(|more| port.checked_add(more))
        .find(|port| !is_taken(*port));
    let taken = Taken {
        owner: port_owner(port),
        free: free.unwrap_or(0),
        is_in_the_way: asked.is_usual && (asked.ports.is_empty() || clients_over_http > 0),
    };
    findings.0.push(about(asked, &taken));
}

/// A port that somebody else has.
struct Taken {
    owner: Option<String>,
    /// One that nobody has; 0 for any.
    free: u16,
    /// Whether somebody comes to it who should not: a host could not start, or a client sends its token there.
    is_in_the_way: bool,
}

fn about(asked: &Asked<'_>, taken: &Taken) -> Finding {
    let port = asked.port;
    let owner = match &taken.owner {
        Some(owner) => owner.clone(),
        None => format!("another program ({PORT_OWNER_COMMAND})"),
    };
    let then = match asked.ports.first() {
        Some(other) => format!("the host of this store listens on port {other} instead"),
        None => "`commonplace serve` and the tray application cannot start".to_owned(),
    };
    let text = format!("port {port}, which the settings name, is taken by {owner}; {then}");
    let verdict = if taken.is_in_the_way {
        Verdict::Problem
    } else {
        Verdict::Note
    };
    let (command, free) = (&asked.command, taken.free);
    let repair = format!(
        "stop that program; or {command} settings set port {free}, start the host again, and {command} doctor --fix"
    );
    Finding::new("port", verdict, text).repaired_by(repair)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paths::DataDir;

    #[test]
    fn who_has_the_port_is_named_with_a_port_that_is_free() {
        let data_dir = DataDir::find(Some("/store".into())).unwrap();
        let asked = Asked {
            data_dir: &data_dir,
            is_usual: true,
            ports: vec![],
            port: 7311,
            command: "commonplace".to_owned(),
        };
        let taken = |is_in_the_way| Taken {
            owner: Some("a program of another user (`anna`, 1001)".to_owned()),
            free: 7312,
            is_in_the_way,
        };
        let found = about(&asked, &taken(true));
        assert_eq!(found.verdict, Verdict::Problem);
        assert!(
            found.text.contains("port 7311") && found.text.contains("`anna`"),
            "{found:?}"
        );
        assert!(
            found
                .repair
                .unwrap()
                .contains("commonplace settings set port 7312")
        );
        let elsewhere = Asked {
            ports: vec![40000],
            ..asked
        };
        let found = about(&elsewhere, &taken(false));
        assert_eq!(found.verdict, Verdict::Note);
        assert!(
            found.text.contains("listens on port 40000 instead"),
            "{found:?}"
        );
    }

    #[test]
    fn a_port_is_read_in_the_address_of_a_page() {
        assert_eq!(of_url("http://127.0.0.1:7311/"), Some(7311));
    }
}
