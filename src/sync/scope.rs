//! Brings configuration and data model together: which objects are mirrored, which way, and who wins.
//!
//! It exists because a name in the configuration may be misspelt, and a rule that matches nothing would be a
//! silent hole in the mirror. Invariant: every rule names an object, or the run does not start.

use std::collections::BTreeMap;

use crate::{
    config::{self, ObjectRule},
    plan::{
        capability::allowed,
        fuse::Fuse,
        policy::{DeletePolicy, Policies, Policy},
        schema::{Scoped, Table},
        scope::{default_direction, is_walkable},
    },
    record::{DataModel, Direction, Rest},
};

use super::{SyncError, nearest::nearest};

/// The objects to mirror, by plural name.
pub(super) fn scoped<'a>(
    model: &'a DataModel,
    rules: &BTreeMap<String, ObjectRule>,
    server: Rest,
) -> Result<Vec<Scoped<'a>>, SyncError> {
    if let Some(name) = rules.keys().find(|name| model.object(name).is_none()) {
        return Err(SyncError::UnknownObject {
            name: name.clone(),
            near: nearest(model.names(), name),
        });
    }
    let scoped = model.objects.iter().filter(|object| is_walkable(object)).map(|object| {
        let rule = rules.iter().find(|(name, _)| object.is_called(name));
        let direction = rule.and_then(|(_, rule)| rule.direction);
        let direction = direction.unwrap_or_else(|| default_direction(object));
        Scoped { object, direction: allowed(direction, server) }
    });
    Ok(scoped.filter(|scoped| scoped.direction != Direction::Off).collect())
}

/// Who wins, for one object.
pub(super) fn policies(
    table: &Table,
    push: config::Push,
    rules: &BTreeMap<String, ObjectRule>,
) -> Policies {
    let rule = rule(table, rules);
    let fields = rule.into_iter().flat_map(|rule| &rule.fields);
    Policies {
        object: policy(rule.and_then(|rule| rule.policy).unwrap_or(push.policy)),
        fields: fields.map(|(name, rule)| (key(table, name), policy(rule.policy))).collect(),
        deletes: if push.edit_restores {
            DeletePolicy::EditRestores
        } else {
            DeletePolicy::DeleteWins
        },
    }
}

/// How much may be deleted or overwritten at once, of one object.
pub(super) fn fuse(
    table: &Table,
    fuse: config::Fuse,
    rules: &BTreeMap<String, ObjectRule>,
) -> Fuse {
    let config::Fuse { share, rows } =
        rule(table, rules).and_then(|rule| rule.fuse).unwrap_or(fuse);
    Fuse { share, rows }
}

fn rule<'a>(table: &Table, rules: &'a BTreeMap<String, ObjectRule>) -> Option<&'a ObjectRule> {
    let named = |name: &String| {
        name.eq_ignore_ascii_case(&table.name_plural)
            || name.eq_ignore_ascii_case(&table.name_singular)
    };
    rules.iter().find(|(name, _)| named(name)).map(|(_, rule)| rule)
}

/// The key of a field as the API spells it: names from the environment have lost their capitals.
fn key(table: &Table, name: &str) -> String {
    let keys = table.columns.iter().map(|column| &column.path.key);
    let is_it = |key: &&String| {
        key.eq_ignore_ascii_case(name) || key.eq_ignore_ascii_case(&format!("{name}Id"))
    };
    keys.into_iter().find(is_it).cloned().unwrap_or_else(|| name.to_owned())
}

fn policy(configured: config::Policy) -> Policy {
    match configured {
        config::Policy::Source => Policy::Source,
        config::Policy::Mirror => Policy::Mirror,
        config::Policy::Newest => Policy::Newest,
        config::Policy::Hold => Policy::Hold,
    }
}
