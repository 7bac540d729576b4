//! What a schema tells about itself: `__schema`, `__type` and the types behind them.

use serde_json::{Map, Value, json};

use super::ast::{OperationKind, TypeRef};
use super::execute::{Children, Out};
use super::types::{FieldDef, InputDef, Shape, Types};
use crate::error::ServerError;

/// The types of introspection.
pub(super) const NAMES: [&str; 6] =
    ["__Directive", "__EnumValue", "__Field", "__InputValue", "__Schema", "__Type"];

/// The shape of a type of introspection.
pub(super) fn shape(name: &str) -> Option<Shape> {
    let fields: &[(&str, &str)] = match name {
        "__Schema" => &[
            ("description", "String"),
            ("types", "[__Type!]!"),
            ("queryType", "__Type!"),
            ("mutationType", "__Type"),
            ("subscriptionType", "__Type"),
            ("directives", "[__Directive!]!"),
        ],
        "__Type" => &[
            ("kind", "String!"),
            ("name", "String"),
            ("description", "String"),
            ("specifiedByURL", "String"),
            ("fields", "[__Field!]"),
            ("interfaces", "[__Type!]"),
            ("possibleTypes", "[__Type!]"),
            ("enumValues", "[__EnumValue!]"),
            ("inputFields", "[__InputValue!]"),
            ("ofType", "__Type"),
        ],
        "__Field" => &[
            ("name", "String!"),
            ("description", "String"),
            ("args", "[__InputValue!]!"),
            ("type", "__Type!"),
            ("isDeprecated", "Boolean!"),
            ("deprecationReason", "String"),
        ],
        "__InputValue" => &[
            ("name", "String!"),
            ("description", "String"),
            ("type", "__Type!"),
            ("defaultValue", "String"),
            ("isDeprecated", "Boolean!"),
            ("deprecationReason", "String"),
        ],
        "__EnumValue" => &[
            ("name", "String!"),
            ("description", "String"),
            ("isDeprecated", "Boolean!"),
            ("deprecationReason", "String"),
        ],
        "__Directive" => &[
            ("name", "String!"),
            ("description", "String"),
            ("isRepeatable", "Boolean!"),
            ("locations", "[String!]!"),
            ("args", "[__InputValue!]!"),
        ],
        _ => return None,
    };
    Some(Shape::Object(fields.iter().map(|(name, of)| field(name, of)).collect()))
}

fn field(name: &str, of: &str) -> FieldDef {
    let deprecated = vec![InputDef::new("includeDeprecated", TypeRef::named("Boolean"))];
    let lists = matches!(name, "fields" | "enumValues" | "inputFields" | "args");
    FieldDef::new(name, reference(of)).taking(if lists { deprecated } else { Vec::new() })
}

/// A reference in the language's own spelling. Meant for the tables of this package only.
pub(super) fn reference(text: &str) -> TypeRef {
    if let Some(inner) = text.strip_suffix('!') {
        return reference(inner).required();
    }
    match text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(inner) => reference(inner).list(),
        None => TypeRef::named(text),
    }
}

/// `__schema` and `__type`, which every query root has.
pub(super) fn root_field(name: &str) -> Option<FieldDef> {
    match name {
        "__schema" => Some(FieldDef::new(name, reference("__Schema!"))),
        "__type" => {
            let name_argument = InputDef::new("name", reference("String!"));
            Some(FieldDef::new(name, reference("__Type")).taking(vec![name_argument]))
        }
        _ => None,
    }
}

/// A piece of the schema that a document looks at.
#[derive(Debug, Clone)]
pub(super) enum Piece {
    Schema,
    Type(TypeRef),
    Field(FieldDef),
    Input(InputDef),
    EnumValue(String),
    Directive(&'static str),
}

/// Answers questions about a schema.
pub(super) struct Introspection<'a> {
    pub(super) types: &'a Types<'a>,
}

