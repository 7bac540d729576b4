//! Writing: create, update, restore, delete.

use serde_json::Value;
use uuid::Uuid;

use super::params::Params;
use super::read::{print_row, print_rows};
use super::{Request, answer_key, body_fields};
use crate::error::ServerError;
use crate::filter::{Filter, Operator};
use crate::server::{Context, Reply};
use crate::world::{Actor, Object, Row};

fn by_id(id: Uuid) -> Filter {
    Filter::compare("id", Operator::Eq, id.to_string())
}

fn reply_one(
    context: &Context<'_>,
    object: &Object,
    status: u16,
    verb: &str,
    row: &Row,
    depth: u8,
) -> Reply {
    let mut body = format!("{{\"data\":{{\"{}\":", answer_key(verb, &object.name_singular));
    print_row(context.world, object, row, depth, &mut body);
    body.push_str("}}");
    Reply::printed(status, body, 1)
}

fn reply_many(
    context: &Context<'_>,
    object: &Object,
    status: u16,
    verb: &str,
    rows: &[Row],
    depth: u8,
) -> Reply {
    let mut body = format!("{{\"data\":{{\"{}\":", answer_key(verb, &object.name_plural));
    let rows: Vec<&Row> = rows.iter().collect();
    print_rows(context.world, object, &rows, depth, &mut body);
    body.push_str("}}");
    Reply::printed(status, body, rows.len())
}

/// `POST /rest/{plural}`
pub(super) fn create_one(
    context: &mut Context<'_>,
    object: &Object,
    request: &Request<'_>,
    actor: &Actor,
) -> Result<Reply, ServerError> {
    let depth = request.params.depth()?;
    context.throttle.take(1)?;
    let upsert = upserts(context, request);
    let rows =
        context.world.create_many(object, vec![body_fields(&request.body)], upsert, actor)?;
    let row = rows.first().ok_or_else(ServerError::record_not_found)?;
    Ok(reply_one(context, object, 201, "create", row, depth))
}

/// `POST /rest/batch/{plural}`
pub(super) fn create_many(
    context: &mut Context<'_>,
    object: &Object,
    request: &Request<'_>,
    actor: &Actor,
) -> Result<Reply, ServerError> {
    let depth = request.params.depth()?;
    context.throttle.take(1)?;
    let bodies = request.body.as_array().map(Vec::as_slice).unwrap_or_default();
    let bodies = bodies.iter().map(body_fields).collect();
    let rows = context.world.create_many(object, bodies, upserts(context, request), actor)?;
    Ok(reply_many(context, object, 201, "create", &rows, depth))
}

/// `PATCH /rest/{plural}/{id}`
pub(super) fn update_one(
    context: &mut Context<'_>,
    object: &Object,
    id: Uuid,
    request: &Request<'_>,
) -> Result<Reply, ServerError> {
    let depth = request.params.depth()?;
    context.throttle.take(1)?;
    let row = context.world.update_one(object, id, &body_fields(&request.body))?;
    Ok(reply_one(context, object, 200, "update", &row, depth))
}

/// `PATCH /rest/{plural}?filter=…`: without a filter, every record.
pub(super) fn update_many(
    context: &mut Context<'_>,
    object: &Object,
    request: &Request<'_>,
) -> Result<Reply, ServerError> {
    let (depth, filter) = (request.params.depth()?, request.params.filter()?);
    context.throttle.take(1)?;
    let rows = context.world.update_where(object, &filter, &body_fields(&request.body))?;
    Ok(reply_many(context, object, 200, "update", &rows, depth))
}

/// `PATCH /rest/restore/{plural}?filter=…`
pub(super) fn restore_many(
    context: &mut Context<'_>,
    object: &Object,
    request: &Request<'_>,
) -> Result<Reply, ServerError> {
    let (depth, filter) = (request.params.depth()?, request.params.filter()?);
    context.throttle.take(1)?;
    let rows = context.world.restore_where(object, &filter)?;
    Ok(reply_many(context, object, 200, "restore", &rows, depth))
}

/// `DELETE /rest/{plural}/{id}`: for good, unless `soft_delete` is exactly `true`. The answer is the same.
pub(super) fn remove_one(
    context: &mut Context<'_>,
    object: &Object,
    id: Uuid,
    params: &Params,
) -> Result<Reply, ServerError> {
    context.throttle.take(1)?;
    let rows = remove(context, object, &by_id(id), params)?;
    if rows.is_empty() {
        return Err(ServerError::record_not_found());
    }
    let key = answer_key("delete", &object.name_singular);
    Ok(Reply::printed(200, format!("{{\"data\":{{\"{key}\":{{\"id\":\"{id}\"}}}}}}"), 1))
}

/// `DELETE /rest/{plural}?filter=…`: without a filter, every record.
pub(super) fn remove_many(
    context: &mut Context<'_>,
    object: &Object,
    params: &Params,
) -> Result<Reply, ServerError> {
    let filter = params.filter()?;
    context.throttle.take(1)?;
    let rows = remove(context, object, &filter, params)?;
    let ids: Vec<Value> =
        rows.iter().map(|row| serde_json::json!({"id": object.id_of(row)})).collect();
    let key = answer_key("delete", &object.name_plural);
    Ok(Reply::printed(200, format!("{{\"data\":{{\"{key}\":{}}}}}", Value::Array(ids)), rows.len()))
}

/// An older server does not read the parameter.
fn upserts(context: &Context<'_>, request: &Request<'_>) -> bool {
    request.params.is_true("upsert") && !context.world.switches.legacy_rest
}

fn remove(
    context: &mut Context<'_>,
    object: &Object,
    filter: &Filter,
    params: &Params,
) -> Result<Vec<Row>, ServerError> {
    if params.is_true("soft_delete") && !context.world.switches.legacy_rest {
        context.world.soft_delete_where(object, filter)
    } else {
        context.world.destroy_where(object, filter)
    }
}
