//! Joins the two sides: reads, has it planned, applies the plan.
//!
//! It exists to be the only place that knows both edges. Invariants: a loop here decides nothing; what happens
//! next is an answer of [`crate::plan`]. A failure of one object stops only that object, a refused key stops
//! everything; no call to the source happens inside a transaction of the mirror.

mod capabilities;
mod daemon;
mod doors;
mod engine;
mod error;
mod fuse;
mod lead;
mod nearest;
mod observe;
mod polling;
mod preview;
mod pull;
mod push;
mod registration;
mod report;
mod reset;
mod schedule;
mod scope;
mod status;
mod sweep;
mod target;
mod trouble;
mod verify;
mod writes;

pub use daemon::{check_schedules, keep_syncing, overdue};
pub use doors::Doors;
pub use engine::{Engine, chain};
pub use error::{Disposition, SyncError};
pub use lead::Term;
pub use nearest::nearest;
pub use preview::{PlannedWrite, Preview, Previewed};
pub use push::PushReport;
pub use registration::{Registered, Registration};
pub use report::{ObjectReport, Progress, ProgressSender, RunReport, WalkProgress};
pub use reset::ResetReport;
pub use schedule::Schedule;
pub use status::Status;
pub use verify::{Difference, Verified};
