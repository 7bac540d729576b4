//! The types of one object: the record, its connection, and what its queries and mutations take.

use super::super::ast::TypeRef;
use super::super::introspection::reference;
use super::super::types::{FieldDef, InputDef, Shape};
use super::library::Records;
use super::{aggregates, composite, pascal};
use crate::world::{Field, Object, parts};

/// What a type of an object is for, longest first: a suffix may end in another.
pub(super) const ROLES: [&str; 8] = [
    "GroupByConnection",
    "Connection",
    "Edge",
    "CreateInput",
    "UpdateInput",
    "FilterInput",
    "OrderByInput",
    "GroupByInput",
];

/// The scalar of a field's kind; enums are named by their field.
pub(super) fn scalar(kind: &str) -> &'static str {
    match kind {
        "UUID" => "UUID",
        "NUMBER" => "Float",
        "NUMERIC" => "BigFloat",
        "BOOLEAN" => "Boolean",
        "DATE_TIME" => "DateTime",
        "DATE" => "Date",
        "POSITION" => "Position",
        "RAW_JSON" => "RawJSONScalar",
        "TS_VECTOR" => "TSVector",
        _ => "String",
    }
}

/// The name of a field's enum.
pub(super) fn enum_name(object: &Object, field: &Field) -> String {
    format!("{}{}Enum", pascal(&object.name_singular), pascal(&field.name))
}

fn is_enum(kind: &str) -> bool {
    matches!(kind, "SELECT" | "RATING" | "MULTI_SELECT")
}

/// The type of a field that is no relation, in a role: empty for reading, or the suffix of an input.
fn type_of(object: &Object, field: &Field, role: &str) -> TypeRef {
    if !parts(&field.kind).is_empty() {
        return TypeRef::named(composite::type_name(&field.kind) + role);
    }
    let whole = field.settings["dataType"] == "int";
    match field.kind.as_str() {
        "MULTI_SELECT" => TypeRef::named(enum_name(object, field)).list(),
        "SELECT" | "RATING" => TypeRef::named(enum_name(object, field)),
        "ARRAY" => TypeRef::named("String").list(),
        "NUMBER" if whole => TypeRef::named("Int"),
        kind => TypeRef::named(scalar(kind)),
    }
}

fn filter_of(object: &Object, field: &Field) -> TypeRef {
    if !parts(&field.kind).is_empty() {
        return TypeRef::named(composite::type_name(&field.kind) + "FilterInput");
    }
    TypeRef::named(match field.kind.as_str() {
        kind if is_enum(kind) => return TypeRef::named(enum_name(object, field) + "Filter"),
        "UUID" | "RELATION" | "MORPH_RELATION" => "UUIDFilter",
        "NUMBER" if field.settings["dataType"] == "int" => "IntFilter",
        "NUMBER" | "POSITION" => "FloatFilter",
        "NUMERIC" => "BigFloatFilter",
        "BOOLEAN" => "BooleanFilter",
        "DATE_TIME" => "DateTimeFilter",
        "DATE" => "DateFilter",
        "RAW_JSON" => "RawJsonFilter",
        "ARRAY" => "ArrayFilter",
        _ => "StringFilter",
    })
}

/// The shape of an object's type in a role.
pub(super) fn shape(records: &Records, object: &Object, role: &str) -> Option<Shape> {
    let name = pascal(&object.name_singular);
    let field = |name: &str, of: &str| FieldDef::new(name, reference(of));
    Some(match role {
        "" => Shape::Object(record(records, object)),
        "Edge" => Shape::Object(vec![
            field("node", &format!("{name}!")),
            field("cursor", "ConnectionCursor!"),
        ]),
        "Connection" => {
            let mut fields = aggregates::fields(object);
            fields.push(field("pageInfo", "PageInfo!"));
            fields.push(field("edges", &format!("[{name}Edge!]!")));
            Shape::Object(fields)
        }
        "GroupByConnection" => {
            let mut fields = aggregates::fields(object);
            fields.push(field("groupByDimensionValues", "[String]"));
            Shape::Object(fields)
        }
        "CreateInput" | "UpdateInput" => Shape::Input(body(object, role)),
        "FilterInput" => Shape::Input(filter(object, &name)),
        "OrderByInput" => Shape::Input(order(object)),
        "GroupByInput" => Shape::Input(group(object)),
        _ => return None,
    })
}

fn shown(object: &Object) -> impl Iterator<Item = &Field> {
    object.fields.iter().filter(|field| field.is_visible())
}

