//! Reads both sides by means of their own and compares every value.
//!
//! Nothing of the program is used here: Twenty's side is read page by page over REST, PostgreSQL's side as text, and
//! the mapping between them is written down a second time, so that a mistake in the program cannot agree with itself.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use sqlx::{AssertSqlSafe, PgPool, Row};

use super::stage::Stage;

/// What one comparison covered.
#[derive(Debug, Default)]
pub(crate) struct Compared {
    pub(crate) objects: usize,
    pub(crate) records: usize,
    pub(crate) values: usize,
}

/// Compares every mirrored table with its object. Deleted records must not be there.
pub(crate) async fn assert_equal(stage: &Stage) -> Compared {
    let pool = stage.database.pool().await;
    let tables: Vec<(String, String)> = sqlx::query_as(
        "select name_plural, table_name from sync.object where direction <> 'off' order by 1",
    )
    .fetch_all(&pool)
    .await
    .expect("the mirrored objects are listed");
    assert!(!tables.is_empty());
    let mut compared = Compared::default();
    for (object, table) in tables {
        let types = field_types(stage, &object).await;
        let records = records(stage, &object).await;
        let rows = rows(&pool, &table).await;
        assert_eq!(rows.len(), records.len(), "rows of {object}");
        for (id, record) in &records {
            let row = rows.get(id).unwrap_or_else(|| panic!("{object} {id} is not in the mirror"));
            compared.values += compare(&object, id, &flatten(record, &types), row);
        }
        compared.objects += 1;
        compared.records += records.len();
    }
    compared
}

async fn get(stage: &Stage, path: &str) -> Value {
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let request =
        client.get(format!("{}{path}", stage.fake.url())).bearer_auth(stage.fake.api_key());
    let text = request.send().await.expect("an answer").text().await.expect("a body");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text:.200}"))
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

/// The type of each field by its name.
async fn field_types(stage: &Stage, object: &str) -> BTreeMap<String, String> {
    let answer = get(stage, "/rest/metadata/objects").await;
    let objects = answer["data"]["objects"].as_array().expect("a list of objects");
    let found = objects.iter().find(|one| one["namePlural"] == object).expect("the object");
    let pair = |field: &Value| (text(&field["name"]), text(&field["type"]));
    found["fields"].as_array().expect("a list of fields").iter().map(pair).collect()
}

/// The live records of an object by id.
async fn records(stage: &Stage, object: &str) -> BTreeMap<String, Map<String, Value>> {
    let mut found = BTreeMap::new();
    let mut cursor = String::new();
    loop {
        let page = get(stage, &format!("/rest/{object}?limit=200{cursor}")).await;
        for record in page["data"][object].as_array().expect("a list of records") {
            let record = record.as_object().expect("a record").clone();
            found.insert(text(&record["id"]), record);
        }
        if page["pageInfo"]["hasNextPage"] != true {
            return found;
        }
        let end = text(&page["pageInfo"]["endCursor"]);
        let end: String = url::form_urlencoded::byte_serialize(end.as_bytes()).collect();
        cursor = format!("&starting_after={end}");
    }
}

/// Every row by id, each column as its type and its text.
async fn rows(
    pool: &PgPool,
    table: &str,
) -> BTreeMap<String, BTreeMap<String, (String, Option<String>)>> {
    let columns: Vec<(String, String)> = sqlx::query_as(
        "select column_name::text, data_type::text from information_schema.columns \
         where table_schema = 'twenty' and table_name = $1",
    )
    .bind(table)
    .fetch_all(pool)
    .await
    .expect("the columns are listed");
    let list: Vec<String> = columns.iter().map(|(name, kind)| as_text(name, kind)).collect();
    let sql = format!("select {} from twenty.\"{table}\"", list.join(", "));
    let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(pool).await.expect("the rows are read");
    let read = |row: &sqlx::postgres::PgRow| {
        let values = columns.iter().enumerate();
        let values: BTreeMap<_, _> = values
            .map(|(at, (name, kind))| {
                (name.clone(), (kind.clone(), row.get::<Option<String>, _>(at)))
            })
            .collect();
        (values["id"].1.clone().expect("an id"), values)
    };
    rows.iter().map(read).collect()
}

fn as_text(name: &str, kind: &str) -> String {
    match kind {
        "timestamp with time zone" => {
            format!("to_char(\"{name}\" at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')")
        }
        "ARRAY" => format!("to_jsonb(\"{name}\")::text"),
        _ => format!("\"{name}\"::text"),
    }
}

/// What the columns of a record must hold.
fn flatten(
    record: &Map<String, Value>,
    types: &BTreeMap<String, String>,
) -> BTreeMap<String, Value> {
    const COMPOSITES: &[&str] =
        &["FULL_NAME", "EMAILS", "PHONES", "LINKS", "CURRENCY", "ADDRESS", "ACTOR", "RICH_TEXT_V2"];
    let mut columns = BTreeMap::new();
    for (key, value) in record {
        match (types.get(key).map(String::as_str), value) {
            (Some("TS_VECTOR"), _) => {}
            (Some(kind), Value::Object(parts)) if COMPOSITES.contains(&kind) => {
                for (part, value) in parts {
                    let part =
                        if kind == "ADDRESS" { part.trim_start_matches("address") } else { part };
                    let part = snake(part);
                    columns.insert(
                        format!("{}_{}", snake(key), part.trim_start_matches('_')),
                        value.clone(),
                    );
                }
            }
            _ => {
                columns.insert(snake(key), value.clone());
            }
        }
    }
    columns
}

fn snake(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            text.push('_');
        }
        text.extend(letter.to_lowercase());
    }
    text
}

/// Compares one record with its row; how many values there were.
fn compare(
    object: &str,
    id: &str,
    expected: &BTreeMap<String, Value>,
    row: &BTreeMap<String, (String, Option<String>)>,
) -> usize {
    let names = |keys: Vec<&String>| keys.into_iter().cloned().collect::<Vec<_>>();
    assert_eq!(
        names(expected.keys().collect()),
        names(row.keys().collect()),
        "columns of {object} {id}"
    );
    for (column, value) in expected {
        let (kind, text) = &row[column];
        assert!(
            is_same(kind, value, text.as_deref()),
            "{object} {id} {column} ({kind}): Twenty has {value}, the mirror {text:?}"
        );
    }
    expected.len()
}

fn is_same(kind: &str, value: &Value, text: Option<&str>) -> bool {
    let Some(text) = text else { return value.is_null() };
    let plain = || value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match kind {
        "jsonb" | "ARRAY" => {
            !value.is_null()
                && serde_json::from_str::<Value>(text).is_ok_and(|stored| stored == *value)
        }
        "numeric" => canonical(&plain()) == canonical(text),
        "double precision" => plain().parse::<f64>().ok() == text.parse().ok(),
        "text" => without_token(&plain()) == text && !value.is_null(),
        _ => plain() == text,
    }
}

/// A decimal without signs of how it was written.
fn canonical(number: &str) -> String {
    if number.contains('.') {
        number.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        number.to_owned()
    }
}

/// Links to the server's own files carry a token that differs on every read.
fn without_token(text: &str) -> String {
    match text.split_once("?token=") {
        Some((link, _)) if link.contains("/files/") || link.starts_with("files/") => {
            link.to_owned()
        }
        _ => text.to_owned(),
    }
}
