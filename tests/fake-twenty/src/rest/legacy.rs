//! REST as it was in October 2025, before the flag that changed it was taken away.
//!
//! It knows no trash: `soft_delete` is not read, so every delete is final, and what lies in the trash is shown by no
//! filter. Of its texts only the beginning of the refusal is known; the status of a missing record is.

use super::path::Target;
use crate::error::ServerError;
use crate::filter::{Filter, Operator};

/// Refuses what came later.
pub(super) fn check(method: &str, target: &Target) -> Result<(), ServerError> {
    let is_later = match target {
        Target::Restore(_) | Target::Merge(_) | Target::GroupBy(_) => true,
        Target::Many(_) => matches!(method, "PATCH" | "PUT" | "DELETE"),
        Target::One(..) | Target::Batch(_) | Target::Duplicates(_) => false,
    };
    if is_later {
        return Err(ServerError::bad_request("Activate feature flag IS_COMMON_API_ENABLED"));
    }
    Ok(())
}

/// What a filter shows: nothing of the trash.
pub(super) fn live(filter: Filter) -> Filter {
    Filter::And(vec![filter, Filter::compare("deletedAt", Operator::Is, "NULL")])
}

/// A record that is not there.
pub(super) fn missing(error: ServerError) -> ServerError {
    if error.status == 404 { ServerError::bad_request(error.message) } else { error }
}
