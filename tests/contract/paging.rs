//! Pages: their size, their order, their cursors.

use serde_json::{Value, json};

use super::{
    answer::ids,
    probe::Probe,
    server::{Table, id_of, on_each_server},
    twenty::on_twenty,
};

/// The pages of a list, by following cursors, but not more than `most` of them.
pub(super) async fn walk(probe: &Probe<'_>, query: &str, most: usize) -> Vec<Vec<String>> {
    let (mut pages, mut cursor) = (Vec::new(), String::new());
    while pages.len() < most {
        let body = probe.listed(&format!("{query}{cursor}")).await;
        pages.push(ids(&body["data"][&probe.plural]));
        if body["pageInfo"]["hasNextPage"] == false {
            break;
        }
        cursor = format!("&starting_after={}", body["pageInfo"]["endCursor"].as_str().unwrap());
    }
    pages
}

/// "Transport limits", "Paging and cursors", "Batches"
#[tokio::test]
async fn a_page_has_60_records_unless_asked_for_up_to_200() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &[]).await;
        probe.create_many(200).await;
        probe.create_many(5).await;
        for (query, length) in [("", 60), ("limit=200", 200), ("limit=500", 200), ("limit=7", 7)] {
            let body = probe.listed(query).await;
            assert_eq!(body["data"][&probe.plural].as_array().unwrap().len(), length, "{query}");
            assert_eq!(body["totalCount"], 205, "{query}");
        }
        let empty = probe.listed("limit=0").await;
        assert_eq!(
            (&empty["data"][&probe.plural], &empty["totalCount"]),
            (&json!([]), &json!(205))
        );
        assert_eq!(empty["pageInfo"]["hasNextPage"], true);
        for limit in ["-1", "abc"] {
            let answer = twenty.get(&probe.list(&format!("limit={limit}"))).await;
            answer.refused(400, &format!("limit '{limit}' is invalid"));
        }
    })
    .await;
}

/// "REST routes"
#[tokio::test]
async fn an_unknown_parameter_is_ignored_and_an_impossible_depth_refused() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &[]).await;
        probe.create_many(3).await;
        let first = probe.listed("limit=2").await;
        let cursor = first["pageInfo"]["endCursor"].as_str().unwrap();
        assert_eq!(probe.listed(&format!("limit=2&after={cursor}")).await, first);
        assert_eq!(probe.listed("limit=2&depth=0").await, first);
        for depth in ["2", "x"] {
            let answer = twenty.get(&probe.list(&format!("depth={depth}"))).await;
            answer.refused(400, &format!("'depth={depth}' parameter invalid"));
        }
    })
    .await;
}

/// "Paging and cursors"
#[tokio::test]
async fn a_broken_cursor_is_refused_and_one_of_another_order_is_not() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &[]).await;
        probe.create_many(4).await;
        let answer = twenty.get(&probe.list("starting_after=zzz")).await;
        answer.refused(400, "Invalid cursor");
        let by_name = probe.listed("limit=1&order_by=name").await;
        let cursor = by_name["pageInfo"]["endCursor"].as_str().unwrap();
        let page: Value = probe.listed(&format!("limit=1&starting_after={cursor}")).await;
        assert!(page["data"][&probe.plural].is_array());
    })
    .await;
}

/// "Paging and cursors"
#[tokio::test]
async fn without_an_order_a_walk_delivers_each_record_once_in_the_order_of_ids() {
    on_each_server(&[], async |server| {
        let made = server.made_many(Table::Parent, 7).await;
        server.trash(Table::Parent, &json!(made[4])).await;
        let pages = server.walk(Table::Parent, 3).await;
        assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3, 1]);
        assert_eq!(pages.concat(), made);
    })
    .await;
}

/// "Paging and cursors"
#[tokio::test]
async fn a_record_made_during_a_walk_is_delivered_when_its_id_lies_ahead() {
    on_each_server(&[], async |server| {
        let id = |first: &str| format!("{first}0000000-0000-4000-8000-000000000000");
        for first in ["2", "4", "6"] {
            server.made(Table::Parent, json!({"id": id(first)})).await;
        }
        let first = server.page(Table::Parent, None, None, 2).await;
        for late in ["1", "5"] {
            server.made(Table::Parent, json!({"id": id(late)})).await;
        }
        let rest = server.page(Table::Parent, None, first.cursor.as_deref(), 60).await;
        let ids =
            |page: &[Value]| page.iter().map(|one| id_of(one).to_string()).collect::<Vec<_>>();
        assert_eq!(ids(&first.records), [id("2"), id("4")]);
        assert_eq!(ids(&rest.records), [id("5"), id("6")]);
        assert_eq!((first.total, rest.total), (3, 5));
    })
    .await;
}
