//! The two baselines: as little as one can do with the same pages.
//!
//! They print how many calls they made. Written straight down on purpose: this is what a script would do.

use std::fmt::Write;

use reqwest::Client;
use serde::Deserialize;
use serde_json::value::RawValue;
use sqlx::PgConnection;

use super::Outcome;

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    data: Data<'a>,
    #[serde(rename = "pageInfo")]
    page_info: PageInfo,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow)]
    people: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    has_next_page: bool,
    end_cursor: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Person {
    id: String,
    created_at: String,
    updated_at: String,
    name: Name,
    emails: Emails,
    job_title: Option<String>,
    city: Option<String>,
    company_id: Option<String>,
    position: Option<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Name {
    first_name: Option<String>,
    last_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Emails {
    primary_email: Option<String>,
}

/// Downloads and parses every page.
pub(crate) async fn page(url: &str, key: &str) -> Outcome<()> {
    let calls = walk(url, key, async |records| {
        for record in records {
            serde_json::from_str::<Person>(record.get())?;
        }
        Ok(())
    });
    println!("{}", calls.await?);
    Ok(())
}

/// Downloads, parses, copies and upserts every page: eleven columns and the record as it came.
pub(crate) async fn load(url: &str, key: &str, database: &str) -> Outcome<()> {
    // The program's own way to connect, because sqlx's default waits for acknowledgements: see its account.
    let pool = twenty_sync::mirror::Mirror::connect(database, 1).await?;
    let mut connection = pool.acquire().await?;
    sqlx::raw_sql("set default_transaction_read_only = off").execute(&mut *connection).await?;
    sqlx::raw_sql(
        "create schema bare; create table bare.person (id uuid primary key, created_at timestamptz, updated_at timestamptz, first_name text, \
         last_name text, primary_email text, job_title text, city text, company_id uuid, position double precision, \
         record jsonb); create temp table page (like bare.person)",
    )
    .execute(&mut *connection)
    .await?;
    let calls = walk(url, key, async |records| store(&mut connection, records).await);
    println!("{}", calls.await?);
    Ok(())
}

async fn store(connection: &mut PgConnection, records: &[&RawValue]) -> Outcome<()> {
    let mut text = String::new();
    for record in records {
        let person: Person = serde_json::from_str(record.get())?;
        let position = person.position.map(|position| position.to_string());
        let fields = [
            Some(person.id.as_str()),
            Some(&person.created_at),
            Some(&person.updated_at),
            person.name.first_name.as_deref(),
            person.name.last_name.as_deref(),
            person.emails.primary_email.as_deref(),
            person.job_title.as_deref(),
            person.city.as_deref(),
            person.company_id.as_deref(),
            position.as_deref(),
            Some(record.get()),
        ];
        let escaped = fields.map(|field| field.map_or("\\N".to_owned(), escape));
        writeln!(text, "{}", escaped.join("\t"))?;
    }
    let mut copy = connection.copy_in_raw("copy page from stdin").await?;
    copy.send(text.as_bytes()).await?;
    copy.finish().await?;
    sqlx::raw_sql(
        "insert into bare.person as t select * from page on conflict (id) do update set created_at = excluded.created_at, \
         updated_at = excluded.updated_at, first_name = excluded.first_name, last_name = excluded.last_name, \
         primary_email = excluded.primary_email, job_title = excluded.job_title, city = excluded.city, \
         company_id = excluded.company_id, position = excluded.position, record = excluded.record \
         where t.record is distinct from excluded.record; truncate page",
    )
    .execute(connection)
    .await?;
    Ok(())
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n").replace('\r', "\\r")
}

async fn walk(
    url: &str,
    key: &str,
    mut take: impl AsyncFnMut(&[&RawValue]) -> Outcome<()>,
) -> Outcome<u64> {
    let client = Client::builder().no_proxy().build()?;
    let mut cursor: Option<String> = None;
    let mut calls = 0;
    loop {
        let mut request =
            client.get(format!("{url}/rest/people")).bearer_auth(key).query(&[("limit", "200")]);
        if let Some(cursor) = &cursor {
            request = request.query(&[("starting_after", cursor)]);
        }
        let body = request.send().await?.error_for_status()?.bytes().await?;
        calls += 1;
        let answer: Answer = serde_json::from_slice(&body)?;
        take(&answer.data.people).await?;
        if !answer.page_info.has_next_page {
            return Ok(calls);
        }
        cursor = answer.page_info.end_cursor;
    }
}
