//! Changes of the data model: what an admin does in the settings, and what REST and GraphQL metadata offer.

use std::sync::Arc;

use serde_json::{Value, json};
use uuid::Uuid;

use super::World;
use super::model::is_camel_case;
use super::schema::{Field, Object};
use super::standard;
use crate::error::ServerError;
use crate::value::stamp;

/// A field to be made.
#[derive(Debug, Clone, Default)]
pub struct NewField {
    /// Name in camelCase.
    pub name: String,
    /// Type, for example `TEXT`.
    pub kind: String,
    /// Label; the name when empty.
    pub label: String,
    /// What it is for.
    pub description: Option<String>,
    /// Name of an icon.
    pub icon: Option<String>,
    /// Options of `SELECT` and `MULTI_SELECT`: objects with `label`, `value`, `color`, `position`.
    pub options: Value,
    /// Settings by type.
    pub settings: Value,
    /// Default in the metadata's spelling.
    pub default_value: Option<Value>,
    /// Whether values must differ.
    pub is_unique: Option<bool>,
    /// Whether NULL is accepted; the type decides when missing.
    pub is_nullable: Option<bool>,
    /// For RELATION: the singular name of the object that it points to.
    pub target: Option<String>,
    /// For RELATION: the label of the list on the far side, from which its name is made.
    pub target_label: Option<String>,
}

impl NewField {
    /// A field of this name and type.
    pub fn new(name: &str, kind: &str) -> Self {
        Self { name: name.to_owned(), kind: kind.to_owned(), ..Self::default() }
    }
}

impl World {
    /// Makes a custom object with the standard fields and the relation ends on notes, tasks and the like.
    pub fn add_object(&mut self, singular: &str, plural: &str) -> Arc<Object> {
        let now = self.stamp_now();
        let title = |name: &str| format!("{}{}", name[..1].to_uppercase(), &name[1..]);
        let fields = standard::fields_of_custom_object(&now);
        let object = self.insert_object(Object {
            id: Uuid::new_v4(),
            name_singular: singular.to_owned(),
            name_plural: plural.to_owned(),
            label_singular: title(singular),
            label_plural: title(plural),
            description: None,
            icon: None,
            is_custom: true,
            is_active: true,
            is_system: false,
            is_remote: false,
            is_searchable: true,
            created_at: now.clone(),
            updated_at: now.clone(),
            label_identifier: fields
                .iter()
                .find(|field| field.name == "name")
                .map(|field| field.id),
            image_identifier: None,
            fields,
            indexes: Vec::new(),
            columns: Vec::new(),
        });
        self.attach(&object, &now);
        self.expect_object(plural)
    }

    fn attach(&mut self, object: &Arc<Object>, now: &str) {
        let singular = object.name_singular.clone();
        for (near, list, icon) in standard::ATTACHED {
            let Some(near) = self.object_by_singular(near) else { continue };
            let label = format!("{}{}", list[..1].to_uppercase(), &list[1..]);
            let own = (singular.as_str(), object.label_singular.as_str());
            let [mut one, mut many] =
                standard::relation_pair(&near, object, own, (list, &label), now);
            one.is_system = true;
            one.settings["onDelete"] = json!("CASCADE");
            one.description = Some(format!("{label} of a {}", object.label_singular));
            many.is_system = true;
            many.description = Some(format!("{label} tied to the {}", object.label_singular));
            many.icon = Some(icon.to_owned());
            self.alter(near.id, |near| push(near, one));
            self.alter(object.id, |object| push(object, many));
        }
    }

    /// Adds a field. The rows that exist get its default.
    pub fn add_field(&mut self, plural: &str, new: NewField) -> Result<Uuid, ServerError> {
        let object = self.expect_object(plural);
        self.add_field_to(object.id, new)
    }

    /// Adds a field to the object with this id.
    pub fn add_field_to(&mut self, object: Uuid, new: NewField) -> Result<Uuid, ServerError> {
        let now = self.stamp_now();
        let near =
            self.object_by_id(object).ok_or_else(|| metadata_error("Object does not exist"))?;
        check_field(&near, &new)?;
        if new.kind == "RELATION" {
            return self.relate(&near, &new, &now);
        }
        let label = if new.label.is_empty() { &new.name } else { &new.label };
        let mut field = standard::field(&new.name, &new.kind, label, &now);
        field.description = new.description;
        field.icon = new.icon;
        field.is_unique = new.is_unique;
        field.is_nullable = new.is_nullable.or(field.is_nullable);
        field.default_value =
            new.default_value.filter(|value| !value.is_null()).unwrap_or(field.default_value);
        if matches!(new.kind.as_str(), "SELECT" | "MULTI_SELECT") {
            field.options = with_ids(&new.options);
        }
        field.settings = new.settings;
        let id = field.id;
        self.alter(object, |object| push(object, field));
        Ok(id)
    }

