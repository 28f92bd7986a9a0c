//! The real program, started as a person or a client starts it.
//!
//! Cases live in the layers; here is the wiring: processes, files, ports, signals.

mod backups;
mod bridge;
mod circles;
mod client;
mod commands;
#[cfg(unix)]
mod connect;
mod control;
mod crash;
mod damage;
mod displaced;
mod docs;
#[cfg(unix)]
mod doctor;
#[cfg(target_os = "linux")]
mod file_systems;
#[cfg(target_os = "linux")]
mod forgery;
mod health;
mod history;
mod hooks;
mod hosts;
mod icons;
mod layers;
mod model;
#[cfg(target_os = "linux")]
mod other_user;
#[cfg(all(unix, feature = "failpoints"))]
mod parts;
mod projects;
mod redaction;
mod sessions;
mod settings_file;
mod settling;
mod signals;
#[cfg(unix)]
mod silence;
mod start;
mod statistics;
#[cfg(target_os = "linux")]
mod strangers;
mod support;
#[cfg(all(target_os = "linux", feature = "desktop"))]
mod tray;
mod trouble;
