//! The types of composite fields, and of the parts that fields are made of.

use super::super::ast::TypeRef;
use super::super::types::{FieldDef, InputDef, Shape};
use super::pascal;
use crate::world::{Kind, parts};

/// All composite kinds, as metadata spells them.
pub(super) const KINDS: [&str; 8] =
    ["ACTOR", "ADDRESS", "CURRENCY", "EMAILS", "FULL_NAME", "LINKS", "PHONES", "RICH_TEXT_V2"];

/// What a composite's type is for.
pub(super) const ROLES: [&str; 6] =
    ["", "CreateInput", "UpdateInput", "FilterInput", "OrderByInput", "GroupByInput"];

/// `FULL_NAME` as `FullName`.
pub(super) fn type_name(kind: &str) -> String {
    kind.split('_').map(|word| pascal(&word.to_lowercase())).collect()
}

/// The scalar that a part of a composite is.
fn part(kind: Kind) -> TypeRef {
    TypeRef::named(match kind {
        Kind::Uuid => "UUID",
        Kind::Numeric => "BigFloat",
        Kind::Enum => "ActorSourceEnum",
        Kind::Json => "RawJSONScalar",
        _ => "String",
    })
}

/// The filter that a part of a composite takes.
fn part_filter(kind: Kind) -> TypeRef {
    TypeRef::named(match kind {
        Kind::Uuid => "UUIDFilter",
        Kind::Numeric => "BigFloatFilter",
        Kind::Enum => "ActorSourceEnumFilter",
        Kind::Json => "RawJsonFilter",
        _ => "StringFilter",
    })
}

/// The shape of a composite's type in one of its roles.
pub(super) fn shape(name: &str) -> Option<Shape> {
    let kind = KINDS.iter().find(|kind| name.starts_with(&type_name(kind)))?;
    let role = &name[type_name(kind).len()..];
    let inputs = |of: &dyn Fn(Kind) -> TypeRef| {
        let input = |(name, kind): &(&str, Kind)| InputDef::new(*name, of(*kind));
        Shape::Input(parts(kind).iter().map(input).collect())
    };
    match role {
        "" => {
            let field = |(name, kind): &(&str, Kind)| FieldDef::new(*name, part(*kind));
            Some(Shape::Object(parts(kind).iter().map(field).collect()))
        }
        "CreateInput" | "UpdateInput" => Some(inputs(&part)),
        "FilterInput" => Some(inputs(&part_filter)),
        "OrderByInput" => Some(inputs(&|_| TypeRef::named("OrderByDirection"))),
        "GroupByInput" => Some(inputs(&|_| TypeRef::named("Boolean"))),
        _ => None,
    }
}