impl Introspection<'_> {
    /// The piece that a root field starts at.
    pub(super) fn start(&self, name: &str, arguments: &Map<String, Value>) -> Out<Piece> {
        if name == "__schema" {
            return Out::One(Piece::Schema);
        }
        let wanted = arguments.get("name").and_then(Value::as_str).unwrap_or_default();
        if self.types.named(wanted).is_some() {
            Out::One(Piece::Type(TypeRef::named(wanted)))
        } else {
            Out::Leaf(Value::Null)
        }
    }

    fn of_schema(&self, field: &str) -> Out<Piece> {
        let named = |name: &str| Piece::Type(TypeRef::named(name));
        match field {
            "types" => Out::Many(self.types.names().iter().map(|name| named(name)).collect()),
            "queryType" => Out::One(named("Query")),
            "mutationType" if self.types.root(OperationKind::Mutation).is_some() => {
                Out::One(named("Mutation"))
            }
            "directives" => Out::Many(vec![Piece::Directive("include"), Piece::Directive("skip")]),
            _ => Out::Leaf(Value::Null),
        }
    }

    fn of_type(&self, of: &TypeRef, field: &str) -> Out<Piece> {
        match (of, field) {
            (TypeRef::NonNull(inner) | TypeRef::List(inner), "ofType") => {
                Out::One(Piece::Type((**inner).clone()))
            }
            (TypeRef::NonNull(_), "kind") => Out::Leaf(json!("NON_NULL")),
            (TypeRef::List(_), "kind") => Out::Leaf(json!("LIST")),
            (TypeRef::Named(name), _) => self.of_named(name, field),
            _ => Out::Leaf(Value::Null),
        }
    }

    fn of_named(&self, name: &str, field: &str) -> Out<Piece> {
        let Some(found) = self.types.named(name) else { return Out::Leaf(Value::Null) };
        match (&found.shape, field) {
            (_, "name") => Out::Leaf(json!(name)),
            (shape, "kind") => Out::Leaf(json!(kind(shape))),
            (Shape::Object(fields), "fields") => {
                Out::Many(fields.iter().cloned().map(Piece::Field).collect())
            }
            (Shape::Object(_), "interfaces") => Out::Many(Vec::new()),
            (Shape::Input(fields), "inputFields") => {
                Out::Many(fields.iter().cloned().map(Piece::Input).collect())
            }
            (Shape::Enum(values), "enumValues") => {
                Out::Many(values.iter().cloned().map(Piece::EnumValue).collect())
            }
            _ => Out::Leaf(Value::Null),
        }
    }
}

fn kind(shape: &Shape) -> &'static str {
    match shape {
        Shape::Scalar => "SCALAR",
        Shape::Enum(_) => "ENUM",
        Shape::Input(_) => "INPUT_OBJECT",
        Shape::Object(_) => "OBJECT",
    }
}

fn inputs(definitions: &[InputDef]) -> Out<Piece> {
    Out::Many(definitions.iter().cloned().map(Piece::Input).collect())
}

fn of_directive(name: &str, field: &str) -> Out<Piece> {
    match field {
        "name" => Out::Leaf(json!(name)),
        "isRepeatable" => Out::Leaf(json!(false)),
        "locations" => Out::Leaf(json!(["FIELD", "FRAGMENT_SPREAD", "INLINE_FRAGMENT"])),
        "args" => inputs(&[InputDef::new("if", reference("Boolean!"))]),
        _ => Out::Leaf(Value::Null),
    }
}

impl Children for Introspection<'_> {
    type Node = Piece;

    fn child(
        &self,
        parent: &Piece,
        field: &str,
        _arguments: &Map<String, Value>,
    ) -> Result<Out<Piece>, ServerError> {
        Ok(match (parent, field) {
            (Piece::Schema, _) => self.of_schema(field),
            (Piece::Type(of), _) => self.of_type(of, field),
            (Piece::Directive(name), _) => of_directive(name, field),
            (_, "isDeprecated") => Out::Leaf(json!(false)),
            (Piece::Field(one), "name") => Out::Leaf(json!(one.name)),
            (Piece::Field(one), "type") => Out::One(Piece::Type(one.of.clone())),
            (Piece::Field(one), "args") => inputs(&one.arguments),
            (Piece::Input(one), "name") => Out::Leaf(json!(one.name)),
            (Piece::Input(one), "type") => Out::One(Piece::Type(one.of.clone())),
            (Piece::EnumValue(one), "name") => Out::Leaf(json!(one)),
            _ => Out::Leaf(Value::Null),
        })
    }
}
