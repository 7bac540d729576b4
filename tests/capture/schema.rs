//! Triggers are part of the schema plan: put on, renewed, and missed when they are gone.

use twenty_sync::{
    mirror::{CaptureGap, GapCause, Ident, LocalEdits, MirrorError, render},
    plan::{pending::Pending, schema::Step},
    record::{Direction, Field, FieldKind},
};
use uuid::Uuid;

use super::ground::{Ground, People, object, page, run};

#[tokio::test]
async fn an_unchanged_model_leaves_the_triggers_alone() {
    let people = People::new().await;
    let steps = people.evolve(super::ground::people(), Direction::Both).await;
    assert!(steps.is_empty(), "{steps:?}");
    assert_eq!(people.mirror().capture_gaps().await.unwrap(), []);
}

#[tokio::test]
async fn triggers_follow_a_renamed_read_only_column() {
    let people = People::with(1).await;
    let mut object = people_with_author();
    let steps = people.evolve(object.clone(), Direction::Both).await;
    assert!(steps.contains(&"capture local changes of people".to_owned()), "{steps:?}");
    object.fields.retain(|field| field.name != "jobTitle");
    people.evolve(object, Direction::Both).await;
    let update = "update twenty.people set author_name = 'me'";
    assert!(run(people.pool(), update).await.is_err());
}

fn people_with_author() -> twenty_sync::record::Object {
    let mut object = super::ground::people();
    let actor = object.fields.iter_mut().find(|field| field.name == "createdBy").unwrap();
    "author".clone_into(&mut actor.name);
    object
}

#[tokio::test]
async fn missing_and_disabled_triggers_are_found_and_put_back() {
    let people = People::new().await;
    people.sql("drop trigger zz_sync_guard on twenty.people").await;
    people.sql("alter table twenty.people disable trigger zz_sync_log").await;
    people.sql("alter table twenty.people enable trigger zz_sync_truncate").await;
    let gap = |trigger, cause| CaptureGap { table: "people".to_owned(), trigger, cause };
    assert_eq!(
        people.mirror().capture_gaps().await.unwrap(),
        [
            gap("zz_sync_guard", GapCause::Missing),
            gap("zz_sync_log", GapCause::Disabled),
            gap("zz_sync_truncate", GapCause::Disabled)
        ]
    );
    let steps = people.evolve(super::ground::people(), Direction::Both).await;
    assert_eq!(steps, ["capture local changes of people"]);
    assert_eq!(people.mirror().capture_gaps().await.unwrap(), []);
}

#[tokio::test]
async fn hostile_names_are_captured_like_any_other() {
    let ground = Ground::new().await;
    let name = r#"a"b'c\d"; drop table sync.outbox; --"#;
    let (table, _) = ground.table(object(1, name, &[(name, FieldKind::Actor)])).await;
    let (schema, name) = (Ident::new("twenty").unwrap(), Ident::new(&table.name).unwrap());
    let column = table.columns.iter().find(|column| column.path.part == Some("name")).unwrap();
    let column = Ident::new(&column.name).unwrap();
    run(&ground.pool, &format!("insert into {schema}.{name} default values")).await.unwrap();
    let update = format!("update {schema}.{name} set {column} = 'me'");
    assert!(run(&ground.pool, &update).await.unwrap_err().to_string().contains("read-only"));
    let logged: i64 = sqlx::query_scalar("select count(*) from sync.outbox")
        .fetch_one(&ground.pool)
        .await
        .unwrap();
    assert_eq!(logged, 1);
}

#[tokio::test]
async fn the_plan_shows_the_triggers() {
    let people = People::new().await;
    people.sql("drop trigger zz_sync_log on twenty.people").await;
    let change = people.mirror().begin_schema_change().await.unwrap();
    let object = super::ground::people();
    let scoped =
        [twenty_sync::plan::schema::Scoped { object: &object, direction: Direction::Both }];
    let plan = twenty_sync::plan::schema::plan(
        "twenty",
        &scoped,
        &change.existing,
        twenty_sync::plan::schema::Mode::Auto,
    );
    let [step @ Step::Capture { .. }] = plan.steps.as_slice() else { panic!("{:?}", plan.steps) };
    let sql = render(&Ident::new("twenty").unwrap(), step).unwrap();
    assert!(sql.contains("create trigger zz_sync_log after insert or update or delete"), "{sql}");
    assert!(sql.contains("enable always trigger zz_sync_log"), "{sql}");
}