fn record(records: &Records, object: &Object) -> Vec<FieldDef> {
    let mut fields = Vec::new();
    for field in shown(object) {
        if !field.is_relation() {
            let of = type_of(object, field, "");
            let required = field.is_nullable == Some(false) && field.name != "searchVector";
            fields.push(FieldDef::new(&field.name, if required { of.required() } else { of }));
            continue;
        }
        if field.is_many_to_one() {
            fields.push(FieldDef::new(field.key(), TypeRef::named("UUID")));
        }
        let target = field.link().and_then(|link| records.active(link.target_object));
        let Some(target) = target else { continue };
        let name = pascal(&target.name_singular);
        fields.push(if field.is_many_to_one() {
            FieldDef::new(&field.name, TypeRef::named(name))
        } else {
            let connection = TypeRef::named(format!("{name}Connection"));
            FieldDef::new(&field.name, connection).taking(list_arguments(&name))
        });
    }
    fields
}

/// The arguments of a list of an object's records.
pub(super) fn list_arguments(name: &str) -> Vec<InputDef> {
    let argument = |name: &str, of: &str| InputDef::new(name, reference(of));
    vec![
        argument("first", "Int"),
        argument("last", "Int"),
        argument("before", "String"),
        argument("after", "String"),
        argument("offset", "Int"),
        argument("filter", &format!("{name}FilterInput")),
        argument("orderBy", &format!("[{name}OrderByInput]")),
    ]
}

fn body(object: &Object, role: &str) -> Vec<InputDef> {
    let mut inputs = Vec::new();
    for field in shown(object) {
        if !field.is_relation() {
            inputs.push(InputDef::new(&field.name, type_of(object, field, role)));
        } else if field.is_many_to_one() {
            inputs.push(InputDef::new(field.key(), TypeRef::named("UUID")));
            inputs.push(InputDef::new(&field.name, TypeRef::named("RelationInput")));
        }
    }
    inputs
}

fn filter(object: &Object, name: &str) -> Vec<InputDef> {
    let argument = |name: &str, of: &str| InputDef::new(name, reference(of));
    let nested = format!("[{name}FilterInput]");
    let mut inputs = vec![
        argument("and", &nested),
        argument("or", &nested),
        argument("not", &format!("{name}FilterInput")),
    ];
    let filterable = |field: &&Field| {
        field.kind != "TS_VECTOR" && (!field.is_relation() || field.is_many_to_one())
    };
    let input = |field: &Field| InputDef::new(field.key(), filter_of(object, field));
    inputs.extend(shown(object).filter(filterable).map(input));
    inputs
}

fn order(object: &Object) -> Vec<InputDef> {
    let sortable = |field: &&Field| !field.is_relation() || field.is_many_to_one();
    let input = |field: &Field| {
        let composite = !parts(&field.kind).is_empty();
        let of = if composite {
            composite::type_name(&field.kind) + "OrderByInput"
        } else {
            "OrderByDirection".to_owned()
        };
        InputDef::new(field.key(), TypeRef::named(of))
    };
    shown(object).filter(sortable).map(input).collect()
}

fn group(object: &Object) -> Vec<InputDef> {
    let input = |field: &Field| {
        let of = match field.kind.as_str() {
            "DATE_TIME" | "DATE" => "DateGroupByInput".to_owned(),
            kind if !parts(kind).is_empty() => composite::type_name(kind) + "GroupByInput",
            _ => "Boolean".to_owned(),
        };
        InputDef::new(field.key(), TypeRef::named(of))
    };
    let groupable = |field: &&Field| !field.is_relation() || field.is_many_to_one();
    shown(object).filter(groupable).map(input).collect()
}

/// The values of a field's enum, or the operators on it.
pub(super) fn enum_shape(field: &Field, is_filter: bool, name: &str) -> Shape {
    if !is_filter {
        return Shape::Enum(field.option_values().map(ToOwned::to_owned).collect());
    }
    let one = |operator: &str, of: &str| InputDef::new(operator, reference(of));
    let of = name.trim_end_matches("Filter");
    let list = format!("[{of}!]");
    let is = one("is", "FilterIs");
    Shape::Input(if field.kind == "MULTI_SELECT" {
        vec![one("containsAny", &list), is]
    } else {
        vec![one("eq", of), one("in", &list), one("neq", of), is]
    })
}

/// Whether a field has an enum of its own.
pub(super) fn has_enum(field: &Field) -> bool {
    field.is_visible() && is_enum(&field.kind)
}
