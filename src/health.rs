//! What an operator's tools are told while `run` works: whether its loops turn, whether it is ready, its figures, and
//! a page for people.
//!
//! It exists so that nobody has to read the log to know how the daemon is. It is a leaf: the loops tell it what they
//! know, as plain values, and it asks nobody. Invariants: no request changes anything; no value of a record, no key and
//! no password is in an answer; what names or texts a workspace has, they stay text; what is labelled is objects, never
//! records. docs/operations.md says what each answer means, docs/metrics.md each metric.

mod access;
mod beat;
mod board;
mod listener;
mod metrics;
mod page;
mod reading;
mod state;
mod systemd;

pub use access::Gate;
pub use beat::{beat, waiting};
pub use board::Board;
pub use listener::{ListenError, Listener};
pub use reading::{BudgetReading, CallCount, Calls, ObjectReading, Reading, Side, StopReading};
pub use state::Health;