#[tokio::test]
async fn a_dropped_table_is_filled_anew_and_deletes_nothing_at_the_source() {
    let people = People::with(2).await;
    people.sql("update twenty.people set city = 'Bonn'").await;
    people.sql("drop table twenty.people").await;
    people.evolve(super::ground::people(), Direction::Both).await;
    assert!(people.mirror().claim(10).await.unwrap().is_empty());
    let given_up = "sync.outbox where outcome = 'refused' and reason like 'the table was dropped%'";
    assert_eq!(people.count(given_up).await, 2);
    let stored = people.mirror().checkpoint(people.table.object_id).await.unwrap();
    assert_eq!(stored.checkpoint.watermark, None);
}

#[tokio::test]
async fn unsent_changes_follow_a_renamed_column() {
    let people = People::with(1).await;
    people.sql("update twenty.people set city = 'Bonn'").await;
    let mut object = super::ground::people();
    let city = object.fields.iter_mut().find(|field| field.name == "city").unwrap();
    "town".clone_into(&mut city.name);
    people.evolve(object, Direction::Both).await;
    let base = people.text("select base->>'town' from sync.base").await;
    assert_eq!(base.as_deref(), Some("Ulm"));
    assert_eq!(people.log().await, [("update".to_owned(), "town".to_owned())]);
}

/// A row was inserted with a value in a column that the daemon did not know yet. It took the row for sent, and the value
/// was lost.
#[tokio::test]
async fn who_knows_the_table_as_it_was_decides_nothing() {
    let people = People::with(1).await;
    let mut object = super::ground::people();
    let motto =
        Field { id: Uuid::from_u128(99), name: "motto".to_owned(), ..object.fields[0].clone() };
    object.fields.push(Field { kind: FieldKind::Text, ..motto });
    people.sql("update twenty.people set city = 'Bonn'").await;
    let before = people.mirror().claim(1).await.unwrap();
    assert_eq!(before[0].generation, people.table.generation);
    people.evolve(object, Direction::Both).await;
    people.sql("update twenty.people set motto = 'Onward'").await;

    let shown = people.row(1, "clerk", "Bonn");
    let decide = &mut |pending: &Pending| Some(people.decide(pending, Some(&shown.row)));
    let settled = people.mirror().settle(&people.writer, &[shown.row.id], decide).await;
    assert!(matches!(settled, Err(MirrorError::Outdated { .. })), "{settled:?}");
    let write = page(vec![shown], people.ground.version(&people.table).await);
    let edits = &mut LocalEdits {
        acknowledged: &|_| false,
        overtaken: None,
        decide: &mut |pending, row| Some(people.decide(pending, row)),
    };
    let applied = people.mirror().apply_page(&people.writer, &write, edits).await;
    assert!(matches!(applied, Err(MirrorError::Outdated { .. })), "{applied:?}");

    let after = people.mirror().claim(1).await.unwrap();
    assert_eq!(after[0].generation, people.table.generation + 1);
    assert_eq!(after[0].operations.len(), 2, "{after:?}");
}

#[tokio::test]
async fn unsent_changes_of_an_object_that_is_only_pulled_now_stand_in_nobodys_way() {
    let people = People::with(1).await;
    people.sql("update twenty.people set city = 'Bonn'").await;
    people.evolve(super::ground::people(), Direction::Pull).await;
    assert!(people.mirror().claim(1).await.unwrap().is_empty());
    people.evolve(super::ground::people(), Direction::Both).await;
    assert_eq!(people.mirror().claim(1).await.unwrap().len(), 1);
}
