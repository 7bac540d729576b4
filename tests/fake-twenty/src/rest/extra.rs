//! Duplicates and merge: seldom used, imitated as far as they were seen.

use serde_json::{Value, json};
use uuid::Uuid;

use super::answer_key;
use crate::error::ServerError;
use crate::filter::{Filter, Operator};
use crate::server::{Context, Reply};
use crate::world::{Cell, Object, Row, Wire};

/// Records of one merge.
const MERGE: std::ops::RangeInclusive<usize> = 2..=9;

/// What makes two records the same: any of the groups, all its values equal and not empty.
fn criteria(object: &Object) -> &'static [&'static [&'static str]] {
    match object.name_singular.as_str() {
        "person" => &[
            &["name.firstName", "name.lastName"],
            &["linkedinLink.primaryLinkUrl"],
            &["emails.primaryEmail"],
        ],
        "company" => &[&["name"], &["domainName.primaryLinkUrl"]],
        _ => &[],
    }
}

/// `POST /rest/{plural}/duplicates` with `ids` or `data`.
pub(super) fn duplicates(
    context: &mut Context<'_>,
    object: &Object,
    body: &Value,
) -> Result<Reply, ServerError> {
    if criteria(object).is_empty() {
        return Err(ServerError::bad_request(format!(
            "Object {} has no duplicate criteria",
            object.name_singular
        )));
    }
    let questions = match (body["ids"].as_array(), body["data"].as_array()) {
        (Some(_), Some(_)) => {
            return Err(ServerError::bad_request("You cannot provide both data and ids argument"));
        }
        (None, None) => {
            return Err(ServerError::bad_request(
                "You have to provide either \"data\" or \"ids\" argument",
            ));
        }
        (Some(ids), None) => ids.iter().map(|id| of_record(context, object, id)).collect(),
        (None, Some(data)) if data.is_empty() => {
            return Err(ServerError::bad_request(
                "The \"data\" condition can not be empty when \"ids\" input not provided",
            ));
        }
        (None, Some(data)) => data.clone(),
    };
    context.throttle.take(1)?;
    let answers: Vec<Value> =
        questions.iter().map(|question| twins(context, object, question)).collect();
    Ok(Reply::json(200, &json!({"data": answers})))
}

fn of_record(context: &Context<'_>, object: &Object, id: &Value) -> Value {
    let id = id.as_str().and_then(|id| Uuid::try_parse(id).ok());
    let row = id.and_then(|id| context.world.table(object).get(id));
    row.map_or(Value::Null, |row| Value::Object(object.record(row, Wire::Rest)))
}

fn twins(context: &Context<'_>, object: &Object, question: &Value) -> Value {
    let same = |row: &&Row| {
        let record = Value::Object(object.record(row, Wire::Rest));
        let equal = |path: &&str| {
            at(&record, path).as_str().is_some_and(|v| !v.is_empty())
                && at(&record, path) == at(question, path)
        };
        !object.is_deleted(row)
            && record["id"] != question["id"]
            && criteria(object).iter().any(|all| all.iter().all(equal))
    };
    let rows: Vec<&Row> = context.world.table(object).rows().values().filter(same).collect();
    let records: Vec<Value> =
        rows.iter().map(|row| Value::Object(object.record(row, Wire::Rest))).collect();
    let cursor = |row: Option<&&Row>| row.map(|row| crate::world::encode_cursor(object, row, &[]));
    let info = json!({
        "hasNextPage": false, "hasPreviousPage": false,
        "startCursor": cursor(rows.first()), "endCursor": cursor(rows.last()),
    });
    json!({format!("{}Duplicates", object.name_singular): records, "totalCount": rows.len(), "pageInfo": info})
}

fn at<'a>(record: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(record, |value, key| &value[key])
}

/// `PATCH /rest/{plural}/merge`: the losers' relations move to the winner, the losers go to the trash, and the
/// winner takes values that it lacks. What exactly the real server writes was not seen.
pub(super) fn merge(
    context: &mut Context<'_>,
    object: &Object,
    body: &Value,
) -> Result<Reply, ServerError> {
    let ids: Vec<Uuid> = body["ids"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .filter_map(|id| Uuid::try_parse(id).ok())
        .collect();
    if !MERGE.contains(&ids.len()) {
        return Err(ServerError::bad_request("Merge requires between 2 and 9 record IDs"));
    }
    context.throttle.take(1)?;
    let mut rows = Vec::new();
    for id in &ids {
        let filter = Filter::compare("id", Operator::Eq, id.to_string());
        rows.push(context.world.find_one(object, &filter)?.clone());
    }
    let index = usize::try_from(body["conflictPriorityIndex"].as_u64().unwrap_or(0)).unwrap_or(0);
    let winner = rows
        .get(index)
        .ok_or_else(|| ServerError::bad_request("Invalid conflictPriorityIndex"))?
        .clone();
    let merged = filled(object, winner, &rows);
    let record = Value::Object(object.record(&merged, Wire::Rest));
    if body["dryRun"] != true {
        context.world.merge(object, &merged, &ids)?;
    }
    Ok(Reply::json(200, &json!({"data": {answer_key("merge", &object.name_singular): record}})))
}

fn filled(object: &Object, mut winner: Row, rows: &[Row]) -> Row {
    let empty = |cell: &Cell| cell.is_null() || cell.as_text() == Some("");
    for at in (0..object.columns.len()).filter(|at| object.columns[*at].key != "deletedAt") {
        if empty(&winner.cells[at]) {
            let better = rows.iter().map(|row| &row.cells[at]).find(|cell| !empty(cell));
            winner.cells[at] = better.cloned().unwrap_or(Cell::Null);
        }
    }
    winner
}
