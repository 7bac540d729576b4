//! twenty-sync keeps the records of a Twenty CRM workspace (the *source*) and a PostgreSQL database (the
//! *mirror*) equal.
//!
//! Read the modules in this order: [`record`] is the vocabulary, `plan` takes every decision, `source`
//! and `mirror` are the two edges, `webhook` is a third one that only says when to look, `sync` joins them (read,
//! plan, apply), `cli` is the only place that prints.
//!
//! Invariants: `plan` and `record` know no HTTP, SQL, clock, randomness or async; `source` and `mirror` do not
//! know each other; only `sync` and `cli` know both. `tests/architecture.rs` keeps it so.

pub mod cli;
pub mod config;
#[cfg(test)]
mod fuzz;
pub mod health;
pub mod mirror;
pub mod plan;
pub mod record;
pub mod source;
pub mod sync;
pub mod telemetry;
pub mod webhook;