    fn relate(
        &mut self,
        near: &Arc<Object>,
        new: &NewField,
        now: &str,
    ) -> Result<Uuid, ServerError> {
        let target = new.target.as_deref().and_then(|name| self.object_by_singular(name));
        let target =
            target.ok_or_else(|| metadata_error("Relation creation payload is required"))?;
        let label = if new.label.is_empty() { &new.name } else { &new.label };
        let list = new.target_label.as_deref().map_or_else(|| near.name_plural.clone(), camel_case);
        let list_label = new.target_label.as_ref().unwrap_or(&near.label_plural);
        if target.fields.iter().any(|field| field.name == list) {
            return Err(metadata_error("Multiple validation errors occurred while creating field"));
        }
        let [mut one, mut many] =
            standard::relation_pair(near, &target, (&new.name, label), (&list, list_label), now);
        one.is_custom = true;
        many.is_custom = true;
        let id = one.id;
        self.alter(near.id, |near| push(near, one));
        self.alter(target.id, |target| push(target, many));
        Ok(id)
    }

    /// Gives a field another name; its id stays.
    pub fn rename_field(&mut self, plural: &str, from: &str, to: &str) {
        self.edit_field(plural, from, |field| field.rename(to));
    }

    /// Gives a field another type, as deleting it and making it anew under the same id would.
    pub fn change_type(&mut self, plural: &str, name: &str, kind: &str) {
        let fresh = standard::field(name, kind, name, &self.stamp_now());
        self.edit_field(plural, name, |field| {
            field.kind = fresh.kind;
            field.default_value = fresh.default_value;
            field.options = fresh.options;
            field.is_nullable = fresh.is_nullable;
        });
    }

    /// Replaces the options of a `SELECT` or `MULTI_SELECT`: objects with `label`, `value`, `color`, `position`.
    pub fn set_options(&mut self, plural: &str, name: &str, options: &Value) {
        self.edit_field(plural, name, |field| field.options = with_ids(options));
    }

    /// Switches a field off: it leaves the records, its data stays.
    pub fn deactivate_field(&mut self, plural: &str, name: &str) {
        self.edit_field(plural, name, |field| field.is_active = false);
    }

    /// Switches a field on again.
    pub fn activate_field(&mut self, plural: &str, name: &str) {
        self.edit_field(plural, name, |field| field.is_active = true);
    }

    /// Takes the permission to read a field: its key is absent from records, metadata still lists it.
    pub fn hide_field(&mut self, plural: &str, name: &str, hidden: bool) {
        self.edit_field(plural, name, |field| field.hidden = hidden);
    }

    /// Changes a field in any way.
    pub fn edit_field(&mut self, plural: &str, name: &str, change: impl FnOnce(&mut Field)) {
        let object = self.expect_object(plural);
        let id = object.field(name).unwrap_or_else(|| panic!("{plural} has no field {name}")).id;
        self.edit_field_by_id(object.id, id, change);
    }

    pub(crate) fn edit_field_by_id(
        &mut self,
        object: Uuid,
        id: Uuid,
        change: impl FnOnce(&mut Field),
    ) {
        let now = self.stamp_now();
        self.alter(object, |object| {
            if let Some(field) = object.fields.iter_mut().find(|field| field.id == id) {
                change(field);
                field.updated_at = now;
            }
        });
    }

    /// Removes a field with its data, and the far end of a relation.
    pub fn delete_field(&mut self, plural: &str, name: &str) {
        let object = self.expect_object(plural);
        let id = object.field(name).unwrap_or_else(|| panic!("{plural} has no field {name}")).id;
        self.delete_field_by_id(id);
    }

    pub(crate) fn delete_field_by_id(&mut self, id: Uuid) {
        for object in self.objects.clone() {
            let gone = |field: &Field| {
                field.id == id || field.link().is_some_and(|link| link.target_field == id)
            };
            if object.fields.iter().any(gone) {
                self.alter(object.id, |object| object.fields.retain(|field| !gone(field)));
            }
        }
    }

