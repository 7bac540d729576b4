//! Every decision the program takes, as functions from what was seen to what is to be done.
//!
//! It exists so that decisions can be read, tested as tables and printed without either side being there.
//! Invariants: no HTTP, SQL, clock, randomness or async; time is a parameter; the same input gives the same plan.

pub mod access;
pub mod backfill;
pub mod batch;
pub mod capability;
pub mod coalesce;
pub mod content;
pub mod fate;
#[cfg(test)]
mod fixture;
pub mod freshness;
pub mod fuse;
pub mod guard;
pub mod look;
pub mod merge;
pub mod naming;
pub mod order;
pub mod patch;
pub mod pending;
pub mod policy;
pub mod push;
pub mod reconcile;
pub mod retry;
pub mod rewind;
pub mod schema;
pub mod scope;
#[cfg(test)]
mod simulation;
pub mod sweep;
pub mod verify;
pub mod walk;
