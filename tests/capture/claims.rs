//! What the program takes up to be pushed, and what it leaves.

use twenty_sync::record::Value;

use super::ground::{People, id};

#[tokio::test]
async fn a_claim_holds_base_row_and_changes_of_a_record() {
    let people = People::with(2).await;
    people.sql("update twenty.people set city = 'Bonn' where id = '00000000-0000-0000-0000-000000000001'").await;
    people.sql("update twenty.people set city = 'Kiel' where id = '00000000-0000-0000-0000-000000000001'").await;
    let claimed = people.mirror().claim(10).await.unwrap();
    let [record] = claimed.as_slice() else { panic!("{claimed:?}") };
    let pending = record.pending(&people.table.columns).unwrap();
    let city = people.table.columns.iter().position(|column| column.name == "city").unwrap();
    let text = |value: &str| Some(Value::Text(value.to_owned()));
    assert_eq!(pending.base.unwrap().get(city).cloned(), text("Ulm"));
    assert_eq!(pending.mirror.unwrap().get(city).cloned(), text("Kiel"));
    assert_eq!(pending.operations.len(), 2);
    assert_eq!(record.changed_by, people.text("select session_user::text").await);
}

#[tokio::test]
async fn every_digit_survives_the_way_through_the_base() {
    let people = People::with(1).await;
    people.sql("update twenty.people set salary = 0.1000000000000000000001").await;
    let claimed = people.mirror().claim(1).await.unwrap();
    let json = claimed[0].mirror.as_ref().unwrap().get();
    assert!(json.contains("0.1000000000000000000001"), "{json}");
}

#[tokio::test]
async fn a_deleted_record_is_claimed_without_a_row() {
    let people = People::with(1).await;
    people.sql("delete from twenty.people").await;
    let claimed = people.mirror().claim(10).await.unwrap();
    assert!(claimed[0].mirror.is_none() && claimed[0].base.is_some());
}

#[tokio::test]
async fn those_that_wait_longest_come_first() {
    let people = People::with(3).await;
    for number in [2, 3, 1] {
        people
            .sql(&format!("update twenty.people set city = 'Bonn' where id = '{}'", id(number)))
            .await;
    }
    let claimed = people.mirror().claim(2).await.unwrap();
    let ids: Vec<_> = claimed.iter().map(|record| record.record_id).collect();
    assert_eq!(ids, [id(2), id(3)]);
}

#[tokio::test]
async fn what_was_sent_is_written_down_and_read_back() {
    let people = People::with(1).await;
    people.sql("update twenty.people set city = 'Bonn'").await;
    let through = people.mirror().claim(1).await.unwrap()[0].through().unwrap();
    let sending = [people.sending(1, r#"{"city":"Bonn"}"#, through).await];
    let written = people.mirror().mark_sent(&sending).await.unwrap();
    let claimed = people.mirror().claim(1).await.unwrap();
    assert_eq!(claimed[0].sent.as_ref().unwrap().get(), r#"{"city": "Bonn"}"#);
    assert_eq!(claimed[0].sent_through, Some(through));
    assert!(claimed[0].sent_at.is_some());
    assert_eq!(Some(claimed[0].written), written);
}

#[tokio::test]
async fn an_acknowledged_change_leaves_no_base_and_a_settled_log() {
    let people = People::with(1).await;
    people.sql("update twenty.people set city = 'Bonn'").await;
    let through = people.mirror().claim(1).await.unwrap()[0].through().unwrap();
    people.send(1, r#"{"city":"Bonn"}"#, through).await;
    people.acknowledge(&people.row(1, "clerk", "Bonn").row, through).await;
    assert_eq!(people.count("sync.base").await, 0);
    assert_eq!(people.count("sync.outbox where outcome = 'written'").await, 1);
    assert_eq!(people.mirror().outbox_depth().await.unwrap(), 0);
    assert!(people.mirror().claim(1).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_change_made_while_another_was_on_its_way_is_still_to_be_sent() {
    let people = People::with(1).await;
    people.sql("update twenty.people set city = 'Bonn'").await;
    let through = people.mirror().claim(1).await.unwrap()[0].through().unwrap();
    people.send(1, r#"{"city":"Bonn"}"#, through).await;
    people.sql("update twenty.people set city = 'Kiel'").await;
    people.acknowledge(&people.row(1, "clerk", "Bonn").row, through).await;
    let base = people.text("select base->>'city' from sync.base").await;
    assert_eq!(base.as_deref(), Some("Bonn"));
    assert_eq!(people.text("select city from twenty.people").await.as_deref(), Some("Kiel"));
    assert_eq!(people.count("sync.conflict").await, 0);
    assert_eq!(people.mirror().claim(1).await.unwrap()[0].operations.len(), 1);
}

#[tokio::test]
async fn the_servers_form_of_a_value_is_taken_over() {
    let people = People::with(1).await;
    people.sql("update twenty.people set city = 'bonn'").await;
    let through = people.mirror().claim(1).await.unwrap()[0].through().unwrap();
    people.send(1, r#"{"city":"bonn"}"#, through).await;
    people.acknowledge(&people.row(1, "clerk", "Bonn").row, through).await;
    assert_eq!(people.text("select city from twenty.people").await.as_deref(), Some("Bonn"));
}

#[tokio::test]
async fn a_claim_changes_nothing() {
    let people = People::with(2).await;
    people.sql("update twenty.people set city = 'Bonn'").await;
    let first = people.mirror().claim(10).await.unwrap();
    let again = people.mirror().claim(10).await.unwrap();
    assert_eq!(first.len(), again.len());
}
