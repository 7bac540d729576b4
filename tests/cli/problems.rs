//! `problems`: listed, tried again, given up.

use twenty_sync::mirror::SetAside;
use uuid::Uuid;

use super::{
    ground::{People, WORKSPACE, id, page},
    program::{city, run, sent, stuck, typed},
};

#[tokio::test]
async fn without_problems_the_list_says_so_and_ends_with_0() {
    let people = People::with(1).await;
    let ended = run(&people, &["problems", "list"]).await;
    assert_eq!((ended.code, ended.stdout.trim()), (Some(0), "nothing is stuck"));
}

#[tokio::test]
async fn a_refused_change_is_listed_with_reason_holder_and_hint_and_ends_with_3() {
    let people = stuck().await;
    let ended = run(&people, &["problems", "list"]).await;
    assert_eq!(ended.code, Some(3), "{ended:?}");
    let holder = typed(7);
    ended.assert_tells(&["people", &typed(1), "push", "the value is taken", &holder]);
    ended.assert_tells(&["choose another", "city", "ago"]);
}

#[tokio::test]
async fn a_list_shows_no_value() {
    let people = stuck().await;
    for command in [&["problems", "list"][..], &["problems", "list", "--json"]] {
        let ended = run(&people, command).await;
        assert!(!ended.stdout.contains("Bonn"), "{ended:?}");
    }
}

#[tokio::test]
async fn json_has_everything_that_the_table_has() {
    let people = stuck().await;
    let ended = run(&people, &["problems", "list", "--json"]).await;
    assert_eq!(ended.code, Some(3), "{ended:?}");
    let problem = &ended.json()[0];
    assert_eq!((&problem["object"], &problem["direction"]), (&"people".into(), &"push".into()));
    assert_eq!(problem["record_id"], typed(1));
    assert_eq!(problem["holder_id"], typed(7));
    assert_eq!(problem["attempts"], 1);
    assert_eq!(problem["hint"], "choose another");
    assert!(problem["first_seen_at"].is_string(), "{problem}");
}

#[tokio::test]
async fn a_record_that_could_not_be_read_is_listed_beside_them() {
    let people = stuck().await;
    let mut write = page(Vec::new(), people.ground.version(&people.table).await);
    write.set_aside = vec![SetAside {
        key: typed(2),
        id: Some(id(2)),
        field: Some("city".to_owned()),
        reason: "a text holds NUL".to_owned(),
        json: "{}".into(),
    }];
    people.read_page(&write, &|_| false).await;
    let found = run(&people, &["problems", "list", "--json"]).await.json();
    let directions: Vec<_> =
        found.as_array().unwrap().iter().map(|problem| problem["direction"].as_str()).collect();
    assert_eq!(directions, [Some("push"), Some("pull")]);
}

#[tokio::test]
async fn the_list_of_one_object_has_only_its_problems() {
    let people = stuck().await;
    let pet = format!(
        "insert into sync.object (workspace_id, object_id, name_singular, name_plural, table_name, direction) \
         values ('{WORKSPACE}', gen_random_uuid(), 'pet', 'pets', 'pets', 'both')"
    );
    people.sql(&pet).await;
    let pets = run(&people, &["problems", "list", "--object", "pet"]).await;
    assert_eq!(pets.code, Some(0), "{pets:?}");
    let ended = run(&people, &["problems", "list", "--object", "people"]).await;
    assert_eq!(ended.code, Some(3), "{ended:?}");
}

#[tokio::test]
async fn a_retried_record_is_to_be_sent_again() {
    let one = typed(1);
    for command in [
        &["problems", "retry"][..],
        &["problems", "retry", "people"],
        &["problems", "retry", "people", &one],
    ] {
        let people = stuck().await;
        assert!(people.mirror().claim(1).await.unwrap().is_empty());
        let ended = run(&people, command).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended.assert_tells(&["1 record is tried again"]);
        assert_eq!(people.mirror().claim(1).await.unwrap().len(), 1, "{command:?}");
    }
}

#[tokio::test]
async fn a_retry_wakes_the_running_program() {
    let people = stuck().await;
    let mut listener = people.mirror().listen().await.unwrap().unwrap();
    let (ended, heard) = tokio::join!(
        run(&people, &["problems", "retry", "--json"]),
        tokio::time::timeout(std::time::Duration::from_secs(20), listener.changed()),
    );
    assert_eq!(ended.json()["released"], 1);
    heard.expect("a notification").unwrap();
}

#[tokio::test]
async fn a_retry_of_another_record_leaves_this_one_alone() {
    let people = stuck().await;
    let ended = run(&people, &["problems", "retry", "people", &typed(2)]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.assert_tells(&["no refused change"]);
    assert!(people.mirror().claim(1).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_discarded_change_is_gone_and_so_is_its_problem() {
    let people = stuck().await;
    let ended = run(&people, &["problems", "discard", "people", &typed(1), "--yes"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(city(&people).await.as_deref(), Some("Ulm"));
    assert_eq!(people.count("sync.problem").await, 0);
    let reason = people.text("select reason from sync.outbox").await;
    assert_eq!(reason.as_deref(), Some("discarded: the value is taken"));
}

#[tokio::test]
async fn where_nobody_can_be_asked_discarding_needs_yes_and_says_what_would_be_lost() {
    let people = stuck().await;
    let ended = run(&people, &["problems", "discard", "people", &typed(1)]).await;
    ended.assert_refused(2, "give up the local changes of city, made by", "--yes");
    assert_eq!(city(&people).await.as_deref(), Some("Bonn"));
}

#[tokio::test]
async fn a_discarded_insert_leaves_no_row_and_a_discarded_delete_brings_it_back() {
    let people = People::with(1).await;
    let new = Uuid::from_u128(9).to_string();
    people.sql(&format!("insert into twenty.people (id, city) values ('{new}', 'Bonn')")).await;
    people.sql("delete from twenty.people where city = 'Ulm'").await;
    for (record, words) in [(new, "remove the row"), (typed(1), "bring the row back")] {
        let asked = run(&people, &["problems", "discard", "people", &record]).await;
        asked.assert_refused(2, words, "--yes");
        let ended = run(&people, &["problems", "discard", "people", &record, "--yes"]).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
    assert_eq!(city(&people).await.as_deref(), Some("Ulm"));
    assert_eq!(people.count("twenty.people").await, 1);
}

#[tokio::test]
async fn a_record_without_local_changes_has_nothing_to_discard() {
    let people = People::with(1).await;
    let ended = run(&people, &["problems", "discard", "people", &typed(1), "--yes"]).await;
    ended.assert_refused(1, "no local changes", "twenty-sync why people");
}

#[tokio::test]
async fn a_change_whose_answer_is_awaited_is_listed_as_no_problem() {
    let people = People::with(1).await;
    people.sql("update twenty.people set city = 'Bonn'").await;
    sent(&people).await;
    let ended = run(&people, &["problems", "list"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
}
