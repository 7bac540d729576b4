//! As much of kustomize as the overlays use: resources, components, and patches that merge maps.
//!
//! It exists so that what a cluster would get can be judged on machines without kubectl. Invariant: an overlay that
//! uses more than this understands fails, rather than being judged by a part.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};

use super::files::yaml;

const UNDERSTOOD: [&str; 5] = ["apiVersion", "kind", "resources", "components", "patches"];

/// The objects that an overlay stands for.
pub(super) fn render(folder: &Path) -> Vec<Value> {
    let recipe = yaml(&folder.join("kustomization.yaml"));
    for key in recipe.as_object().unwrap().keys() {
        assert!(UNDERSTOOD.contains(&key.as_str()), "{} uses {key}", folder.display());
    }
    let mut objects = Vec::new();
    for path in listed(&recipe, "resources", folder).chain(listed(&recipe, "components", folder)) {
        if path.is_dir() {
            objects.extend(render(&path));
        } else {
            objects.push(yaml(&path));
        }
    }
    for patch in recipe["patches"].as_array().into_iter().flatten() {
        apply(&yaml(&folder.join(patch["path"].as_str().unwrap())), &mut objects);
    }
    objects
}

fn listed(recipe: &Value, key: &str, folder: &Path) -> impl Iterator<Item = PathBuf> {
    let names = recipe[key].as_array().cloned().unwrap_or_default();
    names.into_iter().map(move |name| {
        let path = folder.join(name.as_str().unwrap());
        fs::canonicalize(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    })
}

fn apply(patch: &Value, objects: &mut [Value]) {
    let mut meant = objects.iter_mut().filter(|object| identity(object) == identity(patch));
    let (Some(object), None) = (meant.next(), meant.next()) else {
        panic!("a patch fits not exactly one object: {:?}", identity(patch));
    };
    merge(object, patch);
}

fn merge(into: &mut Value, from: &Value) {
    let (Value::Object(into), Value::Object(from)) = (&mut *into, from) else {
        *into = from.clone();
        return;
    };
    merge_maps(into, from);
}

fn merge_maps(into: &mut Map<String, Value>, from: &Map<String, Value>) {
    for (key, value) in from {
        // kustomize merges some lists by name, which this does not.
        let replaces_list = into.get(key).is_some_and(Value::is_array);
        assert!(!replaces_list, "a patch changes the list {key}");
        merge(into.entry(key).or_insert(Value::Null), value);
    }
}

/// What tells an object from the others.
pub(super) fn identity(object: &Value) -> [&Value; 4] {
    let metadata = &object["metadata"];
    [&object["apiVersion"], &object["kind"], &metadata["namespace"], &metadata["name"]]
}
