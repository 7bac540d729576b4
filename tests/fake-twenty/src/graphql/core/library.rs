//! The types of `/graphql`, from the objects of the workspace.

use std::sync::Arc;

use uuid::Uuid;

use super::super::introspection::reference;
use super::super::types::{FieldDef, InputDef, Library, Shape};
use super::{composite, filter, object_of, pascal, record_types};
use crate::world::Object;

/// The schema of a workspace. Without objects it is the one that anonymous callers see.
pub(super) struct Records {
    objects: Vec<Arc<Object>>,
}

const SCALARS: [&str; 8] = [
    "UUID",
    "DateTime",
    "Date",
    "BigFloat",
    "Position",
    "RawJSONScalar",
    "TSVector",
    "ConnectionCursor",
];

const FILTERS: [&str; 9] = [
    "UUIDFilter",
    "DateTimeFilter",
    "DateFilter",
    "FloatFilter",
    "IntFilter",
    "BigFloatFilter",
    "StringFilter",
    "BooleanFilter",
    "RawJsonFilter",
];

const OTHERS: [&str; 10] = [
    "ArrayFilter",
    "FilterIs",
    "OrderByDirection",
    "DateGranularity",
    "DateGroupByInput",
    "ActorSourceEnum",
    "ActorSourceEnumFilter",
    "PageInfo",
    "RelationInput",
    "RelationTarget",
];

const DIRECTIONS: [&str; 4] = ["AscNullsFirst", "AscNullsLast", "DescNullsFirst", "DescNullsLast"];

const SOURCES: [&str; 9] =
    ["EMAIL", "CALENDAR", "WORKFLOW", "AGENT", "API", "IMPORT", "MANUAL", "SYSTEM", "WEBHOOK"];

impl Records {
    pub(super) fn new(objects: Vec<Arc<Object>>) -> Self {
        Self { objects }
    }

    /// An active object by id.
    pub(super) fn active(&self, id: Uuid) -> Option<&Arc<Object>> {
        self.all().find(|object| object.id == id)
    }

    fn all(&self) -> impl Iterator<Item = &Arc<Object>> {
        self.objects.iter().filter(|object| object.is_active)
    }

    fn query(&self) -> Vec<FieldDef> {
        let mut fields = Vec::new();
        for object in self.all() {
            let name = pascal(&object.name_singular);
            let argument = |argument: &str, of: &str| InputDef::new(argument, reference(of));
            let filter = format!("{name}FilterInput");
            let of = |suffix: &str| reference(&format!("{name}{suffix}"));
            fields.push(
                FieldDef::new(&object.name_plural, of("Connection"))
                    .taking(record_types::list_arguments(&name)),
            );
            fields.push(
                FieldDef::new(&object.name_singular, of(""))
                    .taking(vec![argument("filter", &format!("{filter}!"))]),
            );
            let groups = reference(&format!("[{name}GroupByConnection!]"));
            fields.push(FieldDef::new(format!("{}GroupBy", object.name_plural), groups).taking(
                vec![
                    argument("groupBy", &format!("[{name}GroupByInput!]!")),
                    argument("filter", &filter),
                ],
            ));
        }
        fields
    }

    fn mutation(&self) -> Vec<FieldDef> {
        self.all().flat_map(|object| mutations(object)).collect()
    }

    fn of_object(&self, name: &str) -> Option<Shape> {
        let role = record_types::ROLES.iter().find(|role| name.ends_with(*role)).unwrap_or(&"");
        let named = |name: &str| object_of(&self.objects, name).map(|(object, _)| object);
        let by_role = named(&name[..name.len() - role.len()]);
        let (object, role) =
            by_role.map(|object| (object, *role)).or_else(|| Some((named(name)?, "")))?;
        if pascal(&object.name_plural) == name {
            return None;
        }
        record_types::shape(self, &object, role)
    }

    fn of_enum(&self, name: &str) -> Option<Shape> {
        let bare = name.strip_suffix("Filter").unwrap_or(name);
        let fields =
            self.all().flat_map(|object| object.fields.iter().map(move |one| (object, one)));
        let mut named = fields.filter(|(object, field)| {
            record_types::has_enum(field) && record_types::enum_name(object, field) == bare
        });
        named.next().map(|(_, field)| record_types::enum_shape(field, bare != name, name))
    }
}

