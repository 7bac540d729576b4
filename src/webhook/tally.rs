//! How deliveries have fared since the receiver started.
//!
//! It exists so that a person can see that events arrive, or why they do not. Invariant: it holds numbers only.

use serde::{Deserialize, Serialize};

use super::refusal::Refusal;

/// Numbers of deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tally {
    /// Events that were taken.
    pub events: u64,
    /// Deliveries whose signature did not fit, or that had none.
    pub badly_signed: u64,
    /// Deliveries that were too old, or from the future.
    pub out_of_time: u64,
    /// Deliveries that came before.
    pub replayed: u64,
    /// Well signed deliveries of another workspace.
    pub foreign: u64,
    /// Everything else that was refused.
    pub other: u64,
}

impl Tally {
    /// Counts a refusal; says how many of its kind there were.
    pub(super) fn refused(&mut self, refusal: Refusal) -> u64 {
        let count = match refusal {
            Refusal::Unsigned | Refusal::Signature => &mut self.badly_signed,
            Refusal::Time => &mut self.out_of_time,
            Refusal::Replay => &mut self.replayed,
            Refusal::Workspace => &mut self.foreign,
            Refusal::Method | Refusal::TooLarge | Refusal::Incomplete | Refusal::Unreadable => {
                &mut self.other
            }
        };
        *count += 1;
        *count
    }
}
