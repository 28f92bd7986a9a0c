//! macOS: a LaunchAgent in the person's library, which launchd reads at login.

use std::io;
use std::path::{Path, PathBuf};

#[cfg(target_os = "macos")]
pub(super) fn folder() -> Option<PathBuf> {
    let home = directories::BaseDirs::new()?.home_dir().to_owned();
    Some(home.join("Library/LaunchAgents"))
}

pub(super) fn entry(name: &str, command: &[String]) -> String {
    let words: String = command
        .iter()
        .map(|word| format!("    <string>{}</string>\n", escaped(word)))
        .collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
         <plist version=\"1.0\">\n<dict>\n  <key>Label</key>\n  <string>org.{}</string>\n  \
         <key>ProgramArguments</key>\n  <array>\n{words}  </array>\n  <key>RunAtLoad</key>\n  <true/>\n  \
         <key>ProcessType</key>\n  <string>Interactive</string>\n</dict>\n</plist>\n",
        escaped(name)
    )
}

pub(super) fn is_enabled(entry: &str) -> bool {
    entry.contains("<key>RunAtLoad</key>")
}

/// The program is the first word of the arguments.
pub(super) fn program(entry: &str) -> Option<PathBuf> {
    let (_, arguments) = entry.split_once("<key>ProgramArguments</key>")?;
    let (_, word) = arguments.split_once("<string>")?;
    let (word, _) = word.split_once("</string>")?;
    Some(PathBuf::from(
        word.replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&"),
    ))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

pub(super) fn read(folder: &Path, name: &str) -> io::Result<Option<String>> {
    super::read_file(&path(folder, name))
}

pub(super) fn write(folder: &Path, name: &str, entry: &str) -> io::Result<()> {
    super::write_file(&path(folder, name), entry)
}

pub(super) fn remove(folder: &Path, name: &str) -> io::Result<()> {
    super::remove_file(&path(folder, name))
}

pub(super) fn place(folder: &Path, name: &str) -> String {
    path(folder, name).display().to_string()
}

fn path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("org.{name}.plist"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_runs_the_program_at_login_and_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let command = ["/Applications/A & B".to_owned(), "app".to_owned()];
        write(
            folder.path(),
            "commonplace",
            &entry("commonplace", &command),
        )
        .unwrap();
        let text = read(folder.path(), "commonplace").unwrap().unwrap();
        assert!(
            text.contains("<string>/Applications/A &amp; B</string>\n    <string>app</string>")
        );
        assert!(is_enabled(&text));
        assert_eq!(program(&text), Some(PathBuf::from("/Applications/A & B")));
        assert!(place(folder.path(), "commonplace").ends_with("org.commonplace.plist"));
        remove(folder.path(), "commonplace").unwrap();
        assert_eq!(read(folder.path(), "commonplace").unwrap(), None);
    }
}
