//! Paths of the REST core, with the slip that makes restoring one record impossible.

use std::sync::Arc;

use uuid::Uuid;

use super::find_object;
use crate::error::ServerError;
use crate::value::input::is_valid_id;
use crate::world::{Object, World};

/// What a path points at.
pub(super) enum Target {
    Many(Arc<Object>),
    One(Arc<Object>, Uuid),
    Batch(Arc<Object>),
    Restore(Arc<Object>),
    Duplicates(Arc<Object>),
    Merge(Arc<Object>),
    GroupBy(Arc<Object>),
}

/// Reads a path. Every later `/rest` in it is cut out as well, so `…/{id}/restore` becomes `…/{id}ore`.
pub(super) fn parse(world: &World, method: &str, path: &str) -> Result<Target, ServerError> {
    let rest = path.strip_prefix("/rest/").unwrap_or(path).replace("/rest", "");
    let segments: Vec<&str> = rest.split('/').filter(|segment| !segment.is_empty()).collect();
    match (method, segments.as_slice()) {
        (_, [name]) => Ok(Target::Many(find_object(world, name)?)),
        ("POST", ["batch", name]) => Ok(Target::Batch(find_object(world, name)?)),
        ("PATCH", ["restore", name]) => Ok(Target::Restore(find_object(world, name)?)),
        ("POST", [name, "duplicates"]) => Ok(Target::Duplicates(find_object(world, name)?)),
        ("PATCH", [name, "merge"]) => Ok(Target::Merge(find_object(world, name)?)),
        ("GET", [name, "groupBy"]) => Ok(Target::GroupBy(find_object(world, name)?)),
        (_, [name, id]) => {
            let object = find_object(world, name)?;
            Uuid::try_parse(id)
                .ok()
                .filter(|_| is_valid_id(id))
                .map(|id| Target::One(object, id))
                .ok_or_else(|| ServerError::bad_request(format!("'{id}' is not a valid UUID")))
        }
        _ => Err(invalid(path)),
    }
}

/// The refusal of a path with too many segments, or of a method that it does not take.
pub(super) fn invalid(path: &str) -> ServerError {
    let examples = "/rest/companies/id or /rest/companies or /rest/batch/companies";
    ServerError::bad_request(format!("Query path '{path}' invalid. Valid examples: {examples}"))
}
