//! Many processes write to one store while they are killed, frozen and hindered; then a checker looks for a fault.
//!
//! Clients write down what they asked, when, and how it ended ([`record`]). The store's own commit log is the witness of
//! the order ([`witness`], read without the program). [`check`] compares the two and is pure, so that made-up histories
//! show that each of its rules finds its fault.
//!
//! [`drive`] makes histories with real processes, [`trouble`] disturbs them by a seeded plan. The short forms are tests
//! ([`runs`], [`scenarios`], and with the feature `failpoints` `fail_points`); the long form, `cargo xtask soak`, is
//! [`soak`] with its variables set.

mod check;
mod clients;
mod clock;
mod disk;
mod drive;
#[cfg(all(unix, feature = "failpoints"))]
mod fail_points;
mod growth;
mod hosts;
mod oracle;
mod record;
mod runs;
mod scenarios;
mod soak;
mod stage;
mod trouble;
mod witness;
mod workload;
