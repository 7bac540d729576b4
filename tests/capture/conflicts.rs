//! Both sides changed a field: the loser is kept, and people decide.

use twenty_sync::{
    mirror::{ConflictFilter, Ruling, StoredConflict},
    plan::policy::Side,
};

use super::ground::{People, id};

async fn only(people: &People) -> StoredConflict {
    let mut conflicts = people.mirror().conflicts(ConflictFilter::All).await.unwrap();
    assert_eq!(conflicts.len(), 1, "{conflicts:?}");
    conflicts.remove(0)
}

async fn city(people: &People) -> String {
    people.text("select city from twenty.people").await.unwrap_or_default()
}

/// The source says Kiel, the mirror says Bonn; the source wins.
async fn lost() -> People {
    let people = People::with(1).await;
    people.sql("update twenty.people set city = 'Bonn'").await;
    people.read(vec![people.row(1, "clerk", "Kiel")]).await;
    people
}

/// The same, but the field waits for a person.
async fn held() -> People {
    let people = People::with(1).await.holding("city");
    people.sql("update twenty.people set city = 'Bonn'").await;
    people.read(vec![people.row(1, "clerk", "Kiel")]).await;
    people
}

#[tokio::test]
async fn the_losing_value_is_kept_with_all_three_states() {
    let people = lost().await;
    let conflict = only(&people).await;
    let json =
        |json: &Option<Box<serde_json::value::RawValue>>| json.as_ref().unwrap().get().to_owned();
    assert_eq!(conflict.field.as_deref(), Some("city"));
    assert_eq!(json(&conflict.base), r#"{"city": "Ulm"}"#);
    assert_eq!(json(&conflict.source), r#"{"city": "Kiel"}"#);
    assert_eq!(json(&conflict.mirror), r#"{"city": "Bonn"}"#);
    assert_eq!(
        (conflict.winner.as_deref(), conflict.resolution.as_str()),
        (Some("source"), "source")
    );
    assert_eq!(conflict.changed_by, people.text("select session_user::text").await);
    assert_eq!(city(&people).await, "Kiel");
    assert_eq!(people.count("sync.outbox where outcome = 'conflict'").await, 1);
}

#[tokio::test]
async fn a_held_field_waits_and_is_one_conflict_however_often_it_is_seen() {
    let people = held().await;
    people.read(vec![people.row(1, "boss", "Kiel")]).await;
    people.read(vec![people.row(1, "boss", "Jena")]).await;
    let conflict = only(&people).await;
    assert_eq!(conflict.resolution, "held");
    assert_eq!(conflict.source.as_ref().unwrap().get(), r#"{"city": "Jena"}"#);
    assert_eq!(city(&people).await, "Bonn");
    assert_eq!(people.text("select job_title from twenty.people").await.as_deref(), Some("boss"));
    assert!(people.mirror().claim(10).await.unwrap().is_empty());
}

#[tokio::test]
async fn taking_the_sources_side_gives_the_mirror_its_value_and_settles_the_record() {
    let people = held().await;
    let conflict = only(&people).await.conflict_id;
    let ruling = people.mirror().resolve_conflict(conflict, Side::Source, "eve").await.unwrap();
    assert_eq!(ruling, Ruling::Done);
    assert_eq!(city(&people).await, "Kiel");
    assert_eq!(people.count("sync.base").await, 0);
    assert_eq!(people.mirror().outbox_depth().await.unwrap(), 0);
    let conflict = only(&people).await;
    assert_eq!(conflict.winner.as_deref(), Some("source"));
    assert_eq!(conflict.resolved_by.as_deref(), Some("eve"));
}

#[tokio::test]
async fn taking_the_mirrors_side_has_its_value_pushed_over_the_sources() {
    let people = held().await;
    let conflict = only(&people).await.conflict_id;
    people.mirror().resolve_conflict(conflict, Side::Mirror, "eve").await.unwrap();
    let claimed = people.mirror().claim(10).await.unwrap();
    assert_eq!(claimed[0].changed_by.as_deref(), Some("eve"));
    assert!(claimed[0].waiting.is_empty());
    assert_eq!(people.text("select base->>'city' from sync.base").await.as_deref(), Some("Kiel"));
    assert_eq!(city(&people).await, "Bonn");
}

#[tokio::test]
async fn a_conflict_is_decided_once() {
    let people = held().await;
    let conflict = only(&people).await.conflict_id;
    people.mirror().resolve_conflict(conflict, Side::Source, "eve").await.unwrap();
    let again = people.mirror().resolve_conflict(conflict, Side::Mirror, "eve").await.unwrap();
    assert_eq!(again, Ruling::NotApplicable);
    assert_eq!(city(&people).await, "Kiel");
}

#[tokio::test]
async fn a_held_field_whose_sides_came_to_agree_is_closed() {
    let people = held().await;
    people.read(vec![people.row(1, "clerk", "Bonn")]).await;
    assert_eq!(only(&people).await.resolution, "agreed");
    assert_eq!(people.count("sync.base").await, 0);
}

#[tokio::test]
async fn undoing_puts_the_losing_value_back_as_a_local_change() {
    let people = lost().await;
    let conflict = only(&people).await.conflict_id;
    assert_eq!(people.mirror().undo_conflict(conflict, "eve").await.unwrap(), Ruling::Done);
    assert_eq!(city(&people).await, "Bonn");
    let claimed = people.mirror().claim(10).await.unwrap();
    assert_eq!(claimed[0].operations[0].changed, ["city"]);
    assert_eq!(people.text("select base->>'city' from sync.base").await.as_deref(), Some("Kiel"));
    assert_eq!(only(&people).await.resolution, "undone");
}

#[tokio::test]
async fn a_row_that_the_source_deleted_comes_back_when_that_is_undone() {
    let people = People::with(1).await;
    people.sql("update twenty.people set city = 'Bonn'").await;
    let removal = twenty_sync::mirror::PageWrite {
        removed: vec![id(1)],
        ..super::ground::page(Vec::new(), people.ground.version(&people.table).await)
    };
    people.read_page(&removal, &|_| false).await;
    assert_eq!(people.count("twenty.people").await, 0);
    let conflict = only(&people).await;
    assert_eq!(conflict.kind, "deleted_at_source");
    people.mirror().undo_conflict(conflict.conflict_id, "eve").await.unwrap();
    assert_eq!(city(&people).await, "Bonn");
    assert_eq!(people.count("sync.base where base->>'deleted_at' is not null").await, 1);
}

#[tokio::test]
async fn discarding_a_held_field_gives_the_mirror_the_sources_value() {
    let people = held().await;
    assert!(people.mirror().discard(people.table.object_id, id(1)).await.unwrap());
    assert_eq!(city(&people).await, "Kiel");
    assert_eq!(only(&people).await.winner.as_deref(), Some("source"));
    assert_eq!(people.count("sync.base").await, 0);
}
