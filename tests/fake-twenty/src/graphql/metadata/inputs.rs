//! The input types of `/metadata`: filters, paging, and the bodies of mutations.

use super::library::Fields;

const OBJECT_FILTER: Fields = &[
    ("and", "[ObjectFilter!]"),
    ("or", "[ObjectFilter!]"),
    ("id", "UUIDFilterComparison"),
    ("isCustom", "BooleanFieldComparison"),
    ("isRemote", "BooleanFieldComparison"),
    ("isActive", "BooleanFieldComparison"),
    ("isSystem", "BooleanFieldComparison"),
    ("isUIReadOnly", "BooleanFieldComparison"),
    ("isSearchable", "BooleanFieldComparison"),
];

const FIELD_FILTER: Fields = &[
    ("and", "[FieldFilter!]"),
    ("or", "[FieldFilter!]"),
    ("id", "UUIDFilterComparison"),
    ("isCustom", "BooleanFieldComparison"),
    ("isActive", "BooleanFieldComparison"),
    ("isSystem", "BooleanFieldComparison"),
    ("isUIReadOnly", "BooleanFieldComparison"),
];

const CREATE_OBJECT: Fields = &[
    ("nameSingular", "String!"),
    ("namePlural", "String!"),
    ("labelSingular", "String!"),
    ("labelPlural", "String!"),
    ("description", "String"),
    ("icon", "String"),
    ("shortcut", "String"),
    ("skipNameField", "Boolean"),
    ("isRemote", "Boolean"),
    ("isLabelSyncedWithName", "Boolean"),
];

const UPDATE_OBJECT: Fields = &[
    ("nameSingular", "String"),
    ("namePlural", "String"),
    ("labelSingular", "String"),
    ("labelPlural", "String"),
    ("description", "String"),
    ("icon", "String"),
    ("shortcut", "String"),
    ("isActive", "Boolean"),
    ("labelIdentifierFieldMetadataId", "UUID"),
    ("imageIdentifierFieldMetadataId", "UUID"),
    ("isLabelSyncedWithName", "Boolean"),
];

const CREATE_FIELD: Fields = &[
    ("objectMetadataId", "UUID!"),
    ("type", "FieldMetadataType!"),
    ("name", "String!"),
    ("label", "String!"),
    ("description", "String"),
    ("icon", "String"),
    ("isNullable", "Boolean"),
    ("isUnique", "Boolean"),
    ("defaultValue", "JSON"),
    ("options", "JSON"),
    ("settings", "JSON"),
    ("isLabelSyncedWithName", "Boolean"),
    ("relationCreationPayload", "JSON"),
    ("morphRelationsCreationPayload", "[JSON!]"),
];

const UPDATE_FIELD: Fields = &[
    ("name", "String"),
    ("label", "String"),
    ("description", "String"),
    ("icon", "String"),
    ("isActive", "Boolean"),
    ("isNullable", "Boolean"),
    ("isUnique", "Boolean"),
    ("defaultValue", "JSON"),
    ("options", "JSON"),
    ("settings", "JSON"),
    ("isLabelSyncedWithName", "Boolean"),
];

/// All of them.
pub(super) const INPUTS: &[(&str, Fields)] = &[
    (
        "CursorPaging",
        &[
            ("before", "ConnectionCursor"),
            ("after", "ConnectionCursor"),
            ("first", "Int"),
            ("last", "Int"),
        ],
    ),
    ("ObjectFilter", OBJECT_FILTER),
    ("FieldFilter", FIELD_FILTER),
    (
        "UUIDFilterComparison",
        &[("eq", "UUID"), ("neq", "UUID"), ("in", "[UUID!]"), ("notIn", "[UUID!]")],
    ),
    ("BooleanFieldComparison", &[("is", "Boolean"), ("isNot", "Boolean")]),
    (
        "CreateWebhookInput",
        &[
            ("targetUrl", "String!"),
            ("operations", "[String!]!"),
            ("description", "String"),
            ("secret", "String"),
        ],
    ),
    (
        "UpdateWebhookInput",
        &[
            ("id", "UUID!"),
            ("targetUrl", "String"),
            ("operations", "[String!]"),
            ("description", "String"),
            ("secret", "String"),
        ],
    ),
    ("CreateOneObjectInput", &[("object", "CreateObjectInput!")]),
    ("UpdateOneObjectInput", &[("id", "UUID!"), ("update", "UpdateObjectPayload!")]),
    ("DeleteOneObjectInput", &[("id", "UUID!")]),
    ("CreateOneFieldMetadataInput", &[("field", "CreateFieldInput!")]),
    ("UpdateOneFieldMetadataInput", &[("id", "UUID!"), ("update", "UpdateFieldInput!")]),
    ("DeleteOneFieldInput", &[("id", "UUID!")]),
    ("CreateObjectInput", CREATE_OBJECT),
    ("UpdateObjectPayload", UPDATE_OBJECT),
    ("CreateFieldInput", CREATE_FIELD),
    ("UpdateFieldInput", UPDATE_FIELD),
    ("GetWebhookInput", &[("id", "UUID!")]),
    ("DeleteWebhookInput", &[("id", "UUID!")]),
];
