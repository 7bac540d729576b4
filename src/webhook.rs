//! The edge that hears Twenty's webhooks.
//!
//! It exists to shorten the wait between two ticks. A delivery carries nothing into the mirror: it only means "look
//! now" at an object, which is then read like at any tick (docs/twenty.md, "Webhooks"). So a lost, doubled,
//! reordered or lying delivery costs a call or some freshness, and never a record.
//!
//! Invariants: nothing is believed before its signature was checked on the bytes as they came; the answer goes out
//! before any work; whatever strangers send, memory and time are bounded; no value of a record is kept or logged.

mod delivery;
#[cfg(test)]
mod fuzz;
mod hints;
mod probe;
mod receiver;
mod refusal;
mod replay;
mod signature;
mod tally;

pub use hints::{Hints, Wanted};
pub use probe::{ProbeError, Prober};
pub use receiver::{Desk, Receiver};
pub use refusal::Refusal;
pub use tally::Tally;

/// How far the clocks of sender and receiver may differ, and how old a delivery may be.
const TOLERANCE_MILLISECONDS: i64 = 5 * 60 * 1000;

const TIMESTAMP: &str = "x-twenty-webhook-timestamp";
const SIGNATURE: &str = "x-twenty-webhook-signature";
