//! What may not be changed: refused by name, with a hint, or kept in silence.

use twenty_sync::record::Direction;

use super::ground::{People, people, refusal, run};

async fn refused(people: &People, statement: &str) -> (String, String, String, String) {
    refusal(&run(people.pool(), statement).await.unwrap_err())
}

#[tokio::test]
async fn a_read_only_column_is_refused_by_name_with_a_hint() {
    let people = People::with(1).await;
    let (code, message, column, hint) =
        refused(&people, "update twenty.people set created_by_name = 'me'").await;
    assert_eq!(code, "42501");
    assert_eq!(message, "column created_by_name of twenty.people is read-only");
    assert_eq!(column, "created_by_name");
    assert!(!hint.is_empty());
    assert_eq!(people.log().await, []);
}

#[tokio::test]
async fn the_id_of_a_row_cannot_be_changed() {
    let people = People::with(1).await;
    let (_, message, ..) =
        refused(&people, "update twenty.people set id = gen_random_uuid()").await;
    assert_eq!(message, "column id of twenty.people is read-only");
}

#[tokio::test]
async fn created_at_may_be_given_once() {
    let people = People::new().await;
    people.sql("insert into twenty.people (created_at) values ('2020-01-01')").await;
    let (_, message, ..) = refused(&people, "update twenty.people set created_at = now()").await;
    assert_eq!(message, "column created_at of twenty.people is read-only");
}

#[tokio::test]
async fn an_insert_cannot_fill_read_only_columns() {
    let people = People::new().await;
    let insert = "insert into twenty.people (created_by_source) values ('API')";
    assert_eq!(refused(&people, insert).await.2, "created_by_source");
}

#[tokio::test]
async fn updated_at_is_kept_in_silence() {
    let people = People::with(1).await;
    people.sql("update twenty.people set city = 'Bonn', updated_at = now()").await;
    people.sql("update twenty.people set updated_at = null").await;
    let time = people.text("select (updated_at at time zone 'UTC')::text from twenty.people").await;
    assert_eq!(time.as_deref(), Some("2026-11-24 08:00:00"));
    assert_eq!(people.log().await, [("update".to_owned(), "city".to_owned())]);
}

#[tokio::test]
async fn a_guarded_row_keeps_every_digit_when_updated_at_is_kept() {
    let people = People::with(1).await;
    people
        .sql("update twenty.people set salary = 12345678901234567890.123456789, updated_at = now()")
        .await;
    let salary = people.text("select salary::text from twenty.people").await;
    assert_eq!(salary.as_deref(), Some("12345678901234567890.123456789"));
}

#[tokio::test]
async fn deleted_at_can_only_be_cleared() {
    let people = People::with(1).await;
    let (_, _, column, hint) =
        refused(&people, "update twenty.people set deleted_at = now()").await;
    assert_eq!(column, "deleted_at");
    assert!(hint.contains("DELETE"), "{hint}");
}

#[tokio::test]
async fn what_another_trigger_makes_of_a_row_is_guarded_too() {
    let people = People::with(1).await;
    for statement in [
        "create function public.meddle() returns trigger language plpgsql as \
         $$ begin new.created_by_name := 'me'; return new; end $$",
        "create trigger meddle before update on twenty.people for each row execute function public.meddle()",
    ] {
        people.sql(statement).await;
    }
    let update = "update twenty.people set city = 'Bonn'";
    assert_eq!(refused(&people, update).await.2, "created_by_name");
}

#[tokio::test]
async fn truncate_is_refused_with_a_hint() {
    let people = People::with(1).await;
    let (code, message, _, hint) = refused(&people, "truncate twenty.people").await;
    assert_eq!(code, "0A000");
    assert_eq!(message, "cannot truncate twenty.people: it is mirrored to Twenty");
    assert!(hint.contains("DELETE FROM twenty.people"), "{hint}");
}

#[tokio::test]
async fn a_table_that_is_only_pulled_refuses_every_change() {
    let people = People::with(1).await;
    people.evolve(super::ground::people(), Direction::Pull).await;
    for statement in [
        "insert into twenty.people default values",
        "update twenty.people set city = 'Bonn'",
        "delete from twenty.people",
        "truncate twenty.people",
    ] {
        let (code, message, _, hint) = refused(&people, statement).await;
        assert_eq!(code, "42501");
        assert!(message.contains("only pulled from Twenty"), "{message}");
        assert!(hint.contains("direction = \"both\""), "{hint}");
    }
    people.read(vec![people.row(1, "boss", "Bonn")]).await;
    assert_eq!(people.text("select city from twenty.people").await.as_deref(), Some("Bonn"));
}

#[tokio::test]
async fn a_table_that_is_no_longer_mirrored_refuses_changes() {
    let people = People::with(1).await;
    let steps = people.evolve(super::ground::people(), Direction::Off).await;
    assert_eq!(steps, ["refuse local changes of people", "describe people"]);
    let (_, message, ..) = refused(&people, "delete from twenty.people").await;
    assert!(message.contains("no longer mirrored"), "{message}");
}

#[tokio::test]
async fn a_column_whose_field_is_gone_refuses_changes() {
    let people = People::with(1).await;
    people.evolve(people_without_city(), Direction::Both).await;
    assert_eq!(refused(&people, "update twenty.people set city = 'Bonn'").await.2, "city");
}

fn people_without_city() -> twenty_sync::record::Object {
    let mut object = people();
    object.fields.retain(|field| field.name != "city");
    object
}
