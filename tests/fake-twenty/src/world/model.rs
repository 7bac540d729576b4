//! The data model as the metadata APIs change it: bodies with names and labels instead of a test's calls.
//!
//! REST metadata and GraphQL metadata take the same bodies, because the first is a client of the second on the real
//! server. What a body may not do is refused here; what it does is done by the operations of `edit`.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::World;
use super::edit::{NewField, metadata_error};
use super::schema::{Field, Object};
use crate::error::ServerError;

type Body = Map<String, Value>;

impl World {
    /// Makes a custom object.
    pub fn create_object(&mut self, body: &Body) -> Result<Uuid, ServerError> {
        let required = |key: &str| {
            text(body, key)
                .filter(|text| !text.is_empty())
                .ok_or_else(|| not_provided(key, "String!"))
        };
        let (singular, plural) = (required("nameSingular")?, required("namePlural")?);
        let labels = (required("labelSingular")?, required("labelPlural")?);
        let taken = |object: &std::sync::Arc<Object>| {
            [&object.name_singular, &object.name_plural]
                .iter()
                .any(|name| **name == singular || **name == plural)
        };
        let wrong = singular == plural || !is_camel_case(&singular) || !is_camel_case(&plural);
        if wrong || self.objects().iter().any(taken) {
            return Err(metadata_error(
                "Multiple validation errors occurred while creating object",
            ));
        }
        let id = self.add_object(&singular, &plural).id;
        self.edit_object(id, |object| {
            (object.label_singular, object.label_plural) = labels;
            object.description = text(body, "description");
            object.icon = text(body, "icon");
        });
        Ok(id)
    }

    /// Changes labels, names or the activity of an object.
    pub fn update_object(&mut self, id: Uuid, body: &Body) -> Result<(), ServerError> {
        self.object_by_id(id).ok_or_else(no_object)?;
        self.edit_object(id, |object| {
            set(&mut object.name_singular, text(body, "nameSingular"));
            set(&mut object.name_plural, text(body, "namePlural"));
            set(&mut object.label_singular, text(body, "labelSingular"));
            set(&mut object.label_plural, text(body, "labelPlural"));
            set(&mut object.description, text(body, "description").map(Some));
            set(&mut object.icon, text(body, "icon").map(Some));
            set(&mut object.is_active, flag(body, "isActive"));
            let identifier = body.get("labelIdentifierFieldMetadataId").and_then(id_in);
            set(&mut object.label_identifier, identifier.map(Some));
        });
        Ok(())
    }

    /// Drops a custom object with its rows.
    pub fn drop_object(&mut self, id: Uuid) -> Result<(), ServerError> {
        let object = self.object_by_id(id).ok_or_else(no_object)?;
        if !object.is_custom {
            return Err(metadata_error("Standard Objects can't be deleted"));
        }
        self.delete_object_by_id(id);
        Ok(())
    }

    /// Adds a field to the object that the body names.
    pub fn create_field(&mut self, body: &Body) -> Result<Uuid, ServerError> {
        let object = body.get("objectMetadataId").and_then(id_in);
        let object = object.ok_or_else(|| not_provided("objectMetadataId", "UUID!"))?;
        let required = |key: &str, of: &str| text(body, key).ok_or_else(|| not_provided(key, of));
        let given = |key: &str| body.get(key).cloned().unwrap_or(Value::Null);
        let relation = given("relationCreationPayload");
        let target =
            id_in(&relation["targetObjectMetadataId"]).and_then(|id| self.object_by_id(id));
        self.add_field_to(
            object,
            NewField {
                name: required("name", "String!")?,
                kind: required("type", "FieldMetadataType!")?,
                label: required("label", "String!")?,
                description: text(body, "description"),
                icon: text(body, "icon"),
                options: given("options"),
                settings: given("settings"),
                default_value: body.get("defaultValue").cloned(),
                is_unique: flag(body, "isUnique"),
                is_nullable: flag(body, "isNullable"),
                target: target.map(|target| target.name_singular.clone()),
                target_label: relation["targetFieldLabel"].as_str().map(ToOwned::to_owned),
            },
        )
    }

    /// Changes name, label, options or the activity of a field.
    pub fn update_field(&mut self, id: Uuid, body: &Body) -> Result<(), ServerError> {
        let (object, field) = self.field_with_id(id).ok_or_else(no_field)?;
        if let Some(name) = text(body, "name").filter(|name| *name != field.name) {
            if !is_camel_case(&name) || self.has_key(object, &name) {
                return Err(metadata_error(
                    "Multiple validation errors occurred while updating field",
                ));
            }
            self.edit_field_by_id(object, id, |field| field.rename(&name));
        }
        self.edit_field_by_id(object, id, |field| {
            set(&mut field.label, text(body, "label"));
            set(&mut field.description, text(body, "description").map(Some));
            set(&mut field.icon, text(body, "icon").map(Some));
            set(&mut field.is_active, flag(body, "isActive"));
            set(&mut field.is_nullable, flag(body, "isNullable").map(Some));
            set(&mut field.is_unique, flag(body, "isUnique").map(Some));
            set(&mut field.default_value, body.get("defaultValue").cloned());
            set(&mut field.settings, body.get("settings").cloned());
            set(&mut field.options, body.get("options").map(super::edit::with_ids));
        });
        Ok(())
    }

    /// Removes a custom field with its data.
    pub fn drop_field(&mut self, id: Uuid) -> Result<(), ServerError> {
        let (_, field) = self.field_with_id(id).ok_or_else(no_field)?;
        if !field.is_custom {
            return Err(metadata_error("Standard Fields can't be deleted"));
        }
        self.delete_field_by_id(id);
        Ok(())
    }

    fn field_with_id(&self, id: Uuid) -> Option<(Uuid, Field)> {
        let found = |object: &std::sync::Arc<Object>| {
            object.field_by_id(id).map(|field| (object.id, field.clone()))
        };
        self.objects().iter().find_map(found)
    }

    fn has_key(&self, object: Uuid, name: &str) -> bool {
        self.object_by_id(object).is_some_and(|object| {
            object.fields.iter().any(|field| field.name == name || field.key() == name)
        })
    }
}

fn text(body: &Body, key: &str) -> Option<String> {
    body.get(key).and_then(Value::as_str).map(ToOwned::to_owned)
}

fn flag(body: &Body, key: &str) -> Option<bool> {
    body.get(key).and_then(Value::as_bool)
}

fn id_in(value: &Value) -> Option<Uuid> {
    value.as_str().and_then(|text| Uuid::try_parse(text).ok())
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

/// Whether a name may become a key of records.
pub(super) fn is_camel_case(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_alphanumeric())
}

fn not_provided(key: &str, of: &str) -> ServerError {
    metadata_error(format!("Field \"{key}\" of required type \"{of}\" was not provided."))
}

fn no_object() -> ServerError {
    metadata_error("Object does not exist")
}

fn no_field() -> ServerError {
    metadata_error("Field does not exist")
}
