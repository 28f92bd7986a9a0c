//! What differs between systems, for the app.

/// The command that says who has a port.
#[cfg(windows)]
pub(crate) const PORT_OWNER_COMMAND: &str = "`netstat -ano` shows which";
/// The command that says who has a port.
#[cfg(not(windows))]
pub(crate) const PORT_OWNER_COMMAND: &str = "`lsof -i` shows which";

/// Opens an address in the person's browser. Returns when the browser's starter has been started.
pub(crate) fn open_in_browser(url: &str) -> std::io::Result<()> {
    #[cfg(target_os = "macos")]
    let mut command = std::process::Command::new("open");
    #[cfg(windows)]
    let mut command = {
        let mut command = std::process::Command::new("rundll32");
        command.arg("url.dll,FileProtocolHandler");
        command
    };
    #[cfg(all(unix, not(target_os = "macos")))]
    let mut command = std::process::Command::new("xdg-open");
    command.arg(url).stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null());
    command.stderr(std::process::Stdio::null()).spawn().map(drop)
}
