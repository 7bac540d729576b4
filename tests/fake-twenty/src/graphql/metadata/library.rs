//! The types of `/metadata`.

use super::super::introspection::reference;
use super::super::types::{FieldDef, InputDef, Library, Shape};
use super::inputs::INPUTS;

/// The schema of the data model.
pub(super) struct Metadata;

/// Names with the types that they refer to.
pub(super) type Fields = &'static [(&'static str, &'static str)];

const OBJECT: Fields = &[
    ("id", "UUID!"),
    ("nameSingular", "String!"),
    ("namePlural", "String!"),
    ("labelSingular", "String!"),
    ("labelPlural", "String!"),
    ("description", "String"),
    ("icon", "String"),
    ("standardOverrides", "ObjectStandardOverrides"),
    ("shortcut", "String"),
    ("isCustom", "Boolean!"),
    ("isRemote", "Boolean!"),
    ("isActive", "Boolean!"),
    ("isSystem", "Boolean!"),
    ("isUIReadOnly", "Boolean!"),
    ("isSearchable", "Boolean!"),
    ("applicationId", "UUID"),
    ("createdAt", "DateTime!"),
    ("updatedAt", "DateTime!"),
    ("labelIdentifierFieldMetadataId", "UUID"),
    ("imageIdentifierFieldMetadataId", "UUID"),
    ("isLabelSyncedWithName", "Boolean!"),
    ("duplicateCriteria", "[[String!]!]"),
    ("fieldsList", "[Field!]!"),
    ("fields", "ObjectFieldsConnection!"),
    ("indexMetadatas", "ObjectIndexMetadatasConnection!"),
];

const FIELD: Fields = &[
    ("id", "UUID!"),
    ("type", "FieldMetadataType!"),
    ("name", "String!"),
    ("label", "String!"),
    ("description", "String"),
    ("icon", "String"),
    ("standardOverrides", "StandardOverrides"),
    ("isCustom", "Boolean"),
    ("isActive", "Boolean"),
    ("isSystem", "Boolean"),
    ("isUIReadOnly", "Boolean"),
    ("isNullable", "Boolean"),
    ("isUnique", "Boolean"),
    ("defaultValue", "JSON"),
    ("options", "JSON"),
    ("settings", "JSON"),
    ("objectMetadataId", "UUID!"),
    ("isLabelSyncedWithName", "Boolean"),
    ("createdAt", "DateTime!"),
    ("updatedAt", "DateTime!"),
    ("applicationId", "UUID"),
    ("relation", "Relation"),
    ("morphRelations", "[Relation!]"),
    ("object", "Object"),
];

const RELATION: Fields = &[
    ("type", "RelationType!"),
    ("sourceObjectMetadata", "Object!"),
    ("targetObjectMetadata", "Object!"),
    ("sourceFieldMetadata", "Field!"),
    ("targetFieldMetadata", "Field!"),
];

const INDEX: Fields = &[
    ("id", "UUID!"),
    ("name", "String!"),
    ("isCustom", "Boolean"),
    ("isUnique", "Boolean!"),
    ("indexWhereClause", "String"),
    ("indexType", "IndexType!"),
    ("createdAt", "DateTime!"),
    ("updatedAt", "DateTime!"),
    ("indexFieldMetadatas", "IndexIndexFieldMetadatasConnection!"),
];

const INDEX_FIELD: Fields = &[
    ("id", "UUID!"),
    ("fieldMetadataId", "UUID!"),
    ("order", "Float!"),
    ("createdAt", "DateTime!"),
    ("updatedAt", "DateTime!"),
];

const WEBHOOK: Fields = &[
    ("id", "UUID!"),
    ("targetUrl", "String!"),
    ("operations", "[String!]!"),
    ("description", "String"),
    ("secret", "String!"),
    ("workspaceId", "UUID!"),
    ("createdAt", "DateTime!"),
    ("updatedAt", "DateTime!"),
    ("deletedAt", "DateTime"),
];

const PAGE_INFO: Fields = &[
    ("hasNextPage", "Boolean"),
    ("hasPreviousPage", "Boolean"),
    ("startCursor", "ConnectionCursor"),
    ("endCursor", "ConnectionCursor"),
];

/// Connections with the type of their edges, and edges with the type of their nodes.
const EDGES: Fields = &[
    ("ObjectConnection", "ObjectEdge"),
    ("ObjectFieldsConnection", "FieldEdge"),
    ("ObjectIndexMetadatasConnection", "IndexEdge"),
    ("IndexIndexFieldMetadatasConnection", "IndexFieldEdge"),
    ("ObjectEdge", "Object"),
    ("FieldEdge", "Field"),
    ("IndexEdge", "Index"),
    ("IndexFieldEdge", "IndexField"),
];

const NODES: &[(&str, Fields)] = &[
    ("Object", OBJECT),
    ("Field", FIELD),
    ("Relation", RELATION),
    ("Index", INDEX),
    ("IndexField", INDEX_FIELD),
    ("Webhook", WEBHOOK),
    ("PageInfo", PAGE_INFO),
    (
        "ObjectStandardOverrides",
        &[
            ("labelSingular", "String"),
            ("labelPlural", "String"),
            ("description", "String"),
            ("icon", "String"),
            ("translations", "JSON"),
        ],
    ),
    (
        "StandardOverrides",
        &[
            ("label", "String"),
            ("description", "String"),
            ("icon", "String"),
            ("translations", "JSON"),
        ],
    ),
];

