//! What differs between operating systems, one file each with the same functions:
//!
//! - `create_dir`: makes a directory and what is missing above it, for this user only;
//! - `open_lock_file`: opens or creates a file to put a lock on;
//! - `open_record_file`: opens or creates a file for a record, for reading and writing;
//! - `is_at`: tells whether an open file is still the one at a path;
//! - `read_at_start`, `write_at_start`: one positioned read or write;
//! - `file_id`: tells which file a path leads to, where files have numbers;
//! - `start_time`, `held_file`, `seen_by`: what the system tells of another process and the files it holds;
//! - `lock_holders`: lists the processes that hold the lock of a file, where the system tells;
//! - `doubtful_file_system`: names the kind of file system that a path is on, if nothing is known of it;
//! - `network_file_system`: names the network file system that a path is on, if it is on one.

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub(crate) use unix::*;

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub(crate) use windows::*;
