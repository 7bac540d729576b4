//! `conflicts`: listed, shown, decided, undone.

use super::{
    ground::{People, id},
    program::{Ended, city, held, lost, run, typed},
};

async fn number(people: &People) -> String {
    people.text("select conflict_id::text from sync.conflict").await.unwrap()
}

async fn on_it(people: &People, command: &str, more: &[&str]) -> Ended {
    let number = number(people).await;
    run(people, &[&["conflicts", command, &number], more].concat()).await
}

#[tokio::test]
async fn a_held_conflict_is_listed_and_ends_with_3() {
    let people = held().await;
    let ended = run(&people, &["conflicts", "list"]).await;
    assert_eq!(ended.code, Some(3), "{ended:?}");
    ended.assert_tells(&[
        &number(&people).await,
        "people",
        &typed(1),
        "city",
        "waits for a person",
    ]);
}

#[tokio::test]
async fn a_decided_conflict_is_listed_with_all_only_and_ends_with_0() {
    let people = lost().await;
    let ended = run(&people, &["conflicts", "list"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.assert_tells(&["no conflict waits", "--all"]);
    let ended = run(&people, &["conflicts", "list", "--all"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.assert_tells(&["Twenty's side was kept"]);
}

#[tokio::test]
async fn a_list_shows_no_value() {
    let people = held().await;
    for command in [&["conflicts", "list"][..], &["conflicts", "list", "--all", "--json"]] {
        let ended = run(&people, command).await;
        assert!(!["Ulm", "Kiel", "Bonn"].iter().any(|v| ended.stdout.contains(v)), "{ended:?}");
    }
}

#[tokio::test]
async fn the_list_as_json_names_record_field_and_state() {
    let people = held().await;
    let ended = run(&people, &["conflicts", "list", "--json"]).await;
    let conflict = &ended.json()[0];
    assert_eq!(conflict["record_id"], typed(1));
    assert_eq!((&conflict["field"], &conflict["resolution"]), (&"city".into(), &"held".into()));
    assert_eq!(conflict["policy"], "hold");
}

#[tokio::test]
async fn show_has_the_values_of_all_three_and_the_commands_that_decide() {
    let people = held().await;
    let ended = on_it(&people, "show", &[]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.assert_tells(&["\"Ulm\"", "\"Kiel\"", "\"Bonn\"", "--take source", "--take mirror"]);
}

#[tokio::test]
async fn show_of_a_decided_conflict_has_the_command_that_undoes_it() {
    let people = lost().await;
    on_it(&people, "show", &[]).await.assert_tells(&["conflicts undo", "Twenty's side was kept"]);
}

#[tokio::test]
async fn show_as_json_has_the_values_by_column() {
    let people = held().await;
    let conflict = on_it(&people, "show", &["--json"]).await.json();
    for (side, value) in [("base", "Ulm"), ("source", "Kiel"), ("mirror", "Bonn")] {
        assert_eq!(conflict[side]["city"], value, "{conflict}");
    }
}

#[tokio::test]
async fn taking_the_source_gives_the_mirror_twentys_value_and_names_who_decided() {
    let people = held().await;
    let ended = on_it(&people, "resolve", &["--take", "source"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(city(&people).await.as_deref(), Some("Kiel"));
    let by = people.text("select resolved_by from sync.conflict").await;
    assert_eq!(by.as_deref(), Some("eve"));
}

#[tokio::test]
async fn taking_the_mirror_has_its_value_sent() {
    let people = held().await;
    let ended = on_it(&people, "resolve", &["--take", "mirror"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(city(&people).await.as_deref(), Some("Bonn"));
    assert_eq!(people.mirror().claim(1).await.unwrap()[0].record_id, id(1));
}

#[tokio::test]
async fn a_conflict_is_decided_once() {
    let people = held().await;
    on_it(&people, "resolve", &["--take", "source"]).await;
    let again = on_it(&people, "resolve", &["--take", "mirror"]).await;
    again.assert_refused(1, "eve decided", "conflicts show");
    assert_eq!(city(&people).await.as_deref(), Some("Kiel"));
}

#[tokio::test]
async fn undoing_puts_the_losing_value_back_and_has_it_sent() {
    let people = lost().await;
    let ended = on_it(&people, "undo", &["--json"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.json()["resolution"], "undone");
    assert_eq!(city(&people).await.as_deref(), Some("Bonn"));
    assert_eq!(people.mirror().claim(1).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_not_decided_cannot_be_undone() {
    let people = held().await;
    let ended = on_it(&people, "undo", &[]).await;
    ended.assert_refused(1, "waits for a person", "only one that a side has won");
}

#[tokio::test]
async fn a_number_without_a_conflict_is_refused_by_every_command() {
    let people = People::with(1).await;
    for command in [
        &["conflicts", "show", "7"][..],
        &["conflicts", "resolve", "7", "--take", "source"],
        &["conflicts", "undo", "7"],
    ] {
        run(&people, command).await.assert_refused(1, "no conflict 7", "--all");
    }
}
