//! Tests of the store through its public interface, on temporary directories.

mod audit;
mod backup;
mod basics;
mod browsing;
mod child;
mod deletion;
mod fence;
mod filters;
mod migration;
mod model;
mod opening;
mod readers;
mod repeats;
mod restore;
mod search;
mod sqlite_locks;
mod statistics;
mod support;
mod transactions;
mod upkeep;