const FIELD_TYPES: [&str; 25] = [
    "ACTOR",
    "ADDRESS",
    "ARRAY",
    "BOOLEAN",
    "CURRENCY",
    "DATE",
    "DATE_TIME",
    "EMAILS",
    "FULL_NAME",
    "LINKS",
    "MORPH_RELATION",
    "MULTI_SELECT",
    "NUMBER",
    "NUMERIC",
    "PHONES",
    "POSITION",
    "RATING",
    "RAW_JSON",
    "RELATION",
    "RICH_TEXT",
    "RICH_TEXT_V2",
    "SELECT",
    "TEXT",
    "TS_VECTOR",
    "UUID",
];

fn plain(fields: Fields) -> Vec<FieldDef> {
    fields.iter().map(|(name, of)| FieldDef::new(*name, reference(of))).collect()
}

fn inputs(fields: Fields) -> Vec<InputDef> {
    fields.iter().map(|(name, of)| InputDef::new(*name, reference(of))).collect()
}

/// A list's arguments.
fn paged(filter: &str) -> Vec<InputDef> {
    vec![
        InputDef::new("paging", reference("CursorPaging")),
        InputDef::new("filter", reference(filter)),
    ]
}

fn with_paging(fields: Fields) -> Vec<FieldDef> {
    let taking = |field: FieldDef| match field.name.as_str() {
        "fields" => field.taking(paged("FieldFilter")),
        "indexMetadatas" | "indexFieldMetadatas" => {
            field.taking(inputs(&[("paging", "CursorPaging")]))
        }
        _ => field,
    };
    plain(fields).into_iter().map(taking).collect()
}

fn query() -> Vec<FieldDef> {
    let by_id = || inputs(&[("id", "UUID!")]);
    let field = |name: &str, of: &str| FieldDef::new(name, reference(of));
    vec![
        field("object", "Object!").taking(by_id()),
        field("objects", "ObjectConnection!").taking(paged("ObjectFilter")),
        field("field", "Field!").taking(by_id()),
        field("fields", "ObjectFieldsConnection!").taking(paged("FieldFilter")),
        field("webhooks", "[Webhook!]!"),
        field("webhook", "Webhook").taking(inputs(&[("input", "GetWebhookInput!")])),
    ]
}

fn mutation() -> Vec<FieldDef> {
    let field = |name: &str, of: &str, input: &str| {
        FieldDef::new(name, reference(of)).taking(vec![InputDef::new("input", reference(input))])
    };
    vec![
        field("createOneObject", "Object!", "CreateOneObjectInput!"),
        field("updateOneObject", "Object!", "UpdateOneObjectInput!"),
        field("deleteOneObject", "Object!", "DeleteOneObjectInput!"),
        field("createOneField", "Field!", "CreateOneFieldMetadataInput!"),
        field("updateOneField", "Field!", "UpdateOneFieldMetadataInput!"),
        field("deleteOneField", "Field!", "DeleteOneFieldInput!"),
        field("createWebhook", "Webhook!", "CreateWebhookInput!"),
        field("updateWebhook", "Webhook", "UpdateWebhookInput!"),
        field("deleteWebhook", "Boolean!", "DeleteWebhookInput!"),
    ]
}

fn edges(name: &str) -> Option<Vec<FieldDef>> {
    let (_, of) = EDGES.iter().find(|(known, _)| *known == name)?;
    let field = |name: &str, of: &str| FieldDef::new(name, reference(of));
    Some(if of.ends_with("Edge") {
        vec![field("pageInfo", "PageInfo!"), field("edges", &format!("[{of}!]!"))]
    } else {
        vec![field("node", &format!("{of}!")), field("cursor", "ConnectionCursor!")]
    })
}

impl Library for Metadata {
    fn define(&self, name: &str) -> Option<Shape> {
        let values = |values: &[&str]| {
            Some(Shape::Enum(values.iter().map(|value| (*value).to_owned()).collect()))
        };
        match name {
            "Query" => return Some(Shape::Object(query())),
            "Mutation" => return Some(Shape::Object(mutation())),
            "FieldMetadataType" => return values(&FIELD_TYPES),
            "RelationType" => return values(&["MANY_TO_ONE", "ONE_TO_MANY"]),
            "IndexType" => return values(&["BTREE", "GIN"]),
            "UUID" | "DateTime" | "JSON" | "ConnectionCursor" => return Some(Shape::Scalar),
            _ => {}
        }
        let named = |table: &'static [(&str, Fields)]| {
            table.iter().find(|(known, _)| *known == name).map(|(_, fields)| *fields)
        };
        named(NODES)
            .map(with_paging)
            .or_else(|| edges(name))
            .map(Shape::Object)
            .or_else(|| named(INPUTS).map(inputs).map(Shape::Input))
    }

    fn names(&self) -> Vec<String> {
        let alone = ["Query", "Mutation", "FieldMetadataType", "RelationType", "IndexType"];
        let scalars = ["UUID", "DateTime", "JSON", "ConnectionCursor"];
        let tables = NODES.iter().chain(INPUTS).map(|(name, _)| *name);
        let edges = EDGES.iter().map(|(name, _)| *name);
        let all = alone.into_iter().chain(scalars).chain(tables).chain(edges);
        all.map(ToOwned::to_owned).collect()
    }

    fn has_mutations(&self) -> bool {
        true
    }
}
