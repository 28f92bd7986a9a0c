//! The clients that can be connected, by their names.

use crate::clients::Client;

/// A client that can be connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    /// Claude Code, which changes its configuration itself.
    Claude,
    /// One whose configuration we change.
    Configured(Client),
}

impl Program {
    pub(crate) const ALL: [Self; 7] = [
        Self::Claude,
        Self::Configured(Client::Codex),
        Self::Configured(Client::Gemini),
        Self::Configured(Client::OpenCode),
        Self::Configured(Client::Qwen),
        Self::Configured(Client::Cursor),
        Self::Configured(Client::VsCode),
    ];

    /// The client with this name on the command line.
    pub(crate) fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|program| program.word() == word)
    }

    /// Its name as people know it.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Claude => "Claude Code",
            Self::Configured(client) => client.title(),
        }
    }

    /// Its name on the command line.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Claude => "claude",
            Self::Configured(client) => client.word(),
        }
    }

    /// What its file is called, without what a system appends.
    pub(super) fn file_name(self) -> &'static str {
        match self {
            Self::Configured(Client::VsCode) => "code",
            other => other.word(),
        }
    }

    /// Says whether a name that a client told over MCP is one of its own. Versions add to it: `cursor-vscode`,
    /// `gemini-cli-mcp-client`.
    pub(super) fn is_called(self, name: &str) -> bool {
        let start = match self {
            Self::Claude => "claude-code",
            Self::Configured(Client::VsCode) => "visual studio code",
            other => other.word(),
        };
        name.to_ascii_lowercase().starts_with(start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_client_is_found_by_its_word() {
        for program in Program::ALL {
            assert_eq!(Program::of_word(program.word()), Some(program));
        }
        assert_eq!(Program::of_word("mosaic"), None);
    }

    #[test]
    fn a_client_is_known_by_what_it_calls_itself() {
        let who = |name: &str| {
            let mut known = Program::ALL
                .iter()
                .filter(|program| program.is_called(name));
            known.next().map(|program| program.word())
        };
        assert_eq!(who("claude-code"), Some("claude"));
        assert_eq!(who("codex-mcp-client"), Some("codex"));
        assert_eq!(who("cursor-vscode"), Some("cursor"));
        assert_eq!(who("Visual Studio Code"), Some("vscode"));
        assert_eq!(who("commonplace-check"), None);
    }
}
