//! The data model of a workspace: objects, their fields and how fields become columns.
//!
//! Names are resolved at print time from ids, so that a rename shows everywhere at once, as on the real server.
//! Columns are derived: never edit them, change the fields and let `World::alter` rebuild them and the rows.

use serde_json::Value;
use uuid::Uuid;

use super::column::{self, Column};
use crate::error::ServerError;

/// An object of the workspace with its fields.
#[expect(
    clippy::struct_excessive_bools,
    reason = "the flags are the keys of the metadata on the wire"
)]
#[derive(Debug, Clone)]
pub struct Object {
    /// Id of the object's metadata.
    pub id: Uuid,
    /// Singular name: key of single answers and of events.
    pub name_singular: String,
    /// Plural name: path segment and key of lists.
    pub name_plural: String,
    /// Singular label.
    pub label_singular: String,
    /// Plural label.
    pub label_plural: String,
    /// What the object is for.
    pub description: Option<String>,
    /// Name of an icon.
    pub icon: Option<String>,
    /// Whether a user made it.
    pub is_custom: bool,
    /// An inactive object vanishes from the record API while its rows stay.
    pub is_active: bool,
    /// Whether it belongs to the machinery.
    pub is_system: bool,
    /// Always false; printed because clients may ask for it.
    pub is_remote: bool,
    /// Whether the search finds its records.
    pub is_searchable: bool,
    /// When the metadata was made.
    pub created_at: String,
    /// When the metadata was last changed.
    pub updated_at: String,
    /// The field that names a record.
    pub label_identifier: Option<Uuid>,
    /// The field that shows a record's picture.
    pub image_identifier: Option<Uuid>,
    /// All fields, inactive ones included, in the order in which metadata lists them.
    pub fields: Vec<Field>,
    /// Indexes, only printed.
    pub indexes: Vec<Value>,
    /// Derived from the fields.
    pub columns: Vec<Column>,
}

/// A field of an object.
#[expect(
    clippy::struct_excessive_bools,
    reason = "the flags are the keys of the metadata on the wire"
)]
#[derive(Debug, Clone)]
pub struct Field {
    /// Id of the field's metadata; survives renames.
    pub id: Uuid,
    /// Key in JSON, except for relations, whose key is the join column.
    pub name: String,
    /// Type name as metadata spells it, for example `FULL_NAME`.
    pub kind: String,
    /// Label; quoted in messages about duplicates.
    pub label: String,
    /// What the field is for.
    pub description: Option<String>,
    /// Name of an icon.
    pub icon: Option<String>,
    /// Whether a user made it.
    pub is_custom: bool,
    /// An inactive field vanishes from JSON while its data stays.
    pub is_active: bool,
    /// Whether it belongs to the machinery.
    pub is_system: bool,
    /// Whether NULL is accepted.
    pub is_nullable: Option<bool>,
    /// Whether values must differ; printed as it was given.
    pub is_unique: Option<bool>,
    /// Whether the user interface forbids editing.
    pub is_ui_read_only: bool,
    /// When the metadata was made.
    pub created_at: String,
    /// When the metadata was last changed.
    pub updated_at: String,
    /// Default in the metadata's spelling: SQL-quoted text, `uuid`, `now`, or an object of such.
    pub default_value: Value,
    /// Options of `SELECT`, `MULTI_SELECT` and `RATING`.
    pub options: Value,
    /// Settings such as `joinColumnName` and `onDelete`.
    pub settings: Value,
    /// The other end of a relation.
    pub relation: Option<Link>,
    /// The other ends of a morph relation.
    pub morph_relations: Vec<Link>,
    /// Hidden by a field permission: the key is absent from JSON, the metadata still shows the field.
    pub hidden: bool,
    /// Place of the field's keys in a record; the order of keys in JSON is not the order of metadata.
    pub rank: usize,
}

/// One direction of a relation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// `MANY_TO_ONE` or `ONE_TO_MANY`.
    pub direction: String,
    /// The object on the other side.
    pub target_object: Uuid,
    /// The field on the other side.
    pub target_field: Uuid,
    /// This side's field.
    pub source_field: Uuid,
    /// Names of both ends as an export spelled them: a morph relation uses names that no field has.
    pub names: Option<(String, String)>,
}

