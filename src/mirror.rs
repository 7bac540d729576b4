//! The edge to PostgreSQL, where people read the records.
//!
//! It exists to keep every statement in one place: the control schema (`sync`) by literal SQL, the mirrored
//! tables by statements built from [`ident::Ident`] only. Invariants: it takes no decision and knows nothing of
//! HTTP; rows and the checkpoint they belong to are written in one transaction; no transaction is open while
//! anything else than PostgreSQL is waited for.

mod catalog;
mod checkpoint;
mod connect;
mod control;
mod ddl;
mod error;
mod ident;
mod literal;
mod page;
mod picklist;
mod quarantine;
mod rows;
mod run;
mod status;
mod stored;
mod workspace;

pub use checkpoint::{StoredCheckpoint, Walked};
pub use connect::Mirror;
pub use ddl::{SchemaChange, render};
pub use error::{MirrorError, MirrorFault};
pub use ident::{Ident, IdentError};
pub use page::{Applied, PageWrite, SetAside};
pub use rows::{Incoming, TableWriter};
pub use run::{Outcome, RunMode, RunRecord};
pub use status::{LastRun, MirrorStatus, ObjectStatus};
