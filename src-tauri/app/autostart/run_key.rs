//! Windows: a value of the person's `Run` key, by way of `reg`, which every Windows has.

use std::path::PathBuf;

#[cfg(windows)]
pub(super) use registry::{folder, place, read, remove, write};

pub(super) fn entry(_name: &str, command: &[String]) -> String {
    let words: Vec<_> = command.iter().map(|word| quoted(word)).collect();
    words.join(" ")
}

/// Quotes a word as CommandLineToArgvW reads it: a path holds no quotes, and a backslash counts before a quote only.
fn quoted(word: &str) -> String {
    let at_end = word.len() - word.trim_end_matches('\\').len();
    format!("\"{word}{}\"", "\\".repeat(at_end))
}

pub(super) fn is_enabled(_entry: &str) -> bool {
    true
}

pub(super) fn program(entry: &str) -> Option<PathBuf> {
    entry
        .strip_prefix('"')?
        .split('"')
        .next()
        .map(PathBuf::from)
}

/// Takes the value out of what `reg query` prints: name, type and value, set apart by four spaces.
fn queried(answer: &str, name: &str) -> Option<String> {
    let mut lines = answer.lines().map(str::trim);
    lines.find_map(|line| {
        let value = line.strip_prefix(name)?.trim_start();
        Some(value.strip_prefix("REG_SZ")?.trim().to_owned())
    })
}

#[cfg(windows)]
mod registry {
    use std::io;
    use std::os::windows::process::CommandExt;
    use std::path::{Path, PathBuf};
    use std::process::{Command, Output};

    const KEY: &str = r"HKCU\Software\Microsoft\Windows\CurrentVersion\Run";
    /// CREATE_NO_WINDOW (processthreadsapi.h): no console flashes up.
    const NO_WINDOW: u32 = 0x0800_0000;

    /// The registry has no folder.
    pub(in super::super) fn folder() -> Option<PathBuf> {
        Some(PathBuf::new())
    }

    pub(in super::super) fn read(_folder: &Path, name: &str) -> io::Result<Option<String>> {
        let output = reg(&["query", KEY, "/v", name])?;
        let answer = String::from_utf8_lossy(&output.stdout);
        Ok(super::queried(&answer, name))
    }

    pub(in super::super) fn write(_folder: &Path, name: &str, entry: &str) -> io::Result<()> {
        done(&reg(&[
            "add", KEY, "/v", name, "/t", "REG_SZ", "/d", entry, "/f",
        ])?)
    }

    pub(in super::super) fn remove(folder: &Path, name: &str) -> io::Result<()> {
        if read(folder, name)?.is_none() {
            return Ok(());
        }
        done(&reg(&["delete", KEY, "/v", name, "/f"])?)
    }

    pub(in super::super) fn place(_folder: &Path, name: &str) -> String {
        format!(r"{KEY}\{name}")
    }

    fn reg(arguments: &[&str]) -> io::Result<Output> {
        Command::new("reg")
            .args(arguments)
            .creation_flags(NO_WINDOW)
            .output()
    }

    fn done(output: &Output) -> io::Result<()> {
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(io::Error::other(format!("reg: {said}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_a_command_line_whose_program_can_be_read() {
        let command = [r"C:\A program\c.exe".to_owned(), r"D:\".to_owned()];
        let value = entry("commonplace", &command);
        assert_eq!(value, r#""C:\A program\c.exe" "D:\\""#);
        assert!(is_enabled(&value));
        assert_eq!(program(&value), Some(PathBuf::from(r"C:\A program\c.exe")));
    }

    #[test]
    fn the_answer_of_reg_is_read() {
        let answer = "\r\nHKEY_CURRENT_USER\\Software\\Run\r\n    commonplace    REG_SZ    \"C:\\c.exe\" \"app\"\r\n\r\n";
        assert_eq!(
            queried(answer, "commonplace").as_deref(),
            Some(r#""C:\c.exe" "app""#)
        );
        assert_eq!(queried(answer, "other"), None);
    }
}
