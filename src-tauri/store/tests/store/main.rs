//! Tests of the store through its public interface, on temporary directories.

mod audit;
mod backup;
mod backup_age;
#[cfg(unix)]
mod backup_place;
mod basics;
mod browsing;
mod by_hash;
mod checksums;
mod child;
mod deletion;
mod displaced;
mod fence;
mod filters;
mod flips;
mod migration;
mod model;
mod opening;
mod parts;
mod readers;
mod repeats;
mod restore;
mod salvage;
mod search;
mod sqlite_locks;
mod statistics;
mod support;
mod transactions;
mod upkeep;
mod went_back;
