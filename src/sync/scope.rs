//! Brings configuration and data model together: which objects are mirrored, and which way.
//!
//! It exists because a name in the configuration may be misspelt, and a rule that matches nothing would be a
//! silent hole in the mirror. Invariant: every rule names an object, or the run does not start.

use std::collections::BTreeMap;

use crate::{
    config::ObjectRule,
    plan::{
        schema::Scoped,
        scope::{default_direction, is_walkable},
    },
    record::{DataModel, Direction},
};

use super::SyncError;

/// The objects to mirror, by plural name.
pub(super) fn scoped<'a>(
    model: &'a DataModel,
    rules: &BTreeMap<String, ObjectRule>,
) -> Result<Vec<Scoped<'a>>, SyncError> {
    if let Some(name) = rules.keys().find(|name| model.object(name).is_none()) {
        return Err(SyncError::UnknownObject { name: name.clone(), near: nearest(model, name) });
    }
    let scoped = model.objects.iter().filter(|object| is_walkable(object)).map(|object| {
        let rule = rules.iter().find(|(name, _)| object.is_called(name));
        let direction = rule.map_or_else(|| default_direction(object), |(_, rule)| rule.direction);
        Scoped { object, direction }
    });
    Ok(scoped.filter(|scoped| scoped.direction != Direction::Off).collect())
}

/// Up to three names of the workspace that look like `name`.
pub fn nearest(model: &DataModel, name: &str) -> Vec<String> {
    let name = name.to_lowercase();
    let mut scored: Vec<(f64, &str)> = model
        .objects
        .iter()
        .map(|object| {
            let score = |known: &str| strsim::jaro_winkler(&known.to_lowercase(), &name);
            (
                score(&object.name_plural).max(score(&object.name_singular)),
                object.name_plural.as_str(),
            )
        })
        .filter(|(score, _)| *score > 0.8)
        .collect();
    scored.sort_by(|left, right| right.0.total_cmp(&left.0));
    scored.into_iter().take(3).map(|(_, known)| known.to_owned()).collect()
}