fn mutations(object: &Object) -> Vec<FieldDef> {
    let (one, many) = (pascal(&object.name_singular), pascal(&object.name_plural));
    let argument = |argument: &str, of: String| InputDef::new(argument, reference(&of));
    let id = || argument("id", "UUID!".to_owned());
    let filter = || argument("filter", format!("{one}FilterInput!"));
    let upsert = || argument("upsert", "Boolean".to_owned());
    let single = |verb: &str, arguments| {
        FieldDef::new(format!("{verb}{one}"), reference(&one)).taking(arguments)
    };
    let several = |verb: &str, arguments| {
        FieldDef::new(format!("{verb}{many}"), reference(&format!("[{one}!]"))).taking(arguments)
    };
    let (create, update) = (format!("{one}CreateInput"), format!("{one}UpdateInput"));
    let mut all = vec![
        single("create", vec![argument("data", format!("{create}!")), upsert()]),
        several("create", vec![argument("data", format!("[{create}!]!")), upsert()]),
        single("update", vec![id(), argument("data", format!("{update}!"))]),
        several("update", vec![argument("data", format!("{update}!")), filter()]),
    ];
    for verb in ["delete", "destroy", "restore"] {
        all.push(single(verb, vec![id()]));
        all.push(several(verb, vec![filter()]));
    }
    all
}

/// The types that every workspace has.
fn fixed(name: &str) -> Option<Shape> {
    let values = |values: &[&str]| {
        Some(Shape::Enum(values.iter().map(|value| (*value).to_owned()).collect()))
    };
    let input = |fields: &[(&str, &str)]| {
        let one = |(name, of): &(&str, &str)| InputDef::new(*name, reference(of));
        Some(Shape::Input(fields.iter().map(one).collect()))
    };
    match name {
        _ if SCALARS.contains(&name) => Some(Shape::Scalar),
        "FilterIs" => values(&["NULL", "NOT_NULL"]),
        "OrderByDirection" => values(&DIRECTIONS),
        "DateGranularity" => values(&["DAY", "MONTH", "YEAR"]),
        "ActorSourceEnum" => values(&SOURCES),
        "ActorSourceEnumFilter" => input(&[
            ("eq", "ActorSourceEnum"),
            ("in", "[ActorSourceEnum!]"),
            ("neq", "ActorSourceEnum"),
            ("is", "FilterIs"),
        ]),
        "DateGroupByInput" => input(&[("granularity", "DateGranularity")]),
        "RelationInput" => input(&[("connect", "RelationTarget"), ("disconnect", "Boolean")]),
        "RelationTarget" => input(&[("where", "RawJSONScalar!")]),
        "PageInfo" => {
            let field = |name: &str, of: &str| FieldDef::new(name, reference(of));
            Some(Shape::Object(vec![
                field("hasNextPage", "Boolean!"),
                field("hasPreviousPage", "Boolean!"),
                field("startCursor", "ConnectionCursor"),
                field("endCursor", "ConnectionCursor"),
            ]))
        }
        _ => scalar_filter(name),
    }
}

/// The filter of a scalar: each operator takes the scalar, a list of it, or text.
fn scalar_filter(name: &str) -> Option<Shape> {
    let operators = filter::operators_of(name)?;
    let scalar = match name {
        "RawJsonFilter" | "ArrayFilter" => "String",
        _ => name.trim_end_matches("Filter"),
    };
    let input = |operator: &&str| {
        let of = match *operator {
            "is" => "FilterIs".to_owned(),
            "in" => format!("[{scalar}!]"),
            _ => scalar.to_owned(),
        };
        InputDef::new(*operator, reference(&of))
    };
    Some(Shape::Input(operators.iter().map(input).collect()))
}

impl Library for Records {
    fn define(&self, name: &str) -> Option<Shape> {
        match name {
            "Query" => Some(Shape::Object(self.query())),
            "Mutation" => Some(Shape::Object(self.mutation())),
            _ => self
                .of_object(name)
                .or_else(|| fixed(name))
                .or_else(|| composite::shape(name))
                .or_else(|| self.of_enum(name)),
        }
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = ["Query", "Mutation"].map(ToOwned::to_owned).to_vec();
        let fixed = SCALARS.iter().chain(&FILTERS).chain(&OTHERS);
        names.extend(fixed.map(|name| (*name).to_owned()));
        for kind in composite::KINDS {
            let name = composite::type_name(kind);
            names.extend(composite::ROLES.map(|role| format!("{name}{role}")));
        }
        for object in self.all() {
            let name = pascal(&object.name_singular);
            names.extend(record_types::ROLES.map(|role| format!("{name}{role}")));
            names.push(name);
            for field in object.fields.iter().filter(|field| record_types::has_enum(field)) {
                let name = record_types::enum_name(object, field);
                names.push(format!("{name}Filter"));
                names.push(name);
            }
        }
        names
    }

    fn has_mutations(&self) -> bool {
        !self.objects.is_empty()
    }
}
