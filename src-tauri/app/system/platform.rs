//! What differs between systems, for the app.

/// The command that says who has a port.
#[cfg(windows)]
pub(crate) const PORT_OWNER_COMMAND: &str = "`netstat -ano` shows which";
/// The command that says who has a port.
#[cfg(not(windows))]
pub(crate) const PORT_OWNER_COMMAND: &str = "`lsof -i` shows which";

/// How long a browser's starter may take to find that it has no browser. One that is still there then has one.
const STARTER_TIME_MAX: std::time::Duration = std::time::Duration::from_secs(2);

/// Opens a page in the person's browser. Returns when the browser's starter has ended, or after two seconds. Every user of
/// the machine can read its path, and none may be able to read what is in it.
///
/// # Errors
/// If there is no starter, or if it says that it failed: without a display, or without a browser.
pub(crate) fn open_in_browser(page: &std::path::Path) -> std::io::Result<()> {
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
    command
        .arg(page)
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null());
    let mut starter = command.stderr(std::process::Stdio::null()).spawn()?;
    let (sender, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || sender.send(starter.wait()));
    match ended.recv_timeout(STARTER_TIME_MAX) {
        Ok(Ok(status)) if !status.success() => Err(std::io::Error::other(format!(
            "`{}` found no browser that it could start: {status}",
            command.get_program().display()
        ))),
        _ => Ok(()),
    }
}

/// Makes a directory, and those above it, for this user only. One that is there stays as it is.
pub(crate) fn make_private_dir(dir: &std::path::Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

/// Open files that a host needs: twice the connections that the surface takes.
pub(crate) const FILES_WANTED: u64 = 4_096;

/// Lets this process have as many files and connections open as a host takes at once; some systems begin with 256.
#[cfg(unix)]
pub(crate) fn allow_many_files() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    let maximum = limit.maximum.unwrap_or(FILES_WANTED);
    if maximum < FILES_WANTED {
        tracing::warn!(
            maximum,
            wanted = FILES_WANTED,
            "the limit of open files is low: many clients at once will be refused; `commonplace doctor` says how to raise it"
        );
    }
    let wanted = maximum.min(FILES_WANTED);
    if limit.current.is_none_or(|current| current >= wanted) {
        return;
    }
    limit.current = Some(wanted);
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, wanted, "could not raise the limit of open files");
    }
}

/// Does nothing where such a limit is not in the way.
#[cfg(not(unix))]
pub(crate) fn allow_many_files() {}

/// Returns how many files this process may have open at most; None if there is no limit.
#[cfg(unix)]
pub(crate) fn files_max() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum
}

/// Such a limit is not in the way here.
#[cfg(not(unix))]
pub(crate) fn files_max() -> Option<u64> {
    None
}

/// Returns the process that started this one; None if it is gone.
#[cfg(unix)]
pub(crate) fn parent_pid() -> Option<u32> {
    // A process whose parent is gone gets the first one of the system.
    Some(std::os::unix::process::parent_id()).filter(|pid| *pid > 1)
}

/// Returns the process that started this one; None if the system does not tell.
#[cfg(not(unix))]
pub(crate) fn parent_pid() -> Option<u32> {
    let own = sysinfo::Pid::from_u32(std::process::id());
    let mut system = sysinfo::System::new();
    system.refresh_processes(sysinfo::ProcessesToUpdate::Some(&[own]), false);
    Some(system.process(own)?.parent()?.as_u32())
}

/// Lets a child outlive this process and the terminal it was started from.
pub(crate) fn detach(command: &mut std::process::Command) {
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    #[cfg(windows)]
    {
        // CREATE_NO_WINDOW and CREATE_NEW_PROCESS_GROUP (processthreadsapi.h): no console, no Ctrl-C from ours.
        let flags = 0x0800_0000 | 0x0000_0200;
        std::os::windows::process::CommandExt::creation_flags(command, flags);
    }
    #[cfg(not(any(unix, windows)))]
    let _ = command;
}

/// Ends this process as `kill -9` does; elsewhere as a crash does.
#[cfg(feature = "failpoints")]
pub(crate) fn end_self() -> ! {
    // Signalling oneself cannot fail; where there are no signals, or it did, a crash must do.
    #[cfg(unix)]
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    std::process::abort()
}

/// Stops this process until somebody continues it; does nothing where there is no such thing.
#[cfg(feature = "failpoints")]
pub(crate) fn freeze_self() {
    #[cfg(unix)]
    {
        let own = rustix::process::getpid();
        let _ = rustix::process::kill_process(own, rustix::process::Signal::STOP);
        // The system stops one thread after the other; this one must not go on meanwhile.
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}

/// A process that can be ended. On Linux a handle that never comes to mean another process (pidfd_open(2)); elsewhere
/// the number, which the caller checks right before.
#[derive(Debug)]
pub(crate) struct ProcessHandle {
    #[cfg(target_os = "linux")]
    handle: rustix::fd::OwnedFd,
    #[cfg(not(target_os = "linux"))]
    pid: u32,
}

#[cfg(target_os = "linux")]
impl ProcessHandle {
    /// Opens a handle on the process that has this number now.
    pub(crate) fn open(pid: u32) -> std::io::Result<Self> {
        let handle =
            rustix::process::pidfd_open(pid_of(pid)?, rustix::process::PidfdFlags::empty())?;
        Ok(Self { handle })
    }

    fn signal(&self, signal: rustix::process::Signal) -> std::io::Result<()> {
        Ok(rustix::process::pidfd_send_signal(&self.handle, signal)?)
    }
}

#[cfg(all(unix, not(target_os = "linux")))]
impl ProcessHandle {
    /// Keeps the number.
    pub(crate) fn open(pid: u32) -> std::io::Result<Self> {
        pid_of(pid)?;
        Ok(Self { pid })
    }

    fn signal(&self, signal: rustix::process::Signal) -> std::io::Result<()> {
        Ok(rustix::process::kill_process(pid_of(self.pid)?, signal)?)
    }
}

#[cfg(unix)]
impl ProcessHandle {
    /// Asks it to end, and continues it if it is stopped, so that it can.
    pub(crate) fn ask_to_end(&self) -> std::io::Result<()> {
        use rustix::process::Signal;
        self.signal(Signal::TERM)?;
        self.signal(Signal::CONT)
    }

    /// Ends it at once.
    pub(crate) fn end(&self) -> std::io::Result<()> {
        self.signal(rustix::process::Signal::KILL)
    }
}

#[cfg(unix)]
fn pid_of(pid: u32) -> std::io::Result<rustix::process::Pid> {
    i32::try_from(pid)
        .ok()
        .and_then(rustix::process::Pid::from_raw)
        .ok_or_else(|| std::io::Error::other("that is no number of a process"))
}

#[cfg(not(unix))]
impl ProcessHandle {
    /// Keeps the number.
    pub(crate) fn open(pid: u32) -> std::io::Result<Self> {
        Ok(Self { pid })
    }

    /// Ends it at once: this system has no way to ask a program without a window.
    pub(crate) fn ask_to_end(&self) -> std::io::Result<()> {
        self.end()
    }

    /// Ends it at once.
    pub(crate) fn end(&self) -> std::io::Result<()> {
        let mut system = sysinfo::System::new();
        let pid = sysinfo::Pid::from_u32(self.pid);
        system.refresh_processes(sysinfo::ProcessesToUpdate::Some(&[pid]), false);
        match system.process(pid).map(sysinfo::Process::kill) {
            Some(true) => Ok(()),
            Some(false) => Err(std::io::Error::other("the system refused")),
            None => Err(std::io::Error::other("there is no such process")),
        }
    }
}
