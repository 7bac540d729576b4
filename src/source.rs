//! The edge to Twenty: everything that is said over HTTP.
//!
//! It exists so that nothing else knows routes, envelopes, error texts or rate limits (docs/twenty.md). Records
//! are read by REST, whose decimals are exact; the data model and guarded writes go by GraphQL.
//!
//! Invariants: reads are repeated after a passing fault, writes never after an unknown outcome; every call has a
//! deadline and a size; the key is in no message and no log; a bulk write without ids cannot be expressed. This
//! module decides nothing about records: it sends what it is given and says what came of it.

mod budget;
mod client;
mod complaint;
mod error;
#[cfg(test)]
mod fuzz;
mod graphql;
mod holder;
mod key;
mod licence;
mod lookup;
mod metadata;
mod page;
mod probe;
mod problem;
mod projection;
mod refusal;
mod server;
mod text;
mod times;
mod transport;
mod usage;
mod webhook;
mod write;

pub use budget::{BudgetState, Lane, Limit};
pub use client::Client;
pub use error::{SourceError, SourceFault};
pub use key::{Key, KeyFault};
pub use licence::{Licence, Moment};
pub use lookup::{IDS_PER_CALL, LookedUp, Trash};
pub use page::{Page, PageRecord, PageRequest};
pub use probe::{Probe, Probed};
pub use problem::{KeyRefusal, Problem, Unreadable};
pub use refusal::{Refusal, RefusalKind};
pub use server::Server;
pub use text::ServerText;
pub use times::Times;
pub use usage::{CallOutcome, Contact, Usage};
pub use webhook::Webhook;
pub use write::{
    CREATES_PER_CALL, Change, Delete, GuardedUpdate, Hit, NewRecord, NewRecords, ObjectNames,
    Patch, PatchFault, Sent, UPDATES_PER_CALL,
};
