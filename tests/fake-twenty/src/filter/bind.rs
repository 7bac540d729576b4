//! A filter made ready for one object: paths are columns, values are cells.
//!
//! Binding raises what the real server raises: 400 for a field that does not exist, 500 with the database's text
//! for a value that PostgreSQL cannot cast. Evaluation follows SQL's three values.

use std::cmp::Ordering;
use std::ops::Bound as Edge;

use regex::{Regex, RegexBuilder};
use serde_json::Value;
use uuid::Uuid;

use super::{Filter, Operator, pattern};
use crate::error::ServerError;
use crate::value::cast;
use crate::world::{Cell, IdRange, Kind, Object, Row, World};

/// A filter that can be evaluated.
#[derive(Debug, Clone)]
pub struct Bound(Node);

#[derive(Debug, Clone)]
enum Node {
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    Test { column: usize, kind: Kind, test: Test },
}

#[derive(Debug, Clone)]
enum Test {
    IsNull(bool),
    Order(Operator, Cell),
    AnyOf(Vec<Cell>),
    Like { pattern: String, ignore_case: bool },
    Matches(Regex),
    Overlaps(Vec<Value>),
    ContainsIlike(String),
}

impl Filter {
    /// Resolves paths and values for one object.
    pub fn bind(&self, world: &World, object: &Object) -> Result<Bound, ServerError> {
        node(self, world, object).map(Bound)
    }
}

impl Bound {
    /// Whether SQL's WHERE would keep the row.
    pub fn matches(&self, row: &Row) -> bool {
        self.0.test(row) == Some(true)
    }

    /// The only ids that can match, where the filter names them: they spare a scan of the table.
    pub(crate) fn ids(&self, id_column: usize) -> Option<Vec<Uuid>> {
        self.0.ids(id_column)
    }
}

impl Bound {
    /// The range of ids outside of which nothing can match.
    pub(crate) fn id_range(&self, id_column: usize) -> IdRange {
        self.0.id_range(id_column)
    }
}

fn node(filter: &Filter, world: &World, object: &Object) -> Result<Node, ServerError> {
    let all = |parts: &[Filter]| {
        parts.iter().map(|part| node(part, world, object)).collect::<Result<Vec<_>, _>>()
    };
    Ok(match filter {
        Filter::And(parts) => Node::And(all(parts)?),
        Filter::Or(parts) => Node::Or(all(parts)?),
        Filter::Not(inner) => Node::Not(Box::new(node(inner, world, object)?)),
        Filter::Compare { path, operator, value } => {
            comparison(path, *operator, value, world, object)?
        }
    })
}

fn comparison(
    path: &str,
    operator: Operator,
    value: &Value,
    world: &World,
    object: &Object,
) -> Result<Node, ServerError> {
    let missing =
        || ServerError::plain(format!("Field metadata not found for field: {}", head(path)));
    let column =
        object.column_index(path).filter(|at| object.columns[*at].visible).ok_or_else(missing)?;
    let kind = object.columns[column].kind;
    let cell = |value: &Value| cast::for_filter(world, object, &object.columns[column], value);
    let test = match operator {
        Operator::Is => Test::IsNull(value.as_str() == Some("NULL")),
        Operator::In => Test::AnyOf(items(value).iter().map(cell).collect::<Result<_, _>>()?),
        Operator::Like | Operator::StartsWith | Operator::EndsWith => like(value, false),
        Operator::Ilike => like(value, true),
        Operator::Regex => Test::Matches(expression(value, false)?),
        Operator::Iregex => Test::Matches(expression(value, true)?),
        Operator::ContainsAny => Test::Overlaps(items(value)),
        Operator::ContainsIlike => Test::ContainsIlike(text(value).to_lowercase()),
        Operator::Eq
        | Operator::Neq
        | Operator::Gt
        | Operator::Gte
        | Operator::Lt
        | Operator::Lte => Test::Order(operator, cell(value)?),
    };
    Ok(Node::Test { column, kind, test })
}

fn head(path: &str) -> &str {
    path.split('.').next().unwrap_or(path)
}

