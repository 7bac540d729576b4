//! `why`: one record's time line and what comes next.

use std::time::Duration;

use time::OffsetDateTime;

use super::{
    ground::{People, incoming},
    program::{Ended, held, lost, refuse, run, sent, stuck, typed},
};

async fn why(people: &People, more: &[&str]) -> Ended {
    run(people, &[&["why", "people", &typed(1)], more].concat()).await
}

#[tokio::test]
async fn a_record_on_which_both_sides_agree_has_nothing_to_come() {
    let people = People::with(1).await;
    let ended = why(&people, &[]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.assert_tells(&["last changed", "2026-11-24 08:00:00", "next: nothing, until one side"]);
    ended.assert_tells(&["people were last read to the end"]);
}

#[tokio::test]
async fn the_source_tells_who_made_a_record_and_when() {
    let people = People::new().await;
    let json = r#""createdAt":"2026-11-23T07:00:00.000Z","createdBy":{"name":"Ada","source":"API","workspaceMemberId":null,"context":null}"#;
    people.read(vec![incoming(&people.table, 1, json)]).await;
    why(&people, &[]).await.assert_tells(&["2026-11-23 07:00:00  Twenty  created by Ada"]);
}

#[tokio::test]
async fn a_change_that_waits_is_told_with_who_what_and_the_values() {
    let people = People::with(1).await;
    people.sql("update twenty.people set city = 'Bonn'").await;
    let ended = why(&people, &[]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let role = people.text("select session_user::text").await.unwrap();
    ended.assert_tells(&[&format!("city changed by {role}"), "\"Ulm\"", "\"Bonn\""]);
    ended.assert_tells(&["next: city of it is sent to Twenty"]);
}

#[tokio::test]
async fn an_insert_and_a_delete_are_told_as_what_they_become() {
    let people = People::new().await;
    people.sql(&format!("insert into twenty.people (id) values ('{}')", typed(1))).await;
    why(&people, &[]).await.assert_tells(&["inserted by", "next: the record is created"]);
    let people = People::with(1).await;
    people.sql("delete from twenty.people").await;
    why(&people, &[]).await.assert_tells(&["deleted by", "next: the record is deleted"]);
}

#[tokio::test]
async fn what_was_sent_awaits_its_answer() {
    let people = People::with(1).await;
    people.sql("update twenty.people set city = 'Bonn'").await;
    sent(&people).await;
    let ended = why(&people, &[]).await;
    ended.assert_tells(&["sent; the answer is awaited", "next: Twenty's answer"]);
}

#[tokio::test]
async fn what_twenty_has_taken_is_told_with_its_outcome() {
    let people = People::with(1).await;
    people.sql("update twenty.people set city = 'Bonn'").await;
    let through = people.mirror().claim(1).await.unwrap()[0].through().unwrap();
    sent(&people).await;
    let row = people.row(1, "clerk", "Bonn").row;
    people.acknowledge(&row, through).await;
    let ended = why(&people, &[]).await;
    ended.assert_tells(&["city changed by", "Twenty has the change", "next: nothing"]);
}

#[tokio::test]
async fn a_refusal_is_told_with_reason_holder_and_hint_and_ends_with_3() {
    let people = stuck().await;
    let ended = why(&people, &[]).await;
    assert_eq!(ended.code, Some(3), "{ended:?}");
    ended.assert_tells(&["Twenty refused it: the value is taken", &typed(7)]);
    ended.assert_tells(&["next: choose another", "next: it is tried again when the row"]);
}

#[tokio::test]
async fn a_refusal_that_is_tried_again_by_itself_says_when() {
    let people = People::with(1).await;
    people.sql("update twenty.people set city = 'Bonn'").await;
    refuse(&people, Some(Duration::from_hours(1))).await;
    why(&people, &[]).await.assert_tells(&["next: it is tried again at 20"]);
}

#[tokio::test]
async fn a_held_conflict_is_told_with_the_command_that_decides_it_and_ends_with_3() {
    let people = held().await;
    let ended = why(&people, &[]).await;
    assert_eq!(ended.code, Some(3), "{ended:?}");
    ended.assert_tells(&["Twenty had \"Kiel\" and the mirror \"Bonn\"", "conflicts resolve"]);
}

#[tokio::test]
async fn a_decided_conflict_is_told_with_both_values_and_who_won() {
    let people = lost().await;
    let ended = why(&people, &[]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.assert_tells(&["Twenty had \"Kiel\" and the mirror \"Bonn\"", "Twenty's side was kept"]);
}

#[tokio::test]
async fn events_are_told_in_the_order_of_their_times() {
    let people = lost().await;
    let account = why(&people, &["--json"]).await.json();
    let times: Vec<&str> = account["timeline"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["at"].as_str().unwrap())
        .collect();
    let parse = |text: &&str| {
        OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).unwrap()
    };
    assert!(times.len() > 3 && times.iter().map(parse).is_sorted(), "{times:?}");
}

#[tokio::test]
async fn json_has_the_row_the_base_the_changes_and_what_comes_next() {
    let people = People::with(1).await;
    people.sql("update twenty.people set city = 'Bonn'").await;
    let account = why(&people, &["--json"]).await.json();
    assert_eq!(account["row"]["city"], "Bonn");
    assert_eq!(account["base"]["row"]["city"], "Ulm");
    assert_eq!(account["pending"]["state"], "waiting");
    assert_eq!(account["changes"][0]["outcome"], "waiting");
    assert_eq!(account["differences"][0]["column"], "city");
    assert_eq!(account["next"][0], "city of it is sent to Twenty");
}

#[tokio::test]
async fn what_is_written_otherwise_but_equal_does_not_differ() {
    let people = People::new().await;
    let row = || {
        incoming(
            &people.table,
            1,
            r#""city":"Ulm","createdAt":"2026-11-23T07:00:00.000Z","salary":"1.50""#,
        )
    };
    people.read(vec![row()]).await;
    people.sql("update twenty.people set city = 'Bonn'").await;
    people.sql("update sync.base set base = base || '{\"salary\": 1.5}'").await;
    people.read(vec![row()]).await;
    let differences = &why(&people, &["--json"]).await.json()["differences"];
    assert_eq!(differences.as_array().unwrap().len(), 1, "{differences}");
}

#[tokio::test]
async fn a_record_of_which_nothing_is_known_is_refused() {
    let people = People::new().await;
    why(&people, &[]).await.assert_refused(1, "knows nothing of people", "twenty-sync status");
}
