//! What redaction finds and what it leaves, measured on a table of texts, and what it does with noise.
#![allow(clippy::print_stdout, reason = "the table names what it missed")]

mod names;
mod noise;
mod random;
mod table;
