//! Reading: filter, order, cursor, page.
//!
//! The cursor quirks are the real server's: the continuation compares the *milliseconds*
//! of the cursor with the microseconds of the store, NULL compares with nothing, and `id` is sorted ascending
//! whatever was asked.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use uuid::Uuid;

use super::cell::Cell;
use super::cursor::{self, Continuation};
use super::row::Row;
use super::schema::Object;
use super::{Table, World};
use crate::error::ServerError;
use crate::filter::{Bound, Filter, Operator};

/// A direction with the place of NULL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Ascending, NULL first: the default.
    AscNullsFirst,
    /// Ascending, NULL last.
    AscNullsLast,
    /// Descending, NULL first.
    DescNullsFirst,
    /// Descending, NULL last.
    DescNullsLast,
}

impl Direction {
    /// The direction of this name.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "AscNullsFirst" => Self::AscNullsFirst,
            "AscNullsLast" => Self::AscNullsLast,
            "DescNullsFirst" => Self::DescNullsFirst,
            "DescNullsLast" => Self::DescNullsLast,
            _ => return None,
        })
    }

    /// Whether values fall.
    pub fn is_descending(self) -> bool {
        matches!(self, Self::DescNullsFirst | Self::DescNullsLast)
    }

    fn nulls_first(self) -> bool {
        matches!(self, Self::AscNullsFirst | Self::DescNullsFirst)
    }

    /// The direction of a backward page: values flip, the place of NULL does not.
    fn flipped(self) -> Self {
        match self {
            Self::AscNullsFirst => Self::DescNullsFirst,
            Self::AscNullsLast => Self::DescNullsLast,
            Self::DescNullsFirst => Self::AscNullsFirst,
            Self::DescNullsLast => Self::AscNullsLast,
        }
    }
}

/// One key of the order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderBy {
    /// `field` or `composite.sub`.
    pub path: String,
    /// Which way.
    pub direction: Direction,
}

/// A question to one object.
#[derive(Debug, Clone)]
pub struct Query {
    /// Which rows.
    pub filter: Filter,
    /// In which order; `id` is appended.
    pub order: Vec<OrderBy>,
    /// At most so many.
    pub limit: usize,
    /// A cursor, as the client sent it.
    pub cursor: Option<String>,
    /// Whether the page ends before the cursor (`before`, `ending_before`, `last`) instead of starting after it.
    pub backward: bool,
    /// Rows to leave out first.
    pub offset: usize,
    /// Whether to count all rows that match.
    pub with_total: bool,
}

impl Query {
    /// The first rows that match, in id order.
    pub fn new(filter: Filter, limit: usize) -> Self {
        Self {
            filter,
            order: Vec::new(),
            limit,
            cursor: None,
            backward: false,
            offset: 0,
            with_total: true,
        }
    }
}

/// One page of an answer.
#[derive(Debug)]
pub struct Page<'a> {
    /// The rows.
    pub rows: Vec<&'a Row>,
    /// All rows that match, the cursor left aside; zero when it was not asked for.
    pub total_count: usize,
    /// Whether rows follow.
    pub has_next_page: bool,
    /// Whether rows precede, as far as the server knows.
    pub has_previous_page: bool,
    /// Cursor of the first row.
    pub start_cursor: Option<String>,
    /// Cursor of the last row.
    pub end_cursor: Option<String>,
}

struct Plan {
    keys: Vec<(usize, Direction)>,
    bound: Bound,
    show_deleted: bool,
    deleted_at: usize,
    id: usize,
}

impl World {
    /// Reads one page.
    pub fn find_many<'a>(
        &'a self,
        object: &Object,
        query: &Query,
    ) -> Result<Page<'a>, ServerError> {
        let everything;
        let query = if self.ignores_filters {
            everything = Query { filter: Filter::everything(), ..query.clone() };
            &everything
        } else {
            query
        };
        let mut plan = self.plan(object, query)?;
        let table = self.table(object);
        let continuation = match &query.cursor {
            Some(cursor) => cursor::continuation(self, object, query, cursor)?,
            None => Continuation::default(),
        };
        let total_count = if query.with_total { plan.count(table, &query.filter) } else { 0 };
        plan.show_deleted |= continuation.mentions_deleted_at;
        let wanted = query.offset + query.limit;
        let mut rows =
            plan.read(table, object, &continuation, query.backward, wanted.saturating_add(1));
        let more = rows.len() > wanted;
        rows.truncate(wanted);
        rows.drain(..query.offset.min(rows.len()));
        let cursor_of =
            |row: Option<&&Row>| row.map(|row| cursor::encode(object, row, &query.order));
        let (start_cursor, end_cursor) = (cursor_of(rows.first()), cursor_of(rows.last()));
        if query.backward {
            rows.reverse();
        }
        let (has_next_page, has_previous_page) =
            if query.backward { (false, more) } else { (more, false) };
        Ok(Page { rows, total_count, has_next_page, has_previous_page, start_cursor, end_cursor })
    }

    /// All rows that match, in id order; the deleted ones only when the filter mentions `deletedAt`.
    pub fn select<'a>(
        &'a self,
        object: &Object,
        filter: &Filter,
    ) -> Result<Vec<&'a Row>, ServerError> {
        let plan = self.plan(object, &Query::new(filter.clone(), usize::MAX))?;
        Ok(plan.candidates(self.table(object)).filter(|row| plan.keeps(row)).collect())
    }

    /// One live row, or the error of a missing one.
    pub fn find_one<'a>(
        &'a self,
        object: &Object,
        filter: &Filter,
    ) -> Result<&'a Row, ServerError> {
        self.select(object, filter)?.into_iter().next().ok_or_else(ServerError::record_not_found)
    }

    fn plan(&self, object: &Object, query: &Query) -> Result<Plan, ServerError> {
        Ok(Plan {
            keys: sort_keys(object, &query.order, query.backward)?,
            bound: query.filter.bind(self, object)?,
            show_deleted: query.filter.mentions_deleted_at(),
            deleted_at: object.system_column("deletedAt"),
            id: object.system_column("id"),
        })
    }
}