    /// Switches an object off: it leaves the record API, its rows stay.
    pub fn deactivate_object(&mut self, plural: &str) {
        let id = self.expect_object(plural).id;
        self.edit_object(id, |object| object.is_active = false);
    }

    /// Switches an object on again.
    pub fn activate_object(&mut self, plural: &str) {
        let found =
            self.objects.iter().find(|object| object.name_plural == plural).map(|object| object.id);
        self.edit_object(
            found.unwrap_or_else(|| panic!("no object is named {plural}")),
            |object| object.is_active = true,
        );
    }

    /// Gives an object other names; its records, and the ids of everything, stay.
    pub fn rename_object(&mut self, plural: &str, to_singular: &str, to_plural: &str) {
        let id = self.expect_object(plural).id;
        self.edit_object(id, |object| {
            to_singular.clone_into(&mut object.name_singular);
            to_plural.clone_into(&mut object.name_plural);
        });
    }

    pub(crate) fn edit_object(&mut self, id: Uuid, change: impl FnOnce(&mut Object)) {
        let now = self.stamp_now();
        self.alter(id, |object| {
            change(object);
            object.updated_at = now;
        });
    }

    /// Drops an object with its rows and every relation to it.
    pub fn delete_object(&mut self, plural: &str) {
        let id = self.expect_object(plural).id;
        self.delete_object_by_id(id);
    }

    pub(crate) fn delete_object_by_id(&mut self, id: Uuid) {
        self.objects.retain(|object| object.id != id);
        self.tables.remove(&id);
        for object in self.objects.clone() {
            let gone = |field: &Field| field.link().is_some_and(|link| link.target_object == id);
            if object.fields.iter().any(gone) {
                self.alter(object.id, |object| object.fields.retain(|field| !gone(field)));
            }
        }
    }

    /// Makes every write to an object fail as a role without permission does.
    pub fn forbid_writes(&mut self, plural: &str) {
        let id = self.expect_object(plural).id;
        self.read_only.push(id);
    }

    fn stamp_now(&self) -> String {
        stamp::to_wire(self.clock.now())
    }
}

fn push(object: &mut Object, mut field: Field) {
    let highest =
        object.fields.iter().map(|field| field.rank).filter(|rank| *rank != usize::MAX).max();
    field.rank = highest.map_or(0, |rank| rank + 1);
    object.fields.push(field);
}

/// A label as a name: `Former clients` becomes `formerClients`.
fn camel_case(label: &str) -> String {
    let words = label.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let word = |(at, word): (usize, &str)| {
        let (first, rest) = word.split_at(1);
        let first = if at == 0 { first.to_lowercase() } else { first.to_uppercase() };
        first + rest
    };
    words.enumerate().map(word).collect()
}

pub(super) fn with_ids(options: &Value) -> Value {
    let options = options.as_array().map(Vec::as_slice).unwrap_or_default();
    let option = |option: &Value| {
        let mut option = option.clone();
        if option["id"].is_null() {
            option["id"] = json!(Uuid::new_v4());
        }
        option
    };
    Value::Array(options.iter().map(option).collect())
}

/// A refusal of the metadata API, which prints `messages` under the error name of the HTTP status.
pub(crate) fn metadata_error(message: impl Into<String>) -> ServerError {
    ServerError::new(400, "Bad Request", message, "BAD_USER_INPUT")
}

fn check_field(object: &Object, new: &NewField) -> Result<(), ServerError> {
    if !standard::TYPES.contains(&new.kind.as_str()) {
        let hint = if new.kind == "FILES" { " Did you mean the enum value 'LINKS'?" } else { "" };
        let kind = &new.kind;
        return Err(metadata_error(format!(
            "Value '{kind}' does not exist in 'FieldMetadataType' enum.{hint}"
        )));
    }
    let named = |field: &Field| field.name == new.name || field.key() == new.name;
    let camel = is_camel_case(&new.name);
    let needs_options = matches!(new.kind.as_str(), "SELECT" | "MULTI_SELECT");
    let lacks_options = needs_options && new.options.as_array().is_none_or(Vec::is_empty);
    if new.kind == "TS_VECTOR" || object.fields.iter().any(named) || !camel || lacks_options {
        return Err(metadata_error("Multiple validation errors occurred while creating field"));
    }
    Ok(())
}
