//! Who may come in: connections before they are read, requests before they are routed.
//!
//! Promises that no byte of a connection is read whose user may not enter, that a request which the guard lets pass
//! names this host, comes from no other site and has the token that its route needs, and that no secret is compared in a
//! time that tells of it. Knows neither routes nor answers: which route needs what is told to the guard.

pub(crate) mod access;
pub(crate) mod codes;
pub(crate) mod connections;
pub(crate) mod door;
pub(crate) mod guard;
pub(crate) mod peer;
pub(crate) mod session_file;
pub(crate) mod sessions;
pub(crate) mod tokens;