/// What a row does when the row that it points to is destroyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnDelete {
    /// The key becomes NULL; `updatedAt` stays as it was.
    SetNull,
    /// The row vanishes, too.
    Cascade,
}

impl Field {
    /// Whether this is the end of a relation that owns the key.
    pub fn is_many_to_one(&self) -> bool {
        self.is_relation() && self.settings["relationType"] == "MANY_TO_ONE"
    }

    /// Whether this is either kind of relation.
    pub fn is_relation(&self) -> bool {
        matches!(self.kind.as_str(), "RELATION" | "MORPH_RELATION")
    }

    /// The other end, for both kinds of relation.
    pub fn link(&self) -> Option<&Link> {
        let own = || self.morph_relations.iter().find(|link| link.source_field == self.id);
        self.relation.as_ref().or_else(own).or(self.morph_relations.first())
    }

    /// The key under which the field's value stands in a record: its name, or the join column.
    pub fn key(&self) -> &str {
        if self.is_many_to_one() {
            self.settings["joinColumnName"].as_str().unwrap_or(&self.name)
        } else {
            &self.name
        }
    }

    /// Gives it another name, and its key with it.
    pub(super) fn rename(&mut self, name: &str) {
        if self.is_many_to_one() {
            self.settings["joinColumnName"] = Value::from(format!("{name}Id"));
        }
        name.clone_into(&mut self.name);
    }

    /// What happens to this end when the target goes.
    pub fn on_delete(&self) -> OnDelete {
        if self.settings["onDelete"] == "CASCADE" { OnDelete::Cascade } else { OnDelete::SetNull }
    }

    /// The values that an enum column accepts.
    pub fn option_values(&self) -> impl Iterator<Item = &str> {
        let options = self.options.as_array().map(Vec::as_slice).unwrap_or_default();
        options.iter().filter_map(|option| option["value"].as_str())
    }

    /// Whether the record API shows it.
    pub fn is_visible(&self) -> bool {
        self.is_active && !self.hidden
    }
}

impl Object {
    /// Rebuilds the columns from the fields. The rows must be moved to the new columns by the caller.
    pub(super) fn rebuild_columns(&mut self) {
        let mut fields: Vec<&Field> = self.fields.iter().collect();
        fields.sort_by_key(|field| field.rank);
        self.columns = fields.into_iter().flat_map(column::of_field).collect();
    }

    /// A field by its name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// A field by its id.
    pub fn field_by_id(&self, id: Uuid) -> Option<&Field> {
        self.fields.iter().find(|field| field.id == id)
    }

    /// The index of a column by path: `name`, `companyId`, `emails.primaryEmail`.
    pub fn column_index(&self, path: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.is_at(path))
    }

    /// The index of a column that every object has.
    pub fn system_column(&self, name: &str) -> usize {
        self.column_index(name).expect("every object has id, createdAt, updatedAt and deletedAt")
    }

    /// The columns of one key of a record: one for a scalar, several for a composite.
    pub fn columns_of(&self, key: &str) -> impl Iterator<Item = (usize, &Column)> {
        self.columns.iter().enumerate().filter(move |(_, column)| column.key == key)
    }

    /// The columns whose values must be unique, apart from the key: with the label for the message.
    pub fn unique_columns(&self) -> Vec<(usize, String)> {
        let unique =
            self.fields.iter().filter(|field| field.is_unique == Some(true) && field.name != "id");
        unique
            .filter_map(|field| Some((self.unique_column_of(field)?, field.label.clone())))
            .collect()
    }

    fn unique_column_of(&self, field: &Field) -> Option<usize> {
        let main = ["primaryEmail", "primaryLinkUrl", "primaryPhoneNumber"];
        self.columns.iter().position(|column| {
            column.field == field.id && column.sub.is_none_or(|sub| main.contains(&sub))
        })
    }

    /// The name of the table: custom objects carry an underscore in front.
    pub fn table_name(&self) -> String {
        if self.is_custom { format!("_{}", self.name_singular) } else { self.name_singular.clone() }
    }

    /// The error of a body or filter that names a field the object does not have.
    pub fn missing_field(&self, name: &str) -> ServerError {
        let object = &self.name_singular;
        ServerError::plain(format!(
            "Field metadata for field \"{name}\" is missing in object metadata {object}"
        ))
    }
}
