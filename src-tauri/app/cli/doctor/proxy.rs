//! Whether a program that follows the usual variables asks a proxy for an address of this machine.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Asked;
use super::finding::{Finding, Verdict};
use crate::client_files::ClientFile;
use crate::client_files::entry::Entry;
use crate::client_files::lenient::Format;
use crate::clients::Client;

/// Variables with their values, some of which are secrets.
pub(super) type Variables = BTreeMap<String, String>;

/// The variables that Claude Code sets for itself by its settings.
pub(super) fn variables_of_claude(settings: &str) -> Variables {
    #[derive(Deserialize)]
    struct Written {
        #[serde(default)]
        env: Variables,
    }
    let whole = Format::Json.read(settings).ok();
    let written = whole.and_then(|whole| Written::deserialize(whole).ok());
    written.map(|written| written.env).unwrap_or_default()
}

/// Says whether a client would ask a proxy for this store. `more` are variables of its own, which count before others.
pub(super) fn about(
    file: &ClientFile,
    entry: &Entry,
    asked: &Asked<'_>,
    more: Option<&Variables>,
    variable: impl Fn(&str) -> Option<String>,
) -> Option<Finding> {
    let host = entry.way.host()?;
    let own = |name: &str| more?.get(name).cloned();
    let proxy = proxy_for(&host, |name| own(name).or_else(|| variable(name)))?;
    let client = file.title();
    let word = file.client.map_or("claude", Client::word);
    let text = format!(
        "{proxy} is set and NO_PROXY does not have {host}: {client} sends what is for this host, with the token, to the proxy"
    );
    let verdict = if asked.is_usual {
        Verdict::Problem
    } else {
        Verdict::Note
    };
    let line = if own(&proxy).is_some() || own("NO_PROXY").is_some() {
        "add 127.0.0.1,localhost to NO_PROXY under `env` in the settings of Claude Code"
    } else if cfg!(windows) {
        "setx NO_PROXY \"127.0.0.1,localhost\""
    } else {
        "export NO_PROXY=\"${NO_PROXY:+$NO_PROXY,}127.0.0.1,localhost\""
    };
    let command = &asked.command;
    let line = format!(
        "{line} (or connect over the bridge, which asks no proxy: {command} connect {word} --replace)"
    );
    Some(Finding::new("proxy", verdict, text).repaired_by(line))
}

/// Names of variables that send requests to a proxy. Clients differ in which of them they follow for which address.
const PROXIES: [&str; 3] = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];

/// Returns the variable that sends requests for `host` to a proxy; None if there is none, or `NO_PROXY` has the host.
fn proxy_for(host: &str, variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    let set = |name: &str| {
        let names = [name.to_owned(), name.to_ascii_lowercase()];
        let is_set = |name: &String| variable(name).is_some_and(|value| !value.trim().is_empty());
        names.into_iter().find(is_set)
    };
    let proxy = PROXIES.into_iter().find_map(set)?;
    let lists = ["NO_PROXY", "no_proxy"].into_iter().filter_map(&variable);
    let mut lists = lists.peekable();
    // Where both are set, programs differ in which one they read.
    let is_spared = lists.peek().is_some() && lists.all(|list| has(&list, host));
    (!is_spared).then_some(proxy)
}

/// Says whether a list has a host by its name. Networks such as `127.0.0.0/8` are understood by few programs, so they do
/// not count.
fn has(list: &str, host: &str) -> bool {
    let parts = list.split([',', ' ']).map(str::trim);
    let mut hosts = parts.map(|part| match part.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() && !host.ends_with(':') => host,
        _ => part,
    });
    let bare = host.trim_matches(['[', ']']);
    hosts.any(|listed| listed == "*" || listed.trim_matches(['[', ']']).eq_ignore_ascii_case(bare))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(host: &str, variables: &[(&str, &str)]) -> Option<String> {
        proxy_for(host, |name| {
            let found = variables.iter().find(|(set, _)| *set == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn what_claude_code_sets_for_itself_counts_before_the_environment() {
        let of = |settings: &str| {
            let own = variables_of_claude(settings);
            let environment =
                |name: &str| (name == "HTTP_PROXY").then(|| "http://me:secret@p:1".to_owned());
            proxy_for("127.0.0.1", |name| {
                own.get(name).cloned().or_else(|| environment(name))
            })
        };
        assert!(of("").is_some());
        assert!(of(r#"{"env": {"NO_PROXY": "127.0.0.1"}}"#).is_none());
        assert!(of(r#"{"env": {"HTTP_PROXY": "", "http_proxy": ""}}"#).is_none());
    }

    #[test]
    fn a_proxy_is_in_the_way_unless_no_proxy_has_the_host_itself() {
        let local = "127.0.0.1";
        assert_eq!(proxy(local, &[]), None);
        assert_eq!(proxy(local, &[("HTTP_PROXY", "")]), None);
        for name in ["HTTP_PROXY", "https_proxy", "ALL_PROXY"] {
            assert_eq!(proxy(local, &[(name, "http://p:1")]).as_deref(), Some(name));
        }
        for (list, host, is_spared) in [
            ("localhost,127.0.0.1", local, true),
            ("example.org 127.0.0.1:7311", local, true),
            ("*", local, true),
            ("::1", "[::1]", true),
            ("localhost", local, false),
            ("127.0.0.1", "localhost", false),
            ("127.0.0.0/8", local, false),
            ("", local, false),
        ] {
            let set = [("HTTP_PROXY", "http://p:1"), ("no_proxy", list)];
            assert_eq!(proxy(host, &set).is_none(), is_spared, "{list} {host}");
        }
        let both = [
            ("HTTP_PROXY", "p"),
            ("NO_PROXY", "*"),
            ("no_proxy", "example.org"),
        ];
        assert!(
            proxy(local, &both).is_some(),
            "programs differ in which one they read"
        );
    }
}
