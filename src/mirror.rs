//! The edge to PostgreSQL, where people read the records.
//!
//! It exists to keep every statement in one place: the control schema (`sync`) by literal SQL, the mirrored
//! tables by statements built from [`ident::Ident`] only. Invariants: it takes no decision and knows nothing of
//! HTTP; rows and the checkpoint they belong to are written in one transaction; no transaction is open while
//! anything else than PostgreSQL is waited for.

mod backfill;
mod base;
mod budget;
mod capture;
mod catalog;
mod census;
mod checkpoint;
mod claim;
mod compare;
mod conflict;
mod connect;
mod content;
mod control;
mod count;
mod ddl;
mod decide;
mod encryption;
mod error;
mod examine;
mod follow;
mod fuse;
mod ident;
mod lease;
mod literal;
mod look;
mod nodelay;
mod outbox;
mod page;
mod picklist;
mod place;
mod quarantine;
mod refusal;
mod relation;
mod reset;
mod rows;
mod run;
mod sentinel;
mod server;
mod settle;
mod sort;
mod status;
mod stop;
mod stored;
mod structure;
mod transaction;
mod workspace;

pub use budget::{Budget, BudgetLimit, CallCounts};
pub use capture::{CaptureGap, GapCause};
pub use checkpoint::{StoredCheckpoint, Walked};
pub use claim::{Claimed, Sending};
pub use compare::{Agreed, StoredRow};
pub use conflict::{ConflictFilter, StoredConflict};
pub use connect::Mirror;
pub use content::StoredSweep;
pub use ddl::{SchemaChange, render};
pub use decide::Ruling;
pub use error::{MirrorError, MirrorFault};
pub use examine::Examination;
pub use fuse::{BlownFuse, Queue};
pub use ident::{Ident, IdentError};
pub use lease::{Candidate, Epoch, Leader, Taken};
pub use look::{KnownBase, KnownObject, PendingState, RecordState};
pub use outbox::{Change, ChangeListener};
pub use page::{Applied, DecideOnPage, LocalEdits, PageWrite, SetAside};
pub use place::Place;
pub use refusal::{Problem, Refusal};
pub use reset::Shadow;
pub use rows::{Incoming, TableWriter};
pub use run::{Outcome, RunMode, RunRecord};
pub use server::KnownServer;
pub use settle::{Decide, Decided, Decision, SettleReport, Writings};
pub use status::{LastRun, MirrorStatus, ObjectStatus};
pub use stop::{Behind, Stop, StopCause, UnsentCreate};
