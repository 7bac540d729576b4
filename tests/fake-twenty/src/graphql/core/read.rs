//! Queries: lists, single records, groups.

use std::rc::Rc;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::filter;
use super::nodes::{Connection, Group, Node};
use crate::error::ServerError;
use crate::filter::Filter;
use crate::graphql::execute::Out;
use crate::world::{Dimension, Granularity, Object, Query, Row, World, parts};

/// Records of a page when the request does not say.
const DEFAULT: usize = 200;

/// Runs a root field of a query.
pub(super) fn run(
    world: &World,
    name: &str,
    arguments: &Map<String, Value>,
) -> Result<Out<Node>, ServerError> {
    if let Some(object) = world.object(name) {
        return connection(world, &object, arguments, None);
    }
    if let Some(object) = name.strip_suffix("GroupBy").and_then(|plural| world.object(plural)) {
        return groups(world, &object, arguments);
    }
    let object = world.object_by_singular(name).expect("a validated field belongs to an object");
    let wanted = filter::read(&object, arguments.get("filter"));
    let row = world.find_one(&object, &wanted)?.clone();
    Ok(Out::One(Node::Record(object, Box::new(row))))
}

/// A page of an object's records, all of which pass `also`.
pub(super) fn connection(
    world: &World,
    object: &Arc<Object>,
    arguments: &Map<String, Value>,
    also: Option<Filter>,
) -> Result<Out<Node>, ServerError> {
    let mut wanted = filter::read(object, arguments.get("filter"));
    if let Some(also) = also {
        wanted = Filter::And(vec![wanted, also]);
    }
    let order = filter::order(object, arguments.get("orderBy"));
    let query =
        paged(Query { order, with_total: false, ..Query::new(wanted, DEFAULT) }, arguments)?;
    let page = world.find_many(object, &query)?;
    let page_info = json!({
        "hasNextPage": page.has_next_page, "hasPreviousPage": page.has_previous_page,
        "startCursor": page.start_cursor, "endCursor": page.end_cursor,
    });
    let rows = page.rows.into_iter().cloned().collect();
    let (filter, order, object) = (query.filter, query.order, Arc::clone(object));
    Ok(Out::One(Node::Connection(Rc::new(Connection { object, filter, order, rows, page_info }))))
}

/// The part of a list that `first`, `last`, `after`, `before` and `offset` ask for.
fn paged(mut query: Query, arguments: &Map<String, Value>) -> Result<Query, ServerError> {
    let count = |name: &str| arguments.get(name).and_then(Value::as_i64);
    let text = |name: &str| arguments.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
    let wrong =
        |message: &str, sub_code| Err(ServerError::bad_request(message).with_sub_code(sub_code));
    let (first, last) = (count("first"), count("last"));
    if first.is_some() && last.is_some() {
        return wrong("Cannot provide both first and last", "INVALID_ARGS_FIRST_LAST");
    }
    if first.is_some_and(|first| first < 0) {
        return wrong("First argument must be non-negative", "INVALID_ARGS_FIRST");
    }
    if last.is_some_and(|last| last < 0) {
        return wrong("Last argument must be non-negative", "INVALID_ARGS_LAST");
    }
    let (after, before) = (text("after"), text("before"));
    if after.is_some() && before.is_some() {
        return wrong("Cannot provide both \"after\" and \"before\"", "INVALID_CURSOR");
    }
    let size = |count: i64| usize::try_from(count).unwrap_or(0);
    query.backward = before.is_some() || last.is_some();
    query.limit = first.or(last).map_or(DEFAULT, size);
    query.offset = count("offset").map_or(0, size);
    query.cursor = after.or(before);
    Ok(query)
}

fn groups(
    world: &World,
    object: &Arc<Object>,
    arguments: &Map<String, Value>,
) -> Result<Out<Node>, ServerError> {
    let wanted = filter::read(object, arguments.get("filter"));
    let dimensions = dimensions(object, arguments.get("groupBy"));
    let found = world.group_by(object, world.select(object, &wanted)?, &dimensions)?;
    let node = |group: crate::world::Group<'_>| {
        let rows: Vec<Row> = group.rows.into_iter().cloned().collect();
        let object = Arc::clone(object);
        Node::Group(Rc::new(Group { object, values: group.values, rows }))
    };
    Ok(Out::Many(found.into_iter().map(node).collect()))
}

fn dimensions(object: &Object, given: Option<&Value>) -> Vec<Dimension> {
    let mut found = Vec::new();
    for entry in given.and_then(Value::as_array).into_iter().flatten() {
        for (key, value) in entry.as_object().into_iter().flatten() {
            let kind = object.fields.iter().find(|field| field.key() == key);
            let subs = kind.map(|field| parts(&field.kind)).unwrap_or_default();
            let granularity = value["granularity"].as_str().and_then(Granularity::named);
            if subs.is_empty() {
                found.push(Dimension { path: key.clone(), granularity });
            }
            for (sub, _) in subs.iter().filter(|(sub, _)| value[*sub] == true) {
                found.push(Dimension { path: format!("{key}.{sub}"), granularity: None });
            }
        }
    }
    found
}
