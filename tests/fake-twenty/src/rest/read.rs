//! Reading: lists and single records.

use std::fmt::Write as _;

use serde_json::Value;
use uuid::Uuid;

use super::legacy;
use super::params::Params;
use crate::error::ServerError;
use crate::filter::{Filter, Operator};
use crate::server::{Context, Reply};
use crate::world::{Object, Page, Query, Row, World};

/// `GET /rest/{plural}`
pub(super) fn list(
    context: &mut Context<'_>,
    object: &Object,
    params: &Params,
) -> Result<Reply, ServerError> {
    let depth = params.depth()?;
    let mut query = params.query(object)?;
    let is_legacy = context.world.switches.legacy_rest;
    if is_legacy {
        query.filter = legacy::live(query.filter);
    } else {
        context.throttle.take(1)?;
    }
    let (shown, capped) = super::projection::shown(context.world, object, params)?;
    let object = &shown;
    let page = context.world.find_many(object, &query)?;
    let total = if is_legacy {
        let rest = Query { limit: usize::MAX, ..query.clone() };
        context.world.find_many(object, &rest)?.rows.len()
    } else {
        page.total_count
    };
    let mut body = String::with_capacity(1024 + page.rows.len() * 1024);
    let _ = write!(body, "{{\"data\":{{\"{}\":", object.name_plural);
    print_rows(context.world, object, &page.rows, depth, &mut body);
    let _ = write!(body, "}},\"totalCount\":{},\"pageInfo\":{}}}", total, page_info(&page));
    Ok(Reply { capped, ..Reply::printed(200, body, page.rows.len()) })
}

fn page_info(page: &Page<'_>) -> String {
    let cursor = |cursor: &Option<String>| Value::from(cursor.clone());
    format!(
        "{{\"startCursor\":{},\"endCursor\":{},\"hasNextPage\":{},\"hasPreviousPage\":{}}}",
        cursor(&page.start_cursor),
        cursor(&page.end_cursor),
        page.has_next_page,
        page.has_previous_page
    )
}

/// `GET /rest/{plural}/{id}`: a soft-deleted record is as missing as one that never was.
pub(super) fn one(
    context: &mut Context<'_>,
    object: &Object,
    id: Uuid,
    params: &Params,
) -> Result<Reply, ServerError> {
    let depth = params.depth()?;
    let is_legacy = context.world.switches.legacy_rest;
    if !is_legacy {
        context.throttle.take(1)?;
    }
    let filter = Filter::compare("id", Operator::Eq, id.to_string());
    let miss = |error| if is_legacy { legacy::missing(error) } else { error };
    let row = context.world.find_one(object, &filter).map_err(miss)?;
    let mut body = format!("{{\"data\":{{\"{}\":", object.name_singular);
    print_row(context.world, object, row, depth, &mut body);
    body.push_str("}}");
    Ok(Reply::printed(200, body, 1))
}

/// Prints records as an array.
pub(super) fn print_rows(
    world: &World,
    object: &Object,
    rows: &[&Row],
    depth: u8,
    out: &mut String,
) {
    let blanked = if depth == 0 {
        Vec::new()
    } else {
        world.blanked(object, &rows.iter().copied(), crate::world::Field::is_visible)
    };
    out.push('[');
    for (at, row) in rows.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        print_shown(world, object, row, &blanked, depth, out);
    }
    out.push(']');
}

/// Prints one record: at depth 1 with its relations, to-one as an object, to-many as an array.
pub(super) fn print_row(world: &World, object: &Object, row: &Row, depth: u8, out: &mut String) {
    let blanked = if depth == 0 {
        Vec::new()
    } else {
        world.blanked(object, &std::iter::once(row), crate::world::Field::is_visible)
    };
    print_shown(world, object, row, &blanked, depth, out);
}

fn print_shown(
    world: &World,
    object: &Object,
    row: &Row,
    blanked: &[usize],
    depth: u8,
    out: &mut String,
) {
    if blanked.is_empty() {
        object.print_open(row, out);
    } else {
        object.print_open(&row.without(blanked), out);
    }
    if depth > 0 {
        print_relations(world, object, row, out);
    }
    out.push('}');
}

fn print_relations(world: &World, object: &Object, row: &Row, out: &mut String) {
    for field in object.fields.iter().filter(|field| field.is_relation() && field.is_visible()) {
        let Some(link) = field.link() else { continue };
        let Some(target) = world.object_by_id(link.target_object).filter(|target| target.is_active)
        else {
            continue;
        };
        let _ = write!(out, ",\"{}\":", field.name);
        if field.is_many_to_one() {
            match world.target_of(object, row, field) {
                Some(row) => target.print(row, out),
                None => out.push_str("null"),
            }
            continue;
        }
        let key =
            target.field_by_id(link.target_field).and_then(|far| target.column_index(far.key()));
        let id = object.id_of(row);
        let mine = |row: &&Row| {
            key.is_some_and(|at| row.cells[at].as_uuid() == Some(id)) && !target.is_deleted(row)
        };
        let rows: Vec<&Row> = world
            .table(&target)
            .rows()
            .values()
            .filter(mine)
            .take(crate::world::MAX_RECORDS)
            .collect();
        print_rows(world, &target, &rows, 0, out);
    }
}
