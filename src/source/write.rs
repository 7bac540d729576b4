//! Writes: guarded updates, creates, deletes and restores.
//!
//! It exists because the server's own writes are sharp: without a filter they change a whole table, REST's delete
//! destroys, an upsert revives and takes over strangers (docs/twenty.md, "Writes"). So bulk writes go by GraphQL,
//! where soft and hard have different names, and only with ids; creates go by REST, which keeps decimals exact.
//!
//! Invariants: no bulk write without ids can be expressed; nothing is upserted; a write that may have arrived is
//! never sent again from here, its fate is [`Sent::Unknown`]; a write that surely did not arrive (no connection, or
//! refused by the limit of calls) is.

mod aliased;
mod bulk;
mod create;
mod mutation;
mod outcome;
mod patch;
mod sent;

pub use aliased::UPDATES_PER_CALL;
pub use bulk::{Change, Delete, GuardedUpdate, Hit};
pub use create::{CREATES_PER_CALL, NewRecord, NewRecords};
pub use patch::{Patch, PatchFault};
pub use sent::Sent;

use super::{error::SourceError, graphql::checked_name, metadata::capitalised};
use crate::record::Object;

/// More than this in one body is answered with an empty 500.
const LARGEST_BODY: usize = 9_500_000;

/// Both names of an object, checked to be names.
#[derive(Debug, Clone, Copy)]
pub struct ObjectNames<'a> {
    singular: &'a str,
    plural: &'a str,
}

impl<'a> ObjectNames<'a> {
    /// The names of `object`.
    ///
    /// # Errors
    /// A name that cannot stand in a query.
    pub fn of(object: &'a Object) -> Result<ObjectNames<'a>, SourceError> {
        ObjectNames::new(&object.name_singular, &object.name_plural)
    }

    /// The object with these names, such as `person` and `people`.
    ///
    /// # Errors
    /// A name that cannot stand in a query.
    pub fn new(singular: &'a str, plural: &'a str) -> Result<ObjectNames<'a>, SourceError> {
        Ok(ObjectNames { singular: checked_name(singular)?, plural: checked_name(plural)? })
    }

    /// The plural name, such as `people`.
    pub(super) fn plural(self) -> &'a str {
        self.plural
    }

    /// The type of a filter, such as `PersonFilterInput!`.
    pub(super) fn filter_type(self) -> String {
        format!("{}FilterInput!", capitalised(self.singular))
    }

    /// The type of a patch, such as `PersonUpdateInput!`.
    fn patch_type(self) -> String {
        format!("{}UpdateInput!", capitalised(self.singular))
    }

    /// The root field of a bulk operation, such as `updatePeople`.
    fn root(self, verb: &str) -> String {
        format!("{verb}{}", capitalised(self.plural))
    }
}

#[cfg(test)]
mod tests;
