//! macOS: a LaunchAgent in the person's library, which launchd reads at login.

use std::path::PathBuf;

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

/// Returns the name of an entry's file.
pub(super) fn file_name(name: &str) -> String {
    format!("org.{name}.plist")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_runs_the_program_at_login_and_names_it() {
        let command = ["/Applications/A & B".to_owned(), "app".to_owned()];
        let text = entry("commonplace", &command);
        assert!(
            text.contains("<string>/Applications/A &amp; B</string>\n    <string>app</string>")
        );
        assert!(is_enabled(&text));
        assert_eq!(program(&text), Some(PathBuf::from("/Applications/A & B")));
        assert_eq!(file_name("commonplace"), "org.commonplace.plist");
    }
}
