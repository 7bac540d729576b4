//! What a guarded update promises, whatever the type of the field.

use serde_json::{Value, json};
use time::Duration;
use uuid::Uuid;

use super::{
    answer::text,
    changes::{moment, stamp},
    guards::{guarded, millisecond},
    probe::Probe,
    server::{Table, id_of, on_each_server},
    twenty::{fresh_id, on_twenty},
};

/// "Guarded updates"
#[tokio::test]
async fn of_concurrent_writers_with_one_guard_exactly_one_gets_the_record() {
    on_twenty(async |twenty| {
        let probe = Probe::make(twenty, &["NUMBER"]).await;
        let id = probe.create(json!({"fNumber": 0})).await["id"].clone();
        let old = json!({"fNumber": {"eq": 0}});
        let filters: Vec<(Value, Value)> = (1..=8)
            .map(|at| (guarded(&id, &old, &json!({"fNumber": {"eq": at}})), json!({"fNumber": at})))
            .collect();
        let writers = filters.iter().map(|(filter, patch)| probe.update_many(filter, patch));
        let answers = futures_util::future::join_all(writers).await;
        let hits: Vec<Value> = answers.into_iter().map(|answer| answer.subject(200)).collect();
        let winners: Vec<usize> = (1..=8).filter(|at| hits[at - 1] != json!([])).collect();
        assert_eq!(winners.len(), 1, "{hits:?}");
        assert_eq!(probe.read(&id).await["fNumber"], json!(winners[0]));
    })
    .await;
}

/// "Guarded updates", "Batches"
#[tokio::test]
async fn one_patch_for_many_records_changes_those_that_pass_and_names_them() {
    on_each_server(&["TEXT"], async |server| {
        let bodies: Vec<Value> = (0..200)
            .map(|at| json!({"id": fresh_id(), "fText": if at % 2 == 0 { "old" } else { "else" }}))
            .collect();
        server.create(Table::Parent, &bodies).await.unwrap();
        let mut wanted: Vec<Uuid> = bodies.iter().step_by(2).map(id_of).collect();
        wanted.sort();
        let all: Vec<Uuid> = bodies.iter().map(id_of).collect();
        let guard = json!({"or": [{"fText": {"eq": "old"}}, {"fText": {"eq": "new"}}]});
        let filter = json!({"and": [{"id": {"in": all}}, guard]});
        let hits = server.update(Table::Parent, &filter, &json!({"fText": "new"})).await;
        assert_eq!(hits.as_ref(), Ok(&wanted));
        let found = server.look(Table::Parent, &all).await;
        let new = found.iter().filter(|one| one["fText"] == "new").map(id_of);
        assert_eq!(new.collect::<Vec<_>>(), wanted);
    })
    .await;
}

/// "Guarded updates"
#[tokio::test]
async fn a_version_guards_once_and_with_the_new_value_beside_it_a_repeat_is_harmless() {
    on_each_server(&["NUMBER"], async |server| {
        let made = server.made(Table::Parent, json!({"fNumber": 1})).await;
        let from = text(&made["updatedAt"]);
        let next = moment(&made["updatedAt"]) + Duration::milliseconds(1);
        let version = millisecond("updatedAt", &from, &stamp(next));
        let new = json!({"fNumber": {"eq": 2}});
        server.tick();
        for (filter, hit) in [
            (guarded(&made["id"], &version, &new), true),
            (guarded(&made["id"], &version, &new), true),
            (guarded(&made["id"], &version, &version), false),
        ] {
            let hits = server.update(Table::Parent, &filter, &json!({"fNumber": 2})).await;
            assert_eq!(hits.map(|hits| !hits.is_empty()), Ok(hit), "{filter}");
        }
    })
    .await;
}

/// "Guarded updates", "Soft delete, restore, destroy"
#[tokio::test]
async fn an_update_of_live_records_only_says_so_and_leaves_deleted_ones_alone() {
    on_each_server(&[], async |server| {
        let made = server.made_many(Table::Parent, 2).await;
        server.trash(Table::Parent, &json!(made[0])).await;
        let is = |state: &str| json!({"deletedAt": {"is": state}});
        let live = json!({"and": [{"id": {"in": made}}, is("NULL")]});
        let hits = server.update(Table::Parent, &live, &json!({"name": "x"})).await;
        assert_eq!(hits, Ok(vec![made[1]]));
        let both = json!({"and": [{"id": {"in": made}}, {"or": [is("NULL"), is("NOT_NULL")]}]});
        let hits = server.update(Table::Parent, &both, &json!({"deletedAt": null})).await;
        assert_eq!(hits, Ok(made));
        assert_eq!(server.total(Table::Parent, false).await, 2);
    })
    .await;
}

/// "Guarded updates", "Trash and cascades"
#[tokio::test]
async fn a_relation_is_guarded_by_its_key() {
    on_each_server(&[], async |server| {
        let parent = server.made(Table::Parent, json!({})).await;
        let child = server.made(Table::Child, json!({})).await;
        let none = json!({"parentId": {"is": "NULL"}});
        let ours = json!({"parentId": {"eq": parent["id"]}});
        let patch = json!({"parentId": parent["id"]});
        for (filter, wanted) in [
            (guarded(&child["id"], &none, &ours), vec![id_of(&child)]),
            (guarded(&child["id"], &none, &ours), vec![id_of(&child)]),
            (guarded(&child["id"], &none, &none), vec![]),
        ] {
            assert_eq!(server.update(Table::Child, &filter, &patch).await, Ok(wanted), "{filter}");
        }
    })
    .await;
}
