//! Aggregates and groups over rows.

use std::cmp::Ordering;

use serde_json::Value;

use super::World;
use super::cell::{Cell, Wire};
use super::row::Row;
use super::schema::Object;
use crate::error::ServerError;
use crate::value::{number, stamp};

/// An aggregate over rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregate {
    /// How many rows.
    Count,
    /// The smallest value.
    Min,
    /// The largest value.
    Max,
    /// The sum of the values.
    Sum,
    /// The mean of the values.
    Avg,
    /// How many values are neither NULL nor empty.
    CountNotEmpty,
    /// How many values are NULL or empty.
    CountEmpty,
    /// How many different values.
    CountUnique,
}

impl World {
    /// One aggregate of one column (path as in filters; ignored for `Count`) over rows.
    pub fn aggregate(
        &self,
        object: &Object,
        rows: &[&Row],
        what: Aggregate,
        path: &str,
        wire: Wire,
    ) -> Value {
        if what == Aggregate::Count {
            return Value::from(rows.len());
        }
        let Some(column) = object.column_index(path) else { return Value::Null };
        let kind = object.columns[column].kind;
        let cells: Vec<&Cell> =
            rows.iter().map(|row| &row.cells[column]).filter(|cell| !is_empty(cell)).collect();
        let best = |wanted: Ordering| {
            let better = |a: &&Cell, b: &&Cell| a.compare(b, kind).unwrap_or(Ordering::Equal);
            let found = cells
                .iter()
                .copied()
                .max_by(|a, b| if wanted.is_gt() { better(a, b) } else { better(b, a) });
            found.map_or(Value::Null, |cell| cell.to_json(kind, wire))
        };
        match what {
            Aggregate::Min => best(Ordering::Less),
            Aggregate::Max => best(Ordering::Greater),
            Aggregate::Sum => number::to_json(sum(&cells)),
            Aggregate::Avg if cells.is_empty() => Value::Null,
            #[expect(clippy::cast_precision_loss, reason = "a count of rows is far below 2^53")]
            Aggregate::Avg => number::to_json(sum(&cells) / cells.len() as f64),
            Aggregate::CountNotEmpty | Aggregate::Count => Value::from(cells.len()),
            Aggregate::CountEmpty => Value::from(rows.len() - cells.len()),
            Aggregate::CountUnique => {
                let mut texts: Vec<_> =
                    cells.iter().filter_map(|cell| cell.to_sql_text()).collect();
                texts.sort();
                texts.dedup();
                Value::from(texts.len())
            }
        }
    }
}

fn is_empty(cell: &Cell) -> bool {
    cell.is_null() || cell.as_text() == Some("")
}

fn sum(cells: &[&Cell]) -> f64 {
    let value = |cell: &&Cell| match cell {
        Cell::Number(float) => *float,
        Cell::Text(text) => text.parse().unwrap_or(0.0),
        _ => 0.0,
    };
    cells.iter().map(value).sum()
}

/// One dimension of a grouping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dimension {
    /// `field` or `composite.sub`.
    pub path: String,
    /// Steps of time, for dates.
    pub granularity: Option<Granularity>,
}

/// How coarse a point in time is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Granularity {
    /// A day.
    Day,
    /// A month.
    Month,
    /// A year.
    Year,
}

impl Granularity {
    /// The granularity of this name.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "DAY" => Self::Day,
            "MONTH" => Self::Month,
            "YEAR" => Self::Year,
            _ => return None,
        })
    }

    fn cut(self, micros: i64) -> String {
        let text = stamp::to_wire(micros);
        let (kept, rest) = match self {
            Self::Day => (10, "T00:00:00.000Z"),
            Self::Month => (7, "-01T00:00:00.000Z"),
            Self::Year => (4, "-01-01T00:00:00.000Z"),
        };
        format!("{}{rest}", &text[..kept])
    }
}

/// Rows that share the values of all dimensions.
#[derive(Debug)]
pub struct Group<'a> {
    /// One value for each dimension.
    pub values: Vec<Value>,
    /// The rows, in the order in which they came.
    pub rows: Vec<&'a Row>,
}

impl World {
    /// Groups rows. Groups come in the order of their first row.
    pub fn group_by<'a>(
        &self,
        object: &Object,
        rows: Vec<&'a Row>,
        dimensions: &[Dimension],
    ) -> Result<Vec<Group<'a>>, ServerError> {
        let unknown =
            |path: &str| ServerError::plain(format!("Unidentified field in groupBy: {path}"));
        let column =
            |one: &Dimension| object.column_index(&one.path).ok_or_else(|| unknown(&one.path));
        let columns = dimensions.iter().map(column).collect::<Result<Vec<_>, _>>()?;
        let mut groups: Vec<Group<'a>> = Vec::new();
        for row in rows {
            let value = |(at, one): (&usize, &Dimension)| match (&row.cells[*at], one.granularity) {
                (Cell::Instant(micros), Some(granularity)) => Value::from(granularity.cut(*micros)),
                (cell, _) => cell.to_json(object.columns[*at].kind, Wire::Rest),
            };
            let values: Vec<Value> = columns.iter().zip(dimensions).map(value).collect();
            match groups.iter_mut().find(|group| group.values == values) {
                Some(group) => group.rows.push(row),
                None => groups.push(Group { values, rows: vec![row] }),
            }
        }
        Ok(groups)
    }
}
