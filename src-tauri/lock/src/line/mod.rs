//! The line for the write lock: first come, first served, between processes.
//!
//! A call that finds the lock free and nobody in line takes it at once. Every other call draws a ticket and waits in line:
//! the first waits for the lock itself, each other one for the ticket before it. The operating system wakes exactly the next
//! one when somebody leaves or dies; nobody polls for the lock.
//!
//! Promises that order, that a wait can be given up at any time, and that a program that is stopped in line is passed over.
//! Does not know what the lock is for, and writes no holder record.

mod pool;
pub(crate) mod ticket;
pub(crate) mod waiting;
pub(crate) mod write_files;
pub(crate) mod write_line;
