//! Forms that answers of several routes share: refusals, compression, the files of the page.
//!
//! Promises that each refusal has the status, code and headers of its kind, and that no path reaches the file system.
//! Knows no route and no state of a host.

pub(crate) mod compression;
pub(crate) mod refusal;
pub(crate) mod static_files;
