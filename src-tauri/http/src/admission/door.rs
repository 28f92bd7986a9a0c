//! Where connections are accepted, and who is at their other end.
//!
//! Each [`Door`] asks the system whose connection it is before a byte of it is read, in the way its kind can: a TCP port of
//! the loopback address is open to all users of a machine, a socket in the store directory is not.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;

/// Which user a connection belongs to, as the operating system says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// The user whom this host belongs to.
    Owner,
    /// The administrator of the machine, who can read the store anyway.
    Root,
    /// Another user, as a person knows it, such as `user 1001`.
    Stranger(String),
    /// The system does not know: it was closed already, or its other end is in another network namespace.
    Unknown,
    /// This system never says which user a connection belongs to: only tokens keep others out.
    Untold,
}

impl Caller {
    /// Tells whether their connections are read. An unknown user stays out, unless the system never says.
    #[must_use]
    pub fn may_enter(&self) -> bool {
        match self {
            Self::Owner | Self::Root | Self::Untold => true,
            Self::Stranger(_) | Self::Unknown => false,
        }
    }
}

/// Finds the user of the connection from an address of this machine. Called before the next connection is accepted: it must
/// take microseconds.
pub type FindCaller = Arc<dyn Fn(SocketAddr) -> Caller + Send + Sync>;

/// How the process at the other end of a connection can be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtherEnd {
    /// By the address of its end, with [`crate::FindProcess`].
    Address(SocketAddr),
    /// The system told it with the connection; None if it does not.
    Process(Option<u32>),
}

/// What a connection runs over.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A connection that was accepted.
pub struct Arrival {
    /// Its bytes, of which none has been read.
    pub stream: Box<dyn Stream>,
    /// Which user it belongs to.
    pub caller: Caller,
    /// How its process can be found.
    pub other_end: OtherEnd,
}

impl fmt::Debug for Arrival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arrival")
            .field("caller", &self.caller)
            .field("other_end", &self.other_end)
            .finish_non_exhaustive()
    }
}

/// The next connection of a door, once there is one.
pub type Coming<'a> = Pin<Box<dyn Future<Output = io::Result<Arrival>> + Send + 'a>>;

/// Something that accepts connections. [`crate::serve`] takes several, of any kinds.
pub trait Door: Send {
    /// Waits for the next connection. Cancel safe: none is lost. After an error it is called again.
    fn next(&mut self) -> Coming<'_>;
}

/// A TCP port.
pub struct TcpDoor {
    listener: TcpListener,
    find_caller: FindCaller,
}

impl TcpDoor {
    /// Accepts connections of `listener`, and asks `find_caller` for the user of each.
    #[must_use]
    pub fn new(listener: TcpListener, find_caller: FindCaller) -> Self {
        Self {
            listener,
            find_caller,
        }
    }

    async fn accept(&self) -> io::Result<Arrival> {
        let (stream, address) = self.listener.accept().await?;
        // Answers are small and complete: waiting to fill a packet would add up to 40 ms to each.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "could not switch off Nagle's algorithm");
        }
        Ok(Arrival {
            caller: (self.find_caller)(address),
            stream: Box::new(stream),
            other_end: OtherEnd::Address(address),
        })
    }
}

impl Door for TcpDoor {
    fn next(&mut self) -> Coming<'_> {
        Box::pin(self.accept())
    }
}

impl fmt::Debug for TcpDoor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TcpDoor").field(&self.listener).finish()
    }
}
