//! What the demo prints when it is ready: lines to copy, with real ids in them.

use sqlx::{Connection, PgConnection};

use crate::Outcome;
use crate::twenty::Twenty;

/// One person of the mirror, to edit and to look at again.
struct Person {
    id: String,
    name: String,
}

/// The text, which begins with the word "ready".
pub(crate) async fn text(twenty: &Twenty, database_url: &str) -> Outcome<String> {
    let Person { id, name } = any_person(database_url).await?;
    let (url, key) = (twenty.url(), twenty.key());
    Ok(format!(
        "ready

  Look at the mirror:
    psql '{database_url}' -c 'select name_first_name, name_last_name, city from twenty.people limit 5'

  Move {name} in the CRM:
    curl -X PATCH '{url}/rest/people/{id}' -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' -d '{{\"city\": \"Reykjavik\"}}'

  See it in the mirror a few seconds later:
    psql '{database_url}' -c \"select name_first_name, name_last_name, city from twenty.people where id = '{id}'\"

  Ctrl-C ends everything and leaves nothing behind.
"
    ))
}

async fn any_person(database_url: &str) -> Outcome<Person> {
    let mut connection = PgConnection::connect(database_url).await?;
    let query = "select id::text, concat_ws(' ', name_first_name, name_last_name) from twenty.people \
                 where name_first_name <> '' order by id limit 1";
    let (id, name) = sqlx::query_as(query).fetch_one(&mut connection).await?;
    connection.close().await?;
    Ok(Person { id, name })
}
