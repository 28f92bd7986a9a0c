//! Named pipes.
//!
//! The pipe has the default rights: full for this user, administrators and the system; everybody else may only read, and
//! who cannot write cannot ask. Further instances of a pipe that exists can be made only by who has full rights, so that
//! nobody else can offer this name while its host lives. After that anybody can: so a client asks for the life lock
//! before and after it connects (`proved_host.rs`).

use std::io;
use std::path::Path;

use commonplace_http::{Arrival, Caller, Coming, Door, OtherEnd};
use tokio::net::windows::named_pipe::{NamedPipeServer, ServerOptions};

/// Connections that may come in the same moment: each needs an instance of the pipe that waits for it.
const WAITING: usize = 16;

/// Listens on a pipe that is named as `path` is. Returns its name, which is recorded.
pub(crate) fn listen(path: &Path) -> io::Result<(Vec<Box<dyn Door>>, String)> {
    let stem = path
        .file_stem()
        .ok_or(io::Error::from(io::ErrorKind::InvalidInput))?;
    let name = format!(r"\\.\pipe\commonplace-{}", stem.to_string_lossy());
    // Fails if anybody has that name already.
    let mut doors: Vec<Box<dyn Door>> = vec![Box::new(PipeDoor::open(&name, true)?)];
    while doors.len() < WAITING {
        doors.push(Box::new(PipeDoor::open(&name, false)?));
    }
    Ok((doors, name))
}

/// An instance of a pipe that a connection comes in by; then there is another one.
#[derive(Debug)]
struct PipeDoor {
    name: String,
    waiting: NamedPipeServer,
}

impl PipeDoor {
    fn open(name: &str, is_first: bool) -> io::Result<Self> {
        let waiting = instance(name, is_first)?;
        let name = name.to_owned();
        Ok(Self { name, waiting })
    }

    async fn accept(&mut self) -> io::Result<Arrival> {
        self.waiting.connect().await?;
        let next = instance(&self.name, false)?;
        let stream = std::mem::replace(&mut self.waiting, next);
        Ok(Arrival {
            stream: Box::new(stream),
            // The system does not tell, and lets nobody else ask: see above.
            caller: Caller::Untold,
            other_end: OtherEnd::Process(None),
        })
    }
}

fn instance(name: &str, is_first: bool) -> io::Result<NamedPipeServer> {
    ServerOptions::new()
        .first_pipe_instance(is_first)
        .reject_remote_clients(true)
        .create(name)
}

impl Door for PipeDoor {
    fn next(&mut self) -> Coming<'_> {
        Box::pin(self.accept())
    }
}

/// The way to a pipe that a record names.
#[derive(Debug)]
pub(crate) struct Way {
    name: String,
}

impl Way {
    /// Takes the name as it is recorded. Connects to nobody.
    ///
    /// # Errors
    /// If it names no pipe of this machine.
    pub(crate) fn find(_dir: &Path, recorded: &str) -> io::Result<Self> {
        if !recorded.starts_with(r"\\.\pipe\") {
            let text = format!("`{recorded}` is no pipe of this machine");
            return Err(io::Error::other(text));
        }
        let name = recorded.to_owned();
        Ok(Self { name })
    }

    /// Has an HTTP client connect this way.
    pub(crate) fn lead(&self, client: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
        client.windows_named_pipe(self.name.as_str())
    }
}
