//! Objects and fields as REST shows them: without settings, uniqueness, indexes and morph relations.

use serde_json::{Value, json};

use crate::world::{Field, Link, Object, World};

/// An object with its fields.
pub(super) fn object(world: &World, object: &Object) -> Value {
    json!({
        "id": object.id,
        "nameSingular": object.name_singular,
        "namePlural": object.name_plural,
        "isCustom": object.is_custom,
        "isActive": object.is_active,
        "isSystem": object.is_system,
        "createdAt": object.created_at,
        "updatedAt": object.updated_at,
        "labelIdentifierFieldMetadataId": object.label_identifier,
        "imageIdentifierFieldMetadataId": object.image_identifier,
        "labelSingular": object.label_singular,
        "labelPlural": object.label_plural,
        "description": object.description,
        "icon": object.icon,
        "fields": fields(world, object),
    })
}

/// All fields of an object.
pub(super) fn fields(world: &World, object: &Object) -> Vec<Value> {
    object.fields.iter().map(|one| field(world, object, one)).collect()
}

/// A field.
pub(super) fn field(world: &World, object: &Object, field: &Field) -> Value {
    let relation = field.relation.as_ref().filter(|_| field.kind == "RELATION");
    json!({
        "id": field.id,
        "type": field.kind,
        "name": field.name,
        "label": field.label,
        "description": field.description,
        "icon": field.icon,
        "isCustom": field.is_custom,
        "isActive": field.is_active,
        "isSystem": field.is_system,
        "isNullable": field.is_nullable,
        "createdAt": field.created_at,
        "updatedAt": field.updated_at,
        "defaultValue": field.default_value,
        "options": field.options,
        "relation": relation.map(|link| self::relation(world, object, link)),
    })
}

fn relation(world: &World, object: &Object, link: &Link) -> Value {
    let target = world.object_by_id(link.target_object);
    let far = target.as_ref().and_then(|target| target.field_by_id(link.target_field));
    let near = object.field_by_id(link.source_field);
    let names = link.names.as_ref();
    let far_name = names.map(|(_, target)| target).or(far.map(|field| &field.name));
    let near_name = names.map(|(source, _)| source).or(near.map(|field| &field.name));
    json!({
        "type": link.direction,
        "targetObjectMetadata": target.as_deref().map(reference),
        "targetFieldMetadata": {"id": link.target_field, "name": far_name},
        "sourceObjectMetadata": reference(object),
        "sourceFieldMetadata": {"id": link.source_field, "name": near_name},
    })
}

fn reference(object: &Object) -> Value {
    json!({
        "id": object.id, "nameSingular": object.name_singular, "namePlural": object.name_plural,
    })
}
