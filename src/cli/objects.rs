//! The mirror as it is, and objects in it by the names that people type.
//!
//! It exists for commands that work while Twenty does not: the names come from the mirror, not from the workspace.
//! Invariant: a name that is not known is refused with the nearest ones, never taken for no rows.

use secrecy::ExposeSecret;

use super::exit::{self, Failure};
use crate::{
    config::MirrorConfig,
    mirror::{KnownObject, Mirror},
    sync::nearest,
};

/// A mirror that was made before.
pub(super) async fn open(config: &MirrorConfig) -> Result<Mirror, Failure> {
    let pool = Mirror::connect(config.database_url.expose_secret(), 1).await?;
    Mirror::existing(pool, &config.schema).await?.ok_or_else(|| Failure {
        code: exit::FAILED,
        message: format!("nothing is mirrored into schema {:?} yet", config.schema),
        hint: Some("run twenty-sync --once".to_owned()),
    })
}

/// The object called `name`: singular, plural or its table.
pub(super) async fn find(mirror: &Mirror, name: &str) -> Result<KnownObject, Failure> {
    let objects = mirror.known_objects().await?;
    match objects.iter().find(|object| names(object).any(|known| known.eq_ignore_ascii_case(name)))
    {
        Some(object) => Ok(object.clone()),
        None => Err(unknown(&objects, name)),
    }
}

/// The same, where a name is given.
pub(super) async fn find_if(
    mirror: &Mirror,
    name: Option<&str>,
) -> Result<Option<KnownObject>, Failure> {
    match name {
        Some(name) => find(mirror, name).await.map(Some),
        None => Ok(None),
    }
}

/// The objects called by these names, each once; every object with `all`.
pub(super) async fn chosen(
    mirror: &Mirror,
    names: &[String],
    all: bool,
) -> Result<Vec<KnownObject>, Failure> {
    if all {
        return Ok(mirror.known_objects().await?);
    }
    let mut objects: Vec<KnownObject> = Vec::new();
    for name in names {
        let object = find(mirror, name).await?;
        if !objects.contains(&object) {
            objects.push(object);
        }
    }
    Ok(objects)
}

fn names(object: &KnownObject) -> impl Iterator<Item = &str> {
    [&object.plural, &object.singular, &object.table].into_iter().map(String::as_str)
}

fn unknown(objects: &[KnownObject], name: &str) -> Failure {
    let known = objects.iter().map(|object| (object.plural.as_str(), names(object)));
    let hint = match nearest(known, name).as_slice() {
        [] => "`twenty-sync status` lists the objects".to_owned(),
        near => format!("did you mean {}?", near.join(" or ")),
    };
    let message = format!("no object {name:?} is mirrored");
    Failure { code: exit::FAILED, message, hint: Some(hint) }
}
