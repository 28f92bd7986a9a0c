//! What the operating system knows and gives: processes, ports, sockets, files that only this user may read.

pub(crate) mod files;
pub(crate) mod identity;
pub(crate) mod local_socket;
pub(crate) mod platform;
pub(crate) mod port_owner;
pub(crate) mod private_file;
pub(crate) mod processes;
pub(crate) mod random;
pub(crate) mod store_dir;
