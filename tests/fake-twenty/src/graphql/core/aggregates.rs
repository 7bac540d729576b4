//! Aggregates next to the records of a connection: counts, extremes, sums, shares.

use serde_json::Value;

use super::super::ast::TypeRef;
use super::super::types::FieldDef;
use super::pascal;
use super::record_types::scalar;
use crate::error::ServerError;
use crate::filter::{Filter, Operator};
use crate::world::{Aggregate, Field, Object, Row, Wire, World, parts};

/// What an aggregate measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Measure {
    Plain(Aggregate),
    /// A share of all rows, from 0 to 1.
    Share(Aggregate),
    /// How many rows hold this boolean.
    Holding(bool),
}

struct Named {
    name: String,
    measure: Measure,
    path: String,
    of: &'static str,
}

const EVERYWHERE: [(&str, Measure, &str); 5] = [
    ("countUniqueValues", Measure::Plain(Aggregate::CountUnique), "Int"),
    ("countEmpty", Measure::Plain(Aggregate::CountEmpty), "Int"),
    ("countNotEmpty", Measure::Plain(Aggregate::CountNotEmpty), "Int"),
    ("percentageEmpty", Measure::Share(Aggregate::CountEmpty), "Float"),
    ("percentageNotEmpty", Measure::Share(Aggregate::CountNotEmpty), "Float"),
];

const EXTREMES: [(&str, Measure); 2] =
    [("min", Measure::Plain(Aggregate::Min)), ("max", Measure::Plain(Aggregate::Max))];

const SUMS: [(&str, Measure); 2] =
    [("avg", Measure::Plain(Aggregate::Avg)), ("sum", Measure::Plain(Aggregate::Sum))];

fn of_field(field: &Field) -> Vec<Named> {
    let first = parts(&field.kind).first();
    let path = first.map_or_else(|| field.name.clone(), |(sub, _)| format!("{}.{sub}", field.name));
    let tail = pascal(&field.name);
    let named = |prefix: &str, measure, path: &str, of| Named {
        name: format!("{prefix}{tail}"),
        measure,
        path: path.to_owned(),
        of,
    };
    let mut found: Vec<Named> = EVERYWHERE
        .iter()
        .map(|(prefix, measure, of)| named(prefix, *measure, &path, *of))
        .collect();
    match field.kind.as_str() {
        "DATE_TIME" | "DATE" => {
            let of = scalar(&field.kind);
            found.extend(EXTREMES.map(|(prefix, measure)| named(prefix, measure, &path, of)));
        }
        "NUMBER" | "NUMERIC" => {
            let all = EXTREMES.into_iter().chain(SUMS);
            found.extend(all.map(|(prefix, measure)| named(prefix, measure, &path, "Float")));
        }
        "CURRENCY" => {
            let all = EXTREMES.into_iter().chain(SUMS);
            found.extend(all.map(|(prefix, measure)| Named {
                name: format!("{prefix}{tail}AmountMicros"),
                ..named(prefix, measure, &path, "Float")
            }));
        }
        "BOOLEAN" => {
            found.push(named("countTrue", Measure::Holding(true), &path, "Int"));
            found.push(named("countFalse", Measure::Holding(false), &path, "Int"));
        }
        _ => {}
    }
    found
}

fn all(object: &Object) -> impl Iterator<Item = Named> {
    let shown = object.fields.iter().filter(|field| field.is_visible() && !field.is_relation());
    shown.flat_map(of_field)
}

/// The fields of a connection that are aggregates.
pub(super) fn fields(object: &Object) -> Vec<FieldDef> {
    let total = FieldDef::new("totalCount", TypeRef::named("Int"));
    let others = all(object).map(|one| FieldDef::new(one.name, TypeRef::named(one.of)));
    std::iter::once(total).chain(others).collect()
}

/// The value of an aggregate over rows.
pub(super) fn value(
    world: &World,
    object: &Object,
    rows: &[&Row],
    name: &str,
) -> Result<Value, ServerError> {
    if name == "totalCount" {
        return Ok(Value::from(rows.len()));
    }
    let Some(one) = all(object).find(|one| one.name == name) else { return Ok(Value::Null) };
    Ok(match one.measure {
        Measure::Plain(what) => world.aggregate(object, rows, what, &one.path, Wire::Graphql),
        Measure::Share(_) if rows.is_empty() => Value::Null,
        Measure::Share(what) => {
            let count = world.aggregate(object, rows, what, &one.path, Wire::Graphql);
            #[expect(clippy::cast_precision_loss, reason = "a count of rows is far below 2^53")]
            let share = count.as_f64().unwrap_or(0.0) / rows.len() as f64;
            Value::from(share)
        }
        Measure::Holding(flag) => {
            let bound = Filter::compare(one.path, Operator::Eq, flag).bind(world, object)?;
            Value::from(rows.iter().filter(|row| bound.matches(row)).count())
        }
    })
}
