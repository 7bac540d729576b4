//! Which fields of a record are shown.

use std::{borrow::Cow, collections::BTreeSet};

use super::params::Params;
use crate::error::ServerError;
use crate::world::{Object, World};

/// The object with only the columns that a list shows, and whether some were left out for their number. Without a cap
/// the server is too old to know `fields`.
pub(super) fn shown<'a>(
    world: &World,
    object: &'a Object,
    params: &Params,
) -> Result<(Cow<'a, Object>, bool), ServerError> {
    let Some(cap) = world.switches.field_cap else { return Ok((Cow::Borrowed(object), false)) };
    let keys = visible(object);
    if let Some(fields) = params.get("fields") {
        let named: BTreeSet<&str> = fields.split(',').chain(["id"]).collect();
        if let Some(unknown) = named.iter().find(|name| !keys.contains(*name)) {
            return Err(object.missing_field(unknown));
        }
        return Ok((only(object, &named), false));
    }
    let first: BTreeSet<&str> = keys.iter().copied().take(cap).collect();
    Ok((only(object, &first), keys.len() > cap))
}

/// The keys of a record, `id` and the times first.
fn visible(object: &Object) -> Vec<&str> {
    let mut keys: Vec<&str> = Vec::new();
    for column in object.columns.iter().filter(|column| column.visible) {
        if !keys.contains(&column.key.as_str()) {
            keys.push(&column.key);
        }
    }
    keys.sort_by_key(|key| !matches!(*key, "id" | "createdAt" | "updatedAt" | "deletedAt"));
    keys
}

fn only<'a>(object: &Object, keys: &BTreeSet<&str>) -> Cow<'a, Object> {
    let mut object = object.clone();
    for column in &mut object.columns {
        column.visible &= keys.contains(column.key.as_str());
    }
    Cow::Owned(object)
}
