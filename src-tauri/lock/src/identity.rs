//! Who an instance is and what it wants the lock for.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Number of hexadecimal digits in an [`InstanceId`].
const ID_LEN: usize = 32;

/// Names one instance: one opening of the locks by one process.
///
/// 32 lower-case hexadecimal digits, random and never reused. That it is never reused makes it safe to remove the files of
/// dead instances.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct InstanceId(String);

impl InstanceId {
    /// Makes a new id from 128 random bits.
    ///
    /// # Panics
    /// If the operating system has no source of randomness; nothing works on such a machine.
    #[must_use]
    pub fn random() -> Self {
        let mut bytes = [0_u8; ID_LEN / 2];
        getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
        Self(format!("{:032x}", u128::from_be_bytes(bytes)))
    }

    /// Reads an id from its text form.
    ///
    /// # Errors
    /// [`InvalidInstanceId`] if `text` is not 32 lower-case hexadecimal digits. Nothing else ever becomes part of a file
    /// name.
    pub fn parse(text: &str) -> Result<Self, InvalidInstanceId> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() == ID_LEN && text.bytes().all(is_digit) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidInstanceId {
                text: text.to_owned(),
            })
        }
    }

    /// Returns the 32 digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for InstanceId {
    type Error = InvalidInstanceId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<InstanceId> for String {
    fn from(id: InstanceId) -> Self {
        id.0
    }
}

/// Says that a text is not an instance id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an instance id: expected 32 lower-case hexadecimal digits")]
pub struct InvalidInstanceId {
    /// The text as it was given.
    pub text: String,
}

/// Describes an instance to people and to other programs.
///
/// The caller of [`crate::Locks::open`] fills it in. Nothing in it proves that the instance is alive: the life lock does.
/// Displays as `pid 812 (commonplace 0.3 serve, on host a)`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Names this opening of the locks; must be fresh for each [`crate::Locks`].
    pub instance: InstanceId,
    /// Process id on `host_name`.
    pub pid: u32,
    /// When the process started, in the system's own unit: only for comparing. None if the system does not say.
    pub start_time: Option<u64>,
    /// Names the current boot of the machine; None if the system does not say.
    pub boot_id: Option<String>,
    /// Names the PID namespace that `pid` belongs to: a container has its own. None if the system has no such thing.
    #[serde(default)]
    pub pid_namespace: Option<String>,
    /// Number or name of the user it runs as; None if the system does not say.
    #[serde(default)]
    pub user: Option<String>,
    /// Name of the machine.
    pub host_name: String,
    /// Name of the program, `commonplace`.
    pub program: String,
    /// Version of the program.
    pub version: String,
    /// What the program was started as: `serve`, `app`, `cli store` and so on.
    pub role: String,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            pid,
            program,
            version,
            role,
            host_name,
            ..
        } = self;
        // The record comes from another program: no control character of it may reach a terminal.
        let text = format!("pid {pid} ({program} {version} {role}, on host {host_name})");
        write!(f, "{}", text.escape_debug())
    }
}

/// Says what a lock is wanted for; shown to those who wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purpose {
    /// The client whose request is first in the batch.
    pub client: String,
    /// The kind of that request: `store`, `delete`, `index` and so on.
    pub kind: String,
    /// How many requests the batch has.
    pub requests: usize,
    /// How far a task of many parts has come; None if it has no parts, or its program does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
}

impl Purpose {
    /// The purpose of an act on the store as a whole, such as `restore`: no client asked for it.
    pub(crate) fn of_maintenance(kind: &str) -> Self {
        Self {
            client: String::new(),
            kind: kind.to_owned(),
            requests: 0,
            progress: None,
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The client's name comes from outside: no control character of it may reach a log.
        let (kind, client) = (self.kind.escape_debug(), self.client.escape_debug());
        write!(f, "{kind} for {client}, requests: {}", self.requests)
    }
}

/// How far a task has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// What is done, counted in the units of the task: memories, pages, steps.
    pub done: u64,
    /// The total; None if it is not known.
    pub of: Option<u64>,
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.of {
            Some(of) => write!(f, "{} of {of}", self.done),
            None => write!(f, "step {}", self.done),
        }
    }
}

/// Counts how often the write lock moved to a new file.
///
/// 0 is `write.lock`, n is `write.<n>.lock`. One more with each take-over from a holder that was stuck.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Generation(pub u64);

impl Generation {
    /// Returns the generation after this one.
    pub(crate) fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_random_id_reads_back_and_differs_from_the_next() {
        let id = InstanceId::random();
        assert_eq!(InstanceId::parse(id.as_str()), Ok(id.clone()));
        assert_ne!(id, InstanceId::random());
    }

    #[test]
    fn only_thirty_two_lower_case_digits_are_an_id() {
        let good = "0123456789abcdef0123456789abcdef";
        assert!(InstanceId::parse(good).is_ok());
        for bad in [
            "",
            "../../../../../../etc/passwd.....",
            &good[1..],
            &good.to_uppercase(),
        ] {
            assert!(InstanceId::parse(bad).is_err(), "`{bad}` must be refused");
        }
    }

    #[test]
    fn a_record_cannot_smuggle_a_path_in_as_an_id() {
        let text = r#""../../../home/user/.ssh/id_ed25519""#;
        assert!(serde_json::from_str::<InstanceId>(text).is_err());
        let id = InstanceId::random();
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(json, format!("\"{id}\""), "in JSON an id is a plain string");
        assert_eq!(serde_json::from_str::<InstanceId>(&json).unwrap(), id);
    }
}
