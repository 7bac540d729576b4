//! Every decision the program takes, as functions from what was seen to what is to be done.
//!
//! It exists so that decisions can be read, tested as tables and printed without either side being there.
//! Invariants: no HTTP, SQL, clock, randomness or async; time is a parameter; the same input gives the same plan.

pub mod naming;
pub mod schema;
pub mod scope;
pub mod walk;
