//! What a host that a bridge starts keeps of the environment of its first client: what it needs, and no more.

use std::ffi::OsString;

/// What a program needs to find its files and to speak the person's language. The time zone is not among them: each client
/// says its own.
const KEPT: &[&str] = &[
    "HOME",
    "USER",
    "LOGNAME",
    "PATH",
    "LANG",
    "LANGUAGE",
    "TMPDIR",
    "TEMP",
    "TMP",
    "LOG_LEVEL",
    "RUST_LOG",
    "RUST_BACKTRACE",
    // Where a program from a package that keeps its libraries apart finds them (ld.so(8), dyld(1)).
    "LD_LIBRARY_PATH",
    "DYLD_FALLBACK_LIBRARY_PATH",
    // Where clients keep their configuration, which the page reads and changes.
    "CODEX_HOME",
    "CLAUDE_CONFIG_DIR",
    // Windows: without them no library loads and no directory is found (CreateProcessW, lpEnvironment).
    "SystemRoot",
    "SystemDrive",
    "windir",
    "ComSpec",
    "USERNAME",
    "USERDOMAIN",
    "USERPROFILE",
    "HOMEDRIVE",
    "HOMEPATH",
    "APPDATA",
    "LOCALAPPDATA",
    "ProgramData",
    "COMPUTERNAME",
];

/// Beginnings of the names of further ones: our own settings, the locale, the directories of a user.
const KEPT_BEGINNINGS: &[&str] = &["COMMONPLACE_", "LC_", "XDG_"];

/// Chooses from the variables of this process.
pub(super) fn of_host(
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> impl Iterator<Item = (OsString, OsString)> {
    variables.filter(|(name, _)| name.to_str().is_some_and(is_kept))
}

fn is_kept(name: &str) -> bool {
    // Windows tells no case apart in these names; elsewhere none of them is used in another case.
    let is_listed = KEPT.iter().any(|kept| kept.eq_ignore_ascii_case(name));
    is_listed || KEPT_BEGINNINGS.iter().any(|start| name.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_folders_of_the_client_do_not_reach_the_host() {
        let names = [
            "ANTHROPIC_API_KEY",
            "GITHUB_TOKEN",
            "CLAUDE_PROJECT_DIR",
            "CLAUDE_CODE_SESSION_ID",
            "PWD",
            "OLDPWD",
            "TZ",
            "HTTP_PROXY",
            "SSH_AUTH_SOCK",
            "LD_PRELOAD",
            "NODE_OPTIONS",
            "PATH",
            "Path",
            "LC_ALL",
            "XDG_DATA_HOME",
            "COMMONPLACE_PORT",
        ];
        let given = names.map(|name| (OsString::from(name), OsString::from("x")));
        let kept: Vec<_> = of_host(given.into_iter()).map(|(name, _)| name).collect();
        let wanted = [
            "PATH",
            "Path",
            "LC_ALL",
            "XDG_DATA_HOME",
            "COMMONPLACE_PORT",
        ];
        assert_eq!(kept, wanted);
    }
}