fn items(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_else(|| vec![value.clone()])
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

fn like(value: &Value, ignore_case: bool) -> Test {
    let pattern = text(value);
    Test::Like { pattern: if ignore_case { pattern.to_lowercase() } else { pattern }, ignore_case }
}

fn expression(value: &Value, ignore_case: bool) -> Result<Regex, ServerError> {
    let built = RegexBuilder::new(&text(value)).case_insensitive(ignore_case).build();
    built.map_err(|_| ServerError::database("invalid regular expression"))
}

impl Node {
    fn id_range(&self, id_column: usize) -> IdRange {
        match self {
            Self::And(parts) => {
                let ranges = parts.iter().map(|part| part.id_range(id_column));
                ranges.fold(IdRange::ALL, IdRange::and)
            }
            Self::Test { column, test: Test::Order(operator, Cell::Uuid(id)), .. }
                if *column == id_column =>
            {
                range_of(*operator, *id)
            }
            Self::Or(_) | Self::Not(_) | Self::Test { .. } => IdRange::ALL,
        }
    }

    fn test(&self, row: &Row) -> Option<bool> {
        match self {
            Self::And(parts) => fold(parts, row, false),
            Self::Or(parts) => fold(parts, row, true),
            Self::Not(inner) => inner.test(row).map(|known| !known),
            Self::Test { column, kind, test } => test.holds(&row.cells[*column], *kind),
        }
    }

    fn ids(&self, id_column: usize) -> Option<Vec<Uuid>> {
        match self {
            Self::And(parts) => parts.iter().find_map(|part| part.ids(id_column)),
            Self::Test { column, test: Test::Order(Operator::Eq, Cell::Uuid(id)), .. }
                if *column == id_column =>
            {
                Some(vec![*id])
            }
            Self::Test { column, test: Test::AnyOf(cells), .. } if *column == id_column => {
                Some(cells.iter().filter_map(Cell::as_uuid).collect())
            }
            _ => None,
        }
    }
}

/// SQL's AND (`decides` false) and OR (`decides` true): one deciding part settles it, else an unknown one spoils it.
fn fold(parts: &[Node], row: &Row, decides: bool) -> Option<bool> {
    let mut answer = Some(!decides);
    for part in parts {
        match part.test(row) {
            Some(value) if value == decides => return Some(decides),
            Some(_) => {}
            None => answer = None,
        }
    }
    answer
}

impl Test {
    fn holds(&self, cell: &Cell, kind: Kind) -> Option<bool> {
        match self {
            Self::IsNull(wanted) => Some(cell.is_null() == *wanted),
            Self::Order(operator, wanted) => {
                cell.compare(wanted, kind).map(|order| ordered(*operator, order))
            }
            Self::AnyOf(wanted) => {
                let found =
                    wanted.iter().any(|one| cell.compare(one, kind) == Some(Ordering::Equal));
                if cell.is_null() { None } else { Some(found) }
            }
            Self::Like { pattern, ignore_case } => {
                let text = cell.to_sql_text()?;
                Some(pattern::like(&if *ignore_case { text.to_lowercase() } else { text }, pattern))
            }
            Self::Matches(expression) => Some(expression.is_match(&cell.to_sql_text()?)),
            Self::Overlaps(wanted) => Some(list(cell)?.iter().any(|item| wanted.contains(item))),
            Self::ContainsIlike(pattern) => {
                let matches = |item: &Value| {
                    item.as_str().is_some_and(|s| pattern::like(&s.to_lowercase(), pattern))
                };
                Some(list(cell)?.iter().any(matches))
            }
        }
    }
}

fn range_of(operator: Operator, id: Uuid) -> IdRange {
    match operator {
        Operator::Gt => IdRange { low: Edge::Excluded(id), ..IdRange::ALL },
        Operator::Gte => IdRange { low: Edge::Included(id), ..IdRange::ALL },
        Operator::Lt => IdRange { high: Edge::Excluded(id), ..IdRange::ALL },
        Operator::Lte => IdRange { high: Edge::Included(id), ..IdRange::ALL },
        Operator::Eq => IdRange { low: Edge::Included(id), high: Edge::Included(id) },
        _ => IdRange::ALL,
    }
}

fn list(cell: &Cell) -> Option<&Vec<Value>> {
    match cell {
        Cell::Json(value) => value.as_array(),
        _ => None,
    }
}

fn ordered(operator: Operator, order: Ordering) -> bool {
    match operator {
        Operator::Eq => order.is_eq(),
        Operator::Neq => order.is_ne(),
        Operator::Gt => order.is_gt(),
        Operator::Gte => order.is_ge(),
        Operator::Lt => order.is_lt(),
        _ => order.is_le(),
    }
}