fn sort_keys(
    object: &Object,
    order: &[OrderBy],
    backward: bool,
) -> Result<Vec<(usize, Direction)>, ServerError> {
    let unknown = |path: &str| {
        ServerError::plain(format!("Field \"{path}\" does not exist or is not sortable"))
    };
    let way = |direction: Direction| if backward { direction.flipped() } else { direction };
    let mut keys = Vec::new();
    for key in order.iter().filter(|key| key.path != "id") {
        let column = object.column_index(&key.path).ok_or_else(|| unknown(&key.path))?;
        keys.push((column, way(key.direction)));
    }
    keys.push((object.system_column("id"), way(Direction::AscNullsFirst)));
    Ok(keys)
}

impl Plan {
    fn keeps(&self, row: &Row) -> bool {
        (self.show_deleted || row.cells[self.deleted_at].is_null()) && self.bound.matches(row)
    }

    /// The rows that can match: few where the filter names ids, else all, in id order.
    fn candidates<'a>(&self, table: &'a Table) -> Box<dyn Iterator<Item = &'a Row> + 'a> {
        match self.bound.ids(self.id) {
            Some(ids) => {
                let ids: BTreeSet<Uuid> = ids.into_iter().collect();
                Box::new(ids.into_iter().filter_map(|id| table.get(id)))
            }
            None => Box::new(self.bound.id_range(self.id).rows(table)),
        }
    }

    fn count(&self, table: &Table, filter: &Filter) -> usize {
        if let Some(known) = by_deletion(table, filter) {
            return known;
        }
        if self.bound.ids(self.id).is_some() {
            return self.candidates(table).filter(|row| self.keeps(row)).count();
        }
        table.cached_count(&format!("{filter:?}"), || {
            table.rows().values().filter(|row| self.keeps(row)).count()
        })
    }

    fn read<'a>(
        &self,
        table: &'a Table,
        object: &Object,
        continuation: &Continuation,
        backward: bool,
        wanted: usize,
    ) -> Vec<&'a Row> {
        let passes = |row: &&Row| self.keeps(row) && continuation.passes(object, row);
        if self.keys.len() == 1 && self.bound.ids(self.id).is_none() {
            let range = continuation.id_range().and(self.bound.id_range(self.id)).rows(table);
            return if backward {
                range.rev().filter(passes).take(wanted).collect()
            } else {
                range.filter(passes).take(wanted).collect()
            };
        }
        let mut rows: Vec<&Row> = self.candidates(table).filter(passes).collect();
        rows.sort_by(|a, b| self.order(object, a, b));
        rows.truncate(wanted);
        rows
    }

    fn order(&self, object: &Object, a: &Row, b: &Row) -> Ordering {
        let by_key = |(column, direction): &(usize, Direction)| {
            sort(&a.cells[*column], &b.cells[*column], object.columns[*column].kind, *direction)
        };
        self.keys.iter().map(by_key).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    }
}

/// The count under a filter that asks for nothing but `deletedAt` being NULL or not, without a look at the rows.
fn by_deletion(table: &Table, filter: &Filter) -> Option<usize> {
    let (live, all) = (table.live(), table.rows().len());
    match filter {
        Filter::And(parts) if parts.is_empty() => Some(live),
        Filter::And(parts) => match parts.as_slice() {
            [only] => by_deletion(table, only),
            _ => None,
        },
        Filter::Or(parts) => {
            let known = parts.iter().all(|part| *part == null(true) || *part == null(false));
            let both = parts.contains(&null(true)) && parts.contains(&null(false));
            (known && both).then_some(all)
        }
        filter if *filter == null(true) => Some(live),
        filter if *filter == null(false) => Some(all - live),
        Filter::Not(_) | Filter::Compare { .. } => None,
    }
}

fn null(is_null: bool) -> Filter {
    Filter::compare("deletedAt", Operator::Is, if is_null { "NULL" } else { "NOT_NULL" })
}

fn sort(a: &Cell, b: &Cell, kind: super::Kind, direction: Direction) -> Ordering {
    match (a.is_null(), b.is_null()) {
        (true, true) => Ordering::Equal,
        (true, false) => {
            if direction.nulls_first() {
                Ordering::Less
            } else {
                Ordering::Greater
            }
        }
        (false, true) => {
            if direction.nulls_first() {
                Ordering::Greater
            } else {
                Ordering::Less
            }
        }
        (false, false) => {
            let order = a.compare(b, kind).unwrap_or(Ordering::Equal);
            if direction.is_descending() { order.reverse() } else { order }
        }
    }
}
